// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/export/export_earlier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

struct comparison {
	struct export *export;
	struct export_window *window;
	struct export_holes holes;
	uint8_t *there; /* what the image has: as large as a window */
};

/* Bytes of the image, in whole blocks; `wanted` NULL: zeros. */
static enum result compare_bytes(const struct comparison *comparison, uint64_t offset,
				 const uint8_t *wanted, uint64_t bytes, struct failure *why)
{
	struct export *export = comparison->export;
	struct device *device = export->target.device;
	enum result result = io_read(export->io, device, offset, comparison->there, bytes, why);

	if (result != RESULT_OK)
		return result;
	if (wanted ? memcmp(comparison->there, wanted, bytes) == 0
		   : bytes_are_zero(comparison->there, bytes))
		return RESULT_OK;
	return fail(
		why, RESULT_REFUSED,
		"%s: bytes %llu to %llu are not what the view has there: it, ORIGIN or STORE was changed since",
		device->name, (unsigned long long)offset, (unsigned long long)(offset + bytes - 1));
}

/* The image should have a hole there, too; zeros will do. */
static enum result compare_hole(const struct comparison *comparison, uint64_t offset, uint64_t end,
				struct failure *why)
{
	const struct export *export = comparison->export;
	enum result result = RESULT_OK;
	uint64_t from, to, bytes;

	while (offset < end && result == RESULT_OK) {
		device_next_data(export->target.device, offset, &from, &to);
		offset = max_u64(offset, from);
		if (offset >= end)
			break;
		bytes = min_u64(min_u64(to, end) - offset, export->options->window_bytes);
		result = compare_bytes(comparison, offset, NULL, bytes, why);
		offset += bytes;
	}
	return result;
}

static enum result read_window(struct export_window *window, struct failure *why)
{
	enum result result = RESULT_OK;
	bool moved;

	export_window_start_reading(window);
	while (window->phase != EXPORT_READ && result == RESULT_OK) {
		moved = false;
		result = export_window_step(window, &moved, why);
		if (result == RESULT_OK && !moved && !io_wait(window->export->io))
			result = fail(why, RESULT_INTERNAL, "the export waits for nothing");
	}
	return result;
}

/* The blocks of the first gap that ends after `offset`; where there is none, after everything. */
static void next_gap(const struct export_state *state, uint64_t offset, uint64_t *from,
		     uint64_t *to)
{
	size_t low = 0, high = state->gap_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (state->gaps[middle].offset + state->gaps[middle].bytes > offset)
			high = middle;
		else
			low = middle + 1;
	}
	*from = *to = UINT64_MAX;
	if (low == state->gap_count)
		return;
	*from = round_down(state->gaps[low].offset, BUFFER_ALIGNMENT);
	*to = round_up(state->gaps[low].offset + state->gaps[low].bytes, BUFFER_ALIGNMENT);
}

static enum result compare_range(struct comparison *comparison, uint64_t from, uint64_t to,
				 struct failure *why);

/* Compares a window that was planned. Of one that cannot be read, each half, down to a block. */
static enum result compare_window(struct comparison *comparison, struct failure *why)
{
	struct export_window *window = comparison->window;
	uint64_t from = window->offset, to = from + window->bytes, middle;
	uint64_t bytes = round_down(window->bytes, BUFFER_ALIGNMENT);
	enum result result;

	if (bytes == 0)
		return RESULT_OK;
	if (window->is_hole)
		return compare_hole(comparison, from, from + bytes, why);
	result = read_window(window, why);
	if (result != RESULT_OK)
		return result;
	if (!window->read_failed)
		return compare_bytes(comparison, from, window->data, bytes, why);
	if (window->bytes <= BUFFER_ALIGNMENT)
		return RESULT_OK;
	middle = from + round_up(window->bytes / 2, BUFFER_ALIGNMENT);
	result = compare_range(comparison, from, middle, why);
	return result == RESULT_OK ? compare_range(comparison, middle, to, why) : result;
}

static enum result compare_range(struct comparison *comparison, uint64_t from, uint64_t to,
				 struct failure *why)
{
	struct export *export = comparison->export;
	enum result result = RESULT_OK;
	uint64_t gap_from, gap_to, next;

	while (from < to && result == RESULT_OK) {
		if (export->options->stop && *export->options->stop)
			return RESULT_STOPPED;
		next_gap(&export->state, from, &gap_from, &gap_to);
		if (gap_from <= from) {
			from = gap_to;
			continue;
		}
		result = export_window_plan(comparison->window, &comparison->holes, from,
					    min_u64(to, gap_from), why);
		if (result != RESULT_OK)
			break;
		next = from + comparison->window->bytes;
		result = compare_window(comparison, why);
		export->position = from = next;
		if (export->options->progress)
			export->options->progress(export->options->context, export);
	}
	return result;
}

static enum result compare_samples(struct comparison *comparison, struct failure *why)
{
	const struct export *export = comparison->export;
	uint64_t done = export->state.done_bytes;
	enum result result = RESULT_OK;

	for (uint64_t i = 0; i < EXPORT_SAMPLES && result == RESULT_OK; i++) {
		uint64_t from = round_down(done / EXPORT_SAMPLES * i, BUFFER_ALIGNMENT);

		result = compare_range(comparison, from, from + EXPORT_SAMPLE_BYTES, why);
	}
	if (result == RESULT_OK)
		result = compare_range(
			comparison,
			round_down(done - export->options->window_bytes, BUFFER_ALIGNMENT), done,
			why);
	return result;
}

static void note_change(const struct export *export)
{
	char text[160];

	snprintf(
		text, sizeof(text),
		"it or its origin was changed since the export began; first, the %llu bytes that are done are compared with the view",
		(unsigned long long)export->state.done_bytes);
	if (export->options->note)
		export->options->note(export->options->context, text);
}

static enum result compare(struct comparison *comparison, bool changed, struct failure *why)
{
	const struct export *export = comparison->export;
	uint64_t done = export->state.done_bytes;

	if (changed)
		note_change(export);
	if (changed || done <= EXPORT_SAMPLES * EXPORT_SAMPLE_BYTES + export->options->window_bytes)
		return compare_range(comparison, 0, done, why);
	return compare_samples(comparison, why);
}

/* With consent, a mixture is made. */
static enum result judge_difference(const struct export *export, struct failure *why)
{
	struct failure found = *why;

	if (!export->options->force)
		return fail_remedy(why, RESULT_REFUSED, REMEDY_BEGIN_ANEW_OR_MIX, NULL, "%s",
				   found.text);
	fail(why, RESULT_OK, "warning: %s; exported all the same", found.text);
	if (export->options->note)
		export->options->note(export->options->context, why->text);
	return RESULT_OK;
}

enum result export_earlier_check(struct export *export, struct export_window *window,
				 struct failure *why)
{
	struct export_state *state = &export->state;
	struct export_source origin = export_state_source(export->origin);
	struct export_source store = export_state_source(export->store->device);
	bool changed = !export_state_same_source(&state->origin, &origin) ||
		       !export_state_same_source(&state->store, &store);
	struct comparison comparison = {.export = export, .window = window};
	enum result result = RESULT_OK;

	if (state->done_bytes > 0) {
		comparison.there = io_buffer(export->options->window_bytes);
		if (!comparison.there)
			return fail_memory(why, "what was exported", export->options->window_bytes);
		result = compare(&comparison, changed, why);
		free(comparison.there);
	}
	if (result == RESULT_REFUSED)
		return judge_difference(export, why);
	if (result == RESULT_OK) {
		state->origin = origin;
		state->store = store;
	}
	return result;
}
