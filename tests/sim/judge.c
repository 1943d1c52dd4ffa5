// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "store/bytes.h"

/* Up to this many loose blocks, every subset of them is tried. */
#define EXHAUSTIVE_BLOCKS 10
#define DEPTH_MAX 3

struct trial {
	const struct scenario *scenario;
	struct counts *counts;
	struct random random;
	uint64_t budget;    /* states left to be judged */
	unsigned int depth; /* 0: the merge; 1: its resume; 2: the resume's resume */
	FILE *report;
	bool failed;
};

static void violate(struct trial *trial, const char *what)
{
	if (!trial->failed && trial->report)
		fprintf(trial->report, "seed %llu, depth %u: %s\n",
			(unsigned long long)trial->scenario->seed, trial->depth, what);
	trial->failed = true;
}

static uint64_t hash_bytes(uint64_t hash, const uint8_t *bytes, uint64_t count)
{
	for (uint64_t i = 0; i + 8 <= count; i += 8) {
		hash = (hash ^ get_le64(bytes + i)) * 0x9fb21c651e98df25u;
		hash ^= hash >> 32;
	}
	return hash;
}

static void copy_images(const struct scenario *scenario, uint8_t *to[SIM_DISKS],
			uint8_t *const from[SIM_DISKS])
{
	to[0] = malloc(scenario->origin_bytes);
	to[1] = malloc(scenario->store_bytes);
	if (from) {
		memcpy(to[0], from[0], scenario->origin_bytes);
		memcpy(to[1], from[1], scenario->store_bytes);
	}
}

static void free_images(uint8_t *images[SIM_DISKS])
{
	free(images[0]);
	free(images[1]);
}

/* ---- running the engine ---- */

static void open_disks(struct sim *sim, struct trial *trial, uint8_t *const images[SIM_DISKS])
{
	const struct scenario *scenario = trial->scenario;

	sim_open(sim, random_next(&trial->random));
	sim->in_order = scenario->exhaustive && random_once_in(&trial->random, 2);
	sim_add_disk(sim, 0, "origin", images[0], scenario->origin_bytes, scenario->block_bytes[0]);
	sim_add_disk(sim, 1, "store", images[1], scenario->store_bytes, scenario->block_bytes[1]);
}

static enum result run_engine(struct sim *sim, const struct scenario *scenario, bool resume,
			      struct failure *why)
{
	struct store store;
	struct merge merge = {
		.store = &store,
		.origin = &sim->disks[0].device,
		.io = &sim->io,
		.resume = resume,
		.force = scenario->duplicates,
		.skip_identity = true,
		.window_bytes = scenario->window_bytes,
	};
	enum result result = store_open(&store, &sim->disks[1].device, &sim->io, why);

	if (result == RESULT_OK)
		result = merge_prepare(&merge, why);
	if (result == RESULT_OK)
		result = merge_run(&merge, why);
	return result;
}

/* ---- what must be true of the bytes ---- */

static void judge_list(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live)
{
	const struct scenario *scenario = trial->scenario;
	struct exception list[SCENARIO_EXCEPTIONS_MAX];

	if (memcmp(images[1], scenario->images[1], HEADER_BYTES) != 0)
		violate(trial, "the header changed");
	if (live > scenario->exceptions) {
		violate(trial, "there are more exceptions than before");
		return;
	}
	kernel_read(images[1], scenario->store_bytes, scenario->chunk_sectors, list,
		    SCENARIO_EXCEPTIONS_MAX);
	if (memcmp(list, scenario->list, live * sizeof(list[0])) != 0)
		violate(trial, "the live exceptions are not a prefix of the first ones");
}

static void judge_view(struct trial *trial, uint8_t *const images[SIM_DISKS], const char *what)
{
	const struct scenario *scenario = trial->scenario;
	uint8_t *view = malloc(scenario->origin_bytes);

	kernel_view(images[0], scenario->origin_bytes, images[1], scenario->store_bytes,
		    scenario->chunk_sectors, view);
	if (memcmp(view, scenario->view, scenario->origin_bytes) != 0)
		violate(trial, what);
	free(view);
}

/* While anything is left to merge and anything was changed, the record says so. */
static void judge_record(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live,
			 struct record *record)
{
	const struct scenario *scenario = trial->scenario;
	bool touched = live < scenario->exceptions ||
		       memcmp(images[0], scenario->images[0], scenario->origin_bytes) != 0;
	bool present = record_decode(images[1] + RECORD_OFFSET, record) == RECORD_PRESENT;

	if (live > 0 && touched && !present)
		violate(trial, "the merge has begun, and no record says so");
	if (present && record->exceptions != scenario->exceptions)
		violate(trial, "the record is not of this merge");
}

/* Where a torn clear could bring another chunk's data to life, nothing may be left behind the end.
 */
static void judge_tail(struct trial *trial, uint8_t *const images[SIM_DISKS])
{
	const struct scenario *scenario = trial->scenario;

	if (scenario->dirty_tail || (scenario->usual_order && !scenario->duplicates))
		return;
	if (kernel_tail_is_dirty(images[1], scenario->store_bytes, scenario->chunk_sectors))
		violate(trial, "an entry was left behind the end of the list");
}

static void judge_kernel(struct trial *trial, uint8_t *const images[SIM_DISKS])
{
	const struct scenario *scenario = trial->scenario;
	uint8_t *copy[SIM_DISKS], *view;
	const char *wrong;

	copy_images(scenario, copy, images);
	if (random_once_in(&trial->random, 2)) {
		trial->counts->kernel_merges++;
		kernel_merge(copy[0], scenario->origin_bytes, copy[1], scenario->store_bytes,
			     scenario->chunk_sectors);
		if (memcmp(copy[0], scenario->view, scenario->origin_bytes) != 0)
			violate(trial, "the kernel finished the merge, and the origin is wrong");
	} else if (!scenario->dirty_tail) {
		trial->counts->kernel_uses++;
		view = malloc(scenario->origin_bytes);
		memcpy(view, scenario->view, scenario->origin_bytes);
		wrong = kernel_use(copy[0], scenario->origin_bytes, copy[1], scenario->store_bytes,
				   scenario->chunk_sectors, view, &trial->random);
		if (wrong)
			violate(trial, wrong);
		free(view);
	}
	free_images(copy);
}

/* An origin with other bytes at the witness: refused, and nothing written. */
static void judge_wrong_origin(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live,
			       const struct record *record)
{
	const struct scenario *scenario = trial->scenario;
	struct failure why = {.text = ""};
	uint8_t *copy[SIM_DISKS];
	struct sim *sim;

	if (live == 0 || live == scenario->exceptions || scenario->duplicates)
		return;
	trial->counts->wrong_origins++;
	copy_images(scenario, copy, images);
	copy[0][record->witness_chunk * scenario->chunk_sectors * 512] ^= 1;
	sim = malloc(sizeof(*sim));
	open_disks(sim, trial, copy);
	if (run_engine(sim, scenario, true, &why) != RESULT_REFUSED)
		violate(trial, "a resume onto a wrong origin was not refused");
	if (memcmp(sim->disks[0].current, copy[0], scenario->origin_bytes) != 0 ||
	    memcmp(sim->disks[1].current, copy[1], scenario->store_bytes) != 0)
		violate(trial, "a refused resume wrote something");
	sim_close(sim);
	free(sim);
	free_images(copy);
}

static void observe(struct sim *sim, void *context);

static void judge_finished(struct trial *trial, struct sim *sim)
{
	const struct scenario *scenario = trial->scenario;
	uint8_t *images[SIM_DISKS];

	if (sim_loose_blocks(sim) > 0)
		violate(trial, "the merge is done, and something is not durable");
	copy_images(scenario, images, NULL);
	sim_power_cut(sim, &trial->random, NULL, images);
	if (memcmp(images[0], scenario->view, scenario->origin_bytes) != 0)
		violate(trial, "the merge is done, and the origin is not the snapshot's view");
	if (memcmp(images[1], scenario->finished, scenario->store_bytes) != 0) {
		violate(trial, "the merge is done, and the store is not what the kernel leaves");
	}
	free_images(images);
}

/* Resumes on the bytes, with cuts of its own, and looks at the end. */
static void judge_resume(struct trial *trial, uint8_t *const images[SIM_DISKS])
{
	struct sim *sim = malloc(sizeof(*sim));
	struct failure why = {.text = ""};
	enum result result;

	open_disks(sim, trial, images);
	trial->depth++;
	if (trial->depth < DEPTH_MAX && random_once_in(&trial->random, 16)) {
		sim->observer = observe;
		sim->context = trial;
	}
	result = run_engine(sim, trial->scenario, true, &why);
	if (result != RESULT_OK)
		violate(trial, why.text[0] ? why.text : "the resume failed without a word");
	else
		judge_finished(trial, sim);
	trial->depth--;
	sim_close(sim);
	free(sim);
}

static void judge_state(struct trial *trial, uint8_t *const images[SIM_DISKS])
{
	const struct scenario *scenario = trial->scenario;
	uint64_t hash = hash_bytes(scenario->seed, images[0], scenario->origin_bytes);
	struct record record;
	uint32_t live;

	trial->counts->states++;
	if (!seen_add(hash_bytes(hash, images[1], scenario->store_bytes)))
		return;
	trial->budget--;
	trial->counts->distinct++;
	trial->counts->nested += trial->depth > 0;
	live = kernel_read(images[1], scenario->store_bytes, scenario->chunk_sectors, NULL, 0);
	judge_list(trial, images, live);
	judge_view(trial, images, "the snapshot's view is not what it was");
	judge_record(trial, images, live, &record);
	judge_tail(trial, images);
	judge_kernel(trial, images);
	if (random_once_in(&trial->random, 8))
		judge_wrong_origin(trial, images, live, &record);
	if (!trial->failed)
		judge_resume(trial, images);
}

/* ---- cuts ---- */

static void cut(struct trial *trial, struct sim *sim, const uint64_t *choice)
{
	uint8_t *images[SIM_DISKS];

	if (trial->failed || trial->budget == 0)
		return;
	copy_images(trial->scenario, images, NULL);
	sim_power_cut(sim, &trial->random, choice, images);
	judge_state(trial, images);
	free_images(images);
}

static void cut_in_every_way(struct trial *trial, struct sim *sim, unsigned int loose)
{
	for (uint64_t choice = 0; choice >> loose == 0; choice++)
		cut(trial, sim, &choice);
}

/* The power may go at this moment. In a resume only some moments are looked at. */
static void observe(struct sim *sim, void *context)
{
	struct trial *trial = context;
	unsigned int loose = sim_loose_blocks(sim);
	unsigned int tries = 1 + (unsigned int)random_below(&trial->random, 3);

	if (trial->depth > 0 && !random_once_in(&trial->random, 6))
		return;
	if (trial->scenario->exhaustive && loose <= EXHAUSTIVE_BLOCKS && trial->depth == 0) {
		cut_in_every_way(trial, sim, loose);
		return;
	}
	while (tries-- > 0)
		cut(trial, sim, NULL);
}

/* After a fault: what a power cut may leave now, and what a reader sees without one. */
static void judge_after_fault(struct trial *trial, struct sim *sim, enum result result)
{
	const struct scenario *scenario = trial->scenario;
	bool may_fail = sim->fault.kind != FAULT_SHORT;
	/* Metadata is read ahead: what cannot be read behind the end of the list is not missed. */
	bool may_pass = sim->fault.kind == FAULT_SHORT || sim->fault.kind == FAULT_READ;

	trial->counts->faults++;
	if (result != RESULT_IO && result != RESULT_OK)
		violate(trial, "a fault was told as something else");
	if (result == RESULT_IO && !may_fail)
		violate(trial, "a short transfer was not continued");
	if (result == RESULT_OK && !may_pass)
		violate(trial, "a fault was not told");
	if (result == RESULT_OK)
		judge_finished(trial, sim);
	for (int i = 0; i < 4; i++)
		cut(trial, sim, NULL);
	if (!trial->failed && sim->fault.kind != FAULT_FLUSH) {
		uint8_t *images[SIM_DISKS];

		copy_images(scenario, images,
			    (uint8_t *[]){sim->disks[0].current, sim->disks[1].current});
		judge_state(trial, images);
		free_images(images);
	}
}

/* The disks of a first merge, with every moment observed. */
static struct sim *begin_trial(struct trial *trial, const struct scenario *scenario,
			       struct counts *counts, uint64_t budget, FILE *report)
{
	struct sim *sim = malloc(sizeof(*sim));

	*trial = (struct trial){.scenario = scenario,
				.counts = counts,
				.random = {~scenario->seed},
				.budget = budget,
				.report = report};
	open_disks(sim, trial, scenario->images);
	sim->observer = observe;
	sim->context = trial;
	return sim;
}

bool judge_trace(const struct scenario *scenario, int engine, struct counts *counts,
		 uint64_t budget, FILE *report)
{
	struct trial trial;
	struct sim *sim = begin_trial(&trial, scenario, counts, budget, report);
	struct failure why = {.text = ""};

	if (trace_open(sim, engine)) {
		counts->scenarios++;
		if (run_engine(sim, scenario, false, &why) != RESULT_OK)
			violate(&trial, why.text);
		else
			judge_finished(&trial, sim);
		if (sim->read_differs)
			violate(&trial, "the engine read other bytes than there are");
		if (!trace_close(sim))
			violate(&trial, "the files do not hold what was written");
	}
	sim_close(sim);
	free(sim);
	return !trial.failed;
}

bool judge_scenario(const struct scenario *scenario, struct counts *counts, uint64_t budget,
		    FILE *report)
{
	struct trial trial;
	struct sim *sim = begin_trial(&trial, scenario, counts, budget, report);
	struct failure why = {.text = ""};
	enum result result;

	counts->scenarios++;
	sim->fault = scenario->fault;
	result = run_engine(sim, scenario, false, &why);
	if (sim->wrote_outside)
		violate(&trial, "a transfer lies outside the device, or not on its blocks");
	else if (sim->fault_happened)
		judge_after_fault(&trial, sim, result);
	else if (result != RESULT_OK)
		violate(&trial, why.text);
	else
		judge_finished(&trial, sim);
	sim_close(sim);
	free(sim);
	return !trial.failed;
}
