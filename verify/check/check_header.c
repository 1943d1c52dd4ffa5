// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/base/text.h"
#include "store/cow/gaps.h"
#include "verify/check/check.h"

/* This much of chunk 0 is looked at where its size is not known. */
#define START_BYTES 4096u
/* The kernel lets this many copies be under way at once (snapshot_cow_threshold); when it gives a
 * snapshot up, they have chunks and are in no list. */
#define COPIES_UNDER_WAY 2048u

static void report_fault(struct check *check, enum trace trace)
{
	const struct header *header = &check->store->header;

	switch (check->store->header_fault) {
	case HEADER_GOOD:
		break;
	case HEADER_BLANK:
		check_report(
			check, PROBLEM_HEADER_MAGIC, trace,
			"the first bytes are 0x%08x, not 0x%08x (\"SnAp\"): a kernel that activates this makes a new, empty store here",
			header->magic, HEADER_MAGIC);
		break;
	case HEADER_WRONG_MAGIC:
		check_report(check, PROBLEM_HEADER_MAGIC, trace,
			     "the first bytes are 0x%08x, not 0x%08x (\"SnAp\")", header->magic,
			     HEADER_MAGIC);
		break;
	case HEADER_WRONG_VERSION:
		check_report(check, PROBLEM_HEADER_VERSION, trace,
			     "the version is %u, and only %u exists", header->version,
			     HEADER_VERSION);
		break;
	case HEADER_WRONG_CHUNK_SIZE:
		check_report(check, PROBLEM_HEADER_CHUNK_SIZE, trace,
			     "the chunk size is %u sectors, not a power of two up to %u",
			     header->chunk_sectors, CHUNK_SECTORS_MAX);
		break;
	}
}

/* Exceptions in chunk 0: after the header's 16 bytes, or, where they are not the header's, from the
 * first byte on. A merge record is no exception, nor is an imprint. */
static enum trace trace_of_header(const struct check *check, const uint8_t *bytes, size_t count)
{
	bool magic = check->store->header.magic == HEADER_MAGIC;
	bool record = check->store->record_presence != RECORD_ABSENT;
	bool imprint = check->store->imprint_presence != RECORD_ABSENT;

	return !imprint && trace_is_area(bytes, magic,
					 (record ? RECORD_OFFSET : count) / EXCEPTION_BYTES,
					 check->store->device->bytes / SECTOR_BYTES)
		       ? TRACE_HEADER_RACE
		       : TRACE_NONE;
}

static enum result check_fault(struct check *check, struct failure *why)
{
	const struct store *store = check->store;
	size_t bytes = min_u64(store->device->bytes, START_BYTES);
	uint8_t *start = io_buffer(bytes);
	enum result result;

	if (!start)
		return fail_memory(why, "the header", bytes);
	result = io_read(store->io, store->device, 0, start, bytes, why);
	if (result == RESULT_OK)
		report_fault(check, trace_of_header(check, start, bytes));
	free(start);
	return result;
}

/*
 * The header of Linux 2.4 (dm-snapshot.c of its device-mapper patches): magic, version 1, chunk
 * size, extent size, then, where today nothing is, the sector at which the exceptions begin, 64
 * bits, and whether it is full, 32 bits. With chunks of one sector the first four read as a good
 * header of today, and all else is elsewhere. An exception is a sector of the origin and one of the
 * store, after where they begin.
 */
static enum result find_linux_2_4(const struct store *store, const uint8_t *chunk, bool *found,
				  struct failure *why)
{
	_Alignas(BUFFER_ALIGNMENT) uint8_t block[BUFFER_ALIGNMENT];
	uint64_t start = get_le64(chunk + 16), sectors = store->device->bytes / SECTOR_BYTES;
	uint64_t offset;
	enum result result;

	*found = false;
	if (store->header.valid != 1 || start == 0 || start >= sectors || get_le32(chunk + 24) > 1)
		return RESULT_OK;
	offset = round_down(start * SECTOR_BYTES, sizeof(block));
	result = io_read(store->io, store->device, offset, block,
			 min_u64(sizeof(block), store->device->bytes - offset), why);
	if (result == RESULT_OK) {
		size_t at = (size_t)(start * SECTOR_BYTES - offset);
		uint64_t new_sector = get_le64(block + at + 8);

		*found = new_sector > start && new_sector < sectors;
	}
	/* A saved file has not what is there; where a device cannot be read, nothing tells. */
	return result == RESULT_IO ? RESULT_OK : result;
}

static void report_linux_2_4(struct check *check, const uint8_t *chunk)
{
	check_report(
		check, PROBLEM_HEADER_VERSION, TRACE_NONE,
		"this is the header of a store of Linux 2.4, with chunks of one sector: its exceptions begin at sector %llu, in another form; no later kernel reads it",
		(unsigned long long)get_le64(chunk + 16));
}

/* Does that byte belong to something of cowtool's own that says something? */
static bool is_known(const struct store *store, size_t at)
{
	if (at < IMPRINT_OFFSET + IMPRINT_BYTES)
		return store_speaks(store->imprint_presence);
	return at < RECORD_OFFSET + RECORD_BYTES && store_speaks(store->record_presence);
}

static void check_slack(struct check *check, const uint8_t *chunk, size_t bytes)
{
	const struct store *store = check->store;
	size_t first = HEADER_BYTES;

	if (store->record_presence == RECORD_CORRUPT) {
		check_report(check, PROBLEM_HEADER_SLACK, TRACE_NONE,
			     "byte %u begins a merge record that is damaged", RECORD_OFFSET);
		return;
	}
	while (first < bytes && (chunk[first] == 0 || is_known(store, first)))
		first++;
	if (first < bytes)
		check_report(check, PROBLEM_HEADER_SLACK, trace_of_header(check, chunk, bytes),
			     "byte %zu of the header's chunk is not zero", first);
}

static enum result read_slack(struct check *check, struct failure *why)
{
	const struct store *store = check->store;
	uint64_t bytes = min_u64(store->geometry.chunk_bytes, CHECK_SLACK_BYTES);
	enum result result = RESULT_OK;
	bool is_old = false;
	uint8_t *chunk;

	if (store->geometry.device_chunks == 0)
		return RESULT_OK;
	chunk = io_buffer(bytes);
	if (!chunk)
		return fail_memory(why, "the header", bytes);
	result = gaps_read_bytes(store, 0, chunk, bytes, why);
	if (result == RESULT_OK)
		result = find_linux_2_4(store, chunk, &is_old, why);
	if (result == RESULT_OK && is_old)
		report_linux_2_4(check, chunk);
	else if (result == RESULT_OK)
		check_slack(check, chunk, bytes);
	free(chunk);
	return result;
}

static void report_invalid(struct check *check, const struct summary *summary, bool area_missing)
{
	const struct geometry *geometry = &check->store->geometry;
	unsigned long long chunks = geometry->device_chunks;
	uint64_t room = 0;

	if (area_missing || !summary_place_known(summary)) {
		check_report(
			check, PROBLEM_HEADER_INVALID, TRACE_NONE,
			"the store is marked invalid; whether it was full cannot be told, as not all of its exceptions are inside the device, or can be read");
		return;
	}
	geometry_room(geometry, geometry_next_free(geometry, summary->highest_new),
		      summary->exceptions, 0, &room);
	if (room == 0)
		check_report(
			check, PROBLEM_HEADER_INVALID, TRACE_NONE,
			"the store is marked invalid; it was full: its %llu chunks have no room for one more exception",
			chunks);
	else if (room <= COPIES_UNDER_WAY && room <= chunks / 10)
		check_report(
			check, PROBLEM_HEADER_INVALID, TRACE_NONE,
			"the store is marked invalid; it was almost full: its %llu chunks have room for %llu more exception%s, and as many copies may have been under way",
			chunks, (unsigned long long)room, text_plural(room));
	else
		check_report(
			check, PROBLEM_HEADER_INVALID, TRACE_NONE,
			"the store is marked invalid; it was not full: its %llu chunks have room for %llu more exception%s, so reading or writing the store or the origin failed, or cowtool gave it up",
			chunks, (unsigned long long)room, text_plural(room));
}

static enum result check_validity(struct check *check, struct failure *why)
{
	struct summary summary;
	bool area_missing;
	enum result result;

	/* Not the kernel marked it so. */
	if (check->store->header.valid != 0 || store_is_half_restored(check->store))
		return RESULT_OK;
	result = store_summarize(check->store, &summary, &area_missing, why);
	if (result == RESULT_OK)
		report_invalid(check, &summary, area_missing);
	return result;
}

enum result check_header(struct check *check, struct failure *why)
{
	const struct store *store = check->store;
	enum result result;

	if (store_is_half_restored(store))
		check_report(check, PROBLEM_RESTORE_UNFINISHED, TRACE_NONE, "%s",
			     STORE_HALF_RESTORED);
	if (store->header_fault != HEADER_GOOD)
		return check_fault(check, why);
	result = check_validity(check, why);
	return result == RESULT_OK ? read_slack(check, why) : result;
}
