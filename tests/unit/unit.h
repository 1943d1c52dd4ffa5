/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The smallest thing that can be called a test framework: TAP on stdout, 1 when a check failed. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <stdbool.h>
#include <stdio.h>

static int unit_number, unit_failed;
static bool unit_good;

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			printf("# %s:%d: not true: %s\n", __FILE__, __LINE__, #condition);         \
			unit_good = false;                                                         \
		}                                                                                  \
	} while (0)

/* Runs one test; its name says what must be true. */
static void unit_run(const char *name, void (*test)(void))
{
	unit_good = true;
	test();
	unit_failed += !unit_good;
	printf("%sok %d - %s\n", unit_good ? "" : "not ", ++unit_number, name);
}

static int unit_end(void)
{
	printf("1..%d\n", unit_number);
	return unit_failed != 0;
}

#endif
