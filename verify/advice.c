// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/advice.h"

#define REPAIR "'cowtool repair --backup FILE STORE' "
#define REBUILD_HEADER "'cowtool repair --rebuild-header --backup FILE STORE' "
#define SKIP_LOST "'cowtool merge --skip-lost ORIGIN STORE' "
#define FIND_AREAS                                                                                 \
	"if a store was here, " REBUILD_HEADER "looks for its areas and makes the header anew; "   \
	"do not activate the snapshot before"
#define DROP REPAIR "drops the entry and lists what is lost; " SKIP_LOST "merges all the others"
#define NOTHING "nothing needs to be done"

static const char *const advices[PROBLEM_COUNT] = {
	[PROBLEM_HEADER_MAGIC] = FIND_AREAS,
	[PROBLEM_HEADER_VERSION] = FIND_AREAS,
	[PROBLEM_HEADER_CHUNK_SIZE] = FIND_AREAS,
	[PROBLEM_HEADER_INVALID] =
		"'cowtool repair --set-valid --backup FILE STORE' makes it readable again, to copy "
		"files out of it; do not merge it unless the origin was not written since",
	[PROBLEM_RESTORE_UNFINISHED] =
		"'cowtool restore FILE STORE' with the same FILE; no repair can tell what belongs "
		"together",
	[PROBLEM_HEADER_SLACK] = REPAIR "clears them",
	[PROBLEM_STORE_TRUNCATED] =
		"give the device its old size back, if its end still exists; else " REPAIR
		"drops what is lost, or " SKIP_LOST "merges what is left",
	[PROBLEM_AREA_MISSING] = "give the device its old size back, if its end still exists; else "
				 "make it larger by a chunk of zeros at least, and the list ends "
				 "there; or " REPAIR "drops the last entry to make an end",
	[PROBLEM_ENTRY_TOO_LARGE] = DROP,
	[PROBLEM_ENTRY_IN_METADATA] = DROP,
	[PROBLEM_ENTRY_BEYOND_DEVICE] =
		"give the device its old size back, if its end still exists; else " DROP,
	[PROBLEM_ENTRY_BEYOND_ORIGIN] =
		"name the right origin; if this is it, 'cowtool repair --origin ORIGIN --backup "
		"FILE STORE' drops the entry, and nothing of the view is lost by that",
	[PROBLEM_DUPLICATE_OLD] = REPAIR "keeps the first, as the kernel's view does; 'cowtool "
					 "merge --force ORIGIN STORE' merges the first",
	[PROBLEM_DUPLICATE_NEW] =
		"look at what these chunks hold in the view: one of them is wrong, and which one "
		"cannot be told; 'cowtool repair --drop-shared --backup FILE STORE' drops the "
		"later one",
	[PROBLEM_DIRTY_TAIL] = REPAIR "zeroes them, and so does a merge; 'cowtool dump --stale "
				      "STORE' shows them",
	[PROBLEM_OUT_OF_ORDER] = NOTHING,
	[PROBLEM_LEAKED_CHUNKS] = NOTHING,
	[PROBLEM_MERGE_UNFINISHED] = "'cowtool merge --resume ORIGIN STORE' goes on with it",
};

const char *advice(enum problem problem)
{
	return advices[problem];
}
