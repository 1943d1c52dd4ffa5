// SPDX-License-Identifier: GPL-2.0-or-later
/* merge_prepare: look first. Nothing here writes. */
#include <stdlib.h>

#include "merge/merge.h"
#include "merge/records.h"
#include "merge/undo.h"
#include "store/base/bytes.h"
#include "store/cow/gaps.h"
#include "verify/check/identity.h"
#include "verify/check/imprint.h"
#include "verify/check/roles.h"
#include "verify/check/witness.h"

/* Errors that --force or --skip-lost consents to. */
static uint64_t forgiven(const struct merge *merge)
{
	const struct left_out *left_out = &merge->left_out;

	return left_out->errors + (merge->options->force ? merge->check.found[PROBLEM_DUPLICATE_OLD]
							 : left_out->duplicates);
}

/* Is all that is wrong forgiven with --skip-lost? */
static bool only_lost(const struct check *check)
{
	uint64_t errors = 0;

	for (int i = 0; i < PROBLEM_COUNT; i++)
		if (problem_is_of_lost((enum problem)i) ||
		    problem_info((enum problem)i)->data == DATA_CUT_OFF)
			errors += check->found[i];
	return errors == check_count(check, SEVERITY_ERROR);
}

static enum remedy way_out(const struct check *check, uint64_t errors)
{
	if (errors == check->found[PROBLEM_DUPLICATE_OLD])
		return REMEDY_VERIFY_FIRST_COUNTS;
	return only_lost(check) ? REMEDY_VERIFY_LEAVE_OUT : REMEDY_VERIFY;
}

static enum result refuse_errors(const struct merge *merge, uint64_t errors, struct failure *why)
{
	const struct check *check = &merge->check;
	const char *store = merge->store->device->name;

	/* With --skip-lost these are forgiven: something else is wrong. */
	if (!merge->options->skip_lost && check->lost_unknown == 0 &&
	    errors - forgiven(merge) == check->found[PROBLEM_ENTRY_BEYOND_ORIGIN])
		return check_refuse_origin(check, merge->origin->name, REMEDY_NAME_RIGHT_ORIGIN,
					   why);
	if (check->found[PROBLEM_HEADER_INVALID])
		return fail_remedy(
			why, RESULT_DAMAGED, REMEDY_SEE_VERIFY, store,
			"%s: is marked invalid: the kernel gave this snapshot up, and merging it would damage the origin",
			store);
	return check_refuse_errors(check, errors, way_out(check, errors), why);
}

static void note_store(const struct merge *merge, const struct store *store, const char *text)
{
	merge_note(merge, "%s: %s", store->device->name, text);
}

static void take_finding(void *context, const struct finding *finding)
{
	struct merge *merge = context;

	left_out_take(&merge->left_out, &merge->check, finding);
}

static enum result check_store(struct merge *merge, struct failure *why)
{
	struct check *check = &merge->check;
	enum result result;
	uint64_t errors;

	check->store = merge->store;
	check->options.origin_known = true;
	check->options.origin_bytes = merge->origin->bytes;
	check->options.report = merge->options->skip_lost ? take_finding : NULL;
	check->options.context = merge;
	result = check_run(check, why);
	if (merge->store->gaps)
		merge->store->gaps->closed = merge->store->gaps->spared = true;
	if (result == RESULT_OK)
		result = lost_settle(&merge->left_out.lost, why);
	if (result != RESULT_OK)
		return left_out_suggest(merge->options->skip_lost, result, why);
	errors = check_count(check, SEVERITY_ERROR);
	if (errors > forgiven(merge))
		return refuse_errors(merge, errors, why);
	return RESULT_OK;
}

static enum result refuse_unfinished(const struct merge *merge, struct failure *why)
{
	const struct record *record = &merge->store->record;
	const char *store = merge->store->device->name;
	char names[512];

	records_describe_kept(record, records_kept_numbers(record), names, sizeof(names));
	if (!names[0])
		return fail_remedy(why, RESULT_REFUSED, REMEDY_RESUME, NULL,
				   "%s: has an unfinished merge", store);
	return fail_remedy(why, RESULT_REFUSED,
			   merge->options->origin_is_told ? REMEDY_RESUME_TOLD : REMEDY_RESUME_KEPT,
			   NULL, "%s: has an unfinished merge, which keeps %s", store, names);
}

/* Giving up the other merge for this one is for the user to say. */
static enum result give_up_other(struct merge *merge, struct failure *why)
{
	const char *name = merge->store->device->name;
	bool undo = merge->store->record.role == RECORD_UNDO;

	if (merge->options->force && !merge->options->pending) {
		merge->record_is_given_up = true;
		note_store(
			merge, merge->store,
			"the other merge that it belongs to is given up: mark the store of that one invalid or remove it before anything activates it");
		return RESULT_OK;
	}
	return fail_remedy(why, RESULT_REFUSED,
			   undo ? REMEDY_FINISH_OTHER_OF_UNDO : REMEDY_FINISH_OTHER_OF_KEPT, name,
			   "%s: is %s the unfinished merge of another store", name,
			   undo ? "the undo store of" : "kept by");
}

static enum result check_record(struct merge *merge, struct failure *why)
{
	const struct store *store = merge->store;
	const struct summary *summary = &merge->check.summary;
	enum result result;

	if (store->record_presence == RECORD_FOREIGN &&
	    (!merge->options->force || merge->options->pending))
		return fail_remedy(why, RESULT_REFUSED, REMEDY_FINISH_ELSEWHERE, NULL,
				   "%s: another version of cowtool has not finished a merge of it",
				   store->device->name);
	if (store->record_presence == RECORD_CORRUPT)
		note_store(merge, store, "its merge record is damaged: ignored");
	if (store->record_presence != RECORD_PRESENT)
		return RESULT_OK;
	if (record_is_stale(&store->record, summary->exceptions, &summary->first)) {
		note_store(merge, store,
			   "its merge record is stale (the store was used again since): ignored");
		merge->record_is_stale = true;
		return RESULT_OK;
	}
	if (store->record.role != RECORD_MERGING)
		return give_up_other(merge, why);
	if (!merge->options->resume)
		return refuse_unfinished(merge, why);
	merge->record_is_current = true;
	if (summary->exceptions == 0)
		return RESULT_OK;
	result = witness_match(store, summary, merge->origin, why);
	if (result == RESULT_REFUSED && merge->options->force &&
	    merge->origin->bytes >= store->record.origin_bytes)
		result = RESULT_OK;
	return result;
}

/* A copy on a larger disk: the snapshot ends where the origin ended that the merge began with. What
 * was judged by another end is judged again. */
static enum result fit_origin(struct merge *merge, struct failure *why)
{
	const struct store *store = merge->store;
	uint64_t bytes = store->record.origin_bytes;

	if (!merge->record_is_current || merge->origin->bytes <= bytes)
		return RESULT_OK;
	merge_note(
		merge,
		"%s: note: it is larger than the origin that the merge began with; what comes after %llu bytes is left alone",
		merge->origin->name, (unsigned long long)bytes);
	merge->origin->bytes = bytes;
	merge->check = (struct check){0};
	left_out_free(&merge->left_out);
	return check_store(merge, why);
}

/* A power cut may have torn the superblock only where a merge was under way. */
static bool wants_identity(const struct merge *merge)
{
	bool forced = merge->options->force || merge->options->accept_origin ||
		      (merge->record_is_current && merge->store->record.forced);

	return !forced && !merge->options->skip_identity && merge->check.summary.exceptions > 0;
}

/* ---- the stores that are kept ---- */

/* A store that an earlier run of the same command marked invalid is no longer kept. */
static bool is_given_up(const struct merge *merge, const struct kept *kept)
{
	const struct store *store = kept->store;

	return merge->options->invalidate_full && kept->role == RECORD_KEPT &&
	       store->header_fault == HEADER_GOOD && store->header.valid == 0 &&
	       !store_is_half_restored(store);
}

static enum result check_kept(struct merge *merge, struct failure *why)
{
	enum result result = RESULT_OK;

	for (size_t i = 0; i < merge->kept_count && result == RESULT_OK; i++) {
		struct kept *kept = &merge->kept[i];

		kept->given_up = kept->give_up || is_given_up(merge, kept);
		if (kept->give_up) {
			result = store_require_header(kept->store, why);
			continue;
		}
		if (kept->given_up) {
			/* Who marked it may have been killed before that was told. */
			merge_note_lost(merge, kept->store,
					"is marked invalid already: there is nothing to keep");
			continue;
		}
		result = kept_verify(kept, merge->origin, merge->options->force, why);
	}
	/* As of a kept store: a script goes on where STORE alone is none. */
	if (result == RESULT_NO_STORE)
		return RESULT_REFUSED;
	return result == RESULT_OK ? records_match_kept(merge, why) : result;
}

/* Where it would be told cannot be read, and what cannot be read is left out. */
static enum result note_unknown(const struct merge *merge, const char *reason)
{
	merge_note(merge, "%s; whether this is the origin is not known", reason);
	return RESULT_OK;
}

static void note_not_in_store(const struct merge *merge, const struct store *store)
{
	if (!merge->options->origin_is_told)
		merge_note(merge, "%s: " IDENTITY_NOT_IN_STORE_NOTE, store->device->name,
			   merge->origin->name);
}

/* Its imprint, where an undo store has one of this list: after this merge it says no more. */
static enum result check_imprint(const struct merge *merge, const struct store *store,
				 const struct summary *summary, enum identity *identity,
				 struct failure *why)
{
	bool known = false;
	enum result result = RESULT_OK;

	if (store->imprint_presence != RECORD_PRESENT || merge->options->force)
		return RESULT_OK;
	result = imprint_match(store, summary, merge->origin, &known, why);
	if (result == RESULT_OK && known)
		*identity = IDENTITY_COMPARED;
	else if (result == RESULT_OK)
		note_store(merge, store, IMPRINT_STALE_NOTE);
	return result;
}

/* Is it a store of this origin, as far as anything tells? */
static enum result check_identity(const struct merge *merge, const struct store *store,
				  const struct summary *summary, enum identity *identity,
				  struct failure *why)
{
	enum result result = check_imprint(merge, store, summary, identity, why);

	if (result == RESULT_OK && *identity != IDENTITY_COMPARED && wants_identity(merge))
		result = identity_check(store, merge->origin, merge->record_is_current, identity,
					why);
	if (result == RESULT_OK && *identity == IDENTITY_NOT_IN_STORE)
		note_not_in_store(merge, store);
	if (result == RESULT_IO && merge->options->skip_lost)
		return note_unknown(merge, why->text);
	if (result == RESULT_IO)
		fail_set_remedy(why, REMEDY_UNCOMPARED, NULL);
	return result;
}

/* An undo store was made of this origin, or will be; a store without exceptions has nothing that
 * could tell. */
static enum result identify_kept(const struct merge *merge, struct failure *why)
{
	enum result result = RESULT_OK;

	for (size_t i = 0; i < merge->kept_count && result == RESULT_OK; i++) {
		struct kept *kept = &merge->kept[i];
		const struct summary *summary = &kept->check.summary;

		if (kept->role == RECORD_UNDO)
			kept->identity = IDENTITY_COMPARED;
		else if (!kept->given_up && summary->exceptions == 0)
			kept->identity = IDENTITY_NOT_IN_STORE;
		else if (!kept->given_up)
			result = check_identity(merge, kept->store, summary, &kept->identity, why);
	}
	return result;
}

static enum result refuse_full(const struct merge *merge, const struct kept *kept,
			       struct failure *why)
{
	uint64_t missing = kept->needed - kept->room;
	const struct store *store = kept->store;

	return fail_remedy(
		why, RESULT_NO_SPACE,
		merge->record_is_current ? REMEDY_ENLARGE_OR_DROP : REMEDY_ENLARGE_OR_INVALIDATE,
		store->device->name,
		"%s: is too small to be kept: it needs %llu more exceptions and has room for %llu, so %llu chunks of %llu bytes are missing",
		store->device->name, (unsigned long long)kept->needed,
		(unsigned long long)kept->room, (unsigned long long)missing,
		(unsigned long long)store->geometry.chunk_bytes);
}

static enum result check_room(struct merge *merge, struct failure *why)
{
	for (size_t i = 0; i < merge->kept_count; i++) {
		struct kept *kept = &merge->kept[i];
		enum result result;

		if (kept->given_up)
			continue;
		result = undo_require_whole(kept, merge->check.summary.unreadable, why);
		if (result != RESULT_OK)
			return result;
		if (kept->needed <= kept->room)
			continue;
		/* In an unfinished merge its records would have to follow: --drop-kept. */
		if (!merge->options->invalidate_full || merge->record_is_current ||
		    kept->role == RECORD_UNDO)
			return refuse_full(merge, kept, why);
		kept->given_up = true;
	}
	return RESULT_OK;
}

enum result merge_prepare(struct merge *merge, struct failure *why)
{
	const struct store *store = merge->store;
	enum result result;

	result = roles_check(store, merge->origin, merge->options->force, false, why);
	if (result == RESULT_OK)
		result = check_store(merge, why);
	if (result == RESULT_OK)
		result = check_record(merge, why);
	if (result == RESULT_OK)
		result = fit_origin(merge, why);
	if (result == RESULT_OK && merge->check.summary.exceptions > 0)
		result = check_identity(merge, store, &merge->check.summary, &merge->identity, why);
	if (result != RESULT_OK)
		return result;
	merge->exceptions_before = merge->exceptions_left = merge->check.summary.exceptions;
	merge->bytes_total = (merge->exceptions_before - merge->left_out.exceptions) *
			     store->geometry.chunk_bytes;
	return RESULT_OK;
}

/* Space is counted before the first write. */
enum result merge_prepare_kept(struct merge *merge, struct failure *why)
{
	enum result result;

	if (!merge_has_work(merge))
		return RESULT_OK;
	if (merge->kept_count > RECORD_KEPT_MAX)
		return fail(why, RESULT_REFUSED, "%s: no more than %u stores can be kept",
			    merge->store->device->name, RECORD_KEPT_MAX);
	result = check_kept(merge, why);
	if (result == RESULT_OK)
		result = identify_kept(merge, why);
	if (result == RESULT_OK)
		result = kept_count(merge->kept, merge->kept_count, merge->store,
				    &merge->check.summary, merge->origin, why);
	return result == RESULT_OK ? check_room(merge, why) : result;
}
