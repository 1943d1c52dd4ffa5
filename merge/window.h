/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A window: the exceptions first .. end - 1 on their way into the origin. Its steps: load the
 * exceptions, plan, read their data, write it; a chunk larger than the window goes in slices. What
 * makes it durable and forgets the exceptions is merge/commit.
 */
#ifndef MERGE_WINDOW_H
#define MERGE_WINDOW_H

#include "merge/left_out.h"
#include "merge/plan.h"
#include "store/io/batch.h"
#include "store/cow/store.h"

enum window_state {
	WINDOW_FREE,
	WINDOW_LOADING, /* its metadata is being read */
	WINDOW_LOADED,	/* its exceptions are known; it waits for its turn to read */
	WINDOW_READING, /* its data is being read from the store */
	WINDOW_MENDING, /* some of it cannot be read: once more, in parts (left_out) */
	WINDOW_READ,	/* its data is in memory; what it overwrites is not yet kept */
	WINDOW_WRITING, /* its data is being written to the origin */
	WINDOW_COPIED,	/* all writes have completed; not flushed */
};

struct window {
	enum window_state state;
	struct store *store;   /* the caller's */
	struct device *origin; /* the caller's */
	uint64_t first, end;
	uint8_t *metadata; /* as read; owned */
	uint32_t
		kept_bytes; /* at its start: exceptions before `first` that share a block with it */
	struct left_out
		*left_out;   /* NULL, or leave out what is lost (window_skip_lost); the caller's */
	uint8_t *unreadable; /* then: is this sector of the data buffer unreadable? owned */
	bool has_unreadable; /* is any? */
	struct exception *exceptions;
	uint64_t exception_count; /* end - first, but for those that are left out */
	uint8_t *data;
	struct plan plan;
	struct plan_slice slice; /* in hand */
	uint64_t slice_bytes;	 /* of all but the last one of a chunk */
	struct batch batch;
	/* cursors of the batch in hand */
	uint64_t next_index;
	size_t next_position, next_transfer;
	uint64_t next_byte;	/* where some is unreadable: of the item in hand */
	uint64_t bytes_written; /* to the origin by this window so far, in whole slices */
};

/* How many exceptions a window of that many bytes of data may hold. At least 1. */
uint64_t window_capacity(const struct geometry *geometry, uint64_t window_bytes);

/*
 * Where a window that ends before exception `end` begins, at most `capacity` before it. Rather at
 * the last block of an area: clearing that one block cuts off all after it at once. Else at a
 * block's start.
 */
uint64_t window_first(const struct store *store, uint64_t capacity, uint64_t end);

/* Allocates for `capacity` exceptions and data of about `window_bytes`. */
enum result window_init(struct window *window, struct store *store, struct device *origin,
			uint64_t capacity, uint64_t window_bytes, struct failure *why);

/*
 * From now on it leaves out what is lost: exceptions that have no data, and, block by block, what
 * cannot be read of the others; the latter is added to `left_out` once the rest of its chunks is
 * written.
 */
enum result window_skip_lost(struct window *window, struct left_out *left_out, struct failure *why);

/* Nothing may be in flight. Harmless on a zeroed struct. */
void window_free(struct window *window);

/* Starts a free window. */
void window_start(struct window *window, uint64_t first, uint64_t end);

/*
 * Goes on as far as that is possible without waiting; *moved is set where it went on. Only with
 * `may_read` does it begin to read its data, only with `may_write` to write. A failure leaves
 * requests in flight: batch_drain(&window->batch) before anything is freed.
 */
enum result window_step(struct window *window, bool may_read, bool may_write, bool *moved,
			struct failure *why);

/* After a failure: was it a read of its metadata or of its data that failed? */
bool window_is_unread(const struct window *window);

/* How much of it is in the origin, flushed or not. */
uint64_t window_bytes_copied(const struct window *window);

#endif
