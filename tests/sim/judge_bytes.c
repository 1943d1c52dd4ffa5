// SPDX-License-Identifier: GPL-2.0-or-later
/* What must be true of origin and store, whatever is kept; and of a kernel that goes on with
 * them. */
#include "tests/sim/judge.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

void judge_list(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live)
{
	const struct scenario *scenario = trial->scenario;
	struct exception list[SCENARIO_EXCEPTIONS_MAX];

	if (memcmp(images[1], scenario->images[1], HEADER_BYTES) != 0)
		judge_violate(trial, "the header changed");
	if (live > scenario->exceptions) {
		judge_violate(trial, "there are more exceptions than before");
		return;
	}
	kernel_read(images[1], scenario->store_bytes, scenario->chunk_sectors, list,
		    SCENARIO_EXCEPTIONS_MAX);
	if (memcmp(list, scenario->list, live * sizeof(list[0])) != 0)
		judge_violate(trial, "the live exceptions are not a prefix of the first ones");
}

void judge_view(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live,
		const char *what)
{
	const struct scenario *scenario = trial->scenario;
	uint8_t *view = malloc(scenario->origin_bytes);

	/* What comes after the snapshot's end is the origin's own, and never changes. */
	memcpy(view, images[0], scenario->origin_bytes);
	/* The list is a prefix of the first one: judge_list. */
	if (scenario->skip_lost && live <= scenario->exceptions)
		lost_view(scenario, images[0], images[1], live, view);
	else
		kernel_view(images[0], scenario->shown_bytes, images[1], scenario->store_bytes,
			    scenario->chunk_sectors, view);
	if (memcmp(view, scenario->view, scenario->origin_bytes) != 0)
		judge_violate(trial, what);
	free(view);
}

/* While anything is left to merge and anything was changed, the record says so. */
void judge_record(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live,
		  struct record *record)
{
	const struct scenario *scenario = trial->scenario;
	bool touched = live < scenario->exceptions ||
		       memcmp(images[0], scenario->images[0], scenario->origin_bytes) != 0;
	bool present = record_decode(images[1] + RECORD_OFFSET, record) == RECORD_PRESENT;

	if (live > 0 && touched && !present)
		judge_violate(trial, "the merge has begun, and no record says so");
	if (present && record->exceptions != scenario->exceptions)
		judge_violate(trial, "the record is not of this merge");
}

static bool is_left(const struct scenario *scenario, const uint8_t *store, uint64_t index)
{
	return get_le64(store + scenario_entry_place(scenario, index) + 8) != 0;
}

/* Once it was cleared, nobody may find it again: a kernel that fills an area zeroes the next one, but
 * what is left at an area's end leads into the next one. */
static void judge_lost_tail(struct trial *trial, const uint8_t *store, uint32_t live)
{
	const struct scenario *scenario = trial->scenario;
	uint64_t per_area = scenario->chunk_sectors * 32ull;

	/* What cannot be read is cleared last. */
	if (lost_end_is_unreadable(scenario, live))
		return;
	for (uint64_t i = live + 1; i < scenario->exceptions; i++) {
		if (i % per_area == 0 && (i == live + 1 || !is_left(scenario, store, i - 1)))
			return;
		if (lost_in_part(scenario, (uint32_t)i) && is_left(scenario, store, i))
			judge_violate(trial, "a lost exception was left after the end of the list");
	}
}

/* Where a torn clear could bring another chunk's data to life, nothing may be left after the end.
 */
void judge_tail(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live)
{
	const struct scenario *scenario = trial->scenario;

	judge_lost_tail(trial, images[1], live);
	if (scenario->dirty_tail || lost_end_is_unreadable(scenario, live) ||
	    (scenario->usual_order && !scenario->duplicates))
		return;
	if (kernel_tail_is_dirty(images[1], scenario->store_bytes, scenario->chunk_sectors))
		judge_violate(trial, "an entry was left after the end of the list");
}

static const char *use_again(struct trial *trial, uint8_t *copy[SIM_DISKS], unsigned int disk)
{
	const struct scenario *scenario = trial->scenario;
	uint64_t bytes = disk == 1 ? scenario->shown_bytes : scenario->kept[disk - 2].shown_bytes;
	uint8_t *view = malloc(bytes);
	const char *wrong;

	memcpy(view, disk == 1 ? scenario->view : scenario->kept[disk - 2].view, bytes);
	trial->counts->kernel_uses++;
	wrong = kernel_use(copy[0], bytes, copy[disk], scenario_bytes(scenario, disk),
			   disk == 1 ? scenario->chunk_sectors
				     : scenario->kept[disk - 2].chunk_sectors,
			   view, &trial->random);
	free(view);
	return wrong;
}

/* A kernel that adds exceptions to a store with a dirty tail may bring that to life: its own
 * defect. */
static bool kernel_may_keep(const struct scenario *scenario, uint8_t *const images[SIM_DISKS])
{
	for (unsigned int i = 0; i < scenario->kept_count; i++)
		/* The undo store of a merge that never began keeps nothing. */
		if (scenario->kept[i].dirty_tail || scenario->kept[i].too_small ||
		    get_le32(images[2 + i]) != HEADER_MAGIC)
			return false;
	return true;
}

/* The last chunk of a snapshot that ends within it the kernel merges whole: what is after the
 * snapshot's end in that chunk is lost with it. */
static bool kernel_merged_right(const struct scenario *scenario, const uint8_t *origin)
{
	uint64_t merged = min_u64(round_up(scenario->shown_bytes, scenario->chunk_sectors * 512ull),
				  scenario->origin_bytes);

	return memcmp(origin, scenario->view, scenario->shown_bytes) == 0 &&
	       memcmp(origin + merged, scenario->view + merged, scenario->origin_bytes - merged) ==
		       0;
}

void judge_kernel(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live)
{
	const struct scenario *scenario = trial->scenario;
	unsigned int disk =
		1 + (unsigned int)random_below(&trial->random, 1 + scenario->kept_count);
	const char *wrong = NULL;
	uint8_t *copy[SIM_DISKS];

	/* No kernel can go on with that. */
	if (lost_is_left(scenario, live) || lost_end_is_unreadable(scenario, live))
		return;
	judge_copy_images(scenario, copy, images);
	if (random_once_in(&trial->random, 2)) {
		trial->counts->kernel_merges++;
		if (!kernel_merge(scenario, copy) && !scenario->too_small)
			judge_violate(trial,
				      "the kernel finished the merge, and a kept store was full");
		if (!kernel_merged_right(scenario, copy[0]))
			judge_violate(trial,
				      "the kernel finished the merge, and the origin is wrong");
		if (kernel_may_keep(scenario, copy))
			judge_kept(trial, copy,
				   "the kernel finished the merge, and a kept view is wrong");
	} else if (disk == 1 ? !scenario->dirty_tail
			     : !scenario->kept[disk - 2].dirty_tail &&
				       !scenario->kept[disk - 2].too_small &&
				       !judge_is_dropped(trial, disk - 2, copy[disk])) {
		wrong = use_again(trial, copy, disk);
		if (wrong)
			judge_violate(trial, wrong);
	}
	judge_free_images(copy);
}
