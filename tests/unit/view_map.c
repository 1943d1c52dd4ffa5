// SPDX-License-Identifier: GPL-2.0-or-later
/* store/cow/view_map against the slow and simple way: the first exception of each chunk, looked
 * for anew. */
#include "store/cow/view_map.h"

#include <errno.h>

#include "store/base/checksum.h"
#include "tests/unit/pair.h"

#define CHUNKS 1500u
#define COUNT 1200u

static struct io io;
static struct pair pair;
static struct exception exceptions[COUNT];

static uint64_t usual(uint64_t index)
{
	return 2 + index + index / 32;
}

/* Of chunks of 512 bytes. `spread`: random old chunks below it, many of them twice. */
static void make(uint64_t spread)
{
	for (uint64_t i = 0; i < COUNT; i++)
		exceptions[i] =
			(struct exception){spread ? (uint64_t)rand() % spread : i + 7, usual(i)};
	/* Lost: metadata, outside, not to be addressed. */
	exceptions[10].new_chunk = 34;
	exceptions[20].new_chunk = usual(COUNT) + 1;
	exceptions[30].new_chunk = UINT64_MAX / 512 + 3;
	exceptions[40].old_chunk = UINT64_MAX;
	pair_make(&pair, &io, 1, CHUNKS * 512, usual(COUNT) * 512, exceptions, COUNT, 0, 0);
}

static const struct exception *first_of(uint64_t chunk)
{
	for (size_t i = 0; i < COUNT; i++)
		if (exceptions[i].old_chunk == chunk)
			return &exceptions[i];
	return NULL;
}

static bool is_right(const struct view_extent *extent, uint64_t chunk)
{
	const struct exception *exception = first_of(chunk);
	uint64_t within = chunk * 512 - extent->offset;

	if (!exception)
		return extent->source == VIEW_ORIGIN && extent->source_offset == extent->offset;
	if (exception->new_chunk == 34 || exception->new_chunk > usual(COUNT))
		return extent->source == VIEW_LOST;
	return extent->source == VIEW_STORE &&
	       extent->source_offset + within == exception->new_chunk * 512;
}

/* Walks over the whole view; how many extents there are. */
static unsigned int walk(uint64_t memory_bytes)
{
	struct view_map map;
	struct view_extent extent;
	unsigned int extents = 0, wrong = 0;

	CHECK(view_map_open(&map, &pair.store, pair.origin.bytes, memory_bytes, &why) == RESULT_OK);
	CHECK(map.exceptions == COUNT);
	for (uint64_t offset = 0; offset < pair.origin.bytes; offset += extent.bytes) {
		if (view_map_extent(&map, offset, &extent, &why) != RESULT_OK ||
		    extent.offset != offset || extent.bytes == 0 || extent.bytes % 512 != 0 ||
		    offset + extent.bytes > pair.origin.bytes) {
			wrong++;
			break;
		}
		for (uint64_t at = 0; at < extent.bytes; at += 512)
			wrong += !is_right(&extent, (offset + at) / 512);
		extents++;
	}
	CHECK(wrong == 0);
	view_map_close(&map);
	return extents;
}

static void first_exception_counts(void)
{
	for (uint64_t spread = 50; spread <= 3 * CHUNKS; spread = spread * 3 + 1) {
		make(spread);
		CHECK(walk(1u << 20) > 1);
		pair_free(&pair);
	}
}

static void memory_changes_nothing(void)
{
	for (uint64_t spread = 50; spread <= 3 * CHUNKS; spread = spread * 3 + 1) {
		unsigned int reads;

		make(spread);
		bad.reads = 0;
		walk(1u << 20);
		reads = bad.reads;
		/* 64 exceptions at a time: the metadata is read again and again. */
		walk(0);
		CHECK(spread < 60 || bad.reads > 5 * reads);
		pair_free(&pair);
	}
}

static void neighbours_are_joined(void)
{
	make(0);
	/* 7 chunks of the origin; runs of 32 and what the lost ones cut out of them; the end. */
	CHECK(walk(1u << 20) < 50);
	pair_free(&pair);
}

/* 1: what it says of this chunk is wrong. */
static unsigned int wrong_at(struct view_map *map, uint64_t chunk)
{
	struct view_extent extent;

	CHECK(view_map_extent(map, chunk * 512, &extent, &why) == RESULT_OK);
	return !is_right(&extent, chunk);
}

static void any_offset_may_be_asked(void)
{
	struct view_map map;
	unsigned int wrong = 0;

	make(CHUNKS);
	CHECK(view_map_open(&map, &pair.store, pair.origin.bytes, 0, &why) == RESULT_OK);
	for (int i = 0; i < 1000; i++)
		wrong += wrong_at(&map, (uint64_t)rand() % CHUNKS);
	CHECK(wrong == 0);
	view_map_close(&map);
	pair_free(&pair);
}

static void part_of_a_chunk_on_the_device_is_lost(void)
{
	const struct exception one = {1, 2};
	struct view_map map;
	struct view_extent extent;

	pair_make(&pair, &io, 8, 3 * 4096, 2 * 4096 + 1024, &one, 1, 0, 0);
	CHECK(view_map_open(&map, &pair.store, 3 * 4096, 0, &why) == RESULT_OK);
	CHECK(view_map_extent(&map, 4096 + 512, &extent, &why) == RESULT_OK);
	CHECK(extent.source == VIEW_LOST && extent.bytes == 3584);
	view_map_close(&map);
	pair_free(&pair);
}

static void metadata_has_a_checksum(void)
{
	struct view_map map;
	uint8_t entry[EXCEPTION_BYTES];
	uint32_t crc = 0;

	make(CHUNKS);
	for (size_t i = 0; i < COUNT; i++) {
		exception_encode(&exceptions[i], entry);
		crc = checksum_crc32(crc, entry, sizeof(entry));
	}
	CHECK(view_map_open(&map, &pair.store, pair.origin.bytes, 0, &why) == RESULT_OK);
	CHECK(map.metadata_crc32 == crc);
	view_map_close(&map);
	pair_free(&pair);
}

static void a_change_meanwhile_is_told(void)
{
	const struct exception other = {1, 3};
	struct view_map map;
	struct view_extent extent;
	uint8_t entry[EXCEPTION_BYTES];

	make(CHUNKS);
	CHECK(view_map_open(&map, &pair.store, pair.origin.bytes, 0, &why) == RESULT_OK);
	exception_encode(&other, entry);
	put_bytes_at(&pair.device, entry, sizeof(entry), 512 + 5 * EXCEPTION_BYTES);
	CHECK(view_map_extent(&map, pair.origin.bytes - 512, &extent, &why) == RESULT_REFUSED);
	CHECK(strstr(why.text, "has changed while it was read") != NULL);
	CHECK(view_map_extent(&map, pair.origin.bytes - 512, &extent, &why) == RESULT_REFUSED);
	view_map_close(&map);
	pair_free(&pair);
}

static void read_errors_are_told(void)
{
	struct view_map map;

	make(CHUNKS);
	add_bad(IO_READ, &pair.device, 34 * 512, 512, EIO);
	CHECK(view_map_open(&map, &pair.store, pair.origin.bytes, 0, &why) == RESULT_IO);
	view_map_close(&map);
	bad.place_count = 0;
	pair_free(&pair);
}

/* Of the chunks that a pass which failed was about, nothing is known afterwards. */
static void after_a_failed_pass_it_is_right_again(void)
{
	struct view_map map;
	struct view_extent extent;
	unsigned int wrong = 0;

	make(CHUNKS);
	CHECK(view_map_open(&map, &pair.store, pair.origin.bytes, 0, &why) == RESULT_OK);
	add_bad(IO_READ, &pair.device, 34 * 512, 512, EIO);
	for (int times = 0; times < 2; times++)
		CHECK(view_map_extent(&map, (CHUNKS - 400) * 512, &extent, &why) == RESULT_IO);
	bad.place_count = 0;
	for (uint64_t chunk = CHUNKS - 400; chunk < CHUNKS; chunk++)
		wrong += wrong_at(&map, chunk);
	CHECK(wrong == 0);
	view_map_close(&map);
	pair_free(&pair);
}

static void zeros_have_their_checksum(void)
{
	static const uint8_t zeros[100000];
	uint32_t crc = checksum_crc32(0, "cowtool", 7);

	for (size_t count = 0; count <= sizeof(zeros); count = count * 3 + 1)
		CHECK(checksum_crc32_zeros(crc, count) == checksum_crc32(crc, zeros, count));
	CHECK(checksum_crc32_zeros(checksum_crc32_zeros(crc, (uint64_t)1 << 62), 5) ==
	      checksum_crc32_zeros(crc, ((uint64_t)1 << 62) + 5));
}

int main(void)
{
	bad_open(&io);
	unit_run("view map: of several exceptions for a chunk the first counts",
		 first_exception_counts);
	unit_run("view map: little memory costs more reading and changes nothing",
		 memory_changes_nothing);
	unit_run("view map: neighbours in the store are joined", neighbours_are_joined);
	unit_run("view map: any offset may be asked for", any_offset_may_be_asked);
	unit_run("view map: a chunk of which only a part is on the device is lost",
		 part_of_a_chunk_on_the_device_is_lost);
	unit_run("view map: the metadata has a checksum", metadata_has_a_checksum);
	unit_run("view map: metadata that changes between two passes is told",
		 a_change_meanwhile_is_told);
	unit_run("view map: a read error is told", read_errors_are_told);
	unit_run("view map: after a pass that failed it is loaded anew, and right again",
		 after_a_failed_pass_it_is_right_again);
	unit_run("checksum: zeros without looking at them", zeros_have_their_checksum);
	io_close(&io);
	return unit_end();
}
