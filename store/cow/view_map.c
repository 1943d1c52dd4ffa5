// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cow/view_map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/base/checksum.h"

#define FIRST_CAPACITY 4096u
/* Less memory than for this many exceptions would make a pass for every few of them. */
#define SMALLEST_MOST 64u

/* ---- sorting ---- */

static bool is_sorted(const struct view_map *map)
{
	for (size_t i = 1; i < map->count; i++)
		if (map->sorted[i - 1].old_chunk >= map->sorted[i].old_chunk)
			return false;
	return true;
}

/* By one byte of the old chunk, into the spare array; equal ones keep their order. False: that byte
 * is the same in all of them. */
static bool sort_by_byte(struct view_map *map, unsigned int shift)
{
	size_t places[257] = {0};

	for (size_t i = 0; i < map->count; i++)
		places[(map->sorted[i].old_chunk >> shift & 0xff) + 1]++;
	for (int i = 1; i <= 256; i++) {
		if (places[i] == map->count)
			return false;
		places[i] += places[i - 1];
	}
	for (size_t i = 0; i < map->count; i++)
		map->spare[places[map->sorted[i].old_chunk >> shift & 0xff]++] = map->sorted[i];
	return true;
}

static void drop_repeated(struct view_map *map)
{
	size_t kept = 0;

	for (size_t i = 0; i < map->count; i++)
		if (i == 0 || map->sorted[i].old_chunk != map->sorted[kept - 1].old_chunk)
			map->sorted[kept++] = map->sorted[i];
	map->count = kept;
}

/* In the array they are in the order of the store, or sorted with later ones after them: of equal
 * ones the first is the store's first. */
static enum result sort(struct view_map *map, struct failure *why)
{
	if (is_sorted(map))
		return RESULT_OK;
	map->spare = malloc(map->capacity * sizeof(*map->spare));
	if (!map->spare)
		return fail_memory(why, "sorting the exceptions",
				   map->capacity * sizeof(*map->spare));
	for (unsigned int shift = 0; shift < 64; shift += 8) {
		struct exception *sorted = map->spare;

		if (!sort_by_byte(map, shift))
			continue;
		map->spare = map->sorted;
		map->sorted = sorted;
	}
	free(map->spare);
	map->spare = NULL;
	drop_repeated(map);
	return RESULT_OK;
}

/* ---- gathering ---- */

/* Sorts, and where more than half of the places stay taken, leaves the higher half to a later
 * pass. */
static enum result make_room(struct view_map *map, struct failure *why)
{
	enum result result = sort(map, why);

	if (result != RESULT_OK || map->count <= map->most / 2)
		return result;
	map->count = map->most / 2;
	map->to_chunk = map->sorted[map->count].old_chunk;
	return RESULT_OK;
}

static enum result grow(struct view_map *map, struct failure *why)
{
	size_t capacity = min_u64(map->capacity ? map->capacity * 2 : FIRST_CAPACITY, map->most);
	struct exception *sorted = realloc(map->sorted, capacity * sizeof(*sorted));

	if (!sorted)
		return fail_memory(why, "the exceptions", capacity * sizeof(*sorted));
	map->sorted = sorted;
	map->capacity = capacity;
	return RESULT_OK;
}

static enum result add(struct view_map *map, const struct exception *exception, struct failure *why)
{
	enum result result = RESULT_OK;

	if (map->count == map->most)
		result = make_room(map, why);
	else if (map->count == map->capacity)
		result = grow(map, why);
	/* Making room may have left its chunk to a later pass. */
	if (result == RESULT_OK && exception->old_chunk < map->to_chunk)
		map->sorted[map->count++] = *exception;
	return result;
}

static enum result gather_piece(void *context, uint64_t index, const uint8_t *entries,
				uint32_t count, struct failure *why)
{
	struct view_map *map = context;
	uint64_t origin_chunks = geometry_origin_chunks(&map->store->geometry, map->view_bytes);
	enum result result = RESULT_OK;
	struct exception exception;

	(void)index;
	map->running_crc32 =
		checksum_crc32(map->running_crc32, entries, (size_t)count * EXCEPTION_BYTES);
	for (uint32_t i = 0; i < count && result == RESULT_OK; i++) {
		exception_decode(entries + (size_t)i * EXCEPTION_BYTES, &exception);
		map->outside += exception.old_chunk >= origin_chunks;
		if (exception.old_chunk >= map->from_chunk && exception.old_chunk < map->to_chunk)
			result = add(map, &exception, why);
	}
	return result;
}

/* The exceptions of chunk `from_chunk` and as many after it as fit. */
static enum result load(struct view_map *map, uint64_t from_chunk, struct failure *why)
{
	struct store_scan scan = {.live = gather_piece, .context = map};
	enum result result;

	map->from_chunk = from_chunk;
	map->to_chunk = geometry_origin_chunks(&map->store->geometry, map->view_bytes);
	map->count = map->cursor = 0;
	map->outside = 0;
	map->running_crc32 = 0;
	result = store_scan(map->store, &scan, why);
	if (result == RESULT_OK)
		result = sort(map, why);
	map->exceptions = scan.exceptions;
	map->area_missing = scan.area_missing;
	return result;
}

enum result view_map_open(struct view_map *map, const struct store *store, uint64_t origin_bytes,
			  uint64_t memory_bytes, struct failure *why)
{
	enum result result;

	memset(map, 0, sizeof(*map));
	map->store = store;
	map->view_bytes = origin_bytes;
	/* Sorting needs as much again. */
	map->most = max_u64(SMALLEST_MOST, memory_bytes / (2 * sizeof(*map->sorted)));
	result = load(map, 0, why);
	map->metadata_crc32 = map->running_crc32;
	return result;
}

void view_map_close(struct view_map *map)
{
	free(map->sorted);
	free(map->spare);
	memset(map, 0, sizeof(*map));
}

/* ---- looking up ---- */

/* The first exception at or after a chunk; `count` where there is none. */
static size_t find(struct view_map *map, uint64_t chunk)
{
	size_t low = 0, high = map->count;

	if (map->cursor > 0 && map->sorted[map->cursor - 1].old_chunk < chunk)
		low = map->cursor;
	if (low < map->count && map->sorted[low].old_chunk >= chunk)
		high = low;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->sorted[middle].old_chunk < chunk)
			low = middle + 1;
		else
			high = middle;
	}
	map->cursor = low;
	return low;
}

/* Another part of the view, of the same metadata. */
static enum result load_same(struct view_map *map, uint64_t from_chunk, struct failure *why)
{
	enum result result = load(map, from_chunk, why);

	if (result != RESULT_OK || map->running_crc32 == map->metadata_crc32)
		return result;
	return fail(
		why, RESULT_REFUSED,
		"%s: has changed while it was read; see to it that nothing writes to it, and begin again",
		map->store->device->name);
}

/* What could not be loaded whole is about no chunk: the next question loads it anew. */
static enum result load_again(struct view_map *map, uint64_t from_chunk, struct failure *why)
{
	enum result result = load_same(map, from_chunk, why);

	if (result != RESULT_OK) {
		map->count = map->cursor = 0;
		map->from_chunk = map->to_chunk = 0;
	}
	return result;
}

/* How many chunks from exception number `i` on, which is not lost, are neighbours in the store and
 * in the view. */
static uint64_t joined_chunks(const struct view_map *map, size_t i)
{
	const struct exception *first = &map->sorted[i];
	const struct geometry *geometry = &map->store->geometry;
	uint64_t most = max_u64(VIEW_JOINED_BYTES / geometry->chunk_bytes, 1), chunks = 1;

	while (chunks < most && i + chunks < map->count &&
	       first[chunks].old_chunk == first->old_chunk + chunks &&
	       first[chunks].new_chunk == first->new_chunk + chunks &&
	       !exception_is_lost(&first[chunks], geometry, map->view_bytes))
		chunks++;
	return chunks;
}

/* `offset` lies in the old chunk of exception number `i`. */
static void stored_extent(const struct view_map *map, size_t i, struct view_extent *extent)
{
	const struct geometry *geometry = &map->store->geometry;
	uint64_t within = extent->offset % geometry->chunk_bytes;
	const struct exception *exception = &map->sorted[i];

	extent->new_chunk = exception->new_chunk;
	if (exception_is_lost(exception, geometry, map->view_bytes)) {
		extent->source = VIEW_LOST;
		extent->source_offset = 0;
		extent->bytes = geometry->chunk_bytes - within;
	} else {
		extent->source = VIEW_STORE;
		extent->source_offset = exception->new_chunk * geometry->chunk_bytes + within;
		extent->bytes = joined_chunks(map, i) * geometry->chunk_bytes - within;
	}
}

enum result view_map_extent(struct view_map *map, uint64_t offset, struct view_extent *extent,
			    struct failure *why)
{
	uint64_t chunk_bytes = map->store->geometry.chunk_bytes, chunk = offset / chunk_bytes, end;
	enum result result = RESULT_OK;
	size_t i;

	assert(offset < map->view_bytes);
	if (chunk < map->from_chunk || chunk >= map->to_chunk)
		result = load_again(map, chunk, why);
	if (result != RESULT_OK)
		return result;
	i = find(map, chunk);
	extent->offset = offset;
	if (i < map->count && map->sorted[i].old_chunk == chunk) {
		stored_extent(map, i, extent);
	} else {
		end = i < map->count ? map->sorted[i].old_chunk : map->to_chunk;
		extent->source = VIEW_ORIGIN;
		extent->source_offset = offset;
		extent->new_chunk = 0;
		extent->bytes = end * chunk_bytes - offset;
	}
	extent->bytes = min_u64(extent->bytes, map->view_bytes - offset);
	return RESULT_OK;
}

/* ---- as a list ---- */

/* Does `next`, which lies right after it in the view, go on with it? */
static bool goes_on(const struct view_extent *extent, const struct view_extent *next)
{
	return extent->source == next->source &&
	       (next->source == VIEW_LOST ||
		extent->source_offset + extent->bytes == next->source_offset);
}

static enum result tell_all(const struct view_map_walk *walk, struct view_map *map,
			    struct failure *why)
{
	struct view_extent extent = {.bytes = 0}, next;
	enum result result = RESULT_OK;
	uint64_t offset = 0;

	while (result == RESULT_OK && offset < walk->origin_bytes) {
		result = view_map_extent(map, offset, &next, why);
		if (result != RESULT_OK)
			break;
		offset += next.bytes;
		if (extent.bytes > 0 && goes_on(&extent, &next)) {
			extent.bytes += next.bytes;
			continue;
		}
		if (extent.bytes > 0)
			result = walk->found(walk->context, &extent, why);
		extent = next;
	}
	if (result == RESULT_OK && extent.bytes > 0)
		result = walk->found(walk->context, &extent, why);
	return result;
}

enum result view_map_walk(struct view_map_walk *walk, struct failure *why)
{
	struct view_map map;
	enum result result =
		view_map_open(&map, walk->store, walk->origin_bytes, VIEW_MAP_MEMORY_BYTES, why);

	walk->outside = map.outside;
	walk->area_missing = map.area_missing;
	if (result == RESULT_OK)
		result = tell_all(walk, &map, why);
	view_map_close(&map);
	return result;
}
