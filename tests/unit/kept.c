// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <string.h>

#include "merge/kept.h"

#define LIMIT 100000

/* The set beside an array of bytes that does the same. */
static void a_set_of_chunks(void)
{
	static uint8_t member[LIMIT];
	struct chunk_set set;
	uint64_t count = 0;

	memset(member, 0, sizeof(member));
	CHECK(chunk_set_init(&set, LIMIT));
	for (uint64_t i = 0; i < 3000; i++) {
		uint64_t first = i * 7919 % (LIMIT + 50), many = i % 90;

		CHECK(chunk_set_add(&set, first, many));
		for (uint64_t k = first; k < first + many && k < LIMIT; k++)
			member[k] = 1;
	}
	for (uint64_t i = 0; i < LIMIT; i++)
		count += member[i];
	CHECK(set.count == count);
	for (uint64_t i = 0; i < LIMIT + 100; i += 3) {
		bool is = i < LIMIT && member[i];

		CHECK(chunk_set_take(&set, i) == is);
		CHECK(!chunk_set_take(&set, i));
		count -= is;
	}
	CHECK(set.count == count);
	chunk_set_free(&set);
}

static void a_set_has_no_chunk_beyond_its_limit(void)
{
	struct chunk_set set;

	CHECK(chunk_set_init(&set, 10));
	CHECK(chunk_set_add(&set, 8, UINT64_MAX));
	CHECK(chunk_set_add(&set, UINT64_MAX, 5));
	CHECK(set.count == 2);
	CHECK(!chunk_set_take(&set, UINT64_MAX) && !chunk_set_take(&set, 10));
	CHECK(chunk_set_take(&set, 9));
	chunk_set_free(&set);
	CHECK(chunk_set_init(&set, 0));
	CHECK(chunk_set_add(&set, 0, 1) && set.count == 0);
	chunk_set_free(&set);
}

/* Every byte of the one chunk lies in the range of the others, and every chunk of the range has
 * one. */
static void ranges_between_chunk_sizes(void)
{
	for (uint32_t ours = 1; ours <= 64; ours *= 2)
		for (uint32_t theirs = 1; theirs <= 64; theirs *= 2) {
			struct geometry kept = geometry_make(ours, 1 << 20);
			struct geometry merging = geometry_make(theirs, 1 << 20);

			for (uint64_t chunk = 0; chunk < 200; chunk++) {
				struct kept_range range = kept_range(&kept, &merging, chunk);
				uint64_t first = chunk * theirs, last = first + theirs - 1;

				CHECK(range.first == first / ours);
				CHECK(range.first + range.count - 1 == last / ours);
			}
		}
}

static void data_chunks_and_their_numbers(void)
{
	for (uint32_t sectors = 1; sectors <= 8; sectors *= 2) {
		struct geometry geometry = geometry_make(sectors, 1 << 30);

		for (uint64_t i = 0; i < 5000; i++)
			CHECK(geometry_usual_index(&geometry, geometry_usual_chunk(&geometry, i)) ==
			      i);
	}
}

int main(void)
{
	unit_run("kept: a set of chunks is what a table of bytes is", a_set_of_chunks);
	unit_run("kept: a set has no chunk beyond its limit", a_set_has_no_chunk_beyond_its_limit);
	unit_run("kept: ranges between chunk sizes are exact", ranges_between_chunk_sizes);
	unit_run("kept: data chunks and their numbers", data_chunks_and_their_numbers);
	return unit_end();
}
