// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <string.h>
#include <time.h>

#include "merge/left_out.h"
#include "store/base/bytes.h"
#include "store/cow/store.h"

#define CHUNK 4096u
#define CHUNKS 64u
#define ORIGIN_BYTES ((uint64_t)CHUNKS * CHUNK - 512)

static struct store store;
static struct check check = {.store = &store, .options.origin_bytes = UINT64_MAX};

/* Exception number `number` for this chunk has its data in metadata; or, a later one has. */
static void find(struct left_out *left_out, enum problem problem, uint64_t number,
		 uint64_t old_chunk, uint64_t view_bytes)
{
	static struct finding finding;
	uint32_t per_area = store.geometry.exceptions_per_area;

	finding.problem = problem;
	finding.area = number / per_area;
	finding.index = (uint32_t)(number % per_area);
	finding.old_chunk = old_chunk;
	finding.new_chunk = 1;
	finding.view_offset = old_chunk * CHUNK;
	finding.view_bytes = view_bytes;
	left_out_take(left_out, &check, &finding);
}

static uint64_t bytes_of(uint64_t chunk)
{
	return min_u64(CHUNK, ORIGIN_BYTES - chunk * CHUNK);
}

/* Takes the listed ranges from the chunks that must be in them. */
static bool lists(const struct left_out *left_out, int *wanted)
{
	for (size_t i = 0; i < left_out->lost.count; i++) {
		const struct lost_range *range = &left_out->lost.ranges[i];

		for (uint64_t at = range->offset; at < range->offset + range->bytes; at += CHUNK)
			wanted[at / CHUNK]--;
		if (range->bytes == 0 ||
		    (i > 0 && range[-1].offset + range[-1].bytes >= range->offset))
			return false;
	}
	for (unsigned int i = 0; i < CHUNKS; i++)
		if (wanted[i] != 0)
			return false;
	return true;
}

/* Of the exceptions for a chunk, the first may be sound or lost; all later ones are lost. */
static void what_is_taken_back(void)
{
	uint64_t state = 1;

	for (int round = 0; round < 2000; round++) {
		struct left_out left_out = {.exceptions = 0};
		int lost[CHUNKS] = {0}, wanted[CHUNKS] = {0};
		uint64_t number = 0;
		struct failure why;

		for (unsigned int i = 0; i < 100; i++) {
			uint64_t chunk = (state = state * 6364136223846793005u + 1) >> 58;
			bool neighbours = (state >> 40) % 2 == 0;

			for (uint64_t k = chunk; k < CHUNKS && k < chunk + 1 + 5 * neighbours;
			     k++) {
				find(&left_out, PROBLEM_ENTRY_IN_METADATA, number++, k,
				     bytes_of(k));
				lost[k]++;
			}
		}
		for (unsigned int i = 0; i < CHUNKS; i++) {
			bool sound = (state = state * 6364136223846793005u + 1) >> 63;

			for (int k = sound ? 0 : 1; k < lost[i]; k++)
				find(&left_out, PROBLEM_DUPLICATE_OLD, 0, i, bytes_of(i));
			wanted[i] = lost[i] > 0 && !sound;
		}
		CHECK(lost_settle(&left_out.lost, &why) == RESULT_OK);
		CHECK(lists(&left_out, wanted));
		left_out_free(&left_out);
		if (!unit_good)
			break;
	}
}

static void what_was_not_listed_is_not_taken_back(void)
{
	struct left_out left_out = {.exceptions = 0};
	int wanted[CHUNKS] = {[3] = 1};
	struct failure why;

	find(&left_out, PROBLEM_ENTRY_IN_METADATA, 0, 3, CHUNK);
	find(&left_out, PROBLEM_ENTRY_IN_METADATA, 1, 5, CHUNK);
	for (int i = 0; i < 3; i++)
		find(&left_out, PROBLEM_DUPLICATE_OLD, 0, 5, CHUNK);
	find(&left_out, PROBLEM_DUPLICATE_OLD, 0, 2, CHUNK);
	find(&left_out, PROBLEM_DUPLICATE_OLD, 0, 4, CHUNK);
	CHECK(lost_settle(&left_out.lost, &why) == RESULT_OK);
	CHECK(lists(&left_out, wanted));
	left_out_free(&left_out);
}

/* Every second chunk; and then all of them but the first are taken back, and before that many
 * that had no room in the list. */
static void many_are_taken_back_in_no_time(void)
{
	struct left_out left_out = {.exceptions = 0};
	clock_t begin = clock();
	struct failure why;

	for (uint64_t i = 0; i < LOST_RANGES_MAX; i++)
		find(&left_out, PROBLEM_ENTRY_IN_METADATA, i, 2 * i, CHUNK);
	for (uint64_t i = 2000000; i > 0; i--)
		find(&left_out, PROBLEM_DUPLICATE_OLD, 0, 2 * i, CHUNK);
	CHECK(lost_settle(&left_out.lost, &why) == RESULT_OK);
	CHECK(left_out.lost.count == 1 && left_out.lost.ranges[0].offset == 0);
	CHECK(clock() - begin < 20 * CLOCKS_PER_SEC);
	left_out_free(&left_out);
}

int main(void)
{
	store.geometry = geometry_make(CHUNK / SECTOR_BYTES, 1ull << 40);
	unit_run("left_out: of a chunk that is lost more than once, one is listed, or none",
		 what_is_taken_back);
	unit_run("left_out: what was not listed is not taken back",
		 what_was_not_listed_is_not_taken_back);
	unit_run("left_out: two million chunks are taken back in seconds",
		 many_are_taken_back_in_no_time);
	return unit_end();
}
