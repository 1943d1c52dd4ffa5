// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "store/base/bytes.h"
#include "verify/repair/rebuild.h"

#define FIXTURES "tests/fixtures"
#define STORE_BYTES_MAX (64u << 20)

/* A store in memory. */
struct memory {
	uint8_t *bytes;
	uint64_t size;
	uint64_t bytes_read, reads_outside;
};

static enum result read_memory(void *context, uint64_t offset, uint8_t *buffer, size_t bytes,
			       struct failure *why)
{
	struct memory *memory = context;

	if (offset % SECTOR_BYTES || bytes % SECTOR_BYTES || offset + bytes > memory->size) {
		memory->reads_outside++;
		return fail(why, RESULT_IO, "outside");
	}
	memcpy(buffer, memory->bytes + offset, bytes);
	memory->bytes_read += bytes;
	return RESULT_OK;
}

static struct rebuild infer(struct memory *memory, uint32_t block_bytes, uint32_t named)
{
	struct rebuild_source source = {memory->size, block_bytes, read_memory, memory};
	struct rebuild rebuild;
	struct failure why;

	CHECK(rebuild_infer(&source, named, &rebuild, &why) == RESULT_OK);
	CHECK(memory->reads_outside == 0);
	return rebuild;
}

/* Does it find this chunk size, and no other that convinces? */
static bool is_certain(struct memory *memory, uint32_t chunk_sectors)
{
	struct rebuild rebuild = infer(memory, 512, 0);
	bool certain = rebuild.convincing == 1 && rebuild.count >= 1 &&
		       rebuild.candidates[0].chunk_sectors == chunk_sectors;

	for (size_t i = 0; i < rebuild.count && !certain; i++)
		printf("# %u sectors: %u points, %llu exceptions\n",
		       rebuild.candidates[i].chunk_sectors, rebuild.candidates[i].points,
		       (unsigned long long)rebuild.candidates[i].exceptions);
	return certain;
}

/* ---- stores that are made ---- */

static struct memory memory_make(uint64_t size)
{
	struct memory memory = {.bytes = calloc(1, size), .size = size};

	CHECK(memory.bytes != NULL);
	return memory;
}

static void fill_randomly(uint8_t *bytes, uint64_t count, uint64_t seed)
{
	for (uint64_t i = 0; i + 8 <= count; i += 8) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		put_le64(bytes + i, seed ^ seed >> 29);
	}
}

static void put_exception(struct memory *memory, uint32_t chunk_sectors, uint64_t index,
			  uint64_t old_chunk, uint64_t new_chunk)
{
	uint64_t chunk_bytes = chunk_sectors * 512ull, per_area = chunk_bytes / 16;
	uint64_t area = (1 + index / per_area * (per_area + 1)) * chunk_bytes;
	uint8_t *entry = memory->bytes + area + index % per_area * 16;

	put_le64(entry, old_chunk);
	put_le64(entry + 8, new_chunk);
}

/* Without a header; data that is not zero in all chunks but those of metadata. */
static struct memory store_make(uint32_t chunk_sectors, uint64_t exceptions, bool reversed)
{
	uint64_t chunk_bytes = chunk_sectors * 512ull;
	struct geometry geometry = geometry_make(chunk_sectors, 1ull << 40);
	uint64_t chunks = geometry_usual_chunk(&geometry, exceptions) + 40;
	struct memory memory = memory_make(chunks * chunk_bytes);

	fill_randomly(memory.bytes, memory.size, chunk_sectors);
	for (uint64_t chunk = 0; chunk < chunks; chunk++)
		if (geometry_is_metadata(&geometry, chunk))
			memset(memory.bytes + chunk * chunk_bytes, 0, chunk_bytes);
	for (uint64_t i = 0; i < exceptions; i++)
		put_exception(&memory, chunk_sectors, i, i * 7 % 1000,
			      geometry_usual_chunk(&geometry, reversed ? exceptions - 1 - i : i));
	return memory;
}

static void every_size_is_found(void)
{
	for (uint32_t chunk_sectors = 1; chunk_sectors <= 1024; chunk_sectors *= 2)
		for (uint64_t exceptions = 1; exceptions <= 70; exceptions += 23) {
			struct memory memory = store_make(chunk_sectors, exceptions, false);

			CHECK(is_certain(&memory, chunk_sectors));
			free(memory.bytes);
		}
}

static void a_size_beyond_lvm_is_found(void)
{
	struct memory memory = memory_make(40ull << 20);

	for (uint64_t i = 0; i < 3; i++)
		put_exception(&memory, 8192, i, 2 - i, 2 + i);
	CHECK(is_certain(&memory, 8192));
	free(memory.bytes);
}

static void any_order_is_found(void)
{
	struct memory memory = store_make(8, 300, true);

	CHECK(is_certain(&memory, 8));
	free(memory.bytes);
}

static void full_areas_are_found(void)
{
	struct memory memory = store_make(1, 96, false);

	CHECK(is_certain(&memory, 1));
	/* The device ends after the data: nothing ends the list. */
	memory.size = 3 * 33 * 512;
	CHECK(is_certain(&memory, 1));
	free(memory.bytes);
}

static void a_device_cut_off_is_found(void)
{
	struct memory memory = store_make(8, 200, false);

	memory.size = 60 * 4096;
	CHECK(is_certain(&memory, 8));
	free(memory.bytes);
}

static void junk_around_it_is_borne_with(void)
{
	struct memory memory = store_make(8, 50, false);

	memory.bytes[100] = 1;
	memory.bytes[4096 + 60 * 16] = 1;
	put_exception(&memory, 8, 20, 5, 1);
	put_exception(&memory, 8, 21, 5, UINT64_MAX);
	CHECK(is_certain(&memory, 8));
	free(memory.bytes);
}

static void a_merge_record_is_no_junk(void)
{
	struct memory memory = store_make(8, 5, false);
	struct record record = {.role = RECORD_MERGING, .exceptions = 9};
	struct rebuild rebuild;

	record_encode(&record, memory.bytes + RECORD_OFFSET);
	rebuild = infer(&memory, 512, 0);
	CHECK(rebuild.convincing == 1 && rebuild.candidates[0].slack_is_zero);
	free(memory.bytes);
}

static void nothing_is_found_in_junk(void)
{
	struct memory memory = memory_make(4u << 20);
	struct rebuild rebuild;

	fill_randomly(memory.bytes, memory.size, 99);
	rebuild = infer(&memory, 512, 0);
	CHECK(rebuild.count == 0 && rebuild.convincing == 0);
	memset(memory.bytes, 0, memory.size);
	rebuild = infer(&memory, 512, 0);
	CHECK(rebuild.count == 0);
	memset(memory.bytes, 0xff, memory.size);
	rebuild = infer(&memory, 512, 0);
	CHECK(rebuild.count == 0);
	free(memory.bytes);
}

/* All sizes are possible, and the header's word decides. */
static void an_empty_store_needs_the_headers_word(void)
{
	struct memory memory = memory_make(1u << 20);
	struct header header = {HEADER_MAGIC + 1, 1, HEADER_VERSION, 16};
	struct rebuild rebuild;

	header_encode(&header, memory.bytes);
	CHECK(is_certain(&memory, 16));
	header.version = 77;
	header_encode(&header, memory.bytes);
	CHECK(infer(&memory, 512, 0).count == 0);
	rebuild = infer(&memory, 512, 32);
	CHECK(rebuild.count == 1 && rebuild.convincing == 0);
	CHECK(rebuild.candidates[0].chunk_sectors == 32 && rebuild.candidates[0].exceptions == 0);
	CHECK(!rebuild_has_evidence(&rebuild.candidates[0]));
	free(memory.bytes);
}

/* Header, area 0 and data chunks are zeroed, and areas 1 and 2 are there. */
static void areas_after_the_first_are_found(void)
{
	for (uint32_t chunk_sectors = 1; chunk_sectors <= 16; chunk_sectors *= 2) {
		uint64_t per_area = chunk_sectors * 32ull;
		struct memory memory = store_make(chunk_sectors, 2 * per_area + 9, false);

		memset(memory.bytes, 0, chunk_sectors * 512ull * 10);
		CHECK(is_certain(&memory, chunk_sectors));
		CHECK(infer(&memory, 512, 0).candidates[0].later == per_area + 9);
		CHECK(infer(&memory, 512, 0).candidates[0].exceptions == 0);
		free(memory.bytes);
	}
}

static void two_stores_are_two_candidates(void)
{
	struct memory memory = store_make(8, 30, false);

	/* The first data chunk of one looks as area 0 of another. */
	memset(memory.bytes + 8192, 0, 8192);
	for (uint64_t i = 0; i < 9; i++)
		put_exception(&memory, 16, i, i, 2 + i);
	CHECK(infer(&memory, 512, 0).convincing == 2);
	CHECK(infer(&memory, 512, 16).convincing == 2);
	free(memory.bytes);
}

static void a_size_that_is_named_is_held_against_the_others(void)
{
	struct memory memory = store_make(8, 30, false);
	struct header remains = {0, 1, HEADER_VERSION, 1};
	struct rebuild rebuild = infer(&memory, 512, 1);

	CHECK(rebuild.count == 2 && rebuild.convincing == 1);
	CHECK(rebuild_find(&rebuild, 1) && rebuild_find(&rebuild, 1)->exceptions == 0);
	CHECK(!rebuild_find(&rebuild, 16));
	CHECK(!rebuild_rival(&rebuild, 8));
	CHECK(rebuild_rival(&rebuild, 1) == &rebuild.candidates[0]);
	CHECK(rebuild_rival(&rebuild, 16) == &rebuild.candidates[0]);
	CHECK(rebuild.candidates[0].chunk_sectors == 8);
	/* An empty list convinces by the header's word alone, but not beside one that is there. */
	header_encode(&remains, memory.bytes);
	rebuild = infer(&memory, 512, 0);
	CHECK(rebuild.convincing == 2);
	CHECK(rebuild_rival(&rebuild, 1) == &rebuild.candidates[0]);
	CHECK(!rebuild_rival(&rebuild, 8));
	memset(memory.bytes + 4096, 0, 4096);
	rebuild = infer(&memory, 512, 0);
	CHECK(rebuild.convincing == 1 && !rebuild_rival(&rebuild, 1));
	free(memory.bytes);
}

static void blocks_are_a_lower_limit(void)
{
	struct memory memory = store_make(4, 30, false);

	CHECK(infer(&memory, 512, 0).count == 1);
	CHECK(infer(&memory, 4096, 0).count == 0);
	free(memory.bytes);
}

static void tiny_devices(void)
{
	struct memory memory = memory_make(4096);

	for (memory.size = 0; memory.size <= 4096; memory.size += 512)
		CHECK(infer(&memory, 512, 0).count == 0);
	free(memory.bytes);
}

static void reading_is_bounded(void)
{
	struct memory memory = memory_make(96u << 20);

	/* An area of 32 MiB without an end: chunk 2, 2, 2 ... */
	for (uint64_t i = 32u << 20; i < 64u << 20; i += 16)
		put_le64(memory.bytes + i + 8, 2);
	CHECK(infer(&memory, 512, 0).count == 1);
	CHECK(memory.bytes_read > REBUILD_EXCEPTIONS_MAX * 16ull);
	CHECK(memory.bytes_read < REBUILD_EXCEPTIONS_MAX * 16ull + REBUILD_SIZES * (2u << 20));
	free(memory.bytes);
}

static uint32_t rebuilt_valid(struct header remains, bool given_up)
{
	struct rebuild rebuild = {.remains = remains};
	struct header header = rebuild_header(&rebuild, 8, given_up);

	CHECK(header_check(&header) == HEADER_GOOD && header.chunk_sectors == 8);
	return header.valid;
}

static void invalid_stays_invalid(void)
{
	const struct header blank = {0}, of_other = {0, 0, 7, 8};

	CHECK(rebuilt_valid((struct header){0, 0, HEADER_VERSION, 8}, false) == 0);
	CHECK(rebuilt_valid((struct header){0, 0, HEADER_VERSION, 16}, false) == 0);
	CHECK(rebuilt_valid((struct header){HEADER_MAGIC, 0, HEADER_VERSION, 3}, false) == 0);
	CHECK(rebuilt_valid((struct header){HEADER_MAGIC, 0, 7, 8}, false) == 0);
	CHECK(rebuilt_valid((struct header){HEADER_MAGIC, 1, HEADER_VERSION, 3}, false) == 1);
	CHECK(rebuilt_valid((struct header){HEADER_MAGIC, 1, HEADER_VERSION, 3}, true) == 0);
	CHECK(header_check(&blank) == HEADER_BLANK);
	CHECK(rebuilt_valid(blank, false) == 1);
	CHECK(rebuilt_valid(of_other, false) == 1);
	CHECK(rebuilt_valid(blank, true) == 0);
}

/* ---- stores that a kernel made ---- */

static struct memory unpack(const char *name)
{
	struct memory memory = memory_make(STORE_BYTES_MAX);
	char path[512];
	gzFile file;
	int count;

	snprintf(path, sizeof(path), "%s/%s", FIXTURES, name);
	file = gzopen(path, "rb");
	memory.size = 0;
	while (file &&
	       (count = gzread(file, memory.bytes + memory.size,
			       (unsigned int)min_u64(STORE_BYTES_MAX - memory.size, 1u << 20))) > 0)
		memory.size += (uint64_t)count;
	CHECK(file && memory.size > 0 && memory.size % 512 == 0);
	gzclose(file);
	return memory;
}

static void check_fixture(const char *name)
{
	struct memory memory = unpack(name);
	struct header header;

	header_decode(memory.bytes, &header);
	CHECK(header_check(&header) == HEADER_GOOD);
	memset(memory.bytes, 0, HEADER_BYTES);
	CHECK(is_certain(&memory, header.chunk_sectors));
	memset(memory.bytes, 0, 4096);
	CHECK(header.chunk_sectors < 8 || is_certain(&memory, header.chunk_sectors));
	free(memory.bytes);
}

static void all_fixtures(void)
{
	DIR *folder = opendir(FIXTURES);
	struct dirent *entry;
	int count = 0;

	CHECK(folder != NULL);
	while (folder && (entry = readdir(folder))) {
		if (!strstr(entry->d_name, ".store.gz"))
			continue;
		printf("# %s\n", entry->d_name);
		check_fixture(entry->d_name);
		count++;
	}
	CHECK(count >= 9);
	closedir(folder);
}

int main(void)
{
	unit_run("rebuild: every chunk size from 1 to 1024 sectors is found", every_size_is_found);
	unit_run("rebuild: a chunk size beyond LVM's is found", a_size_beyond_lvm_is_found);
	unit_run("rebuild: new chunks in any order do not hide it", any_order_is_found);
	unit_run("rebuild: areas that are exactly full, with and without an end",
		 full_areas_are_found);
	unit_run("rebuild: a device that was cut off", a_device_cut_off_is_found);
	unit_run("rebuild: some junk is borne with", junk_around_it_is_borne_with);
	unit_run("rebuild: a merge record is no junk", a_merge_record_is_no_junk);
	unit_run("rebuild: in junk, zeros and ones there is nothing", nothing_is_found_in_junk);
	unit_run("rebuild: an empty store needs the header's word",
		 an_empty_store_needs_the_headers_word);
	unit_run("rebuild: areas after a first one of zeros show the size",
		 areas_after_the_first_are_found);
	unit_run("rebuild: two stores that could be are two candidates",
		 two_stores_are_two_candidates);
	unit_run("rebuild: a size that is named is held against the others",
		 a_size_that_is_named_is_held_against_the_others);
	unit_run("rebuild: no chunk is smaller than a block", blocks_are_a_lower_limit);
	unit_run("rebuild: devices of some sectors", tiny_devices);
	unit_run("rebuild: no list makes it read without end", reading_is_bounded);
	unit_run("rebuild: what is left of a header that says invalid keeps it invalid",
		 invalid_stays_invalid);
	unit_run("rebuild: every fixture is found when its header is zeroed", all_fixtures);
	return unit_end();
}
