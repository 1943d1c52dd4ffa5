// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool verify: every check, and a verdict. */
#include "verify/cmd_verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/cli/json.h"
#include "store/cli/note.h"
#include "store/cli/progress.h"
#include "store/cli/pair.h"
#include "store/cow/status.h"
#include "store/base/text.h"
#include "verify/check/cmd_advice.h"
#include "verify/check/check.h"
#include "verify/check/cmd_lost.h"
#include "verify/check/data.h"
#include "verify/check/identity.h"
#include "verify/check/imprint.h"

/* For people: this many findings of one kind are listed one by one. */
#define LISTED_MAX 20

struct output {
	struct cli *cli;
	bool json;	   /* one object, or a line for each thing */
	bool in_one;	   /* one */
	bool object_begun; /* the one, or the last of many */
	struct json writer;
	uint64_t listed[PROBLEM_COUNT];
	bool trace_told[TRACE_COUNT];
	struct cmd_advice_names names;
	const struct store *store;
	/* for --data */
	const struct device *origin;
	struct progress progress;
	uint64_t places_listed, total_bytes;
	bool data_is_damaged; /* a part of it cannot be read */
};

/* After an object in an array, or on a line of its own. */
static void close_thing(struct output *output)
{
	json_close_object(&output->writer);
	if (!output->in_one)
		cli_close_json(output->cli, &output->writer, false);
}

/* Harmless if it is begun. */
static void begin_object(struct output *output)
{
	if (!output->json || output->object_begun)
		return;
	output->object_begun = true;
	cli_open_json(output->cli, &output->writer);
	json_string(&output->writer, "store", output->store->device->name);
}

static void print_json_finding(struct output *output, const struct finding *finding)
{
	struct json *json = &output->writer;
	char text[CMD_ADVICE_BYTES];
	const struct problem_info *info = problem_info(finding->problem);

	if (output->in_one) {
		json_open_object(json, NULL);
	} else {
		cli_open_json(output->cli, json);
		json_open_object(json, "finding");
	}
	json_string(json, "code", info->code);
	json_string(json, "severity", problem_severity_name(info->severity));
	if (finding->has_exception) {
		json_number(json, "area", finding->area);
		json_number(json, "index", finding->index);
		json_number(json, "old_chunk", finding->old_chunk);
		json_number(json, "new_chunk", finding->new_chunk);
	}
	if (finding->view_bytes > 0) {
		json_number(json, "view_offset", finding->view_offset);
		json_number(json, "view_bytes", finding->view_bytes);
	}
	if (finding->view_unknown)
		json_boolean(json, "view_unknown", true);
	json_string(json, "message", finding->message);
	json_string(json, "meaning", info->meaning);
	json_string(json, "help", cmd_advice(finding->problem, &output->names, text));
	if (finding->trace != TRACE_NONE)
		json_string(json, "trace", trace_info(finding->trace)->name);
	close_thing(output);
}

/* What a kind of finding means, and a trace, is said once. */
static void explain(struct output *output, const struct finding *finding)
{
	char text[CMD_ADVICE_BYTES];

	if (output->listed[finding->problem] == 1) {
		printf("    %s\n", problem_info(finding->problem)->meaning);
		cli_print(stdout, "    what helps: %s",
			  cmd_advice(finding->problem, &output->names, text));
	}
	if (finding->trace != TRACE_NONE && !output->trace_told[finding->trace])
		printf("    %s: %s\n", trace_info(finding->trace)->name,
		       trace_info(finding->trace)->meaning);
	output->trace_told[finding->trace] = true;
}

static void print_place(const struct finding *finding)
{
	printf("area %" PRIu64 " index %" PRIu32 " (old chunk %" PRIu64 ", new chunk %" PRIu64,
	       finding->area, finding->index, finding->old_chunk, finding->new_chunk);
	if (finding->view_bytes > 0)
		printf("; bytes %" PRIu64 " to %" PRIu64 " of the view", finding->view_offset,
		       finding->view_offset + finding->view_bytes - 1);
	printf("): ");
}

static void print_text_finding(struct output *output, const struct finding *finding)
{
	const struct problem_info *info = problem_info(finding->problem);

	if (output->listed[finding->problem]++ >= LISTED_MAX)
		return;
	printf("%s: %s: ", problem_severity_name(info->severity), info->code);
	if (finding->has_exception)
		print_place(finding);
	printf("%s\n", finding->message);
	explain(output, finding);
}

static void report(void *context, const struct finding *finding)
{
	struct output *output = context;

	if (output->json)
		print_json_finding(output, finding);
	else
		print_text_finding(output, finding);
}

static void print_not_listed(const struct output *output)
{
	for (int problem = 0; problem < PROBLEM_COUNT; problem++)
		if (output->listed[problem] > LISTED_MAX)
			printf("%s: and %" PRIu64 " more of these (--json lists all)\n",
			       problem_info((enum problem)problem)->code,
			       output->listed[problem] - LISTED_MAX);
}

static void print_bytes(const char *label, uint64_t bytes, const char *rest)
{
	char size[32];

	if (bytes < 1024)
		printf("%s%" PRIu64 " bytes%s\n", label, bytes, rest);
	else
		printf("%s%s (%" PRIu64 " bytes)%s\n", label,
		       cli_format_size(bytes, size, sizeof(size)), bytes, rest);
}

static void print_text_summary(const struct check *check, enum verdict verdict)
{
	const struct geometry *geometry = &check->store->geometry;
	char used[32], size[32], unknown[CHECK_UNKNOWN_BYTES];

	cli_print(
		stdout, "%s: %s; exceptions: %" PRIu64 ", errors: %" PRIu64 ", warnings: %" PRIu64,
		check->store->device->name, check_verdict_name(verdict), check->summary.exceptions,
		check_count(check, SEVERITY_ERROR), check_count(check, SEVERITY_WARNING));
	if (check->store->header_fault != HEADER_GOOD)
		return;
	if (summary_place_known(&check->summary))
		printf("full: %u%%, %s of %s\n", summary_full_percent(&check->summary),
		       cli_format_size(summary_used_chunks(&check->summary) * geometry->chunk_bytes,
				       used, sizeof(used)),
		       cli_format_size(check->store->device->bytes, size, sizeof(size)));
	else
		printf("full: %s\n", status_full_unknown(&check->summary));
	if (check->view_bytes_lost > 0)
		print_bytes("lost: ", check->view_bytes_lost, " of the view");
	if (check->view_bytes_doubtful > 0)
		print_bytes("doubtful: at most ", check->view_bytes_doubtful, " of the view");
	if (check->lost_unknown > 0)
		printf("lost: %s\n", check_describe_unknown(check, unknown));
	if (check->found[PROBLEM_AREA_MISSING] > 0)
		puts("lost: what the missing area held, too; how much cannot be told");
	if (check->summary.unreadable > 0)
		printf("lost: up to %" PRIu64
		       " exceptions that cannot be read, too; where in the view cannot be told\n",
		       check->summary.unreadable);
}

static void print_json_summary(struct json *json, const struct check *check, enum verdict verdict)
{
	json_string(json, "verdict", check_verdict_name(verdict));
	json_number(json, "exceptions", check->summary.exceptions);
	json_number(json, "errors", check_count(check, SEVERITY_ERROR));
	json_number(json, "warnings", check_count(check, SEVERITY_WARNING));
	json_number(json, "bytes", check->store->device->bytes);
	if (check->store->header_fault != HEADER_GOOD)
		return;
	json_number(json, "allocated_bytes",
		    summary_used_chunks(&check->summary) * check->store->geometry.chunk_bytes);
	json_number(json, "full_percent", summary_full_percent(&check->summary));
	json_number(json, "view_bytes_lost", check->view_bytes_lost);
	json_number(json, "view_bytes_doubtful", check->view_bytes_doubtful);
	cmd_lost_json(json, check);
	json_number(json, "unreadable", check->summary.unreadable);
}

/* What cannot be read is damage, of whatever the list says. */
static enum verdict verdict_of(const struct output *output, const struct check *check)
{
	return output->data_is_damaged ? VERDICT_DAMAGED : check_verdict(check);
}

static void begin_findings(struct output *output)
{
	if (!output->in_one)
		return;
	begin_object(output);
	json_open_array(&output->writer, "findings");
}

static void end_findings(struct output *output)
{
	if (output->in_one)
		json_close_array(&output->writer);
	else if (!output->json)
		print_not_listed(output);
}

static void print_verdict(struct output *output, const struct check *check)
{
	begin_object(output);
	if (output->json)
		print_json_summary(&output->writer, check, verdict_of(output, check));
	else
		print_text_summary(check, verdict_of(output, check));
}

/* ---- --data ---- */

static void print_json_place(struct output *output, const struct data_place *place)
{
	struct json *json = &output->writer;

	if (output->in_one) {
		json_open_object(json, NULL);
	} else {
		cli_open_json(output->cli, json);
		json_open_object(json, "place");
	}
	json_string(json, "device", place->in_origin ? "origin" : "store");
	json_number(json, "offset", place->offset);
	json_number(json, "bytes", place->bytes);
	if (place->view_bytes > 0) {
		json_number(json, "view_offset", place->view_offset);
		json_number(json, "view_bytes", place->view_bytes);
	}
	json_string(json, "error", strerror(place->error));
	close_thing(output);
}

static void print_text_place(struct output *output, const struct data_place *place)
{
	const char *name = place->in_origin ? output->origin->name : output->store->device->name;
	char view[128] = "";

	if (output->places_listed++ >= LISTED_MAX)
		return;
	if (place->view_bytes > 0)
		snprintf(view, sizeof(view), " (bytes %" PRIu64 " to %" PRIu64 " of the view%s)",
			 place->view_offset, place->view_offset + place->view_bytes - 1,
			 place->in_origin ? ", which has them from the store" : "");
	cli_print(stdout, "unreadable: %s: %" PRIu64 " bytes at %" PRIu64 "%s: %s", name,
		  place->bytes, place->offset, view, strerror(place->error));
}

static void report_place(void *context, const struct data_place *place)
{
	struct output *output = context;

	if (output->json)
		print_json_place(output, place);
	else
		print_text_place(output, place);
}

static void report_progress(void *context, uint64_t done_bytes)
{
	struct output *output = context;

	progress_update(&output->progress, done_bytes, output->total_bytes);
}

static void print_data(struct output *output, const struct data_results *data)
{
	struct json *json = &output->writer;

	if (output->json) {
		if (output->in_one)
			json_close_array(json);
		begin_object(output);
		if (!output->in_one)
			json_open_object(json, "data");
		json_number(json, "store_bytes", data->store_bytes);
		json_number(json, "origin_bytes", data->origin_bytes);
		json_number(json, "store_unreadable", data->store_unreadable);
		json_number(json, "origin_unreadable", data->origin_unreadable);
		json_number(json, "view_unreadable", data->view_unreadable);
		json_close_object(json);
		return;
	}
	if (output->places_listed > LISTED_MAX)
		printf("unreadable: and %" PRIu64 " more place%s (--json lists all)\n",
		       output->places_listed - LISTED_MAX,
		       text_plural(output->places_listed - LISTED_MAX));
	printf("data in the store: %" PRIu64 " bytes looked at, unreadable: %" PRIu64 "\n",
	       data->store_bytes, data->store_unreadable);
	printf("data in the origin: %" PRIu64 " bytes looked at, unreadable: %" PRIu64 "\n",
	       data->origin_bytes, data->origin_unreadable);
	if (data->view_unreadable > 0)
		print_bytes("unreadable: ", data->view_unreadable, " of the view");
}

static enum result data_result(const struct output *output, const struct data_results *data,
			       struct failure *why)
{
	if (data->places == 0)
		return RESULT_OK;
	return fail(
		why, RESULT_IO,
		"%s: %llu place%s that a merge into %s needs cannot be read: %llu bytes of the store, %llu of the origin; copy what is unreadable to a sound device before you merge, and keep the copy's map (of ddrescue): zeros in the place of metadata look like the end of the list",
		output->store->device->name, (unsigned long long)data->places,
		text_plural(data->places), output->origin->name,
		(unsigned long long)data->store_unreadable,
		(unsigned long long)data->origin_unreadable);
}

/* Before the verdict, where the list of exceptions could be read. */
static enum result verify_data(const struct cli *cli, struct output *output,
			       const struct check *check, struct device *origin,
			       struct failure *why)
{
	const struct data_options options = {.store = check->store,
					     .origin = origin,
					     .before = &check->summary,
					     .report = report_place,
					     .progress = report_progress,
					     .context = output};
	struct data_results data;
	enum result result;

	output->origin = origin;
	/* The bounds of what can be read, where the exceptions would say more. */
	output->total_bytes =
		min_u64(check->summary.exceptions, check->store->geometry.device_chunks) *
		check->store->geometry.chunk_bytes;
	output->total_bytes += min_u64(output->total_bytes, origin->bytes);
	progress_begin(&output->progress, cli, check->store->device->name);
	progress_show(&output->progress, NULL, 0);
	if (output->in_one) {
		json_open_object(&output->writer, "data");
		json_open_array(&output->writer, "unreadable");
	}
	result = data_check(&options, &data, why);
	progress_end(&output->progress, data.store_bytes + data.origin_bytes, output->total_bytes);
	print_data(output, &data);
	output->data_is_damaged = data.places > 0;
	return result == RESULT_OK ? data_result(output, &data, why) : result;
}

/* ---- whose it is ---- */

/* As a merge asks it. The store is sound, and not a saved one: that has no data. */
static enum result identify(const struct check *check, struct device *origin,
			    enum identity *identity, struct failure *why)
{
	const struct store *store = check->store;
	bool merging =
		store->record_presence == RECORD_PRESENT && store->record.role == RECORD_MERGING;
	bool known = false;
	enum result result;

	result = imprint_match(store, &check->summary, origin, &known, why);
	if (result == RESULT_OK && !known)
		return identity_check(store, origin, merging, identity, why);
	*identity = result == RESULT_OK ? IDENTITY_COMPARED : IDENTITY_UNKNOWN;
	return result;
}

/* What speaks against the origin is no fault of the store: it is told, and changes no verdict. */
static void print_identity(struct cli *cli, struct output *output, const struct check *check,
			   struct device *origin)
{
	enum identity identity = IDENTITY_UNKNOWN;
	struct failure why = {.text = ""};

	if (check->summary.exceptions > 0 && check_verdict(check) != VERDICT_DAMAGED &&
	    !output->names.is_saved && identify(check, origin, &identity, &why) != RESULT_OK)
		cli_message(cli, "%s", why.text);
	else if (identity == IDENTITY_NOT_IN_STORE)
		cli_note(cli, "%s: " IDENTITY_NOT_IN_STORE_NOTE, check->store->device->name,
			 origin->name);
	if (!output->json)
		return;
	json_string(&output->writer, "identity", identity_name(identity));
	if (why.text[0])
		json_string(&output->writer, "identity_problem", why.text);
}

/* ---- the command ---- */

static enum result verdict_result(const struct check *check, struct failure *why)
{
	if (check->found[PROBLEM_HEADER_MAGIC] && !check->found[PROBLEM_RESTORE_UNFINISHED])
		return store_require_header(check->store, why);
	switch (check_verdict(check)) {
	case VERDICT_CLEAN:
		return RESULT_OK;
	case VERDICT_PROBLEMS:
		return RESULT_PROBLEMS;
	case VERDICT_DAMAGED:
		return RESULT_DAMAGED;
	}
	return fail(why, RESULT_INTERNAL, "unknown verdict");
}

/* A failure is in the same object, as its last key. */
static void end_object(struct output *output, enum result result)
{
	if (!output->json)
		return;
	begin_object(output);
	cli_close_json(output->cli, &output->writer,
		       result != RESULT_OK && result != RESULT_PROBLEMS &&
			       result != RESULT_DAMAGED);
}

static enum result verify(struct cli *cli, struct pair *pair, bool with_data, struct failure *why)
{
	const struct store *store = &pair->store;
	struct device *origin = pair->origin.open ? &pair->origin : NULL;
	struct output output = {
		.cli = cli, .json = cli->json, .in_one = cli->json && !cli->lines, .store = store};
	struct check check = {
		.store = store,
		.options.report = report,
		.options.context = &output,
	};
	enum result result;

	check.options.origin_known = pair_knows_origin(pair, &check.options.origin_bytes);
	output.names = (struct cmd_advice_names){.store = store,
						 .summary = &check.summary,
						 .origin = origin ? origin->name : NULL,
						 .is_saved = pair_is_saved(pair)};
	begin_findings(&output);
	result = check_run(&check, why);
	if (result == RESULT_OK || cli->json)
		end_findings(&output);
	if (result == RESULT_OK && with_data && store->header_fault == HEADER_GOOD)
		result = verify_data(cli, &output, &check, &pair->origin, why);
	if (result == RESULT_OK || output.data_is_damaged)
		print_verdict(&output, &check);
	if (result == RESULT_OK && origin)
		print_identity(cli, &output, &check, origin);
	if (result == RESULT_OK)
		result = verdict_result(&check, why);
	end_object(&output, result);
	return result;
}

struct verify_options {
	char *origin, *data; /* owned; at most one of them */
};

static enum result open_and_verify(struct cli *cli, const struct verify_options *options,
				   struct failure *why)
{
	const char *origin_name = options->data ? options->data : options->origin;
	const struct pair_options opening = {
		.mode = DEVICE_LOOK, .origin_is_option = true, .saved = true, .gaps = true};
	struct pair pair;
	enum result result = pair_open(&pair, cli, &opening, origin_name, cli->arguments[0], why);

	if (result == RESULT_OK && options->data)
		result = pair_require_store(&pair, why);
	if (result == RESULT_OK)
		note_blocks(cli, &pair);
	if (result == RESULT_OK)
		result = verify(cli, &pair, options->data != NULL, why);
	pair_close(&pair);
	return result;
}

enum result cmd_verify(struct cli *cli, int argc, const char **argv, struct failure *why)
{
	struct verify_options chosen = {0};
	const struct cli_option options[] = {
		{"origin", CLI_STRING, &chosen.origin, "also check that the store fits this origin",
		 "ORIGIN"},
		{"data", CLI_STRING, &chosen.data,
		 "the same, and read all that a merge into it would read or write", "ORIGIN"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	enum result result;

	cli->may_be_lines = true;
	result = cli_parse(cli, options, CLI_EXACTLY(1), argc, argv, why);
	if (result == RESULT_OK && !cli->finished && chosen.origin && chosen.data)
		result = fail(why, RESULT_USAGE,
			      "--data names the origin already; leave --origin out");
	if (result == RESULT_OK && !cli->finished)
		result = open_and_verify(cli, &chosen, why);
	free(chosen.origin);
	free(chosen.data);
	return result;
}
