// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "verify/check/check.h"
#include "verify/check/duplicates.h"

struct entries {
	struct check *check;
	uint64_t old_limit; /* old chunks below this may lie in the origin */
	uint64_t new_limit; /* new chunks below this lie on the device */
	bool cut_off;	    /* an exception in its usual place has its data outside the device */
	uint64_t highest;   /* new chunk of all exceptions before the one in hand */
	/* the piece in hand, and what it looks like once that was asked */
	uint64_t piece_index;
	const uint8_t *piece;
	uint32_t piece_count;
	bool piece_judged;
	enum trace piece_trace;
	/* Up to this number it is known whether exceptions follow: up to that one. */
	uint64_t looked_to, follow_to;
	struct trace_tail tail;
	struct duplicates old_chunks, new_chunks;
};

/* Do exceptions follow after the area that exception number `index` is in? */
static bool goes_on(struct entries *entries, uint64_t index)
{
	uint64_t per_area = entries->check->store->geometry.exceptions_per_area;
	uint64_t after = round_down(index, per_area) + per_area;
	struct check_later later;

	if (after > entries->looked_to) {
		check_later(entries->check, after, true, &later);
		entries->follow_to = later.exceptions > 0 ? later.last : 0;
		entries->looked_to = max_u64(after, entries->follow_to) +
				     check_later_areas(entries->check) * per_area;
	}
	return after <= entries->follow_to;
}

/* What is in an area after which the list goes on was not there before it. */
static enum trace judge_junk(struct entries *entries, enum trace trace, uint64_t index)
{
	return trace_is_of_junk(trace) && goes_on(entries, index) ? TRACE_AREA_OVERWRITTEN : trace;
}

/* Is it one of many, in an area that is none? Asked only where something is wrong. */
static enum trace judge_piece(struct entries *entries)
{
	if (!entries->piece_judged)
		entries->piece_trace = judge_junk(
			entries,
			trace_of_area(&entries->check->store->geometry, entries->piece_index,
				      entries->piece, entries->piece_count),
			entries->piece_index);
	entries->piece_judged = true;
	return entries->piece_trace;
}

static void report_too_large(struct entries *entries, uint64_t index,
			     const struct exception *exception)
{
	check_report_exception(entries->check, PROBLEM_ENTRY_TOO_LARGE, judge_piece(entries), index,
			       exception, "new chunk %llu is 2^56 or more",
			       (unsigned long long)exception->new_chunk);
}

static void report_in_metadata(struct entries *entries, uint64_t index,
			       const struct exception *exception)
{
	enum trace trace = judge_piece(entries);

	if (trace == TRACE_NONE)
		trace = trace_of_metadata(&entries->check->store->geometry, index, exception,
					  entries->highest);
	check_report_exception(entries->check, PROBLEM_ENTRY_IN_METADATA, trace, index, exception,
			       "new chunk %llu is a metadata area",
			       (unsigned long long)exception->new_chunk);
}

static void report_beyond_device(struct entries *entries, uint64_t index,
				 const struct exception *exception)
{
	check_report_exception(entries->check, PROBLEM_ENTRY_BEYOND_DEVICE, judge_piece(entries),
			       index, exception,
			       "new chunk %llu is outside the device's %llu chunks",
			       (unsigned long long)exception->new_chunk,
			       (unsigned long long)entries->check->store->geometry.device_chunks);
}

static bool check_new(struct entries *entries, uint64_t index, const struct exception *exception)
{
	struct check *check = entries->check;

	if (!check_is_lost(check, exception))
		return true;
	if (exception->new_chunk >= NEW_CHUNK_LIMIT)
		report_too_large(entries, index, exception);
	else if (geometry_is_metadata(&check->store->geometry, exception->new_chunk))
		report_in_metadata(entries, index, exception);
	else
		report_beyond_device(entries, index, exception);
	return false;
}

static void check_old(struct entries *entries, uint64_t index, const struct exception *exception)
{
	unsigned long long old_chunk = exception->old_chunk;

	if (entries->check->options.origin_known)
		check_report_exception(entries->check, PROBLEM_ENTRY_BEYOND_ORIGIN,
				       judge_piece(entries), index, exception,
				       "old chunk %llu is outside the origin's %llu chunks",
				       old_chunk, (unsigned long long)entries->old_limit);
	else
		check_report_exception(entries->check, PROBLEM_ENTRY_BEYOND_ORIGIN,
				       judge_piece(entries), index, exception,
				       "old chunk %llu is larger than any device", old_chunk);
}

/* As long as all new chunks are in their usual places, none repeats another. */
static enum result add_new(struct entries *entries, struct failure *why)
{
	struct duplicates *duplicates = &entries->new_chunks;
	enum result result = RESULT_OK;

	if (entries->check->summary.usual)
		return RESULT_OK;
	if (!duplicates->bitmap) {
		result = duplicates_begin(duplicates, entries->check, NEW_CHUNK, why);
		if (result == RESULT_OK)
			duplicates_add_usual(duplicates, entries->piece_index);
	}
	return result == RESULT_OK ? duplicates_add(duplicates, entries->piece_index,
						    entries->piece, entries->piece_count, why)
				   : result;
}

static enum result check_piece(void *context, uint64_t index, const uint8_t *bytes, uint32_t count,
			       struct failure *why)
{
	struct entries *entries = context;
	uint64_t usual = geometry_usual_chunk(&entries->check->store->geometry, index);
	struct exception exception;
	enum result result;

	entries->piece_index = index;
	entries->piece = bytes;
	entries->piece_count = count;
	entries->piece_judged = false;
	summary_add(&entries->check->summary, index, bytes, count);
	for (uint32_t i = 0; i < count; i++) {
		bool in_place, wrong = false;

		exception_decode(bytes + (size_t)i * EXCEPTION_BYTES, &exception);
		in_place = exception.new_chunk == usual + i;
		/* The usual chunk is never one of metadata: only the end of the device counts. */
		if ((!in_place || exception.new_chunk >= entries->new_limit) &&
		    !check_new(entries, index + i, &exception)) {
			entries->cut_off |= in_place;
			wrong = true;
		}
		if (exception.old_chunk >= entries->old_limit) {
			check_old(entries, index + i, &exception);
			wrong = true;
		}
		if (wrong)
			entries->check->lost_unknown +=
				check_is_unknown(entries->check, judge_piece(entries), &exception);
		entries->highest = max_u64(entries->highest, exception.new_chunk);
	}
	result = duplicates_add(&entries->old_chunks, index, bytes, count, why);
	return result == RESULT_OK ? add_new(entries, why) : result;
}

static enum result check_gap(void *context, uint64_t index, uint64_t count, bool goes_on,
			     struct failure *why)
{
	struct entries *entries = context;

	(void)why;
	check_report_gap(entries->check, index, count, goes_on);
	return RESULT_OK;
}

static enum result check_tail(void *context, uint64_t index, const uint8_t *bytes, uint32_t count,
			      struct failure *why)
{
	struct entries *entries = context;

	(void)why;
	trace_tail_add(&entries->tail, &entries->check->store->geometry, index, bytes, count);
	return RESULT_OK;
}

/* The tail of an area of which a part is junk already is the rest of it. */
static enum trace judge_tail(struct entries *entries, uint64_t exceptions)
{
	const struct geometry *geometry = &entries->check->store->geometry;

	if (exceptions % geometry->exceptions_per_area != 0 && entries->piece_judged &&
	    entries->piece_trace == TRACE_AREA_OVERWRITTEN)
		return TRACE_AREA_OVERWRITTEN;
	return judge_junk(entries, trace_of_tail(&entries->tail, geometry, exceptions), exceptions);
}

static void report_tail(struct entries *entries, uint64_t exceptions)
{
	struct check *check = entries->check;
	const struct trace_tail *tail = &entries->tail;
	uint32_t per_area = check->store->geometry.exceptions_per_area;
	enum trace trace;

	check->tail_is_dirty = tail->entries > 0;
	if (!check->tail_is_dirty)
		return;
	trace = judge_tail(entries, exceptions);
	if (trace == TRACE_AREA_OVERWRITTEN)
		check->lost_unknown += tail->entries;
	check_report(
		check, PROBLEM_DIRTY_TAIL, trace,
		"%llu %s after the end of the list %s not zero, the first at area %llu index %llu",
		(unsigned long long)tail->entries, tail->entries == 1 ? "entry" : "entries",
		tail->entries == 1 ? "is" : "are", (unsigned long long)(tail->first / per_area),
		(unsigned long long)(tail->first % per_area));
}

static void report_end(struct entries *entries, const struct store_scan *scan)
{
	struct check *check = entries->check;
	const struct geometry *geometry = &check->store->geometry;

	if (entries->cut_off || scan->area_missing)
		check_report(
			check, PROBLEM_STORE_TRUNCATED, TRACE_NONE,
			"the device has %llu bytes (%llu whole chunks), too few for this store",
			(unsigned long long)check->store->device->bytes,
			(unsigned long long)geometry->device_chunks);
	if (scan->area_missing)
		check_report(
			check, PROBLEM_AREA_MISSING, TRACE_NONE, "area %llu is outside the device",
			(unsigned long long)(scan->exceptions / geometry->exceptions_per_area));
	report_tail(entries, scan->exceptions);
}

static void report_order(struct check *check)
{
	const struct summary *summary = &check->summary;
	const struct geometry *geometry = &check->store->geometry;
	uint64_t highest = summary->highest_new, data_chunks, stride;

	if (!summary->increasing)
		check_report(check, PROBLEM_OUT_OF_ORDER, TRACE_OUT_OF_ORDER,
			     "the new chunks do not increase from exception to exception");
	if (check_count(check, SEVERITY_ERROR) > 0 || summary->exceptions == 0)
		return;
	stride = (uint64_t)geometry->exceptions_per_area + 1;
	data_chunks = highest - ((highest - 1) / stride + 1);
	if (data_chunks > summary->exceptions)
		check_report(check, PROBLEM_LEAKED_CHUNKS, TRACE_CHUNKS_LEAKED,
			     "%llu data chunks up to chunk %llu belong to no exception",
			     (unsigned long long)(data_chunks - summary->exceptions),
			     (unsigned long long)highest);
}

static void report_record(struct check *check)
{
	const struct store *store = check->store;
	const struct summary *summary = &check->summary;

	if (store->record_presence == RECORD_FOREIGN)
		check_report(check, PROBLEM_MERGE_UNFINISHED, TRACE_NONE,
			     "another version of cowtool has not finished a merge of it");
	if (store->record_presence != RECORD_PRESENT || store_is_half_restored(store))
		return;
	if (record_is_stale(&store->record, summary->exceptions, &summary->first))
		check_report(
			check, PROBLEM_HEADER_SLACK, TRACE_NONE,
			"byte %u begins the record of a merge since which the store was used again",
			RECORD_OFFSET);
	else if (store->record.role == RECORD_MERGING)
		check_report(check, PROBLEM_MERGE_UNFINISHED, TRACE_NONE,
			     "%llu of %llu exceptions are left to merge",
			     (unsigned long long)summary->exceptions,
			     (unsigned long long)store->record.exceptions);
	else
		check_report(check, PROBLEM_MERGE_UNFINISHED, TRACE_NONE,
			     "the unfinished merge of another store keeps this one");
}

/* Would the kernel give the snapshot up, had it to add an exception? Where a merge has begun, it has
 * none to add; where numbers are wrong, nobody knows. */
static void report_full(struct check *check)
{
	const struct store *store = check->store;
	const struct geometry *geometry = &store->geometry;

	if (check_count(check, SEVERITY_ERROR) > 0 || check->found[PROBLEM_MERGE_UNFINISHED] > 0 ||
	    geometry_room(geometry, geometry_next_free(geometry, check->summary.highest_new),
			  check->summary.exceptions, 1, NULL))
		return;
	check_report(check, PROBLEM_STORE_FULL, TRACE_NONE,
		     "the store is full: its %llu chunks have no room for one more exception",
		     (unsigned long long)geometry->device_chunks);
}

enum result check_entries(struct check *check, struct failure *why)
{
	const struct geometry *geometry = &check->store->geometry;
	struct entries entries = {.check = check};
	struct store_scan scan = {
		.live = check_piece, .tail = check_tail, .gap = check_gap, .context = &entries};
	enum result result;

	entries.new_limit = min_u64(geometry->device_chunks, NEW_CHUNK_LIMIT);
	entries.old_limit = check->options.origin_known
				    ? geometry_origin_chunks(geometry, check->options.origin_bytes)
				    : ORIGIN_BYTES_MAX / geometry->chunk_bytes;
	result = duplicates_begin(&entries.old_chunks, check, OLD_CHUNK, why);
	if (result == RESULT_OK)
		result = store_scan(check->store, &scan, why);
	if (result == RESULT_OK) {
		report_end(&entries, &scan);
		result = duplicates_report(&entries.old_chunks, why);
	}
	duplicates_free(&entries.old_chunks);
	/* Increasing numbers cannot repeat. */
	if (result == RESULT_OK && !check->summary.increasing)
		result = duplicates_report(&entries.new_chunks, why);
	duplicates_free(&entries.new_chunks);
	if (result == RESULT_OK) {
		report_order(check);
		check_later_report(check);
		report_record(check);
		report_full(check);
	}
	return result;
}
