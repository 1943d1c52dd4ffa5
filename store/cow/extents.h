/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The view as a list of extents, in its own order and without a gap: from where each byte comes, as
 * store/view_map knows it, neighbours joined. Every byte of the origin's size is in one extent.
 */
#ifndef STORE_EXTENTS_H
#define STORE_EXTENTS_H

#include "store/cow/view_map.h"

struct extent_walk {
	const struct store *store;
	uint64_t origin_bytes;
	/* Called for every extent, which is as long as it can be. What it returns ends the walk
	 * unless it is RESULT_OK. */
	enum result (*found)(void *context, const struct view_extent *extent, struct failure *why);
	void *context;
	/* results */
	uint64_t outside;  /* exceptions that lie outside the origin, and so outside the view */
	bool area_missing; /* see struct store_scan */
};

/* Needs a good header. Memory: VIEW_MAP_MEMORY_BYTES, however large the store is. */
enum result extents_walk(struct extent_walk *walk, struct failure *why);

#endif
