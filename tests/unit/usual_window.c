// SPDX-License-Identifier: GPL-2.0-or-later
/* The window that a merge takes where nobody chose one. */
#include "merge/driver.h"
#include "tests/unit/unit.h"

#define MIB (1u << 20)

static void is_sixteen_mib_where_memory_is_not_short(void)
{
	CHECK(merge_usual_window(UINT64_MAX) == 16 * MIB);
	CHECK(merge_usual_window(2 * DRIVER_WINDOWS * 16ull * MIB) == 16 * MIB);
}

static void all_windows_take_no_more_than_half_of_what_is_free(void)
{
	for (uint64_t free_bytes = 2 * DRIVER_WINDOWS * MIB; free_bytes < 1024ull * MIB;
	     free_bytes += 3 * MIB)
		CHECK(merge_usual_window(free_bytes) * DRIVER_WINDOWS <= free_bytes / 2);
	CHECK(merge_usual_window(2 * DRIVER_WINDOWS * 16ull * MIB - 1) == 15 * MIB);
	CHECK(merge_usual_window(2 * DRIVER_WINDOWS * 5ull * MIB) == 5 * MIB);
}

static void is_one_mib_at_least(void)
{
	CHECK(merge_usual_window(2 * DRIVER_WINDOWS * MIB - 1) == MIB);
	CHECK(merge_usual_window(0) == MIB);
}

int main(void)
{
	unit_run("usual window: 16 MiB where memory is not short",
		 is_sixteen_mib_where_memory_is_not_short);
	unit_run("usual window: all windows take no more than half of what is free",
		 all_windows_take_no_more_than_half_of_what_is_free);
	unit_run("usual window: 1 MiB at least", is_one_mib_at_least);
	return unit_end();
}
