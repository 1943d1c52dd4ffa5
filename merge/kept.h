/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A store that a merge keeps: another snapshot of the same origin, or an undo store, whose view
 * must not change while the origin is overwritten. Here: whether it can be kept, and what it lacks.
 * Giving it that is merge/keep's. Writes nothing.
 */
#ifndef MERGE_KEPT_H
#define MERGE_KEPT_H

#include "merge/chunk_set.h"
#include "store/cow/store.h"
#include "verify/check/check.h"
#include "verify/check/identity.h"

/* The caller fills in the fields before `results` of a zeroed struct kept. */
struct kept {
	/* The caller's. Of an undo store that is to be made it has io and device alone (undo.h). */
	struct store *store;
	enum record_role role; /* RECORD_KEPT or RECORD_UNDO */
	bool is_new;	       /* an undo store that does not exist yet */
	bool give_up;	       /* not to be kept: to be marked invalid */
	/* As long as its snapshot is: what comes after that is not kept. And all of its origin, of
	 * which the merge may take a part only: chunks that are kept are copied whole. 0: both are
	 * as long as the origin of the merge. */
	uint64_t shown_bytes, origin_bytes;
	/* results */
	struct check check;
	struct chunk_set lacking; /* old chunks that need an exception and have none; owned */
	uint64_t needed;	  /* how many that were before the merge */
	uint64_t room;		  /* how many more exceptions fit */
	bool given_up;		  /* not kept: marked invalid, or to be */
	enum identity identity;	  /* is it a snapshot of this origin? */
	uint64_t exceptions_added;
};

/* Old chunks of a kept store. */
struct kept_range {
	uint64_t first, count;
};

/* Those that a chunk of the merging store overlaps; the chunk lies in the origin, at least in part.
 */
struct kept_range kept_range(const struct geometry *kept, const struct geometry *merging,
			     uint64_t old_chunk);

/* How much of the origin it shows. */
uint64_t kept_shown_bytes(const struct kept *kept, const struct device *origin);

/*
 * Is it a sound store over that origin? Not asked of a new one. RESULT_DAMAGED, RESULT_REFUSED,
 * RESULT_IO. Two exceptions for a chunk are forgiven with `force`.
 */
enum result kept_verify(struct kept *kept, const struct device *origin, bool force,
			struct failure *why);

/*
 * Counts exactly what each of `count` stores, but those that are given up, lacks before all of
 * `merging`, which amounted to `before` when it was verified, goes into the origin, and what it has
 * room for. One stream of the merging store's metadata, and one of each kept store's;
 * RESULT_REFUSED where one of them is not what it was.
 */
enum result kept_count(struct kept *kept, size_t count, const struct store *merging,
		       const struct summary *before, const struct device *origin,
		       struct failure *why);

/* Bytes that hold this many more exceptions: their chunks, and the areas that list them. */
uint64_t kept_growth_bytes(const struct kept *kept, uint64_t exceptions);

/* How many are really kept. */
uint32_t kept_live(const struct kept *kept, size_t count);

/* Frees what the results own. */
void kept_free(struct kept *kept);

#endif
