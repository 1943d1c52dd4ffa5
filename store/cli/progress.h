/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far a long command is, on stderr: a bar or plain lines for people, JSON for programs. */
#ifndef STORE_CLI_PROGRESS_H
#define STORE_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "store/cli/cli.h"
#include "store/cli/pace.h"

enum progress_mode { PROGRESS_AUTO, PROGRESS_BAR, PROGRESS_JSON, PROGRESS_LOG, PROGRESS_NONE };

struct progress {
	enum progress_mode mode;
	const struct cli *cli; /* the caller's */
	const char *device;    /* the caller's */
	double interval;       /* seconds between two prints */
	uint64_t begun_bytes;  /* done before it began */
	struct timespec start, last;
	struct pace pace;
	size_t columns; /* of the bar that was drawn last */
};

/* What --progress may be, in that order; log may have a number of seconds. */
extern const char *const progress_words[];
#define PROGRESS_WORD ((struct cli_word){.words = progress_words, .numbered = "log"})
#define PROGRESS_HELP                                                                              \
	"auto (default: a bar on a terminal), bar, json, log (a line each 10 seconds; log=SECONDS) or none"

/* The clock starts; nothing is printed but what SIGUSR1 asks for. `cli` and `device` must last as
 * long as the progress. */
void progress_begin(struct progress *progress, const struct cli *cli, const char *device);

/*
 * After progress_begin, just before the work: from here on it is shown as `how` (a PROGRESS_WORD;
 * NULL: auto) says, and the clock starts anew. auto is a bar where stderr is a terminal and --quiet
 * is not given, else nothing. A terminal that knows no control sequences gets lines as log does.
 * `done_bytes` are done already, and count for no speed.
 */
void progress_show(struct progress *progress, const struct cli_word *how, uint64_t done_bytes);

/* Call it as often as you like: it prints only now and then, and once when SIGUSR1 asked for it. */
void progress_update(struct progress *progress, uint64_t done_bytes, uint64_t total_bytes);

/* The last line; a bar is ended so that messages begin on a line of their own. Where there was
 * nothing to do, only JSON has one. */
void progress_end(struct progress *progress, uint64_t done_bytes, uint64_t total_bytes);

/* Since progress_show, or else progress_begin. */
double progress_seconds(const struct progress *progress);

#endif
