// SPDX-License-Identifier: GPL-2.0-or-later
/* The merge as the command runs it, on the disks of a trial. */
#include "tests/sim/judge.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/breaks.h"
#include "store/base/bytes.h"
#include "store/cow/gaps.h"

void judge_violate(struct trial *trial, const char *what)
{
	if (!trial->failed && trial->report)
		fprintf(trial->report, "seed %llu, depth %u: %s\n",
			(unsigned long long)trial->scenario->seed, trial->depth, what);
	trial->failed = true;
}

void judge_copy_images(const struct scenario *scenario, uint8_t *to[SIM_DISKS],
		       uint8_t *const from[SIM_DISKS])
{
	memset(to, 0, SIM_DISKS * sizeof(to[0]));
	for (unsigned int i = 0; i < scenario_disks(scenario); i++) {
		to[i] = malloc(scenario_bytes(scenario, i));
		if (from)
			memcpy(to[i], from[i], scenario_bytes(scenario, i));
	}
}

void judge_free_images(uint8_t *images[SIM_DISKS])
{
	for (int i = 0; i < SIM_DISKS; i++)
		free(images[i]);
}

bool judge_same_images(const struct scenario *scenario, const struct sim *sim,
		       uint8_t *const images[SIM_DISKS])
{
	bool same = true;

	for (unsigned int i = 0; i < scenario_disks(scenario); i++) {
		uint8_t *bytes = malloc(scenario_bytes(scenario, i));

		sim_copy(sim, (int)i, bytes);
		same &= memcmp(bytes, images[i], scenario_bytes(scenario, i)) == 0;
		free(bytes);
	}
	return same;
}

void judge_open_disks(struct sim *sim, struct trial *trial, uint8_t *const images[SIM_DISKS])
{
	static const char *const names[SIM_DISKS] = {"origin", "store", "kept1", "kept2", "kept3"};
	const struct scenario *scenario = trial->scenario;

	sim_open(sim, random_next(&trial->random));
	sim->in_order = scenario->exhaustive && random_once_in(&trial->random, 2);
	if (scenario->layout)
		layout_open_disks(scenario->layout, sim);
	for (int i = 0; i < (int)scenario_disks(scenario); i++)
		if (scenario->layout)
			layout_open_volume(scenario->layout, sim, i, names[i], images[i]);
		else
			sim_add_disk(sim, i, names[i], images[i],
				     scenario_bytes(scenario, (unsigned int)i),
				     scenario->block_bytes[i]);
	sim->unreadable = scenario->unreadable;
	sim->chunk_bytes[1] = scenario->chunk_sectors * SECTOR_BYTES;
	for (unsigned int i = 0; i < scenario->kept_count; i++)
		sim->chunk_bytes[2 + i] = scenario->kept[i].chunk_sectors * SECTOR_BYTES;
}

static bool is_blank(const struct sim *sim, const struct device *device)
{
	uint8_t *bytes = malloc(device->bytes);
	bool blank;

	sim_copy(sim, (int)(device - sim->devices), bytes);
	blank = bytes_are_zero(bytes, device->bytes);
	free(bytes);
	return blank;
}

/* As the command does it, where LVM's metadata have the lengths. */
static void take_length(const struct scenario *scenario, unsigned int number, struct kept *kept)
{
	if (scenario->lengths)
		kept->origin_bytes = scenario->origin_bytes;
	if (scenario->kept[number].told)
		kept->shown_bytes = scenario->kept[number].shown_bytes;
}

/* As the command does it: an undo store's file in which nothing was written is made anew. */
static enum result open_kept(struct sim *sim, const struct scenario *scenario,
			     const struct command *command, struct kept *kept, struct store *stores,
			     struct failure *why)
{
	enum result result = RESULT_OK;

	for (unsigned int i = 0; i < command->kept_count && result == RESULT_OK; i++) {
		bool undo = scenario->kept[command->kept[i]].undo;
		struct device *device = &sim->devices[2 + command->kept[i]];

		kept[i] = (struct kept){.store = &stores[i],
					.role = undo ? RECORD_UNDO : RECORD_KEPT,
					.is_new = undo && is_blank(sim, device)};
		take_length(scenario, command->kept[i], &kept[i]);
		stores[i] = (struct store){.device = device, .io = &sim->io};
		if (!kept[i].is_new)
			result = store_open(&stores[i], device, &sim->io, why);
	}
	return result;
}

static enum result open_dropped(struct merge *merge, struct sim *sim, const struct command *command,
				struct failure *why)
{
	if (command->dropped < 0)
		return RESULT_OK;
	merge->dropped_count = 1;
	return store_open(merge->dropped[0], &sim->devices[2 + command->dropped], &sim->io, why);
}

static enum result prepare(struct merge *merge, struct sim *sim, const struct scenario *scenario,
			   const struct command *command, struct store *stores, struct failure *why)
{
	enum result result = merge_prepare(merge, why);

	if (result != RESULT_OK || !merge_has_work(merge))
		return result;
	merge->kept_count = command->kept_count;
	result = open_kept(sim, scenario, command, merge->kept, stores, why);
	if (result == RESULT_OK)
		result = open_dropped(merge, sim, command, why);
	return result == RESULT_OK ? merge_prepare_kept(merge, why) : result;
}

struct command judge_command(const struct scenario *scenario, bool resume)
{
	struct command command = {.resume = resume,
				  .skip_lost = scenario->skip_lost,
				  .kept_count = scenario->kept_count,
				  .dropped = -1};

	for (unsigned int i = 0; i < command.kept_count; i++)
		command.kept[i] = i;
	return command;
}

enum result judge_run(struct sim *sim, const struct scenario *scenario,
		      const struct command *command, struct failure *why)
{
	struct store store, stores[SIM_KEPT_MAX], dropped, *to_drop[] = {&dropped};
	struct kept kept[SIM_KEPT_MAX] = {{0}};
	struct gaps gaps = {NULL};
	const struct merge_options options = {
		.resume = command->resume,
		.force = scenario->duplicates,
		.skip_lost = command->skip_lost,
		.skip_identity = true,
		.invalidate_full = scenario->invalidate_full,
		.window_bytes = scenario->window_bytes,
	};
	struct merge merge = {
		.options = &options,
		.store = &store,
		.origin = &sim->devices[0],
		.io = &sim->io,
		.kept = kept,
		.dropped = to_drop,
	};
	enum result result = store_open(&store, &sim->devices[1], &sim->io, why);

	batch_width_most = scenario->batch_width;
	/* The rest of the device is none of the merge's. */
	if (!BROKEN(ORIGIN_LENGTH))
		sim->devices[0].bytes = scenario->shown_bytes;
	if (command->skip_lost)
		store.gaps = &gaps;
	if (result == RESULT_OK)
		result = prepare(&merge, sim, scenario, command, stores, why);
	if (result == RESULT_OK)
		result = merge_run(&merge, why);
	if (result == RESULT_OK && !lost_is_listed(scenario, &merge.left_out, command->resume))
		result = fail(why, RESULT_INTERNAL, "what is listed is not what was left out");
	gaps_free(&gaps);
	for (unsigned int i = 0; i < SIM_KEPT_MAX; i++)
		kept_free(&kept[i]);
	left_out_free(&merge.left_out);
	return result;
}
