// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/cmd_advice.h"

#include <stdio.h>
#include <string.h>

#include "store/cli/room.h"
#include "store/cli/template.h"

/*
 * Templates (store/cli/template.h). The places <store> and <origin> are names; <keep> is for
 * options with all stores that the unfinished merge of this store keeps, if any, and <this> is such
 * an option with this store, which that of another one keeps.
 */
#define REPAIR "{cowtool repair --backup=FILE <store>} "
#define REBUILD_HEADER "{cowtool repair --rebuild-header --backup=FILE <store>} "
#define SKIP_LOST "{cowtool merge --skip-lost <origin> <store>} "
#define FIND_AREAS                                                                                 \
	"if a store was here, " REBUILD_HEADER "looks for its areas and makes the header anew; "   \
	"do not activate the snapshot before"
#define OLD_SIZE "give the device its old size back, if its end still exists; else "
#define RIGHT_ORIGIN "name the right origin; if this is it, "
#define DROP REPAIR "drops the entry and lists what is lost; " SKIP_LOST "merges all the others"
#define NOTHING "nothing needs to be done"

static const char *const usual[PROBLEM_COUNT] = {
	[PROBLEM_HEADER_MAGIC] = FIND_AREAS,
	[PROBLEM_HEADER_VERSION] = FIND_AREAS,
	[PROBLEM_HEADER_CHUNK_SIZE] = FIND_AREAS,
	[PROBLEM_HEADER_INVALID] =
		"{cowtool repair --set-valid --backup=FILE <store>} makes it readable again, to copy files out of it; do not merge it unless the origin was not written since",
	[PROBLEM_RESTORE_UNFINISHED] =
		"{cowtool restore FILE <store>} with the same FILE; no repair can tell what belongs together",
	[PROBLEM_HEADER_SLACK] = REPAIR "clears them",
	[PROBLEM_STORE_TRUNCATED] =
		OLD_SIZE REPAIR "drops what is lost, or " SKIP_LOST "merges what is left",
	[PROBLEM_AREA_MISSING] = OLD_SIZE
	"make it larger by a chunk of zeros at least, and the list ends there; or " REPAIR
	"drops the last entry to make an end",
	[PROBLEM_AREA_UNREADABLE] = SKIP_LOST
	"merges all that can be read, from this device: a copy has zeros there, at which the list seems to end; " REPAIR
	"drops what is lost",
	[PROBLEM_ENTRY_TOO_LARGE] = DROP,
	[PROBLEM_ENTRY_IN_METADATA] = DROP,
	[PROBLEM_ENTRY_BEYOND_DEVICE] = OLD_SIZE DROP,
	[PROBLEM_ENTRY_BEYOND_ORIGIN] = RIGHT_ORIGIN
	"{cowtool repair --origin=<origin> --backup=FILE <store>} drops the entry, and says what of the view is lost",
	[PROBLEM_DUPLICATE_OLD] = REPAIR
	"keeps the first, as the kernel does; {cowtool merge --force <origin> <store>} merges the first",
	[PROBLEM_DUPLICATE_NEW] =
		"look at what these chunks hold in the view: one of them is wrong, and which one cannot be told; {cowtool repair --drop-shared --backup=FILE <store>} drops the later one",
	[PROBLEM_DIRTY_TAIL] = REPAIR
	"zeroes them, and so does a merge; {cowtool dump --stale <store>} shows them",
	[PROBLEM_OUT_OF_ORDER] = NOTHING,
	[PROBLEM_LEAKED_CHUNKS] = NOTHING,
	[PROBLEM_STALE_EXCEPTIONS] =
		"{cowtool dump --stale <store>} shows them; where this is a copy, look in ddrescue's map, or copy the store again, before anything writes to it",
	[PROBLEM_MERGE_UNFINISHED] = "{cowtool merge --resume <origin> <store>} goes on with it",
	[PROBLEM_STORE_FULL] = NULL, /* it depends on the device: store/cli/room.h */
};

/* A merge of this store is unfinished. */
#define COUNTED "an unfinished merge counts its exceptions, and repair drops none before its end; "
#define RESUME_LOST                                                                                \
	COUNTED "{cowtool merge --resume --skip-lost <keep><origin> <store>} goes on with the "    \
		"others"

static const char *const of_merging[PROBLEM_COUNT] = {
	[PROBLEM_STORE_TRUNCATED] = OLD_SIZE RESUME_LOST,
	[PROBLEM_AREA_MISSING] = OLD_SIZE RESUME_LOST,
	[PROBLEM_AREA_UNREADABLE] = RESUME_LOST,
	[PROBLEM_ENTRY_TOO_LARGE] = RESUME_LOST,
	[PROBLEM_ENTRY_IN_METADATA] = RESUME_LOST,
	[PROBLEM_ENTRY_BEYOND_DEVICE] = OLD_SIZE RESUME_LOST,
	[PROBLEM_ENTRY_BEYOND_ORIGIN] = RIGHT_ORIGIN RESUME_LOST,
	[PROBLEM_DUPLICATE_OLD] = COUNTED
	"{cowtool merge --resume --force <keep><origin> <store>} goes on with the first, as the kernel does",
	[PROBLEM_DUPLICATE_NEW] =
		"one of these chunks is wrong, and which one cannot be told: the merge cannot go on; {cowtool export --force <origin> <store> OUT} makes an image of the view",
	[PROBLEM_MERGE_UNFINISHED] =
		"{cowtool merge --resume <keep><origin> <store>} goes on with it",
};

/* That of another store keeps this one. */
#define OTHER                                                                                      \
	"; STORE is the other store, the one that is being merged; any more that it keeps are "    \
	"named, too"
#define GIVE_UP                                                                                    \
	"the unfinished merge of another store keeps this one, and cannot go on with it; "         \
	"{cowtool merge --resume --drop-kept=<store> <origin> STORE} gives this one up" OTHER      \
	"; if there is no such merge any more, "                                                   \
	"{cowtool repair --forget-kept --backup=FILE <store>} forgets it, and repair can go on"

static const char *const of_kept[PROBLEM_COUNT] = {
	[PROBLEM_STORE_TRUNCATED] = OLD_SIZE GIVE_UP,
	[PROBLEM_AREA_MISSING] = OLD_SIZE GIVE_UP,
	[PROBLEM_AREA_UNREADABLE] = GIVE_UP,
	[PROBLEM_ENTRY_TOO_LARGE] = GIVE_UP,
	[PROBLEM_ENTRY_IN_METADATA] = GIVE_UP,
	[PROBLEM_ENTRY_BEYOND_DEVICE] = OLD_SIZE GIVE_UP,
	[PROBLEM_ENTRY_BEYOND_ORIGIN] = RIGHT_ORIGIN GIVE_UP,
	[PROBLEM_DUPLICATE_OLD] =
		"{cowtool merge --resume --force <this> <origin> STORE} goes on with the first, as the kernel does" OTHER,
	[PROBLEM_DUPLICATE_NEW] = GIVE_UP,
	[PROBLEM_MERGE_UNFINISHED] =
		"{cowtool merge --resume <this> <origin> STORE} goes on with it" OTHER,
};

/* Another version of cowtool has not finished a merge. */
#define FORGET ", and forgets what that version of cowtool wrote down; better finish with that one"
#define MERGE_LOST                                                                                 \
	"{cowtool merge --force --skip-lost <origin> <store>} merges all the others" FORGET

static const char *const of_foreign[PROBLEM_COUNT] = {
	[PROBLEM_STORE_TRUNCATED] = OLD_SIZE MERGE_LOST,
	[PROBLEM_AREA_MISSING] = OLD_SIZE MERGE_LOST,
	[PROBLEM_AREA_UNREADABLE] = MERGE_LOST,
	[PROBLEM_ENTRY_TOO_LARGE] = MERGE_LOST,
	[PROBLEM_ENTRY_IN_METADATA] = MERGE_LOST,
	[PROBLEM_ENTRY_BEYOND_DEVICE] = OLD_SIZE MERGE_LOST,
	[PROBLEM_ENTRY_BEYOND_ORIGIN] = RIGHT_ORIGIN MERGE_LOST,
	[PROBLEM_DUPLICATE_OLD] =
		"{cowtool merge --force <origin> <store>} merges the first" FORGET,
	[PROBLEM_DUPLICATE_NEW] =
		"one of these chunks is wrong, and which one cannot be told; {cowtool export --force <origin> <store> OUT} makes an image of the view",
	[PROBLEM_MERGE_UNFINISHED] = "{cowtool merge --force <origin> <store>} merges it" FORGET,
};

/* Something else is there, and no record of a merge says that a store was. */
static bool is_foreign(enum problem problem, const struct store *store)
{
	return problem == PROBLEM_HEADER_MAGIC && store->foreign.text[0] &&
	       !store_lost_header(store);
}

static const char *advise_foreign(const struct store *store, char text[CMD_ADVICE_BYTES])
{
	char help[FOREIGN_HELP_BYTES];

	snprintf(text, CMD_ADVICE_BYTES, "name the right device: this one %s%s",
		 store->foreign.text, foreign_say(&store->foreign, store->device->name, help));
	return text;
}

/* What counts before the usual: what is in the store about an unfinished merge. NULL:
 * nothing. */
static const char *const *special_advices(const struct cmd_advice_names *names)
{
	const struct record *record = &names->store->record;

	if (names->store->record_presence == RECORD_FOREIGN)
		return of_foreign;
	if (names->store->record_presence != RECORD_PRESENT ||
	    store_is_half_restored(names->store) ||
	    record_is_stale(record, names->summary->exceptions, &names->summary->first))
		return NULL;
	return record->role == RECORD_MERGING ? of_merging : of_kept;
}

static bool keeps_stores(const struct record *record)
{
	return record->kept_stores > (uint32_t)__builtin_popcountll(record->dropped);
}

static const char *const keeps_text =
	"; for ... name each store that it keeps with --keep, its undo store with --undo";

static const char *const saved_text = " is the device of which this is the saved file";

/* What is put into the places, and what was. */
struct places {
	const struct cmd_advice_names *names;
	const char *own; /* the store, as commands call it */
	bool names_kept, names_own;
};

static void put_place(void *context, const char *word, size_t count, struct suggestion *command)
{
	struct places *places = context;
	const struct cmd_advice_names *names = places->names;

	(void)count;
	if (*word == 's') {
		suggest_more(command, "%s", places->own);
		places->names_own = true;
	} else if (*word == 'o') {
		suggest_more(command, "%s", names->origin ? names->origin : "ORIGIN");
	} else if (*word == 't') {
		bool undo = names->store->record.role == RECORD_UNDO;

		suggest_more(command, undo ? "--undo=%s" : "--keep=%s", places->own);
		places->names_own = true;
	} else if (keeps_stores(&names->store->record)) {
		suggest_more(command, "... ");
		places->names_kept = true;
	}
}

/* In the texts of of_kept, STORE is another one. */
static const char *own_name(const struct cmd_advice_names *names, bool is_kept)
{
	if (!names->is_saved)
		return names->store->device->name;
	return is_kept ? "STORE2" : "STORE";
}

const char *cmd_advice(enum problem problem, const struct cmd_advice_names *names,
		       char text[CMD_ADVICE_BYTES])
{
	const char *const *special = special_advices(names);
	bool is_special = special && special[problem];
	struct places places = {.names = names,
				.own = own_name(names, is_special && special == of_kept)};
	size_t used;

	if (is_foreign(problem, names->store))
		return advise_foreign(names->store, text);
	if (problem == PROBLEM_STORE_FULL)
		return room_help(names->store->device, names->is_saved, text, CMD_ADVICE_BYTES);
	text[0] = '\0';
	template_write(text, CMD_ADVICE_BYTES, is_special ? special[problem] : usual[problem],
		       put_place, &places);
	used = strlen(text);
	if (places.names_kept)
		used += (size_t)snprintf(text + used, CMD_ADVICE_BYTES - used, "%s", keeps_text);
	if (names->is_saved && places.names_own && used < CMD_ADVICE_BYTES)
		snprintf(text + used, CMD_ADVICE_BYTES - used, "; %s%s", places.own, saved_text);
	return text;
}
