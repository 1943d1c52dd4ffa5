/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_ADVICE_H
#define VERIFY_ADVICE_H

#include "store/cow/store.h"
#include "store/cow/summary.h"
#include "verify/check/problem.h"

#define ADVICE_BYTES 4096

/* What the commands are about. */
struct advice_names {
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
const char *advice(enum problem problem, const struct advice_names *names, char text[ADVICE_BYTES]);

#endif
