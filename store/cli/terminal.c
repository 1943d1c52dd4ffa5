// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>

size_t terminal_columns(FILE *file)
{
	struct winsize size;

	return ioctl(fileno(file), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* As setlocale chooses; it itself would find no locales in a rescue system. */
static const char *locale(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return value;
	}
	return "C";
}

bool terminal_has_blocks(void)
{
	const char *codeset = strchr(locale(), '.'), *term = getenv("TERM");

	if (term && strcmp(term, "linux") == 0)
		return false;
	return codeset && (strncasecmp(codeset, ".UTF-8", strlen(".UTF-8")) == 0 ||
			   strncasecmp(codeset, ".utf8", strlen(".utf8")) == 0);
}
