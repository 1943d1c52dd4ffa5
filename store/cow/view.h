/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a snapshot shows: a chunk with an exception comes from the store, all else from
 * the origin. */
#ifndef STORE_COW_VIEW_H
#define STORE_COW_VIEW_H

#include "store/cow/store.h"

/* A part of the origin's, or of the view's, bytes. */
struct view_range {
	uint64_t offset; /* a multiple of BUFFER_ALIGNMENT */
	size_t bytes; /* offset + bytes lies inside the origin; a multiple of BUFFER_ALIGNMENT, or
		       * up to the origin's end */
	uint8_t *buffer; /* aligned; at least round_up(bytes, BUFFER_ALIGNMENT) */
};

/* Reads ranges of a device as they are. */
enum result view_read(struct io *io, struct device *device, const struct view_range *ranges,
		      size_t count, struct failure *why);

/* What a store has of some ranges of the origin. */
struct view_overlay {
	const struct store *store; /* borrowed, as the ranges */
	const struct view_range *ranges;
	size_t range_count;
	uint64_t origin_bytes;
	uint64_t *new_chunks; /* of each chunk of the ranges, in their order; VIEW_NO_CHUNK: none */
	size_t found;	      /* how many it has */
};

#define VIEW_NO_CHUNK UINT64_MAX

/* Finds it, in one stream of the metadata; the ranges' buffers are not looked at. Of two exceptions
 * for one chunk the first counts, as for the kernel (5.2 and later). Memory: 8 bytes for each chunk
 * of the ranges. Freed by view_overlay_free, also after a failure. */
enum result view_overlay_find(struct view_overlay *overlay, const struct store *store,
			      uint64_t origin_bytes, const struct view_range *ranges, size_t count,
			      struct failure *why);

/* Replaces in the ranges, which hold the origin's bytes, what the store has instead; its chunks are
 * read many at a time. */
enum result view_overlay_apply(const struct view_overlay *overlay, struct failure *why);

void view_overlay_free(struct view_overlay *overlay);

#endif
