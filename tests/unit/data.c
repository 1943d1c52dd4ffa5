// SPDX-License-Identifier: GPL-2.0-or-later
/* verify --data on devices in memory, some blocks of which cannot be read. */
#include "tests/unit/memory.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "verify/check/data.h"

/* ---- what is reported ---- */

#define PLACES_MAX 4096
static struct data_place places[PLACES_MAX];
static size_t place_count;
static uint64_t last_progress;

static void take_place(void *context, const struct data_place *place)
{
	(void)context;
	if (place_count < PLACES_MAX)
		places[place_count++] = *place;
}

static void take_progress(void *context, uint64_t done_bytes)
{
	(void)context;
	CHECK(done_bytes >= last_progress);
	last_progress = done_bytes;
}

static struct data_results data;

static enum result run(void)
{
	const struct data_options options = {.store = &store,
					     .origin = &origin_device,
					     .report = take_place,
					     .progress = take_progress};
	enum result result = store_open(&store, &store_device, &io, &why);

	place_count = 0;
	last_progress = 0;
	return result == RESULT_OK ? data_check(&options, &data, &why) : result;
}

static bool reported(bool in_origin, uint64_t offset, uint64_t bytes, uint64_t view_offset,
		     uint64_t view_bytes)
{
	for (size_t i = 0; i < place_count; i++)
		if (places[i].in_origin == in_origin && places[i].offset == offset &&
		    places[i].bytes == bytes && places[i].view_bytes == view_bytes &&
		    (view_bytes == 0 || places[i].view_offset == view_offset))
			return places[i].error == EIO;
	return false;
}

/* ---- tests ---- */

static void sound_devices_have_no_places(void)
{
	make_pair(8, 400, 1 << 20);
	for (uint64_t i = 0; i < 200; i++)
		put_exception(i, (i * 77) % 256, 2 + i);
	CHECK(run() == RESULT_OK);
	CHECK(place_count == 0 && data.places == 0);
	CHECK(data.store_bytes == 200 * 4096 && data.origin_bytes == 200 * 4096);
	CHECK(last_progress == 400 * 4096);
	CHECK(deepest > 8);
}

static void neighbours_are_read_together(void)
{
	make_pair(8, 400, 1 << 20);
	for (uint64_t i = 0; i < 200; i++)
		put_exception(i, i, 2 + i);
	CHECK(run() == RESULT_OK);
	/* Of each device 800 KiB: two transfers. The header and twice the metadata come to that. */
	CHECK(reads <= 10 && largest_read == 512 << 10);
}

static void a_bad_block_is_found(void)
{
	make_pair(8, 400, 1 << 20);
	for (uint64_t i = 0; i < 200; i++)
		put_exception(i, 250 - i, 2 + i);
	spoil(0, 102 * 4096 + 1024, 512);
	spoil(1, 55 * 4096, 4096);
	CHECK(run() == RESULT_OK);
	CHECK(place_count == 2 && data.places == 2);
	CHECK(reported(false, 102 * 4096, 4096, 150 * 4096, 4096));
	CHECK(reported(true, 55 * 4096, 4096, 55 * 4096, 4096));
	CHECK(data.store_unreadable == 4096 && data.origin_unreadable == 4096);
	CHECK(data.view_unreadable == 4096);
	CHECK(data.store_bytes == 200 * 4096 && data.origin_bytes == 200 * 4096);
	CHECK(reads < 60);
}

static void what_no_merge_needs_is_not_read(void)
{
	make_pair(8, 400, 1 << 20);
	put_exception(0, 5, 2);
	put_exception(1, 6, 20);
	spoil(0, 3 * 4096, 17 * 4096);
	spoil(0, 21 * 4096, 4096);
	spoil(1, 0, 5 * 4096);
	spoil(1, 7 * 4096, 4096);
	CHECK(run() == RESULT_OK);
	CHECK(place_count == 0 && data.store_bytes == 2 * 4096);
}

static void neighbours_are_one_place(void)
{
	make_pair(1, 200, 65536);
	/* Neighbours in the store: 2..5 are neighbours in the view, 6 is elsewhere in it. */
	for (uint64_t i = 0; i < 4; i++)
		put_exception(i, 10 + i, 2 + i);
	put_exception(4, 90, 6);
	put_exception(5, 91, 7);
	spoil(0, 2 * 512, 5 * 512);
	CHECK(run() == RESULT_OK);
	CHECK(place_count == 2);
	CHECK(reported(false, 2 * 512, 4 * 512, 10 * 512, 4 * 512));
	CHECK(reported(false, 6 * 512, 512, 90 * 512, 512));
	CHECK(data.view_unreadable == 5 * 512);
}

static void the_origins_end_is_not_passed(void)
{
	/* The last chunk has 2048 bytes in the origin: 1 MiB and 2 KiB. */
	make_pair(16, 200, (1 << 20) + 2048);
	put_exception(0, 127, 2);
	put_exception(1, 128, 3);
	put_exception(2, 129, 4); /* outside */
	spoil(1, 1 << 20, 2048);
	spoil(0, 3 * 8192, 8192);
	spoil(0, 4 * 8192, 8192);
	CHECK(run() == RESULT_OK);
	CHECK(data.origin_bytes == 8192 + 2048 && data.store_bytes == 2 * 8192);
	CHECK(reported(true, 1 << 20, 2048, 1 << 20, 2048));
	/* A merge reads the whole chunk; only its first 2048 bytes are in the view. */
	CHECK(reported(false, 3 * 8192, 4096, 1 << 20, 2048));
	CHECK(reported(false, 3 * 8192 + 4096, 4096, 0, 0));
	CHECK(place_count == 3);
	CHECK(data.view_unreadable == 2048 && data.store_unreadable == 8192);
}

static void lost_exceptions_are_left_out(void)
{
	make_pair(8, 300, 1 << 20);
	put_exception(0, 1, 258); /* an area */
	put_exception(1, 2, 300); /* outside the device */
	put_exception(2, 3, UINT64_MAX);
	put_exception(3, UINT64_MAX / 2, 5); /* outside the origin */
	put_exception(4, 7, 6);
	CHECK(run() == RESULT_OK);
	CHECK(place_count == 0);
	CHECK(data.store_bytes == 4096 && data.origin_bytes == 4096);
}

static void chunks_larger_than_a_transfer(void)
{
	make_pair(4096, 6, 5 << 20); /* 2 MiB; the origin has two chunks and a half */
	put_exception(0, 2, 2);
	put_exception(1, 0, 4);
	spoil(0, (4 << 20) + 4096, 8192);
	spoil(0, (5 << 20) + 8192, 4096); /* after the origin's end */
	spoil(0, (10 << 20) - 4096, 4096);
	CHECK(run() == RESULT_OK);
	CHECK(data.store_bytes == 4 << 20 && data.origin_bytes == 3 << 20);
	CHECK(largest_read == 512 << 10);
	CHECK(place_count == 3);
	CHECK(reported(false, (4 << 20) + 4096, 8192, (4 << 20) + 4096, 8192));
	CHECK(reported(false, (5 << 20) + 8192, 4096, 0, 0));
	CHECK(reported(false, (10 << 20) - 4096, 4096, (2 << 20) - 4096, 4096));
}

static void a_dead_device_is_one_place(void)
{
	make_pair(8, 70000, 260u << 20);
	for (uint64_t i = 0; i < 66000; i++)
		put_exception(i, i, 2 + i + i / 256);
	spoil(1, 0, 260u << 20);
	CHECK(run() == RESULT_OK);
	/* More than a window holds, and still one place. */
	CHECK(place_count == 1 && reported(true, 0, 66000u * 4096, 0, 66000u * 4096));
	CHECK(data.origin_unreadable == 66000u * 4096 && data.view_unreadable == 0);
}

static void unreadable_metadata_is_an_error(void)
{
	make_pair(8, 400, 1 << 20);
	put_exception(0, 5, 2);
	spoil(0, 4096, 512);
	CHECK(run() == RESULT_IO);
	CHECK(strcmp(why.text, "store: cannot read 4096 bytes at 4096: Input/output error") == 0);
}

static void what_was_found_before_a_failure_is_told(void)
{
	const uint64_t count = 66000;

	make_pair(1, 2 + count + count / 32, count * 512);
	for (uint64_t i = 0; i < count; i++)
		put_exception(i, i, 2 + i + i / 32);
	spoil(0, 22 * 512, 512);
	spoil(1, 7 * 512, 512);
	/* The last area; more than a window holds comes before it. */
	spoil(0, (1 + count / 32 * 33) * 512, 512);
	CHECK(run() == RESULT_IO);
	CHECK(place_count == 2 && data.places == 2);
	CHECK(reported(false, 22 * 512, 512, 20 * 512, 512) &&
	      reported(true, 7 * 512, 512, 7 * 512, 512));
	CHECK(data.store_unreadable == 512 && data.origin_unreadable == 512);
}

/* Every unit of every chunk by itself, for a comparison. */
static uint64_t expected_bytes(bool in_origin, uint32_t count, const struct exception *exceptions,
			       uint64_t *view_bytes)
{
	const struct geometry *geometry = &store.geometry;
	uint64_t unit = min_u64(geometry->chunk_bytes, 4096), total = 0;

	*view_bytes = 0;
	for (uint32_t i = 0; i < count; i++)
		for (uint64_t from = 0; from < geometry->chunk_bytes; from += unit) {
			uint64_t clip = geometry_clip(geometry, exceptions[i].old_chunk,
						      origin_device.bytes);
			uint64_t chunk =
				in_origin ? exceptions[i].old_chunk : exceptions[i].new_chunk;
			uint64_t bytes =
				in_origin ? min_u64(unit, clip > from ? clip - from : 0) : unit;
			bool bad = false;

			for (uint64_t at = 0; at < bytes; at += 512)
				bad |= disks[in_origin]
					       .bad[(chunk * geometry->chunk_bytes + from + at) /
						    512] != 0;
			if (!bad)
				continue;
			total += bytes;
			*view_bytes += min_u64(bytes, clip > from ? clip - from : 0);
		}
	return total;
}

static void random_damage_is_found_to_the_unit(void)
{
	static const uint32_t chunks[] = {1, 2, 8, 64, 2048};
	static struct exception exceptions[300];
	uint64_t view_bytes, ignored;

	srand(7);
	for (int round = 0; round < 60; round++) {
		uint32_t sectors = chunks[round % 5];
		uint32_t count = sectors > 64 ? 8 : 300;
		uint64_t origin_sectors = (uint64_t)count * 2 * sectors - 3 * (sectors > 3);

		make_pair(sectors, count * 2 + 40, origin_sectors * 512);
		for (uint32_t i = 0; i < count; i++) {
			uint64_t per_area = sectors * 32;
			uint64_t swap = (uint64_t)rand() % (i + 1);

			exceptions[i].old_chunk = (i * 7) % (count * 2);
			exceptions[i].new_chunk = 2 + i + i / per_area;
			if (round % 2) {
				uint64_t other = exceptions[swap].new_chunk;

				exceptions[swap].new_chunk = exceptions[i].new_chunk;
				exceptions[i].new_chunk = other;
			}
		}
		for (uint32_t i = 0; i < count; i++)
			put_exception(i, exceptions[i].old_chunk, exceptions[i].new_chunk);
		for (int i = 0; i < round; i++) {
			uint64_t chunk = exceptions[(uint32_t)rand() % count].new_chunk;

			spoil(0, (chunk * sectors + (uint64_t)rand() % sectors) * 512, 512);
			spoil(1, (uint64_t)rand() % origin_sectors * 512, 512);
		}
		CHECK(run() == RESULT_OK);
		CHECK(data.store_unreadable ==
		      expected_bytes(false, count, exceptions, &view_bytes));
		CHECK(data.view_unreadable == view_bytes);
		CHECK(data.origin_unreadable == expected_bytes(true, count, exceptions, &ignored));
	}
}

int main(void)
{
	unit_run("data: sound devices have no unreadable places", sound_devices_have_no_places);
	unit_run("data: neighbours are read together", neighbours_are_read_together);
	unit_run("data: a bad block is found, with its place in the view", a_bad_block_is_found);
	unit_run("data: what no merge needs is not read", what_no_merge_needs_is_not_read);
	unit_run("data: neighbours are one place, on the device and in the view",
		 neighbours_are_one_place);
	unit_run("data: nothing behind the origin's end counts", the_origins_end_is_not_passed);
	unit_run("data: exceptions that are lost are left out", lost_exceptions_are_left_out);
	unit_run("data: chunks larger than a transfer", chunks_larger_than_a_transfer);
	unit_run("data: a dead device is one place", a_dead_device_is_one_place);
	unit_run("data: unreadable metadata is an error", unreadable_metadata_is_an_error);
	unit_run("data: what was found before a failure is told",
		 what_was_found_before_a_failure_is_told);
	unit_run("data: random damage is found to the unit", random_damage_is_found_to_the_unit);
	free_pair();
	return unit_end();
}
