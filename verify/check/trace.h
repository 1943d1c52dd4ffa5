/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What bugs of old kernels, and a power cut at the wrong moment, leave behind in a store, and how
 * it is recognised. Pure. A trace is a likeness, never a proof: it says where damage probably came
 * from, so that its extent can be judged.
 *
 * Source: drivers/md/dm-snap-persistent.c and dm-snap.c of Linux, and what was changed in them.
 */
#ifndef VERIFY_CHECK_TRACE_H
#define VERIFY_CHECK_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/cow/format.h"

enum trace {
	TRACE_NONE,
	TRACE_HEADER_RACE,	/* an area is where the header belongs */
	TRACE_NEXT_FREE,	/* data was stored in an area: CVE-2013-4299 */
	TRACE_AREA_NOT_ZEROED,	/* after a full area is what the device held before */
	TRACE_AREA_OVERWRITTEN, /* within the list is what is no area */
	TRACE_AREA_NOT_READ,	/* one exception comes after what is no exception */
	TRACE_CREATION_CUT_OFF, /* area 0 is what the device held before */
	TRACE_TWO_EXCEPTIONS,	/* a race gave one chunk two exceptions */
	TRACE_OUT_OF_ORDER,	/* exceptions were written in another order than allocated */
	TRACE_CHUNKS_LEAKED,	/* chunks were allocated and never recorded */
	TRACE_COUNT,
};

struct trace_info {
	const char *name;    /* as scripts see it */
	const char *brief;   /* what it looks like, and of which kernels: "looks like ..." */
	const char *meaning; /* a sentence: what happened */
};

const struct trace_info *trace_info(enum trace trace);

/* Does it say of an entry that it never was an exception? Then nothing is lost with it. */
static inline bool trace_is_of_junk(enum trace trace)
{
	return trace == TRACE_AREA_NOT_ZEROED || trace == TRACE_CREATION_CUT_OFF;
}

/*
 * Do these entries of 16 bytes look like the beginning of an area, the first of them being number
 * `from`? At least two in a row must be exceptions on a device of this many sectors, with new
 * chunks close to each other.
 */
bool trace_is_area(const uint8_t *entries, size_t from, size_t count, uint64_t device_sectors);

/* Can this entry be no exception of any kernel's? `before` is the new chunk of the entry before it:
 * a number outside the device but close to it is one of a device that was larger. */
bool trace_is_junk(const struct geometry *geometry, const struct exception *exception,
		   uint64_t before);

/*
 * What the area that these live entries are from (all of one area, the first is exception number
 * `index`) looks like, where junk is in it: TRACE_NONE where most of it is not junk.
 */
enum trace trace_of_area(const struct geometry *geometry, uint64_t index, const uint8_t *entries,
			 uint32_t count);

/*
 * What a new chunk that is a metadata area looks like. `highest_before` is the highest new chunk of
 * all exceptions before it.
 */
enum trace trace_of_metadata(const struct geometry *geometry, uint64_t index,
			     const struct exception *exception, uint64_t highest_before);

/* What is after the end of the list, gathered while it streams by. */
struct trace_tail {
	uint64_t entries; /* that are not zero */
	uint64_t first;	  /* number of the first of them */
	struct exception at_first;
	uint64_t junk;	 /* how many of them are no exceptions */
	uint64_t before; /* new chunk of the last one */
};

/* `count` entries from number `index` on, the first of all being where the list ends. */
void trace_tail_add(struct trace_tail *tail, const struct geometry *geometry, uint64_t index,
		    const uint8_t *entries, uint32_t count);

/* `exceptions`: how many are live. */
enum trace trace_of_tail(const struct trace_tail *tail, const struct geometry *geometry,
			 uint64_t exceptions);

#endif
