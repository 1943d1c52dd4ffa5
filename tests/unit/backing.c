// SPDX-License-Identifier: GPL-2.0-or-later
/* Which parts of files and devices have a byte in common. */
#include "tests/unit/unit.h"

#include "store/device/backing.h"

static struct backing file(uint64_t from, uint64_t to)
{
	return (struct backing){.file_system = 8, .inode = 100, .from = from, .to = to};
}

static struct backing disk(uint64_t from, uint64_t to)
{
	return (struct backing){.is_block = true, .number = 8, .from = from, .to = to};
}

static bool overlap(struct backing a, struct backing b)
{
	bool answer = backing_overlap(&a, &b);

	CHECK(backing_overlap(&b, &a) == answer);
	return answer;
}

static void a_common_byte_is_enough(void)
{
	CHECK(overlap(file(0, UINT64_MAX), file(0, UINT64_MAX)));
	CHECK(overlap(file(0, UINT64_MAX), file(4096, 8192)));
	CHECK(overlap(file(0, 4097), file(4096, 8192)));
	CHECK(overlap(disk(4096, 8192), disk(8191, UINT64_MAX)));
}

static void neighbours_have_none(void)
{
	CHECK(!overlap(file(0, 4096), file(4096, 8192)));
	CHECK(!overlap(disk(8192, UINT64_MAX), disk(4096, 8192)));
}

static void what_is_empty_has_none(void)
{
	CHECK(!overlap(file(4096, 4096), file(0, UINT64_MAX)));
	CHECK(!overlap(file(4096, 4096), file(4096, 4096)));
}

static void another_file_or_device_has_none(void)
{
	struct backing other_file = file(0, 4096), other_disk = disk(0, 4096);

	CHECK(!overlap(file(0, 4096), disk(0, 4096)));
	other_file.inode++;
	CHECK(!overlap(file(0, 4096), other_file));
	other_file = file(0, 4096);
	other_file.file_system++;
	CHECK(!overlap(file(0, 4096), other_file));
	other_disk.number++;
	CHECK(!overlap(disk(0, 4096), other_disk));
}

static void what_stands_on_nothing_is_all_of_itself(void)
{
	struct backing backing = file(1, 2);

	backing_descend(&backing, -1);
	CHECK(!backing.is_block && backing.inode == 100);
	CHECK(backing.from == 0 && backing.to == UINT64_MAX);
}

int main(void)
{
	unit_run("backing: a common byte is enough", a_common_byte_is_enough);
	unit_run("backing: neighbours have none", neighbours_have_none);
	unit_run("backing: what is empty has none", what_is_empty_has_none);
	unit_run("backing: another file or device has none", another_file_or_device_has_none);
	unit_run("backing: what is on nothing is all of itself",
		 what_stands_on_nothing_is_all_of_itself);
	return unit_end();
}
