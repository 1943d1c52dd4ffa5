// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <string.h>

#include "store/base/bytes.h"
#include "verify/check/problem.h"
#include "verify/check/trace.h"

#define ENTRIES 32u

static uint8_t area[ENTRIES * EXCEPTION_BYTES];
static struct geometry geometry;

static void put(uint32_t index, uint64_t old_chunk, uint64_t new_chunk)
{
	struct exception exception = {old_chunk, new_chunk};

	exception_encode(&exception, area + (size_t)index * EXCEPTION_BYTES);
}

/* Chunks of a sector, 200 of them; an empty area. */
static void clear(void)
{
	geometry = geometry_make(1, 200 * 512);
	memset(area, 0, sizeof(area));
}

static void fill_with_junk(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		put(i, 0x0123456789abcdef * (i + 1) | (uint64_t)1 << 60, (uint64_t)1 << 57 | i);
}

static void two_in_a_row_are_an_area(void)
{
	clear();
	CHECK(!trace_is_area(area, 0, ENTRIES, 200));
	put(0, 7, 2);
	CHECK(!trace_is_area(area, 0, ENTRIES, 200));
	put(1, 1000, 3);
	CHECK(trace_is_area(area, 0, ENTRIES, 200));
	CHECK(!trace_is_area(area, 1, ENTRIES, 200));
	put(2, 9, 199);
	CHECK(!trace_is_area(area, 0, ENTRIES, 200));
	put(2, 9, 66);
	CHECK(trace_is_area(area, 0, ENTRIES, 200));
	put(2, 9, 3);
	CHECK(!trace_is_area(area, 0, ENTRIES, 200));
	put(2, 9, 4);
	CHECK(!trace_is_area(area, 0, ENTRIES, 4));
	put(2, (uint64_t)1 << 54, 4);
	CHECK(!trace_is_area(area, 0, ENTRIES, 200));
}

static void junk(void)
{
	static const struct {
		struct exception exception;
		uint64_t before;
		bool junk;
	} cases[] = {
		{{0, 2}, 0, false},
		{{0, 199}, 2, false},
		{{0, 200}, 199, false}, /* of a device that was larger */
		{{0, 263}, 199, false},
		{{0, 264}, 199, true},
		{{0, 300}, 365, true},
		{{0, 300}, 364, false},
		{{0, NEW_CHUNK_LIMIT}, NEW_CHUNK_LIMIT - 1, true},
		{{(uint64_t)INT64_MAX / 512 - 1, 2}, 0, false},
		{{((uint64_t)INT64_MAX / 512), 2}, 0, true},
	};

	clear();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK(trace_is_junk(&geometry, &cases[i].exception, cases[i].before) ==
		      cases[i].junk);
}

static void areas_of_junk(void)
{
	clear();
	fill_with_junk(ENTRIES);
	CHECK(trace_of_area(&geometry, 32, area, ENTRIES) == TRACE_AREA_NOT_ZEROED);
	CHECK(trace_of_area(&geometry, 0, area, ENTRIES) == TRACE_CREATION_CUT_OFF);
	CHECK(trace_of_area(&geometry, 32, area, 8) == TRACE_AREA_NOT_ZEROED);
	CHECK(trace_of_area(&geometry, 32, area, 7) == TRACE_NONE);
	/* The last one is where exception 63 usually is. */
	put(31, 5, 66);
	CHECK(trace_of_area(&geometry, 32, area, ENTRIES) == TRACE_AREA_NOT_READ);
	CHECK(trace_of_area(&geometry, 32, area, 31) == TRACE_AREA_NOT_ZEROED);
	/* Half of it must be junk. */
	for (uint32_t i = 0; i < 16; i++)
		put(i, i, 35 + i);
	CHECK(trace_of_area(&geometry, 32, area, ENTRIES) == TRACE_NONE);
}

static void metadata(void)
{
	struct exception at_34 = {0, 34}, at_67 = {0, 67}, at_1 = {0, 1}, at_0 = {0, 0};

	clear();
	CHECK(trace_of_metadata(&geometry, 32, &at_34, 33) == TRACE_NEXT_FREE);
	CHECK(trace_of_metadata(&geometry, 32, &at_34, 20) == TRACE_NEXT_FREE);
	CHECK(trace_of_metadata(&geometry, 5, &at_34, 33) == TRACE_NEXT_FREE);
	CHECK(trace_of_metadata(&geometry, 5, &at_34, 32) == TRACE_NONE);
	CHECK(trace_of_metadata(&geometry, 5, &at_34, 34) == TRACE_NONE);
	CHECK(trace_of_metadata(&geometry, 32, &at_67, 33) == TRACE_NONE);
	CHECK(trace_of_metadata(&geometry, 64, &at_67, 0) == TRACE_NEXT_FREE);
	CHECK(trace_of_metadata(&geometry, 0, &at_1, 0) == TRACE_NONE);
	CHECK(trace_of_metadata(&geometry, 0, &at_0, UINT64_MAX) == TRACE_NONE);
}

static enum trace tail_of(uint64_t exceptions)
{
	struct trace_tail tail = {0};
	uint32_t live = (uint32_t)(exceptions % ENTRIES);

	trace_tail_add(&tail, &geometry, exceptions, area + (size_t)live * EXCEPTION_BYTES,
		       ENTRIES - live);
	return trace_of_tail(&tail, &geometry, exceptions);
}

static void tails(void)
{
	clear();
	CHECK(tail_of(32) == TRACE_NONE);
	put(9, 5, 44);
	CHECK(tail_of(32) == TRACE_AREA_NOT_READ);
	CHECK(tail_of(64) == TRACE_NONE); /* the usual chunk is another one */
	CHECK(tail_of(33) == TRACE_NONE);
	put(9, 5, 45);
	CHECK(tail_of(32) == TRACE_NONE);
	fill_with_junk(ENTRIES);
	put(0, 0, 0);
	CHECK(tail_of(32) == TRACE_AREA_NOT_ZEROED);
	CHECK(tail_of(0) == TRACE_CREATION_CUT_OFF);
	CHECK(tail_of(1) == TRACE_NONE);
}

static void tail_counts(void)
{
	struct trace_tail tail = {0};

	clear();
	put(3, 1, 2);
	put(7, 5, 0);
	put(9, 0, 4);
	trace_tail_add(&tail, &geometry, 64, area, 5);
	trace_tail_add(&tail, &geometry, 69, area + (size_t)5 * EXCEPTION_BYTES, 27);
	CHECK(tail.entries == 3 && tail.first == 67 && tail.junk == 0);
	CHECK(tail.at_first.old_chunk == 1 && tail.at_first.new_chunk == 2);
}

static void every_row_is_filled(void)
{
	for (int trace = TRACE_NONE + 1; trace < TRACE_COUNT; trace++)
		CHECK(trace_info(trace)->name && trace_info(trace)->brief &&
		      trace_info(trace)->meaning);
	for (int problem = 0; problem < PROBLEM_COUNT; problem++)
		CHECK(problem_info(problem)->meaning);
}

int main(void)
{
	unit_run("trace: two exceptions in a row are an area", two_in_a_row_are_an_area);
	unit_run("trace: what is junk, and what is of a larger device", junk);
	unit_run("trace: areas of junk", areas_of_junk);
	unit_run("trace: new chunks that are metadata", metadata);
	unit_run("trace: what is after the end", tails);
	unit_run("trace: what is after the end is counted piece by piece", tail_counts);
	unit_run("trace: every trace and every problem has its words", every_row_is_filled);
	return unit_end();
}
