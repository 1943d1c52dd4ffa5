/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that a message suggests, for people to copy. */
#ifndef STORE_BASE_SUGGEST_H
#define STORE_BASE_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * A command: made by suggest at once, or by suggest_begin, any number of suggest_more, and
 * suggest_end.
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

/* From now on every suggested command of cowtool's ends with this option for each of `count` names,
 * which the caller keeps. 0: with none. */
void suggest_always(const char *option, const char *const *names, size_t count);

/* Words of a command, as they are. */
void suggest_words(struct suggestion *suggestion, const char *words, size_t count);
const char *suggest_end(struct suggestion *suggestion);
/* The same without quotes, for a program. */
const char *suggest_plain(struct suggestion *suggestion);
/* `names` ends with NULL. */
void suggest_more_names(struct suggestion *suggestion, const char *words, const char *const *names);
const char *suggest_names(struct suggestion *suggestion, const char *words,
			  const char *const *names);

/* Through these macros: the compiler sees to it that there are as many names as places, and that
 * they are names. */
#define SUGGEST_NAMES(words, ...)                                                                  \
	((void)sizeof(snprintf(NULL, 0, words, ##__VA_ARGS__)),                                    \
	 (const char *const[]){"", ##__VA_ARGS__, NULL} + 1)
#define suggest_more(suggestion, words, ...)                                                       \
	suggest_more_names(suggestion, words, SUGGEST_NAMES(words, ##__VA_ARGS__))
#define suggest(suggestion, words, ...)                                                            \
	suggest_names(suggestion, words, SUGGEST_NAMES(words, ##__VA_ARGS__))

#endif
