// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/table.h"

#include <inttypes.h>

/* Before a value. */
static const struct table_column *begin_value(struct table *table)
{
	if (table->next == 0 && table->format == TABLE_JSON)
		json_open_object(table->json, NULL);
	if (table->next > 0 && table->format != TABLE_JSON)
		putchar(table->format == TABLE_CSV ? ',' : ' ');
	return &table->columns[table->next];
}

/* After it. */
static void end_value(struct table *table)
{
	if (table->columns[++table->next].name)
		return;
	table->next = 0;
	if (table->format == TABLE_JSON)
		json_close_object(table->json);
	else
		putchar('\n');
}

void table_number(struct table *table, uint64_t value)
{
	const struct table_column *column = begin_value(table);

	if (table->format == TABLE_JSON)
		json_number(table->json, column->name, value);
	else
		printf("%*" PRIu64, table->format == TABLE_TEXT ? column->width : 0, value);
	end_value(table);
}

void table_word(struct table *table, const char *value)
{
	const struct table_column *column = begin_value(table);

	if (table->format == TABLE_JSON)
		json_string(table->json, column->name, value);
	else
		printf("%*s", table->format == TABLE_TEXT ? column->width : 0, value);
	end_value(table);
}

void table_nothing(struct table *table)
{
	const struct table_column *column;

	if (table->format != TABLE_JSON) {
		table_word(table, table->format == TABLE_TEXT ? "-" : "");
		return;
	}
	column = begin_value(table);
	json_null(table->json, column->name);
	end_value(table);
}

void table_begin(struct table *table, enum table_format format, const struct table_column *columns,
		 struct json *json)
{
	*table = (struct table){.format = format, .columns = columns, .json = json};
	if (format == TABLE_JSON)
		return;
	for (const struct table_column *column = columns; column->name; column++)
		table_word(table, format == TABLE_TEXT ? column->heading : column->name);
}
