// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/json.h"

#include <inttypes.h>
#include <string.h>

#include "store/base/text.h"

/* How many bytes at the start JSON takes as they are: nearly all. A call for each of them would be
 * most of what a long list costs. */
static size_t plain_length(const unsigned char *text)
{
	size_t length = 0;

	while (text[length] >= 0x20 && text[length] < 0x7f && text[length] != '"' &&
	       text[length] != '\\')
		length++;
	return length;
}

static void write_string(FILE *file, const char *value)
{
	const unsigned char *text = (const unsigned char *)value;

	fputc('"', file);
	for (;;) {
		size_t plain = plain_length(text);
		unsigned int length;

		fwrite(text, 1, plain, file);
		text += plain;
		if (*text == '\0')
			break;
		length = text_utf8_length((const char *)text);
		if (length == 0) {
			fputs("\\ufffd", file);
			length = 1;
		} else if (*text == '"' || *text == '\\') {
			fprintf(file, "\\%c", *text);
		} else if (text_visible_length((const char *)text) == 0) {
			/* A control character: what follows 0xc2 is its number, too. */
			fprintf(file, "\\u%04x", text[length - 1]);
		} else {
			fwrite(text, 1, length, file);
		}
		text += length;
	}
	fputc('"', file);
}

static void begin_value(struct json *json, const char *key)
{
	if (json->needs_comma)
		fputc(',', json->file);
	if (key) {
		write_string(json->file, key);
		fputc(':', json->file);
	}
	json->needs_comma = true;
}

static void open_value(struct json *json, const char *key, char bracket)
{
	begin_value(json, key);
	fputc(bracket, json->file);
	json->needs_comma = false;
}

static void close_value(struct json *json, char bracket)
{
	fputc(bracket, json->file);
	json->needs_comma = true;
}

void json_open_result(struct json *json, const char *version, const char *command)
{
	json_open_object(json, NULL);
	json_string(json, "cowtool", version);
	json_string(json, "command", command);
}

void json_open_object(struct json *json, const char *key)
{
	open_value(json, key, '{');
}

void json_close_object(struct json *json)
{
	close_value(json, '}');
}

void json_open_array(struct json *json, const char *key)
{
	open_value(json, key, '[');
}

void json_close_array(struct json *json)
{
	close_value(json, ']');
}

void json_string(struct json *json, const char *key, const char *value)
{
	begin_value(json, key);
	if (value)
		write_string(json->file, value);
	else
		fputs("null", json->file);
}

void json_number(struct json *json, const char *key, uint64_t value)
{
	begin_value(json, key);
	fprintf(json->file, "%" PRIu64, value);
	if (value > JSON_EXACT_MAX && key)
		fprintf(json->file, ",\"%s_string\":\"%" PRIu64 "\"", key, value);
}

void json_known_number(struct json *json, const char *key, bool known, uint64_t value)
{
	if (known)
		json_number(json, key, value);
	else
		json_null(json, key);
}

void json_seconds(struct json *json, const char *key, double value)
{
	begin_value(json, key);
	fprintf(json->file, "%.3f", value);
}

void json_boolean(struct json *json, const char *key, bool value)
{
	begin_value(json, key);
	fputs(value ? "true" : "false", json->file);
}

void json_null(struct json *json, const char *key)
{
	begin_value(json, key);
	fputs("null", json->file);
}

void json_end_line(struct json *json)
{
	fputc('\n', json->file);
	json->needs_comma = false;
}
