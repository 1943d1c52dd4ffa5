/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The view as a list of extents, in its own order and without a gap: from where each byte comes.
 * Every byte of the origin's size is in one extent. Of several exceptions for one chunk the first
 * counts, as for the kernel (5.2 and later).
 */
#ifndef STORE_EXTENTS_H
#define STORE_EXTENTS_H

#include "store/store.h"

enum extent_source {
	EXTENT_ORIGIN,
	EXTENT_STORE,
	EXTENT_LOST, /* the exception points to metadata, or outside the device */
};

/* As long as it can be; all in bytes but for the chunks. */
struct extent {
	enum extent_source source;
	uint64_t view_offset, bytes;
	uint64_t offset;    /* on its device; not of what is lost */
	uint64_t old_chunk; /* in which it begins */
	uint64_t new_chunk; /* of that chunk; only of the store, or lost */
};

struct extent_walk {
	const struct store *store;
	uint64_t origin_bytes;
	/* Called for every extent. What it returns ends the walk unless it is RESULT_OK. */
	enum result (*found)(void *context, const struct extent *extent, struct failure *why);
	void *context;
	/* results */
	uint64_t outside;  /* exceptions that lie outside the origin, and so outside the view */
	bool area_missing; /* see struct store_scan */
};

/* One stream of the metadata, and a second one where there are several exceptions for one chunk;
 * memory: 16 bytes for each exception. Needs a good header. */
enum result extents_walk(struct extent_walk *walk, struct failure *why);

#endif
