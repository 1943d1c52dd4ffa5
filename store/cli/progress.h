/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far a long command is: a bar for people, lines of JSON for programs, on stderr. */
#ifndef STORE_CLI_PROGRESS_H
#define STORE_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "store/cli/cli.h"

enum progress_mode { PROGRESS_AUTO, PROGRESS_BAR, PROGRESS_JSON, PROGRESS_NONE };

struct progress {
	enum progress_mode mode;
	const char *device; /* the caller's */
	struct timespec start, last;
	bool bar_is_drawn;
};

/* What --progress may be, in that order. */
extern const char *const progress_words[];

/* PROGRESS_AUTO becomes a bar where stderr is a terminal and --quiet is not given, else nothing. */
void progress_begin(struct progress *progress, const struct cli *cli, enum progress_mode mode,
		    const char *device);

/* Call it as often as you like: it prints only now and then, and once when SIGUSR1 asked for it. */
void progress_update(struct progress *progress, uint64_t done_bytes, uint64_t total_bytes);

/* The last line; a bar is ended so that messages begin on a line of their own. */
void progress_end(struct progress *progress, uint64_t done_bytes, uint64_t total_bytes);

/* Since progress_begin. */
double progress_seconds(const struct progress *progress);

#endif
