// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cow/stale.h"

#include "store/base/bytes.h"

/* The entry before the one in hand: only that one tells whether the numbering fits. */
struct stale_state {
	struct stale_scan *scan;
	uint64_t area_end; /* the number after the area in which the list ends */
	uint64_t index;
	struct exception exception;
	bool plausible, fits;
};

static bool is_plausible(const struct stale_scan *scan, const struct exception *exception)
{
	const struct geometry *geometry = &scan->store->geometry;

	return geometry_holds_data(geometry, exception->new_chunk) &&
	       exception->old_chunk < scan->old_chunks;
}

/* Is `after` the next data chunk? */
static bool is_next(const struct geometry *geometry, uint64_t before, uint64_t after)
{
	return after == geometry_next_free(geometry, before);
}

static enum result tell(struct stale_state *state, struct failure *why)
{
	struct stale_scan *scan = state->scan;

	if (!state->plausible || !state->fits)
		return RESULT_OK;
	scan->count++;
	return scan->found(scan->context, state->index, &state->exception, why);
}

static enum result add(struct stale_state *state, uint64_t index, const struct exception *exception,
		       struct failure *why)
{
	const struct geometry *geometry = &state->scan->store->geometry;
	bool plausible = is_plausible(state->scan, exception);
	uint64_t before = state->exception.new_chunk, new_chunk = exception->new_chunk;
	bool neighbours =
		plausible && state->plausible &&
		(is_next(geometry, before, new_chunk) || is_next(geometry, new_chunk, before));
	enum result result;

	state->fits |= neighbours;
	result = tell(state, why);
	state->index = index;
	state->exception = *exception;
	state->plausible = plausible;
	state->fits = neighbours || index < state->area_end ||
		      new_chunk == geometry_usual_chunk(geometry, index);
	return result;
}

static enum result add_piece(void *context, const struct store_segment *segment, uint8_t *buffer,
			     struct failure *why)
{
	struct stale_state *state = context;
	const uint8_t *entries = buffer + segment->skip;
	enum result result = RESULT_OK;
	struct exception exception;

	for (uint32_t i = 0; i < segment->count && result == RESULT_OK; i++) {
		exception_decode(entries + (size_t)i * EXCEPTION_BYTES, &exception);
		result = add(state, segment->index + i, &exception, why);
	}
	return result;
}

/* Where the scan pauses to see whether it found anything. */
static uint64_t next_pause(const struct stale_scan *scan, uint64_t index)
{
	const struct geometry *geometry = &scan->store->geometry;
	uint64_t per_area = geometry->exceptions_per_area, areas = geometry_areas(geometry);

	if (scan->quiet_areas > 0 && scan->quiet_areas < areas)
		areas = min_u64(areas, index / per_area + 1 + scan->quiet_areas);
	return areas * per_area;
}

enum result stale_scan(struct stale_scan *scan, struct failure *why)
{
	const struct geometry *geometry = &scan->store->geometry;
	uint64_t per_area = geometry->exceptions_per_area;
	uint64_t begin = scan->exceptions, end = geometry_areas(geometry) * per_area;
	struct stale_state state = {.scan = scan};
	enum result result = RESULT_OK;
	uint64_t before;

	if (!scan->all_fit)
		state.area_end = (scan->exceptions / per_area + 1) * per_area;
	scan->count = 0;
	do {
		uint64_t pause = next_pause(scan, begin);

		before = scan->count;
		if (begin < end)
			result = store_stream(scan->store, begin, pause, add_piece, &state, why);
		begin = pause;
	} while (result == RESULT_OK && begin < end && scan->count > before);
	return result == RESULT_OK ? tell(&state, why) : result;
}
