/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many transfers of one kind, some of them in flight, one answer. A completion sends the next one
 * on its way; after an error nothing more is sent.
 *
 * Order of calls: batch_init; any number of times batch_start, io_wait until batch_finished;
 * batch_free.
 */
#ifndef STORE_IO_BATCH_H
#define STORE_IO_BATCH_H

#include "store/io/io.h"

struct batch {
	struct io *io;
	struct io_request *pool, *free; /* owned */
	unsigned int in_flight;
	/* Prepares the next transfer with io_prepare; false: there is no more. */
	bool (*next)(struct batch *batch, struct io_request *request);
	void *owner;
	bool exhausted;
	uint64_t done_bytes; /* since batch_start, of the transfers that are done */
	/* the first error; 0: none */
	int error;
	enum io_operation failed_operation;
	struct device *failed_device;
	uint64_t failed_offset, failed_bytes; /* what was left of the transfer */
};

/* `width` requests in flight at most. */
enum result batch_init(struct batch *batch, struct io *io, unsigned int width, struct failure *why);

void batch_start(struct batch *batch, bool (*next)(struct batch *, struct io_request *),
		 void *owner);

/* Is nothing of it in flight any more, and nothing left to be sent? True also after an error. */
bool batch_finished(const struct batch *batch);

/* The failure of a finished batch, or RESULT_OK. */
enum result batch_result(const struct batch *batch, struct failure *why);

/* Waits until nothing is in flight; sends nothing more. */
void batch_drain(struct batch *batch);

/* Nothing may be in flight. Harmless on a zeroed struct. */
void batch_free(struct batch *batch);

#endif
