// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The real repair on disks that lose power: a store with defects, all from one seed. After every cut,
 * a reader must find of each chunk the old or the mended view, nothing new behind the end of the
 * list, and no good header over a list that is not mended; and a repair that begins anew must end
 * with the mended view and a store that is sound.
 */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "store/bytes.h"
#include "verify/repair.h"

#define EXCEPTIONS_MAX 130u
#define OLD_CHUNKS_MAX 160u
#define EXHAUSTIVE_BLOCKS 8u
#define DEPTH_MAX 3u
/* At so many moments the process is killed. */
#define KILLS_ONCE_IN 12
#define STATES_OF_ONE_REPAIR 400u

/* What is repaired. */
struct broken_store {
	uint64_t seed;
	uint32_t chunk_sectors, block_bytes;
	uint64_t chunk_bytes, per_area, chunks;
	uint32_t exceptions, origin_chunks;
	bool drop_shared, area_missing, dirty_tail, dirty_slack, merge_stands, header_is_lost,
		invalid;
	struct exception list[EXCEPTIONS_MAX];
	struct fault fault;
	uint64_t origin_bytes, store_bytes;
	uint8_t *images[SIM_DISKS];
	uint8_t record[RECORD_BYTES];
	/* for each old chunk the new one that the kernel shows, 0: none */
	uint64_t before[OLD_CHUNKS_MAX], after[OLD_CHUNKS_MAX];
};

struct repair_trial {
	const struct broken_store *broken;
	struct counts *counts;
	struct random random;
	uint64_t budget;
	unsigned int depth;
	FILE *report;
	bool failed;
};

/* ---- making one ---- */

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

static bool is_metadata(const struct broken_store *broken, uint64_t chunk)
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
	return is_metadata(broken, exception->new_chunk) ||
	       exception->new_chunk >= broken->chunks ||
	       exception->old_chunk >= broken->origin_chunks;
}

/* The first one counts; those that are lost, or behind one that counts, go. */
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
		if (stays[i] || broken->merge_stands)
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

	broken->merge_stands = random_once_in(random, 8);
	if (broken->merge_stands) {
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
		if (is_metadata(broken, chunk))
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

static struct broken_store *broken_store_make(uint64_t seed)
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

static void broken_store_free(struct broken_store *broken)
{
	free(broken->images[0]);
	free(broken->images[1]);
	free(broken);
}

/* ---- running the repair ---- */

static void violate(struct repair_trial *trial, const char *what)
{
	if (!trial->failed && trial->report)
		fprintf(trial->report, "seed %llu (a repair), depth %u: %s\n",
			(unsigned long long)trial->broken->seed, trial->depth, what);
	trial->failed = true;
}

static struct sim *open_disks(struct repair_trial *trial, uint8_t *const images[SIM_DISKS])
{
	const struct broken_store *broken = trial->broken;
	struct sim *sim = malloc(sizeof(*sim));

	sim_open(sim, random_next(&trial->random));
	sim_add_disk(sim, 0, "origin", images[0], broken->origin_bytes, 512);
	sim_add_disk(sim, 1, "store", images[1], broken->store_bytes, broken->block_bytes);
	return sim;
}

static void close_disks(struct sim *sim)
{
	sim_close(sim);
	free(sim);
}

static bool header_is_good(const struct broken_store *broken, const uint8_t *store)
{
	struct header header;

	header_decode(store, &header);
	return header_check(&header) == HEADER_GOOD && header.valid != 0 &&
	       header.chunk_sectors == broken->chunk_sectors;
}

/* *items: how many repairs there were to do. */
static enum result run_engine(struct repair_trial *trial, struct sim *sim, size_t *items,
			      struct failure *why)
{
	const struct broken_store *broken = trial->broken;
	struct header header = {HEADER_MAGIC, 1, HEADER_VERSION, broken->chunk_sectors};
	struct store store;
	struct repair repair = {.store = &store,
				.origin_known = true,
				.origin_bytes = broken->origin_bytes,
				.set_valid = true,
				.drop_shared = broken->drop_shared};
	enum result result = store_open(&store, &sim->disks[1].device, &sim->io, why);

	*items = 0;
	if (result == RESULT_OK && store.header_fault != HEADER_GOOD) {
		store_assume_header(&store, &header);
		repair.header_is_lost = true;
		repair.header_problem = PROBLEM_HEADER_MAGIC;
	}
	if (result == RESULT_OK)
		result = repair_plan(&repair, why);
	if (result == RESULT_OK && repair_settle(&repair))
		result = fail(why, RESULT_INTERNAL, "consent to everything was taken back");
	*items = repair.count;
	if (result == RESULT_OK)
		result = repair_run(&repair, why);
	repair_free(&repair);
	return result;
}

static enum result check_store(struct repair_trial *trial, struct sim *sim, struct check *check,
			       struct failure *why)
{
	struct store store;
	struct repair repair = {
		.store = &store, .origin_known = true, .origin_bytes = trial->broken->origin_bytes};

	store.device = &sim->disks[1].device;
	store.io = &sim->io;
	return repair_check(&repair, check, why);
}

/* ---- what must be true of the bytes ---- */

static void read_view(const struct broken_store *broken, const uint8_t *store,
		      uint64_t view[OLD_CHUNKS_MAX])
{
	struct exception list[2 * SCENARIO_EXCEPTIONS_MAX];
	uint32_t count = kernel_read(store, broken->store_bytes, broken->chunk_sectors, list,
				     2 * SCENARIO_EXCEPTIONS_MAX);

	memset(view, 0, OLD_CHUNKS_MAX * sizeof(*view));
	while (count-- > 0)
		if (list[count].old_chunk < OLD_CHUNKS_MAX)
			view[list[count].old_chunk] = list[count].new_chunk;
}

static void judge_view(struct repair_trial *trial, const uint8_t *store, bool done)
{
	const struct broken_store *broken = trial->broken;
	/* What nobody loads may be half mended; what is loaded for the first time may not. */
	bool first_good =
		header_is_good(broken, store) && !header_is_good(broken, broken->images[1]);
	uint64_t view[OLD_CHUNKS_MAX];

	read_view(broken, store, view);
	for (uint32_t i = 0; i < OLD_CHUNKS_MAX; i++) {
		if (view[i] == broken->after[i])
			continue;
		if (done)
			violate(trial, "the repair is done, and the view is not the mended one");
		else if (view[i] != broken->before[i])
			violate(trial, "a chunk shows neither the old nor the mended view");
		else if (first_good)
			violate(trial, "the header is good, and the list is not mended yet");
	}
}

static void judge_data(struct repair_trial *trial, const uint8_t *store)
{
	const struct broken_store *broken = trial->broken;

	for (uint64_t chunk = 0; chunk < broken->chunks; chunk++)
		if (!is_metadata(broken, chunk) &&
		    memcmp(store + chunk * broken->chunk_bytes,
			   broken->images[1] + chunk * broken->chunk_bytes,
			   broken->chunk_bytes) != 0)
			violate(trial, "a data chunk was written");
}

static void judge_rest(struct repair_trial *trial, const uint8_t *store, bool done)
{
	const struct broken_store *broken = trial->broken;

	judge_data(trial, store);
	if ((done || !broken->dirty_tail) &&
	    kernel_tail_is_dirty(store, broken->store_bytes, broken->chunk_sectors))
		violate(trial, "an entry stands behind the end of the list");
	if (broken->merge_stands &&
	    memcmp(store + RECORD_OFFSET, broken->record, RECORD_BYTES) != 0)
		violate(trial, "the record of an unfinished merge was touched");
}

/* Once more: there is nothing to do, and nothing is written. */
static void judge_again(struct repair_trial *trial, uint8_t *images[SIM_DISKS])
{
	struct sim *sim = open_disks(trial, images);
	struct failure why = {.text = ""};
	struct check check;
	size_t items;

	if (run_engine(trial, sim, &items, &why) != RESULT_OK || items > 0)
		violate(trial, "a second repair finds something to do");
	if (memcmp(sim->disks[1].current, images[1], trial->broken->store_bytes) != 0)
		violate(trial, "a second repair changes something");
	if (check_store(trial, sim, &check, &why) != RESULT_OK)
		violate(trial, why.text);
	else if (!trial->broken->merge_stands &&
		 check_count(&check, SEVERITY_ERROR) + check_count(&check, SEVERITY_WARNING) >
			 (trial->broken->drop_shared ? 0 : check.found[PROBLEM_DUPLICATE_NEW]))
		violate(trial, "the repair is done, and verify finds something");
	close_disks(sim);
}

static void take_images(struct repair_trial *trial, struct sim *sim, const uint64_t *choice,
			uint8_t *images[SIM_DISKS])
{
	images[0] = malloc(trial->broken->origin_bytes);
	images[1] = malloc(trial->broken->store_bytes);
	sim_power_cut(sim, &trial->random, choice, images);
}

static void free_images(uint8_t *images[SIM_DISKS])
{
	free(images[0]);
	free(images[1]);
}

static void judge_finished(struct repair_trial *trial, struct sim *sim)
{
	uint8_t *images[SIM_DISKS];

	if (sim_loose_blocks(sim) > 0)
		violate(trial, "the repair is done, and something is not durable");
	take_images(trial, sim, NULL, images);
	if (memcmp(images[0], trial->broken->images[0], trial->broken->origin_bytes) != 0)
		violate(trial, "the origin was written");
	if (!header_is_good(trial->broken, images[1]))
		violate(trial, "the repair is done, and the header is not good");
	judge_view(trial, images[1], true);
	judge_rest(trial, images[1], true);
	judge_again(trial, images);
	free_images(images);
}

static void observe(struct sim *sim, void *context);

static void judge_state(struct repair_trial *trial, uint8_t *images[SIM_DISKS])
{
	const uint64_t *words = (const uint64_t *)(const void *)images[1];
	uint64_t hash = trial->broken->seed ^ 0x5265706169720000u;
	struct failure why = {.text = ""};
	struct sim *sim;
	size_t items;

	trial->counts->states++;
	for (uint64_t i = 0; i < trial->broken->store_bytes / 8; i++)
		hash = (hash ^ words[i] ^ hash >> 29) * 0x9fb21c651e98df25u;
	if (!seen_add(hash))
		return;
	trial->budget--;
	trial->counts->distinct++;
	trial->counts->nested += trial->depth > 0;
	judge_view(trial, images[1], false);
	judge_rest(trial, images[1], false);
	if (trial->failed)
		return;
	trial->depth++;
	sim = open_disks(trial, images);
	if (trial->depth < DEPTH_MAX && random_once_in(&trial->random, 8)) {
		sim->observer = observe;
		sim->context = trial;
	}
	if (run_engine(trial, sim, &items, &why) != RESULT_OK)
		violate(trial, why.text);
	else
		judge_finished(trial, sim);
	close_disks(sim);
	trial->depth--;
}

static void cut(struct repair_trial *trial, struct sim *sim, const uint64_t *choice)
{
	uint8_t *images[SIM_DISKS];

	if (trial->failed || trial->budget == 0)
		return;
	take_images(trial, sim, choice, images);
	judge_state(trial, images);
	free_images(images);
}

/* The process is killed at this moment, and a repair begins anew, as if what it reads were safe. */
static void kill_and_repair(struct repair_trial *trial, const struct sim *sim)
{
	struct sim *next = open_disks(trial, trial->broken->images);
	struct failure why = {.text = ""};
	size_t items;

	sim_inherit(next, sim, &trial->random);
	trial->counts->kills++;
	trial->depth++;
	next->observer = observe;
	next->context = trial;
	if (run_engine(trial, next, &items, &why) != RESULT_OK)
		violate(trial, why.text);
	else if (items > 0)
		judge_finished(trial, next);
	close_disks(next);
	trial->depth--;
}

/* After a flush that failed, a disk can show what it has lost. */
static bool can_be_killed(const struct repair_trial *trial, const struct sim *sim)
{
	return trial->depth < DEPTH_MAX && trial->budget > 0 && !trial->failed &&
	       sim->fault.kind != FAULT_FLUSH && !sim->wrote_outside;
}

static void observe(struct sim *sim, void *context)
{
	struct repair_trial *trial = context;
	unsigned int loose = sim_loose_blocks(sim);

	if (can_be_killed(trial, sim) && random_once_in(&trial->random, KILLS_ONCE_IN))
		kill_and_repair(trial, sim);

	for (uint64_t choice = 0; loose <= EXHAUSTIVE_BLOCKS && choice >> loose == 0; choice++)
		cut(trial, sim, &choice);
	for (int i = 0; loose > EXHAUSTIVE_BLOCKS && i < 4; i++)
		cut(trial, sim, NULL);
}

static void judge_fault(struct repair_trial *trial, struct sim *sim, enum result result)
{
	trial->counts->faults++;
	if (result != RESULT_OK && result != RESULT_IO)
		violate(trial, "a fault was told as something else");
	if (result == RESULT_OK && sim->fault.kind != FAULT_SHORT && sim->fault.kind != FAULT_READ)
		violate(trial, "a fault was not told");
	for (int i = 0; i < 4; i++)
		cut(trial, sim, NULL);
}

bool judge_repair(uint64_t seed, struct counts *counts, uint64_t budget, FILE *report)
{
	struct broken_store *broken = broken_store_make(seed);
	struct repair_trial trial = {.broken = broken,
				     .counts = counts,
				     .random = {~seed},
				     .budget = min_u64(budget, STATES_OF_ONE_REPAIR),
				     .report = report};
	struct sim *sim = open_disks(&trial, broken->images);
	struct failure why = {.text = ""};
	enum result result;
	size_t items;

	counts->scenarios++;
	sim->fault = broken->fault;
	sim->observer = observe;
	sim->context = &trial;
	result = run_engine(&trial, sim, &items, &why);
	if (sim->wrote_outside)
		violate(&trial, "a transfer lies outside the device, or not on its blocks");
	else if (sim->fault_happened)
		judge_fault(&trial, sim, result);
	else if (result != RESULT_OK)
		violate(&trial, why.text);
	else
		judge_finished(&trial, sim);
	close_disks(sim);
	broken_store_free(broken);
	return !trial.failed;
}
