// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/suggest.h"
#include "store/base/text.h"
#include "verify/check/advice.h"

static void terminals_get_no_control_characters(void)
{
	static const struct {
		const char *text, *visible;
	} cases[] = {{"plain 'x' \\", "plain 'x' \\"},
		     {"a\nb\t\x1b[31m\x7f", "a\\x0ab\\x09\\x1b[31m\\x7f"},
		     {"\xc3\xa4 \xf0\x9f\x98\x80", "\xc3\xa4 \xf0\x9f\x98\x80"},
		     {"\302\23331m \xc2\xa0", "\\xc2\\x9b31m \xc2\xa0"},
		     {"\x9b \xff \xe2\x82", "\\x9b \\xff \\xe2\\x82"}};
	char text[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK(strcmp(text_visible(cases[i].text, text, sizeof(text)), cases[i].visible) ==
		      0);
	/* Nothing is cut in its middle. */
	CHECK(strcmp(text_visible("a\nb", text, 8), "a\\x0a") == 0);
	CHECK(strcmp(text_visible("\xc3\xa4\xc3\xa4\xc3\xa4", text, 8), "\xc3\xa4\xc3\xa4") == 0);
}

/* The shell says what it makes of a command. */
static void names_survive(const char *shell_command)
{
	static const char *const names[] = {"plain",
					    "/dev/mapper/vg-snap--cow",
					    "UUID=1-2,3:4@5%+",
					    "my backup",
					    "it's a $s",
					    "a\"b`c`$(d)\\e",
					    "\n\t\x1b[31m\x7f x",
					    "\xc3\xa4 \xff\x9b",
					    "~",
					    "*?[a-z]{b,c}!#&|;<>()^",
					    "$'\\x41'",
					    "",
					    "=ls",
					    "==",
					    "a=b"};
	struct suggestion command;
	char got[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		FILE *shell;
		size_t count;

		suggest_begin(&command);
		suggest_words(&command, "printf %s ", strlen("printf %s "));
		suggest_more(&command, "%s", names[i]);
		suggest_end(&command);
		command.command[command.used] = '\0';
		setenv("SCRIPT", command.command, 1);
		shell = popen(shell_command, "r");
		count = shell ? fread(got, 1, sizeof(got) - 1, shell) : 0;
		got[count] = '\0';
		CHECK(shell && pclose(shell) == 0 && strcmp(got, names[i]) == 0);
	}
}

static void names_survive_a_shell(void)
{
	names_survive("bash -c \"$SCRIPT\"");
	if (system("command -v zsh >/dev/null") == 0)
		names_survive("zsh -f -c \"$SCRIPT\"");
}

/* What is no place of a name stays what it is; the compiler refuses any other conversion. */
static void only_names_have_places(void)
{
	struct suggestion command;

	CHECK(strcmp(suggest(&command, "cowtool help"), "'cowtool help'") == 0);
	CHECK(strcmp(suggest_names(&command, "100% of %u %s %s",
				   (const char *const[]){"a b", NULL}),
		     "'100% of %u a\\ b %s'") == 0);
}

static void what_is_plain_stays_plain(void)
{
	struct suggestion command;

	CHECK(strcmp(suggest(&command, "cowtool restore %s %s", "b.cow", "/dev/sda1"),
		     "'cowtool restore b.cow /dev/sda1'") == 0);
	CHECK(strcmp(suggest(&command, "cowtool verify %s", "my store"),
		     "'cowtool verify my\\ store'") == 0);
	CHECK(strcmp(suggest(&command, "cowtool verify %s", "-s"), "'cowtool verify ./-s'") == 0);
	CHECK(strcmp(suggest(&command, "cowtool verify %s", "=s"), "'cowtool verify \\=s'") == 0);
	CHECK(strcmp(suggest(&command, "cowtool verify %s", "it's"), "\"cowtool verify it\\'s\"") ==
	      0);
}

static void too_long_is_told(void)
{
	struct suggestion command;
	char name[1200];

	memset(name, ' ', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	suggest(&command, "cowtool restore %s %s", "b.cow", name);
	CHECK(strlen(command.quoted) < sizeof(command.quoted) - 1);
	CHECK(strcmp(command.quoted + strlen(command.quoted) - 5, " ...'") == 0);
	suggest_more(&command, "%s", "x");
	CHECK(strcmp(suggest_end(&command) + strlen(command.quoted) - 5, " ...'") == 0);
}

static void every_problem_has_advice(void)
{
	struct device device = {.name = (char[]){"a store"}};
	struct store store = {.device = &device};
	struct summary summary = {.exceptions = 0};
	struct advice_names names = {.store = &store, .summary = &summary, .origin = "an origin"};
	static const struct {
		enum record_presence presence;
		enum record_role role;
	} standings[] = {{RECORD_ABSENT, RECORD_MERGING},
			 {RECORD_PRESENT, RECORD_MERGING},
			 {RECORD_PRESENT, RECORD_KEPT},
			 {RECORD_PRESENT, RECORD_UNDO},
			 {RECORD_FOREIGN, RECORD_MERGING}};
	char text[ADVICE_BYTES];

	for (size_t i = 0; i < sizeof(standings) / sizeof(standings[0]); i++)
		for (int problem = 0; problem < PROBLEM_COUNT; problem++) {
			store.record_presence = standings[i].presence;
			store.record.role = standings[i].role;
			store.record.kept_stores = 1;
			advice((enum problem)problem, &names, text);
			CHECK(text[0] && !strpbrk(text, "{}<>"));
			CHECK(!strstr(text, "cowtool") || strstr(text, "a\\ store"));
		}
}

int main(void)
{
	unit_run("text: a terminal gets no control characters",
		 terminals_get_no_control_characters);
	unit_run("suggest: a name is for a shell what it was", names_survive_a_shell);
	unit_run("suggest: only names have places, and nothing else is taken from the stack",
		 only_names_have_places);
	unit_run("suggest: a plain name needs nothing", what_is_plain_stays_plain);
	unit_run("suggest: a command that is too long says so", too_long_is_told);
	unit_run("advice: every problem has one, with the names", every_problem_has_advice);
	return unit_end();
}
