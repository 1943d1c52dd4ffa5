// SPDX-License-Identifier: GPL-2.0-or-later
/* The engine without a trick: one request at a time, carried out when it is reaped. */
#include "store/io/io.h"
#include "store/io/io_call.h"

static void sync_submit(struct io *io, struct io_request *request)
{
	io->state = request;
}

static void sync_reap(struct io *io)
{
	struct io_request *request = io->state;

	io_complete(io, request, io_call(request));
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

void io_sync_open(struct io *io)
{
	*io = (struct io){.engine = &sync_engine, .depth = 1};
}
