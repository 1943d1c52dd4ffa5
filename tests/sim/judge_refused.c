// SPDX-License-Identifier: GPL-2.0-or-later
/* Resumes that must be refused, and must have written nothing. */
#include "tests/sim/judge.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

void judge_must_refuse(struct trial *trial, uint8_t *const images[SIM_DISKS],
		       const struct command *command, const char *what)
{
	enum result result;
	const struct scenario *scenario = trial->scenario;
	struct failure why = {.text = ""};
	struct sim *sim = malloc(sizeof(*sim));

	judge_open_disks(sim, trial, images);
	result = judge_run(sim, scenario, command, &why);
	if (result != RESULT_REFUSED && result != RESULT_DAMAGED)
		judge_violate(trial, what);
	if (!judge_same_images(scenario, sim, images))
		judge_violate(trial, "a refused resume wrote something");
	sim_close(sim);
	free(sim);
}

void judge_wrong_kept(struct trial *trial, uint8_t *const images[SIM_DISKS])
{
	const struct scenario *scenario = trial->scenario;
	struct command command = judge_command(scenario, true);
	unsigned int last = 1 + command.kept_count;
	bool other = random_once_in(&trial->random, 2);
	uint8_t *copy[SIM_DISKS];
	struct record record;

	if (command.kept_count == 0 || scenario->too_small || trial->dropping >= 0 ||
	    record_decode(images[1] + RECORD_OFFSET, &record) != RECORD_PRESENT)
		return;
	trial->counts->wrong_kept++;
	judge_copy_images(scenario, copy, images);
	if (other && record_decode(copy[last] + RECORD_OFFSET, &record) == RECORD_PRESENT) {
		record.id[0] ^= 1;
		record_encode(&record, copy[last] + RECORD_OFFSET);
	} else {
		command.kept_count--;
	}
	judge_must_refuse(trial, copy, &command, "a resume with wrong kept stores was not refused");
	judge_free_images(copy);
}

void judge_wrong_origin(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live,
			const struct record *record)
{
	const struct scenario *scenario = trial->scenario;
	struct command command = judge_choose_resume(trial, images);
	uint8_t *copy[SIM_DISKS];

	if (live == 0 || live == scenario->exceptions || scenario->duplicates)
		return;
	/* Nothing is left that could be merged. */
	if (lost_list_is_unreadable(scenario, live))
		return;
	/* The last exception may be lost, or one of two for its chunk. */
	if (scenario->skip_lost && record->witness_chunk == RECORD_NO_WITNESS)
		return;
	trial->counts->wrong_origins++;
	judge_copy_images(scenario, copy, images);
	copy[0][record->witness_chunk * scenario->chunk_sectors * 512] ^= 1;
	judge_must_refuse(trial, copy, &command, "a resume onto a wrong origin was not refused");
	judge_free_images(copy);
}

void judge_lost_resume(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live)
{
	struct command command = judge_choose_resume(trial, images);

	command.skip_lost = false;
	if (lost_is_left(trial->scenario, live) && !trial->scenario->unreadable)
		judge_must_refuse(trial, images, &command,
				  "what is lost was skipped without leave");
}
