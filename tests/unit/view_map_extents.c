// SPDX-License-Identifier: GPL-2.0-or-later
/* The extents of the view, against a map that is made chunk by chunk. */
#include "tests/unit/memory.h"
#include "tests/unit/unit.h"

#include "store/cow/view_map.h"

#define CHUNKS 400u

static struct view_extent extents[4 * CHUNKS];
static size_t extent_count;
static struct view_map_walk walk;

static enum result take(void *context, const struct view_extent *extent, struct failure *reason)
{
	(void)context;
	(void)reason;
	if (extent_count < sizeof(extents) / sizeof(extents[0]))
		extents[extent_count++] = *extent;
	return RESULT_OK;
}

static enum result run(void)
{
	enum result result = store_open(&store, &store_device, &io, &why);

	extent_count = 0;
	walk = (struct view_map_walk){
		.store = &store, .origin_bytes = origin_device.bytes, .found = take};
	return result == RESULT_OK ? view_map_walk(&walk, &why) : result;
}

static bool extent_is(size_t i, enum view_source source, uint64_t view_offset, uint64_t bytes,
		      uint64_t offset)
{
	return i < extent_count && extents[i].source == source &&
	       extents[i].offset == view_offset && extents[i].bytes == bytes &&
	       (source == VIEW_LOST || extents[i].source_offset == offset) &&
	       (source != VIEW_STORE ||
		extents[i].new_chunk == offset / store.geometry.chunk_bytes);
}

static void an_empty_store_shows_the_origin(void)
{
	make_pair(8, 100, 40960 + 512);
	CHECK(run() == RESULT_OK);
	CHECK(extent_count == 1 && extent_is(0, VIEW_ORIGIN, 0, 40960 + 512, 0));
}

static void an_empty_origin_has_no_extents(void)
{
	make_pair(8, 100, 0);
	put_exception(0, 0, 2);
	CHECK(run() == RESULT_OK);
	CHECK(extent_count == 0 && walk.outside == 1);
}

static void neighbours_are_one_extent(void)
{
	make_pair(8, 100, 40960);
	put_exception(0, 3, 5);
	put_exception(1, 2, 4);
	put_exception(2, 4, 9);
	CHECK(run() == RESULT_OK);
	CHECK(extent_count == 4);
	CHECK(extent_is(0, VIEW_ORIGIN, 0, 8192, 0));
	CHECK(extent_is(1, VIEW_STORE, 8192, 8192, 4 * 4096));
	CHECK(extent_is(2, VIEW_STORE, 16384, 4096, 9 * 4096));
	CHECK(extent_is(3, VIEW_ORIGIN, 20480, 20480, 20480));
}

static void the_last_chunk_is_clipped(void)
{
	make_pair(8, 100, 8192 + 512);
	put_exception(0, 2, 7);
	put_exception(1, 3, 8);
	put_exception(2, UINT64_MAX, 9);
	CHECK(run() == RESULT_OK);
	CHECK(extent_count == 2 && walk.outside == 2);
	CHECK(extent_is(1, VIEW_STORE, 8192, 512, 7 * 4096));
}

static void what_is_lost_is_told(void)
{
	make_pair(8, 300, 40960);
	put_exception(0, 0, 258);
	put_exception(1, 1, 300);
	put_exception(2, 2, UINT64_MAX);
	put_exception(3, 5, 1);
	CHECK(run() == RESULT_OK);
	CHECK(extent_count == 4);
	CHECK(extent_is(0, VIEW_LOST, 0, 3 * 4096, 0));
	CHECK(extent_is(1, VIEW_ORIGIN, 3 * 4096, 2 * 4096, 3 * 4096));
	CHECK(extent_is(2, VIEW_LOST, 5 * 4096, 4096, 0));
}

static void the_first_exception_counts(void)
{
	make_pair(1, 200, 65536);
	put_exception(0, 9, 50);
	put_exception(1, 3, 10);
	put_exception(2, 9, 40);
	put_exception(3, 3, UINT64_MAX);
	put_exception(4, 9, 30);
	CHECK(run() == RESULT_OK);
	CHECK(extent_count == 5);
	CHECK(extent_is(1, VIEW_STORE, 3 * 512, 512, 10 * 512));
	CHECK(extent_is(3, VIEW_STORE, 9 * 512, 512, 50 * 512));
}

static void a_list_without_an_end_is_told(void)
{
	make_pair(1, 34, 65536);
	for (uint64_t i = 0; i < 32; i++)
		put_exception(i, i, 2 + i);
	CHECK(run() == RESULT_OK && walk.area_missing);
	CHECK(extent_is(0, VIEW_STORE, 0, 32 * 512, 1024));
}

/* Chunk by chunk: the new chunk of the first exception for it; 0: none. */
static uint64_t expected[CHUNKS];

static bool extents_are_as_expected(void)
{
	uint64_t chunk_bytes = store.geometry.chunk_bytes, position = 0;

	for (size_t i = 0; i < extent_count; i++) {
		const struct view_extent *extent = &extents[i];

		if (extent->offset != position || extent->bytes == 0)
			return false;
		for (uint64_t at = 0; at < extent->bytes; at += chunk_bytes) {
			uint64_t chunk = (position + at) / chunk_bytes;
			uint64_t wanted = expected[chunk] ? expected[chunk] : chunk;

			if ((extent->source == VIEW_STORE) != (expected[chunk] != 0) ||
			    extent->source_offset + at != wanted * chunk_bytes)
				return false;
		}
		/* As long as it can be. */
		if (i > 0 && extents[i - 1].source == extent->source &&
		    extents[i - 1].source_offset + extents[i - 1].bytes == extent->source_offset)
			return false;
		position += extent->bytes;
	}
	return position == origin_device.bytes;
}

static void random_stores_are_mapped_right(void)
{
	srand(3);
	for (int round = 0; round < 300; round++) {
		uint32_t count = (uint32_t)rand() % CHUNKS, sectors = 1u << (round % 4);
		uint64_t chunks = 1 + (uint64_t)rand() % CHUNKS;

		make_pair(sectors, 2 * CHUNKS, chunks * sectors * 512 - (sectors > 1) * 512);
		memset(expected, 0, sizeof(expected));
		for (uint32_t i = 0; i < count; i++) {
			uint64_t per_area = sectors * 32;
			uint64_t old_chunk = (uint64_t)rand() % (round % 3 ? chunks : CHUNKS);
			uint64_t new_chunk = 2 + i + i / per_area;

			if (round % 5 == 0)
				old_chunk = i;
			put_exception(i, old_chunk, new_chunk);
			if (old_chunk < chunks && expected[old_chunk] == 0)
				expected[old_chunk] = new_chunk;
		}
		CHECK(run() == RESULT_OK);
		CHECK(extents_are_as_expected());
	}
}

int main(void)
{
	unit_run("extents: an empty store shows the origin", an_empty_store_shows_the_origin);
	unit_run("extents: an empty origin has no extents", an_empty_origin_has_no_extents);
	unit_run("extents: neighbours in the view and in the store are one extent",
		 neighbours_are_one_extent);
	unit_run("extents: the last chunk is clipped at the origin's end",
		 the_last_chunk_is_clipped);
	unit_run("extents: what is lost is told", what_is_lost_is_told);
	unit_run("extents: of several exceptions the first counts", the_first_exception_counts);
	unit_run("extents: a list without an end is told", a_list_without_an_end_is_told);
	unit_run("extents: random stores are mapped right", random_stores_are_mapped_right);
	free_pair();
	return unit_end();
}
