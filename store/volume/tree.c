// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/volume/tree.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/volume/pv.h"

#define FIRST_CAPACITY 1024u
/* Of a section with no more keys than this, each is compared with each. */
#define FEW_KEYS 16u

struct reader {
	struct tree *tree;
	char *at, *end; /* in the text; *end is a NUL */
	uint32_t line;
	uint32_t capacity;
	uint32_t open[TREE_DEPTH_MAX + 1]; /* the sections that are not closed yet */
	unsigned int depth;
	const char **keys; /* for the search of those that are there twice */
	size_t keys_capacity;
	struct failure *why;
};

static enum result refuse(const struct reader *reader, const char *problem)
{
	return fail(reader->why, RESULT_DAMAGED, "line %" PRIu32 ": %s", reader->line, problem);
}

/* ---- nodes ---- */

static enum result grow(struct reader *reader)
{
	uint32_t capacity = reader->capacity ? reader->capacity * 2 : FIRST_CAPACITY;
	struct tree_node *nodes;

	if (reader->capacity >= TREE_NODES_MAX)
		return refuse(reader, "more values up to here than any group has");
	nodes = realloc(reader->tree->nodes, capacity * sizeof(*nodes));
	if (!nodes)
		return fail_memory(reader->why, "a metadata text", capacity * sizeof(*nodes));
	reader->tree->nodes = nodes;
	reader->capacity = capacity;
	return RESULT_OK;
}

static enum result add(struct reader *reader, const char *key)
{
	struct tree *tree = reader->tree;

	if (tree->count == reader->capacity) {
		enum result result = grow(reader);

		if (result != RESULT_OK)
			return result;
	}
	tree->nodes[tree->count] = (struct tree_node){
		.key = (uint32_t)(key - tree->text), .line = reader->line, .end = tree->count + 1};
	tree->count++;
	return RESULT_OK;
}

static struct tree_node *last(const struct reader *reader)
{
	return &reader->tree->nodes[reader->tree->count - 1];
}

/* ---- a section is closed: no key may be there twice ---- */

static enum result refuse_twice(const struct reader *reader, const char *key)
{
	return fail(reader->why, RESULT_DAMAGED,
		    "line %" PRIu32 ": %.127s is twice in the section that ends here", reader->line,
		    key);
}

static enum result check_few(const struct reader *reader, uint32_t section)
{
	const struct tree *tree = reader->tree;
	const char *keys[FEW_KEYS];
	unsigned int count = 0;

	for (uint32_t i = section + 1; i < tree->nodes[section].end; i = tree_next(tree, i)) {
		const char *key = tree_key(tree, i);

		for (unsigned int k = 0; k < count; k++)
			if (keys[k][0] == key[0] && strcmp(keys[k], key) == 0)
				return refuse_twice(reader, key);
		keys[count++] = key;
	}
	return RESULT_OK;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Room for this many; NULL: there is no memory. */
static const char **reserve_keys(struct reader *reader, size_t count)
{
	size_t bytes = 2 * count * sizeof(*reader->keys);
	const char **keys = reader->keys;

	if (keys && count <= reader->keys_capacity)
		return keys;
	keys = realloc(keys, bytes);
	if (!keys) {
		fail_memory(reader->why, "a metadata text", bytes);
		return NULL;
	}
	reader->keys = keys;
	reader->keys_capacity = 2 * count;
	return keys;
}

static enum result check_many(struct reader *reader, uint32_t section, uint32_t count)
{
	const struct tree *tree = reader->tree;
	const char **keys = reserve_keys(reader, count);
	size_t used = 0;

	if (!keys)
		return RESULT_NO_MEMORY;
	for (uint32_t i = section + 1; i < tree->nodes[section].end; i = tree_next(tree, i))
		keys[used++] = tree_key(tree, i);
	qsort(keys, used, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < used; i++)
		if (strcmp(keys[i - 1], keys[i]) == 0)
			return refuse_twice(reader, keys[i]);
	return RESULT_OK;
}

static enum result close_section(struct reader *reader)
{
	uint32_t section = reader->open[--reader->depth], count;

	reader->tree->nodes[section].end = reader->tree->count;
	count = tree_count(reader->tree, section);
	return count <= FEW_KEYS ? check_few(reader, section) : check_many(reader, section, count);
}

static enum result open_section(struct reader *reader)
{
	if (reader->depth > TREE_DEPTH_MAX)
		return refuse(reader, "sections are deeper in each other than LVM has them");
	last(reader)->kind = TREE_SECTION;
	reader->open[reader->depth++] = reader->tree->count - 1;
	return RESULT_OK;
}

/* ---- characters ---- */

static bool is_key_letter(char letter)
{
	return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
	       (letter >= '0' && letter <= '9') || letter == '_' || letter == '-' ||
	       letter == '.' || letter == '+';
}

static bool is_digit(char letter)
{
	return letter >= '0' && letter <= '9';
}

/* LVM has comments after its values, and one before `contents`. */
static void skip_space(struct reader *reader)
{
	for (;; reader->at++) {
		if (*reader->at == '#')
			reader->at += strcspn(reader->at, "\n");
		if (*reader->at == '\n')
			reader->line++;
		else if (*reader->at != ' ' && *reader->at != '\t')
			return;
	}
}

/* ---- values ---- */

/* A backslash is before a quote, or before a backslash. */
static enum result read_string(struct reader *reader)
{
	char *out = ++reader->at;

	last(reader)->kind = TREE_STRING;
	last(reader)->value = (uint32_t)(out - reader->tree->text);
	for (; *reader->at != '"'; reader->at++) {
		if (*reader->at == '\n')
			reader->line++;
		if (*reader->at == '\\' && *++reader->at != '"' && *reader->at != '\\')
			return refuse(reader, "a backslash in a string is before another letter "
					      "than LVM writes it");
		if (*reader->at == '\0')
			return refuse(reader, "a string has no end");
		*out++ = *reader->at;
	}
	*out = '\0';
	reader->at++;
	return RESULT_OK;
}

static enum result read_number(struct reader *reader)
{
	const char *digits = reader->at + (*reader->at == '-');
	uint64_t number = 0;

	last(reader)->kind = *reader->at == '-' ? TREE_NEGATIVE : TREE_NUMBER;
	last(reader)->value = (uint32_t)(digits - reader->tree->text);
	for (reader->at += *reader->at == '-'; is_digit(*reader->at); reader->at++) {
		uint64_t digit = (uint64_t)(*reader->at - '0');

		if (number > (INT64_MAX - digit) / 10)
			return refuse(reader, "a number is too large");
		number = number * 10 + digit;
	}
	if (reader->at == digits || (is_key_letter(*reader->at) || *reader->at == '/'))
		return refuse(reader, "a value is neither a decimal number nor a string in quotes");
	if (digits[0] == '0' && reader->at != digits + 1)
		return refuse(reader, "a number begins with 0, which makes it octal for LVM");
	return RESULT_OK;
}

static enum result read_plain(struct reader *reader)
{
	return *reader->at == '"' ? read_string(reader) : read_number(reader);
}

static enum result read_items(struct reader *reader)
{
	for (;;) {
		enum result result = add(reader, reader->end);

		if (result == RESULT_OK)
			result = read_plain(reader);
		if (result != RESULT_OK)
			return result;
		skip_space(reader);
		if (*reader->at == ']')
			return RESULT_OK;
		if (*reader->at != ',')
			return refuse(reader, "an array's values have no comma between them");
		reader->at++;
		skip_space(reader);
	}
}

static enum result read_array(struct reader *reader)
{
	uint32_t array = reader->tree->count - 1;
	enum result result = RESULT_OK;

	last(reader)->kind = TREE_ARRAY;
	reader->at++;
	skip_space(reader);
	if (*reader->at != ']')
		result = read_items(reader);
	if (result == RESULT_OK)
		reader->at++;
	reader->tree->nodes[array].end = reader->tree->count;
	return result;
}

/* ---- sections ---- */

static enum result read_entry(struct reader *reader)
{
	char *key = reader->at, *key_end;
	enum result result;
	bool is_section;

	while (is_key_letter(*reader->at))
		reader->at++;
	key_end = reader->at;
	if (key == key_end)
		return refuse(reader, "a key has other letters than LVM writes");
	result = add(reader, key);
	if (result != RESULT_OK)
		return result;
	skip_space(reader);
	is_section = *reader->at == '{';
	if (!is_section && *reader->at != '=')
		return refuse(reader, "a key has neither a value nor a section");
	reader->at++;
	*key_end = '\0';
	if (is_section)
		return open_section(reader);
	skip_space(reader);
	return *reader->at == '[' ? read_array(reader) : read_plain(reader);
}

static enum result read_all(struct reader *reader)
{
	enum result result = add(reader, reader->end);

	if (result == RESULT_OK)
		result = open_section(reader);
	while (result == RESULT_OK) {
		skip_space(reader);
		if (reader->at == reader->end)
			break;
		if (*reader->at != '}')
			result = read_entry(reader);
		else if (reader->depth == 1)
			return refuse(reader, "a section is closed that was not opened");
		else {
			reader->at++;
			result = close_section(reader);
		}
	}
	if (result == RESULT_OK && reader->depth > 1)
		return refuse(reader, "the text ends in a section");
	return result == RESULT_OK ? close_section(reader) : result;
}

enum result tree_read(struct tree *tree, char *text, size_t bytes, struct failure *why)
{
	struct reader reader = {.tree = tree, .at = text, .line = 1, .why = why};
	enum result result;

	memset(tree, 0, sizeof(*tree));
	if (bytes > PV_TEXT_BYTES_MAX)
		return fail(why, RESULT_DAMAGED, "the text is longer than 64 MiB");
	if (bytes > 0 && text[bytes - 1] == '\0')
		bytes--;
	if (memchr(text, 0, bytes))
		return fail(why, RESULT_DAMAGED, "there is a NUL in the text");
	reader.end = text + bytes;
	tree->text = text;
	result = read_all(&reader);
	free(reader.keys);
	if (result != RESULT_OK)
		tree_free(tree);
	return result;
}

void tree_free(struct tree *tree)
{
	free(tree->nodes);
	memset(tree, 0, sizeof(*tree));
}

/* ---- looking ---- */

uint32_t tree_find(const struct tree *tree, uint32_t section, const char *key)
{
	for (uint32_t i = section + 1; i < tree->nodes[section].end; i = tree_next(tree, i))
		if (strcmp(tree_key(tree, i), key) == 0)
			return i;
	return TREE_NONE;
}

uint32_t tree_count(const struct tree *tree, uint32_t parent)
{
	uint32_t count = 0;

	for (uint32_t i = parent + 1; i < tree->nodes[parent].end; i = tree_next(tree, i))
		count++;
	return count;
}

uint64_t tree_value(const struct tree *tree, uint32_t node)
{
	uint64_t number = 0;

	for (const char *at = tree_text(tree, node); is_digit(*at); at++)
		number = number * 10 + (uint64_t)(*at - '0');
	return number;
}

enum result tree_fail(const struct tree *tree, uint32_t node, enum result result,
		      struct failure *why, const char *format, ...)
{
	va_list arguments;
	char text[512];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return fail(why, result, "line %u: %s", tree->nodes[node].line, text);
}

enum result tree_require(const struct tree *tree, uint32_t section, const char *key,
			 enum tree_kind kind, uint32_t *node, struct failure *why)
{
	static const char *const kinds[] = {[TREE_SECTION] = "a section",
					    [TREE_ARRAY] = "an array",
					    [TREE_STRING] = "a string",
					    [TREE_NUMBER] = "a number",
					    [TREE_NEGATIVE] = "a negative number"};

	*node = tree_find(tree, section, key);
	if (*node == TREE_NONE)
		return tree_fail(tree, section, RESULT_DAMAGED, why, "%.127s has no %s",
				 section == 0 ? "the text" : tree_key(tree, section), key);
	if (tree->nodes[*node].kind != kind)
		return tree_fail(tree, *node, RESULT_DAMAGED, why, "%s is not %s", key,
				 kinds[kind]);
	return RESULT_OK;
}

enum result tree_number(const struct tree *tree, uint32_t section, const char *key, uint64_t least,
			uint64_t most, uint64_t *number, struct failure *why)
{
	uint32_t node;
	enum result result = tree_require(tree, section, key, TREE_NUMBER, &node, why);

	if (result != RESULT_OK)
		return result;
	*number = tree_value(tree, node);
	if (*number < least || *number > most)
		return tree_fail(tree, node, RESULT_DAMAGED, why,
				 "%s is %" PRIu64 ", not between %" PRIu64 " and %" PRIu64, key,
				 *number, least, most);
	return RESULT_OK;
}

enum result tree_string(const struct tree *tree, uint32_t section, const char *key,
			const char **string, struct failure *why)
{
	uint32_t node;
	enum result result = tree_require(tree, section, key, TREE_STRING, &node, why);

	if (result == RESULT_OK)
		*string = tree_text(tree, node);
	return result;
}
