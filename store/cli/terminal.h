/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of the terminal that a stream leads to. */
#ifndef STORE_CLI_TERMINAL_H
#define STORE_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Where nobody knows: a serial line, or no terminal. */
#define TERMINAL_COLUMNS_DEFAULT 80u

/* How many columns a line has, now; 0: it is no terminal, or does not say. */
size_t terminal_columns(FILE *file);

/* Can the eighths of a block be shown: is the locale one of UTF-8, by what the environment says,
 * and the terminal not the kernel's console, whose fonts lack them? */
bool terminal_has_blocks(void);

#endif
