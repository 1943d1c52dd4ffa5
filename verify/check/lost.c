// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/lost.h"

#include <assert.h>
#include <stdlib.h>

#include "store/base/bytes.h"

struct lost_range lost_block(const struct geometry *geometry, uint64_t view_bytes,
			     uint64_t old_chunk, uint64_t from, uint64_t bytes)
{
	uint64_t clip = geometry_clip(geometry, old_chunk, view_bytes);

	if (clip == 0)
		return (struct lost_range){0, 0};
	return (struct lost_range){old_chunk * geometry->chunk_bytes + from,
				   from < clip ? min_u64(bytes, clip - from) : 0};
}

struct lost_range lost_chunk(const struct geometry *geometry, uint64_t view_bytes,
			     uint64_t old_chunk)
{
	return lost_block(geometry, view_bytes, old_chunk, 0, geometry->chunk_bytes);
}

/* ---- the list ---- */

static bool grow(struct lost *lost)
{
	size_t most = lost->most ? lost->most : LOST_RANGES_MAX;
	size_t capacity = min_u64(lost->capacity ? lost->capacity * 2 : 64, most);
	struct lost_range *ranges;

	if (lost->count < lost->capacity)
		return true;
	if (lost->count == most)
		return false;
	ranges = realloc(lost->ranges, capacity * sizeof(*ranges));
	if (!ranges)
		return false;
	lost->ranges = ranges;
	lost->capacity = capacity;
	return true;
}

static void append(struct lost *lost, uint64_t offset, uint64_t bytes)
{
	if (bytes == 0)
		return;
	if (grow(lost))
		lost->ranges[lost->count++] = (struct lost_range){offset, bytes};
	else
		lost->unlisted++;
}

void lost_add(struct lost *lost, uint64_t offset, uint64_t bytes)
{
	struct lost_range *last = lost->ranges + lost->count - (lost->count > 0);

	if (lost->count > 0 && last->offset + last->bytes == offset)
		last->bytes += bytes;
	else
		append(lost, offset, bytes);
}

static int by_offset(const void *a, const void *b)
{
	const struct lost_range *left = a, *right = b;

	return compare_u64(left->offset, right->offset);
}

void lost_sort(struct lost *lost)
{
	struct lost_range *ranges = lost->ranges;
	size_t count = lost->count;

	if (count == 0)
		return;
	qsort(ranges, count, sizeof(*ranges), by_offset);
	lost->count = 1;
	for (size_t i = 1; i < count; i++) {
		struct lost_range *last = &ranges[lost->count - 1];
		uint64_t end = last->offset + last->bytes;

		if (ranges[i].offset > end)
			ranges[lost->count++] = ranges[i];
		else
			last->bytes =
				max_u64(end, ranges[i].offset + ranges[i].bytes) - last->offset;
	}
}

/* ---- taking back ---- */

/*
 * A sweep over the places where a range begins or ends, by offset. What is taken back is one chunk,
 * and ranges begin and end between chunks (or with the origin), so nothing else happens inside of
 * it.
 */
enum event_kind { TAKEN_END, RANGE_BEGIN, RANGE_END, TAKEN_BEGIN };

struct event {
	uint64_t offset;
	enum event_kind kind;
};

struct sweep {
	struct event *events;
	size_t count;
	/* Where the ranges begin that the sweep is in: a chunk may be lost more than once. */
	uint64_t *begins;
	size_t depth;
	size_t not_there; /* of the chunk in hand: how often it is taken back and was not listed */
};

static int compare_events(const void *a, const void *b)
{
	const struct event *left = a, *right = b;

	if (left->offset != right->offset)
		return left->offset < right->offset ? -1 : 1;
	return (int)left->kind - (int)right->kind;
}

static void add_events(struct sweep *sweep, const struct lost_range *ranges, size_t count,
		       enum event_kind begin, enum event_kind end)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t offset = ranges[i].offset;

		sweep->events[sweep->count++] = (struct event){offset, begin};
		sweep->events[sweep->count++] = (struct event){offset + ranges[i].bytes, end};
	}
}

static void end_range(struct lost *lost, struct sweep *sweep, uint64_t end)
{
	uint64_t begin;

	assert(sweep->depth > 0);
	begin = sweep->begins[--sweep->depth];
	append(lost, begin, end - begin);
}

static void handle_event(struct lost *lost, struct sweep *sweep, const struct event *event)
{
	switch (event->kind) {
	case TAKEN_END:
		if (sweep->not_there > 0) {
			sweep->not_there--;
			break;
		}
		sweep->begins[sweep->depth++] = event->offset;
		break;
	case RANGE_BEGIN:
		sweep->begins[sweep->depth++] = event->offset;
		break;
	case RANGE_END:
		end_range(lost, sweep, event->offset);
		break;
	case TAKEN_BEGIN:
		if (sweep->depth > 0)
			end_range(lost, sweep, event->offset);
		else
			sweep->not_there++;
		break;
	}
}

/* The ranges without what is taken back. */
static void take_all_back(struct lost *lost)
{
	size_t ranges = lost->count, taken = lost->taken_count;
	struct sweep sweep = {.events = malloc(2 * (ranges + taken) * sizeof(*sweep.events)),
			      .begins = malloc((ranges + 1) * sizeof(*sweep.begins))};

	lost->taken_count = 0;
	if (taken > 0 && sweep.events && sweep.begins) {
		add_events(&sweep, lost->ranges, ranges, RANGE_BEGIN, RANGE_END);
		add_events(&sweep, lost->taken, taken, TAKEN_BEGIN, TAKEN_END);
		qsort(sweep.events, sweep.count, sizeof(*sweep.events), compare_events);
		lost->count = 0;
		for (size_t i = 0; i < sweep.count; i++)
			handle_event(lost, &sweep, &sweep.events[i]);
	} else if (taken > 0) {
		lost->out_of_memory = true;
	}
	free(sweep.events);
	free(sweep.begins);
}

/* A chunk that was added, or is added yet, is not lost, or is added once more than it is lost. */
static void take_back(struct lost *lost, uint64_t offset, uint64_t bytes)
{
	if (!lost->taken)
		lost->taken = calloc(LOST_RANGES_MAX, sizeof(*lost->taken));
	if (!lost->taken) {
		lost->out_of_memory = true;
		return;
	}
	if (lost->taken_count == LOST_RANGES_MAX)
		take_all_back(lost);
	lost->taken[lost->taken_count++] = (struct lost_range){offset, bytes};
}

enum result lost_settle(struct lost *lost, struct failure *why)
{
	take_all_back(lost);
	return lost->out_of_memory ? fail_memory(why, "what is left out", 0) : RESULT_OK;
}

uint64_t lost_bytes(const struct lost *lost)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < lost->count; i++)
		bytes += lost->ranges[i].bytes;
	return bytes;
}

void lost_free(struct lost *lost)
{
	free(lost->ranges);
	free(lost->taken);
	*lost = (struct lost){0};
}

/* ---- by what is found ---- */

static bool is_lost(const struct finding *finding)
{
	return problem_info(finding->problem)->data == DATA_NOWHERE;
}

/* Has an earlier exception its bytes, which were lost when it was met? */
static bool is_taken_back(const struct geometry *geometry, const struct finding *finding)
{
	return problem_info(finding->problem)->data == DATA_SHADOWED &&
	       !geometry_holds_data(geometry, finding->new_chunk);
}

void lost_count(uint64_t *bytes, const struct geometry *geometry, const struct finding *finding)
{
	if (is_lost(finding))
		*bytes += finding->view_bytes;
	else if (is_taken_back(geometry, finding))
		*bytes -= finding->view_bytes;
}

void lost_take(struct lost *lost, const struct geometry *geometry, const struct finding *finding)
{
	if (is_lost(finding))
		lost_add(lost, finding->view_offset, finding->view_bytes);
	else if (is_taken_back(geometry, finding) && finding->view_bytes > 0)
		take_back(lost, finding->view_offset, finding->view_bytes);
}
