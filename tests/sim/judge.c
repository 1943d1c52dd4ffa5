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
	memset(to, 0, SIM_DISKS * sizeof(to[0]));
	for (unsigned int i = 0; i < scenario_disks(scenario); i++) {
		to[i] = malloc(scenario_bytes(scenario, i));
		if (from)
			memcpy(to[i], from[i], scenario_bytes(scenario, i));
	}
}

static void free_images(uint8_t *images[SIM_DISKS])
{
	for (int i = 0; i < SIM_DISKS; i++)
		free(images[i]);
}

static bool same_images(const struct scenario *scenario, const struct sim *sim,
			uint8_t *const images[SIM_DISKS])
{
	for (unsigned int i = 0; i < scenario_disks(scenario); i++)
		if (memcmp(sim->disks[i].current, images[i], scenario_bytes(scenario, i)) != 0)
			return false;
	return true;
}

/* ---- running the engine ---- */

static void open_disks(struct sim *sim, struct trial *trial, uint8_t *const images[SIM_DISKS])
{
	static const char *const names[SIM_DISKS] = {"origin", "store", "kept1", "kept2", "kept3"};
	const struct scenario *scenario = trial->scenario;

	sim_open(sim, random_next(&trial->random));
	sim->in_order = scenario->exhaustive && random_once_in(&trial->random, 2);
	for (unsigned int i = 0; i < scenario_disks(scenario); i++)
		sim_add_disk(sim, (int)i, names[i], images[i], scenario_bytes(scenario, i),
			     scenario->block_bytes[i]);
}

/* As the command does it: an undo store that a merge left behind that never began is made anew. */
static enum result open_kept(struct sim *sim, const struct scenario *scenario,
			     const struct store *store, struct kept *kept, struct store *stores,
			     unsigned int count, struct failure *why)
{
	bool began = store->record_presence == RECORD_PRESENT ||
		     kernel_read(sim->disks[1].current, scenario->store_bytes,
				 scenario->chunk_sectors, NULL, 0) == 0;
	enum result result = RESULT_OK;

	for (unsigned int i = 0; i < count && result == RESULT_OK; i++) {
		struct sim_disk *disk = &sim->disks[2 + i];

		kept[i] = (struct kept){.store = &stores[i],
					.role = scenario->kept[i].undo ? RECORD_UNDO : RECORD_KEPT,
					.is_new = scenario->kept[i].undo && !began};
		stores[i] = (struct store){.device = &disk->device, .io = &sim->io};
		if (!kept[i].is_new) {
			result = store_open(&stores[i], &disk->device, &sim->io, why);
			continue;
		}
		memset(disk->current, 0, disk->device.bytes);
		memset(disk->durable, 0, disk->device.bytes);
	}
	return result;
}

/* With the first `kept_count` of the kept stores. */
static enum result run_engine_with(struct sim *sim, const struct scenario *scenario, bool resume,
				   unsigned int kept_count, struct failure *why)
{
	struct store store, stores[SIM_KEPT_MAX];
	struct kept kept[SIM_KEPT_MAX] = {{0}};
	struct merge merge = {
		.store = &store,
		.origin = &sim->disks[0].device,
		.io = &sim->io,
		.resume = resume,
		.force = scenario->duplicates,
		.skip_identity = true,
		.window_bytes = scenario->window_bytes,
		.kept = kept,
		.kept_count = kept_count,
		.invalidate_full = scenario->invalidate_full,
	};
	enum result result = store_open(&store, &sim->disks[1].device, &sim->io, why);

	if (result == RESULT_OK)
		result = open_kept(sim, scenario, &store, kept, stores, kept_count, why);
	if (result == RESULT_OK)
		result = merge_prepare(&merge, why);
	if (result == RESULT_OK)
		result = merge_prepare_kept(&merge, why);
	if (result == RESULT_OK)
		result = merge_run(&merge, why);
	for (unsigned int i = 0; i < SIM_KEPT_MAX; i++)
		kept_free(&kept[i]);
	return result;
}

static enum result run_engine(struct sim *sim, const struct scenario *scenario, bool resume,
			      struct failure *why)
{
	return run_engine_with(sim, scenario, resume, scenario->kept_count, why);
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

/* Too small, and marked invalid: it shows nothing any more. */
static bool is_given_up(const struct scenario_kept *kept, const uint8_t *image)
{
	return kept->too_small && get_le32(image + 4) == 0;
}

/* The kept stores show what they showed, and no exception stands behind their lists' ends. */
static void judge_kept(struct trial *trial, uint8_t *const images[SIM_DISKS], const char *what)
{
	const struct scenario *scenario = trial->scenario;
	uint8_t *view = malloc(scenario->origin_bytes);

	for (unsigned int i = 0; i < scenario->kept_count; i++) {
		const struct scenario_kept *kept = &scenario->kept[i];

		if (is_given_up(kept, images[2 + i]))
			continue;
		kernel_view(images[0], scenario->origin_bytes, images[2 + i], kept->bytes,
			    kept->chunk_sectors, view);
		if (memcmp(view, kept->view, scenario->origin_bytes) != 0)
			violate(trial, what);
		if (!kept->dirty_tail &&
		    kernel_tail_is_dirty(images[2 + i], kept->bytes, kept->chunk_sectors))
			violate(trial, "an entry was left behind the end of a kept store's list");
	}
	free(view);
}

/* But for its header it is what it was: for whoever wants to set it valid again. */
static void judge_given_up(struct trial *trial, const uint8_t *image, unsigned int i)
{
	const struct scenario_kept *kept = &trial->scenario->kept[i];

	if (get_le32(image + 4) != 0)
		violate(trial, "a store that was given up is not marked invalid");
	if (memcmp(image + SECTOR_BYTES, trial->scenario->images[2 + i] + SECTOR_BYTES,
		   kept->bytes - SECTOR_BYTES) != 0)
		violate(trial, "a store that was given up was written to");
}

/* At the end: what they had, and exactly what they lacked, and no record. */
static void judge_kept_finished(struct trial *trial, const uint8_t *image, unsigned int i)
{
	const struct scenario *scenario = trial->scenario;
	const struct scenario_kept *kept = &scenario->kept[i];
	struct exception *list = malloc(2 * SCENARIO_EXCEPTIONS_MAX * sizeof(*list));
	uint64_t count = kernel_read(image, kept->bytes, kept->chunk_sectors, list,
				     2 * SCENARIO_EXCEPTIONS_MAX);

	if (kept->too_small) {
		judge_given_up(trial, image, i);
		free(list);
		return;
	}
	if (count != kept->exceptions + kept->needed)
		violate(trial, "a kept store has too few or too many exceptions");
	if (memcmp(list, kept->list, kept->exceptions * sizeof(*list)) != 0)
		violate(trial, "a kept store lost an exception");
	for (uint64_t k = kept->exceptions; k < count && !trial->failed; k++)
		if (!kept->lacking[list[k].old_chunk])
			violate(trial, "a kept store got an exception that it did not lack");
	if (!bytes_are_zero(image + HEADER_BYTES, SECTOR_BYTES - HEADER_BYTES))
		violate(trial, "the merge is done, and a record stands in a kept store");
	if (kernel_tail_is_dirty(image, kept->bytes, kept->chunk_sectors))
		violate(trial, "the merge is done, and a kept store has a dirty tail");
	free(list);
}

static const char *use_again(struct trial *trial, uint8_t *copy[SIM_DISKS], unsigned int disk)
{
	const struct scenario *scenario = trial->scenario;
	uint8_t *view = malloc(scenario->origin_bytes);
	const char *wrong;

	memcpy(view, disk == 1 ? scenario->view : scenario->kept[disk - 2].view,
	       scenario->origin_bytes);
	trial->counts->kernel_uses++;
	wrong = kernel_use(
		copy[0], scenario->origin_bytes, copy[disk], scenario_bytes(scenario, disk),
		disk == 1 ? scenario->chunk_sectors : scenario->kept[disk - 2].chunk_sectors, view,
		&trial->random);
	free(view);
	return wrong;
}

/* A kernel that adds exceptions to a store with a dirty tail may bring that to life: its own defect.
 */
static bool kernel_may_keep(const struct scenario *scenario, uint8_t *const images[SIM_DISKS])
{
	for (unsigned int i = 0; i < scenario->kept_count; i++)
		/* The undo store of a merge that never began keeps nothing. */
		if (scenario->kept[i].dirty_tail || scenario->kept[i].too_small ||
		    get_le32(images[2 + i]) != HEADER_MAGIC)
			return false;
	return true;
}

static void judge_kernel(struct trial *trial, uint8_t *const images[SIM_DISKS])
{
	const struct scenario *scenario = trial->scenario;
	unsigned int disk =
		1 + (unsigned int)random_below(&trial->random, 1 + scenario->kept_count);
	const char *wrong = NULL;
	uint8_t *copy[SIM_DISKS];

	copy_images(scenario, copy, images);
	if (random_once_in(&trial->random, 2)) {
		trial->counts->kernel_merges++;
		if (!kernel_merge(scenario, copy) && !scenario->too_small)
			violate(trial, "the kernel finished the merge, and a kept store was full");
		if (memcmp(copy[0], scenario->view, scenario->origin_bytes) != 0)
			violate(trial, "the kernel finished the merge, and the origin is wrong");
		if (kernel_may_keep(scenario, copy))
			judge_kept(trial, copy,
				   "the kernel finished the merge, and a kept view is wrong");
	} else if (disk == 1 ? !scenario->dirty_tail
			     : !scenario->kept[disk - 2].dirty_tail &&
				       !scenario->kept[disk - 2].too_small) {
		wrong = use_again(trial, copy, disk);
		if (wrong)
			violate(trial, wrong);
	}
	free_images(copy);
}

/* A resume that leaves out a kept store, or names another one in its place: refused, and nothing
 * written. */
static void judge_wrong_kept(struct trial *trial, uint8_t *const images[SIM_DISKS])
{
	const struct scenario *scenario = trial->scenario;
	unsigned int count = scenario->kept_count, last = 1 + count;
	bool other = random_once_in(&trial->random, 2);
	struct failure why = {.text = ""};
	uint8_t *copy[SIM_DISKS];
	struct record record;
	struct sim *sim;

	if (count == 0 || scenario->too_small ||
	    record_decode(images[1] + RECORD_OFFSET, &record) != RECORD_PRESENT)
		return;
	trial->counts->wrong_kept++;
	copy_images(scenario, copy, images);
	if (other && record_decode(copy[last] + RECORD_OFFSET, &record) == RECORD_PRESENT) {
		record.id[0] ^= 1;
		record_encode(&record, copy[last] + RECORD_OFFSET);
	} else {
		count--;
	}
	sim = malloc(sizeof(*sim));
	open_disks(sim, trial, copy);
	if (run_engine_with(sim, scenario, true, count, &why) != RESULT_REFUSED)
		violate(trial, "a resume with wrong kept stores was not refused");
	if (!same_images(scenario, sim, copy))
		violate(trial, "a refused resume wrote something");
	sim_close(sim);
	free(sim);
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
	if (!same_images(scenario, sim, copy))
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
	judge_kept(trial, images, "the merge is done, and a kept view is not what it was");
	for (unsigned int i = 0; i < scenario->kept_count && !trial->failed; i++)
		judge_kept_finished(trial, images[2 + i], i);
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
	uint64_t hash = scenario->seed;
	struct record record;
	uint32_t live;

	trial->counts->states++;
	for (unsigned int i = 0; i < scenario_disks(scenario); i++)
		hash = hash_bytes(hash, images[i], scenario_bytes(scenario, i));
	if (!seen_add(hash))
		return;
	trial->counts->kept_states += scenario->kept_count > 0;
	trial->budget--;
	trial->counts->distinct++;
	trial->counts->nested += trial->depth > 0;
	live = kernel_read(images[1], scenario->store_bytes, scenario->chunk_sectors, NULL, 0);
	judge_list(trial, images, live);
	judge_view(trial, images, "the snapshot's view is not what it was");
	judge_record(trial, images, live, &record);
	judge_tail(trial, images);
	judge_kept(trial, images, "a kept snapshot's view is not what it was");
	judge_kernel(trial, images);
	if (random_once_in(&trial->random, 8))
		judge_wrong_kept(trial, images);
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

		uint8_t *current[SIM_DISKS];

		for (int i = 0; i < SIM_DISKS; i++)
			current[i] = sim->disks[i].current;
		copy_images(scenario, images, current);
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

/* Counted before the first write. */
static void judge_refused(struct trial *trial, const struct sim *sim, enum result result)
{
	if (result != RESULT_NO_SPACE && !(sim->fault_happened && result == RESULT_IO))
		violate(trial, "a kept store has no room, and that was not told");
	if (!same_images(trial->scenario, sim, trial->scenario->images))
		violate(trial, "a kept store has no room, and something was written");
}

bool judge_trace(const struct scenario *scenario, int engine, struct counts *counts,
		 uint64_t budget, FILE *report)
{
	struct trial trial;
	struct sim *sim = begin_trial(&trial, scenario, counts, budget, report);
	struct failure why = {.text = ""};

	if ((!scenario->too_small || scenario->invalidate_full) && trace_open(sim, engine)) {
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
	else if (scenario->too_small && !scenario->invalidate_full)
		judge_refused(&trial, sim, result);
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
