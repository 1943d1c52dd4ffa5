// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/volume/group.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/volume/group_reader.h"

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-"
#define CONTENTS "Text Format Volume Group"

/* ---- names ---- */

bool group_is_name(const char *name, size_t length)
{
	if (length == 0 || length > GROUP_NAME_MAX || name[0] == '-')
		return false;
	if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')))
		return false;
	for (size_t i = 0; i < length; i++)
		if (name[i] == '\0' || !strchr(NAME_LETTERS, name[i]))
			return false;
	return true;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct group_name *)a)->name, ((const struct group_name *)b)->name);
}

void group_names_sort(struct group_names *names)
{
	if (names->count > 0)
		qsort(names->sorted, names->count, sizeof(*names->sorted), compare_names);
}

int group_names_find(const struct group_names *names, const char *name)
{
	struct group_name wanted = {.name = name};
	const struct group_name *found = NULL;

	if (names->count > 0)
		found = bsearch(&wanted, names->sorted, names->count, sizeof(wanted),
				compare_names);
	return found ? (int)found->index : -1;
}

int group_find_volume(const struct group *group, const char *name)
{
	const struct group_memory *memory = group->memory;

	return group_names_find(&memory->volumes, name);
}

/* ---- a look at a text's beginning ---- */

/* The rest of the text after `wanted`; NULL: it does not begin so. */
static const char *skip(const char *text, const char *end, const char *wanted)
{
	size_t length = strlen(wanted);

	if (!text || (size_t)(end - text) < length || memcmp(text, wanted, length) != 0)
		return NULL;
	return text + length;
}

static const char *peek_name(const char *text, const char *end, char name[GROUP_NAME_MAX + 1])
{
	size_t length = 0, most = (size_t)(end - text);

	while (length < most && length <= GROUP_NAME_MAX && text[length] != ' ')
		length++;
	if (!group_is_name(text, length) || !skip(text + length, end, " {"))
		return NULL;
	memcpy(name, text, length);
	name[length] = '\0';
	return text + length + 2;
}

bool group_peek(const char *text, size_t bytes, char name[GROUP_NAME_MAX + 1])
{
	return peek_name(text, text + bytes, name) != NULL;
}

bool group_peek_version(const char *text, size_t bytes, char id[PV_ID_BYTES], uint64_t *seqno)
{
	char name[GROUP_NAME_MAX + 1], id_text[PV_ID_TEXT_BYTES] = "";
	const char *end = text + bytes;

	text = skip(peek_name(text, end, name), end, "\nid = \"");
	if (!text || end - text < (ptrdiff_t)sizeof(id_text))
		return false;
	memcpy(id_text, text, sizeof(id_text) - 1);
	text = skip(text + sizeof(id_text) - 1, end, "\"\nseqno = ");
	if (!text || !pv_id_read(id_text, id))
		return false;
	for (*seqno = 0; text < end && *text >= '0' && *text <= '9'; text++) {
		*seqno = *seqno * 10 + (uint64_t)(*text - '0');
		if (*seqno > UINT32_MAX)
			return false;
	}
	return text < end && *text == '\n';
}

/* ---- the group's own keys ---- */

enum group_bit {
	GROUP_EXPORTED = 1,
	GROUP_PVMOVE = 2,
	GROUP_WRITE = 4,
	GROUP_CLUSTERED = 8,
};

static enum result read_status(const struct group_reader *reader, uint32_t section)
{
	static const struct group_word status_words[] = {
		{"EXPORTED", GROUP_EXPORTED},
		{"RESIZEABLE", 0},
		{"PVMOVE", GROUP_PVMOVE},
		{"READ", 0},
		{"WRITE", GROUP_WRITE},
		{"CLUSTERED", GROUP_CLUSTERED},
		{"SHARED", 0},
		{NULL, 0},
	};
	static const struct group_word flag_words[] = {
		{"WRITE_LOCKED", GROUP_WRITE}, {"NOAUTOACTIVATE", 0}, {NULL, 0}};
	struct group *group = reader->group;
	struct group_status status = {.unknown = NULL};
	enum result result = group_status_read(reader, section, status_words, flag_words, &status);

	group->exported = status.bits & GROUP_EXPORTED;
	group->moving = status.bits & GROUP_PVMOVE;
	group->writable = status.bits & GROUP_WRITE;
	group->clustered = status.bits & GROUP_CLUSTERED;
	group->unknown = status.unknown;
	return result;
}

static enum result read_option(const struct group_reader *reader, uint32_t section, const char *key,
			       const char **value)
{
	*value = "";
	if (tree_find(&reader->tree, section, key) == TREE_NONE)
		return RESULT_OK;
	return tree_string(&reader->tree, section, key, value, reader->why);
}

/* Reservations of the group's devices for one machine, which later versions of LVM have. */
static void note_reservation(const struct group_reader *reader, uint32_t section)
{
	uint32_t node = tree_find(&reader->tree, section, "pr");

	if (node != TREE_NONE && !reader->group->unknown)
		reader->group->unknown = tree_key(&reader->tree, node);
}

static enum result read_options(const struct group_reader *reader, uint32_t section)
{
	struct group *group = reader->group;
	const char *format;
	enum result result = read_option(reader, section, "format", &format);

	if (result == RESULT_OK && format[0] && strcmp(format, "lvm2") != 0)
		result =
			tree_fail(&reader->tree, tree_find(&reader->tree, section, "format"),
				  RESULT_REFUSED, reader->why, "the group is not in lvm2's format");
	if (result == RESULT_OK)
		result = read_option(reader, section, "system_id", &group->system_id);
	if (result == RESULT_OK)
		result = read_option(reader, section, "lock_type", &group->lock_type);
	note_reservation(reader, section);
	return result;
}

/* LVM takes powers of two, and multiples of 128 KiB. */
static enum result read_extent_size(const struct group_reader *reader, uint32_t section)
{
	uint64_t sectors;
	enum result result = tree_number(&reader->tree, section, "extent_size", 1, UINT32_MAX,
					 &sectors, reader->why);

	if (result != RESULT_OK)
		return result;
	if (!is_power_of_two(sectors) && sectors % 256 != 0)
		return tree_fail(&reader->tree, section, RESULT_DAMAGED, reader->why,
				 "extents of %" PRIu64 " sectors, which LVM does not make",
				 sectors);
	reader->group->extent_bytes = sectors * SECTOR_BYTES;
	return RESULT_OK;
}

/* LVM itself reads no group without them. */
static enum result read_limits(const struct group_reader *reader, uint32_t section)
{
	uint64_t limit;
	enum result result =
		tree_number(&reader->tree, section, "max_lv", 0, INT64_MAX, &limit, reader->why);

	if (result == RESULT_OK)
		result = tree_number(&reader->tree, section, "max_pv", 0, INT64_MAX, &limit,
				     reader->why);
	return result;
}

static enum result read_group(struct group_reader *reader, uint32_t section)
{
	struct group *group = reader->group;
	enum result result = group_id_read(reader, section, group->id);

	group->name = tree_key(&reader->tree, section);
	if (result == RESULT_OK)
		result = tree_number(&reader->tree, section, "seqno", 1, UINT32_MAX, &group->seqno,
				     reader->why);
	if (result == RESULT_OK)
		result = read_status(reader, section);
	if (result == RESULT_OK)
		result = read_options(reader, section);
	if (result == RESULT_OK)
		result = read_extent_size(reader, section);
	if (result == RESULT_OK)
		result = read_limits(reader, section);
	if (result == RESULT_OK)
		result = group_pvs_read(reader, section);
	return result == RESULT_OK ? group_volumes_read(reader, section) : result;
}

/* ---- the text ---- */

#define FIRST_SECTION 1u /* in the tree */

static enum result read_contents(const struct tree *tree, struct failure *why)
{
	const char *contents;
	uint64_t version;
	enum result result = tree_string(tree, 0, "contents", &contents, why);

	if (result == RESULT_OK && strcmp(contents, CONTENTS) != 0)
		return tree_fail(tree, tree_find(tree, 0, "contents"), RESULT_REFUSED, why,
				 "this is not the text of a volume group");
	if (result == RESULT_OK)
		result = tree_number(tree, 0, "version", 0, INT64_MAX, &version, why);
	if (result == RESULT_OK && version != 1)
		return tree_fail(tree, tree_find(tree, 0, "version"), RESULT_REFUSED, why,
				 "version %" PRIu64 " of the text's format is not known", version);
	return result;
}

/* LVM would take the first of several. */
static enum result check_sections(const struct tree *tree, struct failure *why)
{
	const struct tree_node *first = &tree->nodes[FIRST_SECTION];

	if (tree->count <= FIRST_SECTION || first->kind != TREE_SECTION ||
	    !group_is_name(tree_key(tree, FIRST_SECTION), strlen(tree_key(tree, FIRST_SECTION))))
		return fail(why, RESULT_DAMAGED, "line 1: the text does not begin with a group");
	for (uint32_t i = first->end; i < tree->count; i = tree_next(tree, i))
		if (tree->nodes[i].kind == TREE_SECTION)
			return tree_fail(tree, i, RESULT_DAMAGED, why,
					 "%.127s is a second group in one text", tree_key(tree, i));
	return RESULT_OK;
}

static enum result read_text(struct group_reader *reader, char *text, size_t bytes)
{
	char name[GROUP_NAME_MAX + 1];
	enum result result;

	if (!group_peek(text, bytes, name))
		return fail(reader->why, RESULT_DAMAGED,
			    "line 1: the text does not begin with the name of a group");
	result = tree_read(&reader->tree, text, bytes, reader->why);
	if (result == RESULT_OK)
		result = check_sections(&reader->tree, reader->why);
	if (result == RESULT_OK)
		result = read_contents(&reader->tree, reader->why);
	return result == RESULT_OK ? read_group(reader, FIRST_SECTION) : result;
}

enum result group_read(struct group *group, char *text, size_t bytes, struct failure *why)
{
	struct group_reader reader = {.group = group, .why = why};
	enum result result;

	memset(group, 0, sizeof(*group));
	reader.memory = calloc(1, sizeof(*reader.memory));
	if (!reader.memory) {
		free(text);
		return fail_memory(why, "a volume group", sizeof(*reader.memory));
	}
	reader.memory->text = text;
	group->memory = reader.memory;
	result = read_text(&reader, text, bytes);
	tree_free(&reader.tree);
	free(reader.nodes);
	free(reader.snapshot_nodes);
	if (result != RESULT_OK)
		group_free(group);
	return result;
}

void group_free(struct group *group)
{
	struct group_memory *memory = group->memory;

	if (memory) {
		free(memory->text);
		free(memory->pvs.sorted);
		free(memory->volumes.sorted);
		free(memory->segments);
		free(memory->areas);
		free(memory);
	}
	free(group->pvs);
	free(group->volumes);
	free(group->snapshots);
	memset(group, 0, sizeof(*group));
}
