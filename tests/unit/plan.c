// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "merge/plan.h"
#include "merge/window.h"
#include "store/base/bytes.h"

#define MOST 512
#define ORIGIN_CHUNKS 600

/* What the plan would do, done: the origin's chunk c gets the number of the exception that wins,
 * plus 1. */
static uint32_t won[ORIGIN_CHUNKS];
static struct plan plan;

static uint64_t whole(const struct geometry *geometry)
{
	return geometry->chunk_bytes;
}

/* Follows every transfer byte by byte: reads fill the buffer with each byte's place in the store,
 * writes must deliver, to the place in the origin, the byte that the winning exception names. */
static void follow(const struct geometry *geometry, uint64_t origin_bytes,
		   const struct exception *exceptions, size_t count)
{
	uint64_t bytes = plan_buffer_bytes(geometry, count, whole(geometry));
	uint64_t *from = calloc(bytes, sizeof(*from)), written = 0;
	uint8_t *base = malloc(bytes);
	struct plan_slice slice = {0, whole(geometry)};

	CHECK(plan_make(&plan, geometry, origin_bytes, exceptions, count, slice, base));
	CHECK(plan.data_bytes <= bytes);
	for (size_t i = 0; i < plan.read_count; i++)
		for (uint64_t k = 0; k < plan.reads[i].bytes; k++)
			from[plan.reads[i].position + k] = plan.reads[i].offset + k;
	memset(won, 0, sizeof(won));
	for (size_t i = count; i > 0; i--)
		won[exceptions[i - 1].old_chunk] = (uint32_t)i;
	for (size_t i = 0; i < plan.write_count; i++) {
		uint64_t to = plan.writes[i].offset;

		for (uint32_t b = 0; b < plan.writes[i].buffer_count; b++) {
			const struct iovec *iov = &plan.buffers[plan.writes[i].first_buffer + b];
			uint64_t position = (uint64_t)((uint8_t *)iov->iov_base - base);

			for (size_t k = 0; k < iov->iov_len; k++, to++, written++) {
				uint32_t winner = won[to / whole(geometry)];

				CHECK(winner > 0 && to < origin_bytes);
				CHECK(from[position + k] ==
				      exceptions[winner - 1].new_chunk * whole(geometry) +
					      to % whole(geometry));
			}
		}
	}
	CHECK(written == plan.merged_bytes);
	free(from);
	free(base);
}

static void random_windows(void)
{
	struct geometry geometry = geometry_make(1, 1 << 20);
	struct exception exceptions[MOST];

	for (unsigned int round = 0; round < 200; round++) {
		size_t count = 1 + (size_t)rand() % 200;

		for (size_t i = 0; i < count; i++)
			exceptions[i] = (struct exception){
				.old_chunk = (uint64_t)rand() % ORIGIN_CHUNKS,
				.new_chunk = geometry_usual_chunk(&geometry, i + round),
			};
		follow(&geometry, ORIGIN_CHUNKS * 512, exceptions, count);
	}
}

static void neighbours_are_joined(void)
{
	struct geometry geometry = geometry_make(1, 1 << 20);
	struct exception exceptions[64];

	for (size_t i = 0; i < 64; i++)
		exceptions[i] = (struct exception){100 + i, geometry_usual_chunk(&geometry, i)};
	follow(&geometry, ORIGIN_CHUNKS * 512, exceptions, 64);
	CHECK(plan.read_count == 1 && plan.write_count == 1);
	CHECK(plan.merged_bytes == 64 * 512);
}

static void last_chunk_is_clipped(void)
{
	struct geometry geometry = geometry_make(8, 1 << 20);
	struct exception exception = {3, 2};

	follow(&geometry, 3 * 4096 + 512, &exception, 1);
	CHECK(plan.merged_bytes == 512);
}

static void outside_is_refused(void)
{
	struct geometry geometry = geometry_make(8, 10 * 4096);
	struct plan_slice slice = {0, 4096};
	static const struct exception bad[] = {{4, 2},	{UINT64_MAX, 2}, {0, 0},	 {0, 1},
					       {0, 10}, {0, UINT64_MAX}, {1ull << 52, 2}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!plan_make(&plan, &geometry, 4 * 4096, &bad[i], 1, slice, NULL));
	CHECK(plan_make(&plan, &geometry, 4 * 4096, &(struct exception){3, 9}, 1, slice, NULL));
}

/* Every window of every size: it makes progress, holds no more than it may, and cuts where it
 * should. */
static void windows_cover_the_store(void)
{
	struct device device = {.bytes = 1 << 24, .block_bytes = 512};
	struct store store = {.device = &device, .geometry = geometry_make(1, 1 << 24)};

	for (uint64_t capacity = 1; capacity < 200; capacity++)
		for (uint64_t end = 1; end < 300; end++) {
			uint64_t first = window_first(&store, capacity, end);

			CHECK(first < end && end - first <= capacity);
			if (capacity >= 32 && first > 0)
				CHECK(first % 32 == 0);
		}
	device.direct = true;
	device.block_bytes = 4096;
	store.geometry = geometry_make(8, 1 << 24);
	/* one block holds a whole area of 256 */
	CHECK(window_first(&store, 4096, 10000) % 256 == 0);
	store.geometry = geometry_make(32, 1 << 24);
	/* four blocks an area: the last one's start */
	CHECK(window_first(&store, 4096, 10000) % 1024 == 768);
}

int main(void)
{
	if (!plan_allocate(&plan, MOST))
		return 1;
	unit_run("plan: random windows deliver every byte of the lowest exception", random_windows);
	unit_run("plan: neighbours are joined, across a metadata area too", neighbours_are_joined);
	unit_run("plan: the last chunk is clipped at the origin's end", last_chunk_is_clipped);
	unit_run("plan: what lies outside store or origin is refused", outside_is_refused);
	unit_run("window: windows cover the store and end at blocks", windows_cover_the_store);
	plan_free(&plan);
	return unit_end();
}
