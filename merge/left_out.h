/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a merge leaves out because it is lost (--skip-lost): gathered from what verify finds. In
 * brackets, the deliberate breaks (store/base/breaks.h) by which the simulator shows that a rule is
 * held.
 *
 *  1. What is left out is cleared with its window, and nothing is written in its place: the origin
 *     keeps what it has there. [LOST_OVERWRITTEN]
 *  2. It is no witness of the origin: nothing of it is ever there. [LOST_WITNESS]
 *  3. What the merge cannot read is found in its run, block by block: the same holds for it, and it
 *     is in the list as soon as its window is written. [UNREADABLE_OVERWRITTEN,
 *     UNREADABLE_UNLISTED]
 *  4. No crash leaves it, nor an exception of which a part could not be read, after the end of the
 *     list, where it could come alive: rule 6 of merge/commit.c. [LOST_TORN_TAIL]
 */
#ifndef MERGE_LEFT_OUT_H
#define MERGE_LEFT_OUT_H

#include "verify/check/check.h"

struct left_out {
	uint64_t exceptions; /* how many are lost */
	uint64_t unknown; /* of these, how many cannot be read: nobody knows what they were for */
	uint64_t errors;  /* findings that are forgiven with them, but for those of duplicate-old */
	uint64_t duplicates;	   /* the same, of duplicate-old */
	struct lost lost;	   /* of the view: there the origin keeps what it has */
	uint64_t bytes_unreadable; /* in them: of data that the merge could not read */
	uint64_t next_number; /* the gatherer's own: after the last exception that was counted */
};

/*
 * Is there no data in the store for this exception, or no place in the origin? Such a one can only
 * be left out.
 */
bool left_out_must(const struct geometry *geometry, uint64_t origin_bytes,
		   const struct exception *exception);

/* Takes a finding of verify, in the order in which they are reported. */
void left_out_take(struct left_out *left_out, const struct check *check,
		   const struct finding *finding);

/* This many bytes of the view from `offset` on could not be read. */
void left_out_add_unreadable(struct left_out *left_out, uint64_t offset, uint64_t bytes);

/* Adds to a RESULT_IO of reading the store that --skip-lost is a way on, where it was not asked
 * for. Returns `result`. */
enum result left_out_suggest(bool skip_lost, enum result result, struct failure *why);

/* Harmless on a zeroed struct. */
void left_out_free(struct left_out *left_out);

#endif
