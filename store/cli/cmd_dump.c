// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool dump: the exceptions in the order of the store, one by one or as runs; what is left past
 * the end of the list; the view as extents. */
#include "store/cli/commands.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/cli/cmd_dump.h"
#include "store/cow/gaps.h"
#include "store/cli/pair.h"

/* The names of enum table_format, in that order, and one more. */
static const char *const format_words[] = {"text", "csv", "json", "table", NULL};
#define FORMAT_TARGETS (TABLE_JSON + 1)

struct dump_options {
	bool stale, runs, map;
	bool targets; /* as targets of the device mapper */
	char *origin; /* owned */
	struct cli_word format;
};

static dump_rows *choose_rows(const struct dump_options *options)
{
	if (options->stale)
		return dump_stale;
	if (options->runs)
		return dump_runs;
	if (options->targets)
		return dump_targets;
	return options->map ? dump_map : dump_exceptions;
}

static void print_head(struct dump *dump)
{
	if (dump->format != TABLE_JSON)
		return;
	cli_open_json(dump->cli, &dump->json);
	json_string(&dump->json, "store", dump->store->device->name);
	json_number(&dump->json, "chunk_bytes", dump->store->geometry.chunk_bytes);
}

/* An object that is not complete stays open, for the error. */
static void print_foot(struct dump *dump, bool complete)
{
	if (dump->format != TABLE_JSON)
		return;
	json_close_array(&dump->json);
	cli_close_json(dump->cli, &dump->json, !complete);
}

static enum result dump_store(struct cli *cli, const struct store *store,
			      const struct device *origin, dump_rows *rows,
			      enum table_format format, struct failure *why)
{
	struct dump dump = {.cli = cli, .store = store, .origin = origin, .format = format};
	enum result result = store_require_header(store, why);
	bool area_missing = false;

	if (result != RESULT_OK)
		return result;
	print_head(&dump);
	result = rows(&dump, &area_missing, why);
	if (result == RESULT_OK)
		result = pair_require_list(store, area_missing, gaps_met(store), why);
	print_foot(&dump, result == RESULT_OK);
	return result;
}

static enum result choose_format(struct cli *cli, struct dump_options *options,
				 enum table_format *format, struct failure *why)
{
	const struct cli_word *word = &options->format;

	options->targets = word->chosen == FORMAT_TARGETS;
	*format = options->targets ? TABLE_TEXT : word->chosen;
	if (!word->given && cli->json)
		*format = TABLE_JSON;
	if (cli->json && *format != TABLE_JSON)
		return fail(why, RESULT_USAGE, "--json and --format=%s exclude each other",
			    word->words[word->chosen]);
	cli->json = *format == TABLE_JSON;
	return RESULT_OK;
}

static enum result check_options(const struct dump_options *options, struct failure *why)
{
	if (options->stale + options->runs + options->map > 1)
		return fail(why, RESULT_USAGE, "--stale, --runs and --map exclude each other");
	if (options->origin && !options->map && !options->stale)
		return fail(why, RESULT_USAGE, "--origin is for --map and --stale");
	if (options->targets && !options->map)
		return fail(why, RESULT_USAGE, "--format=table is for --map");
	return RESULT_OK;
}

/* Of a volume, LVM knows it. */
static enum result name_origin(const struct cli *cli, struct dump_options *options,
			       struct failure *why)
{
	const char *store = cli->arguments[0];

	if (!options->map || options->origin)
		return RESULT_OK;
	if (!volumes_is_name(store))
		return fail(why, RESULT_USAGE, "--map needs --origin=ORIGIN");
	return pair_name_origin(cli, store, DEVICE_LOOK, &options->origin, why);
}

static enum result open_and_dump(struct cli *cli, const struct dump_options *options,
				 enum table_format format, struct failure *why)
{
	const struct pair_options opening = {
		.mode = DEVICE_LOOK, .origin_is_option = true, .saved = true, .gaps = true};
	struct pair pair;
	enum result result =
		pair_open(&pair, cli, &opening, options->origin, cli->arguments[0], why);

	if (result == RESULT_OK && (options->stale || options->targets))
		result = pair_require_store(&pair, why);
	if (result == RESULT_OK)
		result = dump_store(cli, &pair.store, &pair.origin, choose_rows(options), format,
				    why);
	pair_close(&pair);
	return result;
}

enum result cmd_dump(struct cli *cli, int argc, const char **argv, struct failure *why)
{
	struct dump_options chosen = {.format = {.words = format_words}};
	const struct cli_option options[] = {
		{"format", CLI_WORD, &chosen.format, "text (default), csv, json or table",
		 "FORMAT"},
		{"stale", CLI_FLAG, &chosen.stale,
		 "also what looks like exceptions past the end of the list", NULL},
		{"runs", CLI_FLAG, &chosen.runs, "neighbours joined, as they are merged", NULL},
		{"map", CLI_FLAG, &chosen.map, "from where each byte of the view comes", NULL},
		{"origin", CLI_STRING, &chosen.origin, "the origin, for --map and --stale",
		 "ORIGIN"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	enum table_format format = TABLE_TEXT;
	enum result result = cli_parse(cli, options, CLI_EXACTLY(1), argc, argv, why);

	if (result == RESULT_OK && !cli->finished)
		result = choose_format(cli, &chosen, &format, why);
	if (result == RESULT_OK && !cli->finished)
		result = check_options(&chosen, why);
	if (result == RESULT_OK && !cli->finished)
		result = name_origin(cli, &chosen, why);
	if (result == RESULT_OK && !cli->finished)
		result = open_and_dump(cli, &chosen, format, why);
	free(chosen.origin);
	return result;
}
