// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "store/cli/cli.h"
#include "store/cli/json.h"
#include "store/base/text.h"

static void sizes_are_parsed(void)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {{"0", 0},
		    {"1", 1},
		    {"512", 512},
		    {"64K", 65536},
		    {"64k", 65536},
		    {"1M", 1 << 20},
		    {"3G", 3ull << 30},
		    {"16777215T", 16777215ull << 40},
		    {"18446744073709551614", UINT64_MAX - 1}};
	static const char *const bad[] = {"",
					  "K",
					  "-1",
					  "+1",
					  " 1",
					  "1 K",
					  "1KB",
					  "1.5M",
					  "0x10",
					  "1P",
					  "16777216T",
					  "18446744073709551616",
					  "99999999999999999999999"};
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK(cli_parse_size(good[i].text, &bytes) && bytes == good[i].bytes);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!cli_parse_size(bad[i], &bytes));
}

static void sizes_are_printed(void)
{
	char text[32];

	CHECK(strcmp(cli_format_size(0, text, sizeof(text)), "0 bytes") == 0);
	CHECK(strcmp(cli_format_size(1023, text, sizeof(text)), "1023 bytes") == 0);
	CHECK(strcmp(cli_format_size(1536, text, sizeof(text)), "1.5 KiB") == 0);
	CHECK(strcmp(cli_format_size(UINT64_MAX, text, sizeof(text)), "16.0 EiB") == 0);
}

static void json_is_escaped(void)
{
	char *text = NULL;
	size_t size;
	struct json json = {.file = open_memstream(&text, &size)};

	json_open_object(&json, NULL);
	json_string(&json, "a", "q\" b\\ n\n \xc3\xa4 \xff \xe2\x82 \xf0\x9f\x98\x80");
	json_number(&json, "m", JSON_EXACT_MAX);
	json_number(&json, "n", UINT64_MAX);
	json_open_array(&json, "l");
	json_open_object(&json, NULL);
	json_close_object(&json);
	json_null(&json, NULL);
	json_boolean(&json, NULL, true);
	json_close_array(&json);
	json_seconds(&json, "s", 1.5);
	json_close_object(&json);
	json_end_line(&json);
	fclose(json.file);
	CHECK(strcmp(text,
		     "{\"a\":\"q\\\" b\\\\ n\\u000a \xc3\xa4 \\ufffd \\ufffd\\ufffd \xf0\x9f\x98\x80\",\"m\":9007199254740991,\"n\":18446744073709551615,\"n_string\":\"18446744073709551615\",\"l\":[{},null,true],\"s\":1.500}\n") ==
	      0);
	free(text);
}

static void characters_are_utf8(void)
{
	static const struct {
		const char *text;
		unsigned int length;
	} edges[] = {{"\x7f", 1},
		     {"\xc2\x80", 2},
		     {"\xdf\xbf", 2},
		     {"\xe0\xa0\x80", 3},
		     {"\xed\x9f\xbf", 3},
		     {"\xee\x80\x80", 3},
		     {"\xef\xbf\xbf", 3},
		     {"\xf0\x90\x80\x80", 4},
		     {"\xf4\x8f\xbf\xbf", 4},
		     {"\x80", 0},
		     {"\xc0\x80", 0},
		     {"\xc1\xbf", 0},
		     {"\xc2\x7f", 0},
		     {"\xc2\xc0", 0},
		     {"\xe0\x80\x80", 0},
		     {"\xe0\x9f\xbf", 0},
		     {"\xed\xa0\x80", 0},
		     {"\xed\xbf\xbf", 0},
		     {"\xf0\x80\x80\x80", 0},
		     {"\xf0\x8f\xbf\xbf", 0},
		     {"\xf4\x90\x80\x80", 0},
		     {"\xf5\x80\x80\x80", 0},
		     {"\xff", 0},
		     {"\xe2\x82", 0},
		     {"\xf0\x9f\x98", 0}};

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		CHECK(text_utf8_length(edges[i].text) == edges[i].length);
}

static void control_characters_are_escaped_in_json(void)
{
	char *text = NULL;
	size_t size;
	struct json json = {.file = open_memstream(&text, &size)};

	/* U+009B begins what ESC [ does. */
	json_string(&json, NULL, "\x01 \x7f \xc2\x80 \xc2\x9b \xc2\xa0 \x9b");
	fclose(json.file);
	CHECK(strcmp(text, "\"\\u0001 \\u007f \\u0080 \\u009b \xc2\xa0 \\ufffd\"") == 0);
	free(text);
}

int main(void)
{
	unit_run("cli: sizes are parsed, and nothing else", sizes_are_parsed);
	unit_run("cli: sizes are printed for people", sizes_are_printed);
	unit_run("text: UTF-8 is what the standard calls so, and nothing else",
		 characters_are_utf8);
	unit_run("json: strings are escaped, and always UTF-8", json_is_escaped);
	unit_run("json: no control character is in a string",
		 control_characters_are_escaped_in_json);
	return unit_end();
}
