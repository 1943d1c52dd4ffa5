// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "merge/undo.h"
#include "store/base/breaks.h"
#include "store/base/bytes.h"
#include "verify/check/witness.h"

static enum result make_id(struct record *record, struct failure *why)
{
	size_t done = 0;

	while (done < RECORD_ID_BYTES) {
		ssize_t count = getrandom(record->id + done, RECORD_ID_BYTES - done, 0);

		if (count < 0 && errno != EINTR)
			return fail_errno(why, RESULT_IO, errno, "cannot get random numbers");
		done += count > 0 ? (size_t)count : 0;
	}
	return RESULT_OK;
}

static enum result make_witness(const struct store *store, const struct summary *summary,
				const struct device *origin, struct record *record,
				struct failure *why)
{
	const struct geometry *geometry = &store->geometry;
	uint64_t bytes = geometry_clip(geometry, summary->last.old_chunk, origin->bytes);

	record->witness_chunk = summary->last.old_chunk;
	return witness_crc(store->io, store->device,
			   summary->last.new_chunk * geometry->chunk_bytes, bytes,
			   &record->witness_crc, why);
}

/* What cannot be read is left out, and is no witness. */
static enum result settle_witness(const struct merge *merge, enum result result,
				  struct record *record, struct failure *why)
{
	if (result != RESULT_IO || !merge->options->skip_lost)
		return left_out_suggest(merge->options->skip_lost, result, why);
	record->witness_chunk = RECORD_NO_WITNESS;
	record->witness_crc = 0;
	return RESULT_OK;
}

static enum result write_record(struct store *store, const struct record *record,
				struct failure *why)
{
	enum result result = store_write_record(store, record, why);

	if (result != RESULT_OK)
		return result;
	store->record = *record;
	store->record_presence = RECORD_PRESENT;
	return RESULT_OK;
}

static enum result write_kept(struct kept *kept, const struct record *merging, struct failure *why)
{
	struct record record = *merging;

	record.role = kept->role;
	memset(record.names, 0, sizeof(record.names));
	return kept->is_new ? undo_write(kept, &record, why)
			    : write_record(kept->store, &record, why);
}

static enum result write_all_kept(const struct merge *merge, const struct record *merging,
				  struct failure *why)
{
	struct record record = *merging;
	enum result result = RESULT_OK;

	for (size_t i = 0; i < merge->kept_count && result == RESULT_OK; i++) {
		if (merge->kept[i].given_up)
			continue;
		result = write_kept(&merge->kept[i], &record, why);
		record.number++;
	}
	return result;
}

enum result records_make(const struct merge *merge, struct record *record, struct failure *why)
{
	struct store *store = merge->store;
	const struct summary *summary = &merge->check.summary;
	bool has_witness =
		summary->exceptions > 0 && merge->check.found[PROBLEM_DUPLICATE_OLD] == 0 &&
		(!left_out_must(&store->geometry, merge->origin->bytes, &summary->last) ||
		 BROKEN(LOST_WITNESS));
	enum result result;

	*record = (struct record){
		.role = RECORD_MERGING,
		.kept_stores = kept_live(merge->kept, merge->kept_count),
		.origin_bytes = merge->origin->bytes,
		.exceptions = summary->exceptions,
		.first = summary->first,
		.witness_chunk = RECORD_NO_WITNESS,
		.forced = merge->options->force || merge->options->accept_origin,
		.store_chunk_sectors = store->geometry.chunk_sectors,
		.store_bytes = store->device->bytes,
	};
	records_put_names(merge, record);
	result = make_id(record, why);
	if (result == RESULT_OK && has_witness)
		result = settle_witness(merge,
					make_witness(store, summary, merge->origin, record, why),
					record, why);
	return result;
}

enum result records_begin(struct merge *merge, const struct record *record, struct failure *why)
{
	enum result result = write_all_kept(merge, record, why);

	return result == RESULT_OK ? write_record(merge->store, record, why) : result;
}

static enum result invalidate_dropped(const struct merge *merge, struct failure *why)
{
	enum result result = RESULT_OK;

	for (size_t i = 0; i < merge->dropped_count && result == RESULT_OK; i++)
		if (merge->dropped[i]->header.valid != 0)
			result = store_invalidate(merge->dropped[i], why);
	return result;
}

static enum result end_dropped(const struct merge *merge, struct failure *why)
{
	enum result result = RESULT_OK;

	for (size_t i = 0; i < merge->dropped_count && result == RESULT_OK; i++)
		result = records_end(merge->dropped[i], why);
	return result;
}

static void tell_dropped(const struct merge *merge)
{
	for (size_t i = 0; i < merge->dropped_count; i++)
		merge_note_lost(merge, merge->dropped[i],
				"is dropped, and is now marked invalid: this snapshot is given up");
}

enum result records_drop(struct merge *merge, struct failure *why)
{
	struct record record = merge->store->record;
	uint64_t kept = 0;
	enum result result;

	for (size_t i = 0; i < merge->kept_count; i++)
		if (!merge->kept[i].given_up && records_is_kept(merge, merge->kept[i].store))
			kept |= records_number_bit(merge->kept[i].store);
	record.dropped |= records_kept_numbers(&record) & ~kept;
	result = invalidate_dropped(merge, why);
	if (result == RESULT_OK)
		result = write_record(merge->store, &record, why);
	if (result != RESULT_OK)
		return result;
	merge->drop_is_recorded = true;
	tell_dropped(merge);
	/* Its record tells, after a power cut, that it is one of this merge: it goes last. */
	return end_dropped(merge, why);
}

enum result records_end(struct store *store, struct failure *why)
{
	enum result result;

	if (store->record_presence == RECORD_ABSENT)
		return RESULT_OK;
	result = store_write_record(store, NULL, why);
	if (result == RESULT_OK)
		store->record_presence = RECORD_ABSENT;
	return result;
}

static enum result end_kept(struct merge *merge, struct failure *why)
{
	enum result result = RESULT_OK;

	for (size_t i = 0; i < merge->kept_count && result == RESULT_OK; i++) {
		const struct kept *kept = &merge->kept[i];

		if (kept->given_up || kept->is_new)
			continue;
		result = kept->role == RECORD_UNDO ? undo_end(kept, merge->origin, why)
						   : records_end(kept->store, why);
	}
	return result;
}

enum result records_end_all(struct merge *merge, struct failure *why)
{
	enum result result = end_kept(merge, why);

	return result == RESULT_OK ? records_end(merge->store, why) : result;
}
