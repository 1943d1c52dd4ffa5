// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/base/text.h"

#include <stdbool.h>
#include <stdio.h>

/* What may be second: overlong forms, surrogates and what is beyond U+10FFFF are left out. */
static bool is_second(unsigned char first, unsigned char second)
{
	unsigned char least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	unsigned char most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

	return second >= least && second <= most;
}

unsigned int text_utf8_length(const char *text)
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

const char *text_plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

unsigned int text_visible_length(const char *text)
{
	const unsigned char *bytes = (const unsigned char *)text;

	if (bytes[0] < 0x20 || bytes[0] == 0x7f)
		return 0;
	/* U+0080 to U+009F: control characters, too. */
	if (bytes[0] == 0xc2 && bytes[1] >= 0x80 && bytes[1] < 0xa0)
		return 0;
	return text_utf8_length(text);
}

const char *text_visible(const char *text, char *buffer, size_t size)
{
	size_t used = 0;

	while (*text && used + sizeof("\\x1b") <= size) {
		unsigned int length = text_visible_length(text);

		if (length == 0)
			used += (size_t)sprintf(buffer + used, "\\x%02x", (unsigned char)*text++);
		for (; length > 0; length--)
			buffer[used++] = *text++;
	}
	buffer[used] = '\0';
	return buffer;
}
