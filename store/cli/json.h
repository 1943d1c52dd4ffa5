/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON on a stdio stream, value after value. A key is NULL inside an array. */
#ifndef STORE_CLI_JSON_H
#define STORE_CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Readers that take numbers for doubles hold all whole ones up to this. */
#define JSON_EXACT_MAX (((uint64_t)1 << 53) - 1)

struct json {
	FILE *file;
	bool needs_comma;
};

/* The object that a command prints, with its first keys: the program's version, and the command
 * (NULL: there is none). */
void json_open_result(struct json *json, const char *version, const char *command);

void json_open_object(struct json *json, const char *key);
void json_close_object(struct json *json);
void json_open_array(struct json *json, const char *key);
void json_close_array(struct json *json);

/* Bytes that are not UTF-8 are written as U+FFFD. NULL: null. */
void json_string(struct json *json, const char *key, const char *value);

/* From JSON_EXACT_MAX + 1 on, many readers round it: then KEY_string follows, with its digits. */
void json_number(struct json *json, const char *key, uint64_t value);

void json_known_number(struct json *json, const char *key, bool known, uint64_t value);
void json_seconds(struct json *json, const char *key, double value);
void json_boolean(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);

/* The end of the one object that a command prints. */
void json_end_line(struct json *json);

#endif
