/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which exceptions a repair takes out of the list. Pure. */
#ifndef VERIFY_REPAIR_REPAIR_DROPS_H
#define VERIFY_REPAIR_REPAIR_DROPS_H

#include "verify/repair/repair.h"

/* A finding at an exception. */
struct repair_finding {
	enum problem problem;
	uint64_t number;
	uint64_t first; /* duplicates: the number of the first exception with the same chunk */
	struct exception exception;
	bool in_view;	   /* it is for a part of the view */
	bool view_unknown; /* it did, and which is not known */
};

struct repair_drops {
	struct repair_item *items; /* sorted by number; owned by the caller: free */
	size_t count;
	uint64_t shared; /* how many stay beside an earlier one with the same new chunk */
};

/*
 * `found` are all findings at exceptions, in any order; those that no repair drops
 * (problem_is_dropped) make no item. With `drop_shared`, of those that have the same new chunk only
 * the first stays.
 */
enum result repair_drops_choose(const struct repair_finding *found, size_t count, bool drop_shared,
				struct repair_drops *drops, struct failure *why);

#endif
