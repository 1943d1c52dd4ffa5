// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/base/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void say(struct failure *why, const char *format, va_list arguments)
{
	vsnprintf(why->text, sizeof(why->text), format, arguments);
	why->remedy = REMEDY_NONE;
	why->remedy_name[0] = '\0';
}

enum result fail(struct failure *why, enum result result, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(why, format, arguments);
	va_end(arguments);
	return result;
}

enum result fail_remedy(struct failure *why, enum result result, enum remedy remedy,
			const char *name, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(why, format, arguments);
	va_end(arguments);
	fail_set_remedy(why, remedy, name);
	return result;
}

void fail_set_remedy(struct failure *why, enum remedy remedy, const char *name)
{
	why->remedy = remedy;
	snprintf(why->remedy_name, sizeof(why->remedy_name), "%s", name ? name : "");
}

enum result fail_more(struct failure *why, enum result result, const char *format, ...)
{
	size_t length = strlen(why->text);
	va_list arguments;

	length += (size_t)snprintf(why->text + length, sizeof(why->text) - length, "; ");
	if (length >= sizeof(why->text))
		return result;
	va_start(arguments, format);
	vsnprintf(why->text + length, sizeof(why->text) - length, format, arguments);
	va_end(arguments);
	return result;
}

enum result fail_errno(struct failure *why, enum result result, int error, const char *format, ...)
{
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	say(why, format, arguments);
	va_end(arguments);
	length = strlen(why->text);
	snprintf(why->text + length, sizeof(why->text) - length, ": %s", strerror(error));
	return result;
}

const char *fail_without_name(const struct failure *why, const char *name)
{
	size_t length = strlen(name);
	bool has_name =
		strncmp(why->text, name, length) == 0 && strncmp(why->text + length, ": ", 2) == 0;

	return has_name ? why->text + length + 2 : why->text;
}

enum result fail_memory(struct failure *why, const char *what, size_t bytes)
{
	if (bytes == 0)
		return fail(why, RESULT_NO_MEMORY, "out of memory: for %s", what);
	return fail(why, RESULT_NO_MEMORY, "out of memory: %zu bytes for %s", bytes, what);
}

enum result fail_stopped(struct failure *why, const char *name)
{
	return fail(why, RESULT_STOPPED, "%s: stopped on request; nothing was written", name);
}
