// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "verify/repair/repair_drops.h"

static struct repair_drops choose(const struct repair_finding *found, size_t count, bool shared)
{
	struct repair_drops drops;
	struct failure why;

	CHECK(repair_drops_choose(found, count, shared, &drops, &why) == RESULT_OK);
	for (size_t i = 1; i < drops.count; i++)
		CHECK(drops.items[i - 1].number < drops.items[i].number);
	return drops;
}

static void nothing_found(void)
{
	struct repair_drops drops = choose(NULL, 0, true);

	CHECK(drops.count == 0 && drops.shared == 0);
	free(drops.items);
}

static void the_lost_go(void)
{
	static const struct repair_finding found[] = {
		{PROBLEM_ENTRY_BEYOND_DEVICE, 7, 0, {1, 900}, false, false},
		{PROBLEM_ENTRY_BEYOND_ORIGIN, 7, 0, {1, 900}, false, false},
		{PROBLEM_ENTRY_IN_METADATA, 3, 0, {2, 1}, true, false},
	};
	struct repair_drops drops = choose(found, 3, false);

	CHECK(drops.count == 2);
	CHECK(drops.items[0].number == 3 && drops.items[0].loses_view);
	CHECK(drops.items[1].number == 7 && !drops.items[1].loses_view);
	CHECK(drops.items[1].problem == PROBLEM_ENTRY_BEYOND_DEVICE);
	CHECK(drops.items[0].kind == REPAIR_DROP && drops.items[0].accepted);
	free(drops.items);
}

static void later_duplicates_go(void)
{
	static const struct repair_finding found[] = {
		{PROBLEM_DUPLICATE_OLD, 5, 2, {9, 7}, true, false},
		{PROBLEM_DUPLICATE_OLD, 8, 2, {9, 10}, true, false},
		{PROBLEM_DUPLICATE_OLD, 9, 0, {4, 11}, true, false},
	};
	struct repair_drops drops = choose(found, 3, false);

	CHECK(drops.count == 3);
	for (size_t i = 0; i < drops.count; i++)
		CHECK(drops.items[i].has_twin && !drops.items[i].loses_view &&
		      !drops.items[i].is_covered);
	CHECK(drops.items[1].number == 8 && drops.items[1].first == 2);
	free(drops.items);
}

/* 2 is lost, so 5 is what is left of chunk 9; 8 goes as a duplicate of 5. */
static void the_next_one_takes_the_place_of_a_lost_one(void)
{
	static const struct repair_finding found[] = {
		{PROBLEM_ENTRY_TOO_LARGE, 2, 0, {9, UINT64_MAX}, true, false},
		{PROBLEM_DUPLICATE_OLD, 5, 2, {9, 7}, true, false},
		{PROBLEM_DUPLICATE_OLD, 8, 2, {9, 10}, true, false},
	};
	struct repair_drops drops = choose(found, 3, false);

	CHECK(drops.count == 2);
	CHECK(drops.items[0].number == 2 && drops.items[0].has_twin && !drops.items[0].loses_view);
	CHECK(drops.items[1].number == 8 && drops.items[1].first == 5);
	free(drops.items);
}

/* 2 and 5 are lost: 5 must be gone before 2 uncovers it, 8 stays. */
static void one_after_another_is_marked(void)
{
	static const struct repair_finding found[] = {
		{PROBLEM_ENTRY_TOO_LARGE, 2, 0, {9, UINT64_MAX}, true, false},
		{PROBLEM_ENTRY_IN_METADATA, 5, 0, {9, 1}, true, false},
		{PROBLEM_DUPLICATE_OLD, 5, 2, {9, 1}, true, false},
		{PROBLEM_DUPLICATE_OLD, 8, 2, {9, 10}, true, false},
		{PROBLEM_ENTRY_IN_METADATA, 9, 0, {9, 1}, true, false},
		{PROBLEM_DUPLICATE_OLD, 9, 2, {9, 1}, true, false},
		{PROBLEM_DUPLICATE_NEW, 9, 5, {9, 1}, true, false},
	};
	struct repair_drops drops = choose(found, 7, false);

	CHECK(drops.count == 3);
	CHECK(drops.items[0].number == 2 && !drops.items[0].is_covered);
	CHECK(drops.items[1].number == 5 && drops.items[1].is_covered);
	CHECK(drops.items[2].number == 9 && !drops.items[2].is_covered);
	CHECK(drops.shared == 0);
	free(drops.items);
}

static void shared_ones_go_only_when_asked_for(void)
{
	static const struct repair_finding found[] = {
		{PROBLEM_DUPLICATE_NEW, 5, 2, {9, 7}, true, false},
		{PROBLEM_DUPLICATE_NEW, 6, 2, {8, 7}, true, false},
	};
	struct repair_drops drops = choose(found, 2, false);

	CHECK(drops.count == 0 && drops.shared == 2);
	free(drops.items);
	drops = choose(found, 2, true);
	CHECK(drops.count == 2 && drops.shared == 0);
	CHECK(drops.items[0].kind == REPAIR_DROP_SHARED && drops.items[0].first == 2 &&
	      drops.items[0].loses_view);
	free(drops.items);
}

/* 5 goes as a later one for chunk 9: then 6 alone has chunk 7 of the store. */
static void who_shares_with_one_that_goes_stays(void)
{
	static const struct repair_finding found[] = {
		{PROBLEM_DUPLICATE_OLD, 5, 2, {9, 7}, true, false},
		{PROBLEM_DUPLICATE_NEW, 6, 5, {8, 7}, true, false},
	};
	struct repair_drops drops = choose(found, 2, true);

	CHECK(drops.count == 1 && drops.items[0].number == 5 && drops.shared == 0);
	free(drops.items);
}

/* 3 goes as it shares with 0: so 8 is what is left of chunk 9. */
static void a_later_duplicate_of_a_shared_one_stays(void)
{
	static const struct repair_finding found[] = {
		{PROBLEM_DUPLICATE_OLD, 8, 3, {9, 10}, true, false},
		{PROBLEM_DUPLICATE_NEW, 3, 0, {9, 2}, true, false},
	};
	struct repair_drops drops = choose(found, 2, true);

	CHECK(drops.count == 1 && drops.items[0].number == 3 && !drops.items[0].loses_view);
	free(drops.items);
}

/* What the table says is not dropped is no item, whatever its finding is at. */
static void what_no_repair_drops_stays(void)
{
	static const struct repair_finding found[] = {
		{PROBLEM_LEAKED_CHUNKS, 4, 0, {9, 7}, true, false},
		{PROBLEM_DIRTY_TAIL, 5, 0, {8, 6}, true, false},
	};
	struct repair_drops drops = choose(found, 2, true);

	CHECK(drops.count == 0 && drops.shared == 0);
	free(drops.items);
}

/* What is dropped is lost, or another one has its old or its new chunk. */
static void the_table_drops_what_is_lost_or_twice(void)
{
	for (int i = 0; i < PROBLEM_COUNT; i++) {
		enum problem problem = (enum problem)i;
		enum problem_data data = problem_info(problem)->data;
		bool twice = data == DATA_SHADOWED || data == DATA_SHARED;

		CHECK(problem_is_dropped(problem) == (problem_is_of_lost(problem) || twice));
		CHECK(data == DATA_UNTOUCHED || problem_info(problem)->severity == SEVERITY_ERROR);
	}
}

int main(void)
{
	unit_run("drops: without findings nothing goes", nothing_found);
	unit_run("drops: what is lost goes, once, and takes what it covers with it", the_lost_go);
	unit_run("drops: of several for a chunk the first stays", later_duplicates_go);
	unit_run("drops: the next one takes the place of a lost one",
		 the_next_one_takes_the_place_of_a_lost_one);
	unit_run("drops: a lost one after a lost one is marked", one_after_another_is_marked);
	unit_run("drops: of those with one data chunk none goes unless asked for",
		 shared_ones_go_only_when_asked_for);
	unit_run("drops: who shares a data chunk with one that goes stays",
		 who_shares_with_one_that_goes_stays);
	unit_run("drops: a later one stays where the first shares and goes",
		 a_later_duplicate_of_a_shared_one_stays);
	unit_run("drops: a finding that no repair drops makes no item", what_no_repair_drops_stays);
	unit_run("table: what is dropped is lost, or is there twice",
		 the_table_drops_what_is_lost_or_twice);
	return unit_end();
}
