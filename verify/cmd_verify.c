// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool verify: every check, and a verdict. */
#include "verify/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/json.h"
#include "store/reader.h"
#include "verify/check.h"

/* For people: this many findings of one kind are listed one by one. */
#define LISTED_MAX 20

struct output {
	bool json;
	struct json writer;
	uint64_t listed[PROBLEM_COUNT];
};

static void print_json_finding(struct json *json, const struct finding *finding)
{
	const struct problem_info *info = problem_info(finding->problem);

	json_open_object(json, NULL);
	json_string(json, "code", info->code);
	json_string(json, "severity", severity_name(info->severity));
	if (finding->has_exception) {
		json_number(json, "area", finding->area);
		json_number(json, "index", finding->index);
		json_number(json, "old_chunk", finding->old_chunk);
		json_number(json, "new_chunk", finding->new_chunk);
	}
	json_string(json, "message", finding->message);
	json_close_object(json);
}

static void print_text_finding(struct output *output, const struct finding *finding)
{
	const struct problem_info *info = problem_info(finding->problem);

	if (output->listed[finding->problem]++ >= LISTED_MAX)
		return;
	printf("%s: %s: ", severity_name(info->severity), info->code);
	if (finding->has_exception)
		printf("area %" PRIu64 " index %" PRIu32 " (old chunk %" PRIu64
		       ", new chunk %" PRIu64 "): ",
		       finding->area, finding->index, finding->old_chunk, finding->new_chunk);
	printf("%s\n", finding->message);
	if (output->listed[finding->problem] == 1)
		printf("    %s\n", info->meaning);
}

static void report(void *context, const struct finding *finding)
{
	struct output *output = context;

	if (output->json)
		print_json_finding(&output->writer, finding);
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

static void print_verdict(struct output *output, const struct check *check)
{
	const char *verdict = verdict_name(check_verdict(check));
	struct json *json = &output->writer;

	if (output->json) {
		json_close_array(json);
		json_string(json, "verdict", verdict);
		json_number(json, "exceptions", check->summary.exceptions);
		return;
	}
	print_not_listed(output);
	printf("%s: %s; exceptions: %" PRIu64 ", errors: %" PRIu64 ", warnings: %" PRIu64 "\n",
	       check->store->device->name, verdict, check->summary.exceptions,
	       check_count(check, SEVERITY_ERROR), check_count(check, SEVERITY_WARNING));
}

static enum result verdict_result(const struct check *check, struct failure *why)
{
	if (check->found[PROBLEM_HEADER_MAGIC])
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

/* A failure stands in the same object, as its last key. */
static void end_object(struct cli *cli, struct output *output, enum result result)
{
	if (!cli->json)
		return;
	cli->object_open =
		result != RESULT_OK && result != RESULT_PROBLEMS && result != RESULT_DAMAGED;
	if (cli->object_open)
		return;
	json_close_object(&output->writer);
	json_end_line(&output->writer);
}

static enum result verify(struct cli *cli, const struct store *store, const struct device *origin,
			  struct failure *why)
{
	struct output output = {.json = cli->json, .writer = {.file = stdout}};
	struct check check = {
		.store = store,
		.origin_known = origin != NULL,
		.origin_bytes = origin ? origin->bytes : 0,
		.memory_bytes = CHECK_MEMORY_UNLIMITED,
		.report = report,
		.context = &output,
	};
	enum result result;

	if (cli->json) {
		json_open_object(&output.writer, NULL);
		json_string(&output.writer, "store", store->device->name);
		json_open_array(&output.writer, "findings");
	}
	result = check_run(&check, why);
	if (result == RESULT_OK) {
		print_verdict(&output, &check);
		result = verdict_result(&check, why);
	} else if (cli->json) {
		json_close_array(&output.writer);
	}
	end_object(cli, &output, result);
	return result;
}

static enum result open_and_verify(struct cli *cli, const char *origin_name, struct failure *why)
{
	struct device origin = {.fd = -1};
	struct reader reader;
	struct failure ignored;
	enum result result = reader_open(&reader, cli, cli->arguments[0], why);

	if (result == RESULT_OK && origin_name) {
		result = device_open(&origin, origin_name, DEVICE_LOOK, why);
		/* "Not there" is said of stores only. */
		if (result == RESULT_NOT_THERE)
			result = RESULT_REFUSED;
	}
	if (result == RESULT_OK)
		result = verify(cli, &reader.store, origin_name ? &origin : NULL, why);
	device_close(&origin, &ignored);
	reader_close(&reader);
	return result;
}

enum result cmd_verify(struct cli *cli, int argc, const char **argv, struct failure *why)
{
	char *origin = NULL;
	const struct cli_option options[] = {
		{"origin", CLI_STRING, &origin, "also check that the store fits this origin",
		 "ORIGIN"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	enum result result = cli_parse(cli, options, 1, argc, argv, why);

	if (result == RESULT_OK && !cli->finished)
		result = open_and_verify(cli, origin, why);
	free(origin);
	return result;
}
