// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "store/cow/format.h"
#include "verify/check/lost.h"

#define CHUNK 4096u
/* Its last chunk, number 3, is a sector. */
#define VIEW_BYTES (3ull * CHUNK + 512)

static bool is(struct lost_range range, uint64_t offset, uint64_t bytes)
{
	return range.bytes == bytes && (bytes == 0 || range.offset == offset);
}

static void nothing_past_the_end(void)
{
	struct geometry geometry = geometry_make(CHUNK / 512, 1ull << 30);
	const struct geometry *g = &geometry;

	CHECK(is(lost_chunk(g, VIEW_BYTES, 2), 2 * CHUNK, CHUNK));
	CHECK(is(lost_chunk(g, VIEW_BYTES, 3), 3 * CHUNK, 512));
	CHECK(is(lost_chunk(g, VIEW_BYTES, 4), 0, 0));
	CHECK(is(lost_chunk(g, VIEW_BYTES, UINT64_MAX), 0, 0));
	CHECK(is(lost_block(g, VIEW_BYTES, 2, 512, 1024), 2 * CHUNK + 512, 1024));
	CHECK(is(lost_block(g, VIEW_BYTES, 3, 0, 1024), 3 * CHUNK, 512));
	CHECK(is(lost_block(g, VIEW_BYTES, 3, 512, 1024), 0, 0));
}

static void what_touches_is_one(void)
{
	struct lost lost = {.most = 0};

	lost_add(&lost, 8192, 4096);
	lost_add(&lost, 12288, 512);
	lost_add(&lost, 99999, 0);
	CHECK(lost.count == 1);
	lost_add(&lost, 0, 4096);
	lost_add(&lost, 4096, 4096);
	lost_add(&lost, 20480, 512);
	lost_add(&lost, 8192, 4096);
	lost_sort(&lost);
	CHECK(lost.count == 2 && lost.unlisted == 0);
	CHECK(is(lost.ranges[0], 0, 12800) && is(lost.ranges[1], 20480, 512));
	CHECK(lost_bytes(&lost) == 12800 + 512);
	lost_free(&lost);
	CHECK(!lost.ranges && lost_bytes(&lost) == 0);
}

static void more_than_fit_are_counted(void)
{
	struct lost lost = {.most = 100};

	for (uint64_t i = 0; i < 150; i++)
		lost_add(&lost, i * 1024, 512);
	CHECK(lost.count == 100 && lost.unlisted == 50);
	lost_free(&lost);
}

int main(void)
{
	unit_run("lost: nothing past the view's end is lost", nothing_past_the_end);
	unit_run("lost: ranges that touch are one", what_touches_is_one);
	unit_run("lost: ranges that have no room are counted", more_than_fit_are_counted);
	return unit_end();
}
