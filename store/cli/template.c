// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/template.h"

#include <string.h>

static void append(char *text, size_t size, const char *words, size_t count)
{
	size_t used = strlen(text), left = size - 1 - used;

	count = count < left ? count : left;
	memcpy(text + used, words, count);
	text[used + count] = '\0';
}

/* Returns what follows the command. */
static const char *append_command(char *text, size_t size, const char *words, template_place *place,
				  void *context)
{
	struct suggestion command;
	const char *quoted;

	suggest_begin(&command);
	while (*words != '}') {
		size_t count = strcspn(words, "<}");

		suggest_words(&command, words, count);
		words += count;
		if (*words == '<') {
			count = strcspn(words, ">");
			place(context, words + 1, count - 1, &command);
			words += count + 1;
		}
	}
	quoted = suggest_end(&command);
	append(text, size, quoted, strlen(quoted));
	return words + 1;
}

void template_write(char *text, size_t size, const char *words, template_place *place,
		    void *context)
{
	while (*words) {
		size_t count = strcspn(words, "{");

		append(text, size, words, count);
		words += count;
		if (*words)
			words = append_command(text, size, words + 1, place, context);
	}
}
