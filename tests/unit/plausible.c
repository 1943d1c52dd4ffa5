// SPDX-License-Identifier: GPL-2.0-or-later
/* verify/check/plausible: what a file system, a table or a label says of the places where nobody
 * writes. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "verify/check/plausible.h"

#define HEAD_BYTES (1024u << 10)
#define MIB ((uint64_t)1 << 20)

static uint8_t head[HEAD_BYTES];
static struct plausible plausible;

/* What is learned from `head` of an origin of this size that holds such a thing. */
static void learn(const char *type, uint64_t origin_bytes)
{
	struct probe_identity identity = {.type = ""};

	snprintf(identity.type, sizeof(identity.type), "%s", type);
	plausible_learn(&plausible, &identity, head, sizeof(head), origin_bytes);
}

/* Does something speak against a store that has this exception alone? */
static bool objects(uint64_t from, uint64_t to)
{
	struct plausible looked = plausible;

	plausible_look(&looked, 7, from, to);
	CHECK(!plausible_objection(&looked) || plausible_objection(&looked)->old_chunk == 7);
	return plausible_objection(&looked) != NULL;
}

static void clear(void)
{
	memset(head, 0, sizeof(head));
}

static void put_be32(uint8_t *bytes, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void file_systems_end(void)
{
	clear();
	put_le32(head + 1024 + 4, 2048);
	put_le32(head + 1024 + 24, 2);
	learn("ext4", 64 * MIB);
	CHECK(plausible.end == 8 * MIB);
	CHECK(!objects(8 * MIB, 8 * MIB + 4096));
	CHECK(objects(10 * MIB, 10 * MIB + 4096));
	CHECK(!objects(63 * MIB, 63 * MIB + 4096));
	put_le32(head + 1024 + 96, 0x80);
	put_le32(head + 1024 + 336, 1);
	learn("ext4", 64 * MIB);
	CHECK(plausible.end == ((1ull << 32) + 2048) * 4096);

	clear();
	put_be32(head + 4, 4096);
	put_be32(head + 12, 512);
	learn("xfs", 64 * MIB);
	CHECK(plausible.end == 2 * MIB);

	clear();
	put_le64(head + 65536 + 209, 7 * MIB);
	learn("btrfs", 64 * MIB);
	CHECK(plausible.end == 7 * MIB);

	clear();
	put_le32(head + 1028, 1023);
	memcpy(head + 4086, "SWAPSPACE2", 10);
	learn("swap", 64 * MIB);
	CHECK(plausible.end == 4 * MIB);
}

static void hostile_numbers_are_no_end(void)
{
	memset(head, 0xff, sizeof(head));
	for (size_t i = 0; i < 7; i++) {
		static const char *const types[] = {"ext4", "xfs",	   "vfat",	 "ntfs",
						    "swap", "LVM2_member", "crypto_LUKS"};

		learn(types[i], 64 * MIB);
		CHECK(plausible.count <= PLAUSIBLE_RANGES_MAX);
		objects(UINT64_MAX - 1, UINT64_MAX);
	}
	memcpy(head, "LABELONE", 8);
	learn("LVM2_member", 64 * MIB);
	learn("LVM2_member", 0);
	learn("", 64 * MIB);
	CHECK(plausible.count == 0 && plausible.end == 0);
}

static void partitions_have_gaps(void)
{
	struct probe_identity identity = {.type = "dos",
					  .partitions = {{40 * MIB, 50 * MIB}, {4 * MIB, 20 * MIB}},
					  .partition_count = 2};

	clear();
	plausible_learn(&plausible, &identity, head, sizeof(head), 64 * MIB);
	CHECK(plausible.count == 3);
	CHECK(!objects(0, 4096));
	CHECK(objects(2 * MIB, 2 * MIB + 4096));
	CHECK(!objects(4 * MIB, 4 * MIB + 4096));
	CHECK(!objects(20 * MIB - 512, 20 * MIB + 512));
	CHECK(objects(30 * MIB, 30 * MIB + 4096));
	CHECK(objects(60 * MIB, 60 * MIB + 4096));
	CHECK(!objects(63 * MIB, 64 * MIB));
}

static void luks_has_keys(void)
{
	clear();
	memcpy(head, "LUKS\xba\xbe\0\1", 8);
	put_be32(head + 104, 4096);
	learn("crypto_LUKS", 64 * MIB);
	CHECK(plausible.count == 1 && plausible.ranges[0].to == 2 * MIB);
	CHECK(plausible.ranges[0].key == 0);
	clear();
	memcpy(head, "LUKS\xba\xbe\0\2", 8);
	put_be32(head + 12, 16384);
	strcpy((char *)head + 5000,
	       "{\"config\":{\"json_size\":\"12288\",\"keyslots_size\":\"16744448\"}}");
	learn("crypto_LUKS", 64 * MIB);
	CHECK(plausible.count == 1 && plausible.ranges[0].to == 16 * MIB);
}

/* A label in the second sector; one data area, one metadata area. */
static void physical_volume_has_metadata(void)
{
	uint8_t *header = head + 512 + 32;

	clear();
	memcpy(head + 512, "LABELONE", 8);
	put_le32(head + 512 + 20, 32);
	put_le64(header + 32, 100 * MIB);
	put_le64(header + 40, MIB);
	put_le64(header + 72, 4096);
	put_le64(header + 80, MIB - 4096);
	learn("LVM2_member", 128 * MIB);
	CHECK(plausible.end == 100 * MIB);
	CHECK(plausible.count == 2);
	CHECK(plausible.ranges[1].from == 4096 && plausible.ranges[1].to == MIB);
	CHECK(plausible.ranges[1].key == 4096);
	CHECK(objects(8192, 12288) && !objects(4096, 8192));
	/* Whichever is looked at first. */
	plausible_look(&plausible, 2, 8192, 12288);
	plausible_look(&plausible, 1, 4096, 8192);
	CHECK(!plausible_objection(&plausible));
}

int main(void)
{
	unit_run("plausible: a file system says where it ends", file_systems_end);
	unit_run("plausible: hostile numbers are bounded", hostile_numbers_are_no_end);
	unit_run("plausible: between partitions nobody writes", partitions_have_gaps);
	unit_run("plausible: a LUKS header and its keys", luks_has_keys);
	unit_run("plausible: the metadata of a physical volume", physical_volume_has_metadata);
	return unit_end();
}
