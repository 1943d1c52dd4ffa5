/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text with commands in it that are made for the devices at hand, for people to copy. */
#ifndef STORE_CLI_TEMPLATE_H
#define STORE_CLI_TEMPLATE_H

#include <stddef.h>

#include "store/base/suggest.h"

/* Puts into the command what <word> is the place of; the word has `count` bytes. */
typedef void template_place(void *context, const char *word, size_t count,
			    struct suggestion *command);

/*
 * Appends `words` to `text`, a string in `size` bytes. In the words, {...} is a command: it comes
 * quoted, and <word> in it is a place, which `place` fills in. Cut where `size` ends.
 */
void template_write(char *text, size_t size, const char *words, template_place *place,
		    void *context);

#endif
