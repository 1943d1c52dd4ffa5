/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows on standard output, as text in columns, as CSV, or as JSON objects of an array that the
 * caller opens and closes.
 *
 * Order of calls: table_begin; for every row one call of table_number, table_word or table_nothing
 * for each column, in order.
 */
#ifndef STORE_CLI_TABLE_H
#define STORE_CLI_TABLE_H

#include <stdint.h>

#include "store/cli/json.h"

enum table_format { TABLE_TEXT, TABLE_CSV, TABLE_JSON };

struct table_column {
	const char *name;    /* of CSV and JSON; NULL ends the list */
	const char *heading; /* of the text */
	int width;	     /* of the text */
};

struct table {
	enum table_format format;
	const struct table_column *columns; /* the caller's */
	struct json *json;		    /* the caller's; only of JSON */
	unsigned int next;		    /* the column of the next value */
};

/* Prints the heading of text and CSV. */
void table_begin(struct table *table, enum table_format format, const struct table_column *columns,
		 struct json *json);

void table_number(struct table *table, uint64_t value);
void table_word(struct table *table, const char *value);
/* There is no such value: "-", an empty field, or null. */
void table_nothing(struct table *table);

#endif
