// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/help.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

/* Narrower terminals have the text below the name. */
#define TEXT_COLUMNS_MIN 30u
#define INDENT_BELOW 8u

/* How many columns a line of `file` has; SIZE_MAX: it is no terminal. */
static size_t width(FILE *file)
{
	struct winsize size;

	if (ioctl(fileno(file), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return SIZE_MAX;
	return size.ws_col;
}

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
	size_t columns = width(file);

	if (columns >= indent + TEXT_COLUMNS_MIN) {
		fprintf(file, "  %-*s  ", (int)indent - 4, name);
	} else {
		indent = INDENT_BELOW;
		fprintf(file, "  %s\n%*s", name, (int)indent, "");
	}
	print_wrapped(file, text, indent, columns);
}
