// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/base/whole.h"

#include <errno.h>
#include <unistd.h>

ssize_t whole_read_at(int fd, void *buffer, size_t count, uint64_t offset)
{
	size_t done = 0;

	while (done < count) {
		ssize_t part =
			pread(fd, (uint8_t *)buffer + done, count - done, (off_t)(offset + done));

		if (part < 0 && errno != EINTR)
			return -errno;
		if (part == 0)
			break;
		done += part > 0 ? (size_t)part : 0;
	}
	return (ssize_t)done;
}

int whole_write_at(int fd, const void *buffer, size_t count, uint64_t offset)
{
	size_t done = 0;

	while (done < count) {
		ssize_t part = pwrite(fd, (const uint8_t *)buffer + done, count - done,
				      (off_t)(offset + done));

		if (part < 0 && errno != EINTR)
			return errno;
		if (part == 0)
			return ENOSPC;
		done += part > 0 ? (size_t)part : 0;
	}
	return 0;
}
