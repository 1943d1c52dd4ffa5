// SPDX-License-Identifier: GPL-2.0-or-later
/* store/device/holder: the command that takes a device away from who holds it. */
#include "tests/unit/unit.h"

#include <string.h>

#include "store/device/holder.h"

#define IDS "d5kKQZ0sC2rUS7vyTnnvVfu1dJ4bGWLqtjQbJgcVZ1CbwNyxmC1wBI4IJ8Ds4Ywe"

static bool is(const struct holder *holder, const char *wanted)
{
	struct suggestion command;

	suggest_begin(&command);
	holder_command(holder, &command);
	if (strcmp(suggest_plain(&command), wanted) == 0)
		return true;
	printf("# %s, not %s\n", command.quoted, wanted);
	return false;
}

static bool is_mapped(const char *name, const char *uuid, bool several, const char *wanted)
{
	return is(&(struct holder){"dm-3", name, uuid, several}, wanted);
}

static void a_volume_is_deactivated(void)
{
	CHECK(strlen(IDS) == 64);
	CHECK(is_mapped("vg0-root", "LVM-" IDS, false, "lvchange -an vg0/root"));
	CHECK(is_mapped("vg--0-my--root", "LVM-" IDS, false, "lvchange -an vg-0/my-root"));
}

static void of_a_device_of_lvm_s_own_the_volume_is(void)
{
	CHECK(is_mapped("vg0-root-real", "LVM-" IDS "-real", false, "lvchange -an vg0/root"));
	CHECK(is_mapped("vg0-snap-cow", "LVM-" IDS "-cow", false, "lvchange -an vg0/snap"));
	CHECK(is_mapped("vg0-my--cow-cow", "LVM-" IDS "-cow", false, "lvchange -an vg0/my-cow"));
}

static void of_many_and_of_a_part_of_one_the_group_is(void)
{
	CHECK(is_mapped("vg0-root", "LVM-" IDS, true, "vgchange -an vg0"));
	CHECK(is_mapped("vg0-root_rimage_0", "LVM-" IDS, false, "vgchange -an vg0"));
	CHECK(is_mapped("vg0-pool_tdata", "LVM-" IDS, false, "vgchange -an vg0"));
}

static void others_of_the_device_mapper_have_commands_of_their_own(void)
{
	CHECK(is_mapped("luks-1", "CRYPT-LUKS2-00-luks-1", false, "cryptsetup close luks-1"));
	CHECK(is_mapped("mpatha", "mpath-360", false, "multipath -f mpatha"));
	CHECK(is_mapped("my snap", "", false, "dmsetup remove my\\ snap"));
	CHECK(is_mapped("no_volume", "LVM-" IDS, false, "dmsetup remove no_volume"));
}

static void an_array_and_a_cache_are_stopped(void)
{
	CHECK(is(&(struct holder){.node = "md127"}, "mdadm --stop /dev/md127"));
	CHECK(is(&(struct holder){.node = "bcache0"}, "echo 1 >/sys/block/bcache0/bcache/stop"));
	CHECK(is(&(struct holder){.node = "drbd0"}, ""));
}

int main(void)
{
	unit_run("holder: a volume is deactivated", a_volume_is_deactivated);
	unit_run("holder: of a device of LVM's own, the volume is",
		 of_a_device_of_lvm_s_own_the_volume_is);
	unit_run("holder: of many, and of a part of a volume, the group is",
		 of_many_and_of_a_part_of_one_the_group_is);
	unit_run("holder: others of the device mapper have commands of their own",
		 others_of_the_device_mapper_have_commands_of_their_own);
	unit_run("holder: an array and a cache are stopped", an_array_and_a_cache_are_stopped);
	return unit_end();
}
