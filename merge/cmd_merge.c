// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool merge: a store goes back into its origin. */
#include "merge/cmd_merge.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "merge/records.h"
#include "store/base/bytes.h"
#include "store/base/path.h"
#include "store/cli/note.h"
#include "verify/check/cmd_lost.h"

/* ---- what the merge tells ---- */

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

/* ---- opening and closing ---- */

static struct pair_options opening_of(const struct merge_choice *choice)
{
	return (struct pair_options){
		.mode = pair_mode(choice->dry_run, choice->force),
		.gaps = choice->skip_lost,
		.has_more = choice->keep.count > 0 || choice->undo,
		.engine = choice->engine.chosen,
	};
}

/* What can only be read can be exported all the same. */
static enum result name_export(const struct merge_session *session, enum result result,
			       struct failure *why)
{
	char *const *names = session->cli->arguments;
	struct suggestion command;

	return fail_more(why, result, "or %s writes what the snapshot shows to an image",
			 suggest(&command, "cowtool export %s %s OUT", names[0], names[1]));
}

static enum result check_right(const struct merge_session *session, const struct device *device,
			       struct failure *why)
{
	enum result result = note_right(session->cli, device, "merge", why);

	return result == RESULT_OK ? result : name_export(session, result, why);
}

static bool is_read_only(const struct merge_session *session, const char *name)
{
	return !session->choice->dry_run && path_is_read_only(name);
}

static enum result open_device(const struct merge_session *session, struct device *device,
			       const char *name, struct failure *why)
{
	const struct pair_options opening = opening_of(session->choice);
	enum result result = pair_open_device(device, session->cli, &opening, name, why);

	return result == RESULT_IO && is_read_only(session, name)
		       ? name_export(session, result, why)
		       : result;
}

/* Is `name` one of the devices that are open already? */
static enum result refuse_same(const struct merge_session *session, const char *name, size_t opened,
			       struct failure *why)
{
	struct volumes *volumes = session->cli->volumes;
	const struct pair *pair = &session->pair;
	enum result result =
		volumes_refuse_same(volumes, &pair->origin, name, "as ORIGIN and as a store", why);

	if (result == RESULT_OK)
		result = volumes_refuse_same(volumes, &pair->device, name, "as STORE and once more",
					     why);
	for (size_t i = 0; i < opened && result == RESULT_OK; i++)
		if (session->others[i].device.open)
			result = volumes_refuse_same(volumes, &session->others[i].device, name,
						     "twice", why);
	return result;
}

static enum result open_other(struct merge_session *session, size_t i, const char *name,
			      struct failure *why)
{
	struct merge_other *other = &session->others[i];
	enum result result = refuse_same(session, name, i, why);

	if (result == RESULT_OK)
		result = open_device(session, &other->device, name, why);
	if (result == RESULT_OK)
		result = check_right(session, &other->device, why);
	if (result == RESULT_OK)
		result = store_open(&other->store, &other->device, &session->pair.io, why);
	return result;
}

/* Of the stores that are kept, "no store" is a refusal: a script goes on after RESULT_NO_STORE. */
static enum result open_kept_store(struct merge_session *session, size_t i, const char *name,
				   struct failure *why)
{
	enum result result = open_other(session, i, name, why);

	return result == RESULT_NO_STORE ? RESULT_REFUSED : result;
}

/* This file will be removed: it must be nothing that the merge is given, and used by nobody. */
static enum result check_left(const struct merge_session *session, size_t i, struct failure *why)
{
	struct device device = {0};
	struct failure ignored; /* nothing was written there */
	enum result result = refuse_same(session, session->undo.name, i, why);

	if (result == RESULT_OK)
		result = device_open(&device, session->undo.name, DEVICE_HOLD, why);
	device_close(&device, &ignored);
	return result;
}

/* The undo store is there already if this merge is being resumed. */
static enum result open_undo(struct merge_session *session, size_t i, struct failure *why)
{
	struct undo *undo = &session->undo;
	enum result result = undo_look(undo, session->choice->undo, session->options.resume, why);

	if (result == RESULT_OK && undo->is_there && !undo->is_left)
		return open_kept_store(session, i, undo->name, why);
	if (result == RESULT_OK && undo->is_left)
		result = check_left(session, i, why);
	if (result == RESULT_OK)
		result = undo_begin(undo, &session->kept[i], &session->others[i].device,
				    &session->pair.io, why);
	return result;
}

/* How much of the origin it shows, where LVM knows that. */
static void take_length(const struct merge_session *session, size_t i)
{
	const struct volume *volume = volumes_of(session->cli->volumes, &session->others[i].device);
	const struct group_snapshot *snapshot = volume ? volumes_snapshot(volume) : NULL;

	if (session->pair.snapshot)
		session->kept[i].origin_bytes = session->pair.origin_bytes;
	if (snapshot)
		session->kept[i].shown_bytes =
			min_u64(volumes_snapshot_bytes(volume), session->pair.origin_bytes);
}

static enum result open_kept(struct merge_session *session, struct failure *why)
{
	size_t given_up = session->keep.count, undo = given_up + session->give_up.count;
	enum result result = RESULT_OK;

	for (size_t i = 0; i < undo + (session->choice->undo != NULL) && result == RESULT_OK; i++) {
		session->kept_count = i + 1;
		session->kept[i].store = &session->others[i].store;
		session->kept[i].role = i < undo ? RECORD_KEPT : RECORD_UNDO;
		session->kept[i].give_up = i >= given_up && i < undo;
		if (i < given_up)
			result = open_kept_store(session, i, session->keep.items[i], why);
		else if (i < undo)
			result = open_kept_store(session, i, session->give_up.items[i - given_up],
						 why);
		else
			result = open_undo(session, i, why);
		take_length(session, i);
	}
	return result;
}

/* "No store" is a refusal, as of a kept store. */
enum result cmd_merge_refuse_unseen(enum result result, struct failure *why)
{
	return fail_more(
		why, result == RESULT_NO_STORE ? RESULT_REFUSED : result,
		"look at the path, or add --force to give it up as it is, out of reach: it cannot be marked invalid then");
}

enum result cmd_merge_give_up_unseen(struct merge_session *session, const char *name,
				     struct failure *why)
{
	cli_message(session->cli,
		    session->choice->dry_run
			    ? "%s: would be given up as it is; it could not be marked invalid"
			    : "%s: is given up as it is; it could not be marked invalid",
		    name);
	return cmd_merge_is_sibling(session, name)
		       ? cli_list_add(&session->beyond, strdup(name), why)
		       : RESULT_OK;
}

/* The undo store's file may not be open: it is made anew where nothing was written to it. What has
 * neither a record nor a header may be anything. */
static enum result open_dropped_store(struct merge_session *session, size_t i, const char *name,
				      struct failure *why)
{
	enum result result = open_other(session, i, name, why);
	const struct store *store = &session->others[i].store;

	if (result == RESULT_OK && store->record_presence != RECORD_PRESENT)
		result = store_require_header(store, why);
	if (result == RESULT_OK && session->choice->undo)
		result = device_refuse_same(&session->others[i].device, session->choice->undo,
					    "with --undo and with --drop-kept", why);
	return result;
}

/* Opens it; *unseen: that failed as it is out of reach. */
static enum result reach_dropped(struct merge_session *session, const char *name, bool *unseen,
				 struct failure *why)
{
	size_t place = session->kept_count + session->dropped_count;
	struct volume *volume;
	struct failure ignored;
	enum result result = RESULT_OK;

	if (volumes_is_name(name))
		result = volumes_find(session->cli->volumes, name, &volume, why);
	*unseen = result != RESULT_NO_MEMORY;
	if (result != RESULT_OK)
		return result;
	result = open_dropped_store(session, place, name, why);
	*unseen = result == RESULT_IO || result == RESULT_NOT_THERE || result == RESULT_NO_STORE ||
		  result == RESULT_DAMAGED || path_is_other_kind(name);
	if (result == RESULT_OK)
		session->dropped[session->dropped_count++] = &session->others[place].store;
	else
		device_close(&session->others[place].device, &ignored);
	return result;
}

/* With --force, what is out of reach can be dropped, too. */
static enum result open_dropped(struct merge_session *session, struct failure *why)
{
	for (size_t i = 0; i < session->drop.count; i++) {
		const char *name = session->drop.items[i];
		bool unseen;
		enum result result = reach_dropped(session, name, &unseen, why);

		if (result == RESULT_OK)
			continue;
		if (!unseen)
			return result;
		if (!session->choice->force)
			return cmd_merge_refuse_unseen(result, why);
		result = cmd_merge_give_up_unseen(session, name, why);
		if (result != RESULT_OK)
			return result;
		if (!cmd_merge_is_sibling(session, name) ||
		    records_may_name(&session->pair.store.record, name))
			session->unseen[session->merge.unseen_count++] = name;
	}
	return RESULT_OK;
}

static enum result open_others(struct merge_session *session, struct failure *why)
{
	enum result result = cmd_merge_list_names(session, why);
	size_t count = session->keep.count + session->give_up.count + session->drop.count + 2;

	if (result != RESULT_OK)
		return result;
	session->others = calloc(count, sizeof(*session->others));
	session->kept = calloc(count, sizeof(*session->kept));
	session->dropped = calloc(count, sizeof(struct store *));
	session->unseen = calloc(count, sizeof(*session->unseen));
	if (!session->others || !session->kept || !session->dropped || !session->unseen)
		return fail_memory(why, "the kept stores", count * sizeof(*session->others));
	result = open_kept(session, why);
	if (result == RESULT_OK)
		result = open_dropped(session, why);
	session->merge.kept = session->kept;
	session->merge.kept_count = session->kept_count;
	session->merge.dropped = session->dropped;
	session->merge.dropped_count = session->dropped_count;
	session->merge.unseen = session->unseen;
	return result;
}

/* For --pending: does STORE hold the record of a merge, or was LVM told to merge it? Whoever uses the
 * two does not matter. */
static enum result look(const struct merge_session *session, bool *begun, struct failure *why)
{
	const struct pair_options opening = {
		.mode = DEVICE_LOOK, .silent = true, .engine = IO_ENGINE_SYNC};
	char *const *names = session->cli->arguments;
	struct pair pair;
	enum result result = pair_open(&pair, session->cli, &opening, names[0], names[1], why);

	if (result == RESULT_OK)
		result = store_require_header(&pair.store, why);
	if (result == RESULT_OK && pair.store.record_presence == RECORD_CORRUPT)
		result = fail(
			why, RESULT_REFUSED,
			"%s: its merge record is damaged: whether a merge of it is unfinished cannot be told; --resume instead of --pending merges it",
			names[1]);
	*begun = result == RESULT_OK && (pair.store.record_presence != RECORD_ABSENT ||
					 (pair.snapshot && pair.snapshot->merging));
	pair_close(&pair);
	volumes_end(session->cli->volumes);
	return result;
}

static enum result open_pair(struct merge_session *session, struct failure *why)
{
	const struct pair_options opening = opening_of(session->choice);
	char **names = session->cli->arguments;
	enum result result = cli_resolve(session->cli, &names[1], why);

	if (result == RESULT_OK)
		result = pair_find_origin(session->cli, opening.mode, why);
	if (result == RESULT_OK)
		result = cli_resolve(session->cli, &names[0], why);
	if (result == RESULT_OK)
		result = pair_open(&session->pair, session->cli, &opening, names[0], names[1], why);
	session->options.origin_is_told = session->pair.snapshot != NULL;
	if (result == RESULT_IO &&
	    (is_read_only(session, names[0]) || is_read_only(session, names[1])))
		return name_export(session, result, why);
	return result == RESULT_OK ? cmd_merge_check_volumes(session, why) : result;
}

static enum result release(struct merge_session *session, enum result result, struct failure *why)
{
	result = pair_release(&session->pair, result, why);
	for (size_t i = 0; i < session->kept_count + session->dropped_count; i++)
		result = pair_release_device(&session->others[i].device, result, why);
	return result;
}

static void close_all(struct merge_session *session)
{
	struct failure ignored; /* what was written is closed already */

	pair_close(&session->pair);
	for (size_t i = 0; i < session->kept_count + session->dropped_count; i++)
		device_close(&session->others[i].device, &ignored);
	for (size_t i = 0; i < session->kept_count; i++)
		kept_free(&session->kept[i]);
	left_out_free(&session->merge.left_out);
	cli_list_free(&session->keep);
	cli_list_free(&session->give_up);
	cli_list_free(&session->drop);
	cli_list_free(&session->beyond);
	free(session->others);
	free(session->kept);
	free(session->dropped);
	free(session->unseen);
}

/* ---- the merge ---- */

/* A dry run notes where this process may not. The other stores are seen to as they are opened. */
static enum result check_all_right(const struct merge_session *session, struct failure *why)
{
	const struct merge *merge = &session->merge;
	bool writes = merge_has_work(merge) || merge->check.tail_is_dirty;
	enum result result = RESULT_OK;

	/* An image file the merge opens for writing even so. */
	if (writes || !device_is_block(&session->pair.origin))
		result = check_right(session, &session->pair.origin, why);
	if (result == RESULT_OK && (writes || !device_is_block(&session->pair.device)))
		result = check_right(session, &session->pair.device, why);
	return result;
}

static uint64_t smallest_chunk(const struct merge_session *session)
{
	uint64_t smallest = session->pair.store.geometry.chunk_bytes;

	for (size_t i = 0; i < session->kept_count; i++)
		if (!session->kept[i].given_up)
			smallest = min_u64(smallest, session->kept[i].store->geometry.chunk_bytes);
	return smallest;
}

static void note_all_buffered(const struct merge_session *session)
{
	if (session->merge.exceptions_before == 0)
		return;
	note_buffered(session->cli, &session->pair.origin, smallest_chunk(session));
	note_buffered(session->cli, &session->pair.device,
		      session->pair.store.geometry.chunk_bytes);
	for (size_t i = 0; i < session->kept_count; i++)
		note_buffered(session->cli, &session->others[i].device,
			      session->kept[i].store->geometry.chunk_bytes);
}

/* --pending goes on with what was begun, and with nothing else. */
static bool is_to_do(const struct merge_session *session)
{
	return !session->choice->pending || session->merge.record_is_current ||
	       (session->pair.snapshot && session->pair.snapshot->merging);
}

static void note_all_room(const struct merge_session *session)
{
	const struct merge *merge = &session->merge;

	if (merge->exceptions_before == 0)
		return;
	note_room(session->cli, &session->pair.origin, merge->bytes_total);
	for (size_t i = 0; i < session->kept_count; i++)
		if (!session->kept[i].is_new && !session->kept[i].given_up)
			note_room(session->cli, &session->others[i].device,
				  kept_growth_bytes(&session->kept[i], session->kept[i].needed));
}

/* The undo store that this merge is to make; NULL: none. */
static struct kept *new_undo(const struct merge_session *session)
{
	struct kept *last =
		session->kept_count > 0 ? &session->kept[session->kept_count - 1] : NULL;

	return last && last->is_new ? last : NULL;
}

static enum result check_undo(const struct merge_session *session, struct failure *why)
{
	const struct kept *kept = new_undo(session);
	enum result result = RESULT_OK;

	if (kept)
		result = undo_check(&session->undo, kept, session->choice->force, why);
	if (kept && result == RESULT_OK)
		note_memory(session->cli, session->undo.name);
	return result;
}

static void note_kept_later(const struct merge_session *session)
{
	for (size_t i = 0; i < session->kept_count; i++)
		if (!session->kept[i].is_new && !session->kept[i].given_up)
			cmd_lost_note_later(session->cli, &session->kept[i].check);
}

static enum result prepare(struct merge_session *session, struct failure *why)
{
	struct merge *merge = &session->merge;
	enum result result = merge_prepare(merge, why);

	if (result == RESULT_OK)
		cmd_lost_note_later(session->cli, &merge->check);
	if (result == RESULT_OK && is_to_do(session))
		result = check_all_right(session, why);
	if (result != RESULT_OK || !merge_has_work(merge) || !is_to_do(session))
		return result;
	note_rest(session->cli, &session->pair.origin);
	result = open_others(session, why);
	if (result == RESULT_OK)
		result = merge_prepare_kept(merge, why);
	if (result == RESULT_NO_SPACE)
		cmd_merge_say_enlarge(session, why);
	if (result == RESULT_OK)
		note_kept_later(session);
	return result == RESULT_OK ? check_undo(session, why) : result;
}

static enum result run(struct merge_session *session, struct failure *why)
{
	struct merge *merge = &session->merge;
	enum result result = prepare(session, why);
	struct kept *undo;

	if (result != RESULT_OK)
		return result;
	if (!is_to_do(session)) {
		cmd_merge_print_not_begun(session);
		return RESULT_OK;
	}
	if (cli_stop_requested)
		return fail(why, RESULT_STOPPED, "stopped on request; nothing was written");
	note_all_room(session);
	if (session->choice->dry_run)
		return cmd_merge_print_plan(session, why);
	cmd_merge_note_lvm(session);
	undo = new_undo(session);
	if (undo)
		result = undo_make(&session->undo, undo, why);
	if (result != RESULT_OK)
		return result;
	note_all_buffered(session);
	progress_begin(&session->progress, session->cli, session->pair.device.name);
	progress_show(&session->progress, &session->choice->progress, 0);
	result = merge_run(merge, why);
	cmd_merge_say_how_to_go_on(session, result, why);
	if (result != RESULT_OK && undo)
		undo_forget(undo);
	result = release(session, result, why);
	progress_end(&session->progress, merge->bytes_copied, merge->bytes_total);
	cmd_merge_print_outcome(session, result);
	return result;
}

enum result cmd_merge_one(struct cli *cli, const struct merge_choice *choice, struct failure *why)
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
		.store = &session.pair.store,
		.origin = &session.pair.origin,
		.io = &session.pair.io,
	};
	progress_begin(&session.progress, cli, "");
	if (choice->pending)
		result = look(&session, &begun, why);
	if (result == RESULT_OK && !begun)
		cmd_merge_print_not_begun(&session);
	if (result == RESULT_OK && begun)
		result = open_pair(&session, why);
	if (result == RESULT_OK && begun)
		result = run(&session, why);
	close_all(&session);
	return result;
}

/* ---- the command line ---- */

static bool is_volume(const char *name)
{
	return name && volumes_is_name(name);
}

static enum result check_choice(const struct merge_choice *choice, const char *origin,
				const char *store, struct failure *why)
{
	if (choice->window_bytes == 0 || choice->window_bytes > MERGE_WINDOW_BYTES_MAX)
		return fail(why, RESULT_USAGE, "--window: must be at least 1 byte and at most 1G");
	if (choice->resume && choice->pending)
		return fail(why, RESULT_USAGE,
			    "--pending is --resume of what was begun only; leave one of them out");
	if (!store && !choice->pending)
		return fail(why, RESULT_USAGE, "STORE is missing; only --pending goes without");
	if (choice->drop.count > 0 && !choice->resume && !choice->pending && !is_volume(origin) &&
	    !is_volume(store))
		return fail(
			why, RESULT_USAGE,
			"--drop-kept: only an unfinished merge keeps anything: use it with --resume");
	return RESULT_OK;
}

/* In bytes, with what the page cache would give back; without /proc, less that. */
static uint64_t available_memory(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	uint64_t kib = 0;
	char line[128];

	while (file && kib == 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) != 1)
			kib = 0;
	if (file)
		fclose(file);
	return kib > 0 ? kib * 1024
		       : (uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

enum result cmd_merge(struct cli *cli, int argc, const char **argv, struct failure *why)
{
	struct merge_choice choice = {.window_bytes = merge_usual_window(available_memory()),
				      .progress = PROGRESS_WORD,
				      .engine = {.words = cli_engine_words}};
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
		 "give up a store that is or would be kept: mark it invalid (repeatable)",
		 "STORE2"},
		{"dry-run", CLI_FLAG, &choice.dry_run,
		 "check everything, show the plan, write nothing", NULL},
		{"accept-origin", CLI_FLAG, &choice.accept_origin,
		 "merge although ORIGIN looks like another device", NULL},
		{"force", CLI_FLAG, &choice.force,
		 "the same, also where it was changed since, or a chunk has two exceptions", NULL},
		{"skip-lost", CLI_FLAG, &choice.skip_lost,
		 "leave out exceptions that are lost, and list what they were for", NULL},
		{"window", CLI_SIZE, &choice.window_bytes,
		 "data between two commits (default 32M, or less)", "SIZE"},
		{"io", CLI_WORD, &choice.engine, "auto (default), uring, threads or sync",
		 "ENGINE"},
		{"progress", CLI_WORD, &choice.progress, PROGRESS_HELP, "HOW"},
		{"timeout", CLI_SECONDS, &choice.timeout,
		 "stop after this time, as on request: --resume goes on", "SECONDS"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	enum result result = cli_parse(cli, options, (struct cli_count){0, 2}, argc, argv, why);

	if (result == RESULT_OK && !cli->finished)
		result = check_choice(&choice, cli->arguments[0], cli->arguments[1], why);
	cli_stop_after(choice.timeout);
	if (result == RESULT_OK && !cli->finished)
		result = cli->arguments[1] ? cmd_merge_one(cli, &choice, why)
					   : cmd_merge_pending(cli, &choice, why);
	cli_list_free(&choice.keep);
	cli_list_free(&choice.drop);
	free(choice.undo);
	return result;
}
