// SPDX-License-Identifier: GPL-2.0-or-later
/* Whether the stores that a merge is given are those that the records name. */
#include "merge/records.h"
#include "merge/undo.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "store/base/breaks.h"
#include "store/base/bytes.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void records_put_names(const struct merge *merge, struct record *record)
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

/* The name of kept store `number`, `*bytes` bytes that anybody may have written; 0: it has none. */
static const char *name_of(const struct record *record, uint32_t number, size_t *bytes)
{
	const char *name = record->names, *end = record->names + sizeof(record->names);

	for (; number > 0 && name < end; number--)
		name += strnlen(name, (size_t)(end - name)) + 1;
	*bytes = name < end ? strnlen(name, (size_t)(end - name)) : 0;
	return name;
}

/* For people; "a store" where there is none. */
static void copy_name(const struct record *record, uint32_t number, char *text, size_t size)
{
	size_t bytes, used = 0;
	const char *name = name_of(record, number, &bytes);

	for (; used < bytes && used + 1 < size; used++)
		text[used] = isprint((unsigned char)name[used]) ? name[used] : '?';
	text[used] = '\0';
	if (used == 0)
		snprintf(text, size, "a store");
}

void records_describe_kept(const struct record *record, uint64_t numbers, char *text, size_t size)
{
	size_t used = 0;
	char name[sizeof(record->names) + 1];

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

uint64_t records_kept_numbers(const struct record *record)
{
	return all_kept(record) & ~record->dropped;
}

/* It needs those with these numbers. */
static enum result refuse_kept(const struct merge *merge, const char *name, const char *text,
			       uint64_t numbers, enum remedy remedy, struct failure *why)
{
	char needs[512];

	records_describe_kept(&merge->store->record, numbers, needs, sizeof(needs));
	return fail_remedy(why, RESULT_REFUSED, needs[0] ? remedy : REMEDY_NONE, NULL,
			   "%s: %s; the unfinished merge of %s keeps %s", name, text,
			   merge->store->device->name, needs[0] ? needs : "no other store");
}

bool records_is_kept(const struct merge *merge, const struct store *store)
{
	return store->record_presence == RECORD_PRESENT && store->record.role != RECORD_MERGING &&
	       store->record.number < RECORD_KEPT_MAX &&
	       memcmp(store->record.id, merge->store->record.id, RECORD_ID_BYTES) == 0;
}

uint64_t records_number_bit(const struct store *store)
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
	uint64_t wanted = records_kept_numbers(&merge->store->record);

	if (!records_is_kept(merge, store) || !(*missing & records_number_bit(store)))
		return refuse_kept(merge, store->device->name,
				   "is not among the stores that it keeps", wanted,
				   REMEDY_NAME_KEPT, why);
	if (store->record.role != kept->role)
		return refuse_kept(merge, store->device->name,
				   kept->role == RECORD_UNDO
					   ? "is a kept snapshot, not its undo store"
					   : "is its undo store, not a kept snapshot",
				   wanted, REMEDY_NAME_KEPT, why);
	*missing &= ~records_number_bit(store);
	return RESULT_OK;
}

/* Of the stores with these numbers, the one that was given this name; 0: none. */
static uint64_t number_named(const struct record *record, uint64_t numbers, const char *wanted)
{
	for (uint32_t i = 0; i < min_u64(record->kept_stores, RECORD_KEPT_MAX); i++) {
		size_t bytes;
		const char *name = name_of(record, i, &bytes);

		if ((numbers >> i & 1) && bytes == strlen(wanted) &&
		    memcmp(name, wanted, bytes) == 0)
			return (uint64_t)1 << i;
	}
	return 0;
}

bool records_may_name(const struct record *record, const char *name)
{
	size_t bytes = 1;

	/* Where not all names had room, the last one has none. */
	if (record->kept_stores > 0)
		name_of(record, (uint32_t)min_u64(record->kept_stores, RECORD_KEPT_MAX) - 1,
			&bytes);
	return bytes == 0 || number_named(record, all_kept(record), base_name(name)) != 0;
}

/* Was a store of this name, without its folder, dropped before? */
static bool was_dropped(const struct merge *merge, const char *name)
{
	const struct record *record = &merge->store->record;

	return number_named(record, record->dropped, name) != 0;
}

static bool is_invalid(const struct store *store)
{
	return store->header_fault == HEADER_GOOD && store->header.valid == 0;
}

/* Of a store without a record, as the kernel takes it away when it gives a snapshot up: the one of
 * these numbers that its name tells; 0: none. Two stores may have one name: those that have a
 * record come first. */
static uint64_t number_by_name(const struct merge *merge, const struct store *store,
			       uint64_t numbers)
{
	const char *name = base_name(store->device->name);

	if (store->record_presence != RECORD_ABSENT ||
	    !(is_invalid(store) || merge->options->force))
		return 0;
	/* It may be the one of that name that was dropped before. */
	if (was_dropped(merge, name))
		return 0;
	return number_named(&merge->store->record, numbers, name);
}

/* One that is out of reach has its name alone: it may have been dropped before; one of a name that
 * nobody has is what is still missing. */
static void match_unseen(const struct merge *merge, uint64_t *missing)
{
	for (size_t i = 0; i < merge->unseen_count; i++) {
		const char *name = base_name(merge->unseen[i]);
		uint64_t number = number_named(&merge->store->record, *missing, name);

		if (!was_dropped(merge, name))
			*missing &= number != 0 ? ~number : *missing - 1;
	}
}

/* Bit i of *known: dropped store i is one that this merge keeps. */
static void match_dropped(const struct merge *merge, uint64_t *missing, uint64_t *known)
{
	size_t count = min_u64(merge->dropped_count, RECORD_KEPT_MAX);

	*known = 0;
	for (size_t i = 0; i < count; i++) {
		if (!records_is_kept(merge, merge->dropped[i]))
			continue;
		*missing &= ~records_number_bit(merge->dropped[i]);
		*known |= (uint64_t)1 << i;
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t number = number_by_name(merge, merge->dropped[i], *missing);

		*missing &= ~number;
		*known |= (uint64_t)(number != 0) << i;
	}
}

/* One that nothing tells is, with --force, what is still missing. Else, an invalid one was given up
 * before, and is none of them. */
static enum result match_unknown(const struct merge *merge, const struct store *store,
				 uint64_t *missing, struct failure *why)
{
	bool nameless = store->record_presence == RECORD_ABSENT;

	if (nameless && is_invalid(store) &&
	    (*missing == 0 || was_dropped(merge, base_name(store->device->name))))
		return RESULT_OK;
	if (nameless && merge->options->force && *missing != 0) {
		*missing &= *missing - 1;
		return RESULT_OK;
	}
	return refuse_kept(merge, store->device->name,
			   nameless ? "has no record of this merge"
				    : "is not among the stores that it keeps",
			   records_kept_numbers(&merge->store->record),
			   nameless ? REMEDY_NAME_KEPT_OR_FORCE : REMEDY_NAME_KEPT, why);
}

static enum result match_resumed(const struct merge *merge, struct failure *why)
{
	uint64_t missing = records_kept_numbers(&merge->store->record), ended = 0, known;
	enum result result = RESULT_OK;

	for (size_t i = 0; i < merge->kept_count && result == RESULT_OK; i++) {
		if (has_ended(merge, &merge->kept[i]))
			ended++;
		else if (!merge->kept[i].given_up)
			result = match_one_resumed(merge, &merge->kept[i], &missing, why);
	}
	match_dropped(merge, &missing, &known);
	match_unseen(merge, &missing);
	/* What has no number is what is still missing. */
	for (uint64_t i = 0; i < ended; i++)
		missing &= missing - 1;
	for (size_t i = 0; i < merge->dropped_count && result == RESULT_OK; i++)
		if (i >= RECORD_KEPT_MAX || !(known >> i & 1))
			result = match_unknown(merge, merge->dropped[i], &missing, why);
	if (result != RESULT_OK || missing == 0)
		return result;
	return refuse_kept(merge, merge->store->device->name,
			   "cannot be resumed, something is missing", missing, REMEDY_NAME_KEPT,
			   why);
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

static enum result match_one_begun(const struct merge *merge, const struct kept *kept,
				   struct failure *why)
{
	const struct store *store = kept->store;
	const char *name = store->device->name;

	if (kept->is_new || kept->given_up)
		return RESULT_OK;
	if (kept->role == RECORD_UNDO)
		return undo_match_begun(store, never_began(merge, &store->record), why);
	if (store->record_presence == RECORD_ABSENT || store->record_presence == RECORD_CORRUPT ||
	    merge->options->force)
		return RESULT_OK;
	if (store->record_presence == RECORD_FOREIGN)
		return fail_remedy(
			why, RESULT_REFUSED, REMEDY_FINISH_ELSEWHERE, NULL,
			"%s: belongs to an unfinished merge of another version of cowtool", name);
	if (store->record.role == RECORD_MERGING) {
		if (record_is_stale(&store->record, kept->check.summary.exceptions,
				    &kept->check.summary.first))
			return RESULT_OK;
		return fail_remedy(why, RESULT_REFUSED, REMEDY_FINISH_FIRST, name,
				   "%s: is being merged itself", name);
	}
	if (never_began(merge, &store->record) ||
	    (merge->record_is_stale && records_is_kept(merge, store)))
		return RESULT_OK;
	return fail_remedy(why, RESULT_REFUSED, REMEDY_FORGET_KEPT, name,
			   "%s: is kept by an unfinished merge of another store", name);
}

enum result records_match_kept(const struct merge *merge, struct failure *why)
{
	enum result result = RESULT_OK;

	if (merge->record_is_current)
		return BROKEN(KEPT_RECORD_UNCHECKED) ? RESULT_OK : match_resumed(merge, why);
	if (merge->dropped_count + merge->unseen_count > 0)
		return fail(why, RESULT_REFUSED,
			    "%s: has no unfinished merge that keeps a store to be dropped",
			    merge->store->device->name);
	for (size_t i = 0; i < merge->kept_count && result == RESULT_OK; i++)
		result = match_one_begun(merge, &merge->kept[i], why);
	return result;
}
