/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a store whose header is lost must have been. All that the header held is the chunk size, and
 * the rest of the store shows it: with the right one, area 0 is in chunk 1, the exceptions in it
 * point into the device and past the areas, the k-th of them to where the kernel puts the k-th
 * (geometry_usual_chunk), the list has an end, and before area 0 there is nothing. With a wrong one
 * data or zeros are taken for exceptions, and little of this is true.
 *
 * Pure but for the reads, which are the caller's function. Everything that is read is hostile.
 */
#ifndef VERIFY_REPAIR_REBUILD_H
#define VERIFY_REPAIR_REBUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/cow/format.h"
#include "store/base/fail.h"

/* Powers of two from 1 to CHUNK_SECTORS_MAX. */
#define REBUILD_SIZES 22u
/* At most this many exceptions are looked at for each chunk size. */
#define REBUILD_EXCEPTIONS_MAX (1024u << 10)

/* The device. */
struct rebuild_source {
	uint64_t bytes;	      /* whole sectors */
	uint32_t block_bytes; /* no chunk is smaller than a logical block */
	/* `offset` and `bytes` are whole sectors and lie inside the device. */
	enum result (*read)(void *context, uint64_t offset, uint8_t *buffer, size_t bytes,
			    struct failure *why);
	void *context;
};

/* What speaks for and against one chunk size. */
struct rebuild_candidate {
	uint32_t chunk_sectors;
	uint64_t
		exceptions; /* up to the first one with new chunk 0, or as many as were looked at */
	uint64_t possible;  /* of these, point into the device and not into metadata */
	uint64_t usual; /* of these, point to where the kernel puts the exception of that number */
	uint64_t later; /* where area 0 begins with none: this many are in their usual place in the
			   first areas after it */
	uint64_t data_chunks; /* there are this many up to the highest one that they point to */
	bool ended;	      /* the list has an end (or was too long to be read wholly) */
	bool tail_is_zero;    /* nothing is after it */
	bool slack_is_zero;   /* nothing is before area 0 but the header and a merge record */
	bool in_header;	      /* what is left of the header names this size */
	unsigned int points;  /* 0 .. 100 */
};

/* A candidate with this many points convinces. */
#define REBUILD_CONVINCING 60u

struct rebuild {
	struct header remains;				    /* what is in the header's place */
	struct rebuild_candidate candidates[REBUILD_SIZES]; /* the best ones first */
	size_t count;
	size_t convincing; /* how many of them convince: with one, it is the one */
};

/*
 * Looks at every chunk size. Impossible ones are no candidates. Nor are those of which nothing
 * speaks: without an exception, and without a word in what is left of the header; but the size that
 * was `named` (0: none) is then one, with few points.
 */
enum result rebuild_infer(const struct rebuild_source *source, uint32_t named,
			  struct rebuild *rebuild, struct failure *why);

/* The candidate with this chunk size, or NULL. */
const struct rebuild_candidate *rebuild_find(const struct rebuild *rebuild, uint32_t chunk_sectors);

bool rebuild_convinces(const struct rebuild_candidate *candidate);

/* Does more than the word of who names it speak for it: it convinces, or what is left of the header
 * names it? */
bool rebuild_has_evidence(const struct rebuild_candidate *candidate);

/* The best candidate, where it convinces and this chunk size does not, be it a candidate or none;
 * else NULL. Without an exception none convinces beside one that has some: it may only have missed
 * them. */
const struct rebuild_candidate *rebuild_rival(const struct rebuild *rebuild,
					      uint32_t chunk_sectors);

/*
 * The header of a store with this chunk size. It is valid unless what is left of the old one, its
 * magic or its version being right, says that it was not, or the snapshot was `given_up` when the
 * header was lost (repair_was_given_up).
 */
struct header rebuild_header(const struct rebuild *rebuild, uint32_t chunk_sectors, bool given_up);

#endif
