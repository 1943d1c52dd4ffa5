// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Volume groups. An input is a byte of flags (enum flag), the label and the header of a metadata
 * area, a sector each, and the text. With TWO_DISKS, there is a second disk, with another id and
 * what follows the text's first NUL. Whatever is there, it is read or refused; what is read has
 * volumes without gaps, and layouts within their physical volumes.
 */
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/base/checksum.h"
#include "store/volume/groups.h"
#include "store/volume/layout.h"
#include "tests/fuzz/disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t bytes);

enum flag {
	MEND_CHECKSUMS = 1,
	MAKE_HEADERS = 2, /* those of the input are not looked at */
	TWO_DISKS = 4,
};

#define HEADERS_BYTES 1024u
#define LABEL 512u
#define AREA 4096u
#define AREA_BYTES 65536u
#define DISK_BYTES (1u << 20)
#define ID_PLACE 32u /* in the label */

struct disk {
	uint8_t bytes[DISK_BYTES];
};

static struct disk disks[2];

static enum result read_disk(void *context, uint64_t offset, void *buffer, size_t count,
			     struct failure *why)
{
	const struct disk *disk = context;

	(void)why;
	FUZZ_CHECK(count <= DISK_BYTES && offset <= DISK_BYTES - count);
	memcpy(buffer, disk->bytes + offset, count);
	return RESULT_OK;
}

/* ---- disks ---- */

static uint32_t weak_checksum(const uint8_t *bytes, size_t count)
{
	return ~checksum_crc32(~0xf597a6cfu, bytes, count);
}

static void make_label(uint8_t *label)
{
	memset(label, 0, SECTOR_BYTES);
	memcpy(label, "LABELONE", 8);
	put_le64(label + 8, 1);
	put_le32(label + 20, 32);
	memcpy(label + 24, "LVM2 001", 8);
	memset(label + ID_PLACE, '0', 32);
	put_le64(label + 72, 1u << 19);
	put_le64(label + 104, AREA);
	put_le64(label + 112, AREA_BYTES);
}

static void make_header(uint8_t *header, size_t text_bytes)
{
	memset(header, 0, SECTOR_BYTES);
	memcpy(header + 4, " LVM2 x[5A%r0N*>", 16);
	put_le32(header + 20, 1);
	put_le64(header + 24, AREA);
	put_le64(header + 32, AREA_BYTES);
	put_le64(header + 40, SECTOR_BYTES);
	put_le64(header + 48, text_bytes);
}

/* The text is where the header says, if that is in the area. */
static void mend(uint8_t *disk)
{
	uint8_t *header = disk + AREA;
	uint64_t place = get_le64(header + 40), bytes = get_le64(header + 48);

	if (place < AREA_BYTES && bytes <= AREA_BYTES - place)
		put_le32(header + 56, weak_checksum(header + place, bytes));
	put_le32(header, weak_checksum(header + 4, SECTOR_BYTES - 4));
	put_le32(disk + LABEL + 16, weak_checksum(disk + LABEL + 20, SECTOR_BYTES - 20));
}

static void make_disk(struct disk *disk, const uint8_t *input, const uint8_t *text, size_t bytes)
{
	memset(disk->bytes, 0, AREA + AREA_BYTES);
	memcpy(disk->bytes + LABEL, input + 1, SECTOR_BYTES);
	memcpy(disk->bytes + AREA, input + 1 + SECTOR_BYTES, SECTOR_BYTES);
	memcpy(disk->bytes + AREA + SECTOR_BYTES, text, bytes);
	if (input[0] & MAKE_HEADERS) {
		make_label(disk->bytes + LABEL);
		make_header(disk->bytes + AREA, bytes);
	}
	if (disk == &disks[1])
		disk->bytes[LABEL + ID_PLACE + 31] = '1';
	if (input[0] & MEND_CHECKSUMS)
		mend(disk->bytes);
}

/* ---- what was read ---- */

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

static void add_disk(struct groups *groups, struct disk *disk)
{
	struct pv_source source = {DISK_BYTES, disk, read_disk};
	struct failure why;
	bool found;

	FUZZ_CHECK(groups_add(groups, &source, disk == disks ? "disk0" : "disk1", &found, &why) ==
		   RESULT_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t bytes)
{
	const uint8_t *text = input + 1 + HEADERS_BYTES, *second = NULL;
	struct groups groups = {.count = 0};
	struct failure why;

	if (bytes < 1 + HEADERS_BYTES)
		return 0;
	bytes = (size_t)min_u64(bytes - 1 - HEADERS_BYTES, AREA_BYTES - SECTOR_BYTES);
	if (input[0] & TWO_DISKS)
		second = memchr(text, 0, bytes);
	make_disk(&disks[0], input, text, second ? (size_t)(second - text) : bytes);
	add_disk(&groups, &disks[0]);
	if (second) {
		make_disk(&disks[1], input, second + 1, (size_t)(text + bytes - second - 1));
		add_disk(&groups, &disks[1]);
	}
	FUZZ_CHECK(groups_choose(&groups, &why) == RESULT_OK);
	check_groups(&groups);
	groups_free(&groups);
	return 0;
}
