// SPDX-License-Identifier: GPL-2.0-or-later
/* What must be true of the kept stores. */
#include "tests/sim/judge.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

/* Too small or dropped, and marked invalid: it shows nothing any more. */
static bool is_given_up(const struct trial *trial, unsigned int i, const uint8_t *image)
{
	return (trial->scenario->kept[i].too_small && get_le32(image + 4) == 0) ||
	       judge_is_dropped(trial, i, image);
}

/* The kept stores show what they showed, and no exception is after their lists' ends. */
void judge_kept(struct trial *trial, uint8_t *const images[SIM_DISKS], const char *what)
{
	const struct scenario *scenario = trial->scenario;
	uint8_t *view = malloc(scenario->origin_bytes);

	for (unsigned int i = 0; i < scenario->kept_count; i++) {
		const struct scenario_kept *kept = &scenario->kept[i];

		if (is_given_up(trial, i, images[2 + i]))
			continue;
		kernel_view(images[0], kept->shown_bytes, images[2 + i], kept->bytes,
			    kept->chunk_sectors, view);
		if (memcmp(view, kept->view, kept->shown_bytes) != 0)
			judge_violate(trial, what);
		if (!kept->dirty_tail &&
		    kernel_tail_is_dirty(images[2 + i], kept->bytes, kept->chunk_sectors))
			judge_violate(trial,
				      "an entry was left after the end of a kept store's list");
	}
	free(view);
}

/* The chunk is all that the origin had there, to its real end, whoever shows how much of it. */
static bool is_whole_copy(const struct scenario *scenario, const struct scenario_kept *kept,
			  const uint8_t *image, const struct exception *exception)
{
	uint64_t chunk_bytes = kept->chunk_sectors * 512ull;
	uint64_t offset = exception->old_chunk * chunk_bytes, inside;
	const uint8_t *data = image + exception->new_chunk * chunk_bytes;

	if (offset >= scenario->origin_bytes)
		return false;
	inside = min_u64(chunk_bytes, scenario->origin_bytes - offset);
	return memcmp(data, scenario->images[0] + offset, inside) == 0 &&
	       bytes_are_zero(data + inside, chunk_bytes - inside);
}

void judge_copies(struct trial *trial, uint8_t *const images[SIM_DISKS])
{
	const struct scenario *scenario = trial->scenario;
	struct exception *list = malloc(2 * SCENARIO_EXCEPTIONS_MAX * sizeof(*list));

	for (unsigned int i = 0; i < scenario->kept_count; i++) {
		const struct scenario_kept *kept = &scenario->kept[i];
		uint32_t count;

		if (is_given_up(trial, i, images[2 + i]))
			continue;
		count = kernel_read(images[2 + i], kept->bytes, kept->chunk_sectors, list,
				    2 * SCENARIO_EXCEPTIONS_MAX);
		for (uint32_t k = kept->exceptions; k < count; k++)
			if (!is_whole_copy(scenario, kept, images[2 + i], &list[k]))
				judge_violate(trial,
					      "a kept chunk is not all that the origin had there");
	}
	free(list);
}

/* But for its header it is what it was: for whoever wants to set it valid again. */
static void judge_given_up(struct trial *trial, const uint8_t *image, unsigned int i)
{
	const struct scenario_kept *kept = &trial->scenario->kept[i];

	if (get_le32(image + 4) != 0)
		judge_violate(trial, "a store that was given up is not marked invalid");
	if (memcmp(image + SECTOR_BYTES, trial->scenario->images[2 + i] + SECTOR_BYTES,
		   kept->bytes - SECTOR_BYTES) != 0)
		judge_violate(trial, "a store that was given up was written to");
}

/* At the end: what they had, and exactly what they lacked, and no record. */
void judge_kept_finished(struct trial *trial, const uint8_t *image, unsigned int i)
{
	const struct scenario *scenario = trial->scenario;
	const struct scenario_kept *kept = &scenario->kept[i];
	struct exception *list;
	uint64_t count;

	if (kept->too_small)
		judge_given_up(trial, image, i);
	if (kept->too_small || judge_is_dropped(trial, i, image))
		return;
	list = malloc(2 * SCENARIO_EXCEPTIONS_MAX * sizeof(*list));
	count = kernel_read(image, kept->bytes, kept->chunk_sectors, list,
			    2 * SCENARIO_EXCEPTIONS_MAX);
	if (count != kept->exceptions + kept->needed)
		judge_violate(trial, "a kept store has too few or too many exceptions");
	if (memcmp(list, kept->list, kept->exceptions * sizeof(*list)) != 0)
		judge_violate(trial, "a kept store lost an exception");
	for (uint64_t k = kept->exceptions; k < count && !trial->failed; k++)
		if (!kept->lacking[list[k].old_chunk])
			judge_violate(trial, "a kept store got an exception that it did not lack");
	if (!bytes_are_zero(image + RECORD_OFFSET, RECORD_BYTES))
		judge_violate(trial, "the merge is done, and a kept store has a record");
	if (!kept->undo && !bytes_are_zero(image + IMPRINT_OFFSET, IMPRINT_BYTES))
		judge_violate(trial, "the merge is done, and a kept store has an imprint");
	if (kernel_tail_is_dirty(image, kept->bytes, kept->chunk_sectors))
		judge_violate(trial, "the merge is done, and a kept store has a dirty tail");
	free(list);
}
