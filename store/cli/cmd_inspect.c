// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool inspect: what a store is, in numbers. */
#include "store/cli/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/base/bytes.h"
#include "store/base/suggest.h"
#include "store/base/text.h"
#include "store/cli/gauge.h"
#include "store/cli/help.h"
#include "store/cli/json.h"
#include "store/cli/note.h"
#include "store/cli/pair.h"
#include "store/cli/picture.h"
#include "store/cli/room.h"
#include "store/cli/terminal.h"
#include "store/cow/status.h"

#define GAUGE_CELLS 20u
#define LABEL_COLUMNS 20u
#define HELP_BYTES 1280u

struct inspection {
	const struct store *store;
	bool is_saved, origin_known;
	uint64_t origin_bytes; /* only where it is known */
	struct status status;
};

static void print_json_record(struct json *json, const struct inspection *inspection)
{
	static const char *const roles[] = {"unknown", "merging", "kept", "undo", "restoring"};
	const struct store *store = inspection->store;
	const struct record *record = &store->record;
	char id[2 * RECORD_ID_BYTES + 1];

	if (store->record_presence != RECORD_PRESENT) {
		json_null(json, "record");
		return;
	}
	for (size_t i = 0; i < RECORD_ID_BYTES; i++)
		snprintf(id + 2 * i, 3, "%02x", record->id[i]);
	json_open_object(json, "record");
	json_string(json, "id", id);
	json_string(json, "role", roles[record->role <= RECORD_RESTORING ? record->role : 0]);
	json_number(json, "origin_bytes", record->origin_bytes);
	json_number(json, "exceptions", record->exceptions);
	json_number(json, "kept_stores", record->kept_stores);
	json_boolean(json, "stale", inspection->status.record_is_stale);
	json_close_object(json);
}

/* An object that is not complete stays open, for the error. */
static void print_json(struct cli *cli, const struct inspection *inspection, bool complete)
{
	const struct store *store = inspection->store;
	const struct summary *summary = &inspection->status.summary;
	struct json json;

	cli_open_json(cli, &json);
	json_string(&json, "store", store->device->name);
	json_number(&json, "bytes", store->device->bytes);
	json_open_object(&json, "header");
	json_string(&json, "magic", "SnAp");
	json_number(&json, "valid", store->header.valid);
	json_number(&json, "version", store->header.version);
	json_number(&json, "chunk_sectors", store->header.chunk_sectors);
	json_close_object(&json);
	json_number(&json, "chunk_bytes", store->geometry.chunk_bytes);
	json_number(&json, "exceptions_per_area", store->geometry.exceptions_per_area);
	json_number(&json, "exceptions", summary->exceptions);
	json_number(&json, "unreadable", summary->unreadable);
	json_number(&json, "areas", summary_areas(summary));
	json_number(&json, "runs", summary->runs);
	json_number(&json, "longest_run", summary->longest_run);
	json_number(&json, "changed_bytes", summary->exceptions * store->geometry.chunk_bytes);
	if (inspection->status.place_known)
		json_number(&json, "next_free_chunk", inspection->status.next_free);
	json_known_number(&json, "highest_old_chunk", summary->exceptions > 0,
			  summary->highest_old);
	if (inspection->status.place_known)
		json_number(&json, "smallest_store_bytes", inspection->status.smallest_bytes);
	json_open_object(&json, "status");
	if (inspection->status.place_known)
		json_number(&json, "allocated_sectors", inspection->status.allocated_sectors);
	json_number(&json, "total_sectors", store->geometry.device_sectors);
	json_number(&json, "metadata_sectors", inspection->status.metadata_sectors);
	json_close_object(&json);
	json_number(&json, "full_percent", summary_full_percent(summary));
	json_string(&json, "state", status_name(inspection->status.state));
	print_json_record(&json, inspection);
	cli_close_json(cli, &json, !complete);
}

static void print_size(const char *label, uint64_t bytes)
{
	char size[32];

	if (bytes < 1024)
		printf("%-20s %" PRIu64 " bytes\n", label, bytes);
	else
		printf("%-20s %s (%" PRIu64 " bytes)\n", label,
		       cli_format_size(bytes, size, sizeof(size)), bytes);
}

static void print_text_record(const struct inspection *inspection)
{
	const struct store *store = inspection->store;
	const struct record *record = &store->record;

	if (store->record_presence == RECORD_FOREIGN)
		printf("%-20s begun by another version of cowtool\n", "Unfinished merge:");
	if (store->record_presence != RECORD_PRESENT)
		return;
	if (inspection->status.record_is_stale)
		printf("%-20s stale: the store was used again since\n", "Merge record:");
	else if (record->role == RECORD_RESTORING)
		printf("%-20s %s\n", "Unfinished restore:", STORE_HALF_RESTORED);
	else if (record->role == RECORD_MERGING)
		printf("%-20s %" PRIu64 " of %" PRIu64 " exceptions are left to merge\n",
		       "Unfinished merge:", inspection->status.summary.exceptions,
		       record->exceptions);
	else
		printf("%-20s this store is kept by the merge of another one\n",
		       "Unfinished merge:");
}

static bool highest_is_known(const struct inspection *inspection)
{
	const struct summary *summary = &inspection->status.summary;

	return summary->exceptions > 0 &&
	       geometry_may_be_old(&inspection->store->geometry, summary->highest_old);
}

/* What follows from where the last chunk in use is. */
static void print_place(const struct inspection *inspection)
{
	const struct store *store = inspection->store;
	const struct geometry *geometry = &store->geometry;
	const struct status *status = &inspection->status;
	char text[GAUGE_BYTES];

	if (!status->place_known) {
		printf("%-20s %s\n", "Full:", status_full_unknown(&status->summary));
		return;
	}
	if (status->next_free < geometry->device_chunks)
		printf("%-20s %" PRIu64 " of %" PRIu64 "\n", "Next free chunk:", status->next_free,
		       geometry->device_chunks);
	else
		printf("%-20s none of %" PRIu64 "\n", "Next free chunk:", geometry->device_chunks);
	printf("%-20s %s, room for exceptions: %" PRIu64 "\n",
	       "Full:", gauge(summary_full_percent(&status->summary), GAUGE_CELLS, text),
	       status->room);
	print_size("Smallest store:", status->smallest_bytes);
	if (store->header.valid)
		printf("%-20s %" PRIu64 "/%" PRIu64 " %" PRIu64 "\n",
		       "dmsetup status:", status->allocated_sectors, geometry->device_sectors,
		       status->metadata_sectors);
	else
		printf("%-20s Invalid\n", "dmsetup status:");
}

/* Wrapped on a terminal, and as such a one may get it. */
static void print_long(const char *label, const char *text)
{
	char visible[4 * HELP_BYTES];

	help_paragraph(stdout, label, LABEL_COLUMNS + 1,
		       text_visible(text, visible, sizeof(visible)));
}

static bool is_damaged(const struct inspection *inspection)
{
	const struct status *status = &inspection->status;

	return status->summary.impossible > 0 || status->summary.unreadable > 0 ||
	       status->area_missing;
}

/* As verify's finding store-full. */
static void print_full(const struct inspection *inspection)
{
	const struct status *status = &inspection->status;
	char help[HELP_BYTES];

	if (status->room > 0 || status->state == STATUS_INVALID ||
	    status->state == STATUS_MERGING || is_damaged(inspection))
		return;
	print_long("What happens next:", STATUS_WHEN_FULL);
	print_long("What helps:",
		   room_help(inspection->store->device, inspection->is_saved, help, sizeof(help)));
}

static void print_damage(const struct inspection *inspection)
{
	const struct store *store = inspection->store;
	const struct status *status = &inspection->status;
	struct suggestion command;
	char text[128] = "none seen", line[HELP_BYTES];
	const char *more = "checks all";

	if (is_damaged(inspection))
		more = "tells more";
	if (status->summary.impossible > 0)
		snprintf(text, sizeof(text), STATUS_IMPOSSIBLE, status->summary.impossible,
			 status->summary.exceptions);
	else if (status->area_missing)
		snprintf(text, sizeof(text), "the list has no end on this device");
	else if (status->summary.unreadable > 0)
		snprintf(text, sizeof(text), "the list cannot be read everywhere");
	else if (status->state == STATUS_INVALID) {
		snprintf(text, sizeof(text), "the snapshot was given up");
		more = "says why";
	}
	snprintf(line, sizeof(line), "%s; %s %s", text,
		 suggest(&command, "cowtool verify %s", store->device->name), more);
	print_long("Damage:", line);
}

static void print_text(const struct inspection *inspection)
{
	const struct store *store = inspection->store;
	const struct geometry *geometry = &store->geometry;
	const struct summary *summary = &inspection->status.summary;

	cli_print(stdout, "%-20s %s", "Store:", store->device->name);
	print_size("Device size:", store->device->bytes);
	printf("%-20s %s\n", "State:", status_name(inspection->status.state));
	printf("%-20s version %" PRIu32 ", %s\n", "Header:", store->header.version,
	       store->header.valid ? "valid" : "marked invalid");
	printf("%-20s %" PRIu64 " bytes (%" PRIu32 " sectors)\n",
	       "Chunk size:", geometry->chunk_bytes, geometry->chunk_sectors);
	printf("%-20s %" PRIu64 "\n", "Exceptions:", summary->exceptions);
	if (summary->unreadable > 0)
		printf("%-20s up to %" PRIu64 " exceptions\n", "Unreadable:", summary->unreadable);
	printf("%-20s %" PRIu64 ", each for %" PRIu32 " exceptions\n",
	       "Areas in use:", summary_areas(summary), geometry->exceptions_per_area);
	printf("%-20s %" PRIu64 ", the longest: %" PRIu64 "\n", "Runs:", summary->runs,
	       summary->longest_run);
	print_size("Changed:", summary->exceptions * geometry->chunk_bytes);
	if (highest_is_known(inspection))
		printf("%-20s %" PRIu64 "\n", "Highest old chunk:", summary->highest_old);
	print_place(inspection);
	print_text_record(inspection);
	print_full(inspection);
	print_damage(inspection);
}

/* ---- --picture ---- */

static enum result add_to_picture(void *context, uint64_t index, const struct exception *exception,
				  struct failure *why)
{
	(void)index;
	(void)why;
	picture_add(context, exception->old_chunk);
	return RESULT_OK;
}

/* How many chunks are shown. Where nobody says how long the origin is: up to the last one that has
 * changed, and can be right. */
static uint64_t picture_chunks(const struct inspection *inspection)
{
	const struct geometry *geometry = &inspection->store->geometry;
	const struct summary *summary = &inspection->status.summary;

	if (inspection->origin_known)
		return geometry_origin_chunks(geometry, inspection->origin_bytes);
	return summary->exceptions > summary->impossible ? summary->highest_possible_old + 1 : 0;
}

static void print_picture(const struct inspection *inspection, const struct picture *picture)
{
	const struct geometry *geometry = &inspection->store->geometry;
	char size[32];

	printf("\nChanged, %s %s:\n", inspection->origin_known ? "of" : "up to the last one,",
	       cli_format_size(picture->chunks * geometry->chunk_bytes, size, sizeof(size)));
	picture_print(picture, geometry->chunk_bytes, terminal_has_blocks(), stdout);
}

/* A second stream of the metadata, for the first one tells what the cells are. */
static enum result show_picture(const struct cli *cli, const struct inspection *inspection,
				struct failure *why)
{
	size_t columns = terminal_columns(stdout);
	struct picture picture;
	struct store_scan scan = {.each = add_to_picture, .context = &picture};
	enum result result;

	if (picture_chunks(inspection) == 0) {
		printf("\nNothing is changed.\n");
		return RESULT_OK;
	}
	picture_begin(&picture, picture_chunks(inspection),
		      columns > 0 ? columns : TERMINAL_COLUMNS_DEFAULT);
	result = store_scan_again(inspection->store, &scan, &inspection->status.summary, why);
	if (result != RESULT_OK)
		return result;
	print_picture(inspection, &picture);
	if (picture.outside > 0)
		cli_note(cli, "%s: warning: %" PRIu64 " exception%s outside that",
			 inspection->store->device->name, picture.outside,
			 picture.outside == 1 ? " is" : "s are");
	return RESULT_OK;
}

/* The header is lost, and what its merge has written down is not: a script must learn of that. The
 * object stays open, for the error. */
static void print_json_lost(struct cli *cli, const struct inspection *inspection)
{
	struct json json;

	cli_open_json(cli, &json);
	json_string(&json, "store", inspection->store->device->name);
	json_number(&json, "bytes", inspection->store->device->bytes);
	json_string(&json, "state", "merging");
	print_json_record(&json, inspection);
	cli_close_json(cli, &json, true);
}

/* A list that has an end, and can be read, may have wrong numbers in it. */
static enum result require_sound(const struct inspection *inspection, struct failure *why)
{
	const struct status *status = &inspection->status;
	const char *name = inspection->store->device->name;
	struct suggestion command;
	enum result result = pair_require_list(inspection->store, status->area_missing,
					       status->summary.unreadable > 0, why);

	if (result != RESULT_OK || status->summary.impossible == 0)
		return result;
	return fail(why, RESULT_DAMAGED, "%s: " STATUS_IMPOSSIBLE "; see %s", name,
		    status->summary.impossible, status->summary.exceptions,
		    suggest(&command, "cowtool verify %s", name));
}

static enum result inspect(struct cli *cli, const struct pair *pair, bool picture,
			   struct failure *why)
{
	const struct store *store = &pair->store;
	struct inspection inspection = {.store = store, .is_saved = pair_is_saved(pair)};
	enum result result = store_require_header(store, why), shown = RESULT_OK;
	struct failure showing;

	inspection.origin_known = pair_knows_origin(pair, &inspection.origin_bytes);
	if (store_lost_header(store) && cli->json)
		print_json_lost(cli, &inspection);
	if (result == RESULT_OK)
		result = status_look(store, &inspection.status, why);
	if (result != RESULT_OK)
		return result;
	result = require_sound(&inspection, why);
	if (cli->json)
		print_json(cli, &inspection, result == RESULT_OK);
	else
		print_text(&inspection);
	if (picture)
		shown = show_picture(cli, &inspection, &showing);
	if (shown != RESULT_OK)
		*why = showing;
	return shown == RESULT_OK ? result : shown;
}

static enum result check_options(const struct cli *cli, bool picture, const char *origin,
				 struct failure *why)
{
	if (picture && cli->json)
		return fail(why, RESULT_USAGE, "--picture and --json exclude each other");
	if (origin && !picture)
		return fail(why, RESULT_USAGE, "--origin is for --picture");
	return RESULT_OK;
}

static enum result open_and_inspect(struct cli *cli, bool picture, const char *origin,
				    struct failure *why)
{
	const struct pair_options opening = {
		.mode = DEVICE_LOOK, .origin_is_option = true, .saved = true, .gaps = true};
	struct pair pair;
	enum result result = pair_open(&pair, cli, &opening, origin, cli->arguments[0], why);

	if (result == RESULT_OK)
		note_blocks(cli, &pair);
	if (result == RESULT_OK)
		result = inspect(cli, &pair, picture, why);
	pair_close(&pair);
	return result;
}

enum result cmd_inspect(struct cli *cli, int argc, const char **argv, struct failure *why)
{
	bool picture = false;
	char *origin = NULL;
	const struct cli_option options[] = {
		{"picture", CLI_FLAG, &picture, "also show where in the origin the changes are",
		 NULL},
		{"origin", CLI_STRING, &origin, "the origin, for --picture: how long it is",
		 "ORIGIN"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	enum result result = cli_parse(cli, options, CLI_EXACTLY(1), argc, argv, why);

	if (result == RESULT_OK && !cli->finished)
		result = check_options(cli, picture, origin, why);
	if (result == RESULT_OK && !cli->finished)
		result = open_and_inspect(cli, picture, origin, why);
	free(origin);
	return result;
}
