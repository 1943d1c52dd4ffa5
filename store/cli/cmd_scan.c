// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool scan: every COW store that is there. */
#include "store/cli/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/base/text.h"
#include "store/cli/gauge.h"
#include "store/cli/json.h"
#include "store/cow/status.h"

/* One store, as it is printed. */
struct row {
	const char *kind; /* "volume", "device", "lost" */
	char *name;	  /* owned */
	char *origin;	  /* owned; NULL: only its user knows */
	bool marked;	  /* LVM was told to merge it */
	uint64_t bytes, chunk_bytes, exceptions;
	unsigned int full_percent;
	bool full_known;
	const char *state; /* a word */
	char detail[512];  /* a sentence without its name; "": there is no more to say */
};

struct scan {
	struct cli *cli;
	bool lost;
	struct json json;
	unsigned int rows;
};

/* ---- a store ---- */

static void take_record(struct row *row, const struct store *store, const struct status *status)
{
	const struct record *record = &store->record;

	if (store->record_presence == RECORD_FOREIGN)
		snprintf(row->detail, sizeof(row->detail), "begun by another version of cowtool");
	else if (record->role == RECORD_MERGING && record->exceptions > 0)
		snprintf(row->detail, sizeof(row->detail), "begun by cowtool, %" PRIu64 "%% left",
			 status->summary.exceptions * 100 / record->exceptions);
	else if (record->role == RECORD_RESTORING)
		snprintf(row->detail, sizeof(row->detail), "%s", STORE_HALF_RESTORED);
	else
		snprintf(row->detail, sizeof(row->detail),
			 "kept by the unfinished merge of another store");
}

static void take_status(struct row *row, const struct store *store, const struct status *status)
{
	row->exceptions = status->summary.exceptions;
	row->full_percent = summary_full_percent(&status->summary);
	row->full_known = status->place_known;
	row->state = status_name(status->state);
	if (status->state == STATUS_MERGING)
		take_record(row, store, status);
	if (row->marked && status->state != STATUS_MERGING && status->state != STATUS_INVALID) {
		row->state = status_name(STATUS_MERGING);
		snprintf(row->detail, sizeof(row->detail), "%s",
			 status->summary.exceptions > 0
				 ? "LVM was told to merge it"
				 : "LVM was told to merge it, and nothing is left to merge");
	}
	if (status->state == STATUS_ACTIVE && !row->marked && status->room == 0)
		row->state = "full";
	if (status->summary.impossible > 0) {
		row->state = "damaged";
		snprintf(row->detail, sizeof(row->detail), STATUS_IMPOSSIBLE,
			 status->summary.impossible, status->summary.exceptions);
	}
	if (status->area_missing) {
		row->state = "damaged";
		snprintf(row->detail, sizeof(row->detail),
			 "the list of exceptions has no end on this device");
	}
}

/* What is said after the name. */
static void take_failure(struct row *row, const char *state, const struct failure *why)
{
	row->state = state;
	snprintf(row->detail, sizeof(row->detail), "%.*s", (int)sizeof(row->detail) - 1,
		 fail_without_name(why, row->name));
}

static void look_at_store(struct row *row, struct device *device)
{
	struct status status = {.area_missing = false};
	struct failure why;
	struct store store;
	struct io io;
	enum result result;

	io_engine_open_sync(&io);
	row->bytes = device->bytes;
	result = store_open(&store, device, &io, &why);
	if (result == RESULT_OK)
		result = store_require_header(&store, &why);
	if (result == RESULT_OK) {
		row->chunk_bytes = store.geometry.chunk_bytes;
		result = status_look(&store, &status, &why);
	}
	if (result == RESULT_OK)
		take_status(row, &store, &status);
	else
		take_failure(row, result == RESULT_IO ? "unreadable" : "damaged", &why);
	io_close(&io);
}

/* ---- printing ---- */

#define BAR_CELLS 5u

static const char *bar(const struct row *row, char text[GAUGE_BYTES])
{
	return row->full_known ? gauge(row->full_percent, BAR_CELLS, text) : "-";
}

/* Longer names have a line of their own. */
#define NAME_COLUMNS 20
#define ORIGIN_COLUMNS 13

static void print_text(struct scan *scan, const struct row *row)
{
	char size[32] = "-", chunk[32] = "-", text[GAUGE_BYTES];
	const char *origin = row->origin ? row->origin : "-";

	if (scan->rows == 0)
		printf("%-*s %-*s %10s %9s %-12s %s\n", NAME_COLUMNS, "SNAPSHOT", ORIGIN_COLUMNS,
		       "ORIGIN", "SIZE", "CHUNK", "FULL", "STATE");
	if (row->bytes > 0)
		cli_format_size(row->bytes, size, sizeof(size));
	if (row->chunk_bytes > 0)
		cli_format_size(row->chunk_bytes, chunk, sizeof(chunk));
	if (strlen(row->name) <= NAME_COLUMNS && strlen(origin) <= ORIGIN_COLUMNS) {
		cli_print(stdout, "%-*s %-*s %10s %9s %-12s %s", NAME_COLUMNS, row->name,
			  ORIGIN_COLUMNS, origin, size, chunk, bar(row, text), row->state);
	} else {
		cli_print(stdout, "%s", row->name);
		cli_print(stdout, "  of %-*s %10s %9s %-12s %s", NAME_COLUMNS + ORIGIN_COLUMNS - 4,
			  origin, size, chunk, bar(row, text), row->state);
	}
	if (row->detail[0])
		cli_print(stdout, "  %s", row->detail);
}

static void print_json(struct scan *scan, const struct row *row)
{
	struct json *json = &scan->json;

	json_open_object(json, NULL);
	json_string(json, "store", row->name);
	json_string(json, "kind", row->kind);
	json_string(json, "origin", row->origin);
	json_known_number(json, "bytes", row->bytes > 0, row->bytes);
	json_known_number(json, "chunk_bytes", row->chunk_bytes > 0, row->chunk_bytes);
	json_known_number(json, "exceptions", row->chunk_bytes > 0, row->exceptions);
	json_known_number(json, "full_percent", row->full_known, row->full_percent);
	json_string(json, "state", row->state);
	json_boolean(json, "marked", row->marked);
	json_string(json, "detail", row->detail[0] ? row->detail : NULL);
	json_close_object(json);
}

static void print_row(struct scan *scan, struct row *row)
{
	if (scan->cli->json)
		print_json(scan, row);
	else
		print_text(scan, row);
	scan->rows++;
	free(row->name);
	free(row->origin);
}

/* ---- LVM's snapshots ---- */

/* Where its origin cannot be mapped, LVM alone can merge it. */
static void look_at_origin(struct scan *scan, struct row *row)
{
	struct volume *volume;
	struct failure why;

	if (!row->detail[0] &&
	    volumes_find(scan->cli->volumes, row->origin, &volume, &why) != RESULT_OK)
		snprintf(row->detail, sizeof(row->detail), "its origin %.*s",
			 (int)sizeof(row->detail) - 16, fail_without_name(&why, row->origin));
}

static enum result scan_snapshot(struct scan *scan, const struct group *group,
				 const struct group_snapshot *snapshot, struct failure *why)
{
	struct volumes *volumes = scan->cli->volumes;
	struct row row = {.kind = "volume",
			  .name = volumes_name(volumes, group, snapshot->store),
			  .origin = volumes_name(volumes, group, snapshot->origin),
			  .marked = snapshot->merging};
	struct failure opening;
	struct device device;
	enum result result;

	if (!row.name || !row.origin) {
		free(row.name);
		free(row.origin);
		return fail_memory(why, "a name", 0);
	}
	result = volumes_open(volumes, &device, row.name, DEVICE_LOOK, &opening);
	if (result == RESULT_OK) {
		look_at_store(&row, &device);
		look_at_origin(scan, &row);
		device_close(&device, &opening);
	} else {
		take_failure(&row, result == RESULT_NOT_THERE ? "incomplete" : "unmappable",
			     &opening);
	}
	print_row(scan, &row);
	return RESULT_OK;
}

static enum result scan_groups(struct scan *scan, struct failure *why)
{
	const struct groups *groups = &scan->cli->volumes->groups;
	enum result result = RESULT_OK;

	for (size_t i = 0; i < groups->count && result == RESULT_OK; i++) {
		const struct group *group = &groups->groups[i].group;

		for (unsigned int j = 0; j < group->snapshot_count && result == RESULT_OK; j++)
			result = scan_snapshot(scan, group, &group->snapshots[j], why);
	}
	return result;
}

/* ---- stores that are devices, partitions or files ---- */

/* One that opens it: in an image, a partition has none of its own. */
static char *other_name(const struct disks_other *other)
{
	char *name = NULL;

	if (other->offset == 0)
		return strdup(other->path);
	if (asprintf(&name, "%s@%" PRIu64 "+%" PRIu64, other->path, other->offset, other->bytes) <
	    0)
		return NULL;
	return name;
}

static enum result scan_store(struct scan *scan, const struct disks_other *other,
			      struct failure *why)
{
	struct row row = {.kind = "device", .name = other_name(other)};
	struct failure opening;
	struct device device;
	enum result result;

	if (!row.name)
		return fail_memory(why, "a name", strlen(other->name));
	result = volumes_open(scan->cli->volumes, &device, row.name, DEVICE_LOOK, &opening);
	if (result == RESULT_OK) {
		look_at_store(&row, &device);
		device_close(&device, &opening);
	} else {
		take_failure(&row, "unreadable", &opening);
	}
	print_row(scan, &row);
	return RESULT_OK;
}

static enum result scan_others(struct scan *scan, struct failure *why)
{
	const struct disks *disks = &scan->cli->volumes->found;
	enum result result = RESULT_OK;

	for (size_t i = 0; i < disks->other_count && result == RESULT_OK; i++)
		if (disks->others[i].is_store)
			result = scan_store(scan, &disks->others[i], why);
	return result;
}

/* ---- stores in space that no volume uses ---- */

/* A removed snapshot, if a store begins there. How long it was, nobody knows. */
static enum result scan_lost_store(struct scan *scan, const struct disk *disk, uint64_t offset,
				   uint64_t bytes, struct failure *why)
{
	struct row row = {.kind = "lost"};
	struct failure opening;
	struct device device;

	if (asprintf(&row.name, "%s@%" PRIu64 "+%" PRIu64, disk->path, disk->offset + offset,
		     bytes) < 0)
		return fail_memory(why, "a name", 0);
	if (volumes_open(scan->cli->volumes, &device, row.name, DEVICE_LOOK, &opening) !=
	    RESULT_OK) {
		free(row.name);
		return RESULT_OK;
	}
	look_at_store(&row, &device);
	device_close(&device, &opening);
	if (row.detail[0] == 0)
		snprintf(
			row.detail, sizeof(row.detail),
			"in space that no volume uses: its own size is not known, and at most this");
	print_row(scan, &row);
	return RESULT_OK;
}

/* LVM lets a volume begin where an extent does. What cannot be read is passed over. */
static enum result scan_space(struct scan *scan, struct disk *disk, uint64_t extent_bytes,
			      const struct layout_space *space, struct failure *why)
{
	const struct pv_source source = disks_source(disk);
	uint64_t bytes = min_u64(space->bytes, disk->bytes - min_u64(disk->bytes, space->offset));
	enum result result = RESULT_OK;
	uint8_t header[SECTOR_BYTES];
	struct failure ignored;

	for (uint64_t at = 0; at + SECTOR_BYTES <= bytes && result == RESULT_OK; at += extent_bytes)
		if (source.read(source.context, space->offset + at, header, sizeof(header),
				&ignored) == RESULT_OK &&
		    get_le32(header) == HEADER_MAGIC)
			result = scan_lost_store(scan, disk, space->offset + at, bytes - at, why);
	return result;
}

static enum result scan_lost(struct scan *scan, struct failure *why)
{
	struct volumes *volumes = scan->cli->volumes;
	enum result result = RESULT_OK;

	for (size_t i = 0; i < volumes->groups.count && result == RESULT_OK; i++) {
		const struct groups_one *one = &volumes->groups.groups[i];
		struct layout_space *spaces;
		size_t count;

		result = layout_find_free(&one->group, &spaces, &count, why);
		for (size_t j = 0; j < count && result == RESULT_OK; j++) {
			struct disk *disk = volumes_disk(volumes, one, spaces[j].pv);

			if (disk)
				result = scan_space(scan, disk, one->group.extent_bytes, &spaces[j],
						    why);
		}
		free(spaces);
	}
	return result;
}

/* ---- what else is to be told ---- */

static void tell(struct scan *scan, const char *name, const char *text)
{
	if (!scan->cli->json) {
		cli_message(scan->cli, "%s: %s", name, text);
		return;
	}
	json_open_object(&scan->json, NULL);
	json_string(&scan->json, "name", name);
	json_string(&scan->json, "message", text);
	json_close_object(&scan->json);
}

/* What cannot be reached, and why; what a disk that was named is instead. */
static void tell_problems(struct scan *scan)
{
	const struct volumes *volumes = scan->cli->volumes;
	char text[600];

	for (size_t i = 0; i < volumes->found.count; i++)
		if (volumes->found.items[i].obstacle[0])
			tell(scan, volumes->found.items[i].name, volumes->found.items[i].obstacle);
	for (size_t i = 0; i < volumes->found.other_count; i++)
		if (!volumes->found.others[i].is_store)
			tell(scan, volumes->found.others[i].name, volumes->found.others[i].text);
	for (size_t i = 0; i < volumes->groups.problem_count; i++)
		tell(scan, "LVM", volumes->groups.problems[i]);
	for (size_t i = 0; i < volumes->groups.count; i++) {
		const struct groups_one *one = &volumes->groups.groups[i];

		if (one->obstacle[0] == 0)
			continue;
		snprintf(text, sizeof(text), "the volume group %s", one->obstacle);
		tell(scan, one->group.name, text);
	}
}

static enum result scan(struct scan *scan, struct failure *why)
{
	enum result result;

	if (scan->cli->json) {
		cli_open_json(scan->cli, &scan->json);
		json_open_array(&scan->json, "stores");
	}
	result = scan_groups(scan, why);
	if (result == RESULT_OK)
		result = scan_others(scan, why);
	if (result == RESULT_OK && scan->lost)
		result = scan_lost(scan, why);
	if (scan->cli->json) {
		json_close_array(&scan->json);
		json_open_array(&scan->json, "problems");
	} else if (scan->rows == 0 && result == RESULT_OK && !scan->cli->quiet) {
		printf("no COW store was found\n");
	}
	tell_problems(scan);
	if (scan->cli->json) {
		json_close_array(&scan->json);
		cli_close_json(scan->cli, &scan->json, result != RESULT_OK);
	}
	return result;
}

enum result cmd_scan(struct cli *cli, int argc, const char **argv, struct failure *why)
{
	struct scan scanning = {.cli = cli};
	const struct cli_option options[] = {
		{"lost", CLI_FLAG, &scanning.lost,
		 "also stores of removed snapshots, in space that no volume uses", NULL},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	enum result result = cli_parse(cli, options, CLI_DISKS, argc, argv, why);

	if (result == RESULT_OK && !cli->finished)
		result = volumes_load(cli->volumes, why);
	if (result == RESULT_OK && !cli->finished)
		result = scan(&scanning, why);
	return result;
}
