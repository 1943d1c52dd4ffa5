// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool merge: a store goes back into its origin. */
#include "merge/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "merge/merge.h"
#include "store/io_engines.h"
#include "store/json.h"
#include "store/progress.h"

/* The command line. */
struct choice {
	bool resume, force, dry_run;
	uint64_t window_bytes;
	char *progress_name, *engine_name;
	enum progress_mode progress;
	enum io_engine_choice engine;
};

/* Everything that is open. */
struct session {
	struct cli *cli;
	const struct choice *choice;
	struct device origin, device;
	struct io io;
	struct store store;
	struct merge merge;
	struct progress progress;
};

static void on_progress(void *context, const struct merge *merge)
{
	struct session *session = context;

	progress_update(&session->progress, merge->bytes_copied, merge->bytes_total);
}

static void on_note(void *context, const char *text)
{
	const struct session *session = context;

	cli_note(session->cli, "%s: %s", session->device.name, text);
}

static void print_numbers(struct json *json, const struct session *session)
{
	const struct merge *merge = &session->merge;

	json_open_object(json, NULL);
	json_string(json, "origin", session->origin.name);
	json_string(json, "store", session->device.name);
	json_number(json, "exceptions_before", merge->exceptions_before);
	json_number(json, "merged", merge->exceptions_before - merge->exceptions_left);
	json_number(json, "exceptions_left", merge->exceptions_left);
	json_number(json, "bytes_copied", merge->bytes_written);
	json_number(json, "commits", merge->commits);
	json_number(json, "flushes", merge->flushes);
	json_seconds(json, "seconds", progress_seconds(&session->progress));
	json_open_array(json, "kept");
	json_close_array(json);
}

static void print_json(struct session *session, const struct merge_estimate *plan, bool failed)
{
	struct json json = {.file = stdout};

	print_numbers(&json, session);
	if (plan) {
		json_open_object(&json, "plan");
		json_number(&json, "runs", plan->runs);
		json_number(&json, "windows", plan->windows);
		json_number(&json, "bytes", plan->bytes);
		json_number(&json, "flushes", plan->flushes);
		json_close_object(&json);
	}
	session->cli->object_open = failed;
	if (failed)
		return;
	json_close_object(&json);
	json_end_line(&json);
}

static void print_plan(struct session *session)
{
	struct merge_estimate plan;
	char size[32];

	merge_estimate(&session->merge, &plan);
	if (session->cli->json) {
		print_json(session, &plan, false);
		return;
	}
	printf("%s would be merged into %s; nothing was written\n", session->device.name,
	       session->origin.name);
	printf("%-12s %" PRIu64 "\n", "Exceptions:", session->merge.exceptions_before);
	printf("%-12s %" PRIu64 "\n", "Runs:", plan.runs);
	printf("%-12s %" PRIu64 "\n", "Windows:", plan.windows);
	printf("%-12s %s (%" PRIu64 " bytes)\n",
	       "Data:", cli_format_size(plan.bytes, size, sizeof(size)), plan.bytes);
	printf("%-12s at most %" PRIu64 "\n", "Flushes:", plan.flushes);
}

static void print_outcome(struct session *session, enum result result)
{
	const struct merge *merge = &session->merge;
	char size[32];

	if (session->cli->json) {
		print_json(session, NULL, result != RESULT_OK);
		return;
	}
	if (result != RESULT_OK || session->cli->quiet)
		return;
	if (merge->exceptions_before == 0)
		printf("%s: nothing is left to merge\n", session->device.name);
	else
		printf("%s: merged %" PRIu64 " exceptions (%s) into %s\n", session->device.name,
		       merge->exceptions_before,
		       cli_format_size(merge->bytes_written, size, sizeof(size)),
		       session->origin.name);
}

static void note_buffered(const struct session *session, const struct device *device)
{
	if (!device->direct)
		cli_note(session->cli,
			 "%s: note: O_DIRECT cannot be used here; the page cache is in between",
			 device->name);
}

/* A close that fails may be a write that was lost: it counts before the outcome is printed. */
static enum result release(struct session *session, enum result result, struct failure *why)
{
	struct failure closing = {.text = ""};
	struct device *devices[] = {&session->origin, &session->device};

	for (size_t i = 0; i < 2; i++) {
		if (device_release(devices[i], &closing) == RESULT_OK || result != RESULT_OK)
			continue;
		*why = closing;
		result = RESULT_IO;
	}
	return result;
}

static void close_session(struct session *session)
{
	struct failure ignored; /* what was written is closed already */

	io_close(&session->io);
	device_close(&session->origin, &ignored);
	device_close(&session->device, &ignored);
}

static enum result run(struct session *session, struct failure *why)
{
	struct merge *merge = &session->merge;
	enum result result = merge_prepare(merge, why);

	if (result != RESULT_OK)
		return result;
	if (cli_stop_requested)
		return fail(why, RESULT_STOPPED, "stopped on request; nothing was written");
	if (session->choice->dry_run) {
		print_plan(session);
		return RESULT_OK;
	}
	if (merge->exceptions_before > 0) {
		note_buffered(session, &session->origin);
		note_buffered(session, &session->device);
	}
	progress_begin(&session->progress, session->choice->progress, session->device.name);
	result = release(session, merge_run(merge, why), why);
	progress_end(&session->progress, merge->bytes_copied, merge->bytes_total);
	print_outcome(session, result);
	return result;
}

/* What is no device at all cannot be the right origin. */
static enum result open_origin(struct session *session, enum device_mode mode, struct failure *why)
{
	enum result result = device_open(&session->origin, session->cli->arguments[0], mode, why);

	return result == RESULT_NOT_THERE ? RESULT_REFUSED : result;
}

static enum result open_both(struct session *session, struct failure *why)
{
	enum device_mode mode = session->choice->dry_run ? DEVICE_HOLD : DEVICE_OWN;
	enum result result = open_origin(session, mode, why);
	bool same = false;

	if (result == RESULT_OK)
		result = device_is(&session->origin, session->cli->arguments[1], &same, why);
	if (result == RESULT_OK && same)
		return fail(why, RESULT_REFUSED, "%s: is given as ORIGIN and as STORE",
			    session->cli->arguments[1]);
	if (result == RESULT_OK)
		result = device_open(&session->device, session->cli->arguments[1], mode, why);
	if (result == RESULT_OK)
		result = io_engine_open(&session->io, session->choice->engine, why);
	if (result == RESULT_OK)
		result = store_open(&session->store, &session->device, &session->io, why);
	return result;
}

static enum result open_and_merge(struct cli *cli, const struct choice *choice, struct failure *why)
{
	struct session session = {
		.cli = cli, .choice = choice, .origin = {.fd = -1}, .device = {.fd = -1}};
	enum result result;

	session.merge = (struct merge){
		.store = &session.store,
		.origin = &session.origin,
		.io = &session.io,
		.resume = choice->resume,
		.force = choice->force,
		.window_bytes = choice->window_bytes,
		.stop = &cli_stop_requested,
		.progress = on_progress,
		.note = on_note,
		.context = &session,
	};
	progress_begin(&session.progress, PROGRESS_NONE, "");
	result = open_both(&session, why);
	if (result == RESULT_OK)
		result = run(&session, why);
	close_session(&session);
	return result;
}

static enum result check_choice(const struct cli *cli, struct choice *choice, struct failure *why)
{
	if (choice->progress_name && !progress_parse(choice->progress_name, &choice->progress))
		return fail(why, RESULT_USAGE,
			    "--progress: '%s' is neither auto, bar, json nor none",
			    choice->progress_name);
	if (choice->engine_name && !io_engine_parse(choice->engine_name, &choice->engine))
		return fail(why, RESULT_USAGE,
			    "--io: '%s' is neither auto, uring, threads nor sync",
			    choice->engine_name);
	if (choice->window_bytes == 0 || choice->window_bytes > MERGE_WINDOW_BYTES_MAX)
		return fail(why, RESULT_USAGE, "--window: must be at least 1 byte and at most 1G");
	if (cli->quiet && choice->progress == PROGRESS_AUTO)
		choice->progress = PROGRESS_NONE;
	return RESULT_OK;
}

enum result cmd_merge(struct cli *cli, int argc, const char **argv, struct failure *why)
{
	struct choice choice = {.window_bytes = MERGE_WINDOW_BYTES_DEFAULT};
	const struct cli_option options[] = {
		{"resume", CLI_FLAG, &choice.resume, "go on with what is on disk, whoever began it",
		 NULL},
		{"dry-run", CLI_FLAG, &choice.dry_run,
		 "check everything, show the plan, write nothing", NULL},
		{"force", CLI_FLAG, &choice.force,
		 "merge although ORIGIN may be the wrong one, or a chunk has two exceptions", NULL},
		{"window", CLI_SIZE, &choice.window_bytes, "data between two commits (default 32M)",
		 "SIZE"},
		{"io", CLI_STRING, &choice.engine_name, "auto (default), uring, threads or sync",
		 "ENGINE"},
		{"progress", CLI_STRING, &choice.progress_name,
		 "auto (default: a bar on a terminal), bar, json or none", "HOW"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	enum result result = cli_parse(cli, options, 2, argc, argv, why);

	if (result == RESULT_OK && !cli->finished)
		result = check_choice(cli, &choice, why);
	if (result == RESULT_OK && !cli->finished)
		result = open_and_merge(cli, &choice, why);
	free(choice.progress_name);
	free(choice.engine_name);
	return result;
}
