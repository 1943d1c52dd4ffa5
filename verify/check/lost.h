/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which bytes of the view are lost: of a chunk or a part of it, by what is found, as a number and
 * as a list of ranges. Verify, a merge that leaves out what is lost, and a repair ask here. If one
 * exception is lost, says exception_is_lost (store/cow/format.h).
 *
 * A list: lost_take or lost_add in any order; after lost_take lost_settle, which takes back what
 * turned out not to be lost, and lost_sort. lost_free in any case.
 */
#ifndef VERIFY_CHECK_LOST_H
#define VERIFY_CHECK_LOST_H

#include <stddef.h>
#include <stdint.h>

#include "store/base/fail.h"
#include "store/cow/format.h"
#include "verify/check/problem.h"

/* At most this many ranges are remembered, and this many that are to be taken back. */
#define LOST_RANGES_MAX 65536u

/* A part of the view, in bytes. */
struct lost_range {
	uint64_t offset, bytes;
};

struct lost {
	size_t most; /* the caller's: ranges that are remembered; 0: LOST_RANGES_MAX */
	struct lost_range *ranges; /* owned */
	size_t count;
	uint64_t unlisted; /* ranges that are not among them: too many, or no memory */
	/* the list's own */
	size_t capacity;
	struct lost_range *taken; /* to be taken back from the ranges: whole chunks; owned */
	size_t taken_count;
	bool out_of_memory;
};

/* What chunk `old_chunk` is of a view of `view_bytes`; 0 bytes: it is past the view's end. */
struct lost_range lost_chunk(const struct geometry *geometry, uint64_t view_bytes,
			     uint64_t old_chunk);

/* The same of `bytes` bytes of the chunk from its byte `from` on. */
struct lost_range lost_block(const struct geometry *geometry, uint64_t view_bytes,
			     uint64_t old_chunk, uint64_t from, uint64_t bytes);

/*
 * What a finding says of the bytes of the view that its exception is for: where there is no data
 * for it they are lost, and where an earlier exception counts for them they are not, after all.
 * All findings, in the order in which they are reported: `bytes` is how many are lost then.
 */
void lost_count(uint64_t *bytes, const struct geometry *geometry, const struct finding *finding);

/* The same for a list. */
void lost_take(struct lost *lost, const struct geometry *geometry, const struct finding *finding);

/* Adds a range, joined with the last one where it follows it; one of 0 bytes is none. */
void lost_add(struct lost *lost, uint64_t offset, uint64_t bytes);

/* After the last of them: takes back all that is to be. The ranges are by offset then, if there was
 * something. RESULT_NO_MEMORY. */
enum result lost_settle(struct lost *lost, struct failure *why);

/* The ranges by offset, those that touch joined. */
void lost_sort(struct lost *lost);

/* All the ranges together. */
uint64_t lost_bytes(const struct lost *lost);

/* Harmless on a zeroed struct. */
void lost_free(struct lost *lost);

#endif
