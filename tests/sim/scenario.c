// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

/* Numbers of their own: what is lost changes nothing else of a scenario. */
#define LOST_SEED 0x6c6f7374u
#define LOST_ONCE_IN 6
#define LAYOUT_SEED 0x766f6c75u
#define VOLUMES_ONCE_IN 3
#define UNREADABLE_ONCE_IN 8
#define LENGTHS_SEED 0x6c656e67u
#define LENGTHS_ONCE_IN 3
#define WIDTH_SEED 0x77696474u
/* An origin is extended by up to three of the largest chunks. */
#define EXTENDED_BYTES_MAX (3u * 16 * SECTOR_BYTES)

static void fill(uint8_t *bytes, uint64_t count, struct random *random)
{
	for (uint64_t i = 0; i + 8 <= count; i += 8)
		put_le64(bytes + i, random_next(random) | 1);
}

static uint32_t choose_chunk_sectors(struct random *random)
{
	/* An area of one-sector chunks is one block, of two-sector chunks two: these matter most.
	 */
	static const uint32_t sizes[] = {1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 4, 8, 16};

	return sizes[random_below(random, sizeof(sizes) / sizeof(sizes[0]))];
}

static uint32_t choose_exceptions(const struct scenario *scenario, struct random *random)
{
	uint32_t per_area = scenario->chunk_sectors * 32;

	if (scenario->exhaustive)
		return 1 + (uint32_t)random_below(random, 6);
	/* Areas that are exactly full; else fewer exceptions the larger the chunks. */
	if (random_once_in(random, 5) && scenario->chunk_sectors <= 4)
		return per_area *
		       (1 + (uint32_t)random_below(random, 1 + 2 / scenario->chunk_sectors));
	if (scenario->chunk_sectors > 4)
		return 1 + (uint32_t)random_below(random, 12);
	/* Up to three areas. */
	return 1 + (uint32_t)random_below(random,
					  scenario->chunk_sectors == 4 ? 40 : 3 * per_area - 20);
}

/* Distinct old chunks in random order, now and then with neighbours; some twice where that is asked
 * for. */
static void choose_old_chunks(struct scenario *scenario, uint64_t origin_chunks,
			      struct random *random)
{
	uint32_t *numbers = malloc(origin_chunks * sizeof(*numbers));
	bool sequential = random_once_in(random, 4);

	for (uint32_t i = 0; i < origin_chunks; i++)
		numbers[i] = i;
	for (uint32_t i = 0; i < scenario->exceptions; i++) {
		uint64_t j = sequential ? i : i + random_below(random, origin_chunks - i);
		uint32_t number = numbers[j];

		numbers[j] = numbers[i];
		numbers[i] = number;
		scenario->list[i].old_chunk = number;
		if (scenario->duplicates && i > 0 && random_once_in(random, 3))
			scenario->list[i].old_chunk =
				scenario->list[random_below(random, i)].old_chunk;
	}
	free(numbers);
}

static uint64_t usual_chunk(const struct scenario *scenario, uint64_t index)
{
	return 2 + index + index / (scenario->chunk_sectors * 32);
}

static void choose_new_chunks(struct scenario *scenario, struct random *random)
{
	for (uint32_t i = 0; i < scenario->exceptions; i++)
		scenario->list[i].new_chunk = usual_chunk(scenario, i);
	for (uint32_t i = scenario->exceptions; !scenario->usual_order && i > 1; i--) {
		uint64_t j = random_below(random, i);
		uint64_t chunk = scenario->list[i - 1].new_chunk;

		scenario->list[i - 1].new_chunk = scenario->list[j].new_chunk;
		scenario->list[j].new_chunk = chunk;
	}
}

uint64_t scenario_entry_place(const struct scenario *scenario, uint64_t index)
{
	uint64_t chunk_bytes = scenario->chunk_sectors * 512ull, per_area = chunk_bytes / 16;

	return (1 + index / per_area * (per_area + 1)) * chunk_bytes + index % per_area * 16;
}

static void put_entry(const struct scenario *scenario, uint64_t index, uint64_t old_chunk,
		      uint64_t new_chunk)
{
	uint8_t *entry = scenario->images[1] + scenario_entry_place(scenario, index);

	put_le64(entry, old_chunk);
	put_le64(entry + 8, new_chunk);
}

static void make_store(struct scenario *scenario, struct random *random)
{
	uint64_t chunk_bytes = scenario->chunk_sectors * 512ull, per_area = chunk_bytes / 16;
	uint64_t last_area = scenario->exceptions / per_area;
	const struct header header = {HEADER_MAGIC, 1, HEADER_VERSION, scenario->chunk_sectors};

	fill(scenario->images[1], scenario->store_bytes, random);
	memset(scenario->images[1], 0, chunk_bytes);
	header_encode(&header, scenario->images[1]);
	for (uint64_t area = 0; area + scenario->area_missing <= last_area; area++)
		memset(scenario->images[1] + scenario_entry_place(scenario, area * per_area), 0,
		       chunk_bytes);
	memcpy(scenario->finished, scenario->images[1], scenario->store_bytes);
	for (uint32_t i = 0; i < scenario->exceptions; i++)
		put_entry(scenario, i, scenario->list[i].old_chunk, scenario->list[i].new_chunk);
	if (scenario->dirty_tail)
		for (uint64_t i = scenario->exceptions + 1; i < (last_area + 1) * per_area; i += 3)
			put_entry(scenario, i, random_below(random, 16), usual_chunk(scenario, i));
}

/* ---- kept stores ---- */

static uint64_t kept_place(const struct scenario_kept *kept, uint64_t index)
{
	uint64_t chunk_bytes = kept->chunk_sectors * 512ull, per_area = chunk_bytes / 16;

	return (1 + index / per_area * (per_area + 1)) * chunk_bytes + index % per_area * 16;
}

/* The chunks that the merge touches and that have no exception, found in the plainest way. One of
 * which the merging snapshot shows a part counts whole: so the kernel merges it. */
static void find_lacking(const struct scenario *scenario, struct scenario_kept *kept)
{
	uint64_t chunk_bytes = kept->chunk_sectors * 512ull;
	uint64_t merging_bytes = scenario->chunk_sectors * 512ull;
	uint64_t chunks =
		divide_up(kept->undo ? scenario->shown_bytes : kept->shown_bytes, chunk_bytes);

	kept->lacking = calloc(divide_up(scenario->origin_bytes, chunk_bytes), sizeof(bool));
	for (uint32_t i = 0; i < scenario->exceptions; i++)
		for (uint64_t at = 0; at < merging_bytes && !scenario->lost[i];
		     at += SECTOR_BYTES) {
			uint64_t byte = scenario->list[i].old_chunk * merging_bytes + at;

			if (byte / chunk_bytes < chunks)
				kept->lacking[byte / chunk_bytes] = true;
		}
	for (uint32_t i = 0; i < kept->exceptions; i++)
		kept->lacking[kept->list[i].old_chunk] = false;
	for (uint64_t i = 0; i < divide_up(scenario->origin_bytes, chunk_bytes); i++)
		kept->needed += kept->lacking[i];
}

/* Distinct old chunks; new chunks upwards, now and then with a hole, sometimes in another order. */
static void choose_kept_list(struct scenario_kept *kept, struct random *random)
{
	uint64_t chunks = divide_up(kept->shown_bytes, kept->chunk_sectors * 512ull);
	uint64_t per_area = kept->chunk_sectors * 32ull, next = 2;
	bool holes = random_once_in(random, 3), *taken = calloc(chunks, sizeof(bool));
	uint64_t wanted = random_below(random, 1 + min_u64(chunks, 2 * per_area));

	if (random_once_in(random, 3))
		wanted = min_u64(chunks, per_area - 1);
	if (random_once_in(random, 4))
		wanted = 0;
	for (uint64_t i = 0; i < min_u64(wanted, SCENARIO_EXCEPTIONS_MAX); i++) {
		uint64_t chunk = random_below(random, chunks);

		if (taken[chunk])
			continue;
		taken[chunk] = true;
		next += holes && random_once_in(random, 5);
		next += next % (per_area + 1) == 1;
		kept->list[kept->exceptions++] = (struct exception){chunk, next++};
		next += next % (per_area + 1) == 1;
	}
	for (uint32_t i = 1; holes && i < kept->exceptions; i++) {
		uint64_t j = random_below(random, i), chunk = kept->list[i].new_chunk;

		kept->list[i].new_chunk = kept->list[j].new_chunk;
		kept->list[j].new_chunk = chunk;
	}
	free(taken);
}

/* The chunks that a store needs at least, by allocating one after the other. */
static uint64_t smallest_kept(const struct scenario_kept *kept)
{
	uint64_t per_area = kept->chunk_sectors * 32ull, next = 2, end, areas;

	for (uint32_t i = 0; i < kept->exceptions; i++)
		next = max_u64(next, kept->list[i].new_chunk + 1);
	end = next;
	for (uint64_t i = 0; i < kept->needed; i++) {
		next += next % (per_area + 1) == 1;
		end = ++next;
	}
	/* The area in which the list ends must be there, also where it is a new one. */
	areas = (kept->exceptions + kept->needed) / per_area + 1;
	return max_u64(end, 2 + (areas - 1) * (per_area + 1));
}

static void make_kept_image(const struct scenario_kept *kept, uint8_t *image, struct random *random)
{
	uint64_t chunk_bytes = kept->chunk_sectors * 512ull, per_area = chunk_bytes / 16;
	const struct header header = {HEADER_MAGIC, 1, HEADER_VERSION, kept->chunk_sectors};
	uint64_t live = kept->exceptions;

	if (kept->undo) {
		memset(image, 0, kept->bytes);
		return;
	}
	fill(image, kept->bytes, random);
	memset(image, 0, chunk_bytes);
	header_encode(&header, image);
	for (uint64_t area = 0; area <= live / per_area; area++)
		memset(image + kept_place(kept, area * per_area), 0, chunk_bytes);
	for (uint32_t i = 0; i < live; i++) {
		put_le64(image + kept_place(kept, i), kept->list[i].old_chunk);
		put_le64(image + kept_place(kept, i) + 8, kept->list[i].new_chunk);
	}
	for (uint64_t i = live + 1; kept->dirty_tail && i < (live / per_area + 1) * per_area;
	     i += 2)
		put_le64(image + kept_place(kept, i) + 8, 2 + random_below(random, 8));
}

/* As long as the merging snapshot, or shorter, or as long as the origin, or anything. */
static void choose_kept_length(const struct scenario *scenario, struct scenario_kept *kept,
			       struct random *random)
{
	uint64_t block = scenario->block_bytes[0], blocks = scenario->origin_bytes / block;

	kept->shown_bytes = kept->undo ? scenario->origin_bytes : scenario->shown_bytes;
	if (!scenario->lengths || kept->undo)
		return;
	kept->told = !random_once_in(random, 4);
	if (!kept->told || random_once_in(random, 4))
		return;
	kept->shown_bytes = (1 + random_below(random, blocks)) * block;
	if (random_once_in(random, 4))
		kept->shown_bytes = scenario->origin_bytes;
	else if (random_once_in(random, 3))
		kept->shown_bytes = min_u64(kept->shown_bytes, scenario->shown_bytes);
}

static void make_kept(struct scenario *scenario, unsigned int number, bool undo,
		      struct random *random, struct random *length_random)
{
	static const uint32_t sizes[] = {1, 1, 1, 1, 2, 2, 4, 8, 16};
	struct scenario_kept *kept = &scenario->kept[number];
	uint64_t chunks, slack;

	kept->chunk_sectors = sizes[random_below(random, sizeof(sizes) / sizeof(sizes[0]))];
	/* The kernel wants whole blocks of both devices. */
	kept->chunk_sectors =
		(uint32_t)max_u64(kept->chunk_sectors, scenario->block_bytes[0] / SECTOR_BYTES);
	kept->undo = undo;
	if (undo)
		kept->chunk_sectors = scenario->chunk_sectors;
	choose_kept_length(scenario, kept, length_random);
	scenario->block_bytes[2 + number] =
		kept->chunk_sectors >= 8 && random_once_in(random, 2) ? 4096 : 512;
	if (!undo)
		choose_kept_list(kept, random);
	kept->dirty_tail = !undo && random_once_in(random, 6);
	find_lacking(scenario, kept);
	chunks = smallest_kept(kept);
	slack = random_once_in(random, 2) ? 0 : random_below(random, 30);
	if (!undo && kept->needed > 0 && random_once_in(random, 20)) {
		chunks--;
		kept->too_small = scenario->too_small = true;
	} else if (!undo) {
		chunks += slack;
	}
	kept->bytes = chunks * kept->chunk_sectors * 512;
	scenario->images[2 + number] = malloc(kept->bytes);
	make_kept_image(kept, scenario->images[2 + number], random);
	kept->view = malloc(kept->shown_bytes);
	kernel_view(scenario->images[0], kept->shown_bytes, scenario->images[2 + number],
		    kept->bytes, kept->chunk_sectors, kept->view);
}

static void make_all_kept(struct scenario *scenario, const struct limits *limits,
			  struct random *random, struct random *length_random)
{
	bool some = random_once_in(random, 2), undo = random_once_in(random, 3);
	uint64_t count = 1 + random_below(random, scenario->exhaustive ? 1 : SIM_KEPT_MAX);

	if (limits->kept >= 0)
		count = (uint64_t)limits->kept;
	else if (!some)
		count = 0;
	for (unsigned int i = 0; i < count; i++) {
		make_kept(scenario, i, undo && i == count - 1, random, length_random);
		scenario->kept_count++;
	}
	scenario->invalidate_full = scenario->too_small && !random_once_in(random, 4);
}

unsigned int scenario_disks(const struct scenario *scenario)
{
	return 2 + scenario->kept_count;
}

uint64_t scenario_bytes(const struct scenario *scenario, unsigned int disk)
{
	if (disk >= 2)
		return scenario->kept[disk - 2].bytes;
	return disk == 0 ? scenario->origin_bytes : scenario->store_bytes;
}

/* Two sizes of a snapshot's end: whole chunks, or a part of the last one. */
static uint64_t choose_shown_bytes(const struct scenario *scenario, uint64_t chunks,
				   struct random *random)
{
	uint64_t chunk_bytes = scenario->chunk_sectors * 512ull;
	uint64_t blocks = chunk_bytes / scenario->block_bytes[0];

	return chunks * chunk_bytes - random_below(random, blocks) * scenario->block_bytes[0];
}

/* The origin was extended since the snapshot was made, by less than one of its chunks or by more;
 * now and then it was not, and the lengths are told all the same. */
static uint64_t choose_origin_bytes(const struct scenario *scenario, struct random *random)
{
	uint64_t block = scenario->block_bytes[0], chunk_bytes = scenario->chunk_sectors * 512ull;
	uint64_t most = random_once_in(random, 2) ? chunk_bytes : EXTENDED_BYTES_MAX;

	if (!scenario->lengths || random_once_in(random, 5))
		return scenario->shown_bytes;
	return scenario->shown_bytes + (1 + random_below(random, divide_up(most, block))) * block;
}

static void choose_fault(struct scenario *scenario, const struct limits *limits,
			 struct random *random)
{
	uint64_t requests = 20 + 3ull * scenario->exceptions;

	scenario->fault.kind = (enum fault_kind)(1 + random_below(random, FAULT_SHORT));
	scenario->fault.at = random_below(random, requests);
	scenario->fault.forever = random_once_in(random, 2);
	if (scenario->fault.kind == FAULT_SHORT)
		scenario->fault.forever = false;
	if (limits->faults == 0 || (limits->faults < 0 && !random_once_in(random, 4)))
		scenario->fault.kind = FAULT_NONE;
}

static bool choose(int fixed, struct random *random, uint64_t once_in)
{
	bool drawn = random_once_in(random, once_in);

	return fixed < 0 ? drawn : fixed;
}

static void choose_sizes(struct scenario *scenario, const struct limits *limits,
			 struct random *random)
{
	scenario->exhaustive = random_once_in(random, 4);
	scenario->chunk_sectors = scenario->exhaustive ? 1 : choose_chunk_sectors(random);
	if (limits->chunk_sectors)
		scenario->chunk_sectors = (uint32_t)limits->chunk_sectors;
	for (int i = 0; i < 2; i++)
		scenario->block_bytes[i] =
			scenario->chunk_sectors >= 8 && random_once_in(random, 2) ? 4096 : 512;
	scenario->exceptions = choose_exceptions(scenario, random);
	if (limits->exceptions)
		scenario->exceptions = (uint32_t)limits->exceptions;
}

/* Disks that several devices share have one. */
static void choose_one_block_size(struct scenario *scenario)
{
	uint32_t smallest = scenario->block_bytes[0];

	for (unsigned int i = 1; i < scenario_disks(scenario); i++)
		smallest = (uint32_t)min_u64(smallest, scenario->block_bytes[i]);
	for (unsigned int i = 0; i < scenario_disks(scenario); i++)
		scenario->block_bytes[i] = smallest;
}

/* With few requests in flight, a window waits for its data while what an older one overwrites is
 * still being copied: such reads fail, too. */
static void choose_width(struct scenario *scenario, const struct limits *limits,
			 struct random *random)
{
	bool narrow = random_once_in(random, 2), ahead = random_once_in(random, 4);

	scenario->batch_width = narrow ? 1 + (unsigned int)random_below(random, 3) : SIM_REQUESTS;
	if (!narrow || !ahead || limits->faults == 0 || limits->window_bytes)
		return;
	scenario->window_bytes = (1 + scenario->exceptions / 4) * scenario->chunk_sectors * 512ull;
	scenario->fault = (struct fault){
		FAULT_READ, random_below(random, 20 + 3ull * scenario->exceptions), false};
}

void scenario_make(struct scenario *scenario, uint64_t seed, const struct limits *limits)
{
	struct random random = {seed}, lost_random = {seed ^ LOST_SEED},
		      layout_random = {seed ^ LAYOUT_SEED}, length_random = {seed ^ LENGTHS_SEED},
		      width_random = {seed ^ WIDTH_SEED};
	uint64_t chunk_bytes, origin_chunks, store_chunks;

	memset(scenario, 0, sizeof(*scenario));
	scenario->seed = seed;
	choose_sizes(scenario, limits, &random);
	chunk_bytes = scenario->chunk_sectors * 512ull;
	scenario->duplicates = choose(limits->duplicates, &random, 8);
	scenario->dirty_tail = choose(limits->dirty_tail, &random, 8);
	scenario->usual_order =
		choose(limits->usual_order, &random, 2) || random_once_in(&random, 2);
	origin_chunks = scenario->exceptions + 1 + random_below(&random, scenario->exceptions + 4);
	scenario->shown_bytes = choose_shown_bytes(scenario, origin_chunks, &random);
	scenario->lengths = choose(limits->lengths, &length_random, LENGTHS_ONCE_IN);
	scenario->origin_bytes = choose_origin_bytes(scenario, &length_random);
	store_chunks = usual_chunk(scenario, scenario->exceptions) + 2 +
		       random_below(&random, scenario->chunk_sectors > 4 ? 20 : 100);
	scenario->store_bytes = store_chunks * chunk_bytes;
	scenario->window_bytes =
		(1 + random_below(&random,
				  1 + scenario->exceptions / (1 + random_below(&random, 20)))) *
		chunk_bytes;
	if (random_once_in(&random, 3))
		scenario->window_bytes = scenario->exceptions * chunk_bytes;
	if (limits->window_bytes)
		scenario->window_bytes = limits->window_bytes;
	choose_old_chunks(scenario, origin_chunks, &random);
	choose_new_chunks(scenario, &random);
	if (choose(limits->lost, &lost_random, LOST_ONCE_IN))
		lost_make(scenario, &lost_random);
	scenario->images[0] = malloc(scenario->origin_bytes);
	scenario->images[1] = malloc(scenario->store_bytes);
	scenario->view = malloc(scenario->origin_bytes);
	scenario->finished = malloc(scenario->store_bytes);
	fill(scenario->images[0], scenario->shown_bytes, &random);
	fill(scenario->images[0] + scenario->shown_bytes,
	     scenario->origin_bytes - scenario->shown_bytes, &length_random);
	make_store(scenario, &random);
	if (!scenario->skip_lost && !scenario->duplicates &&
	    choose(limits->unreadable, &lost_random, UNREADABLE_ONCE_IN))
		lost_make_unreadable(scenario, &lost_random);
	lost_view(scenario, scenario->images[0], scenario->images[1], scenario->exceptions,
		  scenario->view);
	choose_fault(scenario, limits, &random);
	make_all_kept(scenario, limits, &random, &length_random);
	if (choose(limits->volumes, &layout_random, VOLUMES_ONCE_IN)) {
		choose_one_block_size(scenario);
		scenario->layout = layout_make(scenario, &layout_random);
	}
	choose_width(scenario, limits, &width_random);
}

void scenario_free(struct scenario *scenario)
{
	for (unsigned int i = 0; i < scenario_disks(scenario); i++)
		free(scenario->images[i]);
	for (unsigned int i = 0; i < scenario->kept_count; i++) {
		free(scenario->kept[i].lacking);
		free(scenario->kept[i].view);
	}
	free(scenario->unreadable);
	free(scenario->left_out);
	free(scenario->view);
	free(scenario->finished);
	free(scenario->layout);
}
