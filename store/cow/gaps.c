// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cow/gaps.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

void gaps_free(struct gaps *gaps)
{
	free(gaps->list);
	memset(gaps, 0, sizeof(*gaps));
}

bool gaps_met(const struct store *store)
{
	return store->gaps && store->gaps->count > 0;
}

/* The first gap that ends after `index`, by halves; the count where there is none. */
static size_t first_after(const struct gaps *gaps, uint64_t index)
{
	size_t low = 0, high = gaps->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (gaps->list[middle].end <= index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void gaps_next(const struct gaps *gaps, uint64_t index, uint64_t end, uint64_t *from, uint64_t *to)
{
	*from = index;
	*to = end;
	for (size_t i = gaps ? first_after(gaps, index) : 0; gaps && i < gaps->count; i++) {
		const struct gap *gap = &gaps->list[i];

		if (gap->first > *from) {
			*to = min_u64(end, max_u64(*from, gap->first));
			return;
		}
		*from = min_u64(end, gap->end);
	}
}

bool gaps_cover(const struct gaps *gaps, uint64_t first, uint64_t end)
{
	uint64_t from, to;

	gaps_next(gaps, first, end, &from, &to);
	return from == end;
}

static enum result insert(struct gaps *gaps, size_t at, uint64_t first, uint64_t end,
			  struct failure *why)
{
	if (gaps->count == gaps->capacity) {
		size_t capacity = gaps->capacity ? gaps->capacity * 2 : 16;
		struct gap *list = realloc(gaps->list, capacity * sizeof(*list));

		if (!list)
			return fail_memory(why, "what cannot be read", capacity * sizeof(*list));
		gaps->list = list;
		gaps->capacity = capacity;
	}
	memmove(&gaps->list[at + 1], &gaps->list[at], (gaps->count++ - at) * sizeof(struct gap));
	gaps->list[at] = (struct gap){first, end};
	return RESULT_OK;
}

/* They are met in rising order, but for those of a later look. */
static enum result add(struct gaps *gaps, uint64_t first, uint64_t end, struct failure *why)
{
	size_t at = first_after(gaps, first);

	if (at == 0 || gaps->list[at - 1].end != first)
		return insert(gaps, at, first, end, why);
	gaps->list[at - 1].end = end;
	return RESULT_OK;
}

enum result gaps_forget(struct gaps *gaps, uint64_t first, uint64_t end, struct failure *why)
{
	size_t at = first_after(gaps, first);
	struct gap gap;

	while (at < gaps->count && gaps->list[at].first < end) {
		gap = gaps->list[at];
		if (gap.first < first && gap.end > end) {
			gaps->list[at].end = first;
			return insert(gaps, at + 1, end, gap.end, why);
		}
		if (gap.first < first) {
			gaps->list[at++].end = first;
		} else if (gap.end > end) {
			gaps->list[at].first = end;
		} else {
			gaps->count--;
			memmove(&gaps->list[at], &gaps->list[at + 1],
				(gaps->count - at) * sizeof(struct gap));
		}
	}
	return RESULT_OK;
}

enum result gaps_require_device(const struct store *store, struct failure *why)
{
	_Alignas(BUFFER_ALIGNMENT) uint8_t block[BUFFER_ALIGNMENT];

	return io_read(store->io, store->device, 0, block,
		       (uint64_t)store_exceptions_per_block(store) * EXCEPTION_BYTES, why);
}

enum result gaps_read_bytes(const struct store *store, uint64_t offset, uint8_t *buffer,
			    uint64_t bytes, struct failure *why)
{
	uint64_t block = (uint64_t)store_exceptions_per_block(store) * EXCEPTION_BYTES, part;
	enum result result = io_read(store->io, store->device, offset, buffer, bytes, why);
	struct failure reading;

	if (result != RESULT_IO || !store->gaps)
		return result;
	result = gaps_require_device(store, why);
	for (uint64_t at = 0; at < bytes && result == RESULT_OK; at += part) {
		part = min_u64(block, bytes - at);
		if (io_read(store->io, store->device, offset + at, buffer + at, part, &reading) ==
		    RESULT_OK)
			continue;
		memset(buffer + at, 0, part);
		store->gaps->bytes_missing = true;
	}
	if (result == RESULT_OK)
		why->text[0] = 0;
	return result;
}

/* The exception that begins at byte `at` of the segment's buffer. */
static uint64_t exception_at(const struct store_segment *segment, uint32_t at)
{
	return segment->index - segment->skip / EXCEPTION_BYTES + at / EXCEPTION_BYTES;
}

/* Halves again and again, down to one block. */
static enum result read_part(const struct store *store, const struct store_segment *segment,
			     uint8_t *buffer, uint32_t at, uint32_t bytes, struct failure *why)
{
	uint32_t block = store_exceptions_per_block(store) * EXCEPTION_BYTES;
	uint32_t half = (uint32_t)round_up(bytes / 2, block);
	uint64_t first = exception_at(segment, at), end = exception_at(segment, at + bytes);
	struct failure reading;
	enum result result;

	if (gaps_cover(store->gaps, first, end))
		return RESULT_OK;
	result = io_read(store->io, store->device, segment->offset + at, buffer + at, bytes,
			 &reading);
	if (result == RESULT_OK)
		return result;
	if (result != RESULT_IO || (bytes <= block && store->gaps->closed)) {
		*why = reading;
		return result;
	}
	if (bytes <= block) {
		result = gaps_require_device(store, why);
		return result == RESULT_OK ? add(store->gaps, first, end, why) : result;
	}
	result = read_part(store, segment, buffer, at, half, why);
	if (result == RESULT_OK)
		result = read_part(store, segment, buffer, at + half, bytes - half, why);
	return result;
}

enum result gaps_read(const struct store *store, const struct store_segment *segment,
		      uint8_t *buffer, struct failure *why)
{
	struct failure gone;

	/* No block of it is bad then: what was to be read is what is told. */
	if (gaps_require_device(store, &gone) != RESULT_OK)
		return io_read(store->io, store->device, segment->offset, buffer, segment->bytes,
			       why);
	return read_part(store, segment, buffer, 0, segment->bytes, why);
}

void gaps_fill(const struct store *store, const struct store_segment *segment, uint8_t *buffer)
{
	uint64_t index = exception_at(segment, 0), end = exception_at(segment, segment->bytes);
	uint64_t from, to;

	for (uint8_t *entries = buffer; store->gaps && index < end; index = to) {
		gaps_next(store->gaps, index, end, &from, &to);
		memset(entries, 0xff, (from - index) * EXCEPTION_BYTES);
		entries += (to - index) * EXCEPTION_BYTES;
	}
}
