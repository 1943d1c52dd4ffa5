// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/record.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "store/breaks.h"
#include "store/bytes.h"
#include "store/checksum.h"
#include "store/create.h"
#include "store/text.h"

#define PIECE_BYTES (1024u << 10)

/* CRC-32 of `bytes` bytes of a device. A piece is read whole blocks long, and as much of it counts.
 */
static enum result crc_of(struct io *io, struct device *device, uint64_t offset, uint64_t bytes,
			  uint32_t *crc, struct failure *why)
{
	uint64_t buffer_bytes = round_up(min_u64(bytes, PIECE_BYTES), BUFFER_ALIGNMENT);
	uint8_t *buffer = io_buffer(buffer_bytes);
	enum result result = RESULT_OK;

	*crc = 0;
	if (!buffer)
		return fail_memory(why, "a chunk", buffer_bytes);
	while (bytes > 0 && result == RESULT_OK) {
		size_t piece = (size_t)min_u64(bytes, PIECE_BYTES);
		size_t read = device->direct ? round_up(piece, device->block_bytes) : piece;

		result = io_read(io, device, offset, buffer, read, why);
		if (result == RESULT_OK)
			*crc = checksum_crc32(*crc, buffer, piece);
		offset += piece;
		bytes -= piece;
	}
	free(buffer);
	return result;
}

static enum result match_witness(const struct store *store, struct device *origin,
				 struct failure *why)
{
	const struct record *record = &store->record;
	const struct geometry *geometry = &store->geometry;
	uint64_t bytes = geometry_clip(geometry, record->witness_chunk, origin->bytes);
	enum result result;
	uint32_t crc = 0;

	if (bytes > 0) {
		result = crc_of(store->io, origin, record->witness_chunk * geometry->chunk_bytes,
				bytes, &crc, why);
		if (result != RESULT_OK)
			return result;
	}
	if (bytes > 0 && crc == record->witness_crc)
		return RESULT_OK;
	return fail(
		why, RESULT_REFUSED,
		"%s: is not the origin that the unfinished merge of %s writes to, or somebody "
		"wrote to it since: chunk %llu, merged already, holds other data; name the right "
		"origin, or use --force",
		origin->name, store->device->name, (unsigned long long)record->witness_chunk);
}

enum result record_match_origin(const struct store *store, const struct summary *summary,
				struct device *origin, struct failure *why)
{
	const struct record *record = &store->record;

	if (origin->bytes != record->origin_bytes)
		return fail(
			why, RESULT_REFUSED,
			"%s: has %llu bytes, but the unfinished merge of %s writes to an origin of "
			"%llu bytes; name the right origin",
			origin->name, (unsigned long long)origin->bytes, store->device->name,
			(unsigned long long)record->origin_bytes);
	/* The witness is the last exception: as long as it is there, nothing was committed. */
	if (BROKEN(NO_WITNESS_CHECK) || record->witness_chunk == RECORD_NO_WITNESS ||
	    summary->exceptions == record->exceptions)
		return RESULT_OK;
	return match_witness(store, origin, why);
}

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
	return crc_of(store->io, store->device, summary->last.new_chunk * geometry->chunk_bytes,
		      bytes, &record->witness_crc, why);
}

/* ---- the stores of a merge ---- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* In the order of their numbers, as many names as fit. */
static void put_names(const struct merge *merge, struct record *record)
{
	size_t used = 0;

	for (size_t i = 0; i < merge->kept_count; i++) {
		const char *name = base_name(merge->kept[i].store->device->name);
		size_t bytes = strlen(name) + 1;

		if (merge->kept[i].given_up)
			continue;
		if (bytes > sizeof(record->names) - used)
			return;
		memcpy(record->names + used, name, bytes);
		used += bytes;
	}
}

/* The name of kept store `number`, from bytes that anybody may have written; "a store" where there is
 * none. */
static void copy_name(const struct record *record, uint32_t number, char *text, size_t size)
{
	const char *name = record->names, *end = record->names + sizeof(record->names);
	size_t used = 0;

	for (; number > 0 && name < end; number--)
		name += strnlen(name, (size_t)(end - name)) + 1;
	for (; name < end && *name && used + 1 < size; name++)
		text[used++] = isprint((unsigned char)*name) ? *name : '?';
	text[used] = '\0';
	if (used == 0)
		snprintf(text, size, "a store");
}

void record_describe_kept(const struct record *record, uint64_t numbers, char *text, size_t size)
{
	size_t used = 0;
	char name[64];

	text[0] = '\0';
	for (uint32_t i = 0; i < min_u64(record->kept_stores, RECORD_KEPT_MAX) && used < size;
	     i++) {
		if (!(numbers >> i & 1))
			continue;
		copy_name(record, i, name, sizeof(name));
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", name);
	}
}

static uint64_t all_kept(const struct record *record)
{
	return record->kept_stores >= RECORD_KEPT_MAX ? UINT64_MAX
						      : ((uint64_t)1 << record->kept_stores) - 1;
}

uint64_t record_kept_numbers(const struct record *record)
{
	return all_kept(record) & ~record->dropped;
}

static enum result refuse_kept(const struct merge *merge, const char *name, const char *text,
			       uint64_t numbers, struct failure *why)
{
	char needs[512];

	record_describe_kept(&merge->store->record, numbers, needs, sizeof(needs));
	return fail(why, RESULT_REFUSED, "%s: %s; the unfinished merge of %s keeps %s%s", name,
		    text, merge->store->device->name, needs[0] ? needs : "no other store",
		    needs[0] ? ": name each with --keep (or --undo), or give it up with --drop-kept"
			     : "");
}

static bool is_of_this_merge(const struct merge *merge, const struct store *store)
{
	return store->record_presence == RECORD_PRESENT && store->record.role != RECORD_MERGING &&
	       store->record.number < RECORD_KEPT_MAX &&
	       memcmp(store->record.id, merge->store->record.id, RECORD_ID_BYTES) == 0;
}

static uint64_t number_of(const struct store *store)
{
	return (uint64_t)1 << store->record.number;
}

/* The last thing that a merge does: the kept stores' records go first. Which of them this one is
 * cannot be told then, and need not be. */
static bool has_ended(const struct merge *merge, const struct kept *kept)
{
	return merge->check.summary.exceptions == 0 && !kept->is_new && !kept->given_up &&
	       kept->store->record_presence == RECORD_ABSENT;
}

static enum result match_one_resumed(const struct merge *merge, const struct kept *kept,
				     uint64_t *missing, struct failure *why)
{
	const struct store *store = kept->store;
	uint64_t wanted = record_kept_numbers(&merge->store->record);

	if (BROKEN(KEPT_RECORD_UNCHECKED))
		return RESULT_OK;
	if (!is_of_this_merge(merge, store) || !(*missing & number_of(store)))
		return refuse_kept(merge, store->device->name,
				   "is not among the stores that it keeps", wanted, why);
	if (store->record.role != kept->role)
		return refuse_kept(merge, store->device->name,
				   kept->role == RECORD_UNDO
					   ? "is a kept snapshot, not its undo store"
					   : "is its undo store: name it with --undo",
				   wanted, why);
	*missing &= ~number_of(store);
	return RESULT_OK;
}

/* Of the stores with these numbers, the one that was given this name; 0: none. */
static uint64_t number_named(const struct record *record, uint64_t numbers, const char *wanted)
{
	char name[64];

	for (uint32_t i = 0; i < min_u64(record->kept_stores, RECORD_KEPT_MAX); i++) {
		copy_name(record, i, name, sizeof(name));
		if ((numbers >> i & 1) && strcmp(name, wanted) == 0)
			return (uint64_t)1 << i;
	}
	return 0;
}

static bool is_invalid(const struct store *store)
{
	return store->header_fault == HEADER_GOOD && store->header.valid == 0;
}

/* Its number, where its record or, as the kernel takes the record away when it gives a snapshot up, its
 * name tells it; 0: neither does. */
static uint64_t number_dropped(const struct merge *merge, const struct store *store)
{
	const struct record *record = &merge->store->record;

	if (is_of_this_merge(merge, store))
		return number_of(store);
	if (store->record_presence != RECORD_ABSENT || !(is_invalid(store) || merge->force))
		return 0;
	return number_named(record, record_kept_numbers(record), base_name(store->device->name));
}

static void match_dropped(const struct merge *merge, uint64_t *missing)
{
	for (size_t i = 0; i < merge->dropped_count; i++)
		*missing &= ~number_dropped(merge, merge->dropped[i]);
}

/* One that nothing tells is, with --force, what is still missing. Else, an invalid one was given up
 * before, and stands for nothing. */
static enum result match_unknown(const struct merge *merge, const struct store *store,
				 uint64_t *missing, struct failure *why)
{
	bool nameless = store->record_presence == RECORD_ABSENT;

	if (number_dropped(merge, store) != 0)
		return RESULT_OK;
	if (nameless && is_invalid(store) && *missing == 0)
		return RESULT_OK;
	if (nameless && merge->force && *missing != 0) {
		*missing &= *missing - 1;
		return RESULT_OK;
	}
	return refuse_kept(merge, store->device->name,
			   nameless ? "has no record of this merge (--force takes it for one of "
				      "its stores)"
				    : "is not among the stores that it keeps",
			   record_kept_numbers(&merge->store->record), why);
}

static enum result match_resumed(const struct merge *merge, struct failure *why)
{
	uint64_t missing = record_kept_numbers(&merge->store->record), ended = 0;
	enum result result = RESULT_OK;

	for (size_t i = 0; i < merge->kept_count && result == RESULT_OK; i++) {
		if (has_ended(merge, &merge->kept[i]))
			ended++;
		else if (!merge->kept[i].given_up)
			result = match_one_resumed(merge, &merge->kept[i], &missing, why);
	}
	if (result == RESULT_OK)
		match_dropped(merge, &missing);
	/* What has no number, or is out of reach, is what is still missing. */
	for (uint64_t i = 0; i < ended + merge->unseen_count; i++)
		missing &= missing - 1;
	for (size_t i = 0; i < merge->dropped_count && result == RESULT_OK; i++)
		result = match_unknown(merge, merge->dropped[i], &missing, why);
	if (result != RESULT_OK || missing == 0 || BROKEN(KEPT_RECORD_UNCHECKED))
		return result;
	return refuse_kept(merge, merge->store->device->name,
			   "cannot be resumed, something is missing", missing, why);
}

/* A power cut came between the records of the kept stores and that of the merging one. */
static bool never_began(const struct merge *merge, const struct record *record)
{
	const struct summary *summary = &merge->check.summary;
	const struct store *store = merge->store;

	return summary->exceptions > 0 && record->exceptions == summary->exceptions &&
	       record->first.old_chunk == summary->first.old_chunk &&
	       record->first.new_chunk == summary->first.new_chunk &&
	       record->origin_bytes == merge->origin->bytes &&
	       record->store_chunk_sectors == store->geometry.chunk_sectors &&
	       record->store_bytes == store->device->bytes;
}

/* A file that is there already must be what a power cut left when this very merge was to begin. */
static enum result match_undo_begun(const struct merge *merge, const struct store *store,
				    struct failure *why)
{
	if (store->record_presence == RECORD_PRESENT && store->record.role == RECORD_UNDO &&
	    never_began(merge, &store->record))
		return RESULT_OK;
	return fail(
		why, RESULT_REFUSED,
		"%s: exists already, and is not the undo store of this merge; remove it, or name a "
		"file that does not exist",
		store->device->name);
}

static enum result match_one_begun(const struct merge *merge, const struct kept *kept,
				   struct failure *why)
{
	const struct store *store = kept->store;
	const char *name = store->device->name;
	struct suggestion command;

	if (kept->is_new || kept->given_up)
		return RESULT_OK;
	if (kept->role == RECORD_UNDO)
		return match_undo_begun(merge, store, why);
	if (store->record_presence == RECORD_ABSENT || store->record_presence == RECORD_CORRUPT ||
	    merge->force)
		return RESULT_OK;
	if (store->record_presence == RECORD_FOREIGN)
		return fail(why, RESULT_REFUSED,
			    "%s: belongs to an unfinished merge of another version of cowtool; use "
			    "that version, or --force to forget what it wrote down",
			    name);
	if (store->record.role == RECORD_MERGING) {
		if (record_is_stale(&store->record, kept->check.summary.exceptions,
				    &kept->check.summary.first))
			return RESULT_OK;
		return fail(why, RESULT_REFUSED,
			    "%s: is being merged itself; finish that with %s first", name,
			    suggest(&command, "cowtool merge --resume %s %s", merge->origin->name,
				    name));
	}
	if (never_began(merge, &store->record) ||
	    (merge->record_is_stale && is_of_this_merge(merge, store)))
		return RESULT_OK;
	return fail(
		why, RESULT_REFUSED,
		"%s: is kept by an unfinished merge of another store; finish that first, or, if "
		"there is none, remove what it left there with %s",
		name, suggest(&command, "cowtool repair --forget-kept --backup=FILE %s", name));
}

enum result record_match_kept(const struct merge *merge, struct failure *why)
{
	enum result result = RESULT_OK;

	if (merge->record_is_current)
		return match_resumed(merge, why);
	if (merge->dropped_count + merge->unseen_count > 0)
		return fail(why, RESULT_REFUSED,
			    "%s: no unfinished merge stands in it that keeps a store to be dropped",
			    merge->store->device->name);
	for (size_t i = 0; i < merge->kept_count && result == RESULT_OK; i++)
		result = match_one_begun(merge, &merge->kept[i], why);
	return result;
}

/* ---- writing them ---- */

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
	struct store *store = kept->store;
	enum result result;

	record.role = kept->role;
	memset(record.names, 0, sizeof(record.names));
	if (kept->is_new) {
		struct device *device = store->device;
		struct io *io = store->io;

		result = store_create(device, io, merging->store_chunk_sectors, &record, why);
		if (result == RESULT_OK)
			result = store_open(store, device, io, why);
		kept->is_new = result != RESULT_OK;
		return result;
	}
	return write_record(store, &record, why);
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

enum result record_begin(struct merge *merge, struct failure *why)
{
	struct store *store = merge->store;
	const struct summary *summary = &merge->check.summary;
	struct record record = {
		.role = RECORD_MERGING,
		.kept_stores = kept_live(merge->kept, merge->kept_count),
		.origin_bytes = merge->origin->bytes,
		.exceptions = summary->exceptions,
		.first = summary->first,
		.witness_chunk = RECORD_NO_WITNESS,
		.forced = merge->force,
		.store_chunk_sectors = store->geometry.chunk_sectors,
		.store_bytes = store->device->bytes,
	};
	enum result result = make_id(&record, why);
	bool has_witness =
		merge->check.found[PROBLEM_DUPLICATE_OLD] == 0 &&
		(!left_out_must(&store->geometry, merge->origin->bytes, &summary->last) ||
		 BROKEN(LOST_WITNESS));

	put_names(merge, &record);
	if (result == RESULT_OK && has_witness)
		result = make_witness(store, summary, merge->origin, &record, why);
	if (result == RESULT_OK && !BROKEN(KEPT_RECORD_LATE))
		result = write_all_kept(merge, &record, why);
	if (result == RESULT_OK)
		result = write_record(store, &record, why);
	if (result == RESULT_OK && BROKEN(KEPT_RECORD_LATE))
		result = write_all_kept(merge, &record, why);
	return result;
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
		result = record_end(merge->dropped[i], why);
	return result;
}

static void tell_dropped(const struct merge *merge)
{
	for (size_t i = 0; i < merge->dropped_count && merge->lost; i++)
		merge->lost(
			merge->context, merge->dropped[i]->device->name,
			"is dropped, as --drop-kept says, and now marked invalid: this snapshot "
			"is given up");
}

enum result record_drop(struct merge *merge, struct failure *why)
{
	struct record record = merge->store->record;
	uint64_t kept = 0;
	enum result result = RESULT_OK;

	for (size_t i = 0; i < merge->kept_count; i++)
		if (!merge->kept[i].given_up && is_of_this_merge(merge, merge->kept[i].store))
			kept |= number_of(merge->kept[i].store);
	record.dropped = all_kept(&record) & ~kept;
	if (!BROKEN(DROP_RECORD_EARLY))
		result = invalidate_dropped(merge, why);
	/* Its record tells, after a power cut, that it is one of this merge: it goes last. */
	if (result == RESULT_OK && BROKEN(DROP_OWN_RECORD_EARLY))
		result = end_dropped(merge, why);
	if (result == RESULT_OK)
		result = write_record(merge->store, &record, why);
	if (result == RESULT_OK && BROKEN(DROP_RECORD_EARLY))
		result = invalidate_dropped(merge, why);
	if (result == RESULT_OK)
		tell_dropped(merge);
	return result == RESULT_OK ? end_dropped(merge, why) : result;
}

enum result record_end(struct store *store, struct failure *why)
{
	enum result result;

	if (store->record_presence == RECORD_ABSENT)
		return RESULT_OK;
	result = store_write_record(store, NULL, why);
	if (result == RESULT_OK)
		store->record_presence = RECORD_ABSENT;
	return result;
}

enum result record_end_all(struct merge *merge, struct failure *why)
{
	enum result result = RESULT_OK;

	for (size_t i = 0; i < merge->kept_count && result == RESULT_OK; i++)
		if (!merge->kept[i].given_up && !merge->kept[i].is_new)
			result = record_end(merge->kept[i].store, why);
	return result == RESULT_OK ? record_end(merge->store, why) : result;
}
