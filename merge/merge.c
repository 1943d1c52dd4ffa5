// SPDX-License-Identifier: GPL-2.0-or-later
/* From the record to the end: what comes before and after the windows. */
#include "merge/merge.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "merge/commit.h"
#include "merge/driver.h"
#include "merge/records.h"
#include "store/base/breaks.h"
#include "store/base/bytes.h"
#include "store/cow/gaps.h"
#include "store/base/text.h"

bool merge_has_work(const struct merge *merge)
{
	enum record_presence record = merge->store->record_presence;

	return merge->exceptions_before > 0 || merge->record_is_current ||
	       merge->record_is_given_up || record == RECORD_CORRUPT || record == RECORD_FOREIGN;
}

uint64_t merge_usual_window(uint64_t available_bytes)
{
	const uint64_t mib = 1u << 20;

	return max_u64(mib,
		       min_u64(32 * mib, round_down(available_bytes / 2 / DRIVER_WINDOWS, mib)));
}

bool merge_in_order(const struct merge *merge)
{
	return merge->check.found[PROBLEM_DUPLICATE_OLD] > 0 || !merge->check.summary.usual ||
	       (merge->options->skip_lost && !BROKEN(LOST_TORN_TAIL));
}

void merge_note(const struct merge *merge, const char *format, ...)
{
	char text[sizeof(((struct failure *)NULL)->text) + 256];
	va_list values;

	if (!merge->options->note)
		return;
	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	merge->options->note(merge->options->context, text);
}

void merge_note_lost(const struct merge *merge, const struct store *store, const char *text)
{
	if (merge->options->lost)
		merge->options->lost(merge->options->context, store->device->name, text);
}

/* No look went so far before: what cannot be read there is told now. But the first block may hold
 * the last live exceptions, and these could be read. */
static enum result sweep_store(struct store *store, uint64_t live, uint64_t end,
			       struct failure *why)
{
	enum result result;

	if (store->gaps)
		store->gaps->closed = false;
	result = commit_sweep(store, live, end, why);
	if (store->gaps)
		store->gaps->closed = true;
	if (result == RESULT_OK && live > 0 && live % store_exceptions_per_block(store) > 0 &&
	    gaps_cover(store->gaps, live - 1, live))
		return fail(
			why, RESULT_IO,
			"%s: exceptions that could be read a moment ago cannot be read any more",
			store->device->name);
	return result;
}

/* After the live exceptions there may be what an interrupted merge had copied already, or a dirty
 * tail. */
static enum result sweep(struct merge *merge, struct failure *why)
{
	const struct geometry *geometry = &merge->store->geometry;
	uint64_t per_area = geometry->exceptions_per_area;
	uint64_t live = merge->exceptions_before, end = live;

	if (BROKEN(NO_SWEEP))
		return RESULT_OK;
	if (merge->check.tail_is_dirty)
		end = round_down(live, per_area) + per_area;
	if (merge->record_is_current)
		end = max_u64(end, merge->store->record.exceptions);
	end = min_u64(end, geometry_areas(geometry) * per_area);
	return sweep_store(merge->store, live, end, why);
}

/* What is after a kept store's exceptions must not come alive when new ones are added. */
static enum result sweep_kept(struct merge *merge, struct failure *why)
{
	enum result result = RESULT_OK;

	for (size_t i = 0; i < merge->kept_count && result == RESULT_OK; i++) {
		const struct kept *kept = &merge->kept[i];
		uint64_t live = kept->check.summary.exceptions;
		uint64_t per_area = kept->store->geometry.exceptions_per_area;

		if (kept->given_up || !kept->check.tail_is_dirty || BROKEN(KEPT_NO_SWEEP))
			continue;
		result =
			commit_sweep(kept->store, live, round_down(live, per_area) + per_area, why);
	}
	return result;
}

/* Durable before the first write to the origin, and never silent. */
static enum result invalidate_full(struct merge *merge, struct failure *why)
{
	enum result result = RESULT_OK;

	for (size_t i = 0; i < merge->kept_count && result == RESULT_OK; i++) {
		struct kept *kept = &merge->kept[i];

		if (!kept->given_up || kept->store->header.valid == 0)
			continue;
		result = store_invalidate(kept->store, why);
		if (result == RESULT_OK)
			result = records_end(kept->store, why);
		if (result == RESULT_OK)
			merge_note_lost(
				merge, kept->store,
				kept->give_up
					? "is dropped, and is now marked invalid: this snapshot is given up"
					: "was too small to be kept and is now marked invalid: this snapshot is given up");
	}
	return result;
}

static enum result begin(struct merge *merge, const struct record *record, struct failure *why)
{
	enum result result;

	if (merge->record_is_current) {
		bool drops = merge->dropped_count + merge->unseen_count > 0;

		return drops && !BROKEN(DROP_NOT_INVALIDATED) ? records_drop(merge, why)
							      : RESULT_OK;
	}
	result = BROKEN(KEPT_NOT_INVALIDATED) ? RESULT_OK : invalidate_full(merge, why);
	return result == RESULT_OK ? records_begin(merge, record, why) : result;
}

static enum result stopped(const struct merge *merge, struct failure *why)
{
	return fail(why, RESULT_STOPPED,
		    "%s: stopped on request with %llu of %llu exception%s left",
		    merge->store->device->name, (unsigned long long)merge->exceptions_left,
		    (unsigned long long)merge->exceptions_before,
		    text_plural(merge->exceptions_before));
}

static enum result settle_store(struct store *store, bool needed, struct failure *why)
{
	return needed ? io_flush(store->io, store->device, why) : RESULT_OK;
}

/*
 * Who merged here before may have been killed between a write and its flush. What was read of that
 * is made durable before anything rests on it. A merge that begins flushes its stores with their
 * records, before it writes to the origin; more it needs only where a tail is to be swept, or a
 * store is marked invalid already.
 */
static enum result settle(struct merge *merge, struct failure *why)
{
	/* That nothing is left may be what was not flushed. */
	bool begun =
		merge->store->record_presence == RECORD_PRESENT || merge->exceptions_before == 0;
	enum result result;

	result = settle_store(merge->store, begun || merge->check.tail_is_dirty, why);
	if (result == RESULT_OK && begun)
		result = io_flush(merge->io, merge->origin, why);
	for (size_t i = 0; i < merge->kept_count && result == RESULT_OK; i++) {
		const struct kept *kept = &merge->kept[i];

		if (!kept->is_new)
			result = settle_store(kept->store,
					      begun || kept->given_up || kept->check.tail_is_dirty,
					      why);
	}
	for (size_t i = 0; i < merge->dropped_count && result == RESULT_OK; i++)
		result = settle_store(merge->dropped[i], true, why);
	return result;
}

static void note_window(const struct merge *merge)
{
	uint64_t wanted = merge->options->window_bytes;

	if (merge->window_bytes != wanted)
		merge_note(
			merge,
			"%s: note: there is too little memory for windows of %llu bytes: windows of %llu bytes are taken",
			merge->store->device->name, (unsigned long long)wanted,
			(unsigned long long)merge->window_bytes);
}

/* All that can run out is taken before the first write: a merge must not begin that cannot go
 * on. */
static enum result take_memory(struct merge *merge, struct driver **driver, struct record *record,
			       struct failure *why)
{
	enum result result = RESULT_OK;

	merge->window_bytes = merge->options->window_bytes;
	if (merge->exceptions_before > 0)
		result = driver_open(driver, merge, why);
	if (result == RESULT_OK && merge_has_work(merge) && !merge->record_is_current)
		result = records_make(merge, record, why);
	if (result == RESULT_OK)
		note_window(merge);
	return result;
}

/* A block that can be neither read nor written stays as it is: nothing rests on it. */
static void clear_gap(struct store *store, const struct gap *gap)
{
	_Alignas(BUFFER_ALIGNMENT) uint8_t zeros[BUFFER_ALIGNMENT] = {0};
	uint64_t per_block = store_exceptions_per_block(store);
	struct failure ignored;

	for (uint64_t at = gap->first; at < gap->end; at += per_block) {
		struct store_segment segment = store_segment(store, at, at + 1);

		io_write(store->io, store->device, segment.offset, zeros, segment.bytes, &ignored);
	}
}

/*
 * When all else is cleared: what could not be read must not come back. Through the page cache a
 * write that fails would be told by a flush.
 */
static enum result clear_gaps(struct merge *merge, struct failure *why)
{
	struct store *store = merge->store;

	if (!gaps_met(store) || !device_is_direct(store->device, store->geometry.chunk_bytes))
		return RESULT_OK;
	for (size_t i = 0; i < store->gaps->count; i++)
		clear_gap(store, &store->gaps->list[i]);
	return io_flush(store->io, store->device, why);
}

static enum result run(struct merge *merge, struct driver *driver, const struct record *record,
		       struct failure *why)
{
	enum result result = settle(merge, why);

	if (result == RESULT_OK)
		result = sweep(merge, why);
	/* Where there was nothing to do, nothing is written. */
	if (result == RESULT_OK && !merge_has_work(merge))
		return result;
	if (result == RESULT_OK)
		result = sweep_kept(merge, why);
	if (result == RESULT_STOPPED)
		return stopped(merge, why);
	if (result == RESULT_OK)
		result = begin(merge, record, why);
	if (result == RESULT_OK && driver)
		result = driver_merge(driver, why);
	if (result == RESULT_OK && merge->exceptions_left > 0)
		result = stopped(merge, why);
	if (result == RESULT_OK)
		result = clear_gaps(merge, why);
	/* All is merged: it is too late to stop. */
	merge->io->stop = NULL;
	return result == RESULT_OK ? records_end_all(merge, why) : result;
}

enum result merge_run(struct merge *merge, struct failure *why)
{
	uint64_t flushes_before = merge->io->flushes;
	struct driver *driver = NULL;
	struct record record;
	enum result result = take_memory(merge, &driver, &record, why);

	if (result == RESULT_OK)
		result = run(merge, driver, &record, why);
	driver_close(driver);
	merge->flushes = merge->io->flushes - flushes_before;
	lost_sort(&merge->left_out.lost);
	return result;
}
