/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far a long command is: a bar for people, lines of JSON for programs, on stderr. */
#ifndef STORE_PROGRESS_H
#define STORE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "store/base/status.h"

enum progress_mode { PROGRESS_AUTO, PROGRESS_BAR, PROGRESS_JSON, PROGRESS_NONE };

struct progress {
	enum progress_mode mode;
	const char *device; /* the caller's */
	struct timespec start, last;
	bool bar_is_drawn;
};

/* "auto", "bar", "json", "none"; false: no such mode. */
bool progress_parse(const char *name, enum progress_mode *mode);

/* What --progress says: one of these, or NULL where it is not given; --quiet makes "auto" none.
 * RESULT_USAGE: no such mode. */
enum result progress_choose(const char *name, bool quiet, enum progress_mode *mode,
			    struct failure *why);

/* PROGRESS_AUTO becomes a bar where stderr is a terminal, else nothing. */
void progress_begin(struct progress *progress, enum progress_mode mode, const char *device);

/* Call it as often as you like: it prints only now and then, and once when SIGUSR1 asked for it. */
void progress_update(struct progress *progress, uint64_t done_bytes, uint64_t total_bytes);

/* The last line; a bar is ended so that messages begin on a line of their own. */
void progress_end(struct progress *progress, uint64_t done_bytes, uint64_t total_bytes);

/* Since progress_begin. */
double progress_seconds(const struct progress *progress);

#endif
