// SPDX-License-Identifier: GPL-2.0-or-later
/* The imprint of the origin in an undo store (verify/check/imprint.h), and the way back. */
#include "tests/sim/judge.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

/* The scenario's undo store, which is the last of the kept ones; -1: none. */
static int undo_of(const struct scenario *scenario)
{
	int last = (int)scenario->kept_count - 1;

	return last >= 0 && scenario->kept[last].undo ? last : -1;
}

static bool has_imprint(const uint8_t *image)
{
	struct imprint imprint;

	return imprint_decode(image + IMPRINT_OFFSET, &imprint) == RECORD_PRESENT;
}

void judge_imprint(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live)
{
	const struct scenario *scenario = trial->scenario;

	for (unsigned int i = 0; i < scenario->kept_count; i++)
		if (has_imprint(images[2 + i]) &&
		    (live > 0 || memcmp(images[0], scenario->view, scenario->origin_bytes) != 0))
			judge_violate(trial,
				      "an undo store has an imprint, and the merge is not done");
}

/* The merge of the undo store into the origin, both of them alone. */
static enum result go_back(struct sim *sim, unsigned int undo, struct failure *why)
{
	struct store store;
	const struct merge_options options = {.skip_identity = true, .window_bytes = 1u << 20};
	struct merge merge = {
		.options = &options, .store = &store, .origin = &sim->devices[0], .io = &sim->io};
	enum result result = store_open(&store, &sim->devices[2 + undo], &sim->io, why);

	if (result == RESULT_OK)
		result = merge_prepare(&merge, why);
	return result == RESULT_OK ? merge_run(&merge, why) : result;
}

static void judge_back(struct trial *trial, uint8_t *const images[SIM_DISKS], unsigned int undo)
{
	const struct scenario *scenario = trial->scenario;
	struct failure why = {.text = ""};
	struct sim *sim = malloc(sizeof(*sim));
	uint8_t *now[SIM_DISKS];

	judge_open_disks(sim, trial, images);
	if (go_back(sim, undo, &why) != RESULT_OK)
		judge_violate(trial, why.text);
	judge_copy_images(scenario, now, NULL);
	for (int i = 0; i < (int)scenario_disks(scenario); i++)
		sim_copy(sim, i, now[i]);
	if (memcmp(now[0], scenario->images[0], scenario->origin_bytes) != 0)
		judge_violate(trial,
			      "the undo store was merged, and the origin is not what it was");
	if (!bytes_are_zero(now[2 + undo] + HEADER_BYTES, SECTOR_BYTES - HEADER_BYTES))
		judge_violate(trial, "the undo store was merged, and an imprint is in it");
	judge_free_images(now);
	sim_close(sim);
	free(sim);
}

/* Somebody wrote to a chunk that the first or the last of its exceptions is for. */
static void judge_used(struct trial *trial, uint8_t *const images[SIM_DISKS], unsigned int undo)
{
	const struct scenario *scenario = trial->scenario;
	uint32_t chunk_sectors = scenario->kept[undo].chunk_sectors;
	struct exception *list = malloc(2 * SCENARIO_EXCEPTIONS_MAX * sizeof(*list));
	uint64_t count = kernel_read(images[2 + undo], scenario->kept[undo].bytes, chunk_sectors,
				     list, 2 * SCENARIO_EXCEPTIONS_MAX);
	uint64_t which = random_once_in(&trial->random, 2) ? 0 : count - 1;
	struct failure why = {.text = ""};
	struct sim *sim = malloc(sizeof(*sim));
	uint8_t *copy[SIM_DISKS];

	judge_copy_images(scenario, copy, images);
	copy[0][list[which].old_chunk * chunk_sectors * SECTOR_BYTES] ^= 1;
	judge_open_disks(sim, trial, copy);
	if (go_back(sim, undo, &why) != RESULT_REFUSED)
		judge_violate(trial, "the origin was written to, and going back was not refused");
	if (!judge_same_images(scenario, sim, copy))
		judge_violate(trial, "going back was refused, and something was written");
	judge_free_images(copy);
	sim_close(sim);
	free(sim);
	free(list);
}

void judge_undo(struct trial *trial, uint8_t *const images[SIM_DISKS])
{
	int undo = undo_of(trial->scenario);

	if (undo < 0 || judge_is_dropped(trial, (unsigned int)undo, images[2 + undo]))
		return;
	/* With nothing to keep it stays empty; where the origin could not be read there is none. */
	if (!has_imprint(images[2 + undo])) {
		if (trial->scenario->kept[undo].needed > 0 && trial->dropping < 0 &&
		    trial->scenario->fault.kind == FAULT_NONE)
			judge_violate(trial,
				      "the merge is done, and the undo store has no imprint");
		return;
	}
	judge_used(trial, images, (unsigned int)undo);
	if (!trial->failed && random_once_in(&trial->random, 4))
		judge_back(trial, images, (unsigned int)undo);
}
