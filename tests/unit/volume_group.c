// SPDX-License-Identifier: GPL-2.0-or-later
/* store/volume/group and tree: metadata texts, as lvm2 writes them, and as nobody should. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "store/volume/group.h"
#include "tests/unit/volume.h"

/* root is on pv0 and pv1, cow is the store of its snapshot, striped is on both. */
#define VOLUMES                                                                                    \
	"root {\nid = \"" ID_DASHED(                                                               \
		"r") "\"\nstatus = [" TEXT_VISIBLE                                                 \
		     "]\nflags = []\nsegment_count = 2\n" TEXT_LINEAR("segment1", "0", "4", "pv0", \
								      "0")                         \
			     TEXT_LINEAR("segment2", "4", "2", "pv1", "28") "}\n\n" TEXT_VOLUME(   \
				     "cow", "c", TEXT_HIDDEN,                                      \
				     TEXT_LINEAR("segment1", "0", "3", "pv0", "4"))                \
				     TEXT_VOLUME("striped", "s", TEXT_VISIBLE,                     \
						 TEXT_SEGMENT("segment1", "0", "4", "striped",     \
							      "stripe_count = 2\nstripe_size = "   \
							      "128\nstripes = [\n\"pv0\", 8,"      \
							      "\n\"pv1\", 0\n]\n"))                \
					     TEXT_SNAPSHOT("snapshot0", "t", "5",                  \
							   "origin = \"root\"\ncow_store = "       \
							   "\"cow\"\n")

#define TEXT TEXT_GROUP("vg", "g", "7", TEXT_PV("pv0", "0") "\n" TEXT_PV("pv1", "1"), VOLUMES)

static struct group group;
static struct failure why;

static enum result read_bytes(const char *text, size_t count)
{
	char *copy = malloc(count + 1);

	memcpy(copy, text, count);
	copy[count] = '\0';
	why.text[0] = '\0';
	group_free(&group);
	return group_read(&group, copy, count, &why);
}

static enum result read_text(const char *text)
{
	return read_bytes(text, strlen(text) + 1);
}

/* The text with a change. */
static enum result read_with(const char *from, const char *to)
{
	char *text = text_with(TEXT, from, to);
	enum result result = read_text(text);

	free(text);
	return result;
}

static bool refuses(enum result wanted, const char *from, const char *to, const char *sentence)
{
	enum result result = read_with(from, to);
	bool good = result == wanted && strstr(why.text, sentence) && group.memory == NULL;

	if (!good)
		printf("# %s -> %s: %d \"%s\", not \"%s\"\n", from, to, (int)result, why.text,
		       sentence);
	return good;
}

static bool is_damaged(const char *from, const char *to, const char *sentence)
{
	return refuses(RESULT_DAMAGED, from, to, sentence);
}

static bool is_read(const char *from, const char *to)
{
	enum result result = read_with(from, to);

	if (result != RESULT_OK)
		printf("# %s -> %s: %s\n", from, to, why.text);
	return result == RESULT_OK;
}

/* ---- what is read ---- */

static void a_group_is_read(void)
{
	CHECK(read_text(TEXT) == RESULT_OK);
	CHECK(strcmp(group.name, "vg") == 0 && strcmp(group.id, ID_PLAIN("g")) == 0);
	CHECK(group.seqno == 7 && group.extent_bytes == 4u << 20);
	CHECK(group.writable && !group.exported && !group.clustered && !group.moving);
	CHECK(group.system_id[0] == 0 && group.lock_type[0] == 0 && group.unknown == NULL);
	CHECK(group.pv_count == 2 && group.volume_count == 3 && group.snapshot_count == 1);
	CHECK(strcmp(group.pvs[1].name, "pv1") == 0 && strcmp(group.pvs[1].id, ID_PLAIN("1")) == 0);
	CHECK(group.pvs[1].start_bytes == 1 << 20 && group.pvs[1].extent_count == 30 &&
	      group.pvs[1].device_bytes == 128u << 20 && !group.pvs[1].missing);
}

static void volumes_are_read(void)
{
	const struct group_volume *root, *striped;

	CHECK(read_text(TEXT) == RESULT_OK);
	root = &group.volumes[0];
	CHECK(strcmp(root->name, "root") == 0 && strcmp(root->id, ID_PLAIN("r")) == 0);
	CHECK(root->writable && root->visible && !root->moving && !root->unknown);
	CHECK(root->extent_count == 6 && root->segment_count == 2 && root->is_origin &&
	      root->snapshot == GROUP_NO_SNAPSHOT);
	CHECK(root->segments[1].start == 4 && root->segments[1].extent_count == 2 &&
	      root->segments[1].is_mapped && root->segments[1].area_count == 1);
	CHECK(!root->segments[1].areas[0].is_volume && root->segments[1].areas[0].index == 1 &&
	      root->segments[1].areas[0].extent == 28);
	CHECK(!group.volumes[1].visible && group.volumes[1].snapshot == 0 &&
	      !group.volumes[1].is_origin);
	striped = &group.volumes[2];
	CHECK(striped->segments[0].stripe_bytes == 65536 && striped->segments[0].area_count == 2);
	CHECK(striped->segments[0].areas[0].extent == 8 &&
	      striped->segments[0].areas[1].index == 1);
}

static void snapshots_are_read(void)
{
	CHECK(read_text(TEXT) == RESULT_OK);
	CHECK(strcmp(group.snapshots[0].name, "snapshot0") == 0 && !group.snapshots[0].merging);
	CHECK(group.snapshots[0].origin == 0 && group.snapshots[0].store == 1 &&
	      group.snapshots[0].chunk_sectors == 16 && group.snapshots[0].extent_count == 5);
	CHECK(is_read("cow_store", "merging_store") && group.snapshots[0].merging);
	CHECK(is_read("snapshot0 {", "snapshot17 {"));
	CHECK(is_read("chunk_size = 16", "chunk_size = 8"));
	CHECK(is_read("chunk_size = 16", "chunk_size = 1024"));
	CHECK(is_read("extent_count = 5", "extent_count = 6"));
}

static void volumes_are_found(void)
{
	CHECK(read_text(TEXT) == RESULT_OK);
	CHECK(group_find_volume(&group, "root") == 0 && group_find_volume(&group, "cow") == 1 &&
	      group_find_volume(&group, "striped") == 2);
	CHECK(group_find_volume(&group, "snapshot0") == -1 && group_find_volume(&group, "") == -1 &&
	      group_find_volume(&group, "ROOT") == -1 && group_find_volume(&group, "pv0") == -1);
	CHECK(read_text(TEXT_GROUP("vg", "g", "1", "", "")) == RESULT_OK);
	CHECK(group.pv_count == 0 && group.volume_count == 0 &&
	      group_find_volume(&group, "root") == -1);
}

static void what_may_be_missing_may(void)
{
	CHECK(is_read("flags = []\nextent_size", "extent_size"));
	CHECK(is_read("format = \"lvm2\"\n", "") && is_read("dev_size = 262144\n", ""));
	CHECK(group.pvs[0].device_bytes == 0);
	CHECK(is_read("device = \"/dev/sda\"\nstatus = [\"ALLOCATABLE\"]\nflags = []\n",
		      "status = []\n"));
	CHECK(is_read(TEXT_VISIBLE "]\nflags = []\n", TEXT_VISIBLE "]\n"));
	CHECK(read_text("vg {\nid = \"" ID_DASHED(
		      "g") "\"\nseqno = 1\nstatus = []\nextent_size = 1\nmax_lv = 0\nmax_pv = 0\nphysical_volumes {\n}\n}\n"
			   "contents = \"Text Format Volume Group\"\nversion = 1\n") == RESULT_OK);
	CHECK(!group.writable && group.extent_bytes == 512 && group.volume_count == 0);
	CHECK(read_bytes(TEXT, strlen(TEXT)) == RESULT_OK);
}

static void what_nobody_asks_for_is_ignored(void)
{
	CHECK(is_read("max_lv = 0", "max_lv = 0\nnew = -1\nmore { a = [1, \"b\"]\nb { } }"));
	CHECK(is_read("max_lv = 0", "max_lv = 0 allocation_policy = \"x\\\"\\\\\n\xff\x1b\""));
	CHECK(is_read("pe_start = 2048", "pe_start = 2048 tags = [\"x\"] sub { }"));
	CHECK(is_read("creation_time = 1795944078\ncreation_host = \"vm\"", "read_ahead = -1"));
	CHECK(is_read("stripe_count = 1", "stripe_count = 1\npolicy { x = 1 }"));
	CHECK(is_read("version = 1\n", "version = 1 # and so on"));
	CHECK(is_read("max_lv", "\tmax_lv"));
}

static void flags_are_told(void)
{
	CHECK(is_read("\"RESIZEABLE\", \"READ\"", "\"EXPORTED\"") && group.exported);
	CHECK(is_read("\"RESIZEABLE\", \"READ\"", "\"CLUSTERED\", \"SHARED\"") && group.clustered);
	CHECK(is_read("\"RESIZEABLE\", \"READ\"", "\"PVMOVE\"") && group.moving && group.writable);
	CHECK(is_read(", \"WRITE\"]\nflags = []", "]\nflags = [\"NOAUTOACTIVATE\"]"));
	CHECK(!group.writable && !group.unknown);
	CHECK(is_read(", \"WRITE\"]\nflags = []", "]\nflags = [\"WRITE_LOCKED\"]"));
	CHECK(group.writable && !group.unknown);
	CHECK(is_read("max_lv", "system_id = \"me\"\nlock_type = \"dlm\"\nmax_lv"));
	CHECK(strcmp(group.system_id, "me") == 0 && strcmp(group.lock_type, "dlm") == 0);
	CHECK(is_read("[\"ALLOCATABLE\"]\nflags = []", "[\"EXPORTED\"]\nflags = [\"MISSING\"]"));
	CHECK(group.pvs[0].missing && !group.pvs[1].missing && !group.unknown);
	CHECK(is_read(TEXT_VISIBLE "]\nflags = []", "]\nflags = [\"WRITE_LOCKED\"]"));
	CHECK(group.volumes[0].writable && !group.volumes[0].visible);
	CHECK(is_read(TEXT_VISIBLE, "\"READ\", \"LOCKED\"") && group.volumes[0].moving &&
	      !group.volumes[0].writable);
	CHECK(is_read(TEXT_VISIBLE, "\"PVMOVE\"") && group.volumes[0].moving);
}

static void unknown_words_are_kept(void)
{
	CHECK(is_read("\"RESIZEABLE\"", "\"NEW\"") && strcmp(group.unknown, "NEW") == 0);
	CHECK(is_read("flags = []", "flags = [\"NEW\"]") && strcmp(group.unknown, "NEW") == 0);
	CHECK(is_read("max_lv", "pr = \"require\"\nmax_lv") && strcmp(group.unknown, "pr") == 0);
	CHECK(is_read("\"ALLOCATABLE\"", "\"NEW\"") && strcmp(group.unknown, "NEW") == 0);
	/* LVM reads no group that has such a volume. */
	CHECK(is_read(TEXT_VISIBLE, "\"NEW\"") && strcmp(group.volumes[0].unknown, "NEW") == 0 &&
	      strcmp(group.unknown, "NEW") == 0);
	/* This it ignores. */
	CHECK(is_read("VISIBLE\"]\nflags = []", "VISIBLE\"]\nflags = [\"NEW\"]"));
	CHECK(strcmp(group.volumes[0].unknown, "NEW") == 0 && !group.unknown);
	CHECK(is_read("type = \"striped\"", "type = \"new\"") && strcmp(group.unknown, "new") == 0);
	CHECK(!group.volumes[0].segments[0].is_mapped &&
	      group.volumes[0].segments[0].area_count == 0);
	CHECK(is_read("type = \"striped\"", "type = \"striped+NEW\"") &&
	      strcmp(group.unknown, "striped+NEW") == 0 && !group.volumes[0].segments[0].is_mapped);
	CHECK(is_read("type = \"striped\"", "type = \"striped+RESHAPE\"") &&
	      strcmp(group.unknown, "striped+RESHAPE") == 0 &&
	      !group.volumes[0].segments[0].is_mapped);
	CHECK(is_read("type = \"striped\"", "type = \"linear+RESHAPE_DELTA_DISKS_PLUS\"") &&
	      group.unknown);
	CHECK(is_read("type = \"striped\"", "type = \"mirror+RESHAPE\"") && group.unknown);
	CHECK(is_read("type = \"striped\"", "type = \"stripe\"") && group.unknown);
}

static void types_are_known(void)
{
	const char *const types[] = {
		"mirror",
		"raid1",
		"raid5_ls",
		"raid6_zr",
		"raid10",
		"writecache",
		"thin",
		"thin-pool",
		"cache-pool",
		"integrity",
		"vdo",
		"zero",
		"vdo-pool",
		"raid5+RESHAPE",
		"error",
		"cache",
		"raid0",
		"raid0_meta+RESHAPE",
		"cache+METADATA_FORMAT+CACHE_USES_CACHEVOL",
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		char to[256];

		snprintf(to, sizeof(to),
			 "type = \"%s\"\nraid0_lvs = [\"root\", \"root\"]\n"
			 "mirrors = [\"pv0\", 8, \"root\", 2]\nstripe_count = 2",
			 types[i]);
		CHECK(is_read("type = \"striped\"\nstripe_count = 2", to) && !group.unknown);
		CHECK(group.volumes[2].segments[0].is_mapped == (strcmp(types[i], "raid0") == 0));
		CHECK(strcmp(group.volumes[2].segments[0].type, types[i]) == 0);
	}
	/* A mirror's legs are as long as it is. */
	CHECK(is_read("type = \"striped\"\nstripe_count = 2",
		      "type = \"mirror\"\nmirrors = [\"pv0\", 26, \"root\", 2]"));
	CHECK(group.volumes[2].segments[0].area_count == 2 &&
	      group.volumes[2].segments[0].areas[1].is_volume &&
	      group.volumes[2].segments[0].areas[1].extent == 2);
	CHECK(is_damaged("type = \"striped\"\nstripe_count = 2",
			 "type = \"mirror\"\nmirrors = [\"pv0\", 27, \"root\", 2]",
			 "pv0 has fewer extents"));
}

/* ---- areas that are volumes ---- */

#define IMAGE(name, letter, count, extent)                                                         \
	TEXT_VOLUME(name, letter, TEXT_HIDDEN, TEXT_LINEAR("segment1", "0", count, "pv0", extent))

static enum result read_volumes(const char *volumes)
{
	char *text = text_with(TEXT_GROUP("vg", "g", "7", TEXT_PV("pv0", "0"), "VOLUMES"),
			       "VOLUMES", volumes);
	enum result result = read_text(text);

	free(text);
	return result;
}

#define RAID0(type, count, key, images)                                                            \
	TEXT_VOLUME("r", "r", TEXT_VISIBLE,                                                        \
		    TEXT_SEGMENT("segment1", "0", count, type,                                     \
				 "stripe_count = 2\nstripe_size = 8\n" key " = [" images "]\n"))   \
	IMAGE("i0", "0", "2", "0")                                                                 \
	IMAGE("i1", "1", "2", "2") IMAGE("m0", "2", "1", "4") IMAGE("m1", "3", "1", "5")

static void raid0_is_mapped_to_its_images(void)
{
	const struct group_segment *segment;

	CHECK(read_volumes(RAID0("raid0", "4", "raid0_lvs", "\"i0\", \"i1\"")) == RESULT_OK);
	segment = &group.volumes[0].segments[0];
	CHECK(segment->is_mapped && segment->area_count == 2 && segment->stripe_bytes == 4096);
	CHECK(segment->areas[0].is_volume && segment->areas[0].index == 1 &&
	      segment->areas[1].index == 2 && segment->areas[1].extent == 0);
	CHECK(read_volumes(RAID0("raid0_meta", "4", "raids", "\"m0\", \"i0\", \"m1\", \"i1\"")) ==
	      RESULT_OK);
	segment = &group.volumes[0].segments[0];
	CHECK(segment->is_mapped && segment->area_count == 2 && segment->areas[0].index == 1 &&
	      segment->areas[1].index == 2);
	CHECK(read_volumes(RAID0("raid0", "6", "raid0_lvs", "\"i0\", \"i1\"")) == RESULT_DAMAGED);
	CHECK(strstr(why.text, "i0 has fewer extents"));
	CHECK(read_volumes(RAID0("raid0", "4", "raids", "\"i0\", \"i1\"")) == RESULT_DAMAGED);
	CHECK(read_volumes(RAID0("raid0", "4", "raid0_lvs", "\"i0\"")) == RESULT_DAMAGED);
	CHECK(read_volumes(RAID0("raid0", "4", "raid0_lvs", "\"i0\", 0")) == RESULT_DAMAGED);
	CHECK(read_volumes(RAID0("raid0", "4", "raid0_lvs", "\"i0\", \"pv0\"")) == RESULT_DAMAGED);
	CHECK(read_volumes(RAID0("raid0", "4", "raid0_lvs", "\"i0\", \"r\"")) == RESULT_DAMAGED);
	CHECK(read_volumes(RAID0("raid0_meta", "4", "raids", "\"m0\", \"i0\"")) == RESULT_DAMAGED);
}

static void a_physical_volume_is_before_a_volume_of_its_name(void)
{
	CHECK(read_volumes(IMAGE("pv0", "0", "2", "0") IMAGE("a", "1", "2", "2")) == RESULT_OK);
	CHECK(!group.volumes[1].segments[0].areas[0].is_volume);
	CHECK(read_volumes(IMAGE("b", "0", "2", "0") TEXT_VOLUME(
		      "a", "1", TEXT_VISIBLE, TEXT_LINEAR("segment1", "0", "1", "b", "1"))) ==
	      RESULT_OK);
	CHECK(group.volumes[1].segments[0].areas[0].is_volume &&
	      group.volumes[1].segments[0].areas[0].index == 0);
	CHECK(read_volumes(IMAGE("b", "0", "2", "0") TEXT_VOLUME(
		      "a", "1", TEXT_VISIBLE, TEXT_LINEAR("segment1", "0", "2", "b", "1"))) ==
	      RESULT_DAMAGED);
	CHECK(strstr(why.text, "b has fewer extents than are used of it"));
}

/* ---- what a text must have ---- */

static void what_must_be_there_must(void)
{
	const char *const keys[] = {
		"id",		"seqno",     "status",	      "extent_size",  "physical_volumes",
		"pe_start",	"pe_count",  "segment_count", "start_extent", "type",
		"stripe_count", "stripes",   "extent_count",  "stripe_size",  "chunk_size",
		"origin",	"cow_store", "contents",      "version"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char from[64], to[64], sentence[64];

		snprintf(from, sizeof(from), "\n%s ", keys[i]);
		snprintf(to, sizeof(to), "\nx%s ", keys[i]);
		snprintf(sentence, sizeof(sentence), " has no %s", keys[i]);
		CHECK(is_damaged(from, to, sentence));
	}
	CHECK(is_damaged("pv0 {\nid", "pv0 {\nx", "pv0 has no id"));
	CHECK(is_damaged("root {\nid", "root {\nx", "root has no id"));
	CHECK(is_damaged("max_lv", "x", "has no max_lv") &&
	      is_damaged("max_pv", "x", "has no max_pv"));
	CHECK(is_damaged("creation_time", "x", "cow has one of creation_time and creation_host"));
	CHECK(is_damaged("creation_host", "x", "cow has one of creation_time and creation_host"));
	CHECK(is_damaged("snapshot0 {\nid", "snapshot0 {\nx", "snapshot0 has no id"));
	CHECK(is_damaged("status = [\"ALLOCATABLE\"]\n", "", "pv0 has no status"));
	CHECK(is_damaged("status = [" TEXT_VISIBLE "]\n", "", "root has no status"));
}

static void kinds_are_checked(void)
{
	CHECK(is_damaged("seqno = 7", "seqno = \"7\"", "line 3: seqno is not a number"));
	CHECK(is_damaged("seqno = 7", "seqno = -7", "seqno is not a number"));
	CHECK(is_damaged("seqno = 7", "seqno = [7]", "seqno is not a number"));
	CHECK(is_damaged("seqno = 7", "seqno { }", "seqno is not a number"));
	CHECK(is_damaged("status = [\"RESIZEABLE\", \"READ\", \"WRITE\"]", "status = \"READ\"",
			 "status is not an array"));
	CHECK(is_damaged("\"RESIZEABLE\"", "1", "status has a number in it"));
	CHECK(is_damaged("flags = []", "flags = 1", "flags is not an array"));
	CHECK(is_damaged("type = \"striped\"", "type = 1", "type is not a string"));
	CHECK(is_damaged("physical_volumes {\n", "physical_volumes = 1\nx {\n",
			 "physical_volumes is not a section"));
	CHECK(is_damaged("physical_volumes {\n", "physical_volumes {\nx = 1\n",
			 "x is not a section"));
	CHECK(is_damaged("logical_volumes {\n", "logical_volumes = 1\nx {\n",
			 "logical_volumes is not a section"));
	CHECK(is_damaged("logical_volumes {\n", "logical_volumes {\nx = 1\n", "x is not a volume"));
	CHECK(is_damaged("max_lv", "system_id = 1\nmax_lv", "system_id is not a string"));
	CHECK(is_damaged("max_lv", "lock_type = []\nmax_lv", "lock_type is not a string"));
	CHECK(is_damaged("id = \"" ID_DASHED("g"), "id = \"" ID_PLAIN("g"),
			 "line 2: this is not an id of LVM's"));
	CHECK(is_damaged("id = \"" ID_DASHED("r"), "id = \"" ID_DASHED("_"),
			 "this is not an id of LVM's"));
}

static void other_kinds_of_text_are_refused(void)
{
	CHECK(refuses(RESULT_REFUSED, "Text Format", "Test Format",
		      "this is not the text of a volume group"));
	CHECK(refuses(RESULT_REFUSED, "version = 1", "version = 2",
		      "version 2 of the text's format is not known"));
	CHECK(refuses(RESULT_REFUSED, "version = 1", "version = 0", "version 0"));
	CHECK(refuses(RESULT_REFUSED, "\"lvm2\"", "\"lvm1\"", "the group is not in lvm2's format"));
	CHECK(is_damaged("version = 1", "version = \"1\"", "version is not a number"));
	CHECK(is_damaged("contents = \"Text Format Volume Group\"\n",
			 "contents = \"Text Format Volume Group\"\nvg2 {\n}\n",
			 "vg2 is a second group in one text"));
	CHECK(is_damaged("vg {", "# as in a backup\nvg {", "line 1: the text does not begin"));
	CHECK(is_damaged("vg {", "contents = \"x\"\nvg {", "line 1: the text does not begin"));
	CHECK(is_damaged("vg {", " vg {", "line 1: the text does not begin"));
	CHECK(is_damaged("vg {", "-vg {", "line 1: the text does not begin"));
	CHECK(is_damaged("vg {", "vg{", "line 1: the text does not begin"));
	CHECK(read_bytes("", 0) == RESULT_DAMAGED && read_bytes("\0", 1) == RESULT_DAMAGED);
	CHECK(read_text("vg {\n}\n") == RESULT_DAMAGED && read_text("vg {") == RESULT_DAMAGED);
}

/* ---- numbers and their ranges ---- */

static void numbers_are_decimal(void)
{
	CHECK(is_damaged("seqno = 7", "seqno = 07", "line 3: a number begins with 0"));
	CHECK(is_damaged("seqno = 7", "seqno = 08", "a number begins with 0"));
	CHECK(is_damaged("seqno = 7", "seqno = 00", "a number begins with 0"));
	CHECK(is_damaged("max_lv = 0", "max_lv = -01", "a number begins with 0"));
	CHECK(is_damaged("seqno = 7", "seqno = +7", "a value is neither"));
	CHECK(is_damaged("seqno = 7", "seqno = 0x7", "a value is neither"));
	CHECK(is_damaged("seqno = 7", "seqno = 7x", "a value is neither"));
	CHECK(is_damaged("seqno = 7", "seqno = 7_0", "a value is neither"));
	CHECK(is_damaged("seqno = 7", "seqno = 7.0", "a value is neither"));
	CHECK(is_damaged("seqno = 7", "seqno = 7/1", "a value is neither"));
	CHECK(is_damaged("seqno = 7", "seqno = 7-1", "a value is neither"));
	CHECK(is_damaged("seqno = 7", "seqno = seven", "a value is neither"));
	CHECK(is_damaged("seqno = 7", "seqno = -", "a value is neither"));
	CHECK(is_damaged("seqno = 7", "seqno =", "a value is neither"));
	CHECK(is_damaged("seqno = 7", "seqno = ", "a value is neither"));
	CHECK(is_read("max_lv = 0", "max_lv = 9223372036854775807"));
	CHECK(is_damaged("max_lv = 0", "max_lv = 9223372036854775808", "a number is too large"));
	CHECK(is_damaged("max_lv = 0", "max_lv = 18446744073709551617", "a number is too large"));
	CHECK(is_damaged("max_lv = 0", "max_lv = 99999999999999999999999",
			 "a number is too large"));
}

static void numbers_have_their_ranges(void)
{
	const struct {
		const char *from, *to, *sentence;
	} rows[] = {
		{"seqno = 7", "seqno = 0", "seqno is 0, not between 1 and 4294967295"},
		{"seqno = 7", "seqno = 4294967296", "seqno is 4294967296"},
		{"extent_size = 8192", "extent_size = 0", "extent_size is 0"},
		{"extent_size = 8192", "extent_size = 3", "extents of 3 sectors"},
		{"extent_size = 8192", "extent_size = 384", "extents of 384 sectors"},
		{"extent_size = 8192", "extent_size = 4294967296", "extent_size is"},
		{"pe_start = 2048", "pe_start = 18014398509481984", "pe_start is"},
		{"pe_start = 2048", "pe_start = 18014398509481983", "more bytes than any device"},
		{"pe_count = 30", "pe_count = 4294967296", "pe_count is"},
		{"dev_size = 262144", "dev_size = 18014398509481984", "dev_size is"},
		{"segment_count = 2", "segment_count = 0", "segment_count is 0"},
		{"segment_count = 2", "segment_count = 1", "root has 2 segments, not 1"},
		{"segment_count = 2", "segment_count = 3", "root has 2 segments, not 3"},
		{"start_extent = 0", "start_extent = 1", "segment1 begins at extent 1, not at 0"},
		{"start_extent = 4", "start_extent = 5", "segment2 begins at extent 5, not at 4"},
		{"start_extent = 4", "start_extent = 3", "segment2 begins at extent 3, not at 4"},
		{"extent_count = 4", "extent_count = 0", "extent_count is 0"},
		{"extent_count = 4", "extent_count = 4294967296", "extent_count is"},
		{"extent_count = 4", "extent_count = 4294967300", "extent_count is"},
		{"stripe_count = 1", "stripe_count = 0", "stripe_count is 0"},
		{"stripe_count = 2", "stripe_count = 129", "stripe_count is 129"},
		{"stripe_count = 2", "stripe_count = 3", "4 extents cannot be on 3 stripes"},
		{"stripe_count = 2", "stripe_count = 4", "stripes has not the areas of 4 stripes"},
		{"stripe_count = 2", "stripe_count = 1", "stripes has not the areas of 1 stripes"},
		{"stripe_size = 128", "stripe_size = 0", "stripe_size is 0"},
		{"stripe_size = 128", "stripe_size = 4", "stripe_size is 4"},
		{"stripe_size = 128", "stripe_size = 100", "stripes of 100 sectors do not fill"},
		{"stripe_size = 128", "stripe_size = 32768", "stripes of 32768 sectors do not"},
		{"\"pv0\", 0", "\"pv0\", 4294967296", "stripes is not a list of names"},
		{"\"pv0\", 0", "\"pv0\", -1", "stripes is not a list of names"},
		{"\"pv0\", 0", "0, \"pv0\"", "stripes is not a list of names"},
		{"\"pv0\", 0", "\"pv0\", \"pv0\"", "stripes is not a list of names"},
		{"\"pv0\", 0", "\"pv0\", 27", "pv0 has fewer extents than are used of it"},
		{"\"pv1\", 28", "\"pv1\", 29", "pv1 has fewer extents than are used of it"},
		{"\"pv1\", 28", "\"pv1\", 4294967295", "pv1 has fewer extents"},
		{"\"pv0\", 0", "\"pv2\", 0", "this is not a physical volume"},
		{"\"pv0\", 0", "\"root\", 0", "this is not a physical volume"},
		{"\"pv0\", 0", "\"snapshot0\", 0", "this is not a physical volume"},
		{"chunk_size = 16", "chunk_size = 0", "chunk_size is 0"},
		{"chunk_size = 16", "chunk_size = 4", "chunk_size is 4"},
		{"chunk_size = 16", "chunk_size = 24", "chunk_size is not a power of two"},
		{"chunk_size = 16", "chunk_size = 2048", "chunk_size is 2048"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK(is_damaged(rows[i].from, rows[i].to, rows[i].sentence));
	CHECK(is_read("extent_size = 8192", "extent_size = 65536"));
	CHECK(is_read("extent_size = 8192", "extent_size = 768"));
	CHECK(is_read("stripe_size = 128", "stripe_size = 8"));
	CHECK(is_read("stripe_size = 128", "stripe_size = 16384"));
	CHECK(is_read("seqno = 7", "seqno = 4294967295"));
	CHECK(is_read("\"pv0\", 0", "\"pv0\", 26"));
}

static void a_volume_has_fewer_bytes_than_2_to_the_63(void)
{
	const char *large =
		TEXT_GROUP("vg", "g", "7", TEXT_PV("pv0", "0"),
			   TEXT_VOLUME("a", "a", TEXT_VISIBLE,
				       TEXT_SEGMENT("segment1", "0", "4194303", "zero", "")));
	char *text = text_with(large, "extent_size = 8192", "extent_size = 4294967040");
	char *larger;

	larger = text_with(text, "extent_count = 4194303", "extent_count = 4194305");
	CHECK(read_text(text) == RESULT_OK);
	CHECK(read_text(larger) == RESULT_DAMAGED && strstr(why.text, "larger than any device"));
	free(text);
	free(larger);
}

/* ---- names, keys, sections ---- */

static void names_are_checked(void)
{
	char name[140], to[160];

	CHECK(is_damaged("root {", "-root {", "-root is not a volume"));
	CHECK(is_damaged("root {", ".. {", ".. is not a volume"));
	CHECK(is_damaged("pv0 {", "-pv0 {", "-pv0 is not a name of LVM's"));
	CHECK(is_damaged("segment1 {", "segment0 {", "segment0 is where segment1 should be"));
	CHECK(is_damaged("segment2 {", "segment3 {", "segment3 is where segment2 should be"));
	CHECK(is_damaged("segment1 {", "segment01 {", "segment01 is where segment1 should be"));
	CHECK(is_damaged("snapshot0 {", "snapshot {", "has not the name of one"));
	CHECK(is_damaged("snapshot0 {", "snapshot0a {", "has not the name of one"));
	CHECK(is_damaged("snapshot0 {", "snap {", "has not the name of one"));
	memset(name, 'a', sizeof(name));
	snprintf(to, sizeof(to), "%.127s {", name);
	CHECK(is_read("striped {", to));
	snprintf(to, sizeof(to), "%.128s {", name);
	CHECK(is_damaged("striped {", to, "is not a volume"));
	snprintf(to, sizeof(to), "%.127s {", name);
	CHECK(is_read("vg {", to));
	snprintf(to, sizeof(to), "%.128s {", name);
	CHECK(is_damaged("vg {", to, "line 1: the text does not begin"));
}

static void keys_are_plain_and_there_once(void)
{
	CHECK(is_damaged("seqno = 7", "seqno = 7\nseqno = 8",
			 "seqno is twice in the section that ends here"));
	CHECK(is_damaged("striped {", "root {", "root is twice in the section"));
	CHECK(is_damaged("pv1 {", "pv0 {", "pv0 is twice in the section"));
	CHECK(is_damaged("max_lv = 0", "a { b = 1 b = 1 }", "line 8: b is twice in the section"));
	CHECK(is_damaged("version = 1", "version = 1 version = 1", "version is twice"));
	CHECK(is_damaged("vg {", "vg {\nvg { }\n vg { }", "vg is twice"));
	CHECK(is_damaged("seqno = 7", "\"seqno\" = 7", "line 3: a key has other letters"));
	CHECK(is_damaged("seqno = 7", "'seqno' = 7", "a key has other letters"));
	CHECK(is_damaged("seqno = 7", "a/b = 7", "a key has neither a value nor a section"));
	CHECK(is_damaged("seqno = 7", "a@b = 7", "a key has neither a value nor a section"));
	CHECK(is_damaged("seqno = 7", "seqno += 7", "a key has neither a value nor a section"));
	CHECK(is_damaged("seqno = 7", "seqno+= 7", "vg has no seqno"));
	CHECK(is_damaged("seqno = 7", "seqno 7", "a key has neither a value nor a section"));
	CHECK(is_damaged("seqno = 7", "seqno = = 7", "a value is neither"));
	CHECK(is_damaged("seqno = 7", "seqno = {7}", "a value is neither"));
	CHECK(is_damaged("seqno = 7", "seqno = 7,", "a key has other letters"));
	CHECK(is_damaged("seqno = 7", "seqno = 7]", "a key has other letters"));
	CHECK(is_damaged("seqno = 7", "seqno = 7\r", "a key has other letters"));
	CHECK(is_damaged("seqno = 7", "seqno = 7\v", "a key has other letters"));
	CHECK(is_damaged("seqno = 7", "seqno = 7\xc3\xa4", "a key has other letters"));
}

/* The check of many keys is another than that of few. */
static void many_keys_are_there_once(void)
{
	char many[2000] = "max_lv = 0", *at = many + strlen(many);

	for (int i = 0; i < 100; i++)
		at += sprintf(at, " key%d = %d", i, i);
	CHECK(is_read("max_lv = 0", many));
	strcpy(at, " key50 = 1");
	CHECK(is_damaged("max_lv = 0", many, "key50 is twice in the section that ends here"));
}

static void strings_are_in_double_quotes(void)
{
	CHECK(is_damaged("\"lvm2\"", "'lvm2'", "a value is neither"));
	CHECK(is_damaged("\"lvm2\"", "lvm2", "a value is neither"));
	CHECK(is_damaged("\"lvm2\"", "\"lv\\m2\"", "a backslash in a string"));
	CHECK(is_damaged("\"lvm2\"", "\"lvm2\\\n\"", "a backslash in a string"));
	CHECK(is_read("\"lvm2\"", "\"lvm2\"\ntags = [\"a\\\\b\\\"\", \"\"]"));
	CHECK(is_damaged("creation_time = 1795944079", "x = \"no end", "a string has no end"));
	CHECK(read_text("vg {\nx = \"\\") == RESULT_DAMAGED);
	/* An escape in a word that is compared. */
	CHECK(is_read("\"lvm2\"", "\"lvm2\" system_id = \"a\\\\b\\\"c\nd\""));
	CHECK(strcmp(group.system_id, "a\\b\"c\nd") == 0);
}

static void arrays_have_commas(void)
{
	CHECK(is_damaged("\"pv0\", 0", "\"pv0\" 0", "an array's values have no comma"));
	CHECK(is_damaged("\"pv0\", 0", "\"pv0\", 0,", "a value is neither"));
	CHECK(is_damaged("\"pv0\", 0", ", \"pv0\", 0", "a value is neither"));
	CHECK(is_damaged("\"pv0\", 0", "\"pv0\", [0]", "a value is neither"));
	CHECK(is_damaged("\"pv0\", 0", "\"pv0\", { }", "a value is neither"));
	CHECK(is_damaged("flags = []", "flags = [", "a value is neither"));
	CHECK(is_read("flags = []", "flags = [ \n ]"));
	CHECK(is_read("\"pv0\", 0", "\"pv0\" # as in a backup ]\n\t, 0 "));
}

static void sections_end(void)
{
	CHECK(is_damaged("version = 1", "} version = 1",
			 "a section is closed that was not opened"));
	CHECK(is_damaged("physical_volumes {", "{", "a key has other letters"));
	CHECK(is_damaged("version = 1", "version = 1 x {", "the text ends in a section"));
	CHECK(is_damaged("version = 1", "version", "a key has neither a value nor a section"));
}

static void sections_are_in_each_other_16_deep(void)
{
	char deep[64] = "max_lv = 0 ";

	for (int i = 0; i < 15; i++)
		strcat(deep, "a{");
	strcat(deep, "}}}}}}}}}}}}}}}");
	CHECK(is_read("max_lv = 0", deep));
	strcpy(deep, "max_lv = 0 ");
	for (int i = 0; i < 16; i++)
		strcat(deep, "a{");
	CHECK(is_damaged("max_lv = 0", deep, "line 8: sections are deeper in each other"));
}

static void a_nul_ends_a_text(void)
{
	char *text = strdup(TEXT);

	CHECK(read_bytes(text, strlen(text) + 1) == RESULT_OK);
	*strstr(text, "# Generated") = '\0';
	CHECK(read_bytes(text, strlen(TEXT)) == RESULT_DAMAGED);
	CHECK(strcmp(why.text, "there is a NUL in the text") == 0);
	free(text);
	text = calloc(1, strlen(TEXT) + 2);
	strcpy(text, TEXT);
	CHECK(read_bytes(text, strlen(TEXT) + 2) == RESULT_DAMAGED);
	free(text);
}

static void a_text_has_at_most_64_mib(void)
{
	size_t most = PV_TEXT_BYTES_MAX, length = strlen(TEXT);
	char *text = malloc(most + 1);

	memcpy(text, TEXT, length);
	memset(text + length, '\n', most + 1 - length);
	CHECK(read_bytes(text, most) == RESULT_OK);
	CHECK(read_bytes(text, most + 1) == RESULT_DAMAGED &&
	      strcmp(why.text, "the text is longer than 64 MiB") == 0);
	free(text);
}

/* ---- snapshots ---- */

static void snapshots_are_of_two_volumes(void)
{
	CHECK(is_damaged("origin = \"root\"", "origin = \"toor\"", "which is not a volume"));
	CHECK(is_damaged("origin = \"root\"", "origin = \"pv0\"", "which is not a volume"));
	CHECK(is_damaged("origin = \"root\"", "origin = \"snapshot0\"", "which is not a volume"));
	CHECK(is_damaged("origin = \"root\"", "origin = \"cow\"",
			 "the origin of a snapshot is its"));
	CHECK(is_damaged("cow_store = \"cow\"", "cow_store = \"woc\"", "which is not a volume"));
	CHECK(is_damaged("cow_store = \"cow\"", "merging_store = \"woc\"",
			 "which is not a volume"));
	CHECK(is_damaged("cow_store = \"cow\"", "cow_store = \"cow\"\nmerging_store = \"cow\"",
			 "both a cow_store and a merging_store"));
}

static void a_snapshot_has_one_segment(void)
{
	const char *last = "cow_store = \"cow\"\n}\n";

	CHECK(is_damaged("extent_count = 5", "extent_count = 7",
			 "snapshot0 is longer than its origin"));
	CHECK(is_damaged("extent_count = 5", "extent_count = 0", "extent_count is 0"));
	CHECK(is_damaged("start_extent = 0\nextent_count = 5", "start_extent = 1\nextent_count = 5",
			 "start_extent is 1"));
	CHECK(is_damaged(last, "cow_store = \"cow\"\n}\nsegment2 {\n}\n",
			 "a snapshot has more than one segment"));
	CHECK(is_damaged(TEXT_LINEAR("segment2", "4", "2", "pv1", "28"),
			 TEXT_SEGMENT("segment2", "4", "2", "snapshot", ""),
			 "a snapshot has more than one segment"));
}

/* ---- items ---- */

/* `count` times `one`, in which %d is the number, in the text in the place of `from`. */
static enum result read_many(const char *from, int count, const char *before, const char *one)
{
	char *many = malloc(strlen(before) + (strlen(one) + 20) * (size_t)count + 1), *at = many;
	char *text;
	enum result result;

	at += sprintf(at, "%s", before);
	for (int i = 0; i < count; i++)
		at += sprintf(at, one, i, i);
	text = text_with(TEXT, from, many);
	result = read_text(text);
	free(text);
	free(many);
	return result;
}

static void items_are_counted(void)
{
	const char *volume = "v%d {\nid = \"" ID_DASHED(
		"v") "\"\nstatus = []\nsegment_count = 1\n"
		     "segment1 {\nstart_extent = 0\nextent_count = 1\ntype = \"zero\"\n}\n}\n";
	const char *pv = "p%d {\nid = \"" ID_DASHED("p") "\"\nstatus = []\npe_start = 1\n"
							 "pe_count = 0\n}\n";
	const char *volumes = "logical_volumes {\n", *pvs = "physical_volumes {\n";

	/* The text has four volumes, with as many segments and one more, and two physical ones. */
	CHECK(read_many(volumes, GROUP_ITEMS_MAX - 5, volumes, volume) == RESULT_OK);
	CHECK(group.volume_count == GROUP_ITEMS_MAX - 2);
	CHECK(group_find_volume(&group, "v0") == 0 &&
	      group_find_volume(&group, "v65530") == 65530 &&
	      group_find_volume(&group, "v65531") == -1);
	CHECK(read_many(volumes, GROUP_ITEMS_MAX - 4, volumes, volume) == RESULT_DAMAGED);
	CHECK(strstr(why.text, "more than 65536 segments"));
	CHECK(read_many(volumes, GROUP_ITEMS_MAX - 3, volumes, volume) == RESULT_DAMAGED);
	CHECK(strstr(why.text, "more than 65536 volumes"));
	CHECK(read_many(pvs, GROUP_ITEMS_MAX - 2, pvs, pv) == RESULT_OK);
	CHECK(read_many(pvs, GROUP_ITEMS_MAX - 1, pvs, pv) == RESULT_DAMAGED);
	CHECK(strstr(why.text, "more than 65536 physical volumes"));
	CHECK(read_many("flags = []", 1 << 22, "flags = [0", ", %d") == RESULT_DAMAGED);
	CHECK(strstr(why.text, "more values up to here than any group has"));
}

/* ---- a look at the beginning ---- */

static void a_beginning_is_looked_at(void)
{
	char name[GROUP_NAME_MAX + 1], id[PV_ID_BYTES];
	const char *text = TEXT;
	uint64_t seqno = 0;
	size_t end = (size_t)(strstr(text, "\nformat") - text);

	CHECK(group_peek(text, 4, name) && strcmp(name, "vg") == 0);
	CHECK(!group_peek(text, 3, name) && !group_peek(text, 0, name) &&
	      !group_peek(" {", 2, name));
	CHECK(group_peek_version(text, end + 1, id, &seqno) && seqno == 7 &&
	      strcmp(id, ID_PLAIN("g")) == 0);
	for (size_t bytes = 0; bytes <= end; bytes++)
		CHECK(!group_peek_version(text, bytes, id, &seqno));
	CHECK(!group_peek_version("vg {\nseqno = 7\n", 15, id, &seqno));
	text = "vg {\nid = \"" ID_DASHED("g") "\"\nseqno = 4294967296\n";
	CHECK(!group_peek_version(text, strlen(text), id, &seqno));
	text = "vg {\nid = \"" ID_DASHED("_") "\"\nseqno = 1\n";
	CHECK(!group_peek_version(text, strlen(text), id, &seqno));
}

int main(void)
{
	unit_run("group: what a group says of itself is read", a_group_is_read);
	unit_run("group: volumes, segments and areas are read", volumes_are_read);
	unit_run("group: snapshots are read, and are no volumes", snapshots_are_read);
	unit_run("group: volumes are found by their names", volumes_are_found);
	unit_run("group: what old versions of LVM did not write may be missing",
		 what_may_be_missing_may);
	unit_run("group: keys that nobody asks for are ignored", what_nobody_asks_for_is_ignored);
	unit_run("group: status and flags are told", flags_are_told);
	unit_run("group: words that are not known are kept", unknown_words_are_kept);
	unit_run("group: the types of segments that LVM has are known", types_are_known);
	unit_run("group: a raid0 is mapped to its images", raid0_is_mapped_to_its_images);
	unit_run("group: an area is a physical volume before it is a volume",
		 a_physical_volume_is_before_a_volume_of_its_name);
	unit_run("group: what must be there must", what_must_be_there_must);
	unit_run("group: a value is of its kind", kinds_are_checked);
	unit_run("group: another format, version or beginning is refused",
		 other_kinds_of_text_are_refused);
	unit_run("group: numbers are decimal, without leading zeros", numbers_are_decimal);
	unit_run("group: numbers are in their ranges", numbers_have_their_ranges);
	unit_run("group: a volume has fewer bytes than 2 to the power of 63",
		 a_volume_has_fewer_bytes_than_2_to_the_63);
	unit_run("group: names are LVM's", names_are_checked);
	unit_run("group: keys are plain, and there once", keys_are_plain_and_there_once);
	unit_run("group: of many keys, each is there once", many_keys_are_there_once);
	unit_run("group: strings are in double quotes", strings_are_in_double_quotes);
	unit_run("group: an array's values have commas between them", arrays_have_commas);
	unit_run("group: every section ends", sections_end);
	unit_run("group: sections are in each other 16 deep, not more",
		 sections_are_in_each_other_16_deep);
	unit_run("group: a NUL is at the end, and nowhere else", a_nul_ends_a_text);
	unit_run("group: a text has at most 64 MiB", a_text_has_at_most_64_mib);
	unit_run("group: a snapshot is of two volumes of the group", snapshots_are_of_two_volumes);
	unit_run("group: a snapshot has one segment, not longer than the origin",
		 a_snapshot_has_one_segment);
	unit_run("group: volumes, segments and physical volumes are 65536 at most",
		 items_are_counted);
	unit_run("group: name, id and seqno are seen without reading all",
		 a_beginning_is_looked_at);
	group_free(&group);
	return unit_end();
}
