// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Scenarios of which something is lost: exceptions that point into metadata or beyond the device,
 * or that are for a chunk beyond the origin, and stores that are cut off. Which ones are lost is
 * noted as they are made, and never computed as cowtool does it. In others, blocks of the store
 * cannot be read.
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
	/* This many chunks have 2^64 bytes: such a number may pass for a smaller one. */
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
			divide_up(scenario->shown_bytes, chunk_bytes) + random_below(random, 3);
		break;
	case 5:
		one->old_chunk += wrap;
		break;
	case 6:
		/* For this chunk there is an earlier one, lost or not. */
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

static bool is_unreadable(const struct scenario *scenario, uint64_t chunk)
{
	uint64_t sectors = scenario->chunk_sectors;

	for (uint64_t i = 0; scenario->unreadable && i < sectors; i++)
		if (scenario->unreadable[chunk * sectors + i])
			return true;
	return false;
}

bool lost_in_part(const struct scenario *scenario, uint32_t number)
{
	return scenario->lost[number] || is_unreadable(scenario, scenario->list[number].new_chunk);
}

bool lost_is_left(const struct scenario *scenario, uint32_t live)
{
	for (uint32_t i = 0; i < live; i++)
		if (lost_in_part(scenario, i))
			return true;
	return scenario->area_missing && live == scenario->exceptions;
}

static void copy_readable(const struct scenario *scenario, uint8_t *to, const uint8_t *store,
			  uint64_t offset, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += SECTOR_BYTES)
		if (!scenario->unreadable || !scenario->unreadable[(offset + at) / SECTOR_BYTES])
			memcpy(to + at, store + offset + at, min_u64(SECTOR_BYTES, bytes - at));
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
			copy_readable(scenario, view + offset, store,
				      exception->new_chunk * chunk_bytes,
				      min_u64(chunk_bytes, scenario->shown_bytes - offset));
	}
}

/* ---- what cannot be read ---- */

/* Blocks as both devices have them: no smaller part is written. */
static uint64_t unreadable_block(const struct scenario *scenario)
{
	return max_u64(scenario->block_bytes[0], scenario->block_bytes[1]);
}

static void spoil(struct scenario *scenario, uint64_t offset, uint64_t bytes)
{
	uint64_t block = unreadable_block(scenario);

	offset = round_down(offset, block);
	for (uint64_t at = 0; at < round_up(bytes, block); at += SECTOR_BYTES)
		scenario->unreadable[(offset + at) / SECTOR_BYTES] = true;
}

/* A block of an area that has exceptions: those are lost. One in which the list ends, or which is
 * the last that has any, would leave open how many there were. */
static void spoil_area(struct scenario *scenario, struct random *random)
{
	uint64_t block = scenario->block_bytes[1], per_block = block / EXCEPTION_BYTES, first;

	if (scenario->exceptions <= per_block || !scenario->usual_order)
		return;
	first = round_down(random_below(random, scenario->exceptions - per_block), per_block);
	for (uint64_t at = 0; at < block; at += SECTOR_BYTES)
		scenario->unreadable[(scenario_entry_place(scenario, first) + at) / SECTOR_BYTES] =
			true;
	for (uint64_t i = first; i < first + per_block; i++)
		scenario->lost[i] = true;
}

static void spoil_data(struct scenario *scenario, struct random *random)
{
	uint64_t chunk_bytes = chunk_bytes_of(scenario);

	for (uint64_t count = 1 + random_below(random, 4); count > 0; count--) {
		const struct exception *one =
			&scenario->list[random_below(random, scenario->exceptions)];

		spoil(scenario, one->new_chunk * chunk_bytes + random_below(random, chunk_bytes),
		      1);
	}
}

static void find_left_out(struct scenario *scenario)
{
	uint64_t chunk_bytes = chunk_bytes_of(scenario);

	for (uint32_t i = 0; i < scenario->exceptions; i++)
		for (uint64_t at = 0; at < chunk_bytes && !scenario->lost[i]; at += SECTOR_BYTES) {
			uint64_t byte = scenario->list[i].old_chunk * chunk_bytes + at;

			if (byte < scenario->shown_bytes)
				scenario->left_out[byte / SECTOR_BYTES] =
					scenario->unreadable
						[(scenario->list[i].new_chunk * chunk_bytes + at) /
						 SECTOR_BYTES];
		}
}

void lost_make_unreadable(struct scenario *scenario, struct random *random)
{
	uint64_t how = random_below(random, 3);

	scenario->skip_lost = true;
	scenario->unreadable = calloc(scenario->store_bytes / SECTOR_BYTES + 1, sizeof(bool));
	scenario->left_out = calloc(scenario->origin_bytes / SECTOR_BYTES + 1, sizeof(bool));
	if (how != 0)
		spoil_data(scenario, random);
	if (how != 1)
		spoil_area(scenario, random);
	find_left_out(scenario);
}

bool lost_is_listed(const struct scenario *scenario, const struct left_out *left_out, bool resume)
{
	uint64_t sectors = scenario->origin_bytes / SECTOR_BYTES;
	bool *listed, good = true;

	if (!scenario->unreadable)
		return true;
	listed = calloc(sectors + 1, sizeof(bool));
	for (size_t i = 0; i < left_out->lost.count; i++)
		for (uint64_t at = 0; at < left_out->lost.ranges[i].bytes; at += SECTOR_BYTES)
			listed[(left_out->lost.ranges[i].offset + at) / SECTOR_BYTES] = true;
	for (uint64_t i = 0; i < sectors; i++)
		good &= listed[i] == scenario->left_out[i] || (resume && !listed[i]);
	free(listed);
	return good;
}

bool lost_list_is_unreadable(const struct scenario *scenario, uint32_t live)
{
	bool unreadable = scenario->unreadable != NULL;

	for (uint32_t i = 0; i < live && unreadable; i++)
		unreadable = scenario->unreadable[scenario_entry_place(scenario, i) / SECTOR_BYTES];
	return unreadable;
}

bool lost_end_is_unreadable(const struct scenario *scenario, uint32_t live)
{
	uint64_t per_area = chunk_bytes_of(scenario) / EXCEPTION_BYTES;

	return is_unreadable(scenario, area_chunk(scenario, live / per_area));
}
