// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/remedies.h"

#include <string.h>

#include "store/cli/template.h"

/* Templates (store/cli/template.h), with the places <origin> and <store>, the command's own, and
 * <name>, which comes with the failure. A comma goes on with the sentence. */
static const char *const words_of[REMEDY_COUNT] = {
	[REMEDY_OR_FORCE] = "or use --force",
	[REMEDY_NAME_RIGHT_ORIGIN] = "name the right origin",
	[REMEDY_RIGHT_ORIGIN] = "name the right origin, or use --force",
	[REMEDY_ACCEPT_ORIGIN] = "name the right origin, or use --accept-origin if it is this one",
	[REMEDY_NEW_UNDO] =
		"name a file that does not exist, or, if it is the undo store of this merge, go on with --resume",
	[REMEDY_FILE_ON_DISK] = "name a file on a disk, or use --force",
	[REMEDY_VERIFY] = "{cowtool verify --origin=<origin> <name>} lists all",
	[REMEDY_RIGHT_DEVICE] = "name the right device, or use --force",
	[REMEDY_OTHER_DEVICE] = "name another device, or use --force: what it holds is then lost",
	[REMEDY_OTHER_FILE] = "name another file, or use --force: what it holds is then lost",
	[REMEDY_WIPE] =
		"name another device, wipe this one (wipefs(8)), or use --force: what it holds is then lost",
	[REMEDY_NEW_STORE] =
		"use --force to make a new, empty one in its place: what it holds is then lost",
	[REMEDY_SHOW_LOOPS] = "'mount -t sysfs sysfs /sys' lets that be seen, or use --force",
	[REMEDY_REBUILD_HEADER] = "'cowtool repair --rebuild-header' makes a new header",
	[REMEDY_REBUILD_COPY] =
		"copy the device to a sound one, and 'cowtool repair --rebuild-header' makes the header of the copy anew",
	[REMEDY_RESTORE_FILE] = "'cowtool restore' writes it to a device",
	[REMEDY_FINISH_OR_FORGET] =
		"finish it with 'cowtool merge --resume', with the stores that it keeps, or use --force, which forgets it",
	[REMEDY_FINISH_ELSEWHERE] = "finish it with that version, or use --force, which forgets it",
	[REMEDY_VERIFY_FIRST_COUNTS] =
		"{cowtool verify --origin=<origin> <name>} lists all; with --force the first of two exceptions for a chunk counts",
	[REMEDY_VERIFY_LEAVE_OUT] =
		"{cowtool verify --origin=<origin> <name>} lists all; with --skip-lost what is lost is left out",
	[REMEDY_SEE_VERIFY] = "see {cowtool verify --origin=<origin> <name>}",
	[REMEDY_RESUME] = "{cowtool merge --resume <origin> <store>} goes on",
	[REMEDY_RESUME_KEPT] =
		"{cowtool merge --resume ... <origin> <store>} goes on, with --keep or --undo for each of them",
	[REMEDY_RESUME_TOLD] =
		"{cowtool merge --resume <origin> <store>} goes on, with --undo if it has an undo store",
	[REMEDY_FINISH_FIRST] = "finish that with {cowtool merge --resume <origin> <name>} first",
	[REMEDY_FINISH_OTHER_OF_KEPT] =
		"finish that with {cowtool merge --resume --keep=<name> <origin> STORE}, STORE being that one, or use --force to give it up",
	[REMEDY_FINISH_OTHER_OF_UNDO] =
		"finish that with {cowtool merge --resume --undo=<name> <origin> STORE}, STORE being that one, or use --force to go back now and give up the rest",
	[REMEDY_FORGET_KEPT] =
		"finish that first, or, if there is none, remove what it left there with {cowtool repair --forget-kept --backup=FILE <name>}",
	[REMEDY_UNCOMPARED] = "--force merges without",
	[REMEDY_NAME_KEPT] = "name each with --keep (or --undo), or give it up with --drop-kept",
	[REMEDY_NAME_KEPT_OR_FORCE] =
		"name each with --keep (or --undo), or give it up with --drop-kept; --force takes this one for one of them",
	[REMEDY_DROP_KEPT] = "give it up with --drop-kept",
	[REMEDY_ENLARGE_OR_DROP] = "enlarge it, or give it up with --drop-kept",
	[REMEDY_ENLARGE_OR_INVALIDATE] =
		"enlarge it, or let it be marked invalid with --invalidate-full",
	[REMEDY_COPIED_ORIGIN] =
		"name the right origin, or, if it was copied to a larger disk, use --force: nothing merged yet can tell",
	[REMEDY_LEAVE_OUT_UNREADABLE] = "--skip-lost leaves out what cannot be read",
	[REMEDY_EXPORT_ALL] = "--force exports what there is",
	[REMEDY_VERIFY_EXPORT_ALL] =
		"{cowtool verify --origin=<origin> <name>} lists all; --force exports what there is",
	[REMEDY_FILL] = "--fill=zero fills their places",
	[REMEDY_FILL_UNREADABLE] = "--fill=zero exports without what cannot be read",
	[REMEDY_EXPORT_IN_USE] = ", or export it as it is with --force",
	[REMEDY_BEGIN_ANEW] = "without --resume, --force begins anew",
	[REMEDY_BEGIN_ANEW_OR_MIX] =
		"without --resume, --force begins anew; with both, the export goes on, and the image is then of no one moment",
	[REMEDY_GO_ON_OR_ANEW] = "--resume goes on with it, --force begins anew",
	[REMEDY_OVERWRITE_INCOMPLETE] =
		"if you know that it is not, --force without --resume overwrites it",
	[REMEDY_LEAVE_OUT_KEPT] =
		"leave it out, or, if an unfinished merge keeps it, name it with --drop-kept",
};

struct names {
	const struct cli *cli;
	const char *name;
};

static void put_name(void *context, const char *word, size_t count, struct suggestion *command)
{
	const struct names *names = context;
	const char *name = names->name;

	(void)count;
	if (*word == 'o')
		name = cli_argument_named(names->cli, "ORIGIN");
	else if (*word == 's')
		name = cli_argument_named(names->cli, "STORE");
	suggest_more(command, "%s", name);
}

/* The arguments, in their order. */
static void say_usage(const struct cli *cli, struct failure *why)
{
	fail_more(why, RESULT_OK, "cowtool %s%s", cli->command, strchr(cli->synopsis, ' '));
	why->remedy = REMEDY_NONE;
}

void remedies_say(const struct cli *cli, struct failure *why)
{
	const char *words = words_of[why->remedy];
	struct names names = {.cli = cli, .name = why->remedy_name};
	size_t length = strlen(why->text);

	if (why->remedy == REMEDY_USAGE)
		say_usage(cli, why);
	if (!words)
		return;
	why->remedy = REMEDY_NONE;
	if (length > 0 && *words != ',')
		snprintf(why->text + length, sizeof(why->text) - length, "; ");
	template_write(why->text, sizeof(why->text), words, put_name, &names);
}
