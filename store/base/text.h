/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for people: what a terminal may get, and commands to copy. Pure. */
#ifndef STORE_TEXT_H
#define STORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many bytes the UTF-8 character at `text` has, not more than the text; 0: it is none. */
unsigned int utf8_length(const char *text);

/* "", or "s" where it is not one. */
const char *plural(uint64_t count);

/* The text as a terminal may get it: a byte of a control character, or of what is no UTF-8, becomes
 * "\x1b". Cut where `size` ends. Returns `buffer`. */
const char *text_visible(const char *text, char *buffer, size_t size);

/*
 * A command that a message suggests, for people to copy: made by suggest at once, or by suggest_begin,
 * any number of suggest_more, and suggest_end.
 *
 * The only conversion in a format is %s, and it takes a name: every character that a shell would not
 * leave alone is escaped by itself, with a backslash or, a control character, as $'\033'. So the
 * command holds no quotes around words, and stays what it is inside those in which suggest_end puts
 * it: '...', or "..." where there is an apostrophe in it. What does not fit ends it with "...".
 */
struct suggestion {
	char command[1024];
	char quoted[1032];
	size_t used;
	bool is_full;
};

void suggest_begin(struct suggestion *suggestion);
/* Words of a command, as they are. */
void suggest_words(struct suggestion *suggestion, const char *words, size_t count);
void suggest_more(struct suggestion *suggestion, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
const char *suggest_end(struct suggestion *suggestion);
const char *suggest(struct suggestion *suggestion, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
