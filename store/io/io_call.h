/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One request as one system call, for the engines that make them. */
#ifndef STORE_IO_CALL_H
#define STORE_IO_CALL_H

#include <errno.h>
#include <limits.h>
#include <sys/uio.h>
#include <unistd.h>

#include "store/io/io.h"

/* Bytes moved, or -errno. */
static inline ssize_t io_call(const struct io_request *request)
{
	int fd = request->device->fd;
	int count = request->iov_count > IOV_MAX ? IOV_MAX : (int)request->iov_count;
	ssize_t result;

	if (request->operation == IO_READ)
		result = preadv(fd, request->iov, count, (off_t)request->offset);
	else if (request->operation == IO_WRITE)
		result = pwritev(fd, request->iov, count, (off_t)request->offset);
	else
		result = fdatasync(fd);
	return result < 0 ? -errno : result;
}

#endif
