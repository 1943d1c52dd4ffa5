// SPDX-License-Identifier: GPL-2.0-or-later
/* merge_prepare: look first. Nothing here writes. */
#include <stdio.h>
#include <stdlib.h>

#include "merge/commit.h"
#include "merge/identity.h"
#include "merge/merge.h"
#include "merge/record.h"
#include "merge/window.h"
#include "store/bytes.h"

/* For the search of duplicates: a merge's memory must not grow with the store. */
#define CHECK_MEMORY_BYTES (128u << 20)

/* Does a device begin with a header that the kernel would accept? */
static enum result begins_with_store(struct device *device, struct io *io, bool *begins,
				     struct failure *why)
{
	size_t bytes = (size_t)min_u64(device->bytes, BUFFER_ALIGNMENT);
	struct header header;
	enum result result;
	uint8_t *block;

	*begins = false;
	if (bytes < SECTOR_BYTES)
		return RESULT_OK;
	block = io_buffer_zeroed(BUFFER_ALIGNMENT);
	if (!block)
		return fail_memory(why, "the origin's first block", BUFFER_ALIGNMENT);
	result = io_read(io, device, 0, block, bytes, why);
	header_decode(block, &header);
	*begins = result == RESULT_OK && header_check(&header) == HEADER_GOOD;
	free(block);
	return result;
}

static enum result check_roles(const struct merge *merge, struct failure *why)
{
	const char *origin = merge->origin->name, *store = merge->store->device->name;
	bool origin_is_store;
	enum result result = begins_with_store(merge->origin, merge->io, &origin_is_store, why);

	if (result != RESULT_OK)
		return result;
	if (origin_is_store && merge->store->header_fault != HEADER_GOOD)
		return fail(why, RESULT_REFUSED,
			    "%s: is a COW store, and %s is none: ORIGIN and STORE are swapped; "
			    "cowtool merge ORIGIN STORE",
			    origin, store);
	result = store_require_header(merge->store, why);
	if (result == RESULT_OK && origin_is_store && !merge->force)
		result = fail(
			why, RESULT_REFUSED,
			"%s: is itself a COW store, not an origin; name the right origin, or use "
			"--force",
			origin);
	return result;
}

/* Errors that --force consents to. */
static uint64_t forgiven(const struct merge *merge)
{
	return merge->force ? merge->check.found[PROBLEM_DUPLICATE_OLD] : 0;
}

static enum result refuse_errors(const struct merge *merge, uint64_t errors, struct failure *why)
{
	const struct check *check = &merge->check;
	const struct finding *first = &check->first_error;
	const char *store = merge->store->device->name;

	if (errors - forgiven(merge) == check->found[PROBLEM_ENTRY_BEYOND_ORIGIN])
		return fail(
			why, RESULT_REFUSED,
			"%s: is too small to be the origin of %s: old chunk %llu of %llu bytes is "
			"outside it; name the right origin",
			merge->origin->name, store, (unsigned long long)check->summary.highest_old,
			(unsigned long long)merge->store->geometry.chunk_bytes);
	if (check->found[PROBLEM_HEADER_INVALID])
		return fail(
			why, RESULT_DAMAGED,
			"%s: is marked invalid: the kernel gave this snapshot up, and merging it "
			"would damage the origin; see 'cowtool verify'",
			store);
	return fail(
		why, RESULT_DAMAGED,
		"%s: has %llu error%s, the first: %s: %s; 'cowtool verify --origin=%s %s' lists "
		"all%s",
		store, (unsigned long long)errors, errors == 1 ? "" : "s",
		problem_info(first->problem)->code, first->message, merge->origin->name, store,
		errors == check->found[PROBLEM_DUPLICATE_OLD]
			? "; with --force the first of two exceptions for a chunk counts"
			: "");
}

static enum result check_store(struct merge *merge, struct failure *why)
{
	struct check *check = &merge->check;
	enum result result;
	uint64_t errors;

	check->store = merge->store;
	check->origin_known = true;
	check->origin_bytes = merge->origin->bytes;
	check->memory_bytes = CHECK_MEMORY_BYTES;
	result = check_run(check, why);
	if (result != RESULT_OK)
		return result;
	errors = check_count(check, SEVERITY_ERROR);
	return errors > forgiven(merge) ? refuse_errors(merge, errors, why) : RESULT_OK;
}

static void note(const struct merge *merge, const char *text)
{
	if (merge->note)
		merge->note(merge->context, text);
}

/* The command that goes on, for people to copy. */
static enum result refuse_unfinished(const struct merge *merge, struct failure *why)
{
	return fail(why, RESULT_REFUSED,
		    "%s: an unfinished merge stands in it; 'cowtool merge --resume %s %s' goes on",
		    merge->store->device->name, merge->origin->name, merge->store->device->name);
}

static enum result check_record(struct merge *merge, struct failure *why)
{
	const struct store *store = merge->store;
	const struct summary *summary = &merge->check.summary;
	enum result result;

	if (store->record_presence == RECORD_FOREIGN && !merge->force)
		return fail(
			why, RESULT_REFUSED,
			"%s: another version of cowtool has not finished a merge of it; use that "
			"version, or --force to forget what it wrote down",
			store->device->name);
	if (store->record_presence == RECORD_CORRUPT)
		note(merge, "its merge record is damaged: ignored");
	if (store->record_presence != RECORD_PRESENT)
		return RESULT_OK;
	if (record_is_stale(&store->record, summary->exceptions, &summary->first)) {
		note(merge, "its merge record is stale (the store was used again since): ignored");
		return RESULT_OK;
	}
	if (store->record.role != RECORD_MERGING || store->record.kept_stores != 0)
		return fail(why, RESULT_REFUSED,
			    "%s: belongs to an unfinished merge with kept snapshots, which this "
			    "version "
			    "cannot go on with",
			    store->device->name);
	if (!merge->resume)
		return refuse_unfinished(merge, why);
	merge->record_is_current = true;
	if (summary->exceptions == 0)
		return RESULT_OK;
	result = record_match_origin(store, summary, merge->origin, why);
	if (result == RESULT_REFUSED && merge->force &&
	    merge->origin->bytes == store->record.origin_bytes)
		result = RESULT_OK;
	return result;
}

/* A power cut may have torn the superblock only where a merge was under way. */
static bool wants_identity(const struct merge *merge)
{
	bool forced = merge->force || (merge->record_is_current && merge->store->record.forced);

	return !forced && !merge->skip_identity && merge->check.summary.exceptions > 0;
}

enum result merge_prepare(struct merge *merge, struct failure *why)
{
	const struct store *store = merge->store;
	enum result result;

	device_fit(merge->origin, store->header_fault == HEADER_GOOD ? store->geometry.chunk_bytes
								     : BUFFER_ALIGNMENT);
	result = check_roles(merge, why);
	if (result == RESULT_OK)
		result = check_store(merge, why);
	if (result == RESULT_OK)
		result = check_record(merge, why);
	if (result == RESULT_OK && wants_identity(merge))
		result = identity_check(store, merge->origin, merge->record_is_current, why);
	if (result != RESULT_OK)
		return result;
	merge->exceptions_before = merge->exceptions_left = merge->check.summary.exceptions;
	merge->bytes_total = merge->exceptions_before * store->geometry.chunk_bytes;
	return RESULT_OK;
}

void merge_estimate(const struct merge *merge, struct merge_estimate *estimate)
{
	const struct store *store = merge->store;
	const struct summary *summary = &merge->check.summary;
	uint64_t capacity = window_capacity(&store->geometry, merge->window_bytes);
	uint64_t end = merge->exceptions_before;

	*estimate = (struct merge_estimate){.runs = summary->runs, .bytes = merge->bytes_total};
	/* Only the last chunk of the origin can be a partial one. */
	if (end > 0)
		estimate->bytes -=
			store->geometry.chunk_bytes -
			geometry_clip(&store->geometry, summary->highest_old, merge->origin->bytes);
	/* The record is flushed when it comes and when it goes, as are the areas that were
	 * cleared last, and a tail that is swept. */
	if (end > 0)
		estimate->flushes = 3 + merge->check.tail_is_dirty;
	while (end > 0) {
		uint64_t first = window_first(store, capacity, end);

		estimate->windows++;
		estimate->flushes += commit_flushes(store, first, end, merge_in_order(merge));
		end = first;
	}
}
