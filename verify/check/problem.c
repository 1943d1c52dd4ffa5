// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/problem.h"

#include "store/cow/status.h"

static const struct problem_info problems[PROBLEM_COUNT] = {
	[PROBLEM_HEADER_MAGIC] = {"header-magic", SEVERITY_ERROR, DATA_UNTOUCHED,
				  "no COW store begins here", REPAIR_REBUILD_HEADER},
	[PROBLEM_HEADER_VERSION] =
		{"header-version", SEVERITY_ERROR, DATA_UNTOUCHED,
		 "the kernel refuses to load this snapshot; its data may all be there",
		 REPAIR_REBUILD_HEADER},
	[PROBLEM_HEADER_CHUNK_SIZE] =
		{"header-chunk-size", SEVERITY_ERROR, DATA_UNTOUCHED,
		 "the kernel refuses to load this snapshot; its data may all be there",
		 REPAIR_REBUILD_HEADER},
	[PROBLEM_HEADER_INVALID] =
		{"header-invalid", SEVERITY_ERROR, DATA_UNTOUCHED,
		 "the kernel gave this snapshot up; later changes of the origin are not in it",
		 REPAIR_SET_VALID},
	[PROBLEM_RESTORE_UNFINISHED] =
		{"restore-unfinished", SEVERITY_ERROR, DATA_UNTOUCHED,
		 "the metadata is partly what it was, partly what was to be restored: no view can be made of it",
		 REPAIR_NONE},
	[PROBLEM_HEADER_SLACK] = {"header-slack", SEVERITY_WARNING, DATA_UNTOUCHED,
				  "the kernel ignores these bytes; old kernels' bugs leave them",
				  REPAIR_CLEAR_SLACK},
	[PROBLEM_STORE_TRUNCATED] = {"store-truncated", SEVERITY_ERROR, DATA_CUT_OFF,
				     "the device is smaller than the store: its end is lost",
				     REPAIR_FOLLOWS},
	[PROBLEM_AREA_MISSING] =
		{"area-missing", SEVERITY_ERROR, DATA_CUT_OFF,
		 "the list of exceptions has no end: the kernel fails to load it, and what the next area held is lost",
		 REPAIR_END_LIST},
	[PROBLEM_AREA_UNREADABLE] =
		{"area-unreadable", SEVERITY_ERROR, DATA_UNREADABLE,
		 "the kernel fails to load the snapshot; the exceptions that were there are lost, and where in the view cannot be told",
		 REPAIR_DROP},
	[PROBLEM_ENTRY_TOO_LARGE] =
		{"entry-too-large", SEVERITY_ERROR, DATA_NOWHERE,
		 "no such chunk can exist: the saved data is lost; the kernel may crash on it",
		 REPAIR_DROP},
	[PROBLEM_ENTRY_IN_METADATA] = {"entry-in-metadata", SEVERITY_ERROR, DATA_NOWHERE,
				       "the saved data was overwritten by metadata and is lost",
				       REPAIR_DROP},
	[PROBLEM_ENTRY_BEYOND_DEVICE] = {"entry-beyond-device", SEVERITY_ERROR, DATA_NOWHERE,
					 "the saved data is outside the device and is lost",
					 REPAIR_DROP},
	[PROBLEM_ENTRY_BEYOND_ORIGIN] = {"entry-beyond-origin", SEVERITY_ERROR, DATA_NO_PLACE,
					 "the chunk is not in the origin: wrong origin, or damage",
					 REPAIR_DROP},
	[PROBLEM_DUPLICATE_OLD] =
		{"duplicate-old", SEVERITY_ERROR, DATA_SHADOWED,
		 "two versions of one chunk; the kernel shows the first (before 5.2 mostly the last)",
		 REPAIR_DROP},
	[PROBLEM_DUPLICATE_NEW] = {"duplicate-new", SEVERITY_ERROR, DATA_SHARED,
				   "two chunks share one saved copy: one of them is lost",
				   REPAIR_DROP_SHARED},
	[PROBLEM_DIRTY_TAIL] = {"dirty-tail", SEVERITY_WARNING, DATA_UNTOUCHED,
				"old entries after the end of the list can come alive again",
				REPAIR_ZERO_TAIL},
	[PROBLEM_OUT_OF_ORDER] =
		{"out-of-order", SEVERITY_INFO, DATA_UNTOUCHED,
		 "legal; kernels before 3.14 write it so, and a repair may leave it so",
		 REPAIR_NONE},
	[PROBLEM_LEAKED_CHUNKS] = {"leaked-chunks", SEVERITY_INFO, DATA_UNTOUCHED,
				   "legal; space that no exception uses", REPAIR_NONE},
	[PROBLEM_STALE_EXCEPTIONS] =
		{"stale-exceptions", SEVERITY_INFO, DATA_UNTOUCHED,
		 "they count for nothing. An earlier use of the device leaves such entries; but if this is a copy with zeros for what could not be read, or a part was discarded, the list was cut off, and the view lacks what they are for",
		 REPAIR_NONE},
	[PROBLEM_MERGE_UNFINISHED] =
		{"merge-unfinished", SEVERITY_INFO, DATA_UNTOUCHED,
		 "until it is finished, the origin alone is a mixture of old and new: do not mount it",
		 REPAIR_NONE},
	[PROBLEM_STORE_FULL] = {"store-full", SEVERITY_INFO, DATA_UNTOUCHED, STATUS_WHEN_FULL,
				REPAIR_NONE},
};

const struct problem_info *problem_info(enum problem problem)
{
	return &problems[problem];
}

bool problem_is_of_lost(enum problem problem)
{
	switch (problem_info(problem)->data) {
	case DATA_NOWHERE:
	case DATA_NO_PLACE:
	case DATA_UNREADABLE:
		return true;
	case DATA_UNTOUCHED:
	case DATA_CUT_OFF:
	case DATA_SHADOWED:
	case DATA_SHARED:
		break;
	}
	return false;
}

bool problem_is_dropped(enum problem problem)
{
	enum repair_kind repair = problem_info(problem)->repair;

	return repair == REPAIR_DROP || repair == REPAIR_DROP_SHARED;
}

const char *problem_severity_name(enum severity severity)
{
	static const char *const names[] = {"info", "warning", "error"};

	return names[severity];
}

const char *problem_repair_name(enum repair_kind kind)
{
	static const char *const names[] = {
		"none",	     "rebuild-header", "set-valid", "clear-slack", "remove-record",
		"zero-tail", "drop",	       "drop",	    "end-list",	   "follows"};

	return names[kind];
}
