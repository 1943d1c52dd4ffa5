// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool save: the metadata of a store goes into a file. */
#include "store/cli/commands.h"

#include <inttypes.h>
#include <stdio.h>

#include "store/cow/gaps.h"
#include "store/cli/json.h"
#include "store/cli/note.h"
#include "store/cli/pair.h"
#include "store/cli/remedies.h"
#include "store/savefile/savefile.h"

static void print_json(const struct cli *cli, const struct store *store,
		       const struct savefile *saved)
{
	const struct savefile_layout *layout = &saved->layout;
	struct json json;

	cli_open_json(cli, &json);
	json_string(&json, "store", store->device->name);
	json_string(&json, "file", saved->file.name);
	json_number(&json, "bytes", layout->device_bytes);
	json_known_number(&json, "chunk_sectors", layout->chunk_sectors > 0, layout->chunk_sectors);
	json_number(&json, "areas", layout->areas);
	json_number(&json, "saved_bytes", savefile_stream_bytes(layout));
	json_number(&json, "file_bytes", saved->file_bytes);
	json_boolean(&json, "unreadable", gaps_met(store) || store->gaps->bytes_missing);
	json_close_object(&json);
	json_end_line(&json);
}

static void print_text(const char *store, const struct savefile *saved)
{
	char metadata[32], file[32];

	cli_format_size(savefile_stream_bytes(&saved->layout), metadata, sizeof(metadata));
	cli_format_size(saved->file_bytes, file, sizeof(file));
	cli_print(stdout, "%s: saved in %s: areas: %" PRIu64 ", metadata: %s, file: %s", store,
		  saved->file.name, saved->layout.areas, metadata, file);
}

/* What was written is read again from its first to its last byte. */
static enum result check_and_print(const struct cli *cli, const struct store *store,
				   const char *path, struct failure *why)
{
	struct savefile saved;
	enum result result = savefile_open(&saved, path, why);

	if (result != RESULT_OK)
		result = result == RESULT_NO_MEMORY ? result : RESULT_IO;
	else if (cli->json)
		print_json(cli, store, &saved);
	else if (!cli->quiet)
		print_text(store->device->name, &saved);
	savefile_close(&saved);
	return result;
}

/* What begins as a store does has lost a part of its header only; of anything else nothing here can
 * say that it ever was one. */
static enum result check_header(const struct cli *cli, const struct store *store, bool force,
				struct failure *why)
{
	struct failure fault;
	enum result result = store_require_header(store, &fault);

	if (result != RESULT_OK)
		remedies_say(cli, &fault);
	if (result == RESULT_NO_STORE && !force)
		return fail(
			why, result,
			"%s; --force saves its first bytes all the same, if a store was here whose header is lost",
			fault.text);
	if (result != RESULT_OK)
		cli_note(cli,
			 "%s; warning: only the first bytes of it are saved, whatever they are",
			 fault.text);
	return RESULT_OK;
}

/* What cannot be read is no failure: what can be is not to be lost, too. */
static void say_unreadable(const struct cli *cli, const struct store *store, const char *path)
{
	if (store->gaps->bytes_missing)
		cli_message(
			cli,
			"%s: not all of what is before its areas can be read; in %s, zeros are in the place of what cannot",
			store->device->name, path);
	if (gaps_met(store))
		cli_message(
			cli,
			"%s: not all of its metadata can be read; in %s, exceptions that have no data are in the place of those that are lost",
			store->device->name, path);
}

static enum result save(const struct cli *cli, const struct store *store, bool force,
			struct failure *why)
{
	const char *path = cli->arguments[1];
	enum result result = check_header(cli, store, force, why);

	if (result == RESULT_OK)
		note_memory(cli, path);
	if (result == RESULT_OK)
		result = savefile_write(store, path, force, &cli_stop_requested, why);
	if (result != RESULT_OK)
		return result;
	say_unreadable(cli, store, path);
	return check_and_print(cli, store, path, why);
}

enum result cmd_save(struct cli *cli, int argc, const char **argv, struct failure *why)
{
	bool force = false;
	const struct cli_option options[] = {
		{"force", CLI_FLAG, &force,
		 "replace FILE where it exists; save what does not begin as a store does", NULL},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	enum result result = cli_parse(cli, options, CLI_EXACTLY(2), argc, argv, why);
	const struct pair_options opening = {.mode = DEVICE_LOOK, .saved = true, .gaps = true};
	struct pair pair;

	if (result == RESULT_OK && !cli->finished)
		result = cli_argument_is_file(cli, 1, why);
	if (result != RESULT_OK || cli->finished)
		return result;
	result = pair_open(&pair, cli, &opening, NULL, cli->arguments[0], why);
	if (result == RESULT_OK && pair_is_saved(&pair))
		result =
			fail(why, RESULT_NO_STORE,
			     "%s: is a saved file already; copy it as any file", cli->arguments[0]);
	if (result == RESULT_OK)
		result = save(cli, &pair.store, force, why);
	pair_close(&pair);
	return result;
}
