/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the exceptions of one window to the transfers that merge it: reads in the order of the
 * store, neighbours joined; writes in the order of the origin, neighbours joined, clipped to the
 * origin's end. Pure: no devices, no I/O.
 *
 * Of several exceptions for one old chunk only the first (the lowest number) is written.
 */
#ifndef MERGE_PLAN_H
#define MERGE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "store/cow/format.h"

/* Chunks are joined up to this size of a transfer, and this many buffers in one. */
#define PLAN_TRANSFER_BYTES (1024u << 10)
#define PLAN_TRANSFER_BUFFERS 256u

struct plan_item {
	uint64_t old_chunk, new_chunk;
	uint32_t number;   /* of the exception within the window */
	uint64_t position; /* of its data in the buffer, in bytes */
};

struct plan_read {
	uint64_t offset; /* in the store, bytes */
	uint64_t position;
	uint32_t bytes;
};

struct plan_write {
	uint64_t offset; /* in the origin, bytes */
	uint32_t first_buffer, buffer_count;
};

/* A part of every chunk, in bytes from its start: the whole chunk but for chunks larger than a
 * window. */
struct plan_slice {
	uint64_t offset, bytes;
};

struct plan {
	/* allocated for `capacity` exceptions */
	size_t capacity;
	struct plan_item *items;
	struct plan_read *reads;
	struct plan_write *writes;
	struct iovec *buffers;
	/* the plan */
	size_t item_count, read_count, write_count, buffer_count;
	uint64_t data_bytes;   /* of the buffer, used by the reads */
	uint64_t merged_bytes; /* to be written to the origin */
};

/* The buffer that a window of `exceptions` exceptions may need, in bytes: data and bridged gaps. */
uint64_t plan_buffer_bytes(const struct geometry *geometry, uint64_t exceptions,
			   uint64_t slice_bytes);

/* False: out of memory. plan_free is harmless on a zeroed plan. */
bool plan_allocate(struct plan *plan, size_t capacity);
void plan_free(struct plan *plan);

/*
 * Plans the transfers of `count` exceptions (at most the capacity) for this slice of their chunks.
 * The data will lie in `buffer`. False: an exception lies outside the store or the origin; nothing
 * is planned.
 */
bool plan_make(struct plan *plan, const struct geometry *geometry, uint64_t origin_bytes,
	       const struct exception *exceptions, size_t count, struct plan_slice slice,
	       uint8_t *buffer);

/* After plan_make: how many bytes of item `i` belong into the origin. 0: none, for an item before
 * it has its chunk, or all of this slice is past the origin's end. */
uint64_t plan_item_bytes(const struct plan *plan, size_t i, const struct geometry *geometry,
			 uint64_t origin_bytes, struct plan_slice slice);

#endif
