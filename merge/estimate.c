// SPDX-License-Identifier: GPL-2.0-or-later
/* What a merge will do, before it does it. */
#include "merge/merge.h"

#include "merge/commit.h"
#include "merge/window.h"
#include "store/breaks.h"
#include "store/bytes.h"

/* What is settled (merge.c), its records, the data of each window, and the blocks that are published
 * one by one. */
static uint64_t kept_flushes(const struct kept *kept, uint64_t windows, bool begun)
{
	uint64_t per_block, blocks;

	if (kept->given_up)
		return 2;
	if (kept->is_new)
		per_block = SECTOR_BYTES / EXCEPTION_BYTES;
	else
		per_block = store_exceptions_per_block(kept->store);
	blocks = min_u64(kept->needed / per_block + 2 * windows,
			 windows * (kept->store->geometry.exceptions_per_area / per_block));
	return 3 + (begun && !kept->is_new) + 2 * (uint64_t)kept->check.tail_is_dirty +
	       (kept->needed > 0 ? min_u64(windows, kept->needed) + blocks : 0);
}

bool merge_in_order(const struct merge *merge)
{
	return merge->check.found[PROBLEM_DUPLICATE_OLD] > 0 || !merge->check.summary.usual ||
	       (merge->left_out.exceptions > 0 && !BROKEN(LOST_TORN_TAIL));
}

void merge_estimate(const struct merge *merge, struct merge_estimate *estimate)
{
	const struct store *store = merge->store;
	const struct summary *summary = &merge->check.summary;
	uint64_t capacity = window_capacity(&store->geometry, merge->window_bytes);
	uint64_t end = merge->exceptions_before, last;
	bool begun = store->record_presence == RECORD_PRESENT;

	*estimate = (struct merge_estimate){.runs = summary->runs, .bytes = merge->bytes_total};
	/* Only the last chunk of the origin can be a partial one. */
	last = geometry_clip(&store->geometry, summary->highest_old, merge->origin->bytes);
	if (end > 0 && last > 0 && estimate->bytes > 0)
		estimate->bytes -= store->geometry.chunk_bytes - last;
	/* The record is flushed when it comes and when it goes, as are the areas that were
	 * cleared last, and a tail before and after it is swept; and what another process may
	 * have left. */
	if (end > 0)
		estimate->flushes = 3 + 2 * (uint64_t)merge->check.tail_is_dirty + (begun ? 2 : 0);
	while (end > 0) {
		uint64_t first = window_first(store, capacity, end);

		estimate->windows++;
		estimate->flushes += commit_flushes(store, first, end, merge_in_order(merge));
		end = first;
	}
	for (size_t i = 0; i < merge->kept_count && estimate->windows > 0; i++)
		estimate->flushes += kept_flushes(&merge->kept[i], estimate->windows, begun);
}
