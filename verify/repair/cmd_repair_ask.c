// SPDX-License-Identifier: GPL-2.0-or-later
/* The questions of cowtool repair: on stderr, answered on stdin. */
#include "verify/repair/cmd_repair.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ANSWER_BYTES 64

bool repair_can_ask(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* One line, without what is too long in it; false at the end of the input. */
static bool read_answer(char answer[ANSWER_BYTES])
{
	int letter, length = 0;

	fflush(stderr);
	while ((letter = getchar()) != EOF && letter != '\n')
		if (length < ANSWER_BYTES - 1)
			answer[length++] = (char)letter;
	answer[length] = 0;
	return letter != EOF;
}

/* 'y', 'n', 'a' for all of the kind, or 'q', as which the end of the input counts. */
static char ask_consent(const struct repair_session *session, size_t i)
{
	char answer[ANSWER_BYTES];

	for (;;) {
		repair_print_item(session, i, stderr);
		fprintf(stderr, "? (yes, no, all of this kind, quit) ");
		if (!read_answer(answer)) {
			fputc('\n', stderr);
			return 'q';
		}
		switch (tolower((unsigned char)answer[0])) {
		case 'y':
			return 'y';
		case 'n':
			return 'n';
		case 'a':
			return 'a';
		case 'q':
			return 'q';
		}
	}
}

/* Asks for each item, until an answer is 'q': false. */
static bool ask_all(struct repair_session *session)
{
	struct repair *repair = &session->repair;
	unsigned int all[PROBLEM_COUNT] = {0}; /* a bit for each kind of repair */
	bool header_declined = false;

	for (size_t i = 0; i < repair->count; i++) {
		struct repair_item *item = &repair->items[i];
		unsigned int kind = 1u << item->kind;
		char answer;

		if (all[item->problem] & kind)
			continue;
		if (header_declined) {
			item->accepted = false;
			continue;
		}
		answer = ask_consent(session, i);
		if (answer == 'q')
			return false;
		if (answer == 'a')
			all[item->problem] |= kind;
		item->accepted = answer == 'y' || answer == 'a';
		/* Without its header, nothing of a store is mended. */
		header_declined = item->kind == REPAIR_REBUILD_HEADER && !item->accepted;
	}
	return true;
}

enum result repair_ask(struct repair_session *session, struct failure *why)
{
	struct repair *repair = &session->repair;

	if (ask_all(session))
		return RESULT_OK;
	for (size_t i = 0; i < repair->count; i++)
		repair->items[i].accepted = false;
	if (cli_stop_requested)
		return fail_stopped(why, session->pair.device.name);
	return fail(
		why, RESULT_REFUSED,
		"%s: not every question was answered, so that nothing is mended; nothing was written",
		session->pair.device.name);
}

const struct rebuild_candidate *repair_ask_header(const struct repair_session *session)
{
	const struct rebuild *rebuild = &session->rebuild;
	char answer[ANSWER_BYTES], text[512], *end;
	unsigned long number;

	for (size_t i = 0; i < rebuild->count; i++)
		fprintf(stderr, "%zu. %s\n", i + 1,
			repair_evidence(rebuild, &rebuild->candidates[i], text, sizeof(text)));
	do {
		fprintf(stderr, "Which one (1 to %zu, 0 for none)? ", rebuild->count);
		if (!read_answer(answer))
			return NULL;
		number = strtoul(answer, &end, 10);
	} while (!isdigit((unsigned char)answer[0]) || *end || number > rebuild->count);
	return number == 0 ? NULL : &rebuild->candidates[number - 1];
}
