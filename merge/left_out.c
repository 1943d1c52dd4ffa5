// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/left_out.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/breaks.h"
#include "store/base/bytes.h"

bool left_out_must(const struct geometry *geometry, uint64_t origin_bytes,
		   const struct exception *exception)
{
	if (BROKEN(LOST_OVERWRITTEN) && exception->new_chunk < geometry->device_chunks)
		return geometry_clip(geometry, exception->old_chunk, origin_bytes) == 0;
	return exception_is_lost(exception, geometry, origin_bytes);
}

static bool grow(struct left_out *left_out)
{
	size_t capacity = left_out->capacity ? left_out->capacity * 2 : 64;
	struct left_out_range *ranges;

	if (left_out->count < left_out->capacity)
		return true;
	if (capacity > LEFT_OUT_RANGES_MAX)
		return false;
	ranges = realloc(left_out->ranges, capacity * sizeof(*ranges));
	if (!ranges)
		return false;
	left_out->ranges = ranges;
	left_out->capacity = capacity;
	return true;
}

static void append_range(struct left_out *left_out, uint64_t offset, uint64_t bytes)
{
	if (bytes == 0)
		return;
	if (grow(left_out))
		left_out->ranges[left_out->count++] = (struct left_out_range){offset, bytes};
	else
		left_out->unlisted++;
}

static void add_range(struct left_out *left_out, uint64_t offset, uint64_t bytes)
{
	struct left_out_range *last = left_out->ranges + left_out->count - (left_out->count > 0);

	if (left_out->count > 0 && last->offset + last->bytes == offset)
		last->bytes += bytes;
	else
		append_range(left_out, offset, bytes);
}

void left_out_add_unreadable(struct left_out *left_out, uint64_t offset, uint64_t bytes)
{
	if (BROKEN(UNREADABLE_UNLISTED))
		return;
	add_range(left_out, offset, bytes);
	left_out->bytes_unreadable += bytes;
}

static int by_offset(const void *a, const void *b)
{
	const struct left_out_range *left = a, *right = b;

	return compare_u64(left->offset, right->offset);
}

void left_out_sort(struct left_out *left_out)
{
	struct left_out_range *ranges = left_out->ranges;
	size_t count = left_out->count;

	if (count == 0)
		return;
	qsort(ranges, count, sizeof(*ranges), by_offset);
	left_out->count = 1;
	for (size_t i = 1; i < count; i++) {
		struct left_out_range *last = &ranges[left_out->count - 1];
		uint64_t end = last->offset + last->bytes;

		if (ranges[i].offset > end)
			ranges[left_out->count++] = ranges[i];
		else
			last->bytes =
				max_u64(end, ranges[i].offset + ranges[i].bytes) - last->offset;
	}
}

enum result left_out_suggest(bool skip_lost, enum result result, struct failure *why)
{
	struct failure reading = *why;

	if (result != RESULT_IO || skip_lost)
		return result;
	return fail(why, result, "%s; --skip-lost leaves out what cannot be read", reading.text);
}

/* ---- taking back ---- */

/*
 * A sweep over the places where a range begins or ends, by offset. What is taken back is one chunk, and
 * ranges begin and end between chunks (or with the origin), so nothing else happens inside of it.
 */
enum event_kind { TAKEN_END, RANGE_BEGIN, RANGE_END, TAKEN_BEGIN };

struct event {
	uint64_t offset;
	enum event_kind kind;
};

struct sweep {
	struct event *events;
	size_t count;
	/* Where each of the ranges begins that the sweep is in: a chunk may be lost more than once. */
	uint64_t *begins;
	size_t depth;
	size_t not_there; /* of the chunk in hand: so often it is taken back and was not listed */
};

static int compare_events(const void *a, const void *b)
{
	const struct event *left = a, *right = b;

	if (left->offset != right->offset)
		return left->offset < right->offset ? -1 : 1;
	return (int)left->kind - (int)right->kind;
}

static void add_events(struct sweep *sweep, const struct left_out_range *ranges, size_t count,
		       enum event_kind begin, enum event_kind end)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t offset = ranges[i].offset;

		sweep->events[sweep->count++] = (struct event){offset, begin};
		sweep->events[sweep->count++] = (struct event){offset + ranges[i].bytes, end};
	}
}

static void end_range(struct left_out *left_out, struct sweep *sweep, uint64_t end)
{
	uint64_t begin;

	assert(sweep->depth > 0);
	begin = sweep->begins[--sweep->depth];
	append_range(left_out, begin, end - begin);
}

static void handle_event(struct left_out *left_out, struct sweep *sweep, const struct event *event)
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
		end_range(left_out, sweep, event->offset);
		break;
	case TAKEN_BEGIN:
		if (sweep->depth > 0)
			end_range(left_out, sweep, event->offset);
		else
			sweep->not_there++;
		break;
	}
}

/* The ranges without what is taken back. */
static void take_all_back(struct left_out *left_out)
{
	size_t ranges = left_out->count, taken = left_out->taken_count;
	struct sweep sweep = {.events = malloc(2 * (ranges + taken) * sizeof(*sweep.events)),
			      .begins = malloc((ranges + 1) * sizeof(*sweep.begins))};

	left_out->taken_count = 0;
	if (taken > 0 && sweep.events && sweep.begins) {
		add_events(&sweep, left_out->ranges, ranges, RANGE_BEGIN, RANGE_END);
		add_events(&sweep, left_out->taken, taken, TAKEN_BEGIN, TAKEN_END);
		qsort(sweep.events, sweep.count, sizeof(*sweep.events), compare_events);
		left_out->count = 0;
		for (size_t i = 0; i < sweep.count; i++)
			handle_event(left_out, &sweep, &sweep.events[i]);
	} else if (taken > 0) {
		left_out->out_of_memory = true;
	}
	free(sweep.events);
	free(sweep.begins);
}

/* An earlier exception stands for the same chunk: either it is merged, or it was counted itself. */
static void take_back(struct left_out *left_out, uint64_t offset, uint64_t bytes)
{
	if (!left_out->taken)
		left_out->taken = calloc(LEFT_OUT_RANGES_MAX, sizeof(*left_out->taken));
	if (!left_out->taken) {
		left_out->out_of_memory = true;
		return;
	}
	if (left_out->taken_count == LEFT_OUT_RANGES_MAX)
		take_all_back(left_out);
	left_out->taken[left_out->taken_count++] = (struct left_out_range){offset, bytes};
}

enum result left_out_settle(struct left_out *left_out, struct failure *why)
{
	take_all_back(left_out);
	return left_out->out_of_memory ? fail_memory(why, "what is left out", 0) : RESULT_OK;
}

/* ---- findings ---- */

/* One exception may have two findings, one right behind the other. */
static void count_exception(struct left_out *left_out, const struct check *check,
			    const struct finding *finding)
{
	uint64_t number =
		finding->area * check->store->geometry.exceptions_per_area + finding->index;

	if (number < left_out->next_number)
		return;
	left_out->next_number = number + 1;
	left_out->exceptions++;
	if (finding->view_bytes > 0)
		add_range(left_out, finding->view_offset, finding->view_bytes);
}

void left_out_take(struct left_out *left_out, const struct check *check,
		   const struct finding *finding)
{
	struct exception exception = {finding->old_chunk, finding->new_chunk};
	bool lost = left_out_must(&check->store->geometry, check->origin_bytes, &exception);

	switch (problem_info(finding->problem)->data) {
	case DATA_NOWHERE:
	case DATA_NO_PLACE:
		count_exception(left_out, check, finding);
		left_out->errors++;
		break;
	case DATA_UNREADABLE:
		left_out->exceptions += finding->gap_count;
		left_out->unknown += finding->gap_count;
		left_out->errors++;
		break;
	case DATA_CUT_OFF:
		left_out->errors++;
		break;
	case DATA_SHADOWED:
		left_out->duplicates += lost;
		if (lost && finding->view_bytes > 0)
			take_back(left_out, finding->view_offset, finding->view_bytes);
		break;
	case DATA_SHARED:
		left_out->errors += lost;
		break;
	case DATA_UNTOUCHED:
		break;
	}
}

void left_out_free(struct left_out *left_out)
{
	free(left_out->ranges);
	free(left_out->taken);
	memset(left_out, 0, sizeof(*left_out));
}
