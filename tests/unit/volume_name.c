// SPDX-License-Identifier: GPL-2.0-or-later
/* store/volume/name: how LVM's users write the name of a volume. */
#include "tests/unit/unit.h"

#include <string.h>

#include "store/volume/name.h"

static struct volume_name name;

static bool reads(const char *text, const char *group, const char *volume)
{
	return volume_name_read(text, &name) && strcmp(name.group, group) == 0 &&
	       strcmp(name.volume, volume) == 0 &&
	       name.is_explicit == (strncmp(text, "LVM=", 4) == 0);
}

static bool refuses(const char *text)
{
	return !volume_name_read(text, &name);
}

static void each_form_is_read(void)
{
	CHECK(reads("vg/root", "vg", "root"));
	CHECK(reads("/dev/vg/root", "vg", "root"));
	CHECK(reads("/dev/mapper/vg-root", "vg", "root"));
	CHECK(reads("LVM=vg/root", "vg", "root"));
	CHECK(reads("a-b/c-d", "a-b", "c-d"));
	CHECK(reads("LVM=UAKUpR-3vIk-2SXA-qP1n-JL9x-gsLV-QPhnBr/root",
		    "UAKUpR-3vIk-2SXA-qP1n-JL9x-gsLV-QPhnBr", "root"));
	CHECK(reads("a.+_Z9/.x", "a.+_Z9", ".x"));
}

static void dashes_of_device_mapper_are_halved(void)
{
	CHECK(reads("/dev/mapper/a--b-c--d", "a-b", "c-d"));
	CHECK(reads("/dev/mapper/a-b--c", "a", "b-c"));
	CHECK(reads("/dev/mapper/a----b-c", "a--b", "c"));
	CHECK(reads("/dev/mapper/a---b", "a-", "b"));
	CHECK(reads("/dev/mapper/a-----b--", "a--", "b-"));
	CHECK(refuses("/dev/mapper/a--b"));
	CHECK(refuses("/dev/mapper/a-b-c"));
	CHECK(refuses("/dev/mapper/a-b-"));
	CHECK(refuses("/dev/mapper/a-"));
	CHECK(refuses("/dev/mapper/-a"));
	CHECK(refuses("/dev/mapper/--a-b"));
	CHECK(refuses("/dev/mapper/"));
	CHECK(refuses("/dev/mapper/a-b/c"));
	CHECK(refuses("/dev/mapper/control"));
}

static void all_else_is_none(void)
{
	const char *const texts[] = {
		"",
		"/",
		"vg",
		"vg/",
		"/root",
		"vg/root/",
		"vg//root",
		"a/b/c",
		"./root",
		"../root",
		"vg/..",
		"vg/.",
		"-a/b",
		"a/-b",
		"v g/root",
		"vg/r\n",
		"vg/r\xc3\xa4",
		"LVM=",
		"LVM=vg",
		"LVM=/dev/vg/root",
		"LVM=vg/root/x",
		"/dev/",
		"/dev/vg",
		"/dev/vg/a/b",
		"/devvg/root",
		"/dev//root",
		"LVM=/",
		"/dev/vg/",
		"LVM=vg-root",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!refuses(texts[i]))
			printf("# %s is taken\n", texts[i]);
		CHECK(refuses(texts[i]));
	}
}

static void a_name_has_at_most_127_letters(void)
{
	char text[600];

	for (size_t length = 126; length <= 129; length++) {
		memset(text, 'a', sizeof(text));
		memcpy(text + length, "/b", 3);
		CHECK(volume_name_read(text, &name) == (length <= GROUP_NAME_MAX));
		memset(text, 'a', sizeof(text));
		memcpy(text, "v/", 2);
		text[2 + length] = '\0';
		CHECK(volume_name_read(text, &name) == (length <= GROUP_NAME_MAX));
		memset(text, 'a', sizeof(text));
		memcpy(text, "/dev/mapper/", 12);
		memcpy(text + 12 + length, "-b", 3);
		CHECK(volume_name_read(text, &name) == (length <= GROUP_NAME_MAX));
		memset(text, 'a', sizeof(text));
		memcpy(text, "/dev/mapper/v-", 14);
		text[14 + length] = '\0';
		CHECK(volume_name_read(text, &name) == (length <= GROUP_NAME_MAX));
	}
	memset(text, '-', sizeof(text)); /* 127 letters that need 253 */
	memcpy(text, "/dev/mapper/a", 13);
	memcpy(text + 13 + 252, "-b", 3);
	CHECK(volume_name_read(text, &name) && strlen(name.group) == 127);
}

static void names_are_those_of_lvm(void)
{
	CHECK(group_is_name("a", 1) && group_is_name("...", 3) && group_is_name("+", 1));
	CHECK(!group_is_name("a", 0) && !group_is_name(".", 1) && !group_is_name("..", 2));
	CHECK(!group_is_name("-", 1) && !group_is_name("a\0b", 3) && !group_is_name("a/b", 3));
	CHECK(group_is_name("a/b", 1));
}

int main(void)
{
	unit_run("name: VG/LV, /dev/VG/LV, /dev/mapper/VG-LV, LVM=VG/LV", each_form_is_read);
	unit_run("name: device-mapper's double dashes are one", dashes_of_device_mapper_are_halved);
	unit_run("name: all else is none", all_else_is_none);
	unit_run("name: a name has at most 127 letters", a_name_has_at_most_127_letters);
	unit_run("name: a name has LVM's letters", names_are_those_of_lvm);
	return unit_end();
}
