// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool merge: what LVM knows of the snapshot, and what LVM must be told. */
#include "merge/cmd_merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "merge/records.h"
#include "store/base/bytes.h"
#include "store/volume/name.h"

#define LVM_NAME_BYTES (2 * GROUP_NAME_MAX + 2)

/* As LVM's own commands take it. */
static const char *lvm_name(const struct group *group, unsigned int volume,
			    char name[LVM_NAME_BYTES])
{
	snprintf(name, LVM_NAME_BYTES, "%s/%s", group->name, group->volumes[volume].name);
	return name;
}

/* ORIGIN, where it is a volume: LVM knows its snapshots, whatever STORE is. NULL: it is none. */
static const struct volume *origin_of(const struct merge_session *session)
{
	const struct volume *volume = volumes_of(session->cli->volumes, &session->pair.origin);

	return volume && volume->group ? volume : NULL;
}

/* Is it a snapshot of ORIGIN, and another one than STORE? */
static bool is_other(const struct merge_session *session, const struct group_snapshot *snapshot)
{
	return snapshot != session->pair.snapshot && snapshot->origin == origin_of(session)->index;
}

/* ---- may it be merged? ---- */

/* LVM merges one snapshot of an origin at a time. */
static enum result check_other_merge(const struct merge_session *session, struct failure *why)
{
	const struct pair *pair = &session->pair;
	const struct group *group = origin_of(session)->group;
	char name[LVM_NAME_BYTES];
	struct suggestion command;

	for (unsigned int i = 0; i < group->snapshot_count; i++) {
		const struct group_snapshot *other = &group->snapshots[i];

		if (!is_other(session, other) || !other->merging)
			continue;
		lvm_name(group, other->store, name);
		return fail(
			why, RESULT_REFUSED,
			"%s: LVM was told to merge another snapshot of its origin, %s; %s finishes that first",
			pair->device.name, name,
			suggest(&command, "cowtool merge --pending %s", name));
	}
	return RESULT_OK;
}

enum result cmd_merge_check_volumes(const struct merge_session *session, struct failure *why)
{
	const struct volume *origin = origin_of(session);
	char name[LVM_NAME_BYTES];
	struct suggestion command;

	if (!origin)
		return RESULT_OK;
	if (!origin->group->volumes[origin->index].writable)
		return fail(why, RESULT_REFUSED,
			    "%s: is read-only, for LVM; %s lets it be written to",
			    session->pair.origin.name,
			    suggest(&command, "lvchange -prw %s",
				    lvm_name(origin->group, origin->index, name)));
	return check_other_merge(session, why);
}

/* ---- the other snapshots ---- */

/* The index in the origin's group of the volume that has this name; -1: it has none there. */
static int index_of(const struct merge_session *session, const char *name)
{
	const struct group *group = origin_of(session)->group;
	struct volume_name parsed;
	char id[PV_ID_BYTES];

	if (!volumes_is_name(name) || !volume_name_read(name, &parsed) ||
	    (strcmp(parsed.group, group->name) != 0 &&
	     (!pv_id_read(parsed.group, id) || strcmp(id, group->id) != 0)))
		return -1;
	return group_find_volume(group, parsed.volume);
}

static bool is_listed(const struct merge_session *session, const struct cli_list *list,
		      unsigned int index)
{
	for (size_t i = 0; i < list->count; i++)
		if (index_of(session, list->items[i]) == (int)index)
			return true;
	return false;
}

/* Reads header and record of it; its device is closed again. */
static enum result look_at(const struct merge_session *session, const char *name,
			   struct store *store, struct failure *why)
{
	struct failure ignored;
	struct device device;
	enum result result = volumes_open(session->cli->volumes, &device, name, DEVICE_LOOK, why);
	struct io io;

	if (result != RESULT_OK)
		return result;
	io_engine_open_sync(&io);
	result = store_open(store, &device, &io, why);
	if (result == RESULT_OK)
		result = store_require_header(store, why);
	io_close(&io);
	device_close(&device, &ignored);
	return result;
}

/* Did the unfinished merge keep it? */
static bool may_be_kept(const struct merge *merge, const struct store *store, const char *name)
{
	return merge->record_is_current && (store->record_presence != RECORD_ABSENT ||
					    records_may_name(&merge->store->record, name));
}

/* Of one that the kernel gave up nothing is left to keep; where an unfinished merge kept it, it has
 * to be dropped. What cannot be opened will be told as it is kept. */
static enum result add_sibling(struct merge_session *session, unsigned int index,
			       struct failure *why)
{
	const char *volume = origin_of(session)->group->volumes[index].name;
	char *name = volumes_sibling(session->cli->arguments[0], volume);
	struct cli_list *list = &session->keep;
	struct failure ignored;
	struct store store;

	if (!name)
		return fail_memory(why, "a name", strlen(volume));
	if (is_listed(session, &session->keep, index) ||
	    is_listed(session, &session->choice->drop, index)) {
		free(name);
		return RESULT_OK;
	}
	if (look_at(session, name, &store, &ignored) == RESULT_OK && !store.header.valid) {
		cli_note(
			session->cli,
			"%s: note: is marked invalid: the kernel gave this snapshot up, there is nothing to keep",
			name);
		list = may_be_kept(&session->merge, &store, name) ? &session->drop : NULL;
	}
	if (list)
		return cli_list_add(list, name, why);
	free(name);
	return RESULT_OK;
}

static enum result add_all(struct cli_list *to, const struct cli_list *from, struct failure *why)
{
	enum result result = RESULT_OK;

	for (size_t i = 0; i < from->count && result == RESULT_OK; i++)
		result = cli_list_add(to, strdup(from->items[i]), why);
	return result;
}

bool cmd_merge_is_sibling(const struct merge_session *session, const char *name)
{
	const struct volume *origin = origin_of(session);
	int index = origin ? index_of(session, name) : -1;
	const struct group_volume *volume = index >= 0 ? &origin->group->volumes[index] : NULL;

	return volume && volume->snapshot != GROUP_NO_SNAPSHOT &&
	       is_other(session, &origin->group->snapshots[volume->snapshot]);
}

/* Another origin's snapshot would lose all it has, for nothing. */
static enum result check_given_up(const struct merge_session *session, const char *name,
				  struct failure *why)
{
	if (cmd_merge_is_sibling(session, name))
		return RESULT_OK;
	return fail(why, RESULT_REFUSED,
		    "%s: is no other snapshot of %s: it would not be kept, and cannot be dropped",
		    name, session->pair.origin.name);
}

/* With --force, one that is out of reach can be given up, too. */
static enum result add_given_up(struct merge_session *session, const char *name,
				struct failure *why)
{
	enum result result = check_given_up(session, name, why);
	struct volume *volume;
	struct store store;

	if (result != RESULT_OK)
		return result;
	result = session->choice->force ? look_at(session, name, &store, why)
					: volumes_find(session->cli->volumes, name, &volume, why);
	if (result == RESULT_OK)
		return cli_list_add(&session->give_up, strdup(name), why);
	if (result == RESULT_NO_MEMORY || !session->choice->force)
		return cmd_merge_refuse_unseen(result, why);
	return cmd_merge_give_up_unseen(session, name, why);
}

/* As a merge begins, nobody keeps anything yet: what is dropped is a snapshot that LVM knows. */
static enum result add_dropped(struct merge_session *session, struct failure *why)
{
	const struct cli_list *names = &session->choice->drop;
	enum result result = RESULT_OK;

	if (!origin_of(session) || session->merge.record_is_current)
		return add_all(&session->drop, names, why);
	for (size_t i = 0; i < names->count && result == RESULT_OK; i++)
		result = add_given_up(session, names->items[i], why);
	return result;
}

enum result cmd_merge_list_names(struct merge_session *session, struct failure *why)
{
	const struct volume *origin = origin_of(session);
	enum result result = add_all(&session->keep, &session->choice->keep, why);

	for (size_t i = 0; i < session->keep.count && result == RESULT_OK; i++)
		result = cli_resolve(session->cli, &session->keep.items[i], why);
	if (result == RESULT_OK)
		result = add_dropped(session, why);
	for (unsigned int i = 0; origin && i < origin->group->snapshot_count && result == RESULT_OK;
	     i++) {
		const struct group_snapshot *other = &origin->group->snapshots[i];

		if (is_other(session, other))
			result = add_sibling(session, other->store, why);
	}
	return result;
}

/* ---- what LVM is told ---- */

void cmd_merge_note_lvm(const struct merge_session *session)
{
	const struct pair *pair = &session->pair;
	char name[LVM_NAME_BYTES];
	struct suggestion command;

	if (!origin_of(session) || session->merge.exceptions_before == 0)
		return;
	if (!pair->snapshot)
		cli_note(
			session->cli,
			"%s: note: LVM does not know of this merge: do not activate %s before it is finished",
			pair->device.name, pair->origin.name);
	else if (!pair->snapshot->merging)
		cli_note(
			session->cli,
			"%s: note: LVM does not know of this merge: do not activate %s before it is finished; if it is cut off, and cowtool cannot go on, %s lets LVM finish it",
			pair->device.name, pair->origin.name,
			suggest(&command, "lvconvert --merge %s",
				lvm_name(pair->volume->group, pair->snapshot->store, name)));
}

bool cmd_merge_then(const struct merge_session *session, struct suggestion *command)
{
	const struct pair *pair = &session->pair;
	char name[LVM_NAME_BYTES];

	if (!pair->snapshot)
		return false;
	suggest_begin(command);
	if (pair->snapshot->merging)
		suggest_more(command, "lvchange -ay %s",
			     lvm_name(pair->volume->group, pair->snapshot->origin, name));
	else
		suggest_more(command, "lvremove %s",
			     lvm_name(pair->volume->group, pair->snapshot->store, name));
	return true;
}

void cmd_merge_print_then(const struct merge_session *session)
{
	const struct pair *pair = &session->pair;
	struct suggestion then, remove;
	char name[LVM_NAME_BYTES];

	if (!cmd_merge_then(session, &then))
		return;
	if (pair->snapshot->merging)
		cli_print(
			stdout,
			"%s: %s activates the origin, and LVM removes the snapshot by itself; where the kernel has no dm-snapshot, %s comes first",
			pair->device.name, suggest_end(&then),
			suggest(&remove, "lvremove -y %s",
				lvm_name(pair->volume->group, pair->snapshot->store, name)));
	else
		cli_print(stdout, "%s: is an empty snapshot now; %s removes it", pair->device.name,
			  suggest_end(&then));
}

void cmd_merge_say_enlarge(const struct merge_session *session, struct failure *why)
{
	char name[LVM_NAME_BYTES];
	struct suggestion command;

	for (size_t i = 0; i < session->kept_count; i++) {
		const struct volume *volume =
			volumes_of(session->cli->volumes, &session->others[i].device);
		const struct kept *kept = &session->kept[i];
		uint64_t missing = kept->needed - min_u64(kept->needed, kept->room), bytes;
		char size[32];

		if (missing == 0 || kept->given_up)
			continue;
		/* It is the one that is told of. */
		if (!volume || !volume->group)
			return;
		bytes = kept_growth_bytes(kept, missing);
		snprintf(size, sizeof(size), "+%lluk", (unsigned long long)divide_up(bytes, 1024));
		fail_more(why, RESULT_NO_SPACE, "%s enlarges it by enough",
			  suggest(&command, "lvextend --size %s %s", size,
				  lvm_name(volume->group, volume->index, name)));
		return;
	}
}
