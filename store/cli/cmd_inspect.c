// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool inspect: what a store is, in numbers. */
#include "store/cli/commands.h"

#include <inttypes.h>
#include <stdio.h>

#include "store/base/bytes.h"
#include "store/cli/json.h"
#include "store/cli/note.h"
#include "store/cli/pair.h"
#include "store/cow/status.h"

struct inspection {
	const struct store *store;
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
	/* Where an exception is outside the device, what is counted from the highest one does not. */
	bool makes_sense = inspection->status.next_free <= store->geometry.device_chunks;
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
	if (makes_sense)
		json_number(&json, "next_free_chunk", inspection->status.next_free);
	json_known_number(&json, "highest_old_chunk", summary->exceptions > 0,
			  summary->highest_old);
	if (makes_sense)
		json_number(&json, "smallest_store_bytes", inspection->status.smallest_bytes);
	json_open_object(&json, "status");
	if (makes_sense)
		json_number(&json, "allocated_sectors", inspection->status.allocated_sectors);
	json_number(&json, "total_sectors", store->geometry.device_sectors);
	json_number(&json, "metadata_sectors", inspection->status.metadata_sectors);
	json_close_object(&json);
	json_number(&json, "full_percent", status_full_percent(store, &inspection->status));
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
	if (summary->exceptions)
		printf("%-20s %" PRIu64 "\n", "Highest old chunk:", summary->highest_old);
	printf("%-20s %" PRIu64 " of %" PRIu64 "\n",
	       "Next free chunk:", inspection->status.next_free, geometry->device_chunks);
	printf("%-20s %u%%\n", "Full:", status_full_percent(store, &inspection->status));
	print_size("Smallest store:", inspection->status.smallest_bytes);
	if (store->header.valid)
		printf("%-20s %" PRIu64 "/%" PRIu64 " %" PRIu64 "\n",
		       "dmsetup status:", inspection->status.allocated_sectors,
		       geometry->device_sectors, inspection->status.metadata_sectors);
	else
		printf("%-20s Invalid\n", "dmsetup status:");
	print_text_record(inspection);
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

static enum result inspect(struct cli *cli, const struct store *store, struct failure *why)
{
	struct inspection inspection = {.store = store};
	enum result result = store_require_header(store, why);

	if (store_lost_header(store) && cli->json)
		print_json_lost(cli, &inspection);
	if (result == RESULT_OK)
		result = status_look(store, &inspection.status, why);
	if (result != RESULT_OK)
		return result;
	result = pair_require_list(store, inspection.status.area_missing,
				   inspection.status.summary.unreadable > 0, why);
	if (cli->json)
		print_json(cli, &inspection, result == RESULT_OK);
	else
		print_text(&inspection);
	return result;
}

enum result cmd_inspect(struct cli *cli, int argc, const char **argv, struct failure *why)
{
	enum result result = cli_parse(cli, NULL, CLI_EXACTLY(1), argc, argv, why);
	const struct pair_options opening = {.mode = DEVICE_LOOK, .saved = true, .gaps = true};
	struct pair pair;

	if (result != RESULT_OK || cli->finished)
		return result;
	result = pair_open(&pair, cli, &opening, NULL, cli->arguments[0], why);
	if (result == RESULT_OK)
		note_blocks(cli, &pair);
	if (result == RESULT_OK)
		result = inspect(cli, &pair.store, why);
	pair_close(&pair);
	return result;
}
