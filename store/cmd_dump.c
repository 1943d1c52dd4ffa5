// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool dump: every live exception, in the order of the store. */
#include "store/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/json.h"
#include "store/reader.h"

enum format { FORMAT_TEXT, FORMAT_CSV, FORMAT_JSON };

struct dump {
	const struct store *store;
	enum format format;
	struct json json;
};

static void print_one(struct dump *dump, uint64_t area, uint64_t index,
		      const struct exception *exception)
{
	struct json *json = &dump->json;

	switch (dump->format) {
	case FORMAT_TEXT:
		printf("%8" PRIu64 " %8" PRIu64 " %16" PRIu64 " %16" PRIu64 "\n", area, index,
		       exception->old_chunk, exception->new_chunk);
		break;
	case FORMAT_CSV:
		printf("%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", area, index,
		       exception->old_chunk, exception->new_chunk);
		break;
	case FORMAT_JSON:
		json_open_object(json, NULL);
		json_number(json, "area", area);
		json_number(json, "index", index);
		json_number(json, "old_chunk", exception->old_chunk);
		json_number(json, "new_chunk", exception->new_chunk);
		json_close_object(json);
		break;
	}
}

static enum result print_piece(void *context, uint64_t index, const uint8_t *entries,
			       uint32_t count, struct failure *why)
{
	struct dump *dump = context;
	uint32_t per_area = dump->store->geometry.exceptions_per_area;
	struct exception exception;

	for (uint32_t i = 0; i < count; i++) {
		exception_decode(entries + (size_t)i * EXCEPTION_BYTES, &exception);
		print_one(dump, (index + i) / per_area, (index + i) % per_area, &exception);
	}
	(void)why;
	return ferror(stdout) ? RESULT_OUTPUT : RESULT_OK;
}

static void print_head(struct dump *dump)
{
	if (dump->format == FORMAT_CSV) {
		printf("area,index,old_chunk,new_chunk\n");
	} else if (dump->format == FORMAT_TEXT) {
		printf("%8s %8s %16s %16s\n", "area", "index", "old chunk", "new chunk");
	} else {
		json_open_object(&dump->json, NULL);
		json_string(&dump->json, "store", dump->store->device->name);
		json_number(&dump->json, "chunk_bytes", dump->store->geometry.chunk_bytes);
		json_open_array(&dump->json, "exceptions");
	}
}

/* An object that is not complete stays open, for the error. */
static void print_foot(struct dump *dump, bool complete)
{
	if (dump->format != FORMAT_JSON)
		return;
	json_close_array(&dump->json);
	if (!complete)
		return;
	json_close_object(&dump->json);
	json_end_line(&dump->json);
}

static enum result dump_store(struct cli *cli, const struct store *store, enum format format,
			      struct failure *why)
{
	struct dump dump = {.store = store, .format = format, .json = {.file = stdout}};
	struct store_scan scan = {.live = print_piece, .context = &dump};
	enum result result = store_require_header(store, why);

	if (result != RESULT_OK)
		return result;
	print_head(&dump);
	result = store_scan(store, &scan, why);
	if (result == RESULT_OK && scan.area_missing)
		result = fail(why, RESULT_DAMAGED,
			      "%s: the list of exceptions has no end on this device; see 'cowtool "
			      "verify'",
			      store->device->name);
	print_foot(&dump, result == RESULT_OK);
	cli->object_open = format == FORMAT_JSON && result != RESULT_OK;
	return result;
}

static enum result choose_format(struct cli *cli, const char *name, enum format *format,
				 struct failure *why)
{
	static const char *const names[] = {"text", "csv", "json"};

	*format = cli->json ? FORMAT_JSON : FORMAT_TEXT;
	if (!name)
		return RESULT_OK;
	for (int i = FORMAT_TEXT; i <= FORMAT_JSON; i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		*format = (enum format)i;
		if (cli->json && *format != FORMAT_JSON)
			return fail(why, RESULT_USAGE, "--json and --format=%s exclude each other",
				    name);
		cli->json = *format == FORMAT_JSON;
		return RESULT_OK;
	}
	return fail(why, RESULT_USAGE, "--format: '%s' is neither text, csv nor json", name);
}

static enum result open_and_dump(struct cli *cli, enum format format, struct failure *why)
{
	struct reader reader;
	enum result result = reader_open(&reader, cli, cli->arguments[0], why);

	if (result == RESULT_OK)
		result = dump_store(cli, &reader.store, format, why);
	reader_close(&reader);
	return result;
}

enum result cmd_dump(struct cli *cli, int argc, const char **argv, struct failure *why)
{
	char *name = NULL;
	const struct cli_option options[] = {
		{"format", CLI_STRING, &name, "text (default), csv or json", "FORMAT"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	enum format format = FORMAT_TEXT;
	enum result result = cli_parse(cli, options, 1, argc, argv, why);

	if (result == RESULT_OK && !cli->finished)
		result = choose_format(cli, name, &format, why);
	if (result == RESULT_OK && !cli->finished)
		result = open_and_dump(cli, format, why);
	free(name);
	return result;
}
