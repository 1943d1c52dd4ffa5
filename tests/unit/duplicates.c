// SPDX-License-Identifier: GPL-2.0-or-later
/* Which exceptions repeat a chunk: the same ones, whatever memory there is for the search. */
#include "tests/unit/memory.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "verify/check/check.h"

#define EXCEPTIONS 3000u

static struct exception exceptions[EXCEPTIONS];
static uint8_t reported[EXCEPTIONS];

static void take_finding(void *context, const struct finding *finding)
{
	uint64_t number = finding->area * store.geometry.exceptions_per_area + finding->index;

	(void)context;
	if (finding->problem == PROBLEM_DUPLICATE_OLD)
		reported[number] +=
			exceptions[finding->first].old_chunk == exceptions[number].old_chunk;
}

/* Chunks far apart, `repeated` of which have an earlier one's number: of them `alike` one and the
 * same. */
static void make_store(unsigned int repeated, unsigned int alike)
{
	make_pair(8, 2 * EXCEPTIONS, 1 << 20);
	for (uint64_t i = 0; i < EXCEPTIONS; i++) {
		uint64_t old_chunk = (i * 0x9e3779b97f4a7c15u) >> 16;

		if (i >= EXCEPTIONS - repeated)
			old_chunk = exceptions[i < EXCEPTIONS - alike ? i / 200 : 5].old_chunk;
		exceptions[i] = (struct exception){old_chunk, 2 + i + i / 256};
		put_exception(i, exceptions[i].old_chunk, exceptions[i].new_chunk);
	}
	CHECK(store_open(&store, &store_device, &io, &why) == RESULT_OK);
}

static void check_with(uint64_t memory_bytes, unsigned int repeated)
{
	struct check check = {
		.store = &store,
		.options = {.memory_bytes = memory_bytes, .report = take_finding},
	};
	bool right = true;

	memset(reported, 0, sizeof(reported));
	CHECK(check_run(&check, &why) == RESULT_OK);
	CHECK(check.found[PROBLEM_DUPLICATE_OLD] == repeated);
	for (unsigned int i = 0; i < EXCEPTIONS; i++)
		right &= reported[i] == (i >= EXCEPTIONS - repeated);
	CHECK(right);
}

static void the_same_with_any_memory(void)
{
	static const uint64_t memories[] = {CHECK_MEMORY_UNLIMITED, 64u << 10, 8u << 10, 2u << 10};
	static const unsigned int repeated[] = {0, 1, 25, 1500}, alike[] = {0, 1, 5, 1490};

	for (size_t i = 0; i < sizeof(repeated) / sizeof(repeated[0]); i++) {
		make_store(repeated[i], alike[i]);
		for (size_t m = 0; m < sizeof(memories) / sizeof(memories[0]); m++)
			check_with(memories[m], repeated[i]);
	}
}

int main(void)
{
	unit_run("duplicates: the same exceptions are told with any memory",
		 the_same_with_any_memory);
	free_pair();
	return unit_end();
}
