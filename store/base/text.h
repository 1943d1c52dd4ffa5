/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for people: what a terminal may get. Pure. */
#ifndef STORE_BASE_TEXT_H
#define STORE_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes the UTF-8 character at `text` has, not more than the text; 0: it is none. */
unsigned int text_utf8_length(const char *text);

/* "", or "s" where it is not one. */
const char *text_plural(uint64_t count);

/* How many bytes at `text` a terminal may get as they are; 0: the first may not. */
unsigned int text_visible_length(const char *text);

/* The text as a terminal may get it: a byte of a control character, or of what is no UTF-8, becomes
 * "\x1b". Cut where `size` ends. Returns `buffer`. */
const char *text_visible(const char *text, char *buffer, size_t size);

#endif
