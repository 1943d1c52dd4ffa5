// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/io/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/breaks.h"

enum result batch_init(struct batch *batch, struct io *io, unsigned int width, struct failure *why)
{
	const unsigned int count = BATCH_WIDTH(width);

	memset(batch, 0, sizeof(*batch));
	batch->io = io;
	batch->exhausted = true;
	batch->pool = calloc(count, sizeof(*batch->pool));
	if (!batch->pool)
		return fail_memory(why, "I/O requests", count * sizeof(*batch->pool));
	for (unsigned int i = 0; i < count; i++) {
		batch->pool[i].next = batch->free;
		batch->free = &batch->pool[i];
	}
	return RESULT_OK;
}

static void request_done(struct io_request *request);

static void send(struct batch *batch)
{
	while (batch->free && !batch->exhausted && batch->error == 0) {
		struct io_request *request = batch->free;
		struct io_request *rest = request->next;

		if (!batch->next(batch, request)) {
			batch->exhausted = true;
			return;
		}
		batch->free = rest;
		request->done = request_done;
		request->owner = batch;
		batch->in_flight++;
		io_submit(batch->io, request);
	}
}

static void request_done(struct io_request *request)
{
	struct batch *batch = request->owner;

	if (request->error && batch->error == 0) {
		batch->error = request->error;
		batch->failed_operation = request->operation;
		batch->failed_device = request->device;
		batch->failed_offset = request->offset;
		batch->failed_bytes = request->left;
	}
	if (!request->error)
		batch->done_bytes += request->bytes;
	batch->in_flight--;
	request->next = batch->free;
	batch->free = request;
	send(batch);
}

void batch_start(struct batch *batch, bool (*next)(struct batch *, struct io_request *),
		 void *owner)
{
	assert(batch_finished(batch));
	batch->next = next;
	batch->owner = owner;
	batch->exhausted = false;
	batch->error = 0;
	batch->done_bytes = 0;
	send(batch);
}

bool batch_finished(const struct batch *batch)
{
	return batch->in_flight == 0 && (batch->exhausted || batch->error != 0);
}

enum result batch_result(const struct batch *batch, struct failure *why)
{
	if (batch->error == 0)
		return RESULT_OK;
	return io_fail(batch->failed_operation, batch->failed_device, batch->failed_offset,
		       batch->failed_bytes, batch->error, why);
}

void batch_drain(struct batch *batch)
{
	batch->exhausted = true;
	while (batch->in_flight > 0)
		io_wait(batch->io);
}

void batch_free(struct batch *batch)
{
	assert(batch->in_flight == 0);
	free(batch->pool);
	memset(batch, 0, sizeof(*batch));
}
