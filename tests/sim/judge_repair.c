// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The real repair on disks that lose power: a store with defects, all from one seed. After every
 * cut, a reader must find of each chunk the old or the mended view, nothing new after the end of
 * the list, and no good header over a list that is not mended; and a repair that begins anew must
 * end with the mended view and a store that is sound.
 */
#include "tests/sim/broken.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "verify/repair/repair.h"

#define EXHAUSTIVE_BLOCKS 8u
#define DEPTH_MAX 3u
/* At one of this many moments the process is killed. */
#define KILLS_ONCE_IN 12
#define STATES_OF_ONE_REPAIR 400u

struct repair_trial {
	const struct broken_store *broken;
	struct counts *counts;
	struct random random;
	uint64_t budget;
	unsigned int depth;
	FILE *report;
	bool failed;
};

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
	sim->repairing = true;
	sim->chunk_bytes[1] = broken->chunk_bytes;
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
				.options.origin_known = true,
				.options.origin_bytes = broken->origin_bytes,
				.options.set_valid = true,
				.options.drop_shared = broken->drop_shared};
	enum result result = store_open(&store, &sim->devices[1], &sim->io, why);

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
	struct store store = {.device = &sim->devices[1], .io = &sim->io};
	struct repair repair = {.store = &store,
				.options.origin_known = true,
				.options.origin_bytes = trial->broken->origin_bytes};

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
		if (!broken_is_metadata(broken, chunk) &&
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
		violate(trial, "an entry is after the end of the list");
	if (broken->is_merging && memcmp(store + RECORD_OFFSET, broken->record, RECORD_BYTES) != 0)
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
	else if (!trial->broken->is_merging &&
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
