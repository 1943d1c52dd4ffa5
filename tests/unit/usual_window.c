// SPDX-License-Identifier: GPL-2.0-or-later
/* The window that a merge takes where nobody chose one. */
#include "merge/driver.h"
#include "tests/unit/unit.h"

#define MIB (1u << 20)

static void is_32_mib_where_memory_is_not_short(void)
{
	CHECK(merge_usual_window(UINT64_MAX) == 32 * MIB);
	CHECK(merge_usual_window(2 * DRIVER_WINDOWS * 32ull * MIB) == 32 * MIB);
}

static void all_windows_take_no_more_than_half_of_what_is_available(void)
{
	for (uint64_t available = 2 * DRIVER_WINDOWS * MIB; available < 1024ull * MIB;
	     available += 3 * MIB)
		CHECK(merge_usual_window(available) * DRIVER_WINDOWS <= available / 2);
	CHECK(merge_usual_window(2 * DRIVER_WINDOWS * 32ull * MIB - 1) == 31 * MIB);
	CHECK(merge_usual_window(2 * DRIVER_WINDOWS * 5ull * MIB) == 5 * MIB);
}

static void is_one_mib_at_least(void)
{
	CHECK(merge_usual_window(2 * DRIVER_WINDOWS * MIB - 1) == MIB);
	CHECK(merge_usual_window(0) == MIB);
}

int main(void)
{
	unit_run("usual window: 32 MiB where memory is not short",
		 is_32_mib_where_memory_is_not_short);
	unit_run("usual window: all windows take no more than half of what is available",
		 all_windows_take_no_more_than_half_of_what_is_available);
	unit_run("usual window: 1 MiB at least", is_one_mib_at_least);
	return unit_end();
}
