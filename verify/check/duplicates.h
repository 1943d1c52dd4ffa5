/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which chunk numbers occur twice among the exceptions, in memory that does not grow with them.
 *
 * While the metadata streams by, a bit is set for each number; one whose bit is set already is
 * noted. Then the metadata is read again, to tell which exceptions have the noted numbers, and
 * which was the first of each. Two rules keep that within bounds:
 * - Where numbers are farther apart than the bitmap is long, some have one bit, so that one is
 *   noted that occurs once: of that, nothing is told. Where that becomes too much, the bitmap is
 *   for a share of the numbers at a time, and the metadata is read once for each share.
 * - Where more numbers are noted than there is room for, only what is found up to some exception is
 *   told; then all is done again for what is found after it.
 */
#ifndef VERIFY_CHECK_DUPLICATES_H
#define VERIFY_CHECK_DUPLICATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verify/check/check.h"

enum chunk_side { OLD_CHUNK, NEW_CHUNK };

/* A number that is noted. */
struct repeated {
	uint64_t number;     /* the first member: it is searched by that */
	uint64_t index : 63; /* of the exception it was noted at; later, of the first that has it */
	uint64_t counted : 1; /* are the bytes of the view that the first is for counted already? */
	uint64_t other;	      /* the other chunk of the first */
};

struct duplicates {
	struct check *check;
	enum chunk_side side;
	uint8_t *bitmap;	/* NULL: nothing was begun; owned */
	unsigned int shift;	/* it has 2^shift bits */
	uint64_t shares, share; /* how many there are, and the one in hand */
	struct repeated *noted; /* owned */
	size_t count, capacity, most;
	uint64_t from, until; /* what is found at exceptions from .. until - 1 is noted */
};

/* Freed by duplicates_free, also after a failure, which is one of memory. */
enum result duplicates_begin(struct duplicates *duplicates, struct check *check,
			     enum chunk_side side, struct failure *why);

/* Takes the numbers of `count` exceptions from number `index` on, as they are on disk; they come in
 * order. */
enum result duplicates_add(struct duplicates *duplicates, uint64_t index, const uint8_t *entries,
			   uint32_t count, struct failure *why);

/* Exceptions 0 .. count - 1 have the new chunks that geometry_usual_chunk says: as if all of them
 * had been added. */
void duplicates_add_usual(struct duplicates *duplicates, uint64_t count);

/* Reports every exception whose number an earlier one has, in their order, and counts what of the
 * view is doubtful for that. All were added, and `check->summary` is complete. */
enum result duplicates_report(struct duplicates *duplicates, struct failure *why);

/* Harmless on a zeroed one. */
void duplicates_free(struct duplicates *duplicates);

#endif
