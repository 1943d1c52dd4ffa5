// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * merge --resume --drop-kept: one kept store is given up on the way. After a cut at any moment it
 * is valid with its right view, or invalid; the merging store's record says that it is kept no more
 * only where it is invalid; and a resume goes on, with --drop-kept as long as the record does not
 * say so.
 */
#include "tests/sim/judge.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

/* All these moments of a resume with --drop-kept are looked at: it begins with three short
 * writes. */
#define WATCHED_MOMENTS 8

static bool is_valid(const uint8_t *image)
{
	return get_le32(image + 4) != 0;
}

static bool has_record(const uint8_t *image, struct record *record)
{
	return record_decode(image + RECORD_OFFSET, record) == RECORD_PRESENT;
}

bool judge_is_dropped(const struct trial *trial, unsigned int i, const uint8_t *image)
{
	return trial->dropping == (int)i && !is_valid(image);
}

/* Does the merging store's record say that this store is kept no more? The store's own record has
 * its number; that goes only when the other one says so. */
static bool is_noted(const struct record *merging, const uint8_t *image)
{
	struct record record;

	return !has_record(image, &record) || merging->dropped >> record.number & 1;
}

static void shuffle_kept(struct command *command, struct random *random)
{
	for (unsigned int i = command->kept_count; i > 1; i--) {
		unsigned int j = (unsigned int)random_below(random, i);
		unsigned int kept = command->kept[i - 1];

		command->kept[i - 1] = command->kept[j];
		command->kept[j] = kept;
	}
}

/* Kept store `number` is not among the kept ones of that command. */
static void leave_out(struct command *command, unsigned int number)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < command->kept_count; i++)
		if (command->kept[i] != number)
			command->kept[count++] = command->kept[i];
	command->kept_count = count;
}

static struct command command_drop(struct trial *trial, unsigned int number)
{
	struct command command = judge_command(trial->scenario, true);

	shuffle_kept(&command, &trial->random);
	leave_out(&command, number);
	command.dropped = (int)number;
	return command;
}

struct command judge_choose_resume(struct trial *trial, uint8_t *const images[SIM_DISKS])
{
	struct command command = judge_command(trial->scenario, true);
	const uint8_t *image;
	struct record record;
	bool may_keep, may_leave_out;

	shuffle_kept(&command, &trial->random);
	if (trial->dropping < 0)
		return command;
	image = images[2 + trial->dropping];
	may_keep = is_valid(image);
	may_leave_out = !may_keep && (!has_record(images[1], &record) || is_noted(&record, image));
	/* Kept to the end by a resume that came before it was given up, it is no more one of
	 * those. */
	if (may_keep && (!has_record(image, &record) || random_once_in(&trial->random, 2)))
		return command;
	leave_out(&command, (unsigned int)trial->dropping);
	if (!may_leave_out || random_once_in(&trial->random, 2))
		command.dropped = trial->dropping;
	return command;
}

void judge_dropping(struct trial *trial, uint8_t *const images[SIM_DISKS])
{
	struct command command = judge_command(trial->scenario, true);
	struct record record, own;
	const uint8_t *image;

	if (trial->dropping < 0 || !has_record(images[1], &record))
		return;
	image = images[2 + trial->dropping];
	if (is_valid(image) && has_record(image, &own) && is_noted(&record, image))
		judge_violate(trial, "the record says that a store was given up, and it is valid");
	if (is_valid(image) || is_noted(&record, image) || !random_once_in(&trial->random, 4))
		return;
	leave_out(&command, (unsigned int)trial->dropping);
	judge_must_refuse(trial, images, &command, "a store was given up without a word");
}

/* Only header and record of it have changed since `before`. */
static void judge_dropped(struct trial *trial, const struct sim *sim, const uint8_t *before)
{
	int number = 2 + trial->dropping;
	uint64_t bytes = sim->devices[number].bytes;
	uint8_t *image = malloc(bytes);

	sim_copy(sim, number, image);
	if (is_valid(image))
		judge_violate(trial, "a store that was to be given up is valid");
	if (!bytes_are_zero(image + HEADER_BYTES, SECTOR_BYTES - HEADER_BYTES))
		judge_violate(trial, "a store was given up, and it has a record");
	if (memcmp(image + SECTOR_BYTES, before + SECTOR_BYTES, bytes - SECTOR_BYTES) != 0)
		judge_violate(trial, "a store was given up, and was written to");
	free(image);
}

static void run_drop(struct trial *trial, uint8_t *const images[SIM_DISKS], unsigned int number)
{
	struct command command = command_drop(trial, number);
	struct sim *sim = malloc(sizeof(*sim));
	struct failure why = {.text = ""};
	enum result result;

	judge_open_disks(sim, trial, images);
	trial->counts->drops++;
	trial->dropping = (int)number;
	trial->watched = WATCHED_MOMENTS;
	trial->depth++;
	judge_watch(trial, sim);
	if (random_once_in(&trial->random, 4))
		sim->fault = (struct fault){
			(enum fault_kind)(1 + random_below(&trial->random, FAULT_SHORT)),
			random_below(&trial->random, 60), false};
	result = judge_run(sim, trial->scenario, &command, &why);
	if (sim->fault_happened)
		judge_after_fault(trial, sim, result);
	else if (result != RESULT_OK)
		judge_violate(trial, why.text);
	else
		judge_finished(trial, sim);
	if (result == RESULT_OK)
		judge_dropped(trial, sim, images[2 + number]);
	trial->depth--;
	trial->watched = 0;
	trial->dropping = -1;
	sim_close(sim);
	free(sim);
}

void judge_drop(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live)
{
	const struct scenario *scenario = trial->scenario;
	struct record record;
	struct command command;
	unsigned int number;

	if (scenario->kept_count == 0 || trial->dropping >= 0 || trial->depth >= DEPTH_MAX)
		return;
	number = (unsigned int)random_below(&trial->random, scenario->kept_count);
	if (scenario->kept[number].too_small)
		return;
	if (has_record(images[1], &record) && has_record(images[2 + number], &record)) {
		run_drop(trial, images, number);
	} else if ((has_record(images[1], &record) || live > 0) && !scenario->duplicates) {
		/* It is not kept yet, or no more. (With --force it would be taken for the one that
		 * is missing.) */
		command = command_drop(trial, number);
		judge_must_refuse(trial, images, &command, "a store was dropped that is not kept");
	}
}
