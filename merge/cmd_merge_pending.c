// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool merge --pending without arguments: all of LVM's snapshots that were begun to be merged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "merge/cmd_merge.h"
#include "store/cli/json.h"
#include "store/cli/remedies.h"

/* Was a merge of it begun? Where that cannot be told, for now, it may have been: who mounts the
 * origin has to know. One that cannot be mapped is none that cowtool began to merge. */
static bool may_be_begun(struct cli *cli, const char *name)
{
	const struct pair_options opening = {
		.mode = DEVICE_LOOK, .silent = true, .engine = IO_ENGINE_SYNC};
	struct failure looking;
	struct pair pair;
	enum result result = pair_open(&pair, cli, &opening, NULL, name, &looking);
	bool begun =
		result == RESULT_NOT_THERE || result == RESULT_IO || result == RESULT_NO_MEMORY;

	if (result == RESULT_OK && pair.store.record_presence != RECORD_ABSENT)
		begun = pair.store.record_presence != RECORD_PRESENT ||
			pair.store.record.role == RECORD_MERGING;
	pair_close(&pair);
	return begun;
}

/* LVM's name of a snapshot that was begun to be merged is added to the list. What cannot be opened
 * is told as it is merged, and hides no other. */
static enum result add_pending(struct cli *cli, const struct groups_one *one,
			       const struct group_snapshot *snapshot, struct cli_list *list,
			       struct failure *why)
{
	char *name = volumes_name(cli->volumes, &one->group, snapshot->store);

	if (!name)
		return fail_memory(why, "a name", 0);
	if (snapshot->merging || one->is_uncertain || may_be_begun(cli, name))
		return cli_list_add(list, name, why);
	free(name);
	return RESULT_OK;
}

static enum result find_pending(struct cli *cli, struct cli_list *list, struct failure *why)
{
	enum result result = volumes_load(cli->volumes, why);

	for (size_t i = 0; result == RESULT_OK && i < cli->volumes->groups.count; i++) {
		const struct groups_one *one = &cli->volumes->groups.groups[i];

		for (unsigned int j = 0; result == RESULT_OK && j < one->group.snapshot_count; j++)
			result = add_pending(cli, one, &one->group.snapshots[j], list, why);
	}
	volumes_end(cli->volumes);
	return result;
}

/* Which of two failures has a script to hear of? Not of one after which nothing was written, while
 * another merge is unfinished, or may be. */
static bool is_worse(enum result one, enum result than)
{
	static const enum result worst[] = {RESULT_INTERNAL, RESULT_NO_MEMORY, RESULT_IO,
					    RESULT_STOPPED,  RESULT_NO_SPACE,  RESULT_NOT_THERE};

	for (size_t i = 0; i < sizeof(worst) / sizeof(worst[0]); i++)
		if (than == worst[i] || one == worst[i])
			return than != worst[i];
	return than == RESULT_OK && one != RESULT_OK;
}

/* The worst failure is the result, of such the first one; the others are told. */
static enum result merge_all(struct cli *cli, struct merge_choice *choice,
			     const struct cli_list *list, struct failure *why)
{
	enum result result = RESULT_OK, one = RESULT_OK;

	for (size_t i = 0; i < list->count && one != RESULT_STOPPED; i++) {
		struct failure failure = {.text = ""};

		free(cli->arguments[0]);
		free(cli->arguments[1]);
		cli->arguments[0] = NULL;
		cli->arguments[1] = strdup(list->items[i]);
		if (!cli->arguments[1])
			return fail_memory(why, "a name", strlen(list->items[i]));
		one = cmd_merge_one(cli, choice, &failure);
		volumes_end(cli->volumes);
		/* LVM says that a store is there: a script goes on after RESULT_NO_STORE. */
		if (one == RESULT_NO_STORE)
			one = RESULT_REFUSED;
		/* With the names of this one. */
		remedies_say(cli, &failure);
		if (is_worse(one, result)) {
			if (result != RESULT_OK)
				cli_message(cli, "%s", why->text);
			*why = failure;
			result = one;
		} else if (one != RESULT_OK) {
			cli_message(cli, "%s", failure.text);
		}
	}
	return result;
}

enum result cmd_merge_pending(struct cli *cli, struct merge_choice *choice, struct failure *why)
{
	struct json json;
	struct cli_list list = {0};
	enum result result = find_pending(cli, &list, why);

	if (result == RESULT_OK && cli->json) {
		choice->list = &json;
		cli_open_json(cli, &json);
		json_open_array(&json, "pending");
		result = merge_all(cli, choice, &list, why);
		choice->list = NULL;
		json_close_array(&json);
		cli_close_json(cli, &json, result != RESULT_OK);
	} else if (result == RESULT_OK) {
		if (list.count == 0 && !cli->quiet)
			printf("no merge was begun; nothing was written\n");
		result = merge_all(cli, choice, &list, why);
	}
	cli_list_free(&list);
	return result;
}
