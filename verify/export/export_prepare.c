// SPDX-License-Identifier: GPL-2.0-or-later
/* export_prepare: look first. Nothing here writes. */
#include <stdio.h>

#include "store/base/bytes.h"
#include "store/base/suggest.h"
#include "store/base/text.h"
#include "verify/export/export.h"
#include "verify/check/identity.h"
#include "verify/check/imprint.h"
#include "verify/check/roles.h"
#include "verify/check/witness.h"

static void note(const struct export *export, const char *text)
{
	if (export->options->note)
		export->options->note(export->options->context, text);
}

/* Exceptions whose data is nowhere in the store. */
static uint64_t count_lost(const struct check *check)
{
	uint64_t count = 0;

	for (int i = 0; i < PROBLEM_COUNT; i++)
		if (problem_info((enum problem)i)->data == DATA_NOWHERE)
			count += check->found[i];
	return count;
}

static enum result refuse_errors(const struct export *export, uint64_t errors, struct failure *why)
{
	const struct check *check = &export->check;
	const char *store = export->store->device->name;

	if (check->lost_unknown == 0 && errors == check->found[PROBLEM_ENTRY_BEYOND_ORIGIN])
		return check_refuse_origin(check, export->origin->name, REMEDY_RIGHT_ORIGIN, why);
	if (check->found[PROBLEM_HEADER_INVALID])
		return fail_remedy(
			why, RESULT_DAMAGED, REMEDY_EXPORT_ALL, NULL,
			"%s: is marked invalid: the kernel gave this snapshot up, and later changes of the origin are not in it",
			store);
	return check_refuse_errors(check, errors, REMEDY_VERIFY_EXPORT_ALL, why);
}

static void note_errors(const struct export *export, uint64_t errors)
{
	char text[160];

	snprintf(text, sizeof(text), "it has %llu error%s, the first: %s; exported all the same",
		 (unsigned long long)errors, text_plural(errors),
		 problem_info(export->check.first_error.problem)->code);
	note(export, text);
}

static enum result check_store(struct export *export, struct failure *why)
{
	struct check *check = &export->check;
	enum result result;
	uint64_t errors, lost;

	check->store = export->store;
	check->options.origin_known = true;
	check->options.origin_bytes = export->origin->bytes;
	result = check_run(check, why);
	if (result != RESULT_OK)
		return result;
	errors = check_count(check, SEVERITY_ERROR);
	lost = count_lost(check);
	if (errors > 0 && !export->options->force)
		return refuse_errors(export, errors, why);
	if (lost > 0 && !export->options->fill)
		return fail_remedy(
			why, RESULT_DAMAGED, REMEDY_FILL, NULL,
			"%s: the data of %llu exception%s is not in it: these chunks of the view are lost",
			export->store->device->name, (unsigned long long)lost, text_plural(lost));
	if (errors > 0)
		note_errors(export, errors);
	return RESULT_OK;
}

/* A copy on a larger disk: the view ends where the origin ended that the merge began with. */
static enum result fit_origin(struct export *export, struct failure *why)
{
	char text[256];

	export->origin->bytes = export->store->record.origin_bytes;
	snprintf(
		text, sizeof(text),
		"was being merged into an origin of %llu bytes, and this one is larger: what comes after that is no part of the view",
		(unsigned long long)export->origin->bytes);
	note(export, text);
	export->check = (struct check){0};
	return check_store(export, why);
}

/* Origin and store of an unfinished merge show the view at every moment: if it is that origin. */
static enum result check_record(struct export *export, struct failure *why)
{
	const struct store *store = export->store;
	const struct summary *summary = &export->check.summary;

	if (export->options->force || store->record_presence != RECORD_PRESENT ||
	    store->record.role != RECORD_MERGING ||
	    record_is_stale(&store->record, summary->exceptions, &summary->first) ||
	    store->record.origin_bytes == export->origin->bytes)
		return RESULT_OK;
	if (export->origin->bytes > store->record.origin_bytes &&
	    witness_match(store, summary, export->origin, why) == RESULT_OK)
		return fit_origin(export, why);
	return fail_remedy(
		why, RESULT_REFUSED, REMEDY_RIGHT_ORIGIN, NULL,
		"%s: has %llu bytes, and %s was being merged into an origin of %llu bytes",
		export->origin->name, (unsigned long long)export->origin->bytes,
		store->device->name, (unsigned long long)store->record.origin_bytes);
}

/* Into which origin does the store belong? What cannot be read is told where the view has it. */
static enum result check_identity(struct export *export, struct failure *why)
{
	const struct store *store = export->store;
	bool merging =
		store->record_presence == RECORD_PRESENT && store->record.role == RECORD_MERGING;
	char text[sizeof(why->text) + 64];
	bool known = false;
	enum result result;

	if (export->options->force)
		return RESULT_OK;
	result = imprint_match(store, &export->check.summary, export->origin, &known, why);
	if (known && result == RESULT_OK)
		export->identity = IDENTITY_COMPARED;
	else if (result == RESULT_OK && !export->options->accept_origin)
		result = identity_check(store, export->origin, merging, &export->identity, why);
	if (result == RESULT_OK && export->identity == IDENTITY_NOT_IN_STORE &&
	    !export->options->origin_is_told) {
		snprintf(text, sizeof(text), IDENTITY_NOT_IN_STORE_NOTE, export->origin->name);
		note(export, text);
	}
	if (result != RESULT_IO)
		return result;
	snprintf(text, sizeof(text), "whether this is its origin is not known: %s", why->text);
	note(export, text);
	return RESULT_OK;
}

enum result export_prepare(struct export *export, struct failure *why)
{
	struct store *store = export->store;
	struct export_state *state = &export->state;
	enum result result = roles_check(store, export->origin, export->options->force,
					 export->options->fill, why);

	if (result == RESULT_OK)
		result = check_store(export, why);
	if (result == RESULT_OK)
		result = check_record(export, why);
	if (result == RESULT_OK)
		result = check_identity(export, why);
	if (result == RESULT_OK)
		result = view_map_open(&export->map, store, export->origin->bytes,
				       export->options->memory_bytes, why);
	*state = (struct export_state){
		.view_bytes = export->origin->bytes,
		.store_bytes = store->device->bytes,
		.exceptions = export->map.exceptions,
		.chunk_sectors = store->header.chunk_sectors,
		.metadata_crc32 = export->map.metadata_crc32,
		.origin = export_state_source(export->origin),
		.store = export_state_source(store->device),
	};
	return result;
}

void export_free(struct export *export)
{
	view_map_close(&export->map);
	export_state_free(&export->state);
}
