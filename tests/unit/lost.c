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

/* A finding at an exception for chunk `old_chunk`, whose data is in `new_chunk`. */
static struct finding finding_at(enum problem problem, const struct geometry *geometry,
				 uint64_t old_chunk, uint64_t new_chunk)
{
	struct lost_range view = lost_chunk(geometry, VIEW_BYTES, old_chunk);

	return (struct finding){.problem = problem,
				.has_exception = true,
				.old_chunk = old_chunk,
				.new_chunk = new_chunk,
				.view_offset = view.offset,
				.view_bytes = view.bytes};
}

static void the_number_and_the_list_agree(void)
{
	struct geometry geometry = geometry_make(CHUNK / 512, 1ull << 30);
	const struct geometry *g = &geometry;
	const struct finding findings[] = {
		finding_at(PROBLEM_ENTRY_TOO_LARGE, g, 0, UINT64_MAX),
		finding_at(PROBLEM_ENTRY_IN_METADATA, g, 2, 1),
		finding_at(PROBLEM_ENTRY_BEYOND_DEVICE, g, 3, 1u << 20),
		finding_at(PROBLEM_ENTRY_BEYOND_ORIGIN, g, 4, 7),
		finding_at(PROBLEM_DUPLICATE_OLD, g, 2, 1), /* it was met above */
		finding_at(PROBLEM_DUPLICATE_OLD, g, 0, 7), /* the first one is lost all the same */
		finding_at(PROBLEM_DUPLICATE_NEW, g, 1, 7),
	};
	struct lost lost = {.most = 0};
	struct failure why;
	uint64_t bytes = 0;

	for (size_t i = 0; i < sizeof(findings) / sizeof(*findings); i++) {
		lost_count(&bytes, g, &findings[i]);
		lost_take(&lost, g, &findings[i]);
	}
	CHECK(lost_settle(&lost, &why) == RESULT_OK);
	lost_sort(&lost);
	CHECK(lost.count == 2);
	CHECK(is(lost.ranges[0], 0, CHUNK) && is(lost.ranges[1], 3 * CHUNK, 512));
	CHECK(bytes == CHUNK + 512 && lost_bytes(&lost) == bytes);
	lost_free(&lost);
}

int main(void)
{
	unit_run("lost: nothing past the view's end is lost", nothing_past_the_end);
	unit_run("lost: ranges that touch are one", what_touches_is_one);
	unit_run("lost: ranges that have no room are counted", more_than_fit_are_counted);
	unit_run("lost: by what is found, the number and the list agree",
		 the_number_and_the_list_agree);
	return unit_end();
}
