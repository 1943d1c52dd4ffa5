// SPDX-License-Identifier: GPL-2.0-or-later
/* A store with defects, all from one seed, and what a repair must make of it. */
#include "tests/sim/broken.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

static uint64_t usual_chunk(const struct broken_store *broken, uint64_t index)
{
	return 2 + index + index / broken->per_area;
}

static uint64_t area_chunk(const struct broken_store *broken, uint64_t area)
{
	return 1 + area * (broken->per_area + 1);
}

static uint8_t *entry_of(const struct broken_store *broken, uint8_t *store, uint64_t index)
{
	return store + area_chunk(broken, index / broken->per_area) * broken->chunk_bytes +
	       index % broken->per_area * EXCEPTION_BYTES;
}

bool broken_is_metadata(const struct broken_store *broken, uint64_t chunk)
{
	return chunk == 0 || chunk % (broken->per_area + 1) == 1;
}

static void choose_sizes(struct broken_store *broken, struct random *random)
{
	static const uint32_t sizes[] = {1, 1, 1, 2, 2, 8};

	broken->chunk_sectors = sizes[random_below(random, 6)];
	broken->block_bytes = broken->chunk_sectors == 8 && random_once_in(random, 3) ? 4096 : 512;
	broken->chunk_bytes = broken->chunk_sectors * 512ull;
	broken->per_area = broken->chunk_bytes / EXCEPTION_BYTES;
	broken->exceptions =
		1 + (uint32_t)random_below(random, random_once_in(random, 2) ? 12 : 120);
	broken->area_missing = broken->chunk_sectors == 1 && random_once_in(random, 5);
	if (broken->area_missing)
		broken->exceptions = 32 * (1 + (uint32_t)random_below(random, 3));
	broken->chunks = usual_chunk(broken, broken->exceptions) + 2 + random_below(random, 6);
	if (broken->area_missing)
		broken->chunks = area_chunk(broken, broken->exceptions / broken->per_area);
	broken->origin_chunks = broken->exceptions + 5;
	broken->store_bytes = broken->chunks * broken->chunk_bytes;
	broken->origin_bytes = broken->origin_chunks * broken->chunk_bytes;
}

static void choose_list(struct broken_store *broken, struct random *random)
{
	uint32_t numbers[OLD_CHUNKS_MAX];

	for (uint32_t i = 0; i < broken->origin_chunks; i++)
		numbers[i] = i;
	for (uint32_t i = 0; i < broken->exceptions; i++) {
		uint64_t j = i + random_below(random, broken->origin_chunks - i);
		uint32_t number = numbers[j];

		numbers[j] = numbers[i];
		numbers[i] = number;
		broken->list[i] = (struct exception){number, usual_chunk(broken, i)};
	}
}

static void damage_one(struct broken_store *broken, struct random *random)
{
	struct exception *one = &broken->list[random_below(random, broken->exceptions)];
	const struct exception *other = &broken->list[random_below(random, broken->exceptions)];

	switch (random_below(random, 7)) {
	case 0:
		one->new_chunk = NEW_CHUNK_LIMIT + random_below(random, 9);
		break;
	case 1:
		one->new_chunk = area_chunk(broken, random_below(random, 2));
		break;
	case 2:
		one->new_chunk = broken->chunks + random_below(random, 3);
		break;
	case 3:
		one->old_chunk = broken->origin_chunks + random_below(random, 3);
		break;
	case 4:
		one->new_chunk = other->new_chunk;
		break;
	default:
		one->old_chunk = other->old_chunk;
		break;
	}
}

static bool is_lost(const struct broken_store *broken, const struct exception *exception)
{
	return broken_is_metadata(broken, exception->new_chunk) ||
	       exception->new_chunk >= broken->chunks ||
	       exception->old_chunk >= broken->origin_chunks;
}

/* The first one counts; those that are lost, or after one that counts, go. */
static void expect(struct broken_store *broken)
{
	bool stays[EXCEPTIONS_MAX], all_stay = true;

	for (uint32_t i = 0; i < broken->exceptions; i++) {
		const struct exception *one = &broken->list[i];

		stays[i] = !is_lost(broken, one);
		for (uint32_t j = 0; j < i; j++)
			if (stays[j] &&
			    (broken->list[j].old_chunk == one->old_chunk ||
			     (broken->drop_shared && broken->list[j].new_chunk == one->new_chunk)))
				stays[i] = false;
		all_stay &= stays[i];
	}
	if (all_stay && broken->area_missing)
		stays[broken->exceptions - 1] = false;
	for (uint32_t i = broken->exceptions; i-- > 0;) {
		broken->before[broken->list[i].old_chunk] = broken->list[i].new_chunk;
		if (stays[i] || broken->is_merging)
			broken->after[broken->list[i].old_chunk] = broken->list[i].new_chunk;
	}
}

static void fill(uint8_t *bytes, uint64_t count, struct random *random)
{
	for (uint64_t i = 0; i < count; i += 8)
		put_le64(bytes + i, random_next(random) | 1);
}

static void put_record(struct broken_store *broken, struct random *random)
{
	struct record record = {.role = RECORD_MERGING,
				.origin_bytes = broken->origin_bytes,
				.exceptions = broken->exceptions,
				.first = broken->list[0],
				.witness_chunk = RECORD_NO_WITNESS};
	uint8_t *place = broken->images[1] + RECORD_OFFSET;

	broken->is_merging = random_once_in(random, 8);
	if (broken->is_merging) {
		record_encode(&record, place);
	} else if (random_once_in(random, 4)) {
		record.exceptions--; /* stale */
		record_encode(&record, place);
		place[20] ^= (uint8_t)random_below(random, 2); /* or damaged */
	}
	memcpy(broken->record, place, RECORD_BYTES);
}

static void make_store(struct broken_store *broken, struct random *random)
{
	uint8_t *store = broken->images[1];
	struct header header = {HEADER_MAGIC, 1, HEADER_VERSION, broken->chunk_sectors};
	uint64_t tail_end = round_down(broken->exceptions, broken->per_area) + broken->per_area;

	fill(store, broken->store_bytes, random);
	memset(store, 0, broken->chunk_bytes);
	for (uint64_t chunk = 0; chunk < broken->chunks; chunk++)
		if (broken_is_metadata(broken, chunk))
			memset(store + chunk * broken->chunk_bytes, 0, broken->chunk_bytes);
	for (uint32_t i = 0; i < broken->exceptions; i++)
		exception_encode(&broken->list[i], entry_of(broken, store, i));
	put_record(broken, random);
	if (broken->dirty_tail)
		for (uint64_t i = broken->exceptions + 1; i < tail_end; i += 3)
			exception_encode(&(struct exception){i % 8, usual_chunk(broken, i)},
					 entry_of(broken, store, i));
	if (broken->dirty_slack)
		fill(store + HEADER_BYTES, 8 * (1 + random_below(random, 20)), random);
	header.valid = !broken->invalid;
	if (!broken->header_is_lost)
		header_encode(&header, store);
}

static void choose_fault(struct broken_store *broken, struct random *random)
{
	if (!random_once_in(random, 4))
		return;
	broken->fault.kind = (enum fault_kind)(1 + random_below(random, FAULT_SHORT));
	broken->fault.at = random_below(random, 40);
	broken->fault.forever = broken->fault.kind != FAULT_SHORT && random_once_in(random, 2);
}

struct broken_store *broken_store_make(uint64_t seed)
{
	struct broken_store *broken = calloc(1, sizeof(*broken));
	struct random random = {seed};

	broken->seed = seed;
	choose_sizes(broken, &random);
	choose_list(broken, &random);
	broken->drop_shared = random_once_in(&random, 2);
	for (uint64_t defects = random_below(&random, 8); defects > 0; defects--)
		damage_one(broken, &random);
	broken->dirty_tail = !broken->area_missing && random_once_in(&random, 3);
	broken->dirty_slack = random_once_in(&random, 3);
	broken->invalid = random_once_in(&random, 4);
	broken->header_is_lost = !broken->invalid && random_once_in(&random, 4);
	broken->images[0] = malloc(broken->origin_bytes);
	broken->images[1] = malloc(broken->store_bytes);
	fill(broken->images[0], broken->origin_bytes, &random);
	make_store(broken, &random);
	expect(broken);
	choose_fault(broken, &random);
	return broken;
}

void broken_store_free(struct broken_store *broken)
{
	free(broken->images[0]);
	free(broken->images[1]);
	free(broken);
}
