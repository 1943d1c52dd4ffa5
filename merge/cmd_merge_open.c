// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool merge: the devices and files that it opens, makes and closes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "merge/cmd_merge.h"
#include "store/cli/notes.h"
#include "store/base/path.h"
#include "store/base/text.h"

static enum device_mode mode_of(const struct merge_session *session)
{
	if (session->choice->dry_run)
		return DEVICE_HOLD;
	return session->choice->force ? DEVICE_OWN_UNSEEN : DEVICE_OWN;
}

enum result merge_session_release(struct merge_session *session, enum result result,
				  struct failure *why)
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

void merge_session_close(struct merge_session *session)
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
	gaps_free(&session->gaps);
	free(session->others);
	free(session->kept);
	free(session->dropped);
	free(session->unseen);
}

struct kept *merge_session_new_undo(const struct merge_session *session)
{
	struct kept *last =
		session->kept_count > 0 ? &session->kept[session->kept_count - 1] : NULL;

	return last && last->is_new ? last : NULL;
}

static enum result refuse_existing_undo(const char *name, struct failure *why)
{
	return fail(
		why, RESULT_REFUSED,
		"%s: exists already, and is not the undo store of this merge; remove it, or name a file that does not exist",
		name);
}

enum result merge_session_check_undo(const struct merge_session *session, struct failure *why)
{
	const struct merge_other *other = &session->others[session->kept_count - 1];
	const char *name = session->choice->undo;
	uint64_t bytes = kept_new_bytes(merge_session_new_undo(session));
	uint64_t free_bytes = 0;
	int error;

	if (other->left_behind && other->left_bytes != 0 && other->left_bytes != bytes)
		return refuse_existing_undo(name, why);
	if (path_is_in_memory(name) && !session->choice->force)
		return fail(
			why, RESULT_REFUSED,
			"%s: would be a file in memory: a reboot or a power cut loses it, and with it the way back, and the way on of a merge that is unfinished then; name a file on a disk, or use --force",
			name);
	note_memory(session->cli, name);
	error = path_look_beside(name, &free_bytes);
	if (error)
		return fail_errno(why, result_of_open(error), error, "%s: cannot make this file",
				  name);
	if (bytes < free_bytes)
		return RESULT_OK;
	return fail(why, RESULT_NO_SPACE,
		    "%s: there is no space for it: it may grow to %llu bytes, and %llu are free",
		    name, (unsigned long long)bytes, (unsigned long long)free_bytes);
}

enum result merge_session_make_undo(struct merge_session *session, struct failure *why)
{
	struct merge_other *other = &session->others[session->kept_count - 1];
	const struct kept *kept = merge_session_new_undo(session);
	const char *name = session->choice->undo;
	uint64_t bytes = 0;

	/* Somebody may have written to it meanwhile. */
	if (other->left_behind && (!path_is_hole(name, &bytes) || bytes != other->left_bytes))
		return refuse_existing_undo(name, why);
	if (other->left_behind && unlink(name) != 0)
		return fail_errno(why, RESULT_IO, errno, "%s: cannot remove this empty file", name);
	free(other->device.name);
	return device_create(&other->device, name, kept_new_bytes(kept), why);
}

void merge_session_forget_undo(struct merge_session *session)
{
	if (merge_session_new_undo(session) && session->others[session->kept_count - 1].device.open)
		device_unlink(&session->others[session->kept_count - 1].device);
}

/* What can only be read can be exported all the same. */
static enum result name_export(const struct merge_session *session, enum result result,
			       struct failure *why)
{
	char *const *names = session->cli->arguments;
	struct suggestion command;
	struct failure before = *why;

	return fail(why, result, "%s; or %s writes what the snapshot shows to an image",
		    before.text, suggest(&command, "cowtool export %s %s OUT", names[0], names[1]));
}

static enum result check_right(const struct merge_session *session, const struct device *device,
			       struct failure *why)
{
	enum result result = note_right(session->cli, device, "merge", why);

	return result == RESULT_OK ? result : name_export(session, result, why);
}

static enum result open_device(const struct merge_session *session, struct device *device,
			       const char *name, struct failure *why)
{
	enum result result = device_open(device, name, mode_of(session), why);

	if (result == RESULT_IO && !session->choice->dry_run && path_is_read_only(name))
		return name_export(session, result, why);
	return result;
}

enum result merge_session_check_right(const struct merge_session *session, struct failure *why)
{
	const struct merge *merge = &session->merge;
	bool writes = merge_has_work(merge) || merge->check.tail_is_dirty;
	enum result result = RESULT_OK;

	/* An image file the merge opens for writing even so. */
	if (writes || !device_is_block(&session->origin))
		result = check_right(session, &session->origin, why);
	if (result == RESULT_OK && (writes || !device_is_block(&session->device)))
		result = check_right(session, &session->device, why);
	return result;
}

static enum result open_origin(struct merge_session *session, struct failure *why)
{
	enum result result = cli_resolve(session->cli, &session->cli->arguments[0], why);

	return result == RESULT_OK
		       ? open_device(session, &session->origin, session->cli->arguments[0], why)
		       : result;
}

/* Is `name` one of the devices that are open already? */
static enum result refuse_same(const struct merge_session *session, const char *name, size_t opened,
			       struct failure *why)
{
	enum result result =
		device_refuse_same(&session->origin, name, "as ORIGIN and as a store", why);

	if (result == RESULT_OK)
		result = device_refuse_same(&session->device, name, "as STORE and once more", why);
	for (size_t i = 0; i < opened && result == RESULT_OK; i++)
		if (session->others[i].device.open)
			result = device_refuse_same(&session->others[i].device, name, "twice", why);
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
		result = store_open(&other->store, &other->device, &session->io, why);
	return result;
}

/* Of the stores that are kept, "no store" is a refusal: a script goes on after RESULT_NO_STORE. */
static enum result open_kept_store(struct merge_session *session, size_t i, const char *name,
				   struct failure *why)
{
	enum result result = open_other(session, i, name, why);

	return result == RESULT_NO_STORE ? RESULT_REFUSED : result;
}

/* It will be taken away: it must be nothing that the merge is given, and nobody may use it. */
static enum result check_left_behind(const struct merge_session *session, size_t i,
				     const char *name, struct failure *why)
{
	struct device device = {0};
	struct failure ignored; /* nothing was written there */
	enum result result = refuse_same(session, name, i, why);

	if (result == RESULT_OK)
		result = device_open(&device, name, DEVICE_HOLD, why);
	device_close(&device, &ignored);
	return result;
}

/* The undo store is there already if this merge is being resumed. */
static enum result open_undo(struct merge_session *session, size_t i, struct failure *why)
{
	const char *name = session->choice->undo;
	struct merge_other *other = &session->others[i];
	struct stat status;
	bool exists = lstat(name, &status) == 0;
	enum result result = path_refuse_dangling(name, why);

	if (result != RESULT_OK)
		return result;
	if (exists && !session->options.resume)
		return fail(
			why, RESULT_REFUSED,
			"%s: exists already; name a file that does not exist, or, if it is the undo store of this merge, go on with --resume",
			name);
	/* What a power cut leaves of an undo store before it has a header. */
	other->left_behind = exists && path_is_hole(name, &other->left_bytes);
	if (exists && !other->left_behind)
		return open_kept_store(session, i, name, why);
	if (exists)
		result = check_left_behind(session, i, name, why);
	if (result != RESULT_OK)
		return result;
	session->kept[i].is_new = true;
	other->store.io = &session->io;
	other->store.device = &other->device;
	other->device.name = strdup(name);
	return other->device.name ? RESULT_OK : fail_memory(why, "a name", strlen(name));
}

static enum result open_kept(struct merge_session *session, struct failure *why)
{
	const struct merge_choice *choice = session->choice;
	size_t undo = choice->undo ? 1 : 0;
	enum result result = RESULT_OK;

	for (size_t i = 0; i < choice->keep.count && result == RESULT_OK; i++)
		result = cli_resolve(session->cli, &choice->keep.items[i], why);
	for (size_t i = 0; i < choice->keep.count + undo && result == RESULT_OK; i++) {
		session->kept_count = i + 1;
		session->kept[i].store = &session->others[i].store;
		session->kept[i].role = i < choice->keep.count ? RECORD_KEPT : RECORD_UNDO;
		if (i < choice->keep.count)
			result = open_kept_store(session, i, choice->keep.items[i], why);
		else
			result = open_undo(session, i, why);
	}
	return result;
}

/* "No store" is a refusal, as of a kept store. */
static enum result refuse_unseen(enum result result, struct failure *why)
{
	struct failure before = *why;

	return fail(
		why, result == RESULT_NO_STORE ? RESULT_REFUSED : result,
		"%s; look at the path, or add --force to give it up as it is, out of reach: it cannot be marked invalid then",
		before.text);
}

/* The undo store's file may not be open: it is made anew where nothing was written to it. */
static enum result open_dropped_store(struct merge_session *session, size_t i, const char *name,
				      struct failure *why)
{
	enum result result = open_other(session, i, name, why);

	if (result == RESULT_OK && session->choice->undo)
		result = device_refuse_same(&session->others[i].device, session->choice->undo,
					    "with --undo and with --drop-kept", why);
	return result;
}

/* With --force, what is out of reach can be dropped, too. */
static enum result open_dropped(struct merge_session *session, struct failure *why)
{
	const struct merge_choice *choice = session->choice;

	for (size_t i = 0; i < choice->drop.count; i++) {
		size_t place = session->kept_count + session->dropped_count;
		const char *name = choice->drop.items[i];
		enum result result = open_dropped_store(session, place, name, why);
		bool unseen = result == RESULT_IO || result == RESULT_NOT_THERE ||
			      result == RESULT_NO_STORE || path_is_other_kind(name);
		struct failure ignored;

		if (result != RESULT_OK)
			device_close(&session->others[place].device, &ignored);
		if (result != RESULT_OK && !unseen)
			return result;
		if (unseen && !choice->force)
			return refuse_unseen(result, why);
		if (result != RESULT_OK) {
			cli_message(
				session->cli,
				choice->dry_run
					? "%s: would be given up as it is; it could not be marked invalid"
					: "%s: is given up as it is; it could not be marked invalid",
				name);
			session->unseen[session->merge.unseen_count++] = name;
			continue;
		}
		session->dropped[session->dropped_count++] = &session->others[place].store;
	}
	return RESULT_OK;
}

enum result merge_session_open_others(struct merge_session *session, struct failure *why)
{
	const struct merge_choice *choice = session->choice;
	size_t count = choice->keep.count + (choice->undo ? 1 : 0) + choice->drop.count + 1;
	enum result result;

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

static enum result look_at_store(const char *name, bool *begun, struct failure *why)
{
	struct failure ignored;
	struct device device;
	struct io io;
	struct store store;
	enum result result = device_open(&device, name, DEVICE_LOOK, why);

	if (result != RESULT_OK)
		return result;
	io_sync_open(&io);
	result = store_open(&store, &device, &io, why);
	if (result == RESULT_OK)
		result = store_require_header(&store, why);
	if (result == RESULT_OK && store.record_presence == RECORD_CORRUPT)
		result = fail(
			why, RESULT_REFUSED,
			"%s: its merge record is damaged: whether a merge of it is unfinished cannot be told; --resume instead of --pending merges it",
			name);
	*begun = result == RESULT_OK && store.record_presence != RECORD_ABSENT;
	io_close(&io);
	device_close(&device, &ignored); /* it was only looked at */
	return result;
}

enum result merge_session_look(const struct merge_session *session, bool *begun,
			       struct failure *why)
{
	struct device origin;
	struct failure ignored;
	enum result result = device_open(&origin, session->cli->arguments[0], DEVICE_LOOK, why);

	if (result != RESULT_OK)
		return result;
	device_close(&origin, &ignored);
	return look_at_store(session->cli->arguments[1], begun, why);
}

enum result merge_session_open(struct merge_session *session, struct failure *why)
{
	char *const *names = session->cli->arguments;
	enum result result = open_origin(session, why);

	if (result == RESULT_OK)
		result = cli_resolve(session->cli, &session->cli->arguments[1], why);
	if (result == RESULT_OK)
		result = device_refuse_same(&session->origin, names[1], "as ORIGIN and as STORE",
					    why);
	if (result == RESULT_OK)
		result = open_device(session, &session->device, names[1], why);
	if (result == RESULT_OK)
		result = io_engine_open(&session->io, session->choice->engine, why);
	session->io.stop = &cli_stop_requested;
	if (result == RESULT_OK)
		result = store_open(&session->store, &session->device, &session->io, why);
	if (session->choice->skip_lost)
		session->store.gaps = &session->gaps;
	return result;
}
