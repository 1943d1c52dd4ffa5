// SPDX-License-Identifier: GPL-2.0-or-later
/* Which exceptions repeat a chunk: the same ones, in their order, whatever the bitmap holds. */
#include "tests/unit/memory.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "verify/check/check.h"

#define EXCEPTIONS 3000u
#define CHUNK_BYTES 4096u
/* As many bits as the smallest share has. */
#define SHARE 4096u
#define LAST (EXCEPTIONS - 1)

static struct exception exceptions[EXCEPTIONS];

/* What is to be told, the old chunks first, and what of it was. */
static struct {
	enum problem problem;
	uint64_t index, first;
} expected[2 * EXCEPTIONS];
static size_t expected_count, told;
static uint64_t doubtful_bytes;
static bool is_right;

static void take_finding(void *context, const struct finding *finding)
{
	uint64_t index = finding->area * store.geometry.exceptions_per_area + finding->index;

	(void)context;
	if (finding->problem != PROBLEM_DUPLICATE_OLD && finding->problem != PROBLEM_DUPLICATE_NEW)
		return;
	is_right &= told < expected_count && finding->problem == expected[told].problem &&
		    index == expected[told].index && finding->first == expected[told].first;
	told++;
}

/* Which of the view an old chunk is. */
static uint64_t bytes_of(uint64_t old_chunk)
{
	return old_chunk < ORIGIN_BYTES_MAX / CHUNK_BYTES ? CHUNK_BYTES : 0;
}

/* No data is there: that is told by another finding. */
static bool is_lost(uint64_t index)
{
	return exceptions[index].new_chunk >= 2 * EXCEPTIONS;
}

static void expect_old(uint64_t index, uint64_t first, bool *counted)
{
	expected[expected_count].problem = PROBLEM_DUPLICATE_OLD;
	if (exceptions[index].new_chunk == exceptions[first].new_chunk || *counted ||
	    is_lost(index))
		return;
	doubtful_bytes += bytes_of(exceptions[first].old_chunk);
	*counted = true;
}

static void expect_new(uint64_t index, uint64_t first, bool *counted)
{
	expected[expected_count].problem = PROBLEM_DUPLICATE_NEW;
	if (exceptions[index].old_chunk == exceptions[first].old_chunk || is_lost(index))
		return;
	doubtful_bytes += bytes_of(exceptions[index].old_chunk);
	if (!*counted)
		doubtful_bytes += bytes_of(exceptions[first].old_chunk);
	*counted = true;
}

/* Each is compared with all before it. */
static void expect_all(bool old)
{
	static bool counted[EXCEPTIONS];

	for (uint64_t i = 0; i < EXCEPTIONS; i++)
		counted[i] = is_lost(i);
	for (uint64_t i = 1; i < EXCEPTIONS; i++)
		for (uint64_t first = 0; first < i; first++) {
			if (old ? exceptions[i].old_chunk != exceptions[first].old_chunk
				: exceptions[i].new_chunk != exceptions[first].new_chunk)
				continue;
			(old ? expect_old : expect_new)(i, first, &counted[first]);
			expected[expected_count].index = i;
			expected[expected_count++].first = first;
			break;
		}
}

static void write_store(void)
{
	make_pair(8, 2 * EXCEPTIONS, 1 << 20);
	for (uint64_t i = 0; i < EXCEPTIONS; i++)
		put_exception(i, exceptions[i].old_chunk, exceptions[i].new_chunk);
	CHECK(store_open(&store, &store_device, &io, &why) == RESULT_OK);
}

/* A bitmap for all of them, and smaller ones. */
static void the_same_is_told_with_any_share(void)
{
	static const uint64_t shares[] = {0, 64u << 10, 2u << 10, SHARE / 8};

	write_store();
	expected_count = doubtful_bytes = 0;
	expect_all(true);
	expect_all(false);
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		struct check check = {
			.store = &store,
			.options = {.share_bytes = shares[i], .report = take_finding},
		};

		told = 0;
		is_right = true;
		CHECK(check_run(&check, &why) == RESULT_OK);
		CHECK(is_right && told == expected_count);
		CHECK(check.found[PROBLEM_DUPLICATE_OLD] + check.found[PROBLEM_DUPLICATE_NEW] ==
		      told);
		CHECK(check.view_bytes_doubtful == doubtful_bytes);
	}
}

static void put_usual(uint64_t i, uint64_t old_chunk)
{
	exceptions[i] = (struct exception){old_chunk, 2 + i + i / 256};
}

/* `repeated` of them have an earlier one's number: of them `alike` one and the same. */
static void numbers_far_apart(void)
{
	static const unsigned int repeated[] = {0, 1, 25, 1500}, alike[] = {0, 1, 5, 1490};

	for (size_t k = 0; k < sizeof(repeated) / sizeof(repeated[0]); k++) {
		for (uint64_t i = 0; i < EXCEPTIONS; i++)
			put_usual(i, (i * 0x9e3779b97f4a7c15u) >> 16);
		for (uint64_t i = EXCEPTIONS - repeated[k]; i < EXCEPTIONS; i++)
			exceptions[i].old_chunk =
				exceptions[i < EXCEPTIONS - alike[k] ? i / 200 : 5].old_chunk;
		the_same_is_told_with_any_share();
	}
}

/* Old chunks that are close: 16 of the smallest shares, with pairs at the ends of each, the first
 * of all and the last among them. Both of a pair are early, or late, or far from each other. */
static void numbers_in_several_shares(void)
{
	for (uint64_t i = 0; i < EXCEPTIONS; i++)
		put_usual(i,
			  7 * SHARE + i * 7919 % EXCEPTIONS * 16 * SHARE / EXCEPTIONS / 8 * 8 + 4);
	for (uint64_t share = 0; share < 16; share++) {
		uint64_t begin = (7 + share) * SHARE, end = begin + SHARE - 1;

		exceptions[share ? 10 + share : 0].old_chunk = begin;
		exceptions[LAST - share].old_chunk = begin;
		exceptions[1000 + share].old_chunk = end;
		exceptions[share % 2 ? 1100 + share : LAST - 100 - share].old_chunk = end;
	}
	the_same_is_told_with_any_share();
}

/* New chunks in reverse, as old kernels wrote them: the first exception and the last share one, as
 * do others; and from one exception on, some of those before it, which were in their places. */
static void new_chunks(void)
{
	for (uint64_t i = 0; i < EXCEPTIONS; i++) {
		put_usual(i, i);
		exceptions[i].new_chunk = 2 + (LAST - i) + (LAST - i) / 256;
	}
	exceptions[LAST].new_chunk = exceptions[0].new_chunk;
	for (uint64_t i = 1; i < 300; i++)
		exceptions[LAST - 7 * i].new_chunk = exceptions[3 * i].new_chunk;
	the_same_is_told_with_any_share();
	for (uint64_t i = 0; i < EXCEPTIONS; i++)
		put_usual(i, i);
	exceptions[1500].new_chunk = exceptions[0].new_chunk;
	exceptions[1501].new_chunk = exceptions[1499].new_chunk;
	exceptions[LAST].new_chunk = exceptions[255].new_chunk;
	the_same_is_told_with_any_share();
}

/* All numbers that there are, and one exception after the other with both its numbers. */
static void hostile_numbers(void)
{
	for (uint64_t i = 0; i < EXCEPTIONS; i++)
		put_usual(i, i % 100 ? i : UINT64_MAX - i / 200 * ((uint64_t)1 << 58));
	exceptions[1].old_chunk = exceptions[LAST].old_chunk = UINT64_MAX;
	exceptions[0].old_chunk = exceptions[2].old_chunk = 0;
	for (uint64_t i = 2001; i < 2080; i += 2)
		exceptions[i] = exceptions[i - 1];
	for (uint64_t i = 2101; i < 2120; i++)
		exceptions[i].new_chunk = UINT64_MAX - i % 7;
	the_same_is_told_with_any_share();
}

static void check_reads(uint64_t passes)
{
	struct check check = {.store = &store, .options.share_bytes = SHARE / 8};
	struct summary summary;
	bool area_missing;
	uint64_t once;

	write_store();
	reads = 0;
	CHECK(store_summarize(&store, &summary, &area_missing, &why) == RESULT_OK);
	once = reads;
	reads = 0;
	CHECK(check_run(&check, &why) == RESULT_OK);
	CHECK(reads / once == passes);
}

static void the_list_is_read_no_more_often_than_needed(void)
{
	/* Each number has a bit of its own. */
	for (uint64_t i = 0; i < EXCEPTIONS; i++)
		put_usual(i, i);
	check_reads(1);
	/* One number, over and over. */
	for (uint64_t i = 0; i < EXCEPTIONS; i++)
		exceptions[i].old_chunk = 5;
	check_reads(2);
	/* Two looks that say that the shares are needed, and one for each share. */
	for (uint64_t i = 0; i < EXCEPTIONS; i++)
		exceptions[i].old_chunk = i * 5;
	check_reads(2 + divide_up((uint64_t)EXCEPTIONS * 5, SHARE));
}

int main(void)
{
	unit_run("duplicates: the same are told with any share, of numbers far apart",
		 numbers_far_apart);
	unit_run("duplicates: and of numbers in several shares, at their ends, too",
		 numbers_in_several_shares);
	unit_run(
		"duplicates: and of new chunks, out of order from the first on, or from a later one",
		new_chunks);
	unit_run("duplicates: and of numbers that no device has", hostile_numbers);
	unit_run("duplicates: the list is read no more often than is needed for that",
		 the_list_is_read_no_more_often_than_needed);
	free_pair();
	return unit_end();
}
