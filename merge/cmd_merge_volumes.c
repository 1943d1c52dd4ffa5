// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool merge: what LVM knows of the snapshot, and what LVM must be told. */
#include "merge/cmd_merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

#define LVM_NAME_BYTES (2 * GROUP_NAME_MAX + 2)

/* As LVM's own commands take it. */
static const char *lvm_name(const struct group *group, unsigned int volume,
			    char name[LVM_NAME_BYTES])
{
	snprintf(name, LVM_NAME_BYTES, "%s/%s", group->name, group->volumes[volume].name);
	return name;
}

/* ---- may it be merged? ---- */

/* LVM merges one snapshot of an origin at a time. */
static enum result check_other_merge(const struct merge_session *session, struct failure *why)
{
	const struct pair *pair = &session->pair;
	const struct group *group = pair->volume->group;

	for (unsigned int i = 0; i < group->snapshot_count; i++) {
		const struct group_snapshot *other = &group->snapshots[i];

		if (other == pair->snapshot || other->origin != pair->snapshot->origin ||
		    !other->merging)
			continue;
		return fail(
			why, RESULT_REFUSED,
			"%s: LVM was told to merge another snapshot of its origin, %s/%s; that one comes first",
			pair->device.name, group->name, group->volumes[other->store].name);
	}
	return RESULT_OK;
}

enum result cmd_merge_check_volumes(const struct merge_session *session, struct failure *why)
{
	const struct pair *pair = &session->pair;
	char name[LVM_NAME_BYTES];
	struct suggestion command;

	if (!pair->snapshot)
		return RESULT_OK;
	if (!pair->volume->group->volumes[pair->snapshot->origin].writable)
		return fail(why, RESULT_REFUSED,
			    "%s: is read-only, for LVM; %s lets it be written to",
			    pair->origin.name,
			    suggest(&command, "lvchange -prw %s",
				    lvm_name(pair->volume->group, pair->snapshot->origin, name)));
	return check_other_merge(session, why);
}

/* ---- the other snapshots ---- */

/* Is the volume in a list of names? What cannot be found is none of this group's. */
static bool is_listed(const struct merge_session *session, const struct cli_list *list,
		      const char *name, unsigned int index)
{
	const struct group *group = session->pair.volume->group;
	struct volume *volume;
	struct failure ignored;

	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i], name) == 0)
			return true;
		if (volumes_is_name(list->items[i]) &&
		    volumes_find(session->cli->volumes, list->items[i], &volume, &ignored) ==
			    RESULT_OK &&
		    volume->group == group && volume->index == index)
			return true;
	}
	return false;
}

/* Did the kernel give it up? Nothing of it is left to keep. What cannot be opened will be told as
 * it is kept. */
static bool is_invalid(const struct merge_session *session, const char *name)
{
	struct failure ignored;
	struct device device;
	struct store store;
	struct io io;
	bool invalid = false;

	if (volumes_open(session->cli->volumes, &device, name, DEVICE_LOOK, &ignored) != RESULT_OK)
		return false;
	io_engine_open_sync(&io);
	if (store_open(&store, &device, &io, &ignored) == RESULT_OK)
		invalid = store.header_fault == HEADER_GOOD && !store.header.valid;
	io_close(&io);
	device_close(&device, &ignored);
	return invalid;
}

/* One that an unfinished merge kept, and the kernel gave up since, has to be dropped. */
static enum result add_sibling(struct merge_session *session, unsigned int index,
			       struct failure *why)
{
	const char *volume = session->pair.volume->group->volumes[index].name;
	char *name = volumes_sibling(session->cli->arguments[1], volume);
	struct cli_list *list = &session->keep;

	if (!name)
		return fail_memory(why, "a name", strlen(volume));
	if (is_listed(session, &session->keep, name, index) ||
	    is_listed(session, &session->give_up, name, index) ||
	    is_listed(session, &session->drop, name, index)) {
		free(name);
		return RESULT_OK;
	}
	if (is_invalid(session, name)) {
		cli_note(
			session->cli,
			"%s: note: is marked invalid: the kernel gave this snapshot up, there is nothing to keep",
			name);
		list = session->merge.record_is_current ? &session->drop : NULL;
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

/* What is given up as a merge begins is of LVM's group: nobody else's would be kept. */
static bool drops_now(const struct merge_session *session)
{
	return session->pair.snapshot && !session->merge.record_is_current;
}

enum result cmd_merge_list_names(struct merge_session *session, struct failure *why)
{
	const struct merge_choice *choice = session->choice;
	const struct pair *pair = &session->pair;
	enum result result = add_all(&session->keep, &choice->keep, why);

	for (size_t i = 0; i < session->keep.count && result == RESULT_OK; i++)
		result = cli_resolve(session->cli, &session->keep.items[i], why);
	if (result == RESULT_OK)
		result = add_all(drops_now(session) ? &session->give_up : &session->drop,
				 &choice->drop, why);
	for (unsigned int i = 0;
	     pair->snapshot && i < pair->volume->group->snapshot_count && result == RESULT_OK;
	     i++) {
		const struct group_snapshot *other = &pair->volume->group->snapshots[i];

		if (other != pair->snapshot && other->origin == pair->snapshot->origin)
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

	if (!pair->snapshot || pair->snapshot->merging || session->merge.exceptions_before == 0)
		return;
	cli_note(
		session->cli,
		"%s: note: LVM does not know of this merge: do not activate %s before it is finished; if it is cut off and must be, %s lets LVM finish it",
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
			"%s: %s activates the origin, and LVM removes the snapshot by itself; where the kernel has no dm-snapshot, %s does that first",
			pair->device.name, suggest_end(&then),
			suggest(&remove, "lvremove -y %s",
				lvm_name(pair->volume->group, pair->snapshot->store, name)));
	else
		cli_print(stdout,
			  "%s: is kept, and empty: its origin was reverted to it; %s takes it away",
			  pair->device.name, suggest_end(&then));
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

		if (missing == 0 || kept->given_up || !volume || !volume->group)
			continue;
		bytes = kept_growth_bytes(kept, missing);
		snprintf(size, sizeof(size), "+%lluk", (unsigned long long)divide_up(bytes, 1024));
		fail_more(why, RESULT_NO_SPACE, "%s enlarges it by enough",
			  suggest(&command, "lvextend --size %s %s", size,
				  lvm_name(volume->group, volume->index, name)));
		return;
	}
}
