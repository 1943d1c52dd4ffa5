// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool export: the view of a snapshot becomes an image. */
#include "verify/export/cmd_export.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/cli/json.h"
#include "store/cli/note.h"
#include "store/cli/pair.h"
#include "store/cli/progress.h"
#include "store/cli/remedies.h"
#include "store/base/suggest.h"
#include "store/base/text.h"
#include "verify/check/cmd_lost.h"
#include "verify/export/export.h"
#include "verify/export/export_output.h"

/* The command line. */
struct choice {
	bool resume, accept_origin, force;
	unsigned int timeout;
	struct cli_word fill, progress, engine;
};

/* Everything that is open. */
struct session {
	struct cli *cli;
	const struct choice *choice;
	struct pair pair;
	struct export_options options;
	struct export export;
	struct export_output output;
	struct progress progress;
};

static void on_progress(void *context, const struct export *export)
{
	struct session *session = context;

	progress_update(&session->progress, export->position, export->state.view_bytes);
}

static void on_note(void *context, const char *text)
{
	const struct session *session = context;

	cli_note(session->cli, "%s: %s", session->pair.device.name, text);
}

/* ---- standard output ---- */

static void wait_for_reader(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

	poll(&out, 1, -1);
}

/* Not through stdio, which would hold back what a signal interrupts: an interrupted write has
 * written a part, or nothing. */
static enum result put_bytes(void *context, const uint8_t *bytes, size_t count, struct failure *why)
{
	(void)context;
	while (count > 0) {
		ssize_t written = write(STDOUT_FILENO, bytes, count);

		if (written > 0) {
			bytes += written;
			count -= (size_t)written;
		} else if (errno == EAGAIN) {
			wait_for_reader();
		} else if (errno != EINTR) {
			return fail_errno(why, RESULT_IO, errno, "standard output: cannot write");
		}
		if (count > 0 && cli_stop_requested)
			return RESULT_STOPPED;
	}
	return RESULT_OK;
}

/* ---- what is printed ---- */

static const char *source_name(enum view_source source)
{
	return source == VIEW_ORIGIN ? "origin" : "store";
}

static void print_json_gaps(struct json *json, const struct export_state *state)
{
	json_open_array(json, "unreadable");
	for (size_t i = 0; i < state->gap_count; i++) {
		json_open_object(json, NULL);
		json_number(json, "offset", state->gaps[i].offset);
		json_number(json, "bytes", state->gaps[i].bytes);
		json_string(json, "from", source_name(state->gaps[i].source));
		json_close_object(json);
	}
	json_close_array(json);
}

static void print_json(struct session *session, bool failed)
{
	const struct export_state *state = &session->export.state;
	struct json json;
	char crc[16];

	snprintf(crc, sizeof(crc), "%08" PRIx32, state->crc32);
	cli_open_json(session->cli, &json);
	json_string(&json, "origin", session->pair.origin.name);
	json_string(&json, "store", session->pair.device.name);
	json_string(&json, "identity", identity_name(session->export.identity));
	json_string(&json, "out", session->output.name);
	json_number(&json, "bytes", state->view_bytes);
	json_number(&json, "bytes_done", state->done_bytes);
	json_number(&json, "bytes_from_store", state->bytes_from_store);
	json_number(&json, "bytes_from_origin", state->bytes_from_origin);
	json_number(&json, "bytes_sparse", state->done_bytes - state->bytes_written);
	json_string(&json, "crc32", state->done_bytes == state->view_bytes ? crc : NULL);
	json_seconds(&json, "seconds", progress_seconds(&session->progress));
	print_json_gaps(&json, state);
	cmd_lost_json(&json, &session->export.check);
	cli_close_json(session->cli, &json, failed);
}

/* Where the image itself goes to the standard output, the list goes to the standard error. */
static void print_gaps(const struct session *session)
{
	const struct export_state *state = &session->export.state;
	FILE *file = session->output.kind == EXPORT_TO_STREAM ? stderr : stdout;

	if (state->gap_count > 0)
		fprintf(file, "%16s %16s  %s\n", "offset", "bytes", "unreadable in");
	for (size_t i = 0; i < state->gap_count; i++)
		fprintf(file, "%16" PRIu64 " %16" PRIu64 "  %s\n", state->gaps[i].offset,
			state->gaps[i].bytes, source_name(state->gaps[i].source));
}

static void warn_of_gaps(const struct session *session)
{
	const struct export_state *state = &session->export.state;
	uint64_t bytes = 0;

	for (size_t i = 0; i < state->gap_count; i++)
		bytes += state->gaps[i].bytes;
	if (bytes > 0)
		cli_message(session->cli,
			    "%s: %" PRIu64
			    " bytes of its view, in %zu place%s, cannot be read and are filled",
			    session->pair.device.name, bytes, state->gap_count,
			    text_plural(state->gap_count));
}

#define CLOSING_LINE "%s: exported %s (%" PRIu64 " bytes), %s from %s, in %s; CRC-32 %08" PRIx32

static void print_closing_line(const struct session *session)
{
	const struct export_state *state = &session->export.state;
	char size[32], stored[32], time[32];

	cli_format_size(state->view_bytes, size, sizeof(size));
	cli_format_size(state->bytes_from_store, stored, sizeof(stored));
	cli_format_duration(progress_seconds(&session->progress), time, sizeof(time));
	if (session->output.kind == EXPORT_TO_STREAM)
		cli_note(session->cli, CLOSING_LINE, "standard output", size, state->view_bytes,
			 stored, session->pair.device.name, time, state->crc32);
	else if (!session->cli->quiet)
		cli_print(stdout, CLOSING_LINE, session->output.name, size, state->view_bytes,
			  stored, session->pair.device.name, time, state->crc32);
}

static void print_outcome(struct session *session, enum result result)
{
	cmd_lost_warn_unknown(session->cli, &session->export.check);
	warn_of_gaps(session);
	if (session->cli->json) {
		print_json(session, result != RESULT_OK);
		return;
	}
	print_gaps(session);
	if (result == RESULT_OK)
		print_closing_line(session);
}

/* What is there now, and the command that goes on, for people to copy. */
static void add_advice(const struct session *session, enum result result, struct failure *why)
{
	const struct choice *choice = session->choice;
	const struct export_output *output = &session->output;
	struct suggestion resume;

	if (result == RESULT_REFUSED)
		return;
	remedies_say(session->cli, why);
	if (output->kind == EXPORT_TO_BLOCK)
		fail_more(why, result, "the image on %s is not complete", output->name);
	else if (output->kind == EXPORT_TO_STREAM && why->text[0])
		fail_more(why, result, "the image is not complete");
	if (!export_output_can_resume(output))
		return;
	suggest_begin(&resume);
	suggest_more(&resume, "cowtool export --resume");
	if (choice->accept_origin)
		suggest_more(&resume, " --accept-origin");
	if (choice->force)
		suggest_more(&resume, " --force");
	if (choice->fill.given)
		suggest_more(&resume, " --fill=zero");
	suggest_more(&resume, " %s %s %s", session->pair.origin.name, session->pair.device.name,
		     output->name);
	fail_more(why, result, "what is written is safe, %s goes on", suggest_end(&resume));
}

/* ---- the export ---- */

static enum result run(struct session *session, struct failure *why)
{
	struct export *export = &session->export;
	struct export_output *output = &session->output;
	enum result result = export_prepare(export, why);

	if (result == RESULT_OK)
		cmd_lost_note_later(session->cli, &export->check);
	if (result == RESULT_OK)
		result = export_output_open(output, export, why);
	if (result == RESULT_STOPPED && session->choice->resume) {
		fail(why, result, "%s: stopped on request", session->pair.device.name);
		add_advice(session, result, why);
	}
	if (result != RESULT_OK)
		return result;
	note_rest(session->cli, &session->pair.origin);
	note_buffered(session->cli, &session->pair.origin,
		      session->pair.store.geometry.chunk_bytes);
	note_buffered(session->cli, &session->pair.device,
		      session->pair.store.geometry.chunk_bytes);
	if (output->kind == EXPORT_TO_FILE)
		note_memory(session->cli, output->name);
	if (export->target.device)
		note_buffered(session->cli, export->target.device, BUFFER_ALIGNMENT);
	progress_begin(&session->progress, session->cli, session->pair.device.name);
	progress_show(&session->progress, &session->choice->progress, export->state.done_bytes);
	result = export_output_finish(output, export_run(export, why), why);
	progress_end(&session->progress, export->state.done_bytes, export->state.view_bytes);
	if (result != RESULT_OK)
		add_advice(session, result, why);
	print_outcome(session, result);
	return result;
}

/* An origin that is in use may change meanwhile, and the image would be of no one moment. What
 * can be read of the store is exported, with consent. */
static enum result open_both(struct session *session, struct failure *why)
{
	const struct pair_options opening = {
		.mode = session->choice->force ? DEVICE_LOOK : DEVICE_READ,
		.gaps = true,
		.has_more = session->output.kind != EXPORT_TO_STREAM,
		.if_used = REMEDY_EXPORT_IN_USE,
		.engine = session->choice->engine.chosen,
	};
	char *const *names = session->cli->arguments;
	enum result result = pair_find_origin(session->cli, opening.mode, why);

	if (result == RESULT_OK)
		result = pair_open(&session->pair, session->cli, &opening, names[0], names[1], why);
	session->options.origin_is_told = session->pair.snapshot != NULL;
	return result;
}

static enum result check_output(const struct session *session, struct failure *why)
{
	const struct export_output *output = &session->output;

	if (session->choice->resume && !export_output_can_resume(output))
		return fail(why, RESULT_USAGE,
			    "--resume: only an export to an image file can be resumed");
	if (output->kind != EXPORT_TO_STREAM)
		return RESULT_OK;
	if (session->cli->json)
		return fail(why, RESULT_USAGE,
			    "--json: the image itself goes to the standard output");
	if (isatty(STDOUT_FILENO))
		return fail(why, RESULT_REFUSED,
			    "standard output: is a terminal; an image is not written there");
	return RESULT_OK;
}

static enum result open_and_export(struct cli *cli, const struct choice *choice,
				   struct failure *why)
{
	struct session session = {.cli = cli, .choice = choice};
	enum result result;

	session.options = (struct export_options){
		.accept_origin = choice->accept_origin,
		.force = choice->force,
		.fill = choice->fill.given,
		.window_bytes = EXPORT_WINDOW_BYTES,
		.memory_bytes = VIEW_MAP_MEMORY_BYTES,
		.checkpoint_bytes = EXPORT_CHECKPOINT_BYTES,
		.stop = &cli_stop_requested,
		.progress = on_progress,
		.note = on_note,
		.context = &session,
	};
	session.export = (struct export){
		.options = &session.options,
		.store = &session.pair.store,
		.origin = &session.pair.origin,
		.io = &session.pair.io,
		.target = {.put = put_bytes},
	};
	result = export_output_choose(&session.output, cli->arguments[2], why);
	session.output.resume = choice->resume;
	session.output.force = choice->force;
	if (result == RESULT_OK)
		result = check_output(&session, why);
	if (result == RESULT_OK)
		result = open_both(&session, why);
	if (result == RESULT_OK)
		result = run(&session, why);
	export_free(&session.export);
	export_output_free(&session.output);
	pair_close(&session.pair);
	return result;
}

enum result cmd_export(struct cli *cli, int argc, const char **argv, struct failure *why)
{
	static const char *const fill_words[] = {"zero", NULL};
	struct choice choice = {.fill = {.words = fill_words},
				.progress = PROGRESS_WORD,
				.engine = {.words = cli_engine_words}};
	const struct cli_option options[] = {
		{"resume", CLI_FLAG, &choice.resume, "go on with an unfinished export to a file",
		 NULL},
		{"accept-origin", CLI_FLAG, &choice.accept_origin,
		 "export although ORIGIN looks like another device", NULL},
		{"force", CLI_FLAG, &choice.force,
		 "export a damaged store, or one in use; overwrite OUT", NULL},
		{"fill", CLI_WORD, &choice.fill, "zero (in the place of what cannot be read)",
		 "HOW"},
		{"io", CLI_WORD, &choice.engine, "auto (default), uring, threads or sync",
		 "ENGINE"},
		{"progress", CLI_WORD, &choice.progress, PROGRESS_HELP, "HOW"},
		{"timeout", CLI_SECONDS, &choice.timeout,
		 "stop after this time, as on request: --resume goes on", "SECONDS"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	enum result result = cli_parse(cli, options, (struct cli_count){2, 3}, argc, argv, why);

	if (result == RESULT_OK && !cli->finished)
		result = cli_argument_is_file(cli, 2, why);
	cli_stop_after(choice.timeout);
	if (result == RESULT_OK && !cli->finished)
		result = open_and_export(cli, &choice, why);
	return result;
}
