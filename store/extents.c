// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/extents.h"

#include <stdlib.h>

#include "store/bytes.h"

#define FIRST_CAPACITY 4096u
/* No live exception has this new chunk: of several exceptions, the first is looked for. */
#define NOT_KNOWN 0

struct state {
	struct extent_walk *walk;
	const struct geometry *geometry;
	struct exception *exceptions; /* inside the origin; later in the order of the view */
	size_t count, capacity;
	uint64_t all_bits; /* of all old chunks */
	bool sorted;
	struct extent extent; /* in hand; bytes 0: none */
};

/* ---- the exceptions ---- */

static enum result append(struct state *state, const struct exception *exception,
			  struct failure *why)
{
	if (state->count == state->capacity) {
		size_t capacity = state->capacity ? state->capacity * 2 : FIRST_CAPACITY;
		struct exception *exceptions =
			realloc(state->exceptions, capacity * sizeof(*exceptions));

		if (!exceptions)
			return fail_memory(why, "the map", capacity * sizeof(*exceptions));
		state->exceptions = exceptions;
		state->capacity = capacity;
	}
	state->exceptions[state->count++] = *exception;
	return RESULT_OK;
}

static enum result gather(void *context, uint64_t index, const uint8_t *entries, uint32_t count,
			  struct failure *why)
{
	struct state *state = context;
	enum result result = RESULT_OK;
	struct exception exception;

	(void)index;
	for (uint32_t i = 0; i < count && result == RESULT_OK; i++) {
		exception_decode(entries + (size_t)i * EXCEPTION_BYTES, &exception);
		if (geometry_clip(state->geometry, exception.old_chunk,
				  state->walk->origin_bytes) == 0) {
			state->walk->outside++;
			continue;
		}
		state->all_bits |= exception.old_chunk;
		state->sorted &=
			state->count == 0 ||
			state->exceptions[state->count - 1].old_chunk < exception.old_chunk;
		result = append(state, &exception, why);
	}
	return result;
}

/*
 * In place, for the memory is bounded: by one bit of the old chunk after the other, from the highest
 * that any of them has. Never deeper than there are bits.
 */
static void sort(struct exception *exceptions, size_t count, uint64_t bit)
{
	while (count > 1 && bit > 0) {
		size_t low = 0, high = count;

		while (low < high) {
			if (exceptions[low].old_chunk & bit) {
				struct exception swap = exceptions[low];

				exceptions[low] = exceptions[--high];
				exceptions[high] = swap;
			} else {
				low++;
			}
		}
		bit >>= 1;
		sort(exceptions, low, bit);
		exceptions += low;
		count -= low;
	}
}

static uint64_t highest_bit(uint64_t value)
{
	return value ? (uint64_t)1 << (63 - __builtin_clzll(value)) : 0;
}

/* Leaves one of several exceptions for a chunk; true: there are such. */
static bool join_repeated(struct state *state)
{
	bool repeated = false;
	size_t kept = 0;

	for (size_t i = 0; i < state->count; i++) {
		if (kept > 0 &&
		    state->exceptions[kept - 1].old_chunk == state->exceptions[i].old_chunk) {
			state->exceptions[kept - 1].new_chunk = NOT_KNOWN;
			repeated = true;
		} else {
			state->exceptions[kept++] = state->exceptions[i];
		}
	}
	state->count = kept;
	return repeated;
}

static int by_old_chunk(const void *a, const void *b)
{
	uint64_t left = ((const struct exception *)a)->old_chunk;
	uint64_t right = ((const struct exception *)b)->old_chunk;

	return (left > right) - (left < right);
}

static enum result take_first(void *context, uint64_t index, const uint8_t *entries, uint32_t count,
			      struct failure *why)
{
	struct state *state = context;

	(void)index;
	(void)why;
	for (uint32_t i = 0; i < count; i++) {
		struct exception exception, *place;

		exception_decode(entries + (size_t)i * EXCEPTION_BYTES, &exception);
		place = bsearch(&exception, state->exceptions, state->count,
				sizeof(*state->exceptions), by_old_chunk);
		if (place && place->new_chunk == NOT_KNOWN)
			place->new_chunk = exception.new_chunk;
	}
	return RESULT_OK;
}

static enum result put_in_order(struct state *state, struct failure *why)
{
	struct store_scan scan = {.live = take_first, .context = state};

	if (state->sorted)
		return RESULT_OK;
	sort(state->exceptions, state->count, highest_bit(state->all_bits));
	return join_repeated(state) ? store_scan(state->walk->store, &scan, why) : RESULT_OK;
}

/* ---- the extents ---- */

static enum result end_extent(struct state *state, struct failure *why)
{
	if (state->extent.bytes == 0)
		return RESULT_OK;
	return state->walk->found(state->walk->context, &state->extent, why);
}

/* It lies right behind the one in hand in the view. */
static enum result add_extent(struct state *state, const struct extent *next, struct failure *why)
{
	struct extent *extent = &state->extent;
	enum result result;

	if (extent->bytes > 0 && extent->source == next->source &&
	    (next->source == EXTENT_LOST || extent->offset + extent->bytes == next->offset)) {
		extent->bytes += next->bytes;
		return RESULT_OK;
	}
	result = end_extent(state, why);
	*extent = *next;
	return result;
}

static enum result add_origin(struct state *state, uint64_t from, uint64_t to, struct failure *why)
{
	struct extent extent = {.source = EXTENT_ORIGIN,
				.view_offset = from,
				.bytes = to - from,
				.offset = from,
				.old_chunk = from / state->geometry->chunk_bytes};

	return from < to ? add_extent(state, &extent, why) : RESULT_OK;
}

static enum result add_exception(struct state *state, const struct exception *exception,
				 struct failure *why)
{
	const struct geometry *geometry = state->geometry;
	uint64_t new_chunk = exception->new_chunk;
	bool lost =
		new_chunk >= geometry->device_chunks || geometry_is_metadata(geometry, new_chunk);
	struct extent extent = {
		.source = lost ? EXTENT_LOST : EXTENT_STORE,
		.view_offset = exception->old_chunk * geometry->chunk_bytes,
		.bytes = geometry_clip(geometry, exception->old_chunk, state->walk->origin_bytes),
		.offset = lost ? 0 : new_chunk * geometry->chunk_bytes,
		.old_chunk = exception->old_chunk,
		.new_chunk = new_chunk};

	return add_extent(state, &extent, why);
}

static enum result tell_all(struct state *state, struct failure *why)
{
	uint64_t chunk_bytes = state->geometry->chunk_bytes, position = 0;
	enum result result = RESULT_OK;

	for (size_t i = 0; i < state->count && result == RESULT_OK; i++) {
		const struct exception *exception = &state->exceptions[i];
		uint64_t start = exception->old_chunk * chunk_bytes;

		result = add_origin(state, position, start, why);
		if (result == RESULT_OK)
			result = add_exception(state, exception, why);
		position = min_u64(start + chunk_bytes, state->walk->origin_bytes);
	}
	if (result == RESULT_OK)
		result = add_origin(state, position, state->walk->origin_bytes, why);
	return result == RESULT_OK ? end_extent(state, why) : result;
}

enum result extents_walk(struct extent_walk *walk, struct failure *why)
{
	struct state state = {.walk = walk, .geometry = &walk->store->geometry, .sorted = true};
	struct store_scan scan = {.live = gather, .context = &state};
	enum result result;

	walk->outside = 0;
	result = store_scan(walk->store, &scan, why);
	walk->area_missing = scan.area_missing;
	if (result == RESULT_OK)
		result = put_in_order(&state, why);
	if (result == RESULT_OK)
		result = tell_all(&state, why);
	free(state.exceptions);
	return result;
}
