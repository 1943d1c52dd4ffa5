// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <string.h>

#include "store/base/bytes.h"
#include "store/cow/format.h"

static void header_bytes(void)
{
	static const uint8_t disk[HEADER_BYTES] = {0x53, 0x6e, 0x41, 0x70, 1, 0, 0, 0,
						   1,	 0,    0,    0,	   8, 0, 0, 0};
	uint8_t again[HEADER_BYTES];
	struct header header;

	header_decode(disk, &header);
	CHECK(header.magic == HEADER_MAGIC && header.valid == 1 && header.version == 1);
	CHECK(header.chunk_sectors == 8);
	CHECK(header_check(&header) == HEADER_GOOD);
	header_encode(&header, again);
	CHECK(memcmp(disk, again, sizeof(disk)) == 0);
}

static void header_boundaries(void)
{
	static const struct {
		struct header header;
		enum header_fault fault;
	} cases[] = {
		{{HEADER_MAGIC, 0, 1, 1}, HEADER_GOOD},
		{{HEADER_MAGIC, 0xffffffff, 1, CHUNK_SECTORS_MAX}, HEADER_GOOD},
		{{0, 1, 1, 8}, HEADER_BLANK},
		{{HEADER_MAGIC + 1, 1, 1, 8}, HEADER_WRONG_MAGIC},
		{{0xffffffff, 1, 1, 8}, HEADER_WRONG_MAGIC},
		{{HEADER_MAGIC, 1, 0, 8}, HEADER_WRONG_VERSION},
		{{HEADER_MAGIC, 1, 2, 8}, HEADER_WRONG_VERSION},
		{{HEADER_MAGIC, 1, 1, 0}, HEADER_WRONG_CHUNK_SIZE},
		{{HEADER_MAGIC, 1, 1, 3}, HEADER_WRONG_CHUNK_SIZE},
		{{HEADER_MAGIC, 1, 1, CHUNK_SECTORS_MAX * 2}, HEADER_WRONG_CHUNK_SIZE},
		{{HEADER_MAGIC, 1, 1, 0x80000000}, HEADER_WRONG_CHUNK_SIZE},
		{{HEADER_MAGIC, 1, 1, 0xffffffff}, HEADER_WRONG_CHUNK_SIZE},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK(header_check(&cases[i].header) == cases[i].fault);
}

static void exception_bytes(void)
{
	static const uint8_t disk[EXCEPTION_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8,
						      9, 8, 7, 6, 5, 4, 3, 0xff};
	uint8_t again[EXCEPTION_BYTES];
	struct exception exception;

	exception_decode(disk, &exception);
	CHECK(exception.old_chunk == 0x0807060504030201);
	CHECK(exception.new_chunk == 0xff03040506070809);
	exception_encode(&exception, again);
	CHECK(memcmp(disk, again, sizeof(disk)) == 0);
}

static void geometry_of_the_kernel(void)
{
	static const struct {
		uint32_t sectors, per_area;
		uint64_t second_area;
	} cases[] = {{1, 32, 34},	   {8, 256, 258},
		     {32, 1024, 1026},	   {128, 4096, 4098},
		     {1024, 32768, 32770}, {CHUNK_SECTORS_MAX, 67108864, 67108866}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct geometry geometry = geometry_make(cases[i].sectors, UINT64_MAX);
		uint64_t chunk = 0;

		CHECK(geometry.exceptions_per_area == cases[i].per_area);
		CHECK(geometry_area_chunk(&geometry, 0, &chunk) && chunk == 1);
		CHECK(geometry_area_chunk(&geometry, 1, &chunk));
		CHECK(chunk == cases[i].second_area);
		CHECK(geometry_is_metadata(&geometry, 0) && geometry_is_metadata(&geometry, 1));
		CHECK(!geometry_is_metadata(&geometry, 2));
		CHECK(!geometry_is_metadata(&geometry, chunk - 1));
		CHECK(geometry_is_metadata(&geometry, chunk));
		CHECK(!geometry_area_chunk(&geometry, UINT64_MAX, &chunk));
	}
}

static void usual_chunks_skip_areas(void)
{
	struct geometry geometry = geometry_make(1, 1 << 20);

	CHECK(geometry_usual_chunk(&geometry, 0) == 2);
	CHECK(geometry_usual_chunk(&geometry, 31) == 33);
	CHECK(geometry_usual_chunk(&geometry, 32) == 35);
	for (uint64_t i = 0; i < 1000; i++)
		CHECK(!geometry_is_metadata(&geometry, geometry_usual_chunk(&geometry, i)));
}

static void areas_on_a_device(void)
{
	/* 512-byte chunks: areas at chunks 1, 34, 67 */
	static const struct {
		uint64_t chunks, areas;
	} cases[] = {{0, 0}, {1, 0}, {2, 1}, {34, 1}, {35, 2}, {67, 2}, {68, 3}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct geometry geometry = geometry_make(1, cases[i].chunks * 512);

		CHECK(geometry_areas(&geometry) == cases[i].areas);
	}
}

static void next_free_skips_areas(void)
{
	struct geometry geometry = geometry_make(8, 1 << 30);

	CHECK(geometry_next_free(&geometry, 0) == 2);
	CHECK(geometry_next_free(&geometry, 2) == 3);
	CHECK(geometry_next_free(&geometry, 257) == 259);
	CHECK(geometry_next_free(&geometry, UINT64_MAX) == UINT64_MAX);
}

/* What the kernel does for one exception after the other: how many it can take, up to `limit`. */
static uint64_t allocate_like_the_kernel(const struct geometry *geometry, uint64_t next_free,
					 uint64_t exceptions, uint64_t limit)
{
	uint64_t per_area = geometry->exceptions_per_area, stride = per_area + 1, taken = 0;

	for (; taken < limit; taken++, exceptions++) {
		uint64_t area = exceptions / per_area;

		if (next_free + 1 > geometry->device_chunks)
			break;
		if (1 + area * stride + 1 > geometry->device_chunks)
			break;
		if (exceptions % per_area == per_area - 1 &&
		    1 + (area + 1) * stride + 1 > geometry->device_chunks)
			break;
		next_free++;
		if (next_free % stride == 1)
			next_free++;
	}
	return taken;
}

static void the_smallest_device(void)
{
	for (uint32_t sectors = 1; sectors <= 2; sectors *= 2) {
		for (uint64_t n = 0; n < 300; n++) {
			uint64_t bytes = geometry_bytes_for(sectors, n);
			struct geometry enough = geometry_make(sectors, bytes);
			struct geometry less = geometry_make(sectors, bytes - 512);

			CHECK(allocate_like_the_kernel(&enough, 2, 0, n + 1) == n);
			CHECK(n == 0 || allocate_like_the_kernel(&less, 2, 0, n) < n);
		}
	}
	CHECK(geometry_bytes_for(8, 0) == 2ull * 4096);
	CHECK(geometry_bytes_for(8, 255) == 257ull * 4096);
	CHECK(geometry_bytes_for(8, 256) == 259ull * 4096);
	CHECK(geometry_bytes_for(CHUNK_SECTORS_MAX, 1) == 3ull << 30);
	CHECK(geometry_bytes_for(CHUNK_SECTORS_MAX, 1ull << 34) == UINT64_MAX);
	CHECK(geometry_bytes_for(1, UINT64_MAX) == UINT64_MAX);
	CHECK(geometry_bytes_for(1, UINT64_MAX / 32 * 31) == UINT64_MAX);
}

static void room_by_hand(void)
{
	struct geometry geometry = geometry_make(1, UINT64_MAX);
	uint64_t possible = 1;

	CHECK(!geometry_room(&geometry, UINT64_MAX, 0, 1, &possible) && possible == 0);
	CHECK(!geometry_room(&geometry, 2, UINT64_MAX, 1, &possible) && possible == 0);
	CHECK(geometry_room(&geometry, 2, 0, 1ull << 54, &possible) && possible > 1ull << 54);
	CHECK(!geometry_room(&geometry, 2, 0, UINT64_MAX, NULL));
	geometry = geometry_make(1, 0);
	CHECK(!geometry_room(&geometry, 2, 0, 1, &possible) && possible == 0);
	CHECK(geometry_room(&geometry, 2, 0, 0, NULL));
}

static void room_by_brute_force(void)
{
	uint64_t possible = 0;

	for (uint64_t chunks = 0; chunks < 140; chunks++) {
		struct geometry geometry = geometry_make(1, chunks * 512);

		for (uint64_t highest = 0; highest < chunks + 3; highest++) {
			uint64_t next = geometry_next_free(&geometry, highest);

			for (uint64_t live = 0; live < 110; live++) {
				uint64_t most =
					allocate_like_the_kernel(&geometry, next, live, UINT64_MAX);

				CHECK(geometry_room(&geometry, next, live, most, &possible));
				CHECK(possible == most);
				CHECK(!geometry_room(&geometry, next, live, most + 1, NULL));
			}
		}
	}
}

static void clip_at_the_origins_end(void)
{
	struct geometry geometry = geometry_make(8, 1 << 20);

	CHECK(geometry_clip(&geometry, 0, 4096) == 4096);
	CHECK(geometry_clip(&geometry, 1, 4096) == 0);
	CHECK(geometry_clip(&geometry, 1, 4096 + 512) == 512);
	CHECK(geometry_clip(&geometry, 0, 0) == 0);
	CHECK(geometry_clip(&geometry, UINT64_MAX, UINT64_MAX) == 0);
	CHECK(geometry_clip(&geometry, UINT64_MAX / 4096, UINT64_MAX) == 4095);
	CHECK(geometry_origin_chunks(&geometry, 4097) == 2);
	CHECK(geometry_origin_chunks(&geometry, UINT64_MAX) == UINT64_MAX / 4096 + 1);
}

static struct record sample_record(void)
{
	struct record record = {.role = RECORD_KEPT,
				.kept_stores = 3,
				.origin_bytes = 0x0102030405060708,
				.exceptions = UINT64_MAX,
				.first = {7, 2},
				.witness_chunk = 99,
				.witness_crc = 0xdeadbeef};

	memset(record.id, 0xab, sizeof(record.id));
	return record;
}

static void record_survives(void)
{
	struct record record = sample_record(), again;
	uint8_t bytes[RECORD_BYTES];

	record_encode(&record, bytes);
	CHECK(record_decode(bytes, &again) == RECORD_PRESENT);
	CHECK(memcmp(record.id, again.id, sizeof(record.id)) == 0);
	CHECK(again.role == RECORD_KEPT && again.kept_stores == 3);
	CHECK(again.origin_bytes == 0x0102030405060708 && again.exceptions == UINT64_MAX);
	CHECK(again.first.old_chunk == 7 && again.first.new_chunk == 2);
	CHECK(again.witness_chunk == 99 && again.witness_crc == 0xdeadbeef);
}

static void every_flipped_bit_is_noticed(void)
{
	struct record record = sample_record(), again;
	uint8_t bytes[RECORD_BYTES];

	record_encode(&record, bytes);
	for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		CHECK(record_decode(bytes, &again) != RECORD_PRESENT);
		bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	memset(bytes, 0, sizeof(bytes));
	CHECK(record_decode(bytes, &again) == RECORD_ABSENT);
}

static void staleness(void)
{
	struct record record = {.role = RECORD_MERGING, .exceptions = 5, .first = {7, 2}};
	struct exception same = {7, 2}, other_old = {8, 2}, other_new = {7, 3};

	CHECK(!record_is_stale(&record, 5, &same));
	CHECK(!record_is_stale(&record, 1, &same));
	CHECK(!record_is_stale(&record, 0, &other_old));
	CHECK(record_is_stale(&record, 6, &same));
	CHECK(record_is_stale(&record, 1, &other_old));
	CHECK(record_is_stale(&record, 1, &other_new));
	record.role = RECORD_KEPT;
	CHECK(!record_is_stale(&record, 6, &other_old));
}

static void arithmetic(void)
{
	uint64_t out;

	CHECK(checked_add(UINT64_MAX - 1, 1, &out) && out == UINT64_MAX);
	CHECK(!checked_add(UINT64_MAX, 1, &out));
	CHECK(saturated_add(UINT64_MAX - 1, 1) == UINT64_MAX);
	CHECK(saturated_add(UINT64_MAX, 1) == UINT64_MAX && saturated_add(1, 2) == 3);
	CHECK(checked_mul(1ull << 32, (1ull << 32) - 1, &out));
	CHECK(!checked_mul(1ull << 32, 1ull << 32, &out));
	CHECK(divide_up(UINT64_MAX, 2) == (1ull << 63) && divide_up(0, 5) == 0);
	CHECK(round_up(1, 512) == 512 && round_up(512, 512) == 512 && round_up(0, 512) == 0);
	CHECK(round_down(1023, 512) == 512);
	CHECK(is_power_of_two(1) && is_power_of_two(1ull << 63));
	CHECK(!is_power_of_two(0) && !is_power_of_two(6));
	CHECK(bytes_are_zero((const uint8_t[3]){0, 0, 0}, 3));
	CHECK(!bytes_are_zero((const uint8_t[3]){0, 0, 1}, 3));
	CHECK(!bytes_are_zero((const uint8_t[3]){1, 0, 0}, 3));
	CHECK(bytes_are_zero(NULL, 0));
}

int main(void)
{
	unit_run("format: a header is decoded and encoded byte for byte", header_bytes);
	unit_run("format: header_check knows every boundary", header_boundaries);
	unit_run("format: an exception is decoded and encoded byte for byte", exception_bytes);
	unit_run("format: areas are where the kernel puts them", geometry_of_the_kernel);
	unit_run("format: the usual chunks skip the areas", usual_chunks_skip_areas);
	unit_run("format: an area counts when it lies wholly on the device", areas_on_a_device);
	unit_run("format: the next free chunk is never an area", next_free_skips_areas);
	unit_run("format: a device is as large as the kernel needs it, and no larger",
		 the_smallest_device);
	unit_run("format: there is room for none on no device, and no overflow", room_by_hand);
	unit_run("format: the room is what the kernel would allocate one by one",
		 room_by_brute_force);
	unit_run("format: chunks are clipped at the origin's end", clip_at_the_origins_end);
	unit_run("format: a merge record survives encoding", record_survives);
	unit_run("format: a record with any flipped bit is no record",
		 every_flipped_bit_is_noticed);
	unit_run("format: a record is stale once the store was used again", staleness);
	unit_run("bytes: checked arithmetic knows its limits", arithmetic);
	return unit_end();
}
