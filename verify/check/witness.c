// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/witness.h"

#include <stdlib.h>

#include "store/base/breaks.h"
#include "store/base/bytes.h"
#include "store/base/checksum.h"

#define PIECE_BYTES (1024u << 10)

/* A piece is read whole blocks long, and as much of it counts. */
enum result witness_crc(struct io *io, struct device *device, uint64_t offset, uint64_t bytes,
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
		size_t read = round_up(piece, device_unit(device, offset));

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
	uint64_t bytes = geometry_clip(geometry, record->witness_chunk, record->origin_bytes);
	enum result result;
	uint32_t crc = 0;

	if (bytes > 0) {
		result = witness_crc(store->io, origin,
				     record->witness_chunk * geometry->chunk_bytes, bytes, &crc,
				     why);
		if (result != RESULT_OK)
			return result;
	}
	if (bytes > 0 && crc == record->witness_crc)
		return RESULT_OK;
	return fail_remedy(
		why, RESULT_REFUSED, REMEDY_RIGHT_ORIGIN, NULL,
		"%s: is not the origin that the unfinished merge of %s writes to, or somebody wrote to it since: chunk %llu, merged already, holds other data",
		origin->name, store->device->name, (unsigned long long)record->witness_chunk);
}

enum result witness_match(const struct store *store, const struct summary *summary,
			  struct device *origin, struct failure *why)
{
	const struct record *record = &store->record;

	bool has_witness = record->witness_chunk != RECORD_NO_WITNESS &&
			   summary->exceptions != record->exceptions;

	if (origin->bytes < record->origin_bytes ||
	    (origin->bytes > record->origin_bytes && !has_witness))
		return fail_remedy(
			why, RESULT_REFUSED,
			origin->bytes < record->origin_bytes ? REMEDY_NAME_RIGHT_ORIGIN
							     : REMEDY_COPIED_ORIGIN,
			NULL,
			"%s: has %llu bytes, but the unfinished merge of %s writes to an origin of %llu bytes",
			origin->name, (unsigned long long)origin->bytes, store->device->name,
			(unsigned long long)record->origin_bytes);
	/* The witness is the last exception: as long as it is there, nothing was committed. */
	if (BROKEN(NO_WITNESS_CHECK) || !has_witness)
		return RESULT_OK;
	return match_witness(store, origin, why);
}
