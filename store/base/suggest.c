// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/base/suggest.h"

#include <ctype.h>
#include <string.h>

#include "store/base/text.h"

static const char end_of_full[] = " ...";

/* See suggest_always. */
static struct {
	const char *option;
	const char *const *names;
	size_t count;
} always;

void suggest_always(const char *option, const char *const *names, size_t count)
{
	always.option = option;
	always.names = names;
	always.count = count;
}

void suggest_words(struct suggestion *suggestion, const char *words, size_t count)
{
	if (suggestion->is_full ||
	    count > sizeof(suggestion->command) - sizeof(end_of_full) - suggestion->used) {
		suggestion->is_full = true;
		return;
	}
	memcpy(suggestion->command + suggestion->used, words, count);
	suggestion->used += count;
}

static void append_escaped(struct suggestion *suggestion, unsigned char byte)
{
	char text[] = "$'\\000'";

	text[3] = (char)('0' + (byte >> 6));
	text[4] = (char)('0' + (byte >> 3 & 7));
	text[5] = (char)('0' + (byte & 7));
	suggest_words(suggestion, text, strlen(text));
}

/* Letters of other alphabets mean nothing to a shell. */
static void append_character(struct suggestion *suggestion, const char *text, unsigned int length)
{
	if (length == 1 && !isalnum((unsigned char)*text) && !strchr("_-+./:=@%,", *text))
		suggest_words(suggestion, "\\", 1);
	suggest_words(suggestion, text, length);
}

/* A name that begins like an option becomes a path; zsh expands a word that begins with '='. */
static void append_name(struct suggestion *suggestion, const char *name)
{
	if (!*name)
		suggest_words(suggestion, "''", 2);
	if (*name == '-')
		suggest_words(suggestion, "./", 2);
	if (*name == '=')
		suggest_words(suggestion, "\\", 1);
	while (*name) {
		unsigned int length = text_visible_length(name);

		if (length == 0)
			append_escaped(suggestion, (unsigned char)*name++);
		else
			append_character(suggestion, name, length);
		name += length;
	}
}

void suggest_begin(struct suggestion *suggestion)
{
	suggestion->used = 0;
	suggestion->is_full = false;
}

void suggest_more_names(struct suggestion *suggestion, const char *words, const char *const *names)
{
	const char *place;

	for (; *names && (place = strstr(words, "%s")) != NULL; names++) {
		suggest_words(suggestion, words, (size_t)(place - words));
		append_name(suggestion, *names);
		words = place + strlen("%s");
	}
	suggest_words(suggestion, words, strlen(words));
}

static void add_always(struct suggestion *suggestion)
{
	static const char cowtool[] = "cowtool ";

	if (suggestion->used < strlen(cowtool) ||
	    memcmp(suggestion->command, cowtool, strlen(cowtool)) != 0)
		return;
	for (size_t i = 0; i < always.count; i++) {
		suggest_words(suggestion, " ", 1);
		suggest_words(suggestion, always.option, strlen(always.option));
		suggest_more(suggestion, " %s", always.names[i]);
	}
}

static void finish(struct suggestion *suggestion, const char *quote)
{
	const char *end = suggestion->is_full ? end_of_full : "";

	snprintf(suggestion->quoted, sizeof(suggestion->quoted), "%s%.*s%s%s", quote,
		 (int)suggestion->used, suggestion->command, end, quote);
}

const char *suggest_end(struct suggestion *suggestion)
{
	add_always(suggestion);
	finish(suggestion, memchr(suggestion->command, '\'', suggestion->used) ? "\"" : "'");
	return suggestion->quoted;
}

const char *suggest_plain(struct suggestion *suggestion)
{
	add_always(suggestion);
	finish(suggestion, "");
	return suggestion->quoted;
}

const char *suggest_names(struct suggestion *suggestion, const char *words,
			  const char *const *names)
{
	suggest_begin(suggestion);
	suggest_more_names(suggestion, words, names);
	return suggest_end(suggestion);
}
