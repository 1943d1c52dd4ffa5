// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuzz/pvs.h"

#include <string.h>

#include "store/base/bytes.h"
#include "store/base/checksum.h"
#include "tests/fuzz/disk.h"

#define LABEL 512u
#define AREA 4096u
#define AREA_BYTES (FUZZ_PV_OWN_BYTES - AREA)
#define ID_PLACE 32u /* in the label */

struct fuzz_pv fuzz_pvs[FUZZ_PVS];

static const char *const names[FUZZ_PVS] = {"disk0", "disk1"};

static enum result read_disk(void *context, uint64_t offset, void *buffer, size_t count,
			     struct failure *why)
{
	const struct fuzz_pv *disk = context;

	(void)why;
	FUZZ_CHECK(count <= FUZZ_PV_BYTES && offset <= FUZZ_PV_BYTES - count);
	memcpy(buffer, disk->bytes + offset, count);
	return RESULT_OK;
}

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
	put_le64(label + 72, FUZZ_PV_BYTES);
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

static void make_disk(struct fuzz_pv *disk, const uint8_t *input, const uint8_t *text, size_t bytes)
{
	memset(disk->bytes, 0, AREA + AREA_BYTES);
	memcpy(disk->bytes + LABEL, input + 1, SECTOR_BYTES);
	memcpy(disk->bytes + AREA, input + 1 + SECTOR_BYTES, SECTOR_BYTES);
	memcpy(disk->bytes + AREA + SECTOR_BYTES, text, bytes);
	if (input[0] & FUZZ_MAKE_HEADERS) {
		make_label(disk->bytes + LABEL);
		make_header(disk->bytes + AREA, bytes);
	}
	if (disk == &fuzz_pvs[1])
		disk->bytes[LABEL + ID_PLACE + 31] = '1';
	if (input[0] & FUZZ_MEND_CHECKSUMS)
		mend(disk->bytes);
}

static void add_disk(struct groups *groups, struct fuzz_pv *disk)
{
	struct pv_source source = {FUZZ_PV_BYTES, disk, read_disk};
	struct failure why;
	bool found;

	FUZZ_CHECK(groups_add(groups, &source, names[disk - fuzz_pvs], &found, &why) == RESULT_OK);
}

unsigned int fuzz_pvs_number(const struct groups_pv *pv)
{
	return pv->name == names[1];
}

void fuzz_pvs_read(const uint8_t *input, size_t bytes, struct groups *groups)
{
	const uint8_t *text = input + 1 + FUZZ_PV_HEADERS_BYTES, *second = NULL;
	struct failure why;
	size_t first_bytes;

	bytes = (size_t)min_u64(bytes - 1 - FUZZ_PV_HEADERS_BYTES, AREA_BYTES - SECTOR_BYTES);
	first_bytes = bytes;
	if (input[0] & FUZZ_ONE_TEXT) {
		second = text;
	} else if (input[0] & FUZZ_TWO_PVS && memchr(text, 0, bytes)) {
		second = (const uint8_t *)memchr(text, 0, bytes) + 1;
		first_bytes = (size_t)(second - 1 - text);
	}
	make_disk(&fuzz_pvs[0], input, text, first_bytes);
	add_disk(groups, &fuzz_pvs[0]);
	if (second) {
		make_disk(&fuzz_pvs[1], input, second, (size_t)(text + bytes - second));
		add_disk(groups, &fuzz_pvs[1]);
	}
	FUZZ_CHECK(groups_choose(groups, &why) == RESULT_OK);
}
