// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/remedies.h"

#include <string.h>

#include "store/cli/template.h"

/* Templates (store/cli/template.h), with the places <origin> and <store>, the command's own, and <name>, which comes
 * with the failure. */
static const char *const words_of[REMEDY_COUNT] = {
	[REMEDY_FORCE] = "use --force",
	[REMEDY_FORCE_LOSES] = "use --force: what it holds is then lost",
	[REMEDY_RIGHT_ORIGIN] = "name the right origin, or use --force",
	[REMEDY_ACCEPT_ORIGIN] = "name the right origin, or use --accept-origin if it is this one",
	[REMEDY_VERIFY] = "{cowtool verify --origin=<origin> <name>} lists all",
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

void remedies_say(const struct cli *cli, struct failure *why)
{
	const char *words = words_of[why->remedy];
	struct names names = {.cli = cli, .name = why->remedy_name};
	size_t length = strlen(why->text);

	if (!words)
		return;
	why->remedy = REMEDY_NONE;
	if (length > 0)
		snprintf(why->text + length, sizeof(why->text) - length, "; ");
	template_write(why->text, sizeof(why->text), words, put_name, &names);
}
