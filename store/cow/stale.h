/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What looks like exceptions after the end of the list: left by a merge, a crash, or an
 * earlier use of the device with the same chunk size. Nobody vouches for them.
 *
 * An entry looks like an exception when its old chunk may be in an origin, and its new chunk is a
 * data chunk of the device. In the area in which the list ends that is enough. In the areas after
 * it, which may hold anything, the numbering must also fit: the new chunk is where it usually is
 * for this entry, or it is the neighbour of that of the entry before or after it.
 */
#ifndef STORE_COW_STALE_H
#define STORE_COW_STALE_H

#include "store/cow/store.h"

struct stale_scan {
	const struct store *store;
	uint64_t exceptions; /* how many are live: the first entry that is looked at */
	uint64_t old_chunks; /* how many chunks an origin may have */
	bool all_fit;	     /* the numbering must fit in the first area, too */
	/* 0, or the scan ends after this many areas in a row in which it found none. */
	uint64_t quiet_areas;
	/* Called for each, in the order of the store. What it returns ends the scan unless it is
	 * RESULT_OK. */
	store_exception_function found;
	void *context;
	uint64_t count; /* result: how many there were */
};

/* Reads the areas of the device from the end of the list on, in bounded memory. */
enum result stale_scan(struct stale_scan *scan, struct failure *why);

#endif
