// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/help.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "store/cli/terminal.h"

/* Narrower terminals have the text below the name. */
#define TEXT_COLUMNS_MIN 30u
#define INDENT_BELOW 8u

static void print_wrapped(FILE *file, const char *text, size_t indent, size_t columns)
{
	size_t column = indent;

	while (*text) {
		size_t length = strcspn(text, " ");

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

void help_row(FILE *file, const char *name, size_t indent, const char *text)
{
	size_t columns = terminal_columns(file);

	/* What is no terminal has lines of any length. */
	if (columns == 0)
		columns = SIZE_MAX;
	if (columns >= indent + TEXT_COLUMNS_MIN) {
		fprintf(file, "  %-*s  ", (int)indent - 4, name);
	} else {
		indent = INDENT_BELOW;
		fprintf(file, "  %s\n%*s", name, (int)indent, "");
	}
	print_wrapped(file, text, indent, columns);
}
