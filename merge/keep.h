/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Giving the kept stores what they lack, window by window, before the origin is overwritten: copies
 * the origin's chunks into them and publishes the new exceptions. The rules that hold at every
 * moment are numbered on top of keep.c. What a store lacks is merge/kept's.
 *
 * Order of calls: keep_init; keep_begin; for each window, in the order in which they will be
 * committed, keep_take; keep_step until keep_done; keep_release.
 */
#ifndef MERGE_KEEP_H
#define MERGE_KEEP_H

#include "merge/kept.h"

/* Places of windows, at most. */
#define KEEP_SLOTS 4u

struct keeper;

struct keep {
	struct keeper *keepers; /* one for each kept store; owned */
	size_t count;
	uint64_t sequence; /* of the window that is taken next */
};

/*
 * For windows in `slots` places, of at most `capacity` exceptions of a merging store of that
 * geometry. `kept` (the caller's) have been prepared; those that are given up are left alone. This
 * takes all the memory that keeping needs, and neither reads nor writes.
 */
enum result keep_init(struct keep *keep, struct kept *kept, size_t count,
		      const struct geometry *merging, struct device *origin, unsigned int slots,
		      uint64_t capacity, struct failure *why);

/* After what lies past their exceptions was swept, and a new undo store was made: reads one block
 * of each. */
enum result keep_begin(struct keep *keep, struct failure *why);

/* Nothing may be in flight. Harmless on a zeroed struct. */
void keep_free(struct keep *keep);

/* Starts to keep what these exceptions of a window, in that place, will overwrite. */
void keep_take(struct keep *keep, unsigned int slot, const struct exception *exceptions,
	       uint64_t count);

/* Goes on as far as that is possible without waiting; *moved is set where it went on. A failure
 * leaves requests in flight: keep_drain. */
enum result keep_step(struct keep *keep, bool *moved, struct failure *why);

/* Is everything that the window in that place overwrites durable in all kept stores? */
bool keep_done(const struct keep *keep, unsigned int slot);

/* Could a chunk of the origin not be read for the window in that place? After a failure of
 * keep_step. */
bool keep_is_unread(const struct keep *keep, unsigned int slot);

/* The window in that place is gone, committed or given back: what it had in flight is waited for. A
 * window that is given back must be the newest, and none is taken after it; those before it go on. */
void keep_release(struct keep *keep, unsigned int slot);

/* Waits until nothing is in flight. */
void keep_drain(struct keep *keep);

#endif
