/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the live exceptions of a store amount to, gathered while they stream by. Pure. */
#ifndef STORE_COW_SUMMARY_H
#define STORE_COW_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "store/cow/format.h"

struct summary {
	const struct geometry *geometry;
	uint64_t exceptions;
	uint64_t highest_old, lowest_old; /* only where exceptions > 0 */
	uint64_t highest_new;		  /* 0 where there are none */
	uint64_t
		runs; /* what the kernel would merge, and commit, at once: neighbours of one area */
	uint64_t longest_run; /* in exceptions */
	uint64_t impossible;  /* exceptions whose data is not on the device, or is metadata, or
				 whose old chunk no device can have */
	uint64_t highest_possible_old; /* of the others; 0 where there are none */
	uint64_t unreadable; /* exceptions that are, or may be, in a gap (store/cow/gaps.h) */
	bool ends_in_gap;    /* some of those are where the list seems to end */
	bool increasing;     /* every new_chunk is higher than the one before */
	bool usual;	     /* every new_chunk is where geometry_usual_chunk says */
	struct exception first, last; /* only where exceptions > 0 */
	uint64_t fingerprint; /* of all of them in their order: tells that some have changed */
	/* the run in hand */
	uint64_t run;
};

/* The fingerprint of some exceptions (0: of none) becomes that of these and one more. No secret:
 * who wants to can make two lists with the same one. */
static inline uint64_t summary_fingerprint(uint64_t fingerprint, const struct exception *exception)
{
	return (fingerprint + exception->old_chunk) * 0x9e3779b97f4a7c15u +
	       exception->new_chunk * 0xd1b54a32d192ed03u;
}

void summary_begin(struct summary *summary, const struct geometry *geometry);

/* `count` exceptions of one area, as they are on disk, from number `index` on; pieces come in
 * order. */
void summary_add(struct summary *summary, uint64_t index, const uint8_t *entries, uint32_t count);

/* Is all data inside the device, and does the list end where it can be read? Otherwise the highest
 * new chunk, from which the kernel counts, does not say how full the store is, and nothing does. */
bool summary_place_known(const struct summary *summary);

/* Of the device's chunks, those that the kernel has given out: all up to the highest new chunk. */
uint64_t summary_used_chunks(const struct summary *summary);

/* The same in percent, rounded down. */
unsigned int summary_full_percent(const struct summary *summary);

/* How many areas the exceptions use; the one in which the list ends counts, so it is at least 1. */
uint64_t summary_areas(const struct summary *summary);

/* The size in bytes that a device must have for this store to lose no exception;
 * false: overflow. */
bool summary_smallest_bytes(const struct summary *summary, uint64_t *bytes);

#endif
