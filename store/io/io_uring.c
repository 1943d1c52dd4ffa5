// SPDX-License-Identifier: GPL-2.0-or-later
/* io_uring: submissions are gathered, and handed to the kernel when there are some or somebody
 * waits. */
#include "store/io/io_engine.h"

#include <errno.h>
#include <stdlib.h>

#ifndef HAVE_LIBURING

int io_uring_engine_open(struct io *io)
{
	(void)io;
	return ENOSYS;
}

#else

#include <assert.h>
#include <liburing.h>
#include <limits.h>
#include <string.h>

#include "store/base/bytes.h"

/* So many at a time: neighbours can be joined, and the disk has something to do while the caller
 * looks at what came before. */
#define GATHERED 16u

struct uring {
	struct io_uring ring;
};

static void uring_submit(struct io *io, struct io_request *request)
{
	struct uring *uring = io->state;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);
	unsigned int count = request->iov_count > IOV_MAX ? IOV_MAX : request->iov_count;
	int fd = request->place.file->fd;

	assert(sqe); /* the ring has as many places as the queue gives requests */
	if (request->operation == IO_FLUSH)
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
	else if (request->operation == IO_READ)
		io_uring_prep_readv(sqe, fd, request->iov, count, request->place.offset);
	else
		io_uring_prep_writev(sqe, fd, request->iov, count, request->place.offset);
	io_uring_sqe_set_data(sqe, request);
	/* What the kernel does not take now, it is given again by uring_reap. */
	if (io_uring_sq_ready(&uring->ring) >= GATHERED)
		io_uring_submit(&uring->ring);
}

static void uring_reap(struct io *io)
{
	struct uring *uring = io->state;
	struct io_uring_cqe *cqe;
	int error;

	/* A signal, or no memory for a moment, leaves everything as it was: come again. Anything
	 * else cannot happen to a ring that worked when it was opened, and nobody could be told. */
	error = -io_uring_submit_and_wait(&uring->ring, 1);
	if (error == EINTR || error == EAGAIN || error == EBUSY || error == ENOMEM)
		return;
	if (error > 0)
		abort();
	while (io_uring_peek_cqe(&uring->ring, &cqe) == 0) {
		struct io_request *request = io_uring_cqe_get_data(cqe);
		ssize_t result = cqe->res;

		io_uring_cqe_seen(&uring->ring, cqe);
		io_complete(io, request, result);
	}
}

static void uring_close(struct io *io)
{
	struct uring *uring = io->state;

	io_uring_queue_exit(&uring->ring);
	free(uring);
}

static const struct io_engine uring_engine = {
	.name = "uring",
	.submit = uring_submit,
	.reap = uring_reap,
	.close = uring_close,
};

/* A sandbox may let a ring be made and then refuse to use it. */
static int try_ring(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	int error;

	io_uring_prep_nop(io_uring_get_sqe(ring));
	error = -io_uring_submit_and_wait(ring, 1);
	if (error > 0)
		return error;
	error = -io_uring_wait_cqe(ring, &cqe);
	if (error == 0)
		io_uring_cqe_seen(ring, cqe);
	return error;
}

int io_uring_engine_open(struct io *io)
{
	struct uring *uring = calloc(1, sizeof(*uring));
	int error;

	if (!uring)
		return ENOMEM;
	error = -io_uring_queue_init(IO_DEPTH, &uring->ring, 0);
	if (error == 0) {
		error = try_ring(&uring->ring);
		if (error)
			io_uring_queue_exit(&uring->ring);
	}
	if (error) {
		free(uring);
		return error;
	}
	*io = (struct io){.engine = &uring_engine, .depth = IO_DEPTH, .state = uring};
	return 0;
}

#endif
