// SPDX-License-Identifier: GPL-2.0-or-later
/* What is read twice may be something else the second time: another program writes to the store
 * between two passes. */
#include "tests/unit/unit.h"

#include "merge/kept.h"
#include "tests/unit/memory.h"
#include "verify/check/check.h"
#include "verify/check/data.h"

#define AREA_OFFSET 4096
#define EXCEPTIONS 200u

/* Before this read of area 0 (the first is 1; 0: never), exception number `place` becomes
 * `change`. */
static unsigned int change_before, area_reads;
static uint64_t place;
static struct exception change;

static void changing_reap(struct io *queue_of)
{
	if (queue->device == &store_device && queue->offset == AREA_OFFSET &&
	    ++area_reads == change_before)
		put_exception(place, change.old_chunk, change.new_chunk);
	memory_reap(queue_of);
}

static const struct io_engine changing_engine = {"changing", memory_submit, changing_reap,
						 memory_close};

/* Two exceptions change places, so that all numbers are looked at for duplicates, and the last ones
 * repeat an old chunk, and the last of all a new one. One old chunk is far from the others. */
static void make_store(void)
{
	make_pair(8, 2 * EXCEPTIONS, 4096 * EXCEPTIONS);
	io.engine = &changing_engine;
	for (uint64_t i = 0; i < EXCEPTIONS; i++)
		put_exception(i, i, 2 + (i < 2 ? 1 - i : i));
	put_exception(20, 10000, 22);
	for (uint64_t i = EXCEPTIONS - 10; i < EXCEPTIONS - 1; i++)
		put_exception(i, i - 100, 2 + i);
	put_exception(EXCEPTIONS - 1, 7, 9);
	area_reads = 0;
	CHECK(store_open(&store, &store_device, &io, &why) == RESULT_OK);
}

static const struct {
	uint64_t place;
	struct exception change;
} changes[] = {
	{100, {100, (uint64_t)1 << 44}}, /* outside the device, and outside the bitmap */
	{100, {100, UINT64_MAX}},
	{100, {(uint64_t)1 << 44, 102}},
	{100, {UINT64_MAX, 102}},
	{100, {101, 102}},		     /* as good as any other */
	{100, {100, 0}},		     /* the list ends earlier */
	{EXCEPTIONS, {EXCEPTIONS - 2, 202}}, /* and later */
};

#define CHANGES (sizeof(changes) / sizeof(changes[0]))

static void prepare(size_t i, unsigned int before)
{
	make_store();
	place = changes[i].place;
	change = changes[i].change;
	change_before = before;
}

static enum result look(uint64_t share_bytes, enum verdict *verdict)
{
	struct check check = {.store = &store, .options.share_bytes = share_bytes};
	enum result result = check_run(&check, &why);

	*verdict = check_verdict(&check);
	return result;
}

/* How often the list is read depends on what the bitmap holds: with the smallest one for each of three
 * shares, and more than once. */
static void a_check_says_that_it_changes(void)
{
	static const struct {
		uint64_t share_bytes;
		unsigned int passes;
	} looks[] = {{0, 3}, {512, 10}};
	enum verdict verdict;

	for (size_t k = 0; k < sizeof(looks) / sizeof(looks[0]); k++) {
		unsigned int passes;

		prepare(0, 0);
		CHECK(look(looks[k].share_bytes, &verdict) == RESULT_OK &&
		      verdict == VERDICT_DAMAGED);
		passes = area_reads;
		CHECK(passes >= looks[k].passes);
		for (size_t i = 0; i < CHANGES; i++)
			for (unsigned int before = 2; before <= passes; before++) {
				prepare(i, before);
				CHECK(look(looks[k].share_bytes, &verdict) == RESULT_REFUSED);
				CHECK(strstr(why.text, "store: it changes while it is read") !=
				      NULL);
			}
	}
}

static void report_place(void *context, const struct data_place *found)
{
	(void)context;
	(void)found;
}

static void so_does_a_look_at_the_data(void)
{
	for (size_t i = 0; i < CHANGES; i++) {
		struct summary summary;
		const struct data_options options = {.store = &store,
						     .origin = &origin_device,
						     .before = &summary,
						     .report = report_place};
		struct data_results results;
		bool area_missing;

		prepare(i, 2);
		CHECK(store_summarize(&store, &summary, &area_missing, &why) == RESULT_OK);
		CHECK(data_check(&options, &results, &why) == RESULT_REFUSED);
		CHECK(strstr(why.text, "store: it changes while it is read") != NULL);
	}
}

/* The merging store, and, in its own place, a kept one. */
static void so_does_the_counting_of_what_is_kept(void)
{
	for (size_t i = 0; i < CHANGES; i++)
		for (unsigned int before = 2; before <= 3; before++) {
			struct kept kept = {.store = &store, .role = RECORD_KEPT};
			struct summary summary;
			bool area_missing;

			prepare(i, before);
			CHECK(store_summarize(&store, &summary, &area_missing, &why) == RESULT_OK);
			kept.check.summary = summary;
			CHECK(kept_count(&kept, 1, &store, &summary, &origin_device, &why) ==
			      RESULT_REFUSED);
			CHECK(strstr(why.text, "store: it changes while it is read") != NULL);
			kept_free(&kept);
		}
}

static void what_does_not_change_is_looked_at_as_often_as_wanted(void)
{
	struct kept kept = {.store = &store, .role = RECORD_KEPT};
	struct summary summary;
	bool area_missing;

	prepare(0, 0);
	CHECK(store_summarize(&store, &summary, &area_missing, &why) == RESULT_OK);
	kept.check.summary = summary;
	CHECK(kept_count(&kept, 1, &store, &summary, &origin_device, &why) == RESULT_OK);
	CHECK(kept.needed == 0);
	kept_free(&kept);
}

int main(void)
{
	unit_run("second look: a check says that the store changes while it is read",
		 a_check_says_that_it_changes);
	unit_run("second look: so does a look at the data", so_does_a_look_at_the_data);
	unit_run("second look: so does the counting of what kept stores lack",
		 so_does_the_counting_of_what_is_kept);
	unit_run("second look: a store that does not change is fine",
		 what_does_not_change_is_looked_at_as_often_as_wanted);
	free_pair();
	return unit_end();
}
