// SPDX-License-Identifier: GPL-2.0-or-later
/* What cowtool dump prints, row by row. */
#include "store/cli/cmd_dump.h"

#include <inttypes.h>
#include <stdio.h>

#include "store/base/bytes.h"
#include "store/cow/stale.h"
#include "store/cow/view_map.h"

/* All fit 80 columns; numbers of stores and origins of many TiB take more. */
static const struct table_column exception_columns[] = {
	{"area", "area", 8},
	{"index", "index", 8},
	{"old_chunk", "old chunk", 16},
	{"new_chunk", "new chunk", 16},
	{NULL, NULL, 0},
};

static const struct table_column stale_columns[] = {
	{"area", "area", 8},
	{"index", "index", 8},
	{"old_chunk", "old chunk", 12},
	{"new_chunk", "new chunk", 12},
	{"state", "state", 5},
	{"old_offset", "at in origin", 14},
	{"new_offset", "at in store", 14},
	{NULL, NULL, 0},
};

static const struct table_column run_columns[] = {
	{"area", "area", 6},
	{"index", "index", 5},
	{"exceptions", "count", 5},
	{"old_chunk", "old chunk", 11},
	{"new_chunk", "new chunk", 11},
	{"bytes", "bytes", 9},
	{"old_offset", "at in origin", 13},
	{"new_offset", "at in store", 13},
	{NULL, NULL, 0},
};

static const struct table_column map_columns[] = {
	{"view_offset", "at in view", 14},
	{"bytes", "bytes", 13},
	{"source", "source", 6},
	{"offset", "at in source", 14},
	{"old_chunk", "old chunk", 12},
	{"new_chunk", "new chunk", 12},
	{NULL, NULL, 0},
};

/* What a full standard output stops. */
static enum result output_state(void)
{
	return ferror(stdout) ? RESULT_OUTPUT : RESULT_OK;
}

static void put_place(struct dump *dump, uint64_t index)
{
	uint32_t per_area = dump->store->geometry.exceptions_per_area;

	table_number(&dump->table, index / per_area);
	table_number(&dump->table, index % per_area);
}

/* Where a chunk begins; numbers of a damaged store may be too large for that. */
static void put_offset(struct dump *dump, uint64_t chunk)
{
	uint64_t offset;

	if (checked_mul(chunk, dump->store->geometry.chunk_bytes, &offset))
		table_number(&dump->table, offset);
	else
		table_nothing(&dump->table);
}

static void begin_table(struct dump *dump, const char *array, const struct table_column *columns)
{
	if (dump->format == TABLE_JSON)
		json_open_array(&dump->json, array);
	table_begin(&dump->table, dump->format, columns, &dump->json);
}

/* The next rows are of the same columns; only JSON keeps them apart. */
static void begin_part(struct dump *dump, const char *array)
{
	if (dump->format != TABLE_JSON)
		return;
	json_close_array(&dump->json);
	json_open_array(&dump->json, array);
}

/* ---- one by one ---- */

static enum result print_exception(void *context, uint64_t index, const struct exception *exception,
				   struct failure *why)
{
	struct dump *dump = context;

	(void)why;
	put_place(dump, index);
	table_number(&dump->table, exception->old_chunk);
	table_number(&dump->table, exception->new_chunk);
	return output_state();
}

enum result dump_exceptions(struct dump *dump, bool *area_missing, struct failure *why)
{
	struct store_scan scan = {.each = print_exception, .context = dump};
	enum result result;

	begin_table(dump, "exceptions", exception_columns);
	result = store_scan(dump->store, &scan, why);
	*area_missing = scan.area_missing;
	return result;
}

/* ---- --stale ---- */

static void print_with_state(struct dump *dump, uint64_t index, const struct exception *exception,
			     const char *state)
{
	put_place(dump, index);
	table_number(&dump->table, exception->old_chunk);
	table_number(&dump->table, exception->new_chunk);
	table_word(&dump->table, state);
	put_offset(dump, exception->old_chunk);
	put_offset(dump, exception->new_chunk);
}

static enum result print_live(void *context, uint64_t index, const struct exception *exception,
			      struct failure *why)
{
	struct dump *dump = context;

	(void)why;
	print_with_state(dump, index, exception, "live");
	return output_state();
}

static enum result print_stale(void *context, uint64_t index, const struct exception *exception,
			       struct failure *why)
{
	struct dump *dump = context;

	(void)why;
	print_with_state(dump, index, exception, "stale");
	return output_state();
}

/* Without an origin, a stale exception may be for any chunk that a device can have. */
enum result dump_stale(struct dump *dump, bool *area_missing, struct failure *why)
{
	struct store_scan scan = {.each = print_live, .context = dump};
	struct stale_scan stale = {
		.store = dump->store,
		.old_chunks = geometry_origin_chunks(&dump->store->geometry,
						     dump->origin->name ? dump->origin->bytes
									: ORIGIN_BYTES_MAX),
		.found = print_stale,
		.context = dump};
	enum result result;

	begin_table(dump, "exceptions", stale_columns);
	result = store_scan(dump->store, &scan, why);
	*area_missing = scan.area_missing;
	if (result != RESULT_OK)
		return result;
	begin_part(dump, "stale");
	stale.exceptions = scan.exceptions;
	result = stale_scan(&stale, why);
	if (result == RESULT_OK)
		cli_note(dump->cli, "%s: %" PRIu64 " stale entries look like exceptions",
			 dump->store->device->name, stale.count);
	return result;
}

/* ---- --runs ---- */

static void end_run(struct dump *dump)
{
	if (dump->run_length == 0)
		return;
	put_place(dump, dump->run_index);
	table_number(&dump->table, dump->run_length);
	table_number(&dump->table, dump->run_first.old_chunk);
	table_number(&dump->table, dump->run_first.new_chunk);
	table_number(&dump->table, dump->run_length * dump->store->geometry.chunk_bytes);
	put_offset(dump, dump->run_first.old_chunk);
	put_offset(dump, dump->run_first.new_chunk);
	dump->run_length = 0;
}

/* As the kernel merges them: both chunks rise by one, and no run goes on in the next area. */
static enum result add_to_run(void *context, uint64_t index, const struct exception *exception,
			      struct failure *why)
{
	struct dump *dump = context;

	(void)why;
	if (index % dump->store->geometry.exceptions_per_area == 0 ||
	    exception->old_chunk != dump->run_first.old_chunk + dump->run_length ||
	    exception->new_chunk != dump->run_first.new_chunk + dump->run_length)
		end_run(dump);
	if (dump->run_length++ == 0) {
		dump->run_index = index;
		dump->run_first = *exception;
	}
	return output_state();
}

enum result dump_runs(struct dump *dump, bool *area_missing, struct failure *why)
{
	struct store_scan scan = {.each = add_to_run, .context = dump};
	enum result result;

	begin_table(dump, "runs", run_columns);
	result = store_scan(dump->store, &scan, why);
	*area_missing = scan.area_missing;
	end_run(dump);
	return result;
}

/* ---- --map ---- */

static enum result print_extent(void *context, const struct view_extent *extent,
				struct failure *why)
{
	static const char *const names[] = {"origin", "store", "lost"};
	struct dump *dump = context;
	struct table *table = &dump->table;

	(void)why;
	table_number(table, extent->offset);
	table_number(table, extent->bytes);
	table_word(table, names[extent->source]);
	if (extent->source == VIEW_LOST)
		table_nothing(table);
	else
		table_number(table, extent->source_offset);
	table_number(table, extent->offset / dump->store->geometry.chunk_bytes);
	if (extent->source == VIEW_ORIGIN)
		table_nothing(table);
	else
		table_number(table, extent->new_chunk);
	return output_state();
}

enum result dump_walk(const struct dump *dump, struct view_map_walk *walk, struct failure *why)
{
	enum result result;

	if (dump->store->header.valid == 0)
		cli_note(
			dump->cli,
			"%s: warning: is marked invalid; what was written to the origin since is not in it",
			dump->store->device->name);
	result = view_map_walk(walk, why);
	if (walk->outside > 0)
		cli_note(dump->cli,
			 "%s: warning: %" PRIu64
			 " exceptions of %s lie outside it; is it the right origin?",
			 dump->origin->name, walk->outside, dump->store->device->name);
	return result;
}

enum result dump_map(struct dump *dump, bool *area_missing, struct failure *why)
{
	struct view_map_walk walk = {.store = dump->store,
				     .origin_bytes = dump->origin->bytes,
				     .found = print_extent,
				     .context = dump};
	enum result result;

	if (dump->format == TABLE_JSON) {
		json_string(&dump->json, "origin", dump->origin->name);
		json_number(&dump->json, "origin_bytes", dump->origin->bytes);
	}
	begin_table(dump, "map", map_columns);
	result = dump_walk(dump, &walk, why);
	*area_missing = walk.area_missing;
	return result;
}
