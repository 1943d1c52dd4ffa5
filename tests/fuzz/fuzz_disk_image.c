// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An image of a whole disk, with partitions or without: what store/device finds in it, with
 * libblkid, and the volumes in that. Whatever is there, physical volumes and volumes are inside the
 * image, and what cannot be found is told.
 *
 * An input is a byte of flags, the size of the image in KiB, u16, and what is in it, all else being
 * zeros: the number of a sector, u16, a count of bytes, u16, and these, again and again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/base/checksum.h"
#include "store/device/volumes.h"
#include "tests/fuzz/disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t bytes);

#define MEND_CHECKSUMS 1
#define IMAGE_BYTES_MAX (8u << 20)
#define SECTORS_MAX (IMAGE_BYTES_MAX / SECTOR_BYTES)
#define VOLUMES_MAX 8u /* more take long */

static int image_fd = -1;
static uint8_t *image; /* the file, mapped: what is after its end must not be touched */
static uint64_t image_bytes;
static char path[32];

/* ---- the image ---- */

static void make_image(void)
{
	image_fd = memfd_create("cowtool-fuzz", MFD_CLOEXEC);
	FUZZ_CHECK(image_fd >= 0);
	image = mmap(NULL, IMAGE_BYTES_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, image_fd, 0);
	FUZZ_CHECK(image != MAP_FAILED);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", image_fd);
}

static uint32_t weak_checksum(const uint8_t *bytes, size_t count)
{
	return ~checksum_crc32(~0xf597a6cfu, bytes, count);
}

/* Of a metadata area of LVM's, which begins at that byte. */
static void mend_area(uint64_t start)
{
	uint8_t *header = image + start;
	uint64_t place = get_le64(header + 40), bytes = get_le64(header + 48);

	if (place < image_bytes - start && bytes <= image_bytes - start - place)
		put_le32(header + 56, weak_checksum(header + place, bytes));
	put_le32(header, weak_checksum(header + 4, SECTOR_BYTES - 4));
}

static void mend_gpt(uint8_t *header)
{
	uint64_t place = get_le64(header + 72), entries = get_le32(header + 80), bytes;

	if (checked_mul(place, SECTOR_BYTES, &place) && place < image_bytes &&
	    checked_mul(entries, get_le32(header + 84), &bytes) && bytes <= image_bytes - place)
		put_le32(header + 88, checksum_crc32(0, image + place, bytes));
	put_le32(header + 16, 0);
	put_le32(header + 16, checksum_crc32(0, header, 92));
}

static void mend(uint64_t from, uint64_t to)
{
	for (; from < to; from += SECTOR_BYTES) {
		uint8_t *sector = image + from;

		if (memcmp(sector, "LABELONE", 8) == 0)
			put_le32(sector + 16, weak_checksum(sector + 20, SECTOR_BYTES - 20));
		else if (memcmp(sector + 4, " LVM2 x[5A%r0N*>", 16) == 0)
			mend_area(from);
		else if (memcmp(sector, "EFI PART", 8) == 0)
			mend_gpt(sector);
	}
}

/* One part of the input; returns what follows it. The checksums are mended after all of them. */
static const uint8_t *take_part(const uint8_t *at, const uint8_t *end, bool mending)
{
	uint64_t start = (uint64_t)fuzz_u16(at) * SECTOR_BYTES;
	size_t bytes = (size_t)min_u64(fuzz_u16(at + 2), (uint64_t)(end - at - 4));
	uint64_t inside = start < image_bytes ? min_u64(bytes, image_bytes - start) : 0;

	if (mending)
		mend(start, start + round_up(inside, SECTOR_BYTES));
	else
		memcpy(image + start, at + 4, inside);
	return at + 4 + bytes;
}

static void fill_image(const uint8_t *input, const uint8_t *end)
{
	image_bytes = min_u64((uint64_t)fuzz_u16(input + 1) << 10, IMAGE_BYTES_MAX);
	FUZZ_CHECK(ftruncate(image_fd, 0) == 0);
	FUZZ_CHECK(ftruncate(image_fd, (off_t)image_bytes) == 0);
	for (int mending = 0; mending <= (input[0] & MEND_CHECKSUMS); mending++)
		for (const uint8_t *at = input + 3; end - at >= 4;)
			at = take_part(at, end, mending);
}

/* ---- what is found ---- */

static void check_disk(const struct disk *disk)
{
	FUZZ_CHECK(disk->offset <= image_bytes && disk->bytes <= image_bytes - disk->offset);
	FUZZ_CHECK(disk->fd >= 0 && !disk->is_block);
	FUZZ_CHECK(strncmp(disk->name, path, strlen(path)) == 0 && strcmp(disk->path, path) == 0);
}

/* What is written to one must not be on another one. */
static void check_apart(const struct disks *found)
{
	for (size_t i = 0; i < found->count; i++)
		for (size_t k = 0; k < i; k++) {
			const struct disk *one = &found->items[i], *other = &found->items[k];

			FUZZ_CHECK(one->obstacle[0] || other->obstacle[0] ||
				   one->offset + one->bytes <= other->offset ||
				   other->offset + other->bytes <= one->offset);
		}
}

/* Is it all in one of the disks that are taken? */
static bool is_on_disk(const struct disks *found, uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < found->count; i++)
		if (found->items[i].obstacle[0] == 0 && from >= found->items[i].offset &&
		    to <= found->items[i].offset + found->items[i].bytes)
			return true;
	return false;
}

static void check_volume(const struct volumes *volumes, const struct volume *volume)
{
	for (unsigned int s = 0; s < volume->map.segment_count; s++) {
		const struct map_segment *segment = &volume->map.segments[s];

		for (unsigned int i = 0; i < segment->area_count; i++)
			FUZZ_CHECK(is_on_disk(&volumes->found, segment->areas[i].offset,
					      segment->areas[i].offset +
						      segment->bytes / segment->area_count));
	}
}

/* As the file has it. */
static void check_read(struct volumes *volumes, const char *name)
{
	struct device device;
	struct device_place place;
	uint8_t sector[SECTOR_BYTES];
	struct failure why = {.text = ""};

	FUZZ_CHECK(volumes_open(volumes, &device, name, DEVICE_LOOK, &why) == RESULT_OK);
	place = device_place(&device, device.bytes - SECTOR_BYTES, SECTOR_BYTES);
	device_use_cache(&device);
	FUZZ_CHECK(place.bytes == SECTOR_BYTES && place.offset <= image_bytes - SECTOR_BYTES);
	FUZZ_CHECK(device_read(&device, device.bytes - SECTOR_BYTES, sector, SECTOR_BYTES) ==
		   (ssize_t)SECTOR_BYTES);
	FUZZ_CHECK(memcmp(sector, image + place.offset, SECTOR_BYTES) == 0);
	device_close(&device, &why);
}

static void look_for_volume(struct volumes *volumes, const struct groups_one *one,
			    unsigned int number)
{
	char name[PV_ID_BYTES + GROUP_NAME_MAX + 8];
	struct failure why = {.text = ""};
	struct volume *volume;
	enum result result;

	snprintf(name, sizeof(name), "LVM=%s/%s", one->group.id, one->group.volumes[number].name);
	result = volumes_find(volumes, name, &volume, &why);
	FUZZ_CHECK(result == RESULT_OK || why.text[0]);
	FUZZ_CHECK(result == RESULT_OK || result == RESULT_REFUSED || result == RESULT_NOT_THERE);
	if (result != RESULT_OK)
		return;
	check_volume(volumes, volume);
	check_read(volumes, name);
}

static void look_for_volumes(struct volumes *volumes)
{
	for (size_t i = 0; i < volumes->groups.count; i++) {
		const struct groups_one *one = &volumes->groups.groups[i];

		for (unsigned int k = 0; k < one->group.volume_count && k < VOLUMES_MAX; k++)
			look_for_volume(volumes, one, k);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t bytes)
{
	const char *const names[] = {path};
	struct volumes volumes = {.disks = names, .disk_count = 1, .mode = DEVICE_LOOK};
	struct failure why = {.text = ""};
	enum result result;

	if (bytes < 3)
		return 0;
	if (!image)
		make_image();
	fill_image(input, input + bytes);
	result = volumes_load(&volumes, &why);
	FUZZ_CHECK(result == RESULT_OK || (why.text[0] && result != RESULT_INTERNAL));
	for (size_t i = 0; i < volumes.found.count; i++)
		check_disk(&volumes.found.items[i]);
	if (result == RESULT_OK) {
		check_apart(&volumes.found);
		look_for_volumes(&volumes);
	}
	volumes_end(&volumes);
	return 0;
}
