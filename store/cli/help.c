// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/help.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "store/cli/terminal.h"

/* Narrower terminals have the text below the name. */
#define TEXT_COLUMNS_MIN 30u
#define INDENT_BELOW 8u

/* A word, or a command in quotes, which must stay on one line to be pasted, and what follows it. */
static size_t word_length(const char *text)
{
	const char *end = *text == '\'' || *text == '"' ? strchr(text + 1, *text) : NULL;

	return end ? (size_t)(end - text) + strcspn(end, " ") : strcspn(text, " ");
}

static void print_wrapped(FILE *file, const char *text, size_t indent, size_t columns)
{
	size_t column = indent;

	while (*text) {
		size_t length = word_length(text);

		if (column > indent && column + 1 + length > columns) {
			fprintf(file, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			column += (size_t)fprintf(file, " ");
		}
		column += fwrite(text, 1, length, file);
		text += length + strspn(text + length, " ");
	}
	fprintf(file, "\n");
}

/* What is no terminal has lines of any length. */
static size_t line_columns(FILE *file)
{
	size_t columns = terminal_columns(file);

	return columns > 0 ? columns : SIZE_MAX;
}

void help_paragraph(FILE *file, const char *label, size_t indent, const char *text)
{
	size_t columns = line_columns(file);

	if (columns >= indent + TEXT_COLUMNS_MIN) {
		fprintf(file, "%-*s", (int)indent, label);
	} else {
		indent = INDENT_BELOW;
		fprintf(file, "%s\n%*s", label, (int)indent, "");
	}
	print_wrapped(file, text, indent, columns);
}

void help_row(FILE *file, const char *name, size_t indent, const char *text)
{
	size_t columns = line_columns(file);

	if (columns >= indent + TEXT_COLUMNS_MIN) {
		fprintf(file, "  %-*s  ", (int)indent - 4, name);
	} else {
		indent = INDENT_BELOW;
		fprintf(file, "  %s\n%*s", name, (int)indent, "");
	}
	print_wrapped(file, text, indent, columns);
}
