// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cow/store_create.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/device/foreign.h"
#include "store/device/probe.h"
#include "store/cow/store.h"

#define PIECE_BYTES (64u << 10)

/* Header and area 0. */
#define CHUNKS_OF_A_STORE 2u

static enum result check_fit(const struct device *device, const struct geometry *geometry,
			     struct failure *why)
{
	if (device_is_block(device) && geometry->chunk_bytes % device->block_bytes != 0)
		return fail(
			why, RESULT_REFUSED,
			"%s: cannot hold chunks of %llu bytes: it has logical blocks of %u bytes; choose a larger chunk size",
			device->name, (unsigned long long)geometry->chunk_bytes,
			device->block_bytes);
	if (geometry->device_chunks < CHUNKS_OF_A_STORE)
		return fail(
			why, RESULT_NO_SPACE,
			"%s: is too small for a store: it has %llu bytes, and header and first area of metadata need %llu; use a larger one, or a smaller chunk size",
			device->name, (unsigned long long)device->bytes,
			(unsigned long long)(CHUNKS_OF_A_STORE * geometry->chunk_bytes));
	return RESULT_OK;
}

/* Reads bytes begin .. end - 1. *found: not all of them were zero. With `erase` all of them are
 * afterwards; without, the rest is not looked at. Not flushed. */
static enum result sweep(struct device *device, struct io *io, uint64_t begin, uint64_t end,
			 bool erase, bool *found, struct failure *why)
{
	_Alignas(BUFFER_ALIGNMENT) uint8_t buffer[PIECE_BYTES];
	enum result result = RESULT_OK;

	*found = false;
	while (begin < end && result == RESULT_OK && (erase || !*found)) {
		size_t piece = (size_t)min_u64(end - begin, PIECE_BYTES);

		result = io_read(io, device, begin, buffer, piece, why);
		if (result == RESULT_OK && !bytes_are_zero(buffer, piece)) {
			*found = true;
			memset(buffer, 0, piece);
			if (erase)
				result = io_write(io, device, begin, buffer, piece, why);
		}
		begin += piece;
	}
	return result;
}

static enum result write_header(struct device *device, struct io *io, uint32_t chunk_sectors,
				const struct record *record, uint64_t bytes, struct failure *why)
{
	const struct header header = {.magic = HEADER_MAGIC,
				      .valid = 1,
				      .version = HEADER_VERSION,
				      .chunk_sectors = chunk_sectors};
	_Alignas(BUFFER_ALIGNMENT) uint8_t block[BUFFER_ALIGNMENT] = {0};
	enum result result;

	header_encode(&header, block);
	if (record)
		record_encode(record, block + RECORD_OFFSET);
	result = io_write(io, device, 0, block, bytes, why);
	if (result == RESULT_OK)
		result = io_flush(io, device, why);
	return result;
}

enum result store_create(struct device *device, struct io *io, uint32_t chunk_sectors,
			 const struct record *record, struct failure *why)
{
	struct geometry geometry = geometry_make(chunk_sectors, device->bytes);
	enum result result = check_fit(device, &geometry, why);
	uint64_t block;
	bool found;

	if (result != RESULT_OK)
		return result;
	block = device_unit(device, geometry.chunk_bytes);
	/* The old header goes first: over an area that is half zeroed it would be a store that has
	 * lost exceptions without a sign. Also where none was found: zeros that are read may not be
	 * durable, when somebody was killed who wrote them. */
	result = sweep(device, io, 0, block, true, &found, why);
	if (result == RESULT_OK)
		result = io_flush(io, device, why);
	if (result == RESULT_OK)
		result = sweep(device, io, block, CHUNKS_OF_A_STORE * geometry.chunk_bytes, true,
			       &found, why);
	if (result == RESULT_OK)
		result = io_flush(io, device, why);
	if (result == RESULT_OK)
		result = write_header(device, io, chunk_sectors, record, block, why);
	return result;
}

static enum result refuse_store(const struct store *store, struct failure *why)
{
	const char *unfinished = "";

	if (store_is_half_restored(store))
		unfinished = ", half restored";
	else if (store->record_presence == RECORD_PRESENT)
		unfinished = ", with an unfinished merge";
	return fail_remedy(why, RESULT_REFUSED, REMEDY_NEW_STORE, NULL,
			   "%s: a COW store is there already%s", store->device->name, unfinished);
}

static enum result refuse_saved(const struct device *device, struct failure *why)
{
	bool is_block = device_is_block(device);

	return fail_remedy(why, RESULT_REFUSED, is_block ? REMEDY_OTHER_DEVICE : REMEDY_OTHER_FILE,
			   NULL, "%s: %s a saved file, with the metadata of a store", device->name,
			   is_block ? "holds" : "is");
}

static enum result refuse_signature(const struct device *device, struct failure *why)
{
	struct foreign foreign;
	char help[FOREIGN_HELP_BYTES];
	enum result result = foreign_look(device, &foreign, why);

	if (result != RESULT_OK || foreign.text[0] == 0)
		return result;
	return fail_remedy(why, RESULT_REFUSED, REMEDY_WIPE, NULL, "%s: %s%s", device->name,
			   foreign.text, foreign_say(&foreign, device->name, help));
}

static enum result refuse_content(struct device *device, struct io *io,
				  const struct geometry *geometry, struct failure *why)
{
	bool found;
	enum result result =
		sweep(device, io, 0, CHUNKS_OF_A_STORE * geometry->chunk_bytes, false, &found, why);

	if (result != RESULT_OK || !found)
		return result;
	return fail_remedy(
		why, RESULT_REFUSED, REMEDY_OTHER_FILE, NULL,
		"%s: is not blank: header and first area of metadata would overwrite what it holds",
		device->name);
}

enum result store_create_guard(struct device *device, struct io *io, uint32_t chunk_sectors,
			       struct failure *why)
{
	struct geometry geometry = geometry_make(chunk_sectors, device->bytes);
	enum result result;
	struct store store;

	if (probe_finds_saved_file(device))
		return refuse_saved(device, why);
	result = check_fit(device, &geometry, why);
	if (result == RESULT_OK)
		result = store_open(&store, device, io, why);
	if (result != RESULT_OK)
		return result;
	if (store.header.magic == HEADER_MAGIC || store_lost_header(&store) ||
	    store_is_half_restored(&store))
		return refuse_store(&store, why);
	result = refuse_signature(device, why);
	if (result == RESULT_OK && !device_is_block(device))
		result = refuse_content(device, io, &geometry, why);
	return result;
}
