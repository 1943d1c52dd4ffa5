/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for people: what a terminal may get, and commands to copy. Pure. */
#ifndef STORE_BASE_TEXT_H
#define STORE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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
 * In `words`, %s is the place of the next name, of which every character that a shell would not
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
const char *suggest_end(struct suggestion *suggestion);
/* `names` ends with NULL. */
void suggest_more_names(struct suggestion *suggestion, const char *words, const char *const *names);
const char *suggest_names(struct suggestion *suggestion, const char *words,
			  const char *const *names);

/* Through these macros: the compiler sees to it that there are as many names as places, and that they
 * are names. */
#define SUGGEST_NAMES(words, ...)                                                                  \
	((void)sizeof(snprintf(NULL, 0, words, ##__VA_ARGS__)),                                    \
	 (const char *const[]){"", ##__VA_ARGS__, NULL} + 1)
#define suggest_more(suggestion, words, ...)                                                       \
	suggest_more_names(suggestion, words, SUGGEST_NAMES(words, ##__VA_ARGS__))
#define suggest(suggestion, words, ...)                                                            \
	suggest_names(suggestion, words, SUGGEST_NAMES(words, ##__VA_ARGS__))

#endif
