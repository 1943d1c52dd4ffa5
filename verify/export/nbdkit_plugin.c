// SPDX-License-Identifier: GPL-2.0-or-later
/* nbdkit-cowtool-plugin(1): what a snapshot shows, read-only, for all that speaks NBD. Neither a
 * command nor a part of cowtool: nbdkit loads it. */
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "store/cli/cli.h"
#include "store/cli/note.h"
#include "store/cli/pair.h"
#include "store/cli/remedies.h"
#include "verify/check/cmd_lost.h"
#include "verify/export/export.h"
#include "verify/export/serve.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

static struct cli cli = {
	.version = COWTOOL_VERSION, .command = "nbdkit", .synopsis = "[OPTION...] ORIGIN STORE"};
static struct pair pair;
static struct export_options options = {.memory_bytes = SERVE_MEMORY_BYTES};
static struct export export;
static struct serve serve;

/* ---- the parameters ---- */

enum { ORIGIN, STORE };

static int take_name(unsigned int number, const char *key, const char *value)
{
	if (cli.arguments[number]) {
		nbdkit_error("%s= is given twice", key);
		return -1;
	}
	if (!*value) {
		nbdkit_error("%s= is empty", key);
		return -1;
	}
	cli.arguments[number] = strdup(value);
	cli.argument_count = STORE + 1;
	if (!cli.arguments[number])
		nbdkit_error("out of memory");
	return cli.arguments[number] ? 0 : -1;
}

static int take_disk(const char *value)
{
	struct failure why;

	if (*value && cli_list_add(&cli.disks, strdup(value), &why) == RESULT_OK)
		return 0;
	nbdkit_error("%s", *value ? why.text : "disk= is empty");
	return -1;
}

static int take_flag(bool *flag, const char *value)
{
	int given = nbdkit_parse_bool(value);

	*flag = given > 0;
	return given < 0 ? -1 : 0;
}

static int plugin_config(const char *key, const char *value)
{
	if (strcasecmp(key, "origin") == 0)
		return take_name(ORIGIN, key, value);
	if (strcasecmp(key, "store") == 0)
		return take_name(STORE, key, value);
	if (strcmp(key, "disk") == 0)
		return take_disk(value);
	if (strcmp(key, "force") == 0)
		return take_flag(&options.force, value);
	if (strcmp(key, "accept-origin") == 0)
		return take_flag(&options.accept_origin, value);
	if (strcmp(key, "fill") == 0 && strcmp(value, "zero") == 0) {
		options.fill = true;
		return 0;
	}
	nbdkit_error("unknown parameter: %s=%s", key, value);
	return -1;
}

static int plugin_config_complete(void)
{
	if (cli.arguments[STORE])
		return 0;
	nbdkit_error("STORE= is missing: a store, or the name of a snapshot (VG/LV)");
	return -1;
}

#define CONFIG_HELP                                                                                \
	"STORE=<STORE>         (required) a COW store, or a snapshot of LVM's (VG/LV).\n"          \
	"ORIGIN=<ORIGIN>       Its origin; LVM's metadata names that of VG/LV.\n"                  \
	"disk=<FILE>           Look for logical volumes only there (repeatable).\n"                \
	"accept-origin=true    Although ORIGIN looks like another device.\n"                       \
	"force=true            Although the store is damaged, or in use.\n"                        \
	"fill=zero             Zeros in the place of what is not in the store."

/* ---- before the first client ---- */

static void on_note(void *context, const char *text)
{
	(void)context;
	cli_note(&cli, "%s: %s", pair.device.name, text);
}

/* As an export does. */
static enum result open_both(struct failure *why)
{
	const struct pair_options opening = {
		.mode = options.force ? DEVICE_LOOK : DEVICE_READ,
		.gaps = true,
		.if_used = REMEDY_EXPORT_IN_USE,
	};
	enum result result = cli_begin_volumes(&cli, why);

	if (result == RESULT_OK && !cli.arguments[ORIGIN] && !volumes_is_name(cli.arguments[STORE]))
		result = fail(why, RESULT_USAGE,
			      "%s: is no logical volume (VG/LV), so ORIGIN= is needed, too",
			      cli.arguments[STORE]);
	if (result == RESULT_OK)
		result = pair_find_origin(&cli, opening.mode, why);
	if (result == RESULT_OK)
		result = pair_open(&pair, &cli, &opening, cli.arguments[ORIGIN],
				   cli.arguments[STORE], why);
	return result;
}

static enum result prepare(struct failure *why)
{
	enum result result = open_both(why);

	options.note = on_note;
	options.origin_is_told = pair.snapshot != NULL;
	export = (struct export){
		.options = &options, .store = &pair.store, .origin = &pair.origin, .io = &pair.io};
	if (result == RESULT_OK)
		result = export_prepare(&export, why);
	if (result != RESULT_OK)
		return result;
	cmd_lost_note_later(&cli, &export.check);
	cmd_lost_warn_unknown(&cli, &export.check);
	note_rest(&cli, &pair.origin);
	return serve_open(&serve, &export, why);
}

/* nbdkit goes to the background only after this. */
static int plugin_get_ready(void)
{
	struct failure why = {.text = ""};

	if (prepare(&why) == RESULT_OK)
		return 0;
	/* That the two are swapped says all. */
	if (why.remedy != REMEDY_USAGE)
		remedies_say(&cli, &why);
	nbdkit_error("%s", why.text);
	return -1;
}

static void plugin_unload(void)
{
	serve_close(&serve);
	export_free(&export);
	pair_close(&pair);
	cli_free(&cli);
}

/* ---- for clients ---- */

static void *plugin_open(int readonly)
{
	(void)readonly;
	return NBDKIT_HANDLE_NOT_NEEDED;
}

static int64_t plugin_get_size(void *handle)
{
	(void)handle;
	return (int64_t)pair.origin.bytes;
}

static int plugin_can_multi_conn(void *handle)
{
	(void)handle;
	return 1;
}

static int tell(const struct failure *why)
{
	nbdkit_error("%s", why->text);
	nbdkit_set_error(EIO);
	return -1;
}

static int plugin_pread(void *handle, void *buffer, uint32_t count, uint64_t offset, uint32_t flags)
{
	struct failure why;

	(void)handle;
	(void)flags;
	return serve_read(&serve, offset, buffer, count, &why) == RESULT_OK ? 0 : tell(&why);
}

static int plugin_extents(void *handle, uint32_t count, uint64_t offset, uint32_t flags,
			  struct nbdkit_extents *extents)
{
	uint64_t end = offset + count, bytes;
	struct failure why;
	bool is_hole;

	(void)handle;
	while (offset < end) {
		if (serve_extent(&serve, offset, &bytes, &is_hole, &why) != RESULT_OK)
			return tell(&why);
		if (nbdkit_add_extent(extents, offset, bytes,
				      is_hole ? NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO : 0) != 0)
			return -1;
		offset += bytes;
		if (flags & NBDKIT_FLAG_REQ_ONE)
			break;
	}
	return 0;
}

static struct nbdkit_plugin plugin = {
	.name = "cowtool",
	.longname = "what a device-mapper snapshot shows",
	.version = COWTOOL_VERSION,
	.description = "Serves the view of a snapshot, from its origin and its store, read-only",
	.unload = plugin_unload,
	.config = plugin_config,
	.config_complete = plugin_config_complete,
	.config_help = CONFIG_HELP,
	.magic_config_key = "STORE",
	.get_ready = plugin_get_ready,
	.open = plugin_open,
	.get_size = plugin_get_size,
	.can_multi_conn = plugin_can_multi_conn,
	.pread = plugin_pread,
	.extents = plugin_extents,
};

/* The entry that nbdkit looks for; the macro defines it. */
struct nbdkit_plugin *plugin_init(void);

NBDKIT_REGISTER_PLUGIN(plugin)
