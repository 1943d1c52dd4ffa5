// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/pair.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/base/suggest.h"
#include "store/device/usage.h"

enum device_mode pair_mode(bool dry_run, bool force)
{
	if (dry_run)
		return DEVICE_HOLD;
	return force ? DEVICE_OWN_UNSEEN : DEVICE_OWN;
}

/* Who only looks is told who uses it meanwhile, and everybody what cannot be told. */
static void tell_file(const struct cli *cli, const struct pair_options *options,
		      const struct device *device)
{
	struct usage usage = {.unseen = device->unseen};

	if (options->mode == DEVICE_LOOK && usage_find_or_lock(device, &usage))
		cli_note(cli, "%s: warning: %s; what is read here may be changing", device->name,
			 usage.phrase);
	if (usage.unseen)
		cli_note(
			cli,
			"%s: warning: whether it is attached to a loop device, and used there, cannot be told: neither /sys nor the loop devices in /dev can be looked at",
			device->name);
}

/* Other volumes may use the rest of its disks. */
static void tell_user(const struct cli *cli, const struct device *device)
{
	struct tables_user user;
	struct failure looking;
	bool used = false;
	enum result result = volumes_user(cli->volumes, device, &user, &used, &looking);

	if (result != RESULT_OK && result != RESULT_NO_MEMORY)
		cli_note(
			cli,
			"%s: warning: whether its bytes are in use through the device mapper cannot be told: %s",
			device->name, looking.text);
	if (result == RESULT_OK && used)
		cli_note(
			cli,
			"%s: warning: its bytes are in use by %s, a device of the device mapper; what is read here may be changing",
			device->name, user.name);
}

/* What it is made of; and, where it is only looked at, whether it is active. Whatever has an image
 * attached may use all of that. */
static void tell_volume(const struct cli *cli, const struct pair_options *options,
			const struct device *device)
{
	const struct volume *volume = volumes_of(cli->volumes, device);
	char text[512];

	cli_note(cli, "%s: is %s", device->name, volumes_describe(volume, text, sizeof(text)));
	if (options->mode == DEVICE_LOOK)
		tell_user(cli, device);
	for (unsigned int i = 0; i < volume->part_count; i++)
		if (!volume->parts[i]->file.is_block)
			tell_file(cli, options, volume->parts[i]);
}

static void tell_usage(const struct cli *cli, const struct pair_options *options,
		       const struct device *device)
{
	if (options->silent)
		return;
	if (device->map)
		tell_volume(cli, options, device);
	else
		tell_file(cli, options, device);
}

enum result pair_open_device(struct device *device, const struct cli *cli,
			     const struct pair_options *options, const char *name,
			     struct failure *why)
{
	enum result result = volumes_open(cli->volumes, device, name, options->mode, why);

	if (result == RESULT_OK)
		tell_usage(cli, options, device);
	else if (why->remedy == REMEDY_FREE)
		fail_set_remedy(why, options->if_used, NULL);
	return result;
}

static enum result open_origin(struct pair *pair, const struct cli *cli,
			       const struct pair_options *options, const char *name,
			       struct failure *why)
{
	enum result result;

	if (!options->origin_is_option)
		return pair_open_device(&pair->origin, cli, options, name, why);
	result = volumes_open(cli->volumes, &pair->origin, name, DEVICE_LOOK, why);
	return result == RESULT_OK ? foreign_check_origin(&pair->origin, why) : result;
}

static enum result refuse_same(const struct pair *pair, const struct cli *cli,
			       const struct pair_options *options, const char *store,
			       struct failure *why)
{
	bool same = false;
	enum result result = volumes_is(cli->volumes, &pair->origin, store, &same, why);

	if (result == RESULT_OK && same)
		result = fail(why, RESULT_REFUSED, "%s: is given as ORIGIN and as STORE",
			      options->origin_is_option ? pair->origin.name : store);
	return result;
}

static enum result open_saved(struct pair *pair, const struct cli *cli, const char *name,
			      struct failure *why)
{
	enum result result = savefile_open(&pair->saved, name, why);

	if (result != RESULT_OK)
		return result;
	cli_note(cli, "%s: note: a saved file: this is what the store was when it was saved", name);
	savefile_io_open(&pair->io, &pair->saved);
	return RESULT_OK;
}

/* With its queue. */
static enum result open_device(struct pair *pair, const struct cli *cli,
			       const struct pair_options *options, const char *name,
			       struct failure *why)
{
	enum result result;

	if (options->saved) {
		result = volumes_open(cli->volumes, &pair->device, name, options->mode, why);
		if (result != RESULT_OK)
			return result;
		if (savefile_detect(&pair->device)) {
			device_close(&pair->device, why); /* it was only looked at */
			return open_saved(pair, cli, name, why);
		}
		tell_usage(cli, options, &pair->device);
	} else {
		result = pair_open_device(&pair->device, cli, options, name, why);
	}
	if (result != RESULT_OK)
		return result;
	return io_engine_open(
		&pair->io,
		options->has_more ? options->engine
				  : io_engine_for(options->engine, &pair->device, &pair->origin),
		why);
}

/* ---- a snapshot of LVM's ---- */

static const struct group_volume *origin_of(const struct volume *volume,
					    const struct group_snapshot *snapshot)
{
	return &volume->group->volumes[snapshot->origin];
}

enum result pair_name_origin(const struct cli *cli, const char *store, enum device_mode mode,
			     char **origin, struct failure *why)
{
	const struct group_snapshot *snapshot;
	struct volume *volume;
	enum result result;

	if (!volumes_is_name(store))
		return fail(
			why, RESULT_USAGE,
			"%s: is no logical volume (VG/LV), so ORIGIN must be named, too: cowtool %s %s",
			store, cli->command, cli->synopsis);
	cli->volumes->mode = mode;
	result = volumes_find(cli->volumes, store, &volume, why);
	if (result != RESULT_OK)
		return result;
	snapshot = volumes_snapshot(volume);
	if (!snapshot)
		return fail(why, RESULT_REFUSED, "%s: is no snapshot, for LVM", store);
	*origin = volumes_sibling(store, origin_of(volume, snapshot)->name);
	return *origin ? RESULT_OK : fail_memory(why, "a name", strlen(store));
}

enum result pair_find_origin(struct cli *cli, enum device_mode mode, struct failure *why)
{
	return cli->arguments[0]
		       ? RESULT_OK
		       : pair_name_origin(cli, cli->arguments[1], mode, &cli->arguments[0], why);
}

bool pair_knows_origin(const struct pair *pair, uint64_t *bytes)
{
	*bytes = pair->origin.open ? pair->origin.bytes
		 : pair->snapshot  ? volumes_snapshot_bytes(pair->volume)
				   : 0;
	return pair->origin.open || pair->snapshot;
}

/* ORIGIN is LVM's, and ends where the snapshot does. */
static enum result check_origin(struct pair *pair, const struct cli *cli, const char *store,
				struct failure *why)
{
	const struct group_snapshot *snapshot = pair->snapshot;
	uint64_t bytes = volumes_snapshot_bytes(pair->volume);
	char *name = volumes_sibling(store, origin_of(pair->volume, snapshot)->name);
	bool same = false;
	enum result result;

	if (!name)
		return fail_memory(why, "a name", strlen(store));
	result = volumes_is(cli->volumes, &pair->origin, name, &same, why);
	if (result == RESULT_OK && !same)
		result = fail(why, RESULT_REFUSED, "%s: is a snapshot of %s, not of %s", store,
			      name, pair->origin.name);
	/* It is not longer: group_read has seen to that. */
	pair->origin.bytes = bytes;
	free(name);
	return result;
}

/* ORIGIN, of no name of LVM's, where STORE is a snapshot of LVM's: it is not opened, for it may be
 * what that is on. */
static enum result check_origin_name(const struct cli *cli, const struct pair_options *options,
				     const char *origin, const char *store, struct failure *why)
{
	struct failure looking;
	char *name = NULL;
	enum result result;

	if (!origin || volumes_is_name(origin) || !volumes_is_name(store))
		return RESULT_OK;
	result = pair_name_origin(cli, store, options->mode, &name, &looking);
	if (result == RESULT_OK)
		result = fail(why, RESULT_REFUSED,
			      "%s: is a snapshot of %s, not of %s; ORIGIN may be left out", store,
			      name, origin);
	else if (result == RESULT_REFUSED || result == RESULT_NOT_THERE)
		result = RESULT_OK; /* of the store itself, that will be told as it is opened */
	else
		*why = looking;
	free(name);
	return result;
}

static enum result match_volumes(struct pair *pair, const struct cli *cli, const char *store,
				 struct failure *why)
{
	pair->origin_bytes = pair->origin.bytes;
	pair->volume = volumes_of(cli->volumes, &pair->device);
	pair->snapshot = pair->volume ? volumes_snapshot(pair->volume) : NULL;
	return pair->snapshot && pair->origin.open ? check_origin(pair, cli, store, why)
						   : RESULT_OK;
}

/* The kernel goes by the header; that LVM says something else is a sign that one of them is of
 * another store. */
static enum result check_chunk(const struct pair *pair, const struct cli *cli,
			       const struct pair_options *options, struct failure *why)
{
	const struct store *store = &pair->store;

	if (!pair->snapshot || store->header_fault != HEADER_GOOD ||
	    store->geometry.chunk_sectors == pair->snapshot->chunk_sectors)
		return RESULT_OK;
	if (device_mode_may_write(options->mode))
		return fail(
			why, RESULT_REFUSED,
			"%s: its chunks have %u sectors, and %llu in LVM's metadata: one of them is wrong",
			pair->device.name, store->geometry.chunk_sectors,
			(unsigned long long)pair->snapshot->chunk_sectors);
	cli_note(
		cli,
		"%s: warning: its chunks have %u sectors, and %llu in LVM's metadata: one of them is wrong",
		pair->device.name, store->geometry.chunk_sectors,
		(unsigned long long)pair->snapshot->chunk_sectors);
	return RESULT_OK;
}

enum result pair_open(struct pair *pair, const struct cli *cli, const struct pair_options *options,
		      const char *origin, const char *store, struct failure *why)
{
	enum result result = check_origin_name(cli, options, origin, store, why);

	memset(pair, 0, sizeof(*pair));
	cli->volumes->mode = options->mode;
	if (result == RESULT_OK && origin)
		result = open_origin(pair, cli, options, origin, why);
	if (result == RESULT_OK && origin)
		result = refuse_same(pair, cli, options, store, why);
	if (result == RESULT_OK)
		result = open_device(pair, cli, options, store, why);
	if (result == RESULT_OK)
		result = match_volumes(pair, cli, store, why);
	pair->io.stop = &cli_stop_requested;
	if (result == RESULT_OK)
		result = store_open(&pair->store,
				    pair_is_saved(pair) ? &pair->saved.device : &pair->device,
				    &pair->io, why);
	if (result == RESULT_OK)
		result = check_chunk(pair, cli, options, why);
	/* What a saved file does not hold is no bad block: its gaps are exceptions without data. */
	if (options->gaps && !pair_is_saved(pair))
		pair->store.gaps = &pair->gaps;
	return result;
}

bool pair_is_saved(const struct pair *pair)
{
	return pair->saved.file.open;
}

enum result pair_require_store(const struct pair *pair, struct failure *why)
{
	if (!pair_is_saved(pair))
		return RESULT_OK;
	return fail(why, RESULT_REFUSED,
		    "%s: is a saved file, which holds the metadata alone; name the store itself",
		    pair->store.device->name);
}

enum result pair_require_list(const struct store *store, bool area_missing, bool unreadable,
			      struct failure *why)
{
	const char *name = store->device->name;
	struct suggestion command;

	if (!area_missing && !unreadable)
		return RESULT_OK;
	return fail(why, RESULT_DAMAGED,
		    area_missing ? "%s: the list of exceptions has no end on this device; see %s"
				 : "%s: the list of exceptions cannot be read everywhere; see %s",
		    name, suggest(&command, "cowtool verify %s", name));
}

enum result pair_release_device(struct device *device, enum result result, struct failure *why)
{
	struct failure closing = {.text = ""};

	if (device_release(device, &closing) == RESULT_OK || result != RESULT_OK)
		return result;
	*why = closing;
	return RESULT_IO;
}

enum result pair_release(struct pair *pair, enum result result, struct failure *why)
{
	result = pair_release_device(&pair->origin, result, why);
	return pair_release_device(&pair->device, result, why);
}

void pair_close(struct pair *pair)
{
	struct failure ignored; /* what was written to is closed already */

	gaps_free(&pair->gaps);
	io_close(&pair->io);
	savefile_close(&pair->saved);
	device_close(&pair->origin, &ignored);
	device_close(&pair->device, &ignored);
}
