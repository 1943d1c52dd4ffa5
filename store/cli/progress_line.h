/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of a progress, without a terminal: what fits into how many columns. Pure. */
#ifndef STORE_CLI_PROGRESS_LINE_H
#define STORE_CLI_PROGRESS_LINE_H

#include <stddef.h>
#include <stdint.h>

struct progress_now {
	uint64_t done_bytes, total_bytes;
	double speed;	     /* bytes a second; 0: not known */
	double seconds_left; /* where the speed is known */
};

/* Enough for every line. */
#define PROGRESS_LINE_BYTES 256u

/*
 * A bar of at most `columns` characters. Where that is too narrow for all, first the speed is left
 * out, then the sizes; then the bar becomes shorter, and is left out; then the time that is left is.
 * What is left out depends on the widest that a number may become, so that nothing comes and goes
 * while a command runs.
 */
void progress_line_bar(char line[PROGRESS_LINE_BYTES], const struct progress_now *now,
		       size_t columns);

/* "45%, 1.0 GiB of 2.2 GiB, 310.4 MiB/s, 0:04 to go": for logs, of any width. */
void progress_line_text(char line[PROGRESS_LINE_BYTES], const struct progress_now *now);

#endif
