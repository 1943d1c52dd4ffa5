/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a store is, in a few words and numbers: its state, and how full it is. */
#ifndef STORE_COW_STATUS_H
#define STORE_COW_STATUS_H

#include <inttypes.h>

#include "store/cow/store.h"
#include "store/cow/summary.h"

enum status_state {
	STATUS_EMPTY,
	STATUS_ACTIVE,	/* it has exceptions */
	STATUS_MERGING, /* a merge of it, or one that keeps it, is unfinished: a record is there */
	STATUS_INVALID, /* the kernel gave the snapshot up */
};

struct status {
	struct summary summary;
	bool area_missing; /* as in struct store_scan */
	bool record_is_stale;
	enum status_state state;
	bool place_known;	 /* summary_place_known; without it the next four mean nothing */
	uint64_t room;		 /* this many more exceptions fit; 0: it is full */
	uint64_t next_free;	 /* chunk */
	uint64_t smallest_bytes; /* see summary_smallest_bytes; UINT64_MAX: none is large enough */
	uint64_t allocated_sectors, metadata_sectors; /* as in dmsetup status */
};

/* What is said of a store with exceptions that are impossible (struct summary), how many of how
 * many, and of one that is full. */
#define STATUS_IMPOSSIBLE "%" PRIu64 " of its %" PRIu64 " exceptions cannot be right"
#define STATUS_WHEN_FULL                                                                           \
	"nothing is lost yet; but when something is written to the origin or the snapshot that "   \
	"needs one more chunk, the kernel gives the snapshot up, for good"

/* What is said where nobody knows how full it is (not summary_place_known). */
const char *status_full_unknown(const struct summary *summary);

/* Reads all of its metadata; the header is good. As store_summarize fails. */
enum result status_look(const struct store *store, struct status *status, struct failure *why);

/* "empty", "active" and so on. */
const char *status_name(enum status_state state);

#endif
