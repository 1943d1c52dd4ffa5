/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How --help looks: lines of a name and a text, as wide as the terminal. */
#ifndef STORE_HELP_H
#define STORE_HELP_H

#include <stddef.h>
#include <stdio.h>

/*
 * Prints two spaces, `name`, and `text` from column `indent` on, wrapped where the terminal ends.
 * Where `file` is no terminal, all of it is one line, which scripts and the completions can read.
 */
void help_row(FILE *file, const char *name, size_t indent, const char *text);

/* The text after its label, from column `indent` on, wrapped like that; a command in quotes is not
 * broken. */
void help_paragraph(FILE *file, const char *label, size_t indent, const char *text);

#endif
