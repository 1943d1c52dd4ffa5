// SPDX-License-Identifier: GPL-2.0-or-later
/* Physical volumes are found in images, of whole disks, too, and what is none says what it is. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/base/checksum.h"
#include "store/device/disks.h"

#define MIB (1u << 20)
#define IMAGE_BYTES (16u * MIB)

static uint8_t image[IMAGE_BYTES];
static char path[] = "/tmp/cowtool-disks-XXXXXX";

static void put_le16(uint8_t *bytes, unsigned int value)
{
	bytes[0] = (uint8_t)value;
	bytes[1] = (uint8_t)(value >> 8);
}

/* ---- what is in the image ---- */

static void put_label(uint64_t offset)
{
	memcpy(image + offset + 512, "LABELONE", 8);
	memcpy(image + offset + 512 + 24, "LVM2 001", 8);
}

static void put_ext2(uint64_t offset)
{
	uint8_t *block = image + offset + 1024;

	put_le32(block, 1024);	   /* inodes */
	put_le32(block + 4, 1024); /* blocks */
	put_le16(block + 56, 0xef53);
	put_le32(block + 76, 1);
	memcpy(block + 104, "0123456789abcdef", 16);
	memcpy(block + 120, "root", 4);
}

/* The superblock of an md array of version 0.90, at the end. */
static void put_md(void)
{
	uint8_t *block = image + IMAGE_BYTES - 65536;

	put_le32(block, 0xa92b4efc);
	put_le32(block + 8, 90);
	put_le32(block + 20, 0x12345678);
}

static void put_mbr_entry(uint64_t table, unsigned int number, uint8_t type, uint32_t start,
			  uint32_t sectors)
{
	uint8_t *entry = image + table + 446 + (size_t)16 * number;

	entry[4] = type;
	put_le32(entry + 8, start);
	put_le32(entry + 12, sectors);
	put_le16(image + table + 510, 0xaa55);
}

/* Partitions 1 at 1 MiB, 2, an extended one at 4 MiB, and in that 5 at 5 MiB and 6 at 9 MiB. */
static void put_mbr(void)
{
	put_mbr_entry(0, 0, 0x83, 2048, 4096);
	put_mbr_entry(0, 1, 0x05, 8192, 20480);
	put_mbr_entry(4 * MIB, 0, 0x8e, 2048, 4096);
	put_mbr_entry(4 * MIB, 1, 0x05, 8192, 6144);
	put_mbr_entry(8 * MIB, 0, 0x83, 2048, 4096);
}

/* Partitions 1 at 1 MiB and 3 at 4 MiB, of 2 MiB each. */
static void put_gpt(uint32_t block)
{
	static const unsigned int numbers[] = {1, 3}, places[] = {1, 4};
	uint8_t *header = image + block, *entries = image + 2 * (size_t)block;
	uint32_t last = IMAGE_BYTES / block - 1;

	put_mbr_entry(0, 0, 0xee, 1, last);
	for (size_t i = 0; i < 2; i++) {
		uint8_t *entry = entries + (size_t)128 * (numbers[i] - 1);

		memset(entry, (int)(0x11 * numbers[i]), 32);
		put_le64(entry + 32, (uint64_t)places[i] * MIB / block);
		put_le64(entry + 40, (uint64_t)(places[i] + 2) * MIB / block - 1);
	}
	memcpy(header, "EFI PART\0\0\1\0\x5c\0\0\0", 16);
	put_le64(header + 24, 1);
	put_le64(header + 32, last);
	put_le64(header + 40, 32768 / block + 2);
	put_le64(header + 48, last - 32768 / block - 1);
	memset(header + 56, 0x77, 16);
	put_le64(header + 72, 2);
	put_le32(header + 80, 128);
	put_le32(header + 84, 128);
	put_le32(header + 88, checksum_crc32(0, entries, 16384));
	put_le32(header + 16, checksum_crc32(0, header, 92));
}

/* ---- what is found ---- */

static struct disks disks;

static enum result find(const char *const *names, size_t count)
{
	struct failure why = {.text = ""};
	enum result result = disks_find(&disks, names, count, &why);

	if (result != RESULT_OK)
		CHECK(why.text[0] != 0);
	return result;
}

/* In the image as it is now; it is empty again afterwards. */
static void look(void)
{
	const char *const names[] = {path};
	FILE *file = fopen(path, "w");

	CHECK(fwrite(image, 1, IMAGE_BYTES, file) == IMAGE_BYTES && fclose(file) == 0);
	memset(image, 0, sizeof(image));
	disks_free(&disks);
	CHECK(find(names, 1) == RESULT_OK);
}

static bool is_item(size_t number, const char *name, uint64_t offset, uint64_t bytes)
{
	const struct disk *item = &disks.items[number];
	char wanted[100];

	snprintf(wanted, sizeof(wanted), "%s%s", path, name);
	return number < disks.count && strcmp(item->name, wanted) == 0 &&
	       strcmp(item->path, path) == 0 && item->offset == offset && item->bytes == bytes &&
	       !item->is_block && item->fd >= 0;
}

static bool is_taken(size_t number)
{
	return disks.items[number].obstacle[0] == 0;
}

static bool says(const char *text, const char *part)
{
	if (strstr(text, part))
		return true;
	printf("# \"%s\"\n", text);
	return false;
}

/* ---- tests ---- */

static void an_image_with_a_label_is_one(void)
{
	put_label(0);
	look();
	CHECK(disks.count == 1 && disks.other_count == 0);
	CHECK(is_item(0, "", 0, IMAGE_BYTES) && is_taken(0));
	put_label(1024);
	look();
	CHECK(disks.count == 1 && is_taken(0));
}

static void a_label_elsewhere_is_none(void)
{
	put_label(1536);
	look();
	CHECK(disks.count == 0 && disks.other_count == 1);
	put_label(0);
	image[512 + 24] = 'X';
	look();
	CHECK(disks.count == 0 && disks.other_count == 1);
	CHECK(strcmp(disks.others[0].text, "holds no physical volume") == 0);
}

static void partitions_of_an_mbr_are_found(void)
{
	put_mbr();
	put_label(1 * MIB);
	put_label(4 * MIB);
	put_label(5 * MIB);
	put_label(9 * MIB);
	look();
	CHECK(disks.count == 3 && disks.other_count == 0);
	CHECK(is_item(0, ", partition 1", 1 * MIB, 2 * MIB) && is_taken(0));
	CHECK(is_item(1, ", partition 5", 5 * MIB, 2 * MIB) && is_taken(1));
	CHECK(is_item(2, ", partition 6", 9 * MIB, 2 * MIB) && is_taken(2));
}

static void partitions_of_a_gpt_are_found(void)
{
	static const uint32_t blocks[] = {512, 4096};

	for (size_t i = 0; i < 2; i++) {
		put_gpt(blocks[i]);
		put_label(1 * MIB);
		put_label(4 * MIB);
		look();
		CHECK(disks.count == 2 && disks.other_count == 0);
		CHECK(is_item(0, ", partition 1", 1 * MIB, 2 * MIB) && is_taken(0));
		CHECK(is_item(1, ", partition 3", 4 * MIB, 2 * MIB) && is_taken(1));
	}
}

static void a_partition_is_cut_off_where_the_image_is(void)
{
	put_mbr_entry(0, 0, 0x8e, 2048, 65536);
	put_mbr_entry(0, 1, 0x8e, 1u << 20, 65536);
	put_label(1 * MIB);
	look();
	CHECK(disks.count == 1 && is_item(0, ", partition 1", MIB, IMAGE_BYTES - MIB));
}

static void a_partition_table_beside_a_label_is_an_obstacle(void)
{
	put_mbr();
	put_label(0);
	put_label(5 * MIB);
	look();
	CHECK(disks.count == 2 && is_item(0, "", 0, IMAGE_BYTES));
	CHECK(says(disks.items[0].obstacle, "has a partition table (dos), and an old label"));
	CHECK(is_item(1, ", partition 5", 5 * MIB, 2 * MIB) && is_taken(1));
	put_gpt(4096);
	put_label(0);
	look();
	CHECK(disks.count == 1);
	CHECK(says(disks.items[0].obstacle, "has a partition table (gpt), and an old label"));
}

static void an_empty_partition_table_is_no_obstacle(void)
{
	put_le16(image + 510, 0xaa55);
	put_label(0);
	look();
	CHECK(disks.count == 1 && is_taken(0));
}

static void partitions_that_overlap_are_obstacles(void)
{
	put_mbr_entry(0, 0, 0x8e, 2048, 8192);
	put_mbr_entry(0, 1, 0x8e, 8192, 4096);
	put_mbr_entry(0, 2, 0x8e, 12288, 4096);
	put_label(1 * MIB);
	put_label(4 * MIB);
	put_label(6 * MIB);
	look();
	CHECK(disks.count == 3 && is_item(2, ", partition 3", 6 * MIB, 2 * MIB) && is_taken(2));
	CHECK(says(disks.items[0].obstacle, "has bytes in common with"));
	CHECK(says(disks.items[0].obstacle, ", partition 2, which has a label of LVM's, too"));
	CHECK(says(disks.items[1].obstacle, ", partition 1, which has a label of LVM's, too"));
}

static void a_member_of_a_raid_is_an_obstacle(void)
{
	put_label(0);
	put_md();
	look();
	CHECK(disks.count == 1);
	CHECK(says(disks.items[0].obstacle, "is a member of an md array (linux_raid_member)"));
}

static void a_file_system_over_a_label_is_an_obstacle(void)
{
	put_label(0);
	put_ext2(0);
	put_mbr_entry(0, 0, 0x8e, 2048, 4096);
	memset(image + 446, 0, 66);
	look();
	CHECK(disks.count == 1);
	CHECK(says(disks.items[0].obstacle, "holds ext2, LABEL root, and an old label"));
}

static void a_store_is_told_of(void)
{
	put_label(0);
	memcpy(image, "SnAp\1\0\0\0\1\0\0\0\20\0\0\0", 16);
	look();
	CHECK(disks.count == 1 && says(disks.items[0].obstacle, "holds DM_snapshot_cow"));
	CHECK(disks.other_count == 1 && disks.others[0].is_store);
	put_mbr();
	memcpy(image + 5 * MIB, "SnAp\1\0\0\0\1\0\0\0\20\0\0\0", 16);
	look();
	CHECK(disks.count == 0 && disks.other_count == 1 && disks.others[0].is_store);
	CHECK(says(disks.others[0].name, ", partition 5") && disks.others[0].offset == 5 * MIB);
}

static void what_has_no_label_says_what_it_is(void)
{
	put_ext2(0);
	look();
	CHECK(disks.count == 0 && disks.other_count == 1 && !disks.others[0].is_store);
	CHECK(says(disks.others[0].text, "holds ext2, LABEL root"));
	CHECK(says(disks.others[0].text, ", and no physical volume"));
	memcpy(image, "QFI\xfb\0\0\0\3", 8);
	look();
	CHECK(says(disks.others[0].text, "is a qcow2 image, and no physical volume; 'qemu-nbd "));
	put_gpt(512);
	look();
	CHECK(says(disks.others[0].text, "holds a partition table, gpt"));
}

static void what_is_named_twice_is_there_once(void)
{
	char link[sizeof(path) + 5];
	const char *names[] = {path, link, path};

	snprintf(link, sizeof(link), "%s.link", path);
	CHECK(symlink(path, link) == 0);
	put_mbr();
	put_label(1 * MIB);
	put_label(5 * MIB);
	look();
	disks_free(&disks);
	CHECK(find(names, 3) == RESULT_OK && disks.count == 2 && disks.other_count == 0);
	look();
	disks_free(&disks);
	CHECK(find(names, 3) == RESULT_OK && disks.count == 0 && disks.other_count == 1);
	unlink(link);
}

static void what_cannot_be_looked_at_is_refused(void)
{
	const char *const gone[] = {"/tmp/there/is/no/such/disk"}, *const folder[] = {"/tmp"};

	disks_free(&disks);
	CHECK(find(gone, 1) == RESULT_NOT_THERE);
	disks_free(&disks);
	CHECK(find(folder, 1) == RESULT_REFUSED);
}

static void a_source_has_the_bytes_of_its_partition(void)
{
	struct pv_source source;
	struct failure why;
	uint8_t bytes[24];

	put_mbr();
	put_label(5 * MIB);
	memcpy(image + 7 * MIB - 8, "the end.", 8);
	look();
	source = disks_source(&disks.items[0]);
	CHECK(source.bytes == 2 * MIB);
	CHECK(source.read(source.context, 512, bytes, 8, &why) == RESULT_OK);
	CHECK(memcmp(bytes, "LABELONE", 8) == 0);
	CHECK(source.read(source.context, 2 * MIB - 8, bytes, 8, &why) == RESULT_OK);
	CHECK(memcmp(bytes, "the end.", 8) == 0);
	CHECK(source.read(source.context, 2 * MIB - 7, bytes, 8, &why) != RESULT_OK);
	CHECK(source.read(source.context, UINT64_MAX, bytes, 8, &why) != RESULT_OK);
	CHECK(truncate(path, 6 * MIB) == 0);
	CHECK(source.read(source.context, 2 * MIB - 8, bytes, 8, &why) == RESULT_IO);
}

int main(void)
{
	int fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	unit_run("disks: an image with LVM's label is one", an_image_with_a_label_is_one);
	unit_run("disks: a label after the fourth sector, or of another type, is none",
		 a_label_elsewhere_is_none);
	unit_run("disks: primary and logical partitions of an MBR are found, not the extended one",
		 partitions_of_an_mbr_are_found);
	unit_run("disks: partitions of a GPT are found, with blocks of 512 or 4096 bytes",
		 partitions_of_a_gpt_are_found);
	unit_run("disks: a partition ends where the image does",
		 a_partition_is_cut_off_where_the_image_is);
	unit_run("disks: a partition table beside a label is an obstacle; its partitions are found",
		 a_partition_table_beside_a_label_is_an_obstacle);
	unit_run("disks: an empty partition table is no obstacle",
		 an_empty_partition_table_is_no_obstacle);
	unit_run("disks: partitions that overlap are obstacles, others are not",
		 partitions_that_overlap_are_obstacles);
	unit_run("disks: what md has at the end is an obstacle", a_member_of_a_raid_is_an_obstacle);
	unit_run("disks: a file system over an old label is an obstacle",
		 a_file_system_over_a_label_is_an_obstacle);
	unit_run("disks: a store is told of, also in a partition, and with an old label",
		 a_store_is_told_of);
	unit_run("disks: what is named and has no label says what it is",
		 what_has_no_label_says_what_it_is);
	unit_run("disks: what is named twice is there once", what_is_named_twice_is_there_once);
	unit_run("disks: a name that leads nowhere, and a folder, are no disks",
		 what_cannot_be_looked_at_is_refused);
	unit_run("disks: a source reads its partition, and nothing past its end",
		 a_source_has_the_bytes_of_its_partition);
	disks_free(&disks);
	unlink(path);
	return unit_end();
}
