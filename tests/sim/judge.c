// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/judge.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

/* At one of this many moments the process is killed; of the next one all of the first moments are
 * looked at. */
#define KILLS_ONCE_IN 24
#define MOMENTS_AFTER_KILL 10
/* Up to this many loose blocks, every subset of them is tried. */
#define EXHAUSTIVE_BLOCKS 10
/* In one of this many states a kept store is given up. */
#define DROPS_ONCE_IN 24

static uint64_t hash_bytes(uint64_t hash, const uint8_t *bytes, uint64_t count)
{
	for (uint64_t i = 0; i + 8 <= count; i += 8) {
		hash = (hash ^ get_le64(bytes + i)) * 0x9fb21c651e98df25u;
		hash ^= hash >> 32;
	}
	return hash;
}

/* A store that a process had given up before it was killed is not named to the next one. */
static bool is_durable(const struct trial *trial, const struct sim *sim)
{
	for (unsigned int i = 0; i < sim->write_count; i++)
		if (trial->dropping < 0 ||
		    sim->writes[i]->device != &sim->devices[2 + trial->dropping])
			return false;
	return true;
}

/* Where a write to an unreadable block failed, which may pass untold, such blocks stay as they are.
 */
static bool is_finished(const struct scenario *scenario, const struct sim *sim,
			const uint8_t *store)
{
	for (uint64_t at = 0; at < scenario->store_bytes; at += SECTOR_BYTES)
		if (memcmp(store + at, scenario->finished + at, SECTOR_BYTES) != 0 &&
		    !(sim->fault_may_pass && scenario->unreadable[at / SECTOR_BYTES]))
			return false;
	return true;
}

void judge_finished(struct trial *trial, struct sim *sim)
{
	const struct scenario *scenario = trial->scenario;
	uint8_t *images[SIM_DISKS];

	if (!is_durable(trial, sim))
		judge_violate(trial, "the merge is done, and something is not durable");
	judge_copy_images(scenario, images, NULL);
	sim_power_cut(sim, &trial->random, NULL, images);
	if (memcmp(images[0], scenario->view, scenario->origin_bytes) != 0)
		judge_violate(trial,
			      "the merge is done, and the origin is not the snapshot's view");
	if (!is_finished(scenario, sim, images[1]))
		judge_violate(trial,
			      "the merge is done, and the store is not what the kernel leaves");
	judge_kept(trial, images, "the merge is done, and a kept view is not what it was");
	judge_copies(trial, images);
	for (unsigned int i = 0; i < scenario->kept_count && !trial->failed; i++)
		judge_kept_finished(trial, images[2 + i], i);
	if (!trial->failed)
		judge_undo(trial, images);
	judge_free_images(images);
	if (sim->wrote_outside)
		judge_violate(trial, "something was written that is on no device");
}

/* Resumes on the bytes, with cuts of its own, and looks at the end. */
static void judge_resume(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live)
{
	struct command command = judge_choose_resume(trial, images);
	struct sim *sim = malloc(sizeof(*sim));
	struct failure why = {.text = ""};
	enum result result;

	/* With nothing lost left, no leave is needed. */
	if (!lost_is_left(trial->scenario, live) && !trial->scenario->unreadable)
		command.skip_lost = random_once_in(&trial->random, 2);
	judge_open_disks(sim, trial, images);
	trial->depth++;
	if (random_once_in(&trial->random, 16))
		judge_watch(trial, sim);
	result = judge_run(sim, trial->scenario, &command, &why);
	if (result != RESULT_OK)
		judge_violate(trial, why.text[0] ? why.text : "the resume failed without a word");
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
	trial->counts->lost_states += scenario->skip_lost;
	trial->counts->volume_states += scenario->layout != NULL;
	trial->counts->length_states += scenario->lengths;
	trial->budget -= trial->budget > 0;
	trial->counts->distinct++;
	trial->counts->nested += trial->depth > 0;
	live = kernel_read(images[1], scenario->store_bytes, scenario->chunk_sectors, NULL, 0);
	judge_list(trial, images, live);
	judge_view(trial, images, live, "the snapshot's view is not what it was");
	judge_record(trial, images, live, &record);
	judge_tail(trial, images, live);
	judge_kept(trial, images, "a kept snapshot's view is not what it was");
	judge_copies(trial, images);
	judge_dropping(trial, images);
	judge_imprint(trial, images, live);
	judge_kernel(trial, images, live);
	if (random_once_in(&trial->random, 8))
		judge_wrong_kept(trial, images);
	if (random_once_in(&trial->random, 8))
		judge_wrong_origin(trial, images, live, &record);
	if (random_once_in(&trial->random, 8))
		judge_lost_resume(trial, images, live);
	if (random_once_in(&trial->random, DROPS_ONCE_IN))
		judge_drop(trial, images, live);
	if (!trial->failed)
		judge_resume(trial, images, live);
}

/* ---- cuts ---- */

static void cut(struct trial *trial, struct sim *sim, const uint64_t *choice)
{
	uint8_t *images[SIM_DISKS];

	if (trial->failed || trial->budget == 0)
		return;
	judge_copy_images(trial->scenario, images, NULL);
	sim_power_cut(sim, &trial->random, choice, images);
	judge_state(trial, images);
	judge_free_images(images);
}

static void cut_in_every_way(struct trial *trial, struct sim *sim, unsigned int loose)
{
	for (uint64_t choice = 0; choice >> loose == 0; choice++)
		cut(trial, sim, &choice);
}

/* The process is killed at this moment, and a resume finds what was not flushed, as if it were
 * safe. */
static void kill_and_resume(struct trial *trial, const struct sim *sim)
{
	uint8_t *images[SIM_DISKS];
	unsigned int watched = trial->watched;
	struct sim *next = malloc(sizeof(*next));
	struct failure why = {.text = ""};
	struct command command;

	judge_open_disks(next, trial, trial->scenario->images);
	sim_inherit(next, sim, &trial->random);
	judge_copy_images(trial->scenario, images, NULL);
	for (unsigned int i = 0; i < scenario_disks(trial->scenario); i++)
		sim_copy(next, (int)i, images[i]);
	command = judge_choose_resume(trial, images);
	judge_free_images(images);
	trial->counts->kills++;
	trial->depth++;
	trial->watched = MOMENTS_AFTER_KILL;
	judge_watch(trial, next);
	if (judge_run(next, trial->scenario, &command, &why) != RESULT_OK)
		judge_violate(trial, why.text[0] ? why.text : "the resume failed without a word");
	else
		judge_finished(trial, next);
	trial->watched = watched;
	trial->depth--;
	sim_close(next);
	free(next);
}

/* After a flush that failed, a disk can show what it has lost. */
static bool can_be_killed(const struct trial *trial, const struct sim *sim)
{
	return trial->depth < DEPTH_MAX && trial->budget > 0 && !trial->failed &&
	       sim->fault.kind != FAULT_FLUSH && !sim->wrote_outside;
}

/* The power may go at this moment. In a resume only some moments are looked at; none once a write
 * has failed that may: what it was to clear stays, and a merge may be done or not. */
static void observe(struct sim *sim, void *context)
{
	struct trial *trial = context;
	unsigned int loose = sim_loose_blocks(sim);
	unsigned int tries = 1 + (unsigned int)random_below(&trial->random, 3);

	if (sim->fault_may_pass)
		return;
	if (can_be_killed(trial, sim) && random_once_in(&trial->random, KILLS_ONCE_IN))
		kill_and_resume(trial, sim);
	if (trial->watched > 0)
		trial->watched--;
	else if (trial->depth > 0 && !random_once_in(&trial->random, 6))
		return;
	if (trial->scenario->exhaustive && loose <= EXHAUSTIVE_BLOCKS && trial->depth == 0) {
		cut_in_every_way(trial, sim, loose);
		return;
	}
	while (tries-- > 0)
		cut(trial, sim, NULL);
}

void judge_watch(struct trial *trial, struct sim *sim)
{
	if (trial->depth >= DEPTH_MAX)
		return;
	sim->observer = observe;
	sim->context = trial;
}

void judge_after_fault(struct trial *trial, struct sim *sim, enum result result)
{
	const struct scenario *scenario = trial->scenario;
	bool may_fail = sim->fault.kind != FAULT_SHORT;
	/* Metadata is read ahead: what cannot be read after the end of the list is not missed. */
	bool may_pass = sim->fault.kind == FAULT_SHORT || sim->fault.kind == FAULT_READ ||
			sim->fault_may_pass;

	trial->counts->faults++;
	if (result != RESULT_IO && result != RESULT_OK)
		judge_violate(trial, "a fault was told as something else");
	if (result == RESULT_IO && !may_fail)
		judge_violate(trial, "a short transfer was not continued");
	if (result == RESULT_OK && !may_pass)
		judge_violate(trial, "a fault was not told");
	if (result == RESULT_OK)
		judge_finished(trial, sim);
	/* Whoever can read after all what could not be written, finds what was left out of the
	 * merge, and the merge's record is gone. */
	if (result == RESULT_OK && sim->fault_may_pass)
		return;
	for (int i = 0; i < 4; i++)
		cut(trial, sim, NULL);
	if (!trial->failed && sim->fault.kind != FAULT_FLUSH) {
		uint8_t *images[SIM_DISKS];

		judge_copy_images(scenario, images, NULL);
		for (unsigned int i = 0; i < scenario_disks(scenario); i++)
			sim_copy(sim, (int)i, images[i]);
		judge_state(trial, images);
		judge_free_images(images);
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
				.dropping = -1,
				.report = report};
	judge_open_disks(sim, trial, scenario->images);
	sim->observer = observe;
	sim->context = trial;
	return sim;
}

/* Counted before the first write. */
static void judge_refused(struct trial *trial, const struct sim *sim, enum result result)
{
	if (result != RESULT_NO_SPACE && !(sim->fault_happened && result == RESULT_IO))
		judge_violate(trial, "a kept store has no room, and that was not told");
	if (!judge_same_images(trial->scenario, sim, trial->scenario->images))
		judge_violate(trial, "a kept store has no room, and something was written");
}

bool judge_trace(const struct scenario *scenario, int engine, struct counts *counts,
		 uint64_t budget, FILE *report)
{
	struct trial trial;
	struct sim *sim = begin_trial(&trial, scenario, counts, budget, report);
	struct command command = judge_command(scenario, false);
	struct failure why = {.text = ""};

	if (!scenario->too_small || scenario->invalidate_full) {
		trace_open(sim, engine);
		counts->scenarios++;
		if (judge_run(sim, scenario, &command, &why) != RESULT_OK)
			judge_violate(&trial, why.text);
		else
			judge_finished(&trial, sim);
		if (sim->read_differs)
			judge_violate(&trial, "the engine read other bytes than there are");
		if (!trace_close(sim))
			judge_violate(&trial, "the files do not hold what was written");
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
	struct command command = judge_command(scenario, false);
	struct failure why = {.text = ""};
	enum result result;

	counts->scenarios++;
	sim->fault = scenario->fault;
	result = judge_run(sim, scenario, &command, &why);
	if (sim->wrote_outside)
		judge_violate(&trial, "a transfer lies outside the device, or not on its blocks");
	else if (scenario->too_small && !scenario->invalidate_full)
		judge_refused(&trial, sim, result);
	else if (sim->fault_happened)
		judge_after_fault(&trial, sim, result);
	else if (result != RESULT_OK)
		judge_violate(&trial, why.text);
	else
		judge_finished(&trial, sim);
	sim_close(sim);
	free(sim);
	return !trial.failed;
}
