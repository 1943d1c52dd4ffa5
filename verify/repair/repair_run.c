// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rules of a repair. The exceptions are e_0 .. e_n-1; a reader takes them up to the first zero
 * entry; k of them go, m = n - k stay. In brackets, the deliberate breaks (store/base/breaks.h) by
 * which the simulator shows that it holds a rule.
 *
 *  1. No entry in the middle is ever zero. First each e_i with i < m that goes is overwritten by
 *     one of e_m .. e_n-1 that stays: that one is then there twice, with the same numbers, which
 *     changes nothing, whichever of these writes survive. What is left to go is then the suffix
 *     from m on. [REPAIR_IN_PLACE]
 *  2. The copies are durable before the suffix is cut off. [REPAIR_HOLE]
 *  3. The suffix is cut so that no entry is left after the end of the list in its area, where the
 *     kernel could bring it back to life (store_cut_list). [REPAIR_TORN_CUT]
 *  4. Of two exceptions for a chunk the first one, which the kernel shows, is what stays, and stays
 *     the first: copies only move forward, and no later one of its chunk is kept.
 *     [REPAIR_FIRST_DUPLICATE]
 *  5. Where several for one chunk go, the later ones are gone before the first one is touched,
 *     which hides them. [REPAIR_UNCOVERED]
 *  6. The header is made good, or valid, when all else is mended and durable: until then a store
 *     that nobody would load stays one that nobody loads. [REPAIR_EARLY_HEADER]
 *  7. The record of an unfinished merge stays, and so do the exceptions that it counts. A stale
 *     record is gone before the first exception goes: with fewer of them it could seem to be
 *     current. [REPAIR_RECORD, REPAIR_LATE_RECORD]
 *  8. What an earlier process wrote, and was killed before it flushed, is read but not durable: it
 *     is flushed before anything rests on it. [REPAIR_UNSETTLED]
 *
 * For one exception this is what cowtool(5) says under "Dropping an exception". At each moment a
 * reader sees of every chunk the old or the mended view, and a repair that begins anew finds what
 * is left to do.
 */
#include "verify/repair/repair.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/breaks.h"
#include "store/base/bytes.h"
#include "store/cow/store_edit.h"
#include "store/cow/gaps.h"

/* This many exceptions are taken out at once: what that needs is in memory. */
#define ROUND_MAX 65536u

/* ---- taking exceptions out ---- */

/* One round. */
struct round {
	const uint64_t *numbers; /* of those that go, rising */
	size_t count;
	uint64_t first, end; /* the list ends before `end`, and is to end before `first` */
	struct store_change *changes;
	size_t change_count;   /* of those before `first`; then, how many have been given a copy */
	size_t filled, passed; /* numbers that were met in the suffix */
};

static enum result gather_piece(void *context, const struct store_segment *segment, uint8_t *buffer,
				struct failure *why)
{
	struct round *round = context;
	const uint8_t *entries = buffer + segment->skip;

	(void)why;
	for (uint32_t i = 0; i < segment->count; i++) {
		uint64_t number = segment->index + i;

		if (round->passed < round->count && round->numbers[round->passed] == number)
			round->passed++;
		else
			exception_decode(entries + (size_t)i * EXCEPTION_BYTES,
					 &round->changes[round->filled++].exception);
	}
	return RESULT_OK;
}

/* Rule 1: who of the suffix takes whose place. */
static enum result gather_changes(struct store *store, struct round *round, struct failure *why)
{
	enum result result;

	while (round->change_count < round->count &&
	       round->numbers[round->change_count] < round->first) {
		round->changes[round->change_count].index = round->numbers[round->change_count];
		round->change_count++;
	}
	round->passed = round->change_count;
	result = store_stream(store, round->first, round->end, gather_piece, round, why);
	assert(result != RESULT_OK || round->filled == round->change_count);
	return result;
}

static enum result run_round(struct store *store, struct round *round, struct failure *why)
{
	enum result result = gather_changes(store, round, why);

	if (result == RESULT_OK && round->change_count > 0) {
		result = store_change_exceptions(store, round->changes, round->change_count, why);
		if (result == RESULT_OK)
			result = io_flush(store->io, store->device, why);
	}
	return result == RESULT_OK ? store_cut_list(store, round->first, round->end, why) : result;
}

/* The exceptions that go. */
struct drops {
	uint64_t *numbers; /* rising */
	bool *are_covered;
	size_t count;
};

/* How many of the last ones go together. */
static size_t round_size(const struct drops *drops)
{
	size_t size = 0;

	while (size < drops->count && size < ROUND_MAX) {
		size++;
		if (drops->are_covered[drops->count - size] && !BROKEN(REPAIR_UNCOVERED))
			break;
	}
	return size;
}

/* From the last ones to the first, so that each round leaves a whole list. */
static enum result drop_numbers(struct store *store, struct drops *drops, uint64_t end,
				struct failure *why)
{
	struct store_change *changes = calloc(min_u64(drops->count, ROUND_MAX), sizeof(*changes));
	enum result result = RESULT_OK;

	if (!changes)
		return fail_memory(why, "exceptions", ROUND_MAX * sizeof(*changes));
	while (drops->count > 0 && result == RESULT_OK) {
		size_t size = round_size(drops);
		struct round round = {.numbers = drops->numbers + drops->count - size,
				      .count = size,
				      .first = end - size,
				      .end = end,
				      .changes = changes};

		result = run_round(store, &round, why);
		drops->count -= size;
		end -= size;
	}
	free(changes);
	return result;
}

static void take_drops(const struct repair *repair, struct drops *drops)
{
	for (size_t i = 0; i < repair->count; i++) {
		if (!repair->items[i].accepted || !repair_item_drops(&repair->items[i]))
			continue;
		drops->numbers[drops->count] = repair->items[i].number;
		drops->are_covered[drops->count++] = repair->items[i].is_covered;
	}
}

static enum result drop_accepted(struct repair *repair, struct failure *why)
{
	struct drops drops = {.numbers = calloc(repair->count, sizeof(uint64_t)),
			      .are_covered = calloc(repair->count, sizeof(bool))};
	enum result result = RESULT_OK;
	size_t count;

	if (drops.numbers && drops.are_covered)
		take_drops(repair, &drops);
	else
		result = fail_memory(why, "exceptions", repair->count * sizeof(uint64_t));
	count = drops.count;
	if (count > 0)
		result = drop_numbers(repair->store, &drops, repair->check.summary.exceptions, why);
	if (result == RESULT_OK)
		repair->repaired += count;
	free(drops.numbers);
	free(drops.are_covered);
	return result;
}

/* ---- all else ---- */

static enum result zero_tail(struct repair *repair, struct failure *why)
{
	struct store *store = repair->store;
	uint64_t per_area = store->geometry.exceptions_per_area;
	uint64_t live = repair->check.summary.exceptions;
	enum result result =
		store_zero_exceptions(store, live, round_down(live, per_area) + per_area, why);

	return result == RESULT_OK ? io_flush(store->io, store->device, why) : result;
}

/* A stale record has a repair of its own; a damaged one says nothing. */
static enum result clear_slack(struct repair *repair, struct failure *why)
{
	struct store *store = repair->store;
	bool keep_record = store_speaks(store->record_presence);
	bool keep_imprint = store_speaks(store->imprint_presence);

	return store_clear_slack(store, min_u64(store->geometry.chunk_bytes, CHECK_SLACK_BYTES),
				 keep_record && !BROKEN(REPAIR_RECORD), keep_imprint, why);
}

static enum result remove_record(struct repair *repair, struct failure *why)
{
	return store_write_record(repair->store, NULL, why);
}

/* As it is assumed. */
static enum result write_header(struct repair *repair, struct failure *why)
{
	return store_write_header(repair->store, &repair->store->header, why);
}

static enum result set_valid(struct repair *repair, struct failure *why)
{
	struct header header = repair->store->header;

	header.valid = 1;
	return store_write_header(repair->store, &header, why);
}

static enum result run_kind(struct repair *repair, enum repair_kind kind,
			    enum result (*run)(struct repair *, struct failure *),
			    struct failure *why)
{
	enum result result = RESULT_OK;

	for (size_t i = 0; i < repair->count && result == RESULT_OK; i++) {
		if (repair->items[i].kind != kind || !repair->items[i].accepted)
			continue;
		result = run(repair, why);
		repair->repaired += result == RESULT_OK;
	}
	return result;
}

static enum result run_header(struct repair *repair, struct failure *why)
{
	enum result result = run_kind(repair, REPAIR_SET_VALID, set_valid, why);

	if (result == RESULT_OK)
		result = run_kind(repair, REPAIR_REBUILD_HEADER, write_header, why);
	return result;
}

enum result repair_run(struct repair *repair, struct failure *why)
{
	enum result result;

	repair->repaired = 0;
	if (repair->count == 0)
		return RESULT_OK;
	result = io_flush(repair->store->io, repair->store->device, why);
	if (result == RESULT_OK && BROKEN(REPAIR_EARLY_HEADER))
		result = run_header(repair, why);
	if (result == RESULT_OK)
		result = run_kind(repair, REPAIR_REMOVE_RECORD, remove_record, why);
	if (result == RESULT_OK)
		result = run_kind(repair, REPAIR_ZERO_TAIL, zero_tail, why);
	if (result == RESULT_OK)
		result = drop_accepted(repair, why);
	if (result == RESULT_OK)
		result = run_kind(repair, REPAIR_CLEAR_SLACK, clear_slack, why);
	if (result == RESULT_OK)
		result = run_header(repair, why);
	return result;
}

enum result repair_check(struct repair *repair, struct check *after, struct failure *why)
{
	struct store *store = repair->store;
	struct gaps *gaps = store->gaps;
	enum result result = store_open(store, store->device, store->io, why);

	/* What was written can be read again, or is a gap anew. */
	store->gaps = gaps;
	if (gaps)
		gaps_free(gaps);
	*after = (struct check){
		.store = store,
		.options.origin_known = repair->options.origin_known,
		.options.origin_bytes = repair->options.origin_bytes,
	};
	return result == RESULT_OK ? check_run(after, why) : result;
}
