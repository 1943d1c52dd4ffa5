// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/io/io_engine.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

ssize_t io_engine_call(const struct io_request *request)
{
	int fd = request->place.file->fd;
	int count = request->iov_count > IOV_MAX ? IOV_MAX : (int)request->iov_count;
	ssize_t result;

	if (request->operation == IO_READ)
		result = preadv(fd, request->iov, count, (off_t)request->place.offset);
	else if (request->operation == IO_WRITE)
		result = pwritev(fd, request->iov, count, (off_t)request->place.offset);
	else
		result = fdatasync(fd);
	return result < 0 ? -errno : result;
}

/* ---- the engine without a trick: one request at a time, carried out when it is reaped ---- */

static void sync_submit(struct io *io, struct io_request *request)
{
	io->state = request;
}

static void sync_reap(struct io *io)
{
	struct io_request *request = io->state;

	io_complete(io, request, io_engine_call(request));
}

static void sync_close(struct io *io)
{
	io->state = NULL;
}

static const struct io_engine sync_engine = {
	.name = "sync",
	.submit = sync_submit,
	.reap = sync_reap,
	.close = sync_close,
};

void io_engine_open_sync(struct io *io)
{
	*io = (struct io){.engine = &sync_engine, .depth = 1};
}

/* ---- the choice ---- */

enum io_engine_choice io_engine_for(enum io_engine_choice choice, const struct device *device,
				    const struct device *other)
{
	bool in_memory = device_is_in_memory(device) &&
			 (!other || !other->open || device_is_in_memory(other));

	return choice == IO_ENGINE_AUTO && in_memory ? IO_ENGINE_SYNC : choice;
}

enum result io_engine_open(struct io *io, enum io_engine_choice choice, struct failure *why)
{
	int error;

	if (choice == IO_ENGINE_URING) {
		error = io_uring_engine_open(io);
		return error == 0
			       ? RESULT_OK
			       : fail_errno(why, RESULT_USAGE, error, "cannot use io_uring here");
	}
	if (choice == IO_ENGINE_THREADS) {
		error = io_threads_open(io);
		if (error == 0)
			return RESULT_OK;
		return fail_errno(why, error == ENOMEM ? RESULT_NO_MEMORY : RESULT_USAGE, error,
				  "cannot start threads");
	}
	if (choice == IO_ENGINE_AUTO && (io_uring_engine_open(io) == 0 || io_threads_open(io) == 0))
		return RESULT_OK;
	io_engine_open_sync(io);
	return RESULT_OK;
}
