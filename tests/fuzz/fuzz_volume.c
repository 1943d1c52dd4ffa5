// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Volume groups, of an input as pvs.h has it. Whatever is there, it is read or refused; what is read
 * has volumes without gaps, and layouts within their physical volumes.
 */
#include <string.h>

#include "store/volume/layout.h"
#include "tests/fuzz/disk.h"
#include "tests/fuzz/pvs.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t bytes);

static void check_volume(const struct group *group, unsigned int number)
{
	const struct group_volume *volume = &group->volumes[number];
	uint64_t end = 0;

	FUZZ_CHECK(group_find_volume(group, volume->name) == (int)number);
	FUZZ_CHECK(group_is_name(volume->name, strlen(volume->name)));
	FUZZ_CHECK(volume->segment_count > 0);
	for (unsigned int s = 0; s < volume->segment_count; s++) {
		const struct group_segment *segment = &volume->segments[s];

		FUZZ_CHECK(segment->start == end && segment->extent_count > 0);
		FUZZ_CHECK(!segment->is_mapped || segment->area_count > 0);
		for (unsigned int i = 0; i < segment->area_count; i++)
			FUZZ_CHECK(segment->areas[i].index < (segment->areas[i].is_volume
								      ? group->volume_count
								      : group->pv_count));
		end += segment->extent_count;
	}
	FUZZ_CHECK(end == volume->extent_count);
}

static void check_layout(const struct group *group, const struct layout *layout)
{
	uint64_t end = 0;

	for (unsigned int s = 0; s < layout->segment_count; s++) {
		const struct layout_segment *segment = &layout->segments[s];
		uint64_t bytes = segment->bytes / segment->area_count;

		FUZZ_CHECK(segment->start == end && bytes > 0);
		FUZZ_CHECK(bytes * segment->area_count == segment->bytes);
		FUZZ_CHECK(segment->area_count == 1 || bytes % segment->stripe_bytes == 0);
		for (unsigned int i = 0; i < segment->area_count; i++) {
			const struct group_pv *pv = &group->pvs[segment->areas[i].pv];
			uint64_t offset = segment->areas[i].offset;

			FUZZ_CHECK(segment->areas[i].pv < group->pv_count);
			FUZZ_CHECK(offset >= pv->start_bytes &&
				   offset + bytes <= pv->start_bytes + pv->extent_count *
									       group->extent_bytes);
		}
		end += segment->bytes;
	}
	FUZZ_CHECK(end == layout->bytes);
}

static bool overlap(const struct layout_segment *one, const struct layout_segment *other)
{
	for (unsigned int i = 0; i < one->area_count; i++)
		for (unsigned int k = 0; k < other->area_count; k++) {
			const struct layout_area *a = &one->areas[i], *b = &other->areas[k];

			if (a->pv == b->pv &&
			    a->offset < b->offset + other->bytes / other->area_count &&
			    b->offset < a->offset + one->bytes / one->area_count)
				return true;
		}
	return false;
}

/* Where the group may be written to, no byte of the store is one of the origin. */
static void check_pair(const struct group *group, const struct group_snapshot *snapshot)
{
	struct layout origin, store;
	struct failure why;

	if (layout_make(&origin, group, snapshot->origin, &why) != RESULT_OK)
		return;
	if (layout_make(&store, group, snapshot->store, &why) == RESULT_OK) {
		for (unsigned int i = 0; i < origin.segment_count; i++)
			for (unsigned int k = 0; k < store.segment_count; k++)
				FUZZ_CHECK(!overlap(&origin.segments[i], &store.segments[k]));
		layout_free(&store);
	}
	layout_free(&origin);
}

static void check_group(const struct group *group)
{
	struct failure why = {.text = ""};
	struct layout layout;

	for (unsigned int i = 0; i < group->volume_count; i++) {
		check_volume(group, i);
		if (layout_make(&layout, group, i, &why) == RESULT_OK) {
			FUZZ_CHECK(layout.bytes ==
				   group->volumes[i].extent_count * group->extent_bytes);
			check_layout(group, &layout);
		} else {
			FUZZ_CHECK(why.text[0] != 0 && layout.segments == NULL);
		}
		layout_free(&layout);
	}
	if (layout_check_group(group, &why) != RESULT_OK)
		return;
	for (unsigned int i = 0; i < group->snapshot_count; i++)
		check_pair(group, &group->snapshots[i]);
}

static void check_groups(const struct groups *groups)
{
	size_t index;
	struct failure why;

	for (size_t i = 0; i < groups->count; i++) {
		const struct groups_one *one = &groups->groups[i];

		FUZZ_CHECK(!one->is_uncertain || one->obstacle[0]);
		for (unsigned int k = 0; k < one->group.pv_count; k++)
			FUZZ_CHECK(one->pvs[k] < (int)groups->pv_count);
		FUZZ_CHECK(groups_find(groups, one->group.id, &index, &why) != RESULT_NOT_THERE);
		check_group(&one->group);
	}
	for (size_t i = 0; i < groups->pv_count; i++)
		FUZZ_CHECK(groups->pvs[i].chosen < (int)groups->count);
	for (size_t i = 0; i < groups->problem_count; i++)
		FUZZ_CHECK(strncmp(groups->problems[i], "disk", 4) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t bytes)
{
	struct groups groups = {.count = 0};

	if (bytes < 1 + FUZZ_PV_HEADERS_BYTES)
		return 0;
	fuzz_pvs_read(input, bytes, &groups);
	check_groups(&groups);
	groups_free(&groups);
	return 0;
}
