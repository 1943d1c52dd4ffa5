// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool create: an empty store, on a device or in a file. */
#include "store/cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "store/base/bytes.h"
#include "store/cow/store_create.h"
#include "store/cli/json.h"
#include "store/cli/pair.h"
#include "store/base/path.h"
#include "store/device/probe.h"

/* The command line. */
struct choice {
	uint64_t chunk_bytes, bytes;
	bool force;
};

static enum result check_choice(const struct choice *choice, struct failure *why)
{
	if (choice->chunk_bytes == CLI_NOT_GIVEN)
		return fail(why, RESULT_USAGE,
			    "--chunk is missing: cowtool create --chunk=SIZE STORE");
	if (!geometry_chunk_is_valid(choice->chunk_bytes))
		return fail(why, RESULT_USAGE, "--chunk: must be a power of two from 512 to 1G");
	if (choice->bytes != CLI_NOT_GIVEN &&
	    (choice->bytes == 0 || choice->bytes % SECTOR_BYTES != 0))
		return fail(why, RESULT_USAGE, "--size: must be a multiple of 512, and not 0");
	return RESULT_OK;
}

static void print_outcome(const struct cli *cli, const struct device *device,
			  const struct geometry *geometry)
{
	struct json json;
	uint64_t possible;

	geometry_room(geometry, geometry_next_free(geometry, 0), 0, 0, &possible);
	if (cli->json) {
		cli_open_json(cli, &json);
		json_string(&json, "store", device->name);
		json_number(&json, "bytes", device->bytes);
		json_number(&json, "chunk_bytes", geometry->chunk_bytes);
		json_number(&json, "exceptions_per_area", geometry->exceptions_per_area);
		json_number(&json, "exceptions_possible", possible);
		json_close_object(&json);
		json_end_line(&json);
	} else if (!cli->quiet) {
		cli_print(stdout,
			  "%s: empty store, chunks of %" PRIu64
			  " bytes, room for exceptions: %" PRIu64,
			  device->name, geometry->chunk_bytes, possible);
	}
}

static enum result check_size(const struct device *device, const struct choice *choice,
			      struct failure *why)
{
	if (choice->bytes == CLI_NOT_GIVEN || choice->bytes == device->bytes)
		return RESULT_OK;
	return fail(why, RESULT_REFUSED,
		    "%s: exists, with %" PRIu64
		    " bytes, and keeps that size; leave --size away, or name another file",
		    device->name, device->bytes);
}

/* A close that fails may be a write that was lost: it counts before the outcome is printed. */
static enum result make_store(const struct cli *cli, const struct choice *choice,
			      struct device *device, struct io *io, struct failure *why)
{
	uint32_t chunk_sectors = (uint32_t)(choice->chunk_bytes / SECTOR_BYTES);
	struct geometry geometry = geometry_make(chunk_sectors, device->bytes);
	enum result result = store_create(device, io, chunk_sectors, NULL, why);

	if (result == RESULT_OK)
		result = device_release(device, why);
	if (result == RESULT_OK)
		print_outcome(cli, device, &geometry);
	return result;
}

static enum result make_in_new_file(const struct cli *cli, const struct choice *choice,
				    const char *path, struct device *device, struct io *io,
				    struct failure *why)
{
	enum result result;

	if (choice->bytes == CLI_NOT_GIVEN)
		return fail(why, RESULT_NOT_THERE,
			    "%s: does not exist; look at the path, or make a new file with --size",
			    path);
	result = device_create(device, path, choice->bytes, why);
	if (result != RESULT_OK)
		return result;
	result = make_store(cli, choice, device, io, why);
	if (result != RESULT_OK)
		device_unlink(device);
	return result;
}

static enum result make_in_place(const struct cli *cli, const struct choice *choice,
				 const char *path, struct device *device, struct io *io,
				 struct failure *why)
{
	uint32_t chunk_sectors = (uint32_t)(choice->chunk_bytes / SECTOR_BYTES);
	enum result result = device_open(device, path, pair_mode(false, choice->force), why);

	if (result == RESULT_OK)
		result = device_refuse_read_only(device, why);
	if (result == RESULT_OK)
		result = check_size(device, choice, why);
	if (result == RESULT_OK && !choice->force)
		result = store_create_guard(device, io, chunk_sectors, why);
	if (result == RESULT_OK)
		result = make_store(cli, choice, device, io, why);
	return result;
}

/* A name of that form may also be that of a new file. */
static bool is_volume(const struct cli *cli, const char *name)
{
	struct volume *volume;
	struct failure ignored;

	return volumes_is_name(name) &&
	       volumes_find(cli->volumes, name, &volume, &ignored) == RESULT_OK;
}

static enum result create(const struct cli *cli, const struct choice *choice, struct failure *why)
{
	struct device device = {0};
	struct failure ignored; /* what was written is closed already */
	struct stat status;
	struct io io;
	char *path = NULL;
	enum result result;

	if (is_volume(cli, cli->arguments[0]))
		return fail(
			why, RESULT_REFUSED,
			"%s: is a logical volume: LVM makes the stores of its snapshots itself ('lvcreate --snapshot')",
			cli->arguments[0]);
	result = probe_resolve(cli->arguments[0], &path, why);
	if (result == RESULT_OK)
		result = path_refuse_dangling(path, why);
	if (result != RESULT_OK) {
		free(path);
		return result;
	}
	io_engine_open_sync(&io);
	if (stat(path, &status) != 0 && errno == ENOENT)
		result = make_in_new_file(cli, choice, path, &device, &io, why);
	else
		result = make_in_place(cli, choice, path, &device, &io, why);
	io_close(&io);
	device_close(&device, &ignored);
	free(path);
	return result;
}

enum result cmd_create(struct cli *cli, int argc, const char **argv, struct failure *why)
{
	struct choice choice = {.chunk_bytes = CLI_NOT_GIVEN, .bytes = CLI_NOT_GIVEN};
	const struct cli_option options[] = {
		{"chunk", CLI_SIZE, &choice.chunk_bytes,
		 "of a chunk: a power of two from 512 to 1G (required)", "SIZE"},
		{"size", CLI_SIZE, &choice.bytes, "of STORE, where that is a new file", "SIZE"},
		{"force", CLI_FLAG, &choice.force, "overwrite what STORE holds", NULL},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	enum result result = cli_parse(cli, options, CLI_EXACTLY(1), argc, argv, why);

	if (result == RESULT_OK && !cli->finished)
		result = check_choice(&choice, why);
	if (result == RESULT_OK && !cli->finished)
		result = create(cli, &choice, why);
	return result;
}
