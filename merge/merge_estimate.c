// SPDX-License-Identifier: GPL-2.0-or-later
/* What a merge will do, before it does it. Nothing here writes. */
#include <stdlib.h>

#include "merge/commit.h"
#include "merge/left_out.h"
#include "merge/merge.h"
#include "merge/window.h"
#include "store/base/bytes.h"
#include "store/cow/gaps.h"

/* The old chunks of one window, as far as the window writes them. */
struct window_chunks {
	const struct merge *merge;
	uint64_t *chunks; /* owned */
	uint64_t count;
};

static enum result take_chunks(void *context, const struct store_segment *segment, uint8_t *buffer,
			       struct failure *why)
{
	struct window_chunks *window = context;
	const struct merge *merge = window->merge;
	const uint8_t *entries = buffer + segment->skip;
	struct exception exception;

	(void)why;
	for (uint32_t i = 0; i < segment->count; i++) {
		exception_decode(entries + (size_t)i * EXCEPTION_BYTES, &exception);
		if (!left_out_must(&merge->store->geometry, merge->origin->bytes, &exception))
			window->chunks[window->count++] = exception.old_chunk;
	}
	return RESULT_OK;
}

/* Of several exceptions for one old chunk, a window writes one. */
static uint64_t bytes_of(struct window_chunks *window)
{
	const struct merge *merge = window->merge;
	const uint64_t *chunks = window->chunks;
	uint64_t bytes = 0;

	qsort(window->chunks, window->count, sizeof(*window->chunks), compare_u64_at);
	for (uint64_t i = 0; i < window->count; i++)
		if (i == 0 || chunks[i] != chunks[i - 1])
			bytes += geometry_clip(&merge->store->geometry, chunks[i],
					       merge->origin->bytes);
	return bytes;
}

/* Window by window, as the merge takes them. */
static enum result count_bytes(const struct merge *merge, uint64_t capacity, uint64_t *bytes,
			       struct failure *why)
{
	struct window_chunks window = {.merge = merge,
				       .chunks = calloc(capacity, sizeof(*window.chunks))};
	enum result result = RESULT_OK;
	uint64_t end = merge->exceptions_before;

	*bytes = 0;
	if (!window.chunks)
		return fail_memory(why, "the plan", capacity * sizeof(*window.chunks));
	while (end > 0 && result == RESULT_OK) {
		uint64_t first = window_first(merge->store, capacity, end);

		window.count = 0;
		result = store_stream(merge->store, first, end, take_chunks, &window, why);
		*bytes += bytes_of(&window);
		end = first;
	}
	free(window.chunks);
	return result;
}

static enum result estimate_bytes(const struct merge *merge, uint64_t capacity, uint64_t *bytes,
				  struct failure *why)
{
	const struct geometry *geometry = &merge->store->geometry;
	uint64_t last =
		geometry_clip(geometry, merge->check.summary.highest_old, merge->origin->bytes);

	if (merge->check.found[PROBLEM_DUPLICATE_OLD] > 0 || merge->left_out.exceptions > 0)
		return count_bytes(merge, capacity, bytes, why);
	*bytes = merge->bytes_total;
	/* Only the last chunk of the origin can be a partial one. */
	if (merge->exceptions_before > 0)
		*bytes -= geometry->chunk_bytes - last;
	return RESULT_OK;
}

/* What is settled (merge.c), or what a new one needs to be made, its records, the data of each
 * window, and the blocks that are published one by one. */
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
	return 3 + (begun || kept->is_new) + 2 * (uint64_t)kept->check.tail_is_dirty +
	       (kept->needed > 0 ? min_u64(windows, kept->needed) + blocks : 0);
}

enum result merge_estimate(const struct merge *merge, struct merge_estimate *estimate,
			   struct failure *why)
{
	const struct store *store = merge->store;
	const struct summary *summary = &merge->check.summary;
	uint64_t capacity = window_capacity(&store->geometry, merge->options->window_bytes);
	uint64_t end = merge->exceptions_before;
	bool begun = store->record_presence == RECORD_PRESENT;

	*estimate = (struct merge_estimate){.runs = summary->runs};
	/* The record is flushed when it comes and when it goes, as are the areas that were
	 * cleared last, and what cannot be read; a tail before and after it is swept; and what
	 * another process may have left. */
	if (end > 0)
		estimate->flushes = 3 + 2 * (uint64_t)merge->check.tail_is_dirty + (begun ? 2 : 0) +
				    gaps_met(store);
	while (end > 0) {
		uint64_t first = window_first(store, capacity, end);

		estimate->windows++;
		estimate->flushes += commit_flushes(store, first, end, merge_in_order(merge));
		end = first;
	}
	for (size_t i = 0; i < merge->kept_count && estimate->windows > 0; i++)
		estimate->flushes += kept_flushes(&merge->kept[i], estimate->windows, begun);
	return estimate_bytes(merge, capacity, &estimate->bytes, why);
}
