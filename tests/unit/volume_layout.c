// SPDX-License-Identifier: GPL-2.0-or-later
/* store/volume/layout: where the bytes of volumes are, and which groups may be written to. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "store/volume/layout.h"
#include "tests/unit/volume.h"

#define MIB (1ull << 20)
#define EXTENT (4 * MIB)
#define START MIB /* of the first extent */

static struct group group;
static struct layout layout;
static struct failure why;

static enum result read_text(const char *text)
{
	char *copy = strdup(text);
	enum result result;

	group_free(&group);
	why.text[0] = '\0';
	result = group_read(&group, copy, strlen(copy) + 1, &why);
	if (result != RESULT_OK)
		printf("# %s\n", why.text);
	return result;
}

/* Of 30 extents each. */
#define PVS TEXT_PV("pv0", "0") TEXT_PV("pv1", "1")
#define GROUP(volumes) TEXT_GROUP("vg", "g", "7", PVS, volumes)

#define LINEAR(name, letter, count, area, extent)                                                  \
	TEXT_VOLUME(name, letter, TEXT_VISIBLE, TEXT_LINEAR("segment1", "0", count, area, extent))

#define STRIPED(name, letter, count, stripe_sectors, areas)                                        \
	TEXT_VOLUME(name, letter, TEXT_VISIBLE,                                                    \
		    TEXT_SEGMENT("segment1", "0", count, "striped",                                \
				 "stripe_count = 2\nstripe_size = " stripe_sectors                 \
				 "\nstripes = [" areas "]\n"))

#define VOLUME2(name, letter, segments)                                                            \
	name " {\nid = \"" ID_DASHED(letter) "\"\nstatus = [" TEXT_VISIBLE                         \
					     "]\nsegment_count = 2\n" segments "}\n"

#define TYPED(name, letter, count, type)                                                           \
	TEXT_VOLUME(name, letter, TEXT_VISIBLE, TEXT_SEGMENT("segment1", "0", count, type, ""))

static enum result make(const char *name)
{
	layout_free(&layout);
	why.text[0] = '\0';
	return layout_make(&layout, &group, (unsigned int)group_find_volume(&group, name), &why);
}

static bool is_segment(unsigned int number, uint64_t start, uint64_t bytes, unsigned int pv,
		       uint64_t offset)
{
	const struct layout_segment *segment = &layout.segments[number];

	return number < layout.segment_count && segment->start == start &&
	       segment->bytes == bytes && segment->area_count == 1 && segment->areas[0].pv == pv &&
	       segment->areas[0].offset == offset;
}

static bool refuses(const char *name, const char *sentence)
{
	bool good = make(name) == RESULT_REFUSED && strcmp(why.text, sentence) == 0 &&
		    layout.segments == NULL;

	if (!good)
		printf("# %s, not %s\n", why.text, sentence);
	return good;
}

/* ---- linear ---- */

static void a_linear_volume_is_one_run(void)
{
	CHECK(read_text(GROUP(LINEAR("a", "a", "3", "pv1", "2"))) == RESULT_OK);
	CHECK(make("a") == RESULT_OK && layout.segment_count == 1 && layout.bytes == 3 * EXTENT);
	CHECK(is_segment(0, 0, 3 * EXTENT, 1, START + 2 * EXTENT));
}

static void neighbours_are_joined(void)
{
	CHECK(read_text(GROUP(VOLUME2("a", "a",
				      TEXT_LINEAR("segment1", "0", "3", "pv0", "2") TEXT_LINEAR(
					      "segment2", "3", "4", "pv0", "5")))) == RESULT_OK);
	CHECK(make("a") == RESULT_OK && layout.segment_count == 1 && layout.bytes == 7 * EXTENT);
	CHECK(is_segment(0, 0, 7 * EXTENT, 0, START + 2 * EXTENT));
	CHECK(read_text(GROUP(VOLUME2("a", "a",
				      TEXT_LINEAR("segment1", "0", "3", "pv0", "2") TEXT_LINEAR(
					      "segment2", "3", "4", "pv1", "5")))) == RESULT_OK);
	CHECK(make("a") == RESULT_OK && layout.segment_count == 2 && layout.bytes == 7 * EXTENT);
	CHECK(is_segment(0, 0, 3 * EXTENT, 0, START + 2 * EXTENT));
	CHECK(is_segment(1, 3 * EXTENT, 4 * EXTENT, 1, START + 5 * EXTENT));
	CHECK(read_text(GROUP(VOLUME2("a", "a",
				      TEXT_LINEAR("segment1", "0", "3", "pv0", "2") TEXT_LINEAR(
					      "segment2", "3", "4", "pv0", "6")))) == RESULT_OK);
	CHECK(make("a") == RESULT_OK && layout.segment_count == 2);
}

static void a_volume_on_a_volume_is_followed(void)
{
	const char *text =
		GROUP(VOLUME2("in", "i",
			      TEXT_LINEAR("segment1", "0", "3", "pv0", "2")
				      TEXT_LINEAR("segment2", "3", "4", "pv1", "5"))
			      LINEAR("a", "a", "3", "in", "1") LINEAR("b", "b", "1", "a", "2"));

	CHECK(read_text(text) == RESULT_OK);
	CHECK(make("a") == RESULT_OK && layout.segment_count == 2);
	CHECK(is_segment(0, 0, 2 * EXTENT, 0, START + 3 * EXTENT));
	CHECK(is_segment(1, 2 * EXTENT, EXTENT, 1, START + 5 * EXTENT));
	CHECK(make("b") == RESULT_OK && layout.segment_count == 1);
	CHECK(is_segment(0, 0, EXTENT, 1, START + 5 * EXTENT));
}

/* ---- striped ---- */

static bool is_striped(unsigned int number, uint64_t start, uint64_t bytes, uint64_t stripe_bytes,
		       struct layout_area first, struct layout_area second)
{
	const struct layout_segment *segment = &layout.segments[number];

	return number < layout.segment_count && segment->start == start &&
	       segment->bytes == bytes && segment->stripe_bytes == stripe_bytes &&
	       segment->area_count == 2 && segment->areas[0].pv == first.pv &&
	       segment->areas[0].offset == first.offset && segment->areas[1].pv == second.pv &&
	       segment->areas[1].offset == second.offset;
}

#define AREA(pv, extents) ((struct layout_area){pv, START + (extents)*EXTENT})

static void stripes_are_areas(void)
{
	CHECK(read_text(GROUP(STRIPED("a", "a", "6", "128", "\"pv0\", 1, \"pv1\", 4"))) ==
	      RESULT_OK);
	CHECK(make("a") == RESULT_OK && layout.segment_count == 1 && layout.bytes == 6 * EXTENT);
	CHECK(is_striped(0, 0, 6 * EXTENT, 65536, AREA(0, 1), AREA(1, 4)));
	/* Two stripes on one physical volume, the one right after the other, are stripes. */
	CHECK(read_text(GROUP(STRIPED("a", "a", "6", "8", "\"pv0\", 1, \"pv0\", 4"))) == RESULT_OK);
	CHECK(make("a") == RESULT_OK && is_striped(0, 0, 6 * EXTENT, 4096, AREA(0, 1), AREA(0, 4)));
}

static void striped_neighbours_are_joined(void)
{
	const char *segment2 = TEXT_SEGMENT("segment2", "6", "2", "striped",
					    "stripe_count = 2\nstripe_size = 128\n"
					    "stripes = [\"pv0\", 4, \"pv1\", 7]\n");
	char *text = text_with(GROUP(STRIPED("a", "a", "6", "128", "\"pv0\", 1, \"pv1\", 4")),
			       "]\n}\n", "]\n}\nSEGMENT2");
	char *both = text_with(text, "SEGMENT2", segment2), *two, *changed;

	two = text_with(both, "segment_count = 1", "segment_count = 2");
	CHECK(read_text(two) == RESULT_OK && make("a") == RESULT_OK && layout.segment_count == 1);
	CHECK(is_striped(0, 0, 8 * EXTENT, 65536, AREA(0, 1), AREA(1, 4)));
	changed = text_with(two, "\"pv1\", 7", "\"pv1\", 8");
	CHECK(read_text(changed) == RESULT_OK && make("a") == RESULT_OK &&
	      layout.segment_count == 2);
	CHECK(is_striped(1, 6 * EXTENT, 2 * EXTENT, 65536, AREA(0, 4), AREA(1, 8)));
	free(changed);
	changed = text_with(two, "stripe_size = 128", "stripe_size = 64");
	CHECK(read_text(changed) == RESULT_OK && make("a") == RESULT_OK &&
	      layout.segment_count == 2);
	free(changed);
	free(two);
	free(both);
	free(text);
}

#define RAID0(type, key, images)                                                                   \
	TEXT_VOLUME("r", "r", TEXT_VISIBLE,                                                        \
		    TEXT_SEGMENT("segment1", "0", "6", type,                                       \
				 "stripe_count = 2\nstripe_size = 128\n" key " = [" images "]\n"))

static void a_raid0_is_striped_over_its_images(void)
{
	CHECK(read_text(GROUP(RAID0("raid0", "raid0_lvs", "\"i\", \"j\"") LINEAR(
		      "i", "i", "3", "pv0", "5") LINEAR("j", "j", "3", "pv1", "9"))) == RESULT_OK);
	CHECK(make("r") == RESULT_OK && layout.segment_count == 1);
	CHECK(is_striped(0, 0, 6 * EXTENT, 65536, AREA(0, 5), AREA(1, 9)));
	CHECK(layout_check_group(&group, &why) == RESULT_OK);
}

/* Each image in two parts, which end elsewhere: three segments. */
static void stripes_are_cut_where_their_volumes_are(void)
{
	CHECK(read_text(GROUP(RAID0("raid0", "raid0_lvs", "\"i\", \"j\"") VOLUME2(
		      "i", "i",
		      TEXT_LINEAR("segment1", "0", "1", "pv0", "5")
			      TEXT_LINEAR("segment2", "1", "2", "pv1", "20"))
				      VOLUME2("j", "j",
					      TEXT_LINEAR("segment1", "0", "2", "pv1", "9")
						      TEXT_LINEAR("segment2", "2", "1", "pv0",
								  "0")))) == RESULT_OK);
	CHECK(make("r") == RESULT_OK && layout.segment_count == 3 && layout.bytes == 6 * EXTENT);
	CHECK(is_striped(0, 0, 2 * EXTENT, 65536, AREA(0, 5), AREA(1, 9)));
	CHECK(is_striped(1, 2 * EXTENT, 2 * EXTENT, 65536, AREA(1, 20), AREA(1, 10)));
	CHECK(is_striped(2, 4 * EXTENT, 2 * EXTENT, 65536, AREA(1, 21), AREA(0, 0)));
}

static void stripes_that_do_not_end_with_an_extent_are_refused(void)
{
	/* Stripes of two extents, over a volume whose first part has one. */
	CHECK(read_text(GROUP(STRIPED("s", "s", "8", "16384", "\"in\", 0, \"pv1\", 4") VOLUME2(
		      "in", "i",
		      TEXT_LINEAR("segment1", "0", "1", "pv0", "2")
			      TEXT_LINEAR("segment2", "1", "3", "pv0", "9")))) == RESULT_OK);
	CHECK(refuses("s", "has stripes over parts that do not end with a stripe"));
	CHECK(read_text(GROUP(STRIPED("s", "s", "8", "16384", "\"in\", 0, \"pv1\", 4") VOLUME2(
		      "in", "i",
		      TEXT_LINEAR("segment1", "0", "2", "pv0", "2")
			      TEXT_LINEAR("segment2", "2", "2", "pv0", "9")))) == RESULT_OK);
	CHECK(make("s") == RESULT_OK && layout.segment_count == 2);
}

static void a_part_of_stripes_ends_with_them(void)
{
	const char *text =
		GROUP(STRIPED("s", "s", "12", "8192", "\"pv0\", 2, \"pv1\", 4")
			      LINEAR("a", "a", "2", "s", "2") LINEAR("b", "b", "1", "s", "4")
				      LINEAR("c", "c", "2", "s", "5"));
	char *changed = text_with(text, "stripe_size = 8192", "stripe_size = 16384");

	CHECK(read_text(text) == RESULT_OK && make("a") == RESULT_OK);
	CHECK(layout.segment_count == 1 &&
	      is_striped(0, 0, 2 * EXTENT, EXTENT, AREA(0, 3), AREA(1, 5)));
	CHECK(refuses(
		"b", "is on s, which is striped, and used in parts that do not end with a stripe"));
	CHECK(refuses(
		"c", "is on s, which is striped, and used in parts that do not end with a stripe"));
	CHECK(read_text(changed) == RESULT_OK);
	CHECK(refuses(
		"a", "is on s, which is striped, and used in parts that do not end with a stripe"));
	free(changed);
}

static void stripes_over_stripes_are_refused(void)
{
	CHECK(read_text(GROUP(STRIPED("s", "s", "8", "128", "\"in\", 0, \"pv1\", 4") STRIPED(
		      "in", "i", "4", "128", "\"pv0\", 0, \"pv1\", 0"))) == RESULT_OK);
	CHECK(refuses("s", "has stripes over stripes"));
	CHECK(make("in") == RESULT_OK);
}

/* ---- what cannot be mapped ---- */

static void each_type_is_refused_with_what_helps(void)
{
	const struct {
		const char *type, *sentence;
	} rows[] = {
		{"mirror\"\nmirrors = []\nx = \"",
		 "is mirror, which cannot be mapped; what is mirrored must be written by LVM"},
		{"raid1",
		 "is raid1, which cannot be mapped; what is mirrored must be written by LVM"},
		{"raid10",
		 "is raid10, which cannot be mapped; what is mirrored must be written by LVM"},
		{"raid5_ls", "is raid5_ls, which cannot be mapped; parity must be written by LVM"},
		{"raid0+RESHAPE",
		 "is raid0+RESHAPE, which cannot be mapped; LVM is in the middle of a change of its form"},
		{"cache",
		 "is cache, which cannot be mapped; 'lvconvert --uncache vg/a' writes back what the cache has"},
		{"writecache",
		 "is writecache, which cannot be mapped; 'lvconvert --uncache vg/a' writes back what the cache has"},
		{"cache-pool",
		 "is cache-pool, which cannot be mapped; it has parts of another volume"},
		{"thin",
		 "is thin, which cannot be mapped; the pool has the places of its blocks; 'thin_dump' lists them"},
		{"thin-pool",
		 "is thin-pool, which cannot be mapped; its blocks are those of thin volumes"},
		{"vdo", "is vdo, which cannot be mapped; its blocks are compressed, or shared"},
		{"integrity",
		 "is integrity, which cannot be mapped; 'lvconvert --raidintegrity n vg/a' removes its checksums"},
		{"zero", "is zero, which cannot be mapped; it has no bytes of its own"},
		{"error", "is error, which cannot be mapped; it has no bytes of its own"},
		{"new", "is new, which cannot be mapped"},
		{"striped+NEW", "is striped+NEW, which cannot be mapped"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = text_with(GROUP(TYPED("a", "a", "1", "TYPE")), "TYPE", rows[i].type);

		CHECK(read_text(text) == RESULT_OK && refuses("a", rows[i].sentence));
		free(text);
	}
	CHECK(read_text(GROUP(LINEAR("a", "a", "1", "in", "0") TYPED("in", "i", "1", "raid1"))) ==
	      RESULT_OK);
	CHECK(refuses("a",
		      "is on in, which is raid1, which cannot be mapped; what is mirrored must "
		      "be written by LVM"));
}

static void what_is_being_moved_is_refused(void)
{
	char *text = text_with(
		GROUP(LINEAR("a", "a", "1", "in", "0") LINEAR("in", "i", "1", "pv0", "0")),
		"\"VISIBLE\"]", "\"LOCKED\"]");

	CHECK(read_text(text) == RESULT_OK);
	CHECK(refuses("a", "is being moved; 'pvmove --abort' ends that") &&
	      make("in") == RESULT_OK);
	free(text);
	text = text_with(GROUP(LINEAR("in", "i", "1", "pv0", "0") LINEAR("a", "a", "1", "in", "0")),
			 "\"VISIBLE\"]", "\"PVMOVE\"]");
	CHECK(read_text(text) == RESULT_OK);
	CHECK(refuses("a", "is on in, which is being moved; 'pvmove --abort' ends that"));
	free(text);
}

static void circles_are_refused(void)
{
	CHECK(read_text(GROUP(LINEAR("a", "a", "1", "b", "0") LINEAR("b", "b", "1", "a", "0"))) ==
	      RESULT_OK);
	CHECK(refuses("a", "is on b, which is on a volume that is on it"));
}

static void volumes_are_on_each_other_8_deep(void)
{
	char volumes[8192] = "", one[1024], *text;

	for (int i = 0; i < 9; i++) {
		char area[8];

		snprintf(area, sizeof(area), i == 0 ? "pv0" : "v%d", i - 1);
		snprintf(one, sizeof(one),
			 "v%d {\nid = \"" ID_DASHED("%d") "\"\nstatus = []\nsegment_count = 1\n"
							  "segment1 {\nstart_extent = 0\n"
							  "extent_count = 1\ntype = \"linear\"\n"
							  "stripe_count = 1\n"
							  "stripes = [\"%s\", 0]\n}\n}\n",
			 i, i, area);
		strcat(volumes, one);
	}
	text = text_with(GROUP("VOLUMES"), "VOLUMES", volumes);
	CHECK(read_text(text) == RESULT_OK);
	CHECK(make("v7") == RESULT_OK && is_segment(0, 0, EXTENT, 0, START));
	CHECK(refuses("v8", "is on v1, which is on more volumes, one on the other, than can be "
			    "followed"));
	free(text);
}

/* Each of a few volumes has the one before it many times: it would never end. */
static void parts_are_counted(void)
{
	char *volumes = calloc(1, 1 << 20), *at = volumes, *text;

	for (int i = 0; i < 4; i++) {
		at += sprintf(at,
			      "v%d {\nid = \"" ID_DASHED("%d") "\"\nstatus = []\n"
							       "segment_count = 50\n",
			      i, i);
		for (int k = 0, count = 1; k < 50; k++) {
			char area[8];

			count = i == 0 ? 1 : i == 1 ? 50 : i == 2 ? 2500 : 125000;
			snprintf(area, sizeof(area), i == 0 ? "pv%d" : "v%d",
				 i == 0 ? k % 2 : i - 1);
			at += sprintf(at,
				      "segment%d {\nstart_extent = %d\nextent_count = %d\n"
				      "type = \"striped\"\nstripe_count = 1\n"
				      "stripes = [\"%s\", 0]\n}\n",
				      k + 1, k * count, count, area);
		}
		at += sprintf(at, "}\n");
	}
	text = text_with(GROUP("VOLUMES"), "VOLUMES", volumes);
	CHECK(read_text(text) == RESULT_OK && make("v2") == RESULT_OK);
	CHECK(layout.segment_count == 125000);
	CHECK(make("v3") == RESULT_REFUSED && strstr(why.text, "is in more parts than any volume"));
	free(text);
	free(volumes);
}

/* ---- may the group be written to? ---- */

static bool objects(const char *volumes, const char *sentence)
{
	char *text = text_with(GROUP("VOLUMES"), "VOLUMES", volumes);
	bool good = read_text(text) == RESULT_OK;

	good = good && layout_check_group(&group, &why) == RESULT_REFUSED &&
	       strcmp(why.text, sentence) == 0;
	if (!good)
		printf("# %s, not %s\n", why.text, sentence);
	free(text);
	return good;
}

static bool agrees(const char *volumes)
{
	char *text = text_with(GROUP("VOLUMES"), "VOLUMES", volumes);
	bool good = read_text(text) == RESULT_OK && layout_check_group(&group, &why) == RESULT_OK;

	if (!good)
		printf("# %s\n", why.text);
	free(text);
	return good;
}

static void no_extent_is_used_twice(void)
{
	CHECK(agrees(""));
	CHECK(agrees(LINEAR("a", "a", "3", "pv0", "0") LINEAR("b", "b", "27", "pv0", "3")
			     LINEAR("c", "c", "30", "pv1", "0")));
	CHECK(objects(LINEAR("a", "a", "3", "pv0", "0") LINEAR("b", "b", "1", "pv0", "2"),
		      "vg: extent 2 of pv0 is used twice, by a and b"));
	CHECK(objects(LINEAR("b", "b", "1", "pv0", "2") LINEAR("a", "a", "3", "pv0", "0"),
		      "vg: extent 2 of pv0 is used twice, by a and b"));
	CHECK(objects(LINEAR("a", "a", "1", "pv0", "4") LINEAR("b", "b", "9", "pv0", "4"),
		      "vg: extent 4 of pv0 is used twice, by a and b"));
	CHECK(objects(VOLUME2("a", "a",
			      TEXT_LINEAR("segment1", "0", "3", "pv0", "0")
				      TEXT_LINEAR("segment2", "3", "3", "pv0", "2")),
		      "vg: extent 2 of pv0 is used twice, by a and a"));
	CHECK(objects(STRIPED("a", "a", "4", "128", "\"pv0\", 0, \"pv0\", 1"),
		      "vg: extent 1 of pv0 is used twice, by a and a"));
	CHECK(agrees(STRIPED("a", "a", "4", "128", "\"pv0\", 0, \"pv0\", 2")));
}

static void extents_of_what_cannot_be_mapped_count(void)
{
#define MIRROR(name, letter, count, legs)                                                          \
	TEXT_VOLUME(name, letter, TEXT_HIDDEN,                                                     \
		    TEXT_SEGMENT("segment1", "0", count, "mirror", "mirrors = [" legs "]\n"))
	CHECK(agrees(MIRROR("a", "a", "4", "\"pv0\", 0, \"pv1\", 0")
			     LINEAR("b", "b", "1", "pv0", "4")));
	CHECK(objects(MIRROR("a", "a", "4", "\"pv0\", 0, \"pv1\", 0")
			      LINEAR("b", "b", "1", "pv1", "3"),
		      "vg: extent 3 of pv1 is used twice, by a and b"));
}

static void no_extent_of_a_volume_is_used_twice(void)
{
	CHECK(agrees(LINEAR("in", "i", "3", "pv0", "0") LINEAR("a", "a", "2", "in", "0")
			     LINEAR("b", "b", "1", "in", "2")));
	CHECK(objects(LINEAR("in", "i", "3", "pv0", "0") LINEAR("a", "a", "2", "in", "0")
			      LINEAR("b", "b", "1", "in", "1"),
		      "vg: extent 1 of in is used twice, by a and b"));
}

static void extents_are_on_their_physical_volume(void)
{
	char *text = text_with(GROUP(LINEAR("a", "a", "30", "pv0", "0")), "pe_start = 2048",
			       "pe_start = 3");

	CHECK(read_text(text) == RESULT_OK && layout_check_group(&group, &why) == RESULT_REFUSED);
	CHECK(strcmp(why.text, "vg: the extents of pv0 begin in LVM's label") == 0);
	free(text);
	text = text_with(GROUP(LINEAR("a", "a", "30", "pv0", "0")), "pe_start = 2048",
			 "pe_start = 4");
	CHECK(read_text(text) == RESULT_OK && layout_check_group(&group, &why) == RESULT_OK);
	free(text);
	/* 30 extents and 1 MiB are 247808 sectors. */
	text = text_with(GROUP(LINEAR("a", "a", "30", "pv0", "0")), "dev_size = 262144",
			 "dev_size = 247808");
	CHECK(read_text(text) == RESULT_OK && layout_check_group(&group, &why) == RESULT_OK);
	free(text);
	text = text_with(GROUP(LINEAR("a", "a", "30", "pv0", "0")), "dev_size = 262144",
			 "dev_size = 247807");
	CHECK(read_text(text) == RESULT_OK && layout_check_group(&group, &why) == RESULT_REFUSED);
	CHECK(strcmp(why.text, "vg: a has extents after the end of pv0") == 0);
	free(text);
	text = text_with(GROUP(LINEAR("a", "a", "30", "pv0", "0")), "dev_size = 262144",
			 "dev_size = 0");
	CHECK(read_text(text) == RESULT_OK && layout_check_group(&group, &why) == RESULT_OK);
	free(text);
}

static void ids_are_there_once(void)
{
	CHECK(read_text(TEXT_GROUP("vg", "g", "7", TEXT_PV("pv0", "0") TEXT_PV("pv1", "0"), "")) ==
	      RESULT_OK);
	CHECK(layout_check_group(&group, &why) == RESULT_REFUSED);
	CHECK(strcmp(why.text, "vg: the id " ID_DASHED(
				       "0") " is that of two physical volumes in its metadata") ==
	      0);
	CHECK(objects(LINEAR("a", "a", "3", "pv0", "0") LINEAR("b", "a", "1", "pv1", "2"),
		      "vg: the id " ID_DASHED("a") " is that of two volumes in its metadata"));
}

#define THREE                                                                                      \
	LINEAR("a", "a", "3", "pv0", "0")                                                          \
	LINEAR("b", "b", "3", "pv0", "3") LINEAR("c", "c", "3", "pv0", "6")

static void snapshots_are_of_their_own_volumes(void)
{
	CHECK(agrees(
		THREE TEXT_SNAPSHOT("snapshot0", "0", "3", "origin = \"a\" cow_store = \"b\"\n")
			TEXT_SNAPSHOT("snapshot1", "1", "3",
				      "origin = \"a\" merging_store = \"c\"\n")));
	CHECK(objects(
		THREE TEXT_SNAPSHOT("snapshot0", "0", "3", "origin = \"a\" cow_store = \"b\"\n")
			TEXT_SNAPSHOT("snapshot1", "1", "3", "origin = \"c\" cow_store = \"b\"\n"),
		"vg: b is the store of two snapshots"));
	CHECK(objects(
		THREE TEXT_SNAPSHOT("snapshot0", "0", "3", "origin = \"a\" cow_store = \"b\"\n")
			TEXT_SNAPSHOT("snapshot1", "1", "3", "origin = \"b\" cow_store = \"c\"\n"),
		"vg: b is an origin, and a store"));
	CHECK(objects(
		THREE TEXT_SNAPSHOT("snapshot0", "0", "3", "origin = \"a\" merging_store = \"b\"\n")
			TEXT_SNAPSHOT("snapshot1", "1", "3",
				      "origin = \"a\" merging_store = \"c\"\n"),
		"vg: two snapshots of a are marked as merging"));
}

static void origins_and_stores_are_no_parts(void)
{
	CHECK(objects(LINEAR("a", "a", "3", "pv0", "0") LINEAR("b", "b", "3", "pv0", "3")
			      LINEAR("c", "c", "3", "a", "0") TEXT_SNAPSHOT(
				      "snapshot0", "0", "3", "origin = \"a\" cow_store = \"b\"\n"),
		      "vg: a is an origin, and a part of a volume"));
	CHECK(objects(LINEAR("a", "a", "3", "pv0", "0") LINEAR("b", "b", "3", "pv0", "3")
			      LINEAR("c", "c", "3", "b", "0") TEXT_SNAPSHOT(
				      "snapshot0", "0", "3", "origin = \"a\" cow_store = \"b\"\n"),
		      "vg: b is a store, and a part of a volume"));
	for (unsigned int i = 0; i < 6; i++) {
		const char *const keys[] = {"raid1\"\nraids = [\"x\", \"b\"]\ny = \"",
					    "raid0+NEW\"\nraid0_lvs = [\"b\"]\ny = \"",
					    "cache\"\norigin = \"b\"\ny = \"",
					    "thin-pool\"\nmetadata = \"b\"\ny = \"",
					    "thin\"\norigin = \"b\"\ny = \"",
					    "cache\"\nx = \"b\"\ny = \""};
		char *text = text_with(
			GROUP(LINEAR("a", "a", "3", "pv0", "0") LINEAR("b", "b", "3", "pv0", "3")
				      TYPED("c", "c", "1", "TYPE")
					      TEXT_SNAPSHOT("snapshot0", "0", "3",
							    "origin = \"a\" cow_store = \"b\"\n")),
			"TYPE", keys[i]);

		CHECK(read_text(text) == RESULT_OK && group.volumes[1].is_part == (i < 4));
		CHECK(layout_check_group(&group, &why) == (i < 4 ? RESULT_REFUSED : RESULT_OK));
		free(text);
	}
}

/* ---- free space ---- */

static bool is_space(const struct layout_space *space, unsigned int pv, uint64_t extent,
		     uint64_t count)
{
	return space->pv == pv && space->offset == START + extent * EXTENT &&
	       space->bytes == count * EXTENT;
}

static void space_is_what_no_volume_has(void)
{
	struct layout_space *spaces;
	size_t count;

	CHECK(read_text(GROUP("")) == RESULT_OK);
	CHECK(layout_find_free(&group, &spaces, &count, &why) == RESULT_OK && count == 2);
	CHECK(is_space(&spaces[0], 0, 0, 30) && is_space(&spaces[1], 1, 0, 30));
	free(spaces);
	CHECK(read_text(GROUP(LINEAR("in", "i", "3", "pv0", "2") LINEAR("a", "a", "2", "in", "0")
				      LINEAR("b", "b", "25", "pv0", "5")
					      LINEAR("c", "c", "30", "pv1", "0"))) == RESULT_OK);
	CHECK(layout_find_free(&group, &spaces, &count, &why) == RESULT_OK && count == 1);
	CHECK(is_space(&spaces[0], 0, 0, 2));
	free(spaces);
	CHECK(read_text(GROUP(LINEAR("a", "a", "1", "pv0", "4") LINEAR("b", "b", "9", "pv0", "4")
				      LINEAR("c", "c", "1", "pv0", "20"))) == RESULT_OK);
	CHECK(layout_find_free(&group, &spaces, &count, &why) == RESULT_OK && count == 4);
	CHECK(is_space(&spaces[0], 0, 0, 4) && is_space(&spaces[1], 0, 13, 7) &&
	      is_space(&spaces[2], 0, 21, 9) && is_space(&spaces[3], 1, 0, 30));
	free(spaces);
}

int main(void)
{
	unit_run("layout: a linear volume is one run", a_linear_volume_is_one_run);
	unit_run("layout: neighbours are joined", neighbours_are_joined);
	unit_run("layout: a volume on a volume is followed", a_volume_on_a_volume_is_followed);
	unit_run("layout: stripes are areas", stripes_are_areas);
	unit_run("layout: striped neighbours are joined", striped_neighbours_are_joined);
	unit_run("layout: a raid0 is striped over its images", a_raid0_is_striped_over_its_images);
	unit_run("layout: stripes are cut where the volumes under them are",
		 stripes_are_cut_where_their_volumes_are);
	unit_run("layout: stripes that would be cut in themselves are refused",
		 stripes_that_do_not_end_with_an_extent_are_refused);
	unit_run("layout: a part of a striped volume begins and ends with its stripes",
		 a_part_of_stripes_ends_with_them);
	unit_run("layout: stripes over stripes are refused", stripes_over_stripes_are_refused);
	unit_run("layout: what cannot be mapped is refused with what would help",
		 each_type_is_refused_with_what_helps);
	unit_run("layout: what is being moved is refused", what_is_being_moved_is_refused);
	unit_run("layout: volumes that are on each other in a circle are refused",
		 circles_are_refused);
	unit_run("layout: volumes are on each other 8 deep, not more",
		 volumes_are_on_each_other_8_deep);
	unit_run("layout: the parts of a volume are counted", parts_are_counted);
	unit_run("check: no extent of a physical volume is used twice", no_extent_is_used_twice);
	unit_run("check: the extents of a mirror count", extents_of_what_cannot_be_mapped_count);
	unit_run("check: no extent of a volume is used twice", no_extent_of_a_volume_is_used_twice);
	unit_run("check: extents are on their physical volume, after the label",
		 extents_are_on_their_physical_volume);
	unit_run("check: no id is there twice", ids_are_there_once);
	unit_run("check: a store is of one snapshot, and no origin; one snapshot is merging",
		 snapshots_are_of_their_own_volumes);
	unit_run("check: origins and stores are no parts of other volumes",
		 origins_and_stores_are_no_parts);
	unit_run("space: what no volume has, in order", space_is_what_no_volume_has);
	layout_free(&layout);
	group_free(&group);
	return unit_end();
}
