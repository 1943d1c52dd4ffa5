// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "store/bytes.h"
#include "verify/check.h"

static void check_fault(struct check *check)
{
	const struct header *header = &check->store->header;

	switch (check->store->header_fault) {
	case HEADER_GOOD:
		break;
	case HEADER_BLANK:
	case HEADER_WRONG_MAGIC:
		check_report(check, PROBLEM_HEADER_MAGIC,
			     "the first bytes are 0x%08x, not 0x%08x (\"SnAp\")", header->magic,
			     HEADER_MAGIC);
		break;
	case HEADER_WRONG_VERSION:
		check_report(check, PROBLEM_HEADER_VERSION, "the version is %u, and only %u exists",
			     header->version, HEADER_VERSION);
		break;
	case HEADER_WRONG_CHUNK_SIZE:
		check_report(check, PROBLEM_HEADER_CHUNK_SIZE,
			     "the chunk size is %u sectors, not a power of two up to %u",
			     header->chunk_sectors, CHUNK_SECTORS_MAX);
		break;
	}
}

static void check_slack(struct check *check, const uint8_t *chunk, size_t bytes)
{
	const struct store *store = check->store;
	size_t first = HEADER_BYTES;
	bool record = store->record_presence == RECORD_PRESENT ||
		      store->record_presence == RECORD_FOREIGN;

	if (store->record_presence == RECORD_CORRUPT) {
		check_report(check, PROBLEM_HEADER_SLACK,
			     "byte %u begins a merge record that is damaged", RECORD_OFFSET);
		return;
	}
	while (first < bytes && (chunk[first] == 0 || (record && first >= RECORD_OFFSET &&
						       first < RECORD_OFFSET + RECORD_BYTES)))
		first++;
	if (first < bytes)
		check_report(check, PROBLEM_HEADER_SLACK,
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

	check_fault(check);
	if (store->header_fault != HEADER_GOOD)
		return RESULT_OK;
	if (store->header.valid == 0)
		check_report(check, PROBLEM_HEADER_INVALID, "the store is marked invalid");
	return read_slack(check, why);
}
