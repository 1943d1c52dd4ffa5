/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_CHECK_CMD_ADVICE_H
#define VERIFY_CHECK_CMD_ADVICE_H

#include "store/cow/store.h"
#include "store/cow/summary.h"
#include "verify/check/problem.h"

#define CMD_ADVICE_BYTES 4096

/* What the commands are about. */
struct cmd_advice_names {
	const struct store *store;
	const struct summary *summary; /* of its exceptions, as far as they are known */
	const char *origin;	       /* NULL: not known */
	bool is_saved; /* the store was read from a saved file, which no such command takes */
};

/*
 * What can be done about a problem, and with which command, so that the command is not refused: an
 * unfinished merge that the store is part of counts. FILE, ORIGIN and STORE (STORE2: a
 * kept one) stand for names that are not known. Returns `text`.
 */
const char *cmd_advice(enum problem problem, const struct cmd_advice_names *names,
		       char text[CMD_ADVICE_BYTES]);

#endif
