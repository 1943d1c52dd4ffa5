/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of everything that can be wrong with a store. Knows not how it is found. */
#ifndef VERIFY_CHECK_PROBLEM_H
#define VERIFY_CHECK_PROBLEM_H

#include <stdbool.h>
#include <stdint.h>

#include "verify/check/trace.h"

enum severity {
	SEVERITY_INFO,	  /* legal, worth knowing */
	SEVERITY_WARNING, /* does not change the view; can be mended */
	SEVERITY_ERROR,	  /* the view is not, or may not be, what it was */
};

enum problem {
	PROBLEM_HEADER_MAGIC,
	PROBLEM_HEADER_VERSION,
	PROBLEM_HEADER_CHUNK_SIZE,
	PROBLEM_HEADER_INVALID,
	PROBLEM_RESTORE_UNFINISHED,
	PROBLEM_HEADER_SLACK,
	PROBLEM_STORE_TRUNCATED,
	PROBLEM_AREA_MISSING,
	PROBLEM_AREA_UNREADABLE,
	PROBLEM_ENTRY_TOO_LARGE,
	PROBLEM_ENTRY_IN_METADATA,
	PROBLEM_ENTRY_BEYOND_DEVICE,
	PROBLEM_ENTRY_BEYOND_ORIGIN,
	PROBLEM_DUPLICATE_OLD,
	PROBLEM_DUPLICATE_NEW,
	PROBLEM_DIRTY_TAIL,
	PROBLEM_OUT_OF_ORDER,
	PROBLEM_LEAKED_CHUNKS,
	PROBLEM_STALE_EXCEPTIONS,
	PROBLEM_MERGE_UNFINISHED,
	PROBLEM_STORE_FULL,
	PROBLEM_COUNT,
};

/* How a problem is mended (verify/repair). */
enum repair_kind {
	REPAIR_NONE,	       /* there is nothing to mend, or another command does it */
	REPAIR_REBUILD_HEADER, /* only where it is asked for */
	REPAIR_SET_VALID,      /* only where it is asked for */
	REPAIR_CLEAR_SLACK,
	REPAIR_REMOVE_RECORD,
	REPAIR_ZERO_TAIL,
	REPAIR_DROP,	    /* the exception is taken out of the list */
	REPAIR_DROP_SHARED, /* the same, but only where it is asked for */
	REPAIR_END_LIST,    /* the last exception is taken out, which gives the list an end */
	REPAIR_FOLLOWS,	    /* mended when all exceptions and the list's end are */
};

/* What a problem says of the data of the exceptions that its findings are at. */
enum problem_data {
	DATA_UNTOUCHED,	 /* nothing */
	DATA_NOWHERE,	 /* it is not in the store: the exception is lost */
	DATA_NO_PLACE,	 /* its chunk is not in the origin: lost with this origin */
	DATA_UNREADABLE, /* the exceptions cannot be read: lost, and so is what of the view was
			    theirs */
	DATA_CUT_OFF,  /* the store has lost its end; exceptions lost with it have findings of their
			  own */
	DATA_SHADOWED, /* an earlier exception for its old chunk counts */
	DATA_SHARED,   /* an earlier exception has the same new chunk: one of the two is lost */
};

struct problem_info {
	const char *code; /* as scripts see it */
	enum severity severity;
	enum problem_data data;
	const char *meaning;	 /* what it means for the user's data */
	enum repair_kind repair; /* the one repair */
};

const struct problem_info *problem_info(enum problem problem);

/* Is every exception lost that has such a finding (exception_is_lost), or that cannot be read? */
bool problem_is_of_lost(enum problem problem);

/* Does a repair take exceptions out of the list for it? Only such a one is an item of a plan. */
bool problem_is_dropped(enum problem problem);

const char *problem_severity_name(enum severity severity);

/* "drop", as scripts see it. */
const char *problem_repair_name(enum repair_kind kind);

#define FINDING_BYTES 512u

/* One problem at one place. */
struct finding {
	enum problem problem;
	bool has_exception; /* area, index and exception say where */
	uint64_t area;
	uint32_t index; /* within the area */
	uint64_t old_chunk, new_chunk;
	uint64_t first; /* duplicates: the number of the first exception with the same chunk */
	/* Of an area that is unreadable: exceptions of the list, from `number` on, and how many. */
	uint64_t gap_first, gap_count;
	/* The part of the view that the exception is for; view_bytes 0: none is concerned. */
	uint64_t view_offset, view_bytes;
	bool view_unknown; /* an exception is lost here, and which part was its is not known */
	enum trace trace;  /* what it looks like; the message says it, too */
	char message[FINDING_BYTES];
};

#endif
