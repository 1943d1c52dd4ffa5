// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Scenarios of which something is lost: exceptions that point into metadata or beyond the device, or
 * that stand for a chunk beyond the origin, and stores that are cut off. Which ones are lost is noted
 * as they are made, and never computed as cowtool does it.
 */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

static uint64_t chunk_bytes_of(const struct scenario *scenario)
{
	return scenario->chunk_sectors * 512ull;
}

static uint64_t area_chunk(const struct scenario *scenario, uint64_t area)
{
	return 1 + area * (scenario->chunk_sectors * 32ull + 1);
}

static void lose_one(struct scenario *scenario, uint32_t number, struct random *random)
{
	uint64_t chunk_bytes = chunk_bytes_of(scenario);
	uint64_t chunks = scenario->store_bytes / chunk_bytes;
	uint64_t areas = 2 + scenario->exceptions / (scenario->chunk_sectors * 32);
	/* So many chunks have 2^64 bytes: such a number may pass for a smaller one. */
	uint64_t wrap = UINT64_MAX / chunk_bytes + 1;
	struct exception *one = &scenario->list[number];

	switch (random_below(random, 8)) {
	case 0:
		one->new_chunk = NEW_CHUNK_LIMIT + random_below(random, 9);
		break;
	case 1:
		one->new_chunk += NEW_CHUNK_LIMIT;
		break;
	case 2:
		one->new_chunk = chunks + random_below(random, 3);
		break;
	case 3:
		one->new_chunk += wrap;
		break;
	case 4:
		one->old_chunk =
			divide_up(scenario->origin_bytes, chunk_bytes) + random_below(random, 3);
		break;
	case 5:
		one->old_chunk += wrap;
		break;
	case 6:
		/* For this chunk an earlier one stands, lost or not. */
		one->old_chunk = scenario->list[random_below(random, number + 1)].old_chunk;
		one->new_chunk = area_chunk(scenario, 0);
		break;
	default:
		one->new_chunk = area_chunk(scenario, random_below(random, areas));
		break;
	}
	scenario->lost[number] = true;
}

/* Here and there, or a piece of the list, perhaps all of it. */
static void lose_some(struct scenario *scenario, struct random *random)
{
	uint32_t first = 0, end = scenario->exceptions;
	uint64_t once_in = 1 + random_below(random, 12);

	if (random_once_in(random, 3)) {
		first = (uint32_t)random_below(random, end);
		end = first + 1 + (uint32_t)random_below(random, end - first);
		once_in = 1;
	}
	for (uint32_t i = first; i < end; i++)
		if (random_once_in(random, once_in))
			lose_one(scenario, i, random);
}

/* The areas that hold exceptions stay, but for the one in which a list of full areas ends. */
static void cut_off(struct scenario *scenario, struct random *random)
{
	uint64_t chunk_bytes = chunk_bytes_of(scenario);
	uint64_t per_area = scenario->chunk_sectors * 32ull;
	uint64_t lowest = area_chunk(scenario, (scenario->exceptions - 1) / per_area) + 1;
	uint64_t end_area = area_chunk(scenario, scenario->exceptions / per_area);
	uint64_t in_last = (scenario->exceptions - 1) % per_area + 1, chunks;

	chunks = lowest + random_below(random, in_last + 1);
	if (end_area >= lowest && random_once_in(random, 2))
		chunks = end_area;
	scenario->store_bytes = chunks * chunk_bytes;
	/* A part of a chunk is none. */
	scenario->store_bytes += random_below(random, chunk_bytes / scenario->block_bytes[1]) *
				 scenario->block_bytes[1];
	scenario->area_missing = end_area >= chunks;
	scenario->dirty_tail &= !scenario->area_missing;
	for (uint32_t i = 0; i < scenario->exceptions; i++)
		scenario->lost[i] |= scenario->list[i].new_chunk >= chunks;
}

void lost_make(struct scenario *scenario, struct random *random)
{
	uint64_t how = random_below(random, 4);

	scenario->skip_lost = true;
	if (how == 0)
		cut_off(scenario, random);
	if (how > 0 || random_once_in(random, 4))
		lose_some(scenario, random);
}

bool lost_is_left(const struct scenario *scenario, uint32_t live)
{
	for (uint32_t i = 0; i < live; i++)
		if (scenario->lost[i])
			return true;
	return scenario->area_missing && live == scenario->exceptions;
}

void lost_view(const struct scenario *scenario, const uint8_t *origin, const uint8_t *store,
	       uint32_t live, uint8_t *view)
{
	uint64_t chunk_bytes = chunk_bytes_of(scenario);

	memcpy(view, origin, scenario->origin_bytes);
	/* The first one for a chunk wins. */
	for (uint32_t i = live; i > 0; i--) {
		const struct exception *exception = &scenario->list[i - 1];
		uint64_t offset = exception->old_chunk * chunk_bytes;

		if (!scenario->lost[i - 1])
			memcpy(view + offset, store + exception->new_chunk * chunk_bytes,
			       min_u64(chunk_bytes, scenario->origin_bytes - offset));
	}
}
