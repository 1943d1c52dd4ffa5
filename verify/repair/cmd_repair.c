// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool repair: what verify can name is mended, with consent and a way back. */
#include "verify/repair/cmd_repair.h"

#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/savefile/savefile.h"
#include "store/cli/note.h"
#include "store/base/suggest.h"
#include "store/base/text.h"
#include "verify/check/roles.h"

#define ANSWER_BYTES 64

/* ---- questions: on stderr, answered on stdin ---- */

bool cmd_repair_can_ask(void)
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

/* 'y', 'n', as which an empty line counts, 'a' for all of the kind, or 'q', as which the end of the
 * input counts. */
static char ask_consent(const struct repair_session *session, size_t i)
{
	char answer[ANSWER_BYTES];

	for (;;) {
		cmd_repair_print_item(session, i, stderr);
		fprintf(stderr, "? (%zu of %zu) [y/N/a/q] ", i + 1, session->repair.count);
		if (!read_answer(answer)) {
			fputc('\n', stderr);
			return 'q';
		}
		switch (tolower((unsigned char)answer[0])) {
		case 'y':
			return 'y';
		case 'n':
		case '\0':
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

	fprintf(stderr, "y: yes; n, or Enter: no; a: yes to all of this kind; q: quit\n");
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

/* Asks for each item; what is not consented to loses `accepted`. RESULT_REFUSED: the questions were
 * quit, or the input ended before the last one; RESULT_STOPPED: a signal. Then nothing is accepted. */
static enum result ask(struct repair_session *session, struct failure *why)
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

const struct rebuild_candidate *cmd_repair_ask_header(const struct repair_session *session)
{
	const struct rebuild *rebuild = &session->rebuild;
	char answer[ANSWER_BYTES], text[512], *end;
	unsigned long number;

	for (size_t i = 0; i < rebuild->count; i++)
		fprintf(stderr, "%zu. %s\n", i + 1,
			cmd_repair_evidence(rebuild, &rebuild->candidates[i], text, sizeof(text)));
	do {
		fprintf(stderr, "Which one (1 to %zu, 0 for none)? ", rebuild->count);
		if (!read_answer(answer))
			return NULL;
		number = strtoul(answer, &end, 10);
	} while (!isdigit((unsigned char)answer[0]) || *end || number > rebuild->count);
	return number == 0 ? NULL : &rebuild->candidates[number - 1];
}

/* ---- consent ---- */

static bool has_questions(const struct repair_session *session)
{
	return session->repair.count > 0 && !session->choice->dry_run && !session->choice->yes &&
	       cmd_repair_can_ask();
}

/* Who is asked must have seen the plan: where the questions are. */
static enum result show_plan(const struct repair_session *session, struct failure *why)
{
	bool json = session->cli->json;
	enum result result = RESULT_OK;

	if (!json)
		result = cmd_repair_print_plan(session, stdout, why);
	if (result != RESULT_OK || !has_questions(session))
		return result;
	fflush(stdout);
	if (json || !isatty(STDOUT_FILENO))
		result = cmd_repair_print_plan(session, stderr, why);
	return result;
}

/* Where nothing would be written to a block device, which opens all the same, it does not
 * matter. */
static enum result check_right(const struct repair_session *session, struct failure *why)
{
	if (session->repair.count == 0 && device_is_block(&session->pair.device))
		return RESULT_OK;
	return note_right(session->cli, &session->pair.device, "repair", why);
}

static enum result need_consent(struct repair_session *session, struct failure *why)
{
	struct repair *repair = &session->repair;
	enum result result = RESULT_OK;
	const char *reason;

	if (repair->count == 0 || session->choice->dry_run)
		return RESULT_OK;
	if (!session->choice->yes && !has_questions(session))
		return fail(
			why, RESULT_REFUSED,
			"%s: %zu repair%s would be done and nobody can be asked: --yes consents to all of them; nothing was written",
			session->pair.device.name, repair->count, text_plural(repair->count));
	if (!session->choice->yes)
		result = ask(session, why);
	if (result != RESULT_OK)
		return result;
	reason = repair_settle(repair);
	if (reason)
		cli_message(
			session->cli,
			"%s: no exception is dropped %s: another one moves into its place, and what the others mean could change or be lost",
			session->pair.device.name, reason);
	return RESULT_OK;
}

/* ---- carrying it out ---- */

static enum result back_up(struct repair_session *session, struct failure *why)
{
	enum result result;

	if (!session->choice->backup)
		return RESULT_OK;
	note_memory(session->cli, session->choice->backup);
	result = savefile_write(&session->pair.store, session->choice->backup, false,
				&cli_stop_requested, why);
	session->backed_up = result == RESULT_OK;
	return result;
}

/* What the plan was made of must be what the backup holds, and what is written to. Else the
 * backup is of no use, and in the way of the next one. */
static enum result confirm(struct repair_session *session, struct failure *why)
{
	enum result result = repair_confirm(&session->repair, why);

	if (result == RESULT_OK || !session->backed_up)
		return result;
	session->backed_up = unlink(session->choice->backup) != 0;
	if (session->backed_up)
		return fail_more(why, result, "%s is of no use and could not be removed",
				 session->choice->backup);
	return result;
}

/* After a failure in the middle. A header of another chunk size may still be there, which restore
 * takes for that of another store. */
static enum result name_backup(const struct repair_session *session, enum result result,
			       struct failure *why)
{
	const char *name = session->pair.device.name, *backup = session->choice->backup;
	struct suggestion command;

	if (!session->backed_up)
		return result;
	return fail_more(why, result, "%s brings back what was there",
			 suggest(&command,
				 session->repair.header_is_lost ? "cowtool restore --force %s %s"
								: "cowtool restore %s %s",
				 backup, name));
}

static enum result carry_out(struct repair_session *session, struct failure *why)
{
	struct repair *repair = &session->repair;
	const char *backup = session->choice->backup;
	enum result result;

	/* Also in a question, which it ended. */
	if (cli_stop_requested)
		return fail_stopped(why, session->pair.device.name);
	if (repair_accepted(repair) == 0)
		return RESULT_OK;
	if (session->choice->dry_run && backup)
		note_memory(session->cli, backup);
	if (session->choice->dry_run)
		return backup ? savefile_check_path(&session->pair.store, backup, false, why)
			      : RESULT_OK;
	result = back_up(session, why);
	if (result == RESULT_OK)
		result = confirm(session, why);
	if (result != RESULT_OK)
		return result;
	note_buffered(session->cli, &session->pair.device,
		      session->pair.store.geometry.chunk_bytes);
	/* From here on the way back is the backup: it is carried out to its end. */
	session->pair.io.stop = NULL;
	result = repair_run(repair, why);
	if (result == RESULT_OK)
		result = repair_check(repair, &session->after, why);
	session->ran = result == RESULT_OK;
	return session->ran ? RESULT_OK : name_backup(session, result, why);
}

static enum result judge(const struct repair_session *session, struct failure *why)
{
	unsigned long long errors = cmd_repair_count_left(session, SEVERITY_ERROR);

	if (errors > 0)
		return fail(why, RESULT_DAMAGED, "%s: %llu error%s %s", session->pair.device.name,
			    errors, text_plural(errors),
			    session->choice->dry_run ? "would be left" : "left");
	return cmd_repair_count_left(session, SEVERITY_WARNING) > 0 ? RESULT_PROBLEMS : RESULT_OK;
}

static enum result repair_store(struct repair_session *session, struct failure *why)
{
	enum result result = cmd_repair_need_header(session, why);

	if (result == RESULT_OK)
		result = repair_plan(&session->repair, why);
	if (result == RESULT_OK)
		result = cmd_repair_doubt_header(session, why);
	session->planned = result == RESULT_OK;
	if (result == RESULT_OK)
		result = show_plan(session, why);
	if (result == RESULT_OK)
		result = check_right(session, why);
	if (result == RESULT_OK)
		result = need_consent(session, why);
	if (result == RESULT_OK)
		result = carry_out(session, why);
	return result;
}

/* ---- opening and closing ---- */

/* What can be read of the store is mended. */
static enum result open_all(struct repair_session *session, struct failure *why)
{
	const struct repair_choice *choice = session->choice;
	struct pair *pair = &session->pair;
	const struct pair_options opening = {
		.mode = pair_mode(choice->dry_run, choice->force),
		.origin_is_option = true,
		.gaps = true,
	};
	enum result result = pair_open(pair, session->cli, &opening, choice->origin,
				       session->cli->arguments[0], why);

	if (result == RESULT_OK && choice->origin)
		result = roles_check_origin(&pair->origin, &pair->io, why);
	session->repair = (struct repair){
		.store = &pair->store,
		.options.set_valid = choice->set_valid,
		.options.drop_shared = choice->drop_shared,
		.options.forget_kept = choice->forget_kept,
	};
	session->repair.options.origin_known =
		pair_knows_origin(pair, &session->repair.options.origin_bytes);
	return result;
}

static void close_all(struct repair_session *session)
{
	repair_free(&session->repair);
	pair_close(&session->pair);
}

/* A failure before anything was found out is an object of its own. */
static enum result print(struct repair_session *session, enum result result, struct failure *why)
{
	bool failed = result != RESULT_OK && result != RESULT_PROBLEMS;
	struct failure printing;
	enum result printed = RESULT_OK;

	if (!session->planned && !session->looked_for_header)
		return result;
	if (session->cli->json)
		printed = cmd_repair_print_json(session, failed, failed ? &printing : why);
	else if (!session->choice->dry_run && (!failed || result == RESULT_DAMAGED))
		cmd_repair_print_outcome(session);
	return failed || printed == RESULT_OK ? result : printed;
}

static enum result open_and_repair(struct cli *cli, const struct repair_choice *choice,
				   struct failure *why)
{
	struct repair_session session = {.cli = cli, .choice = choice};
	enum result result = open_all(&session, why);

	if (result == RESULT_OK)
		result = pair_release(&session.pair, repair_store(&session, why), why);
	if (result == RESULT_OK)
		result = judge(&session, why);
	result = print(&session, result, why);
	close_all(&session);
	return result;
}

static enum result check_choice(const struct repair_choice *choice, struct failure *why)
{
	uint64_t bytes = choice->chunk_bytes;

	if (choice->backup && choice->no_backup)
		return fail(why, RESULT_USAGE, "--backup and --no-backup exclude each other");
	if (!choice->dry_run && !choice->backup && !choice->no_backup)
		return fail(
			why, RESULT_USAGE,
			"--backup=FILE is missing, the way back; --no-backup goes without one, --dry-run only shows what would be done");
	if (bytes == CLI_NOT_GIVEN)
		return RESULT_OK;
	if (!choice->rebuild_header)
		return fail(why, RESULT_USAGE, "--chunk goes with --rebuild-header only");
	if (!geometry_chunk_is_valid(bytes))
		return fail(why, RESULT_USAGE,
			    "--chunk: must be a power of two from 512 bytes to 1G");
	return RESULT_OK;
}

enum result cmd_repair(struct cli *cli, int argc, const char **argv, struct failure *why)
{
	struct repair_choice choice = {.chunk_bytes = CLI_NOT_GIVEN};
	const struct cli_option options[] = {
		{"backup", CLI_FILE, &choice.backup,
		 "save the metadata in FILE before the first write", "FILE"},
		{"no-backup", CLI_FLAG, &choice.no_backup, "go without a backup", NULL},
		{"dry-run", CLI_FLAG, &choice.dry_run, "show what would be done, write nothing",
		 NULL},
		{"yes", CLI_FLAG, &choice.yes, "consent to every repair", NULL},
		{"origin", CLI_STRING, &choice.origin,
		 "also drop exceptions for chunks that are not in this origin", "ORIGIN"},
		{"set-valid", CLI_FLAG, &choice.set_valid,
		 "mark a store valid that the kernel has given up", NULL},
		{"drop-shared", CLI_FLAG, &choice.drop_shared,
		 "of two exceptions with one data chunk, drop the later one", NULL},
		{"forget-kept", CLI_FLAG, &choice.forget_kept,
		 "remove what a merge left here that kept this store and is no more", NULL},
		{"rebuild-header", CLI_FLAG, &choice.rebuild_header,
		 "write a lost header anew, by what the rest of the store shows", NULL},
		{"force", CLI_FLAG, &choice.force,
		 "make a header although something else is there, or nothing shows a store", NULL},
		{"chunk", CLI_SIZE, &choice.chunk_bytes, "the chunk size of a lost or wrong header",
		 "SIZE"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	enum result result = cli_parse(cli, options, CLI_EXACTLY(1), argc, argv, why);

	if (result == RESULT_OK && !cli->finished)
		result = check_choice(&choice, why);
	if (result == RESULT_OK && !cli->finished)
		result = open_and_repair(cli, &choice, why);
	free(choice.backup);
	free(choice.origin);
	return result;
}
