// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cow/store_edit.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/cow/gaps.h"

/* Chunk 0 is cleared in pieces of this size. */
#define PIECE_BYTES (64u << 10)

/* Zeroes bytes from .. to - 1, as far as they lie in the piece that begins at `offset`. False: they
 * are zero already. */
static bool zero_part(uint8_t *piece, uint64_t offset, uint64_t piece_bytes, uint64_t from,
		      uint64_t to)
{
	from = max_u64(from, offset);
	to = min_u64(to, offset + piece_bytes);
	if (from >= to || bytes_are_zero(piece + (from - offset), to - from))
		return false;
	memset(piece + (from - offset), 0, to - from);
	return true;
}

/* What is to be zeroed, in bytes. What is kept are neighbours. */
struct slack {
	uint64_t end;
	uint64_t kept_from, kept_to; /* equal: nothing is kept */
};

_Static_assert(IMPRINT_OFFSET + IMPRINT_BYTES == RECORD_OFFSET,
	       "imprint and record are neighbours");

static enum result clear_piece(struct store *store, uint64_t offset, uint8_t *piece, uint64_t bytes,
			       const struct slack *slack, struct failure *why)
{
	enum result result = gaps_read_bytes(store, offset, piece, bytes, why);
	bool changed;

	if (result != RESULT_OK)
		return result;
	changed = zero_part(piece, offset, bytes, HEADER_BYTES, slack->kept_from);
	changed |= zero_part(piece, offset, bytes, slack->kept_to, slack->end);
	if (!changed)
		return RESULT_OK;
	return io_write(store->io, store->device, offset, piece, bytes, why);
}

enum result store_clear_slack(struct store *store, uint64_t bytes, bool keep_record,
			      bool keep_imprint, struct failure *why)
{
	struct slack slack = {.end = bytes,
			      .kept_from = keep_imprint ? IMPRINT_OFFSET : RECORD_OFFSET,
			      .kept_to = RECORD_OFFSET + (keep_record ? RECORD_BYTES : 0)};
	uint8_t *piece = io_buffer(PIECE_BYTES);
	enum result result = RESULT_OK;

	assert(bytes >= RECORD_OFFSET + RECORD_BYTES && bytes <= store->geometry.chunk_bytes);
	if (!piece)
		return fail_memory(why, "the header's chunk", PIECE_BYTES);
	for (uint64_t offset = 0; offset < bytes && result == RESULT_OK; offset += PIECE_BYTES)
		result = clear_piece(store, offset, piece,
				     min_u64(PIECE_BYTES, store->geometry.chunk_bytes - offset),
				     &slack, why);
	if (result == RESULT_OK)
		result = io_flush(store->io, store->device, why);
	free(piece);
	return result;
}

/* Makes those changes that lie in the block of the first one; *count becomes how many these are. */
static enum result change_block(struct store *store, const struct store_change *changes,
				size_t *count, uint8_t *block, struct failure *why)
{
	uint64_t first = changes[0].index;
	struct store_segment segment = store_segment(store, first, first + 1);
	uint64_t end = first + (segment.bytes - segment.skip) / EXCEPTION_BYTES;
	enum result result =
		io_read(store->io, store->device, segment.offset, block, segment.bytes, why);
	size_t done = 0;

	if (result == RESULT_IO && store->gaps)
		result = gaps_read(store, &segment, block, why);
	if (result != RESULT_OK)
		return result;
	gaps_fill(store, &segment, block);
	for (; done < *count && changes[done].index < end; done++)
		exception_encode(&changes[done].exception,
				 block + segment.skip +
					 (changes[done].index - first) * EXCEPTION_BYTES);
	*count = done;
	result = io_write(store->io, store->device, segment.offset, block, segment.bytes, why);
	if (result == RESULT_OK && store->gaps)
		result = gaps_forget(store->gaps, first - segment.skip / EXCEPTION_BYTES, end, why);
	return result;
}

enum result store_change_exceptions(struct store *store, const struct store_change *changes,
				    size_t count, struct failure *why)
{
	uint64_t bytes = (uint64_t)store_exceptions_per_block(store) * EXCEPTION_BYTES;
	uint8_t *block = io_buffer(bytes);
	enum result result = RESULT_OK;
	size_t here;

	if (!block)
		return fail_memory(why, "exceptions", bytes);
	for (size_t i = 0; i < count && result == RESULT_OK; i += here) {
		here = count - i;
		result = change_block(store, changes + i, &here, block, why);
	}
	free(block);
	return result;
}

/* Exceptions from .. to - 1 of the segment; before and after them it ends, or a block does. */
static enum result zero_part_of(struct store *store, const struct store_segment *segment,
				uint8_t *buffer, uint64_t from, uint64_t to, struct failure *why)
{
	uint64_t first = segment->skip + (from - segment->index) * EXCEPTION_BYTES;
	uint64_t begin = from == segment->index ? 0 : first;
	uint64_t end = first + (to - from) * EXCEPTION_BYTES;

	if (bytes_are_zero(buffer + first, end - first))
		return RESULT_OK;
	memset(buffer + first, 0, end - first);
	if (to == segment->index + segment->count)
		end = segment->bytes;
	return io_write(store->io, store->device, segment->offset + begin, buffer + begin,
			end - begin, why);
}

static enum result zero_piece(void *context, const struct store_segment *segment, uint8_t *buffer,
			      struct failure *why)
{
	struct store *store = context;
	const struct gaps *spared = store->gaps && store->gaps->spared ? store->gaps : NULL;
	uint64_t index = segment->index, end = index + segment->count, from, to;
	enum result result = RESULT_OK;

	for (; index < end && result == RESULT_OK; index = to) {
		gaps_next(spared, index, end, &from, &to);
		if (from < to)
			result = zero_part_of(store, segment, buffer, from, to, why);
	}
	return result;
}

enum result store_zero_exceptions(struct store *store, uint64_t begin, uint64_t end,
				  struct failure *why)
{
	return begin < end ? store_stream(store, begin, end, zero_piece, store, why) : RESULT_OK;
}

/* Zeroes exceptions of one area from the last block to the first, each durable before the next. */
static enum result cut_area(struct store *store, uint64_t first, uint64_t end, struct failure *why)
{
	uint64_t per_block = store_exceptions_per_block(store);
	enum result result = RESULT_OK;

	while (end > first && result == RESULT_OK) {
		uint64_t begin = max_u64(first, round_down(end - 1, per_block));

		result = store_zero_exceptions(store, begin, end, why);
		if (result == RESULT_OK)
			result = io_flush(store->io, store->device, why);
		end = begin;
	}
	return result;
}

enum result store_cut_list(struct store *store, uint64_t first, uint64_t end, struct failure *why)
{
	uint64_t per_area = store->geometry.exceptions_per_area;
	uint64_t area_end = min_u64(end, round_down(first, per_area) + per_area);
	enum result result = cut_area(store, first, area_end, why);

	/* Nobody can reach the areas after the one in which the list now ends. */
	if (result == RESULT_OK && area_end < end) {
		result = store_zero_exceptions(store, area_end, end, why);
		if (result == RESULT_OK)
			result = io_flush(store->io, store->device, why);
	}
	return result;
}
