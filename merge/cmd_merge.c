// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool merge: a store goes back into its origin. */
#include "merge/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "merge/merge.h"
#include "store/io_engines.h"
#include "store/json.h"
#include "store/progress.h"

/* For people: so many ranges that are lost are listed. */
#define LISTED_MAX 20

/* The command line. */
struct choice {
	bool resume, force, dry_run, invalidate_full, skip_lost;
	struct cli_list keep, drop;
	char *undo;
	uint64_t window_bytes;
	char *progress_name, *engine_name;
	enum progress_mode progress;
	enum io_engine_choice engine;
};

/* A store beside the one that is merged. */
struct other {
	struct device device;
	struct store store;
	bool left_behind;    /* an undo store's file that a power cut may have left empty */
	uint64_t left_bytes; /* its size */
};

/* Everything that is open. */
struct session {
	struct cli *cli;
	const struct choice *choice;
	struct device origin, device;
	struct io io;
	struct store store;
	/* kept ones, the undo store last; then dropped ones */
	struct other *others;
	size_t kept_count, dropped_count;
	struct kept *kept;
	struct store **dropped;
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

	cli_note(session->cli, "%s", text);
}

static const char *role_name(const struct kept *kept)
{
	return kept->role == RECORD_UNDO ? "undo" : "kept";
}

static void print_json_kept(struct json *json, const struct session *session)
{
	json_open_array(json, "kept");
	for (size_t i = 0; i < session->kept_count; i++) {
		const struct kept *kept = &session->kept[i];

		json_open_object(json, NULL);
		json_string(json, "store", session->others[i].device.name);
		json_string(json, "role", role_name(kept));
		json_number(json, "exceptions_added", kept->exceptions_added);
		json_number(json, "exceptions_needed", kept->needed);
		if (kept->room != UINT64_MAX)
			json_number(json, "exceptions_possible", kept->room);
		json_boolean(json, "given_up", kept->given_up);
		json_close_object(json);
	}
	json_close_array(json);
}

static void print_json_left_out(struct json *json, const struct left_out *left_out)
{
	json_number(json, "left_out", left_out->exceptions);
	json_open_array(json, "lost");
	for (size_t i = 0; i < left_out->count; i++) {
		json_open_object(json, NULL);
		json_number(json, "offset", left_out->ranges[i].offset);
		json_number(json, "bytes", left_out->ranges[i].bytes);
		json_close_object(json);
	}
	json_close_array(json);
	json_number(json, "lost_unlisted", left_out->unlisted);
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
	print_json_kept(json, session);
	if (session->choice->skip_lost)
		print_json_left_out(json, &merge->left_out);
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

static void print_kept_plan(const struct kept *kept, const char *name)
{
	char size[32];

	if (kept->is_new)
		printf("%-12s %s: %" PRIu64 " exceptions, a file of %s\n", "Undo:", name,
		       kept->needed, cli_format_size(kept_new_bytes(kept), size, sizeof(size)));
	else if (kept->given_up)
		printf("%-12s %s: to be marked invalid: %" PRIu64
		       " exceptions needed, room for %" PRIu64 "\n",
		       "Given up:", name, kept->needed, kept->room);
	else
		printf("%-12s %s: %" PRIu64 " exceptions to add, room for %" PRIu64 "\n",
		       kept->role == RECORD_UNDO ? "Undo:" : "Kept:", name, kept->needed,
		       kept->room);
}

static void print_left_out(const struct session *session)
{
	const struct left_out *left_out = &session->merge.left_out;
	uint64_t more = left_out->unlisted;

	if (session->choice->skip_lost && session->merge.check.found[PROBLEM_AREA_MISSING])
		printf("%s: what stood in areas outside the device is lost, and cannot be listed\n",
		       session->device.name);
	if (left_out->exceptions == 0)
		return;
	printf("%s: left out, as they are lost: %" PRIu64 " exceptions; %s keeps what it has in\n",
	       session->device.name, left_out->exceptions, session->origin.name);
	for (size_t i = 0; i < left_out->count; i++) {
		if (i == LISTED_MAX) {
			more += left_out->count - i;
			break;
		}
		printf("  bytes %" PRIu64 " to %" PRIu64 "\n", left_out->ranges[i].offset,
		       left_out->ranges[i].offset + left_out->ranges[i].bytes - 1);
	}
	if (more > 0)
		printf("  and %" PRIu64 " more ranges\n", more);
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
	print_left_out(session);
	for (size_t i = 0; i < session->kept_count; i++)
		print_kept_plan(&session->kept[i], session->others[i].device.name);
	for (size_t i = 0; i < session->dropped_count; i++)
		printf("%-12s %s: to be marked invalid\n",
		       "Given up:", session->dropped[i]->device->name);
}

static void print_outcome(struct session *session, enum result result)
{
	const struct merge *merge = &session->merge;
	char size[32];

	if (session->cli->json) {
		print_json(session, NULL, result != RESULT_OK);
		return;
	}
	/* What is lost is a result, and no closing line. */
	print_left_out(session);
	if (result != RESULT_OK || session->cli->quiet)
		return;
	if (merge->exceptions_before == 0)
		printf("%s: nothing is left to merge\n", session->device.name);
	else
		printf("%s: merged %" PRIu64 " exceptions (%s) into %s\n", session->device.name,
		       merge->exceptions_before - merge->left_out.exceptions,
		       cli_format_size(merge->bytes_written, size, sizeof(size)),
		       session->origin.name);
	for (size_t i = 0; i < session->kept_count; i++)
		if (!session->kept[i].given_up && !session->kept[i].is_new)
			printf("%s: %s, %" PRIu64 " exceptions added\n",
			       session->others[i].device.name,
			       session->kept[i].role == RECORD_UNDO ? "holds what the origin was"
								    : "kept as it was",
			       session->kept[i].exceptions_added);
}

static void note_buffered(const struct session *session, const struct device *device)
{
	if (!device->direct)
		cli_note(session->cli,
			 "%s: note: O_DIRECT cannot be used here; the page cache is in between",
			 device->name);
}

static void note_all_buffered(const struct session *session)
{
	if (session->merge.exceptions_before == 0)
		return;
	note_buffered(session, &session->origin);
	note_buffered(session, &session->device);
	for (size_t i = 0; i < session->kept_count; i++)
		note_buffered(session, &session->others[i].device);
}

/* A close that fails may be a write that was lost: it counts before the outcome is printed. */
static enum result release(struct session *session, enum result result, struct failure *why)
{
	struct failure closing = {.text = ""};

	for (size_t i = 0; i < 2 + session->kept_count + session->dropped_count; i++) {
		struct device *device = i == 0	 ? &session->origin
					: i == 1 ? &session->device
						 : &session->others[i - 2].device;

		if (device_release(device, &closing) == RESULT_OK || result != RESULT_OK)
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
	for (size_t i = 0; i < session->kept_count + session->dropped_count; i++)
		device_close(&session->others[i].device, &ignored);
	for (size_t i = 0; i < session->kept_count; i++)
		kept_free(&session->kept[i]);
	left_out_free(&session->merge.left_out);
	free(session->others);
	free(session->kept);
	free(session->dropped);
}

static struct kept *new_undo(const struct session *session)
{
	struct kept *last =
		session->kept_count > 0 ? &session->kept[session->kept_count - 1] : NULL;

	return last && last->is_new ? last : NULL;
}

/* Can the undo store's file be made, and is there room for it? What others write there meanwhile,
 * nobody knows. */
static enum result check_undo(const struct session *session, struct failure *why)
{
	const struct other *other = &session->others[session->kept_count - 1];
	const char *name = session->choice->undo;
	uint64_t bytes = kept_new_bytes(new_undo(session));
	uint64_t free_bytes = 0;
	int error;

	if (other->left_behind && other->left_bytes != 0 && other->left_bytes != bytes)
		return fail(
			why, RESULT_REFUSED,
			"%s: exists already, and is not the undo store of this merge; remove it, "
			"or name a file that does not exist",
			name);
	error = device_look_beside(name, &free_bytes);
	if (error)
		return fail_errno(why, RESULT_REFUSED, error, "%s: cannot make this file", name);
	if (bytes < free_bytes)
		return RESULT_OK;
	return fail(why, RESULT_NO_SPACE,
		    "%s: there is no space for it: it may grow to %llu bytes, and %llu are free",
		    name, (unsigned long long)bytes, (unsigned long long)free_bytes);
}

/* The undo store's file, once it is known what it must hold. */
static enum result make_undo(struct session *session, struct failure *why)
{
	struct other *other = &session->others[session->kept_count - 1];
	const struct kept *kept = new_undo(session);
	const char *name = session->choice->undo;

	if (other->left_behind && unlink(name) != 0)
		return fail_errno(why, RESULT_IO, errno, "%s: cannot remove this empty file", name);
	free(other->device.name);
	return device_create(&other->device, name, kept_new_bytes(kept), why);
}

/* A merge that never began needs no undo store. */
static void forget_undo(struct session *session)
{
	if (new_undo(session) && session->others[session->kept_count - 1].device.fd >= 0)
		device_unlink(&session->others[session->kept_count - 1].device);
}

/* What is no device at all cannot be the right origin. */
static enum result open_origin(struct session *session, enum device_mode mode, struct failure *why)
{
	enum result result = device_open(&session->origin, session->cli->arguments[0], mode, why);

	return result == RESULT_NOT_THERE ? RESULT_REFUSED : result;
}

/* Is `name` one of the devices that are open already? */
static enum result refuse_same(const struct session *session, const char *name, size_t opened,
			       struct failure *why)
{
	bool same = false;
	enum result result = device_is(&session->origin, name, &same, why);

	if (result == RESULT_OK && same)
		return fail(why, RESULT_REFUSED, "%s: is given as ORIGIN and as a store", name);
	if (result == RESULT_OK)
		result = device_is(&session->device, name, &same, why);
	if (result == RESULT_OK && same)
		return fail(why, RESULT_REFUSED, "%s: is given as STORE and once more", name);
	for (size_t i = 0; i < opened && result == RESULT_OK; i++) {
		if (session->others[i].device.fd < 0)
			continue;
		result = device_is(&session->others[i].device, name, &same, why);
		if (result == RESULT_OK && same)
			return fail(why, RESULT_REFUSED, "%s: is given twice", name);
	}
	return result;
}

static enum result open_other(struct session *session, size_t i, const char *name,
			      enum device_mode mode, struct failure *why)
{
	struct other *other = &session->others[i];
	enum result result = refuse_same(session, name, i, why);

	if (result == RESULT_OK)
		result = device_open(&other->device, name, mode, why);
	if (result == RESULT_OK)
		result = store_open(&other->store, &other->device, &session->io, why);
	return result;
}

/* Of the stores that are kept, "not there" is a refusal: a script goes on after RESULT_NOT_THERE. */
static enum result open_kept_store(struct session *session, size_t i, const char *name,
				   enum device_mode mode, struct failure *why)
{
	enum result result = open_other(session, i, name, mode, why);

	return result == RESULT_NOT_THERE ? RESULT_REFUSED : result;
}

/* The undo store is there already if this merge is being resumed. */
static enum result open_undo(struct session *session, size_t i, enum device_mode mode,
			     struct failure *why)
{
	const char *name = session->choice->undo;
	struct other *other = &session->others[i];
	struct stat status;
	bool exists = lstat(name, &status) == 0;

	if (exists && !session->choice->resume)
		return fail(why, RESULT_REFUSED,
			    "%s: exists already; name a file that does not exist, or, if it is the "
			    "undo store of this merge, go on with --resume",
			    name);
	/* What a power cut leaves of an undo store before it has a header. */
	other->left_behind = exists && device_is_hole(name, &other->left_bytes);
	if (exists && !other->left_behind)
		return open_kept_store(session, i, name, mode, why);
	session->kept[i].is_new = true;
	other->store.io = &session->io;
	other->store.device = &other->device;
	other->device.name = strdup(name);
	return other->device.name ? RESULT_OK : fail_memory(why, "a name", strlen(name));
}

static enum result open_kept(struct session *session, enum device_mode mode, struct failure *why)
{
	const struct choice *choice = session->choice;
	size_t undo = choice->undo ? 1 : 0;
	enum result result = RESULT_OK;

	for (size_t i = 0; i < choice->keep.count + undo && result == RESULT_OK; i++) {
		session->kept_count = i + 1;
		session->kept[i].store = &session->others[i].store;
		session->kept[i].role = i < choice->keep.count ? RECORD_KEPT : RECORD_UNDO;
		if (i < choice->keep.count)
			result = open_kept_store(session, i, choice->keep.items[i], mode, why);
		else
			result = open_undo(session, i, mode, why);
	}
	return result;
}

/* With --force, what is out of reach can be dropped, too. */
static enum result open_dropped(struct session *session, enum device_mode mode, struct failure *why)
{
	const struct choice *choice = session->choice;

	for (size_t i = 0; i < choice->drop.count; i++) {
		size_t place = session->kept_count + session->dropped_count;
		const char *name = choice->drop.items[i];
		enum result result = open_other(session, place, name, mode, why);
		bool unseen = result == RESULT_IO || result == RESULT_NOT_THERE;
		struct failure ignored;

		if (result != RESULT_OK && !(unseen && choice->force))
			return result == RESULT_NOT_THERE ? RESULT_REFUSED : result;
		if (result != RESULT_OK) {
			cli_note(session->cli,
				 "%s: is given up as it is; it could not be marked invalid", name);
			device_close(&session->others[place].device, &ignored);
			session->others[place].device.fd = -1;
			session->merge.dropped_unseen++;
			continue;
		}
		session->dropped[session->dropped_count++] = &session->others[place].store;
	}
	return RESULT_OK;
}

static enum result open_others(struct session *session, enum device_mode mode, struct failure *why)
{
	const struct choice *choice = session->choice;
	size_t count = choice->keep.count + (choice->undo ? 1 : 0) + choice->drop.count + 1;
	enum result result;

	session->others = calloc(count, sizeof(*session->others));
	session->kept = calloc(count, sizeof(*session->kept));
	session->dropped = calloc(count, sizeof(struct store *));
	if (!session->others || !session->kept || !session->dropped)
		return fail_memory(why, "the kept stores", count * sizeof(*session->others));
	for (size_t i = 0; i < count; i++)
		session->others[i].device.fd = -1;
	result = open_kept(session, mode, why);
	if (result == RESULT_OK)
		result = open_dropped(session, mode, why);
	session->merge.kept = session->kept;
	session->merge.kept_count = session->kept_count;
	session->merge.dropped = session->dropped;
	session->merge.dropped_count = session->dropped_count;
	return result;
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

static enum result prepare(struct session *session, struct failure *why)
{
	enum device_mode mode = session->choice->dry_run ? DEVICE_HOLD : DEVICE_OWN;
	struct merge *merge = &session->merge;
	enum result result = merge_prepare(merge, why);

	if (result != RESULT_OK || !merge_has_work(merge))
		return result;
	result = open_others(session, mode, why);
	if (result == RESULT_OK)
		result = merge_prepare_kept(merge, why);
	if (result == RESULT_OK && new_undo(session))
		result = check_undo(session, why);
	return result;
}

static enum result run(struct session *session, struct failure *why)
{
	struct merge *merge = &session->merge;
	enum result result = prepare(session, why);

	if (result != RESULT_OK)
		return result;
	if (cli_stop_requested)
		return fail(why, RESULT_STOPPED, "stopped on request; nothing was written");
	if (session->choice->dry_run) {
		print_plan(session);
		return RESULT_OK;
	}
	if (new_undo(session))
		result = make_undo(session, why);
	if (result != RESULT_OK)
		return result;
	note_all_buffered(session);
	progress_begin(&session->progress, session->choice->progress, session->device.name);
	result = merge_run(merge, why);
	if (result != RESULT_OK)
		forget_undo(session);
	result = release(session, result, why);
	progress_end(&session->progress, merge->bytes_copied, merge->bytes_total);
	print_outcome(session, result);
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
		.invalidate_full = choice->invalidate_full,
		.skip_lost = choice->skip_lost,
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
	enum result result =
		progress_choose(choice->progress_name, cli->quiet, &choice->progress, why);

	if (result == RESULT_OK)
		result = cli_choose_engine(choice->engine_name, &choice->engine, why);
	if (result != RESULT_OK)
		return result;
	if (choice->window_bytes == 0 || choice->window_bytes > MERGE_WINDOW_BYTES_MAX)
		return fail(why, RESULT_USAGE, "--window: must be at least 1 byte and at most 1G");
	if (choice->drop.count > 0 && !choice->resume)
		return fail(why, RESULT_USAGE,
			    "--drop-kept: only an unfinished merge keeps anything: "
			    "use it with --resume");
	return RESULT_OK;
}

enum result cmd_merge(struct cli *cli, int argc, const char **argv, struct failure *why)
{
	struct choice choice = {.window_bytes = MERGE_WINDOW_BYTES_DEFAULT};
	const struct cli_option options[] = {
		{"resume", CLI_FLAG, &choice.resume, "go on with what is on disk, whoever began it",
		 NULL},
		{"keep", CLI_LIST, &choice.keep,
		 "another snapshot of ORIGIN, whose view must not change (repeatable)", "STORE2"},
		{"undo", CLI_STRING, &choice.undo,
		 "make a store of FILE that holds what ORIGIN was: merging it goes back", "FILE"},
		{"invalidate-full", CLI_FLAG, &choice.invalidate_full,
		 "mark a kept store invalid that is too small, instead of refusing", NULL},
		{"drop-kept", CLI_LIST, &choice.drop,
		 "with --resume: give up a kept store, marking it invalid (repeatable)", "STORE2"},
		{"dry-run", CLI_FLAG, &choice.dry_run,
		 "check everything, show the plan, write nothing", NULL},
		{"force", CLI_FLAG, &choice.force,
		 "merge although ORIGIN may be the wrong one, or a chunk has two exceptions", NULL},
		{"skip-lost", CLI_FLAG, &choice.skip_lost,
		 "leave out exceptions that are lost, and list what they stood for", NULL},
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
