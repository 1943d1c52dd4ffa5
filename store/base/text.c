// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/base/text.h"

#include <ctype.h>
#include <string.h>

/* What may stand second: overlong forms, surrogates and what is beyond U+10FFFF are left out. */
static bool is_second(unsigned char first, unsigned char second)
{
	unsigned char least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	unsigned char most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

	return second >= least && second <= most;
}

unsigned int utf8_length(const char *text)
{
	const unsigned char *bytes = (const unsigned char *)text;
	unsigned int length;

	if (bytes[0] < 0x80)
		return 1;
	if (bytes[0] >= 0xc2 && bytes[0] < 0xe0)
		length = 2;
	else if (bytes[0] >= 0xe0 && bytes[0] < 0xf0)
		length = 3;
	else if (bytes[0] >= 0xf0 && bytes[0] < 0xf5)
		length = 4;
	else
		return 0;
	if (!is_second(bytes[0], bytes[1]))
		return 0;
	for (unsigned int i = 2; i < length; i++)
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* How many bytes at `text` a terminal may get as they are; 0: the first may not. */
static unsigned int visible_length(const char *text)
{
	const unsigned char *bytes = (const unsigned char *)text;

	if (bytes[0] < 0x20 || bytes[0] == 0x7f)
		return 0;
	/* U+0080 to U+009F: control characters, too. */
	if (bytes[0] == 0xc2 && bytes[1] >= 0x80 && bytes[1] < 0xa0)
		return 0;
	return utf8_length(text);
}

const char *text_visible(const char *text, char *buffer, size_t size)
{
	size_t used = 0;

	while (*text && used + sizeof("\\x1b") <= size) {
		unsigned int length = visible_length(text);

		if (length == 0)
			used += (size_t)sprintf(buffer + used, "\\x%02x", (unsigned char)*text++);
		for (; length > 0; length--)
			buffer[used++] = *text++;
	}
	buffer[used] = '\0';
	return buffer;
}

/* ---- commands to copy ---- */

static const char end_of_full[] = " ...";

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
		unsigned int length = visible_length(name);

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

const char *suggest_end(struct suggestion *suggestion)
{
	const char *end = suggestion->is_full ? end_of_full : "";
	const char *quote = memchr(suggestion->command, '\'', suggestion->used) ? "\"" : "'";

	snprintf(suggestion->quoted, sizeof(suggestion->quoted), "%s%.*s%s%s", quote,
		 (int)suggestion->used, suggestion->command, end, quote);
	return suggestion->quoted;
}

const char *suggest_names(struct suggestion *suggestion, const char *words,
			  const char *const *names)
{
	suggest_begin(suggestion);
	suggest_more_names(suggestion, words, names);
	return suggest_end(suggestion);
}
