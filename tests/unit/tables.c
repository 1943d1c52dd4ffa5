// SPDX-License-Identifier: GPL-2.0-or-later
/* What the device mapper tells, and which lines of its tables use which bytes. */
#include "tests/unit/unit.h"

#include <linux/dm-ioctl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "store/device/mapper.h"
#include "store/device/tables.h"

/* ---- lines ---- */

/* No kernel has block devices of this major number. */
#define MAJOR 4001u

/* Sectors from .. to - 1 of device 4001:7: does the line of 100 sectors use one of them? */
static bool uses(const char *target, const char *parameters, uint64_t from, uint64_t to)
{
	struct mapper_line line = {.start = 5000, .length = 100, .parameters = parameters};
	const struct tables_range ranges[] = {
		{makedev(MAJOR, 99), 0, UINT64_MAX},
		{makedev(MAJOR, 7), from * 512, to == UINT64_MAX ? to : to * 512}};

	snprintf(line.target, sizeof(line.target), "%s", target);
	return tables_line_uses(&line, ranges, 2);
}

static void a_linear_line_uses_its_sectors(void)
{
	CHECK(uses("linear", "4001:7 1000", 0, UINT64_MAX));
	CHECK(uses("linear", "4001:7 1000", 0, 1001));
	CHECK(uses("linear", "4001:7 1000", 1099, 2000));
	CHECK(uses("linear", "4001:7 1000", 1050, 1051));
	CHECK(!uses("linear", "4001:7 1000", 0, 1000));
	CHECK(!uses("linear", "4001:7 1000", 1100, 2000));
	CHECK(!uses("linear", "4001:7 1000", 5000, 5100));
	CHECK(!uses("linear", "4001:8 1000", 0, UINT64_MAX));
	CHECK(!uses("linear", "4002:7 1000", 0, UINT64_MAX));
	CHECK(!uses("linear", "4001:7 1000", 1050, 1050));
}

static void a_striped_line_uses_its_part_of_each(void)
{
	CHECK(uses("striped", "2 8 4001:7 1000 4001:8 3000", 1049, 1050));
	CHECK(!uses("striped", "2 8 4001:7 1000 4001:8 3000", 1050, UINT64_MAX));
	CHECK(!uses("striped", "2 8 4001:7 1000 4001:8 3000", 0, 1000));
	CHECK(uses("striped", "2 8 4001:8 3000 4001:7 1000", 1000, 1001));
	CHECK(uses("striped", "1 8 4001:7 1000", 1099, 1100));
	/* It is no whole number; the kernel takes none of these. */
	CHECK(uses("striped", "3 8 4001:8 0 4001:9 0 4001:7 1000", 1033, 1034));
}

static void any_other_line_uses_all_it_names(void)
{
	CHECK(uses("snapshot-origin", "4001:7", 1u << 20, 1u << 21));
	CHECK(uses("snapshot", "4001:6 4001:7 P 8", 1u << 20, 1u << 21));
	CHECK(uses("snapshot-merge", "4001:7 4001:6 P 8", 1u << 20, 1u << 21));
	CHECK(uses("raid", "raid1 3 0 region_size 1024 2 4001:5 4001:6 - 4001:7", 0, 1));
	CHECK(uses("crypt", "aes-xts-plain64 :64:logon:a:b 0 4001:7 4096", 0, 1));
	CHECK(!uses("crypt", "aes-xts-plain64 :64:logon:4001:7 0 4001:8 4096", 0, 1));
	CHECK(!uses("snapshot", "4001:70 4001:77 P 8", 0, UINT64_MAX));
	CHECK(!uses("snapshot", "4001:7x 14001:7 4001:7:1", 0, UINT64_MAX));
	CHECK(!uses("error", "", 0, UINT64_MAX));
	CHECK(!uses("zero", "", 0, UINT64_MAX));
}

static void a_line_that_is_not_understood_uses_all_it_names(void)
{
	CHECK(uses("linear", "4001:7", 0, 1));
	CHECK(uses("linear", "4001:7 1000 more", 0, 1));
	CHECK(uses("linear", "4001:7 99999999999999999999999", 0, 1));
	CHECK(uses("striped", "2 8 4001:7 1000", 0, 1));
	CHECK(uses("striped", "99999999999 8 4001:8 0 4001:7 1000", 0, 1));
	CHECK(uses("striped", "0 8 4001:7 1000", 0, 1));
	CHECK(uses("linear", "4001:7 18446744073709551615", UINT64_MAX / 512 - 1, UINT64_MAX) ==
	      false);
	CHECK(!uses("linear", "99999999999999999999999:7 0", 0, UINT64_MAX));
	CHECK(!uses("linear", ":7 0", 0, UINT64_MAX));
}

/* ---- what the kernel writes ---- */

static _Alignas(8) uint8_t data[4096];

static void put_device(size_t at, uint64_t number, uint32_t next, const char *name)
{
	memcpy(data + at, &number, 8);
	memcpy(data + at + 8, &next, 4);
	strcpy((char *)data + at + 12, name);
}

static void put_line(size_t at, uint64_t length, uint32_t next, const char *target,
		     const char *parameters)
{
	struct dm_target_spec record = {.sector_start = 8, .length = length, .next = next};

	memcpy(record.target_type, target, strnlen(target, sizeof(record.target_type)));
	memcpy(data + at, &record, sizeof(record));
	strcpy((char *)data + at + sizeof(record), parameters);
}

static void devices_follow_each_other(void)
{
	struct mapper_device device;
	size_t at = 0;

	put_device(0, 0xfd00, 32, "vg-root");
	put_device(32, 0xfd01, 0, "vg-swap");
	CHECK(mapper_take_device(data, sizeof(data), &at, &device) && at == 32);
	CHECK(device.number == 0xfd00 && strcmp(device.name, "vg-root") == 0);
	CHECK(mapper_take_device(data, sizeof(data), &at, &device) && at == SIZE_MAX);
	CHECK(device.number == 0xfd01 && strcmp(device.name, "vg-swap") == 0);
}

static void a_device_outside_of_the_data_is_refused(void)
{
	struct mapper_device device;
	size_t at = 0;

	put_device(0, 0xfd00, 4, "a");
	CHECK(!mapper_take_device(data, sizeof(data), &at, &device));
	put_device(0, 0xfd00, UINT32_MAX, "a");
	CHECK(mapper_take_device(data, sizeof(data), &at, &device));
	CHECK(!mapper_take_device(data, sizeof(data), &at, &device));
	at = 0;
	CHECK(!mapper_take_device(data, 11, &at, &device));
	CHECK(!mapper_take_device(data, 13, &at, &device));
	CHECK(mapper_take_device(data, 14, &at, &device));
	at = 0;
	memset(data + 12, 'x', sizeof(data) - 12);
	CHECK(!mapper_take_device(data, sizeof(data), &at, &device));
	data[12 + MAPPER_NAME_BYTES] = 0;
	CHECK(!mapper_take_device(data, sizeof(data), &at, &device));
	data[12 + MAPPER_NAME_BYTES - 1] = 0;
	CHECK(mapper_take_device(data, sizeof(data), &at, &device));
	memset(data, 0, sizeof(data));
}

static void lines_follow_each_other(void)
{
	struct mapper_line line;
	size_t at = 0;

	put_line(0, 100, 64, "linear", "253:0 8");
	put_line(64, 200, 0, "a-target-of-16-b", "");
	CHECK(mapper_take_line(data, sizeof(data), &at, &line) && at == 64);
	CHECK(line.start == 8 && line.length == 100 && strcmp(line.target, "linear") == 0);
	CHECK(strcmp(line.parameters, "253:0 8") == 0);
	CHECK(mapper_take_line(data, sizeof(data), &at, &line) && at == SIZE_MAX);
	CHECK(strcmp(line.target, "a-target-of-16-b") == 0 && line.parameters[0] == 0);
	CHECK(!mapper_take_line(data, sizeof(data), &at, &line));
}

static void a_line_outside_of_the_data_is_refused(void)
{
	struct mapper_line line;
	size_t at = 0;

	put_line(0, 100, 5000, "linear", "253:0 8");
	CHECK(!mapper_take_line(data, sizeof(struct dm_target_spec), &at, &line));
	CHECK(!mapper_take_line(data, sizeof(struct dm_target_spec) + 7, &at, &line));
	CHECK(mapper_take_line(data, sizeof(data), &at, &line) && at == 5000);
	CHECK(!mapper_take_line(data, sizeof(data), &at, &line));
	/* Back to where it was would never end. */
	at = 64;
	put_line(64, 100, 64, "linear", "253:0 8");
	CHECK(mapper_take_line(data, sizeof(data), &at, &line) && at == SIZE_MAX);
}

/* ---- this kernel ---- */

static void this_kernel_can_be_asked(void)
{
	const struct tables_range range = {makedev(MAJOR, 7), 0, UINT64_MAX};
	struct tables_user user;
	struct failure why;
	bool used = true;
	enum result result = tables_find(&range, 1, &user, &used, &why);

	CHECK(result == RESULT_OK || result == RESULT_REFUSED);
	CHECK(!used);
	CHECK(!tables_find_volume("00000000000000000000000000000000",
				  "00000000000000000000000000000000", &user));
}

int main(void)
{
	unit_run("tables: a linear line uses its sectors, and no others",
		 a_linear_line_uses_its_sectors);
	unit_run("tables: a striped line uses its part of each device",
		 a_striped_line_uses_its_part_of_each);
	unit_run("tables: any other line uses all of what it names",
		 any_other_line_uses_all_it_names);
	unit_run("tables: a line that is not understood uses all of what it names",
		 a_line_that_is_not_understood_uses_all_it_names);
	unit_run("mapper: devices follow each other", devices_follow_each_other);
	unit_run("mapper: a device that is not in the data is refused",
		 a_device_outside_of_the_data_is_refused);
	unit_run("mapper: lines follow each other", lines_follow_each_other);
	unit_run("mapper: a line that is not in the data is refused",
		 a_line_outside_of_the_data_is_refused);
	unit_run("tables: this kernel can be asked, or says why not", this_kernel_can_be_asked);
	return unit_end();
}
