// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool merge: a store goes back into its origin. */

#include <stdlib.h>

#include "merge/cmd_merge.h"
#include "store/cli/notes.h"

static void on_progress(void *context, const struct merge *merge)
{
	struct merge_session *session = context;

	progress_update(&session->progress, merge->bytes_copied, merge->bytes_total);
}

static void on_note(void *context, const char *text)
{
	const struct merge_session *session = context;

	cli_note(session->cli, "%s", text);
}

/* The loss of a snapshot is told under --quiet, too. */
static void on_lost(void *context, const char *store, const char *text)
{
	const struct merge_session *session = context;

	cli_message(session->cli, "%s: %s", store, text);
}

static void note_buffered(const struct merge_session *session, const struct device *device)
{
	if (!device->direct)
		cli_note(session->cli,
			 "%s: note: O_DIRECT cannot be used here; the page cache is in between",
			 device->name);
}

static void note_all_buffered(const struct merge_session *session)
{
	if (session->merge.exceptions_before == 0)
		return;
	note_buffered(session, &session->origin);
	note_buffered(session, &session->device);
	for (size_t i = 0; i < session->kept_count; i++)
		note_buffered(session, &session->others[i].device);
}

/* --pending goes on with what was begun, and with nothing else. */
static bool is_to_do(const struct merge_session *session)
{
	return !session->choice->pending || session->merge.record_is_current;
}

/* What a kept store takes: its chunks, and the areas that list them. */
static uint64_t kept_bytes(const struct kept *kept)
{
	const struct geometry *geometry = &kept->store->geometry;

	return (kept->needed + kept->needed / geometry->exceptions_per_area + 1) *
	       geometry->chunk_bytes;
}

static void note_all_room(const struct merge_session *session)
{
	const struct merge *merge = &session->merge;

	if (merge->exceptions_before == 0)
		return;
	note_room(session->cli, &session->origin, merge->bytes_total);
	for (size_t i = 0; i < session->kept_count; i++)
		if (!session->kept[i].is_new && !session->kept[i].given_up)
			note_room(session->cli, &session->others[i].device,
				  kept_bytes(&session->kept[i]));
}

static enum result prepare(struct merge_session *session, struct failure *why)
{
	struct merge *merge = &session->merge;
	enum result result = merge_prepare(merge, why);

	if (result == RESULT_OK && is_to_do(session))
		result = merge_session_check_right(session, why);
	if (result != RESULT_OK || !merge_has_work(merge) || !is_to_do(session))
		return result;
	note_rest(session->cli, &session->origin);
	result = merge_session_open_others(session, why);
	if (result == RESULT_OK)
		result = merge_prepare_kept(merge, why);
	if (result == RESULT_OK && merge_session_new_undo(session))
		result = merge_session_check_undo(session, why);
	return result;
}

static enum result run(struct merge_session *session, struct failure *why)
{
	struct merge *merge = &session->merge;
	enum result result = prepare(session, why);

	if (result != RESULT_OK)
		return result;
	if (!is_to_do(session)) {
		merge_print_not_begun(session);
		return RESULT_OK;
	}
	if (cli_stop_requested)
		return fail(why, RESULT_STOPPED, "stopped on request; nothing was written");
	note_all_room(session);
	if (session->choice->dry_run)
		return merge_print_plan(session, why);
	if (merge_session_new_undo(session))
		result = merge_session_make_undo(session, why);
	if (result != RESULT_OK)
		return result;
	note_all_buffered(session);
	progress_begin(&session->progress, session->choice->progress, session->device.name);
	result = merge_run(merge, why);
	if (result != RESULT_OK)
		merge_session_forget_undo(session);
	result = merge_session_release(session, result, why);
	progress_end(&session->progress, merge->bytes_copied, merge->bytes_total);
	merge_print_outcome(session, result);
	return result;
}

static enum result open_and_merge(struct cli *cli, const struct merge_choice *choice,
				  struct failure *why)
{
	struct merge_session session = {.cli = cli, .choice = choice};
	enum result result = RESULT_OK;
	bool begun = true;

	session.options = (struct merge_options){
		.resume = choice->resume || choice->pending,
		.pending = choice->pending,
		.accept_origin = choice->accept_origin,
		.force = choice->force,
		.window_bytes = choice->window_bytes,
		.invalidate_full = choice->invalidate_full,
		.skip_lost = choice->skip_lost,
		.stop = &cli_stop_requested,
		.progress = on_progress,
		.note = on_note,
		.lost = on_lost,
		.context = &session,
	};
	session.merge = (struct merge){
		.options = &session.options,
		.store = &session.store,
		.origin = &session.origin,
		.io = &session.io,
	};
	progress_begin(&session.progress, PROGRESS_NONE, "");
	if (choice->pending)
		result = merge_session_look(&session, &begun, why);
	if (result == RESULT_OK && !begun)
		merge_print_not_begun(&session);
	if (result == RESULT_OK && begun)
		result = merge_session_open(&session, why);
	if (result == RESULT_OK && begun)
		result = run(&session, why);
	merge_session_close(&session);
	return result;
}

static enum result check_choice(const struct cli *cli, struct merge_choice *choice,
				struct failure *why)
{
	enum result result =
		progress_choose(choice->progress_name, cli->quiet, &choice->progress, why);

	if (result == RESULT_OK)
		result = cli_choose_engine(choice->engine_name, &choice->engine, why);
	if (result != RESULT_OK)
		return result;
	if (choice->window_bytes == 0 || choice->window_bytes > MERGE_WINDOW_BYTES_MAX)
		return fail(why, RESULT_USAGE, "--window: must be at least 1 byte and at most 1G");
	if (choice->resume && choice->pending)
		return fail(why, RESULT_USAGE,
			    "--pending is --resume of what was begun only; leave one of them out");
	if (choice->drop.count > 0 && !choice->resume && !choice->pending)
		return fail(
			why, RESULT_USAGE,
			"--drop-kept: only an unfinished merge keeps anything: use it with --resume");
	return RESULT_OK;
}

enum result cmd_merge(struct cli *cli, int argc, const char **argv, struct failure *why)
{
	struct merge_choice choice = {.window_bytes = MERGE_WINDOW_BYTES_DEFAULT};
	const struct cli_option options[] = {
		{"resume", CLI_FLAG, &choice.resume, "go on with what is on disk, whoever began it",
		 NULL},
		{"pending", CLI_FLAG, &choice.pending,
		 "go on only with what was begun; nothing begun is no error", NULL},
		{"keep", CLI_LIST, &choice.keep,
		 "another snapshot of ORIGIN, whose view must not change (repeatable)", "STORE2"},
		{"undo", CLI_FILE, &choice.undo,
		 "make a store of FILE that holds what ORIGIN was: merging it goes back", "FILE"},
		{"invalidate-full", CLI_FLAG, &choice.invalidate_full,
		 "mark a kept store invalid that is too small, instead of refusing", NULL},
		{"drop-kept", CLI_LIST, &choice.drop,
		 "when going on: give up a kept store, marking it invalid (repeatable)", "STORE2"},
		{"dry-run", CLI_FLAG, &choice.dry_run,
		 "check everything, show the plan, write nothing", NULL},
		{"accept-origin", CLI_FLAG, &choice.accept_origin,
		 "merge although ORIGIN looks like another device", NULL},
		{"force", CLI_FLAG, &choice.force,
		 "the same, also where it was changed since, or a chunk has two exceptions", NULL},
		{"skip-lost", CLI_FLAG, &choice.skip_lost,
		 "leave out exceptions that are lost, and list what they were for", NULL},
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
	cli_list_free(&choice.keep);
	cli_list_free(&choice.drop);
	free(choice.undo);
	free(choice.progress_name);
	free(choice.engine_name);
	return result;
}
