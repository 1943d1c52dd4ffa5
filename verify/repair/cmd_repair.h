/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the command repair share: what is open, and the printing of it. */
#ifndef VERIFY_REPAIR_CMD_REPAIR_H
#define VERIFY_REPAIR_CMD_REPAIR_H

#include <stdio.h>

#include "store/cli/cli.h"
#include "store/cli/pair.h"
#include "verify/check/cmd_advice.h"
#include "verify/repair/repair.h"

/* The command line. */
struct repair_choice {
	bool dry_run, yes, no_backup, set_valid, drop_shared, rebuild_header, forget_kept, force;
	char *backup, *origin; /* owned */
	uint64_t chunk_bytes;  /* or CLI_NOT_GIVEN */
};

/* Everything that is open, and how far it went. */
struct repair_session {
	struct cli *cli;
	const struct repair_choice *choice;
	struct pair pair;
	struct rebuild rebuild;
	struct repair repair;
	struct check after; /* only where `ran` */
	bool looked_for_header, planned, backed_up, ran;
};

/* ---- verify/repair/cmd_repair_header.c ---- */

/* The store has a good header, or one is assumed as the choice says. */
enum result cmd_repair_need_header(struct repair_session *session, struct failure *why);

/* Refuses a plan by a header whose chunk size is wrong: what it takes for damage is the store. */
enum result cmd_repair_doubt_header(struct repair_session *session, struct failure *why);

/* ---- verify/repair/cmd_repair_output.c ---- */

/* A chunk size as --chunk takes it: "512", "4K". Returns `text`. */
#define REPAIR_SIZE_BYTES 24
const char *cmd_repair_size(uint32_t chunk_sectors, char text[REPAIR_SIZE_BYTES]);

/* What speaks for a chunk size, in one line. Returns `text`. */
const char *cmd_repair_evidence(const struct rebuild *rebuild,
				const struct rebuild_candidate *candidate, char *text, size_t size);

/* What can be done about a problem of this store. Returns `text`. */
const char *cmd_repair_advice(const struct repair_session *session, enum problem problem,
			      char text[CMD_ADVICE_BYTES]);

/* For people: what is to be done, what it takes from the view, and what it does not mend. */
enum result cmd_repair_print_plan(const struct repair_session *session, FILE *file,
				  struct failure *why);

/* Item `i` of the plan, with its number and its place: no line of its own. */
void cmd_repair_print_item(const struct repair_session *session, size_t i, FILE *file);

/* For people: how it ended. */
void cmd_repair_print_outcome(const struct repair_session *session);

/* The JSON object; it stays open for the error where `failed`. */
enum result cmd_repair_print_json(struct repair_session *session, bool failed, struct failure *why);

/* How many findings are left, or in a dry run would be. */
uint64_t cmd_repair_count_left(const struct repair_session *session, enum severity severity);

/* ---- verify/repair/cmd_repair.c ---- */

/* Can somebody be asked, and see the question? */
bool cmd_repair_can_ask(void);

/* Asks which of the candidates it was; NULL: none of them. */
const struct rebuild_candidate *cmd_repair_ask_header(const struct repair_session *session);

enum result cmd_repair(struct cli *cli, int argc, const char **argv, struct failure *why);

#endif
