// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cow/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/breaks.h"
#include "store/base/bytes.h"
#include "store/device/probe.h"

static uint32_t block_bytes(const struct store *store)
{
	return device_unit(store->device, store->header_fault == HEADER_GOOD
						  ? store->geometry.chunk_bytes
						  : BUFFER_ALIGNMENT);
}

void store_assume_header(struct store *store, const struct header *header)
{
	assert(header_check(header) == HEADER_GOOD);
	store->header = *header;
	store->header_fault = HEADER_GOOD;
	store->geometry = geometry_make(header->chunk_sectors, store->device->bytes);
}

enum result store_open(struct store *store, struct device *device, struct io *io,
		       struct failure *why)
{
	struct failure ignored; /* what it is instead is then not known */
	enum result result;
	_Alignas(BUFFER_ALIGNMENT) uint8_t block[BUFFER_ALIGNMENT];

	memset(store, 0, sizeof(*store));
	store->device = device;
	store->io = io;
	if (device->bytes < SECTOR_BYTES)
		return fail(why, RESULT_NO_STORE,
			    "%s: no COW store there: it has not one whole sector", device->name);
	result = io_read(io, device, 0, block, device_unit(device, BUFFER_ALIGNMENT), why);
	if (result == RESULT_OK) {
		header_decode(block, &store->header);
		store->header_fault = header_check(&store->header);
		store->record_presence = record_decode(block + RECORD_OFFSET, &store->record);
		store->imprint_presence = imprint_decode(block + IMPRINT_OFFSET, &store->imprint);
	}
	/* Nothing can be told of a store without it. */
	if (result == RESULT_IO)
		fail_set_remedy(why, REMEDY_REBUILD_COPY, NULL);
	if (result == RESULT_OK && store->header_fault == HEADER_GOOD)
		store_assume_header(store, &store->header);
	if (result == RESULT_OK && store->header.magic != HEADER_MAGIC)
		foreign_look(device, &store->foreign, &ignored);
	return result;
}

bool store_is_half_restored(const struct store *store)
{
	return store->record_presence == RECORD_PRESENT && store->record.role == RECORD_RESTORING;
}

bool store_lost_header(const struct store *store)
{
	return store->header_fault != HEADER_GOOD && store->record_presence == RECORD_PRESENT &&
	       !store_is_half_restored(store);
}

enum result store_require_header(const struct store *store, struct failure *why)
{
	const char *name = store->device->name;
	char help[FOREIGN_HELP_BYTES];

	if (store->header_fault != HEADER_GOOD && store_is_half_restored(store))
		return fail(why, RESULT_DAMAGED, "%s: %s", name, STORE_HALF_RESTORED);
	if (store->header.magic == SAVEFILE_MAGIC_LOW && store->header.valid == SAVEFILE_MAGIC_HIGH)
		return fail_remedy(why, RESULT_NO_STORE, REMEDY_RESTORE_FILE, NULL,
				   "%s: is a saved file, not a store: it holds no data", name);
	if (store_lost_header(store))
		return fail_remedy(
			why, RESULT_DAMAGED, REMEDY_REBUILD_HEADER, NULL,
			"%s: the header is damaged, and after it is the record of an unfinished merge: until that is finished, the origin is half merged",
			name);
	if (store->header_fault != HEADER_GOOD && store->foreign.text[0])
		return fail(why, RESULT_NO_STORE, "%s: no COW store there: it %s%s", name,
			    store->foreign.text, foreign_say(&store->foreign, name, help));
	switch (store->header_fault) {
	case HEADER_GOOD:
		return RESULT_OK;
	case HEADER_BLANK:
		return fail(
			why, RESULT_NO_STORE,
			"%s: no COW store there: the header is blank, and the kernel would make a new, empty store here",
			name);
	case HEADER_WRONG_MAGIC:
		return fail(
			why, RESULT_NO_STORE,
			"%s: no COW store there: it begins with 0x%08x instead of 0x%08x (\"SnAp\")",
			name, store->header.magic, HEADER_MAGIC);
	case HEADER_WRONG_VERSION:
		return fail(
			why, RESULT_DAMAGED,
			"%s: cannot use the store: the header's version is %u, and only %u exists",
			name, store->header.version, HEADER_VERSION);
	case HEADER_WRONG_CHUNK_SIZE:
		return fail(
			why, RESULT_DAMAGED,
			"%s: cannot use the store: the header's chunk size is %u sectors, not a power of two up to %u",
			name, store->header.chunk_sectors, CHUNK_SECTORS_MAX);
	}
	return fail(why, RESULT_INTERNAL, "%s: unknown header fault", name);
}

uint32_t store_exceptions_per_block(const struct store *store)
{
	return block_bytes(store) / EXCEPTION_BYTES;
}

struct store_segment store_segment(const struct store *store, uint64_t index, uint64_t end)
{
	const struct geometry *geometry = &store->geometry;
	uint64_t area = index / geometry->exceptions_per_area;
	uint64_t first = index % geometry->exceptions_per_area;
	uint64_t unit = block_bytes(store);
	uint64_t chunk = 0, start, stop;
	struct store_segment segment;
	bool fits = geometry_area_chunk(geometry, area, &chunk);

	assert(index < end && fits && chunk < geometry->device_chunks);
	start = round_down(first * EXCEPTION_BYTES, unit);
	stop = min_u64(first + (end - index), geometry->exceptions_per_area);
	stop = min_u64(round_up(stop * EXCEPTION_BYTES, unit), start + STORE_SEGMENT_BYTES);
	segment.index = index;
	segment.offset = chunk * geometry->chunk_bytes + start;
	segment.bytes = (uint32_t)(stop - start);
	segment.skip = (uint32_t)(first * EXCEPTION_BYTES - start);
	segment.count =
		(uint32_t)min_u64((segment.bytes - segment.skip) / EXCEPTION_BYTES, end - index);
	return segment;
}

void store_prepare_clear(const struct store *store, const struct store_segment *segment,
			 uint8_t *buffer, struct io_request *request)
{
	assert(bytes_are_zero(buffer + segment->skip, segment->bytes - segment->skip));
	io_prepare(request, IO_WRITE, store->device, segment->offset, buffer, segment->bytes);
}

/* An imprint (NULL: none), but nothing else that may be in its place, gives way to the new one. */
static void put_imprint(const struct imprint *imprint, uint8_t *block)
{
	struct imprint before;

	if (imprint)
		imprint_encode(imprint, block + IMPRINT_OFFSET);
	else if (imprint_decode(block + IMPRINT_OFFSET, &before) != RECORD_ABSENT &&
		 !BROKEN(IMPRINT_STAYS))
		memset(block + IMPRINT_OFFSET, 0, IMPRINT_BYTES);
}

static void put_record(const struct record *record, uint8_t *block)
{
	if (record)
		record_encode(record, block + RECORD_OFFSET);
	else
		memset(block + RECORD_OFFSET, 0, RECORD_BYTES);
}

/* Rewrites the block of the header: the header alone, or, where that is NULL, record and imprint.
 * Takes no memory: a merge that has begun must be able to end. */
static enum result write_header_block(struct store *store, const struct header *header,
				      const struct record *record, const struct imprint *imprint,
				      struct failure *why)
{
	_Alignas(BUFFER_ALIGNMENT) uint8_t block[BUFFER_ALIGNMENT];
	uint32_t bytes = block_bytes(store);
	enum result result = io_read(store->io, store->device, 0, block, bytes, why);

	if (result == RESULT_OK) {
		if (header) {
			header_encode(header, block);
		} else {
			put_record(record, block);
			put_imprint(imprint, block);
		}
		result = io_write(store->io, store->device, 0, block, bytes, why);
	}
	if (result == RESULT_OK)
		result = io_flush(store->io, store->device, why);
	return result;
}

enum result store_write_record(struct store *store, const struct record *record,
			       struct failure *why)
{
	return write_header_block(store, NULL, record, NULL, why);
}

enum result store_write_imprint(struct store *store, const struct imprint *imprint,
				struct failure *why)
{
	return write_header_block(store, NULL, NULL, imprint, why);
}

enum result store_write_header(struct store *store, const struct header *header,
			       struct failure *why)
{
	enum result result = write_header_block(store, header, NULL, NULL, why);

	if (result == RESULT_OK)
		store->header = *header;
	return result;
}

enum result store_invalidate(struct store *store, struct failure *why)
{
	struct header header = store->header;

	header.valid = 0;
	return store_write_header(store, &header, why);
}
