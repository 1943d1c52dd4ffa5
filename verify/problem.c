// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/problem.h"

#include <stddef.h>

static const struct problem_info problems[PROBLEM_COUNT] = {
	[PROBLEM_HEADER_MAGIC] =
		{"header-magic", SEVERITY_ERROR, "no COW store begins here", REPAIR_REBUILD_HEADER,
		 "'cowtool repair --rebuild-header' looks for what is left of one"},
	[PROBLEM_HEADER_VERSION] = {"header-version", SEVERITY_ERROR,
				    "the kernel refuses to load this snapshot",
				    REPAIR_REBUILD_HEADER,
				    "'cowtool repair --rebuild-header' writes it anew"},
	[PROBLEM_HEADER_CHUNK_SIZE] = {"header-chunk-size", SEVERITY_ERROR,
				       "the kernel refuses to load this snapshot",
				       REPAIR_REBUILD_HEADER,
				       "'cowtool repair --rebuild-header' looks for the right one"},
	[PROBLEM_HEADER_INVALID] =
		{"header-invalid", SEVERITY_ERROR,
		 "the kernel gave this snapshot up, mostly because it was full; "
		 "later changes of the origin are not in it",
		 REPAIR_SET_VALID,
		 "'cowtool repair --set-valid' marks it valid, and says what can "
		 "then be expected of it"},
	[PROBLEM_HEADER_SLACK] = {"header-slack", SEVERITY_WARNING,
				  "the kernel ignores these bytes; old kernels' bugs leave them",
				  REPAIR_CLEAR_SLACK, "'cowtool repair' clears them"},
	[PROBLEM_STORE_TRUNCATED] = {"store-truncated", SEVERITY_ERROR,
				     "the device is smaller than the store: its end is lost",
				     REPAIR_FOLLOWS,
				     "if the device was made smaller, undo that before all else; "
				     "'cowtool repair' gives up what was behind its end"},
	[PROBLEM_AREA_MISSING] = {"area-missing", SEVERITY_ERROR,
				  "the list of exceptions has no end: the kernel fails to load it",
				  REPAIR_END_LIST,
				  "if the device was made smaller, undo that before all else; "
				  "'cowtool repair' gives up an exception to make an end"},
	[PROBLEM_ENTRY_TOO_LARGE] = {"entry-too-large", SEVERITY_ERROR,
				     "no such chunk can exist; the kernel may crash on it",
				     REPAIR_DROP, "'cowtool repair' drops the exception"},
	[PROBLEM_ENTRY_IN_METADATA] = {"entry-in-metadata", SEVERITY_ERROR,
				       "the saved data was overwritten by metadata and is lost",
				       REPAIR_DROP, "'cowtool repair' drops the exception"},
	[PROBLEM_ENTRY_BEYOND_DEVICE] = {"entry-beyond-device", SEVERITY_ERROR,
					 "the saved data is outside the device and is lost",
					 REPAIR_DROP, "'cowtool repair' drops the exception"},
	[PROBLEM_ENTRY_BEYOND_ORIGIN] = {"entry-beyond-origin", SEVERITY_ERROR,
					 "the chunk is not in the origin: wrong origin, or damage",
					 REPAIR_DROP,
					 "name the right origin; if this is it, 'cowtool repair "
					 "--origin' drops the exception"},
	[PROBLEM_DUPLICATE_OLD] = {"duplicate-old", SEVERITY_ERROR,
				   "two versions of one chunk; the kernel shows the first",
				   REPAIR_DROP, "'cowtool repair' drops the later one"},
	[PROBLEM_DUPLICATE_NEW] = {"duplicate-new", SEVERITY_ERROR,
				   "two chunks share one saved copy: one of them is lost",
				   REPAIR_DROP_SHARED,
				   "which of the two is right cannot be told; 'cowtool repair "
				   "--drop-shared' drops the later one"},
	[PROBLEM_DIRTY_TAIL] = {"dirty-tail", SEVERITY_WARNING,
				"old entries behind the end of the list can come alive again",
				REPAIR_ZERO_TAIL, "'cowtool repair' zeroes them"},
	[PROBLEM_OUT_OF_ORDER] = {"out-of-order", SEVERITY_INFO,
				  "legal; kernels before 3.14 write it so", REPAIR_NONE, NULL},
	[PROBLEM_LEAKED_CHUNKS] = {"leaked-chunks", SEVERITY_INFO,
				   "legal; space that no exception uses", REPAIR_NONE, NULL},
	[PROBLEM_MERGE_UNFINISHED] = {"merge-unfinished", SEVERITY_INFO,
				      "'cowtool merge --resume' goes on with it", REPAIR_NONE,
				      "'cowtool merge --resume' goes on with it"},
};

const struct problem_info *problem_info(enum problem problem)
{
	return &problems[problem];
}

const char *severity_name(enum severity severity)
{
	static const char *const names[] = {"info", "warning", "error"};

	return names[severity];
}

const char *repair_name(enum repair_kind kind)
{
	static const char *const names[] = {
		"none",	     "rebuild-header", "set-valid", "clear-slack", "remove-record",
		"zero-tail", "drop",	       "drop",	    "end-list",	   "follows"};

	return names[kind];
}
