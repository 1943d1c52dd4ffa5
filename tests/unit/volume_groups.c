// SPDX-License-Identifier: GPL-2.0-or-later
/* store/volume/groups: which of many texts counts, and what forbids writing. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "store/volume/groups.h"
#include "tests/unit/volume.h"

#define DISKS 4

static struct image disks[DISKS];
static const char *const names[DISKS] = {"sda", "sdb", "sdc", "sdd"};
static struct groups groups;
static struct failure why;

/* Disks with the ids "0", "1", and so on. */
static void open_disks(void)
{
	char id[PV_ID_BYTES];

	for (int i = 0; i < DISKS; i++) {
		snprintf(id, sizeof(id), ID_PLAIN("%c"), '0' + i);
		image_open(&disks[i], id);
	}
}

static void close_disks(void)
{
	groups_free(&groups);
	for (int i = 0; i < DISKS; i++)
		image_close(&disks[i]);
}

static void put(unsigned int disk, const char *text)
{
	image_text(&disks[disk], IMAGE_AREA, IMAGE_AREA_BYTES, 512, text);
}

/* The text with a change. */
static void put_with(unsigned int disk, const char *text, const char *from, const char *to)
{
	char *changed = text_with(text, from, to);

	put(disk, changed);
	free(changed);
}

/* Looks at the first `count` disks. */
static void look(unsigned int count)
{
	groups_free(&groups);
	for (unsigned int i = 0; i < count; i++) {
		bool found = false;

		CHECK(groups_add(&groups, &disks[i].source, names[i], &found, &why) == RESULT_OK);
		CHECK(found);
	}
	CHECK(groups_choose(&groups, &why) == RESULT_OK);
}

static const struct groups_one *one(void)
{
	static const struct groups_one none;

	CHECK(groups.count == 1);
	return groups.count > 0 ? &groups.groups[0] : &none;
}

static bool has_obstacle(const struct groups_one *group, const char *sentence, bool uncertain)
{
	bool has = strcmp(group->obstacle, sentence) == 0 && group->is_uncertain == uncertain;

	if (!has)
		printf("# \"%s\" %d, not \"%s\"\n", group->obstacle, group->is_uncertain, sentence);
	return has;
}

static bool is_free(const struct groups_one *group)
{
	return has_obstacle(group, "", false);
}

static bool has_problem(const char *sentence)
{
	for (size_t i = 0; i < groups.problem_count; i++)
		if (strcmp(groups.problems[i], sentence) == 0)
			return true;
	for (size_t i = 0; i < groups.problem_count; i++)
		printf("# \"%s\"\n", groups.problems[i]);
	return false;
}

#define ROOT TEXT_VOLUME("root", "r", TEXT_VISIBLE, TEXT_LINEAR("segment1", "0", "4", "pv0", "0"))
#define PVS TEXT_PV("pv0", "0") TEXT_PV("pv1", "1")
#define TEXT(seqno) TEXT_GROUP("vg", "g", seqno, PVS, ROOT)
#define OTHER(seqno, pvs) TEXT_GROUP("other", "o", seqno, pvs, "")

/* ---- one group ---- */

static void a_group_has_its_physical_volumes(void)
{
	open_disks();
	put(0, TEXT("3"));
	put(1, TEXT("3"));
	look(2);
	CHECK(is_free(one()) && strcmp(one()->group.name, "vg") == 0 && groups.pv_count == 2);
	CHECK(one()->pvs[0] == 0 && one()->pvs[1] == 1);
	CHECK(groups.pvs[0].chosen == 0 && groups.pvs[1].chosen == 0 && groups.problem_count == 0);
	CHECK(groups.pvs[1].bytes == IMAGE_BYTES && strcmp(groups.pvs[1].name, "sdb") == 0);
	look(1);
	CHECK(is_free(one()) && one()->pvs[0] == 0 && one()->pvs[1] == -1);
	close_disks();
}

static void a_physical_volume_may_have_no_text(void)
{
	open_disks();
	put(1, TEXT("3"));
	look(2);
	CHECK(is_free(one()) && one()->pvs[0] == 0 && groups.pvs[0].chosen == 0);
	look(1);
	CHECK(groups.count == 0 && groups.pv_count == 1 && groups.pvs[0].chosen == -1);
	CHECK(has_problem("sda: it is of a volume group whose metadata is not there; it may be on "
			  "a disk that is missing"));
	put_le32(disks[0].bytes + 512 + 140, 0); /* it is of no group */
	image_seal_label(&disks[0], 1);
	look(1);
	CHECK(groups.count == 0 && groups.problem_count == 0);
	look(0);
	CHECK(groups.count == 0 && groups.pv_count == 0);
	close_disks();
}

static void what_is_no_physical_volume_is_passed_over(void)
{
	bool found = true;

	open_disks();
	memset(disks[0].bytes, 0, IMAGE_BYTES);
	CHECK(groups_add(&groups, &disks[0].source, "sda", &found, &why) == RESULT_OK && !found);
	CHECK(groups.pv_count == 0 && groups.problem_count == 0);
	put_le32(disks[1].bytes + 512 + 20, 64);
	image_seal_label(&disks[1], 1);
	found = true;
	CHECK(groups_add(&groups, &disks[1].source, "sdb", &found, &why) == RESULT_OK && !found);
	CHECK(groups.pv_count == 0 && groups.problem_count == 1);
	CHECK(strncmp(groups.problems[0],
		      "sdb: the label of a physical volume in sector 1: ", 49) == 0);
	disks[2].failing = 512;
	CHECK(groups_add(&groups, &disks[2].source, "sdc", &found, &why) == RESULT_IO && !found);
	CHECK(strcmp(why.text, "cannot read") == 0);
	close_disks();
}

/* ---- several texts ---- */

static void the_highest_seqno_counts(void)
{
	for (unsigned int newer = 0; newer < 2; newer++) {
		open_disks();
		put(newer, TEXT("10"));
		put(1 - newer, TEXT("9"));
		look(2);
		CHECK(is_free(one()) && one()->group.seqno == 10 && groups.problem_count == 0);
		CHECK(one()->pvs[0] == 0 && one()->pvs[1] == 1);
		close_disks();
	}
}

static void two_texts_of_one_seqno_are_an_obstacle(void)
{
	open_disks();
	put(0, TEXT("3"));
	put_with(1, TEXT("3"), "max_lv = 0", "max_lv = 1");
	look(2);
	CHECK(has_obstacle(one(), "has two different metadata texts with seqno 3, on sda and sdb",
			   true));
	put(2, TEXT_GROUP("vg", "g", "4", PVS TEXT_PV("pv2", "2"), ROOT));
	look(3); /* newer than both */
	CHECK(is_free(one()) && one()->group.seqno == 4);
	close_disks();
}

/* As old versions of LVM may have it: id and seqno are not seen without reading all. */
static void copies_are_one_text_however_they_begin(void)
{
	open_disks();
	put_with(0, TEXT("3"), "vg {\nid", "vg {\n\tid");
	put_with(1, TEXT("3"), "vg {\nid", "vg {\n\tid");
	look(2);
	CHECK(is_free(one()) && one()->group.seqno == 3 && groups.problem_count == 0);
	close_disks();
}

static void an_outdated_physical_volume_is_ignored(void)
{
	open_disks();
	put(0, TEXT("5"));
	put(1, TEXT("5"));
	put(2, TEXT_GROUP("vg", "g", "4", PVS TEXT_PV("pv2", "2"), ROOT));
	look(3);
	CHECK(is_free(one()) && one()->group.pv_count == 2 && groups.pvs[2].chosen == -1);
	CHECK(groups.problem_count == 0);
	close_disks();
}

static void the_newest_of_two_areas_counts(void)
{
	open_disks();
	put_le64(disks[0].bytes + 512 + 120, 131072); /* a second area */
	put_le64(disks[0].bytes + 512 + 128, IMAGE_AREA_BYTES);
	memset(disks[0].bytes + 512 + 136, 0, 512 - 136);
	image_seal_label(&disks[0], 1);
	image_area(&disks[0], 131072, IMAGE_AREA_BYTES);
	put(0, TEXT("3"));
	image_text(&disks[0], 131072, IMAGE_AREA_BYTES, 512, TEXT("4"));
	look(1);
	CHECK(is_free(one()) && one()->group.seqno == 4);
	disks[0].bytes[131072 + 600] ^= 1; /* the newer one is damaged */
	look(1);
	CHECK(one()->group.seqno == 3);
	CHECK(has_obstacle(one(),
			   "has metadata on sda that cannot be read, and may be newer than what "
			   "could be read",
			   true));
	CHECK(has_problem("sda: metadata area 2: the checksum of its text is wrong"));
	put_le64(disks[0].bytes + 131072 + 40, 0); /* it has none */
	image_seal_area(&disks[0], 131072);
	look(1);
	CHECK(is_free(one()) && groups.problem_count == 0);
	close_disks();
}

/* ---- texts that cannot be read ---- */

static void a_damaged_area_may_be_newer(void)
{
	const char *const obstacle =
		"has metadata on sdb that cannot be read, and may be newer than what could be read";

	open_disks();
	put(0, TEXT("3"));
	put(1, TEXT("3"));
	disks[1].bytes[IMAGE_AREA] ^= 1;
	look(2);
	CHECK(has_obstacle(one(), obstacle, true) && one()->pvs[1] == 1);
	CHECK(has_problem("sdb: metadata area 1: the checksum of its header is wrong"));
	image_seal_area(&disks[1], IMAGE_AREA);
	disks[1].failing = IMAGE_AREA + 600;
	look(2);
	CHECK(has_obstacle(one(), obstacle, true));
	CHECK(has_problem("sdb: metadata area 1: it cannot be read"));
	disks[1].failing = 0;
	look(2);
	CHECK(is_free(one()));
	/* Of a disk that is no part of the group it does not matter. */
	disks[2].bytes[IMAGE_AREA] ^= 1;
	look(3);
	CHECK(is_free(one()) && groups.problem_count == 1);
	close_disks();
}

static void a_refused_text_is_compared_by_its_seqno(void)
{
	open_disks();
	put(0, TEXT("3"));
	put_with(1, TEXT("4"), "max_lv = 0", "max_lv = 010");
	look(2);
	CHECK(one()->group.seqno == 3);
	CHECK(has_obstacle(one(),
			   "has metadata on sdb, with seqno 4, that cannot be read; what could be "
			   "read has 3",
			   true));
	CHECK(has_problem("sdb: metadata area 1: line 8: a number begins with 0, which makes it "
			  "octal for LVM"));
	put_with(1, TEXT("3"), "max_lv = 0", "max_lv = 010");
	look(2);
	CHECK(one()->is_uncertain);
	put_with(1, TEXT("2"), "max_lv = 0", "max_lv = 010"); /* an older one is no loss */
	look(2);
	CHECK(is_free(one()) && groups.problem_count == 1);
	put_with(1, TEXT("2"), "seqno = 2", "x = 1 seqno = 2 max_pv = 010"); /* it does not say */
	look(2);
	CHECK(one()->is_uncertain);
	close_disks();
}

static void a_newer_text_counts_wherever_it_is(void)
{
	open_disks();
	put(0, TEXT("3"));
	put(1, TEXT("3"));
	put_with(2, TEXT("4"), "max_lv = 0", "max_lv = 010"); /* not in the list of the old one */
	look(3);
	CHECK(one()->group.seqno == 3 && one()->is_uncertain);
	close_disks();
}

static void an_unreadable_text_may_be_another_groups(void)
{
	open_disks();
	put(0, TEXT("3"));
	put_with(1, OTHER("1", TEXT_PV("pv0", "1")), "max_lv = 0", "max_lv = 010");
	look(2);
	CHECK(has_obstacle(one(),
			   "has metadata on sdb that cannot be read, and may be newer than what "
			   "could be read",
			   true));
	close_disks();
}

/* ---- several groups ---- */

static const struct groups_one *named(const char *name)
{
	static const struct groups_one none;
	size_t index;

	if (groups_find(&groups, name, &index, &why) == RESULT_OK)
		return &groups.groups[index];
	printf("# %s\n", why.text);
	CHECK(false);
	return &none;
}

static void groups_are_told_apart(void)
{
	open_disks();
	put(0, TEXT("3"));
	put(1, TEXT("3"));
	put(2, OTHER("8", TEXT_PV("pv0", "2")));
	look(3);
	CHECK(groups.count == 2 && is_free(named("vg")) && is_free(named("other")));
	CHECK(named("other")->pvs[0] == 2);
	CHECK(&groups.groups[groups.pvs[2].chosen] == named("other"));
	close_disks();
}

static void a_disk_that_says_otherwise_is_an_obstacle(void)
{
	open_disks();
	put(0, TEXT("3"));
	put(1, OTHER("1", TEXT_PV("pv0", "1")));
	look(2);
	CHECK(has_obstacle(named("vg"), "has sdb in its list, which group other has, too", true));
	CHECK(is_free(named("other")));
	CHECK(&groups.groups[groups.pvs[1].chosen] == named("other"));
	close_disks();
}

/* Neither of them can be believed where the disk says nothing. */
static void a_disk_of_two_groups_is_an_obstacle_for_both(void)
{
	open_disks();
	put(0, TEXT("3"));
	put(2, OTHER("1", TEXT_PV("pv0", "2") TEXT_PV("pv1", "1")));
	look(3);
	CHECK(has_obstacle(named("vg"), "has sdb in its list, which group other has, too", true));
	CHECK(has_obstacle(named("other"), "has sdb in its list, which group vg has, too", true));
	close_disks();
}

static void a_disk_that_is_there_twice_is_an_obstacle(void)
{
	open_disks();
	put(0, TEXT("3"));
	put(1, TEXT("3"));
	memcpy(disks[2].bytes, disks[0].bytes, IMAGE_BYTES);
	look(3);
	CHECK(has_obstacle(one(), "has a physical volume that is there twice: sda and sdc", true));
	CHECK(one()->pvs[0] == 0 && groups.pvs[2].chosen == 0);
	close_disks();
}

static void groups_are_found(void)
{
	size_t index = 9;

	open_disks();
	put(0, TEXT("3"));
	put(1, TEXT("3"));
	put(2, OTHER("8", TEXT_PV("pv0", "2")));
	look(3);
	CHECK(groups_find(&groups, "vg", &index, &why) == RESULT_OK);
	CHECK(strcmp(groups.groups[index].group.name, "vg") == 0);
	CHECK(groups_find(&groups, ID_PLAIN("o"), &index, &why) == RESULT_OK);
	CHECK(strcmp(groups.groups[index].group.name, "other") == 0);
	CHECK(groups_find(&groups, ID_DASHED("g"), &index, &why) == RESULT_OK);
	CHECK(strcmp(groups.groups[index].group.name, "vg") == 0);
	CHECK(groups_find(&groups, "v", &index, &why) == RESULT_NOT_THERE);
	CHECK(strcmp(why.text, "there is no volume group v") == 0);
	CHECK(groups_find(&groups, "", &index, &why) == RESULT_NOT_THERE);
	CHECK(groups_find(&groups, ID_DASHED("x"), &index, &why) == RESULT_NOT_THERE);
	put(2, TEXT_GROUP("vg", "o", "8", TEXT_PV("pv0", "2"), ""));
	look(3);
	CHECK(groups_find(&groups, "vg", &index, &why) == RESULT_REFUSED);
	CHECK(strcmp(why.text, "vg: several volume groups have this name; their ids are " ID_DASHED(
				       "g") " " ID_DASHED("o")) == 0);
	CHECK(groups_find(&groups, ID_DASHED("o"), &index, &why) == RESULT_OK);
	close_disks();
}

/* ---- what the text says ---- */

static void states_are_obstacles(void)
{
	const struct {
		const char *from, *to, *obstacle;
	} rows[] = {
		{"\"RESIZEABLE\"", "\"EXPORTED\"", "is exported; 'vgimport vg' ends that"},
		{"\"RESIZEABLE\"", "\"CLUSTERED\"",
		 "is clustered: another machine may be using it"},
		{"\"RESIZEABLE\"", "\"PVMOVE\"",
		 "is in the middle of a pvmove; 'pvmove --abort' ends that"},
		{"\"RESIZEABLE\"", "\"NEW\"", "has NEW in its metadata, which is not known"},
		{", \"WRITE\"]", "]", "is not to be written to, as its metadata has it"},
		{"max_lv", "system_id = \"me\" max_lv",
		 "belongs to the machine with the system id me"},
		{"max_lv", "lock_type = \"sanlock\" max_lv",
		 "is shared, with locks of type sanlock: another machine may be using it"},
		{"max_lv", "lock_type = \"none\" max_lv", ""},
		{"max_lv", "lock_type = \"\" system_id = \"\" max_lv", ""},
		{"\"striped\"", "\"new\"", "has new in its metadata, which is not known"},
		{"[\"ALLOCATABLE\"]\nflags = []", "[]\nflags = [\"MISSING\"]", ""},
		{"\"VISIBLE\"]\nflags = []", "\"LOCKED\"]\nflags = [\"NEW\"]", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_disks();
		put_with(0, TEXT("3"), rows[i].from, rows[i].to);
		look(1);
		CHECK(has_obstacle(one(), rows[i].obstacle, false));
		close_disks();
	}
}

static void a_group_that_contradicts_itself_is_an_obstacle(void)
{
	open_disks();
	put(0, TEXT_GROUP("vg", "g", "3", PVS,
			  ROOT TEXT_VOLUME("twice", "t", TEXT_VISIBLE,
					   TEXT_LINEAR("segment1", "0", "1", "pv0", "3"))));
	look(1);
	CHECK(has_obstacle(one(),
			   "has metadata that contradicts itself: extent 3 of pv0 is used twice, "
			   "by root and twice",
			   false));
	close_disks();
}

/* The area ends at sector 136. */
static void extents_are_not_where_the_metadata_is(void)
{
	open_disks();
	put_with(0, TEXT("3"), "pe_start = 2048", "pe_start = 136");
	look(1);
	CHECK(is_free(one()));
	put_with(0, TEXT("3"), "pe_start = 2048", "pe_start = 135");
	look(1);
	CHECK(has_obstacle(one(), "has extents on sda where its metadata is", false));
	close_disks();
}

static void what_is_uncertain_is_told_first(void)
{
	open_disks();
	put_with(0, TEXT("3"), "\"RESIZEABLE\"", "\"EXPORTED\"");
	memcpy(disks[1].bytes, disks[0].bytes, IMAGE_BYTES);
	look(2);
	CHECK(has_obstacle(one(), "has a physical volume that is there twice: sda and sdb", true));
	close_disks();
}

/* The list grows; each of them is found. */
static void there_may_be_many(void)
{
	char *pvs = calloc(200, 300), *at = pvs, *text;
	char ids[200][PV_ID_BYTES];
	bool found;

	open_disks();
	for (unsigned int i = 0; i < 200; i++) {
		snprintf(ids[i], sizeof(ids[i]), "%029uabc", i);
		at += sprintf(at,
			      "pv%u {\nid = \"000000-0000-0000-0000-0000-0000-%03uabc\"\n"
			      "status = []\npe_start = 2048\npe_count = 1\n}\n",
			      i, i);
	}
	text = text_with(TEXT_GROUP("vg", "g", "3", "PVS", ""), "PVS", pvs);
	for (unsigned int i = 0; i < 200; i++) {
		unsigned int number = (i * 7) % 200;

		image_label(&disks[0], 1, ids[number]);
		image_area(&disks[0], IMAGE_AREA, IMAGE_AREA_BYTES);
		if (i % 2)
			put(0, text);
		CHECK(groups_add(&groups, &disks[0].source, "sda", &found, &why) == RESULT_OK &&
		      found);
	}
	CHECK(groups_choose(&groups, &why) == RESULT_OK);
	CHECK(is_free(one()) && one()->group.pv_count == 200);
	for (unsigned int i = 0; i < one()->group.pv_count; i++)
		CHECK(strcmp(groups.pvs[one()->pvs[i]].pv.id, ids[i]) == 0);
	free(text);
	free(pvs);
	close_disks();
}

/* ---- may it be read, or written? ---- */

static bool check_root(bool writes, const char *sentence)
{
	enum result result = groups_check_volume(one(), 0, writes, "vg/root", &why);

	return sentence ? result == RESULT_REFUSED && strcmp(why.text, sentence) == 0
			: result == RESULT_OK;
}

static void obstacles_and_flags_forbid_writing(void)
{
	open_disks();
	put(0, TEXT("3"));
	look(1);
	CHECK(check_root(false, NULL) && check_root(true, NULL));
	put_with(0, TEXT("3"), "\"RESIZEABLE\"", "\"EXPORTED\"");
	look(1);
	CHECK(check_root(false, NULL));
	CHECK(check_root(true,
			 "vg/root: the volume group vg is exported; 'vgimport vg' ends that"));
	put_with(0, TEXT("3"), "\"VISIBLE\"]\nflags = []", "\"VISIBLE\"]\nflags = [\"NEW\"]");
	look(1);
	CHECK(check_root(false, NULL));
	CHECK(check_root(true, "vg/root: has the flag NEW, which is not known"));
	put_with(0, TEXT("3"), "\"VISIBLE\"", "\"VISIBLE\", \"LOCKED\"");
	look(1);
	CHECK(check_root(
		false,
		"vg/root: is being moved; finish that with 'pvmove', or end it with 'pvmove --abort'"));
	close_disks();
}

#define SNAPSHOT                                                                                   \
	TEXT_GROUP("vg", "g", "3", TEXT_PV("pv0", "0"),                                            \
		   TEXT_VOLUME("root", "r", TEXT_VISIBLE,                                          \
			       TEXT_LINEAR("segment1", "0", "3", "pv0", "0"))                      \
			   TEXT_VOLUME("cow", "c", TEXT_HIDDEN,                                    \
				       TEXT_LINEAR("segment1", "0", "3", "pv0", "3"))              \
				   TEXT_SNAPSHOT("snapshot0", "s", "3",                            \
						 "origin = \"root\"\ncow_store = \"cow\"\n"))

static void a_hidden_origin_is_not_written(void)
{
	open_disks();
	put(0, SNAPSHOT);
	look(1);
	CHECK(check_root(true, NULL));
	CHECK(groups_check_volume(one(), 1, true, "vg/cow", &why) == RESULT_OK);
	put_with(0, SNAPSHOT, TEXT_VISIBLE, TEXT_HIDDEN);
	look(1);
	CHECK(check_root(false, NULL));
	CHECK(check_root(
		true,
		"vg/root: is a hidden origin, which LVM takes for one that has no bytes of its own"));
	close_disks();
}

static void an_uncertain_map_is_not_read(void)
{
	open_disks();
	put(0, TEXT("3"));
	put_with(1, TEXT("3"), "root", "boot");
	look(2);
	CHECK(check_root(
		false,
		"vg/root: the volume group vg has two different metadata texts with seqno 3, on sda and sdb"));
	close_disks();
}

static bool check_bytes(uint64_t offset, uint64_t bytes, bool writes, const char *sentence)
{
	const struct groups_place place = {0, offset, bytes};
	enum result result = groups_check_place(&groups, one(), &place, writes, "vg/root", &why);

	return sentence ? result == RESULT_REFUSED && strcmp(why.text, sentence) == 0
			: result == RESULT_OK;
}

static void places_are_on_their_devices(void)
{
	static const char after[] =
		"vg/root: ends after the end of sda: was that device made smaller?";

	open_disks();
	put(0, TEXT("3"));
	look(1);
	CHECK(check_bytes(IMAGE_BYTES - 512, 512, true, NULL));
	CHECK(check_bytes(IMAGE_BYTES - 512, 1024, false, after));
	CHECK(check_bytes(IMAGE_BYTES, 1, true, after));
	CHECK(check_bytes(UINT64_MAX, 512, true, after) &&
	      check_bytes(512, UINT64_MAX, true, after));
	put_with(0, TEXT("3"), "\"ALLOCATABLE\"]\nflags = []",
		 "\"ALLOCATABLE\"]\nflags = [\"MISSING\"]");
	look(1);
	CHECK(check_bytes(512, 512, false, NULL));
	CHECK(check_bytes(
		512, 512, true,
		"vg/root: the group was changed while its physical volume sda was missing: what is there may be old; 'vgextend --restoremissing' takes it back"));
	close_disks();
}

int main(void)
{
	unit_run("groups: a group has its physical volumes, as far as they are there",
		 a_group_has_its_physical_volumes);
	unit_run("groups: a physical volume may have no text", a_physical_volume_may_have_no_text);
	unit_run("groups: what is no physical volume is passed over",
		 what_is_no_physical_volume_is_passed_over);
	unit_run("groups: the text with the highest seqno counts", the_highest_seqno_counts);
	unit_run("groups: two texts of one seqno are an obstacle",
		 two_texts_of_one_seqno_are_an_obstacle);
	unit_run("groups: copies are one text, however they begin",
		 copies_are_one_text_however_they_begin);
	unit_run("groups: a physical volume that the newest text does not list is ignored",
		 an_outdated_physical_volume_is_ignored);
	unit_run("groups: of a disk's two texts the newest counts", the_newest_of_two_areas_counts);
	unit_run("groups: what is damaged may be newer", a_damaged_area_may_be_newer);
	unit_run("groups: a refused text is compared by its seqno",
		 a_refused_text_is_compared_by_its_seqno);
	unit_run("groups: a newer text that is refused is an obstacle on any disk",
		 a_newer_text_counts_wherever_it_is);
	unit_run("groups: a refused text may be another group's",
		 an_unreadable_text_may_be_another_groups);
	unit_run("groups: groups are told apart by their ids", groups_are_told_apart);
	unit_run("groups: a disk that says that another group has it is an obstacle",
		 a_disk_that_says_otherwise_is_an_obstacle);
	unit_run("groups: a disk in the lists of two groups is an obstacle for both",
		 a_disk_of_two_groups_is_an_obstacle_for_both);
	unit_run("groups: a disk that is there twice is an obstacle",
		 a_disk_that_is_there_twice_is_an_obstacle);
	unit_run("groups: a group is found by name or id; a name of two is refused",
		 groups_are_found);
	unit_run("groups: what a group says of itself may be an obstacle", states_are_obstacles);
	unit_run("groups: a group that contradicts itself is an obstacle",
		 a_group_that_contradicts_itself_is_an_obstacle);
	unit_run("groups: extents where the metadata is are an obstacle",
		 extents_are_not_where_the_metadata_is);
	unit_run("groups: what makes the maps uncertain is told first",
		 what_is_uncertain_is_told_first);
	unit_run("groups: there may be many disks", there_may_be_many);
	unit_run("groups: obstacles and unknown flags forbid writing",
		 obstacles_and_flags_forbid_writing);
	unit_run("groups: a hidden origin is read, and not written",
		 a_hidden_origin_is_not_written);
	unit_run("groups: what is uncertain is not read either", an_uncertain_map_is_not_read);
	unit_run("groups: all of a place is on its device, and not old",
		 places_are_on_their_devices);
	return unit_end();
}
