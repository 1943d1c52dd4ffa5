/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between cowtool dump's command line and its rows. */
#ifndef STORE_CLI_CMD_DUMP_H
#define STORE_CLI_CMD_DUMP_H

#include "store/cli/cli.h"
#include "store/cli/json.h"
#include "store/cow/store.h"
#include "store/cow/view_map.h"
#include "store/cli/table.h"

struct dump {
	struct cli *cli;
	const struct store *store;
	const struct device *origin; /* without a name: none was named */
	enum table_format format;
	struct json json;
	struct table table;
	/* --runs: the run in hand */
	uint64_t run_index, run_length;
	struct exception run_first;
};

/* Prints one kind of rows, and in JSON the array around them but for its end. *area_missing: the
 * list of exceptions has no end on this device. RESULT_OUTPUT: stdout takes no more. */
typedef enum result dump_rows(struct dump *dump, bool *area_missing, struct failure *why);

dump_rows dump_exceptions, dump_stale, dump_runs, dump_map;

/* The view as lines of a device-mapper table; no rows of struct table. */
dump_rows dump_targets;

/* view_map_walk, and what is odd about it is said. */
enum result dump_walk(const struct dump *dump, struct view_map_walk *walk, struct failure *why);

#endif
