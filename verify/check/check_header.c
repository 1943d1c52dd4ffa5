// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "verify/check/check.h"

/* So much of chunk 0 is looked at where its size is not known. */
#define START_BYTES 4096u

static void report_fault(struct check *check, enum trace trace)
{
	const struct header *header = &check->store->header;

	switch (check->store->header_fault) {
	case HEADER_GOOD:
		break;
	case HEADER_BLANK:
		check_report(check, PROBLEM_HEADER_MAGIC, trace,
			     "the first bytes are 0x%08x, not 0x%08x (\"SnAp\"): a kernel that "
			     "activates this makes a new, empty store here",
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

/* Exceptions in chunk 0: behind the header's 16 bytes, or, where they are not the header's, from the
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
	uint8_t *chunk;

	if (store->geometry.device_chunks == 0)
		return RESULT_OK;
	chunk = io_buffer(bytes);
	if (!chunk)
		return fail_memory(why, "the header", bytes);
	result = io_read(store->io, store->device, 0, chunk, bytes, why);
	if (result == RESULT_OK)
		check_slack(check, chunk, bytes);
	free(chunk);
	return result;
}

enum result check_header(struct check *check, struct failure *why)
{
	const struct store *store = check->store;
	bool half_restored = store_is_half_restored(store);

	if (half_restored)
		check_report(check, PROBLEM_RESTORE_UNFINISHED, TRACE_NONE, "%s",
			     STORE_HALF_RESTORED);
	if (store->header_fault != HEADER_GOOD)
		return check_fault(check, why);
	/* Not the kernel marked it so. */
	if (store->header.valid == 0 && !half_restored)
		check_report(check, PROBLEM_HEADER_INVALID, TRACE_NONE,
			     "the store is marked invalid");
	return read_slack(check, why);
}
