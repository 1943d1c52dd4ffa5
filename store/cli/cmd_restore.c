// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool restore: a saved file goes back to a device. */
#include "store/cli/commands.h"

#include <inttypes.h>
#include <stdio.h>

#include "store/io/io_engine.h"
#include "store/cli/json.h"
#include "store/cli/pair.h"
#include "store/savefile/savefile.h"
#include "store/base/suggest.h"

static void print_json(const struct cli *cli, const struct savefile *saved, const char *store)
{
	const struct savefile_layout *layout = &saved->layout;
	struct json json;

	cli_open_json(cli, &json);
	json_string(&json, "file", saved->file.name);
	json_string(&json, "store", store);
	json_number(&json, "bytes", layout->device_bytes);
	json_known_number(&json, "chunk_sectors", layout->chunk_sectors > 0, layout->chunk_sectors);
	json_number(&json, "areas", layout->areas);
	json_number(&json, "bytes_written", savefile_stream_bytes(layout));
	json_close_object(&json);
	json_end_line(&json);
}

static void print_text(const struct savefile *saved, const char *store)
{
	char size[32];

	cli_format_size(savefile_stream_bytes(&saved->layout), size, sizeof(size));
	cli_print(stdout, "%s: restored from %s and read back: areas: %" PRIu64 ", metadata: %s",
		  store, saved->file.name, saved->layout.areas, size);
}

/* After a failure in the middle: the command that finishes it, for people to copy. */
static void say_how_to_finish(const struct savefile *saved, const char *store, bool force,
			      enum result result, struct failure *why)
{
	struct suggestion suggestion;

	fail_more(why, result, "the device is half written and no store until %s finishes it",
		  suggest(&suggestion,
			  force ? "cowtool restore --force %s %s" : "cowtool restore %s %s",
			  saved->file.name, store));
}

static enum result write_back(struct savefile *saved, struct device *device, bool force,
			      struct failure *why)
{
	struct io io = {.engine = NULL};
	enum result result = io_engine_open(&io, io_engine_for(IO_ENGINE_AUTO, device, NULL), why);

	io.stop = &cli_stop_requested;
	if (result == RESULT_OK)
		result = savefile_check_target(saved, device, &io, force, why);
	saved->stop = &cli_stop_requested;
	if (result == RESULT_OK)
		result = savefile_restore(saved, device, &io, why);
	if (result != RESULT_OK && saved->half_written)
		say_how_to_finish(saved, device->name, force, result, why);
	io_close(&io);
	return result;
}

/* A close that fails may be a write that was lost. */
static enum result open_and_write(const struct cli *cli, struct savefile *saved, bool force,
				  struct failure *why)
{
	const char *name = cli->arguments[1];
	struct failure ignored; /* what was written is closed already */
	struct device device = {0};
	const struct pair_options opening = {.mode = pair_mode(false, force)};
	enum result result;

	cli->volumes->mode = opening.mode;
	result = volumes_refuse_same(cli->volumes, &saved->file, name, "as FILE and as STORE", why);
	if (result == RESULT_OK)
		result = pair_open_device(&device, cli, &opening, name, why);
	if (result != RESULT_OK)
		return result;
	result = device_refuse_read_only(&device, why);
	if (result == RESULT_OK)
		result = write_back(saved, &device, force, why);
	result = pair_release_device(&device, result, why);
	device_close(&device, &ignored);
	return result;
}

enum result cmd_restore(struct cli *cli, int argc, const char **argv, struct failure *why)
{
	bool force = false;
	const struct cli_option options[] = {
		{"force", CLI_FLAG, &force,
		 "write although STORE is smaller, holds something else, or has part in a merge",
		 NULL},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	enum result result = cli_parse(cli, options, CLI_EXACTLY(2), argc, argv, why);
	struct savefile saved;

	/* No device is a saved file, so no tag is meant either. */
	if (result == RESULT_OK && !cli->finished)
		result = cli_argument_is_file(cli, 0, why);
	if (result != RESULT_OK || cli->finished)
		return result;
	result = savefile_open(&saved, cli->arguments[0], why);
	if (result == RESULT_OK)
		result = open_and_write(cli, &saved, force, why);
	if (result == RESULT_OK && cli->json)
		print_json(cli, &saved, cli->arguments[1]);
	else if (result == RESULT_OK && !cli->quiet)
		print_text(&saved, cli->arguments[1]);
	savefile_close(&saved);
	return result;
}
