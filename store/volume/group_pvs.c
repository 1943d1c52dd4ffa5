// SPDX-License-Identifier: GPL-2.0-or-later
/* What all items of a group have, and its physical volumes. */
#include "store/volume/group_reader.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

/* ---- status and flags ---- */

static enum result read_words(const struct group_reader *reader, uint32_t array,
			      const struct group_word *words, struct group_status *status)
{
	const struct tree *tree = &reader->tree;

	for (uint32_t i = array + 1; i < tree->nodes[array].end; i = tree_next(tree, i)) {
		const struct group_word *word = words;

		if (tree->nodes[i].kind != TREE_STRING)
			return tree_fail(tree, i, RESULT_DAMAGED, reader->why,
					 "%s has a number in it", tree_key(tree, array));
		while (word->word && strcmp(word->word, tree_text(tree, i)) != 0)
			word++;
		status->bits |= word->bit;
		if (!word->word && !status->unknown)
			status->unknown = tree_text(tree, i);
	}
	return RESULT_OK;
}

enum result group_status_read(const struct group_reader *reader, uint32_t section,
			      const struct group_word *status_words,
			      const struct group_word *flag_words, struct group_status *status)
{
	const struct tree *tree = &reader->tree;
	uint32_t node;
	enum result result = tree_require(tree, section, "status", TREE_ARRAY, &node, reader->why);

	if (result == RESULT_OK)
		result = read_words(reader, node, status_words, status);
	status->unknown_status = status->unknown;
	if (result != RESULT_OK || tree_find(tree, section, "flags") == TREE_NONE)
		return result;
	result = tree_require(tree, section, "flags", TREE_ARRAY, &node, reader->why);
	return result == RESULT_OK ? read_words(reader, node, flag_words, status) : result;
}

/* ---- physical volumes ---- */

#define PV_MISSING 1u

enum result group_id_read(const struct group_reader *reader, uint32_t section, char id[PV_ID_BYTES])
{
	uint32_t node;
	enum result result =
		tree_require(&reader->tree, section, "id", TREE_STRING, &node, reader->why);

	if (result != RESULT_OK)
		return result;
	if (!pv_id_read(tree_text(&reader->tree, node), id))
		return tree_fail(&reader->tree, node, RESULT_DAMAGED, reader->why,
				 "this is not an id of LVM's");
	return RESULT_OK;
}

static enum result read_status(const struct group_reader *reader, uint32_t section,
			       struct group_pv *pv)
{
	static const struct group_word status_words[] = {
		{"ALLOCATABLE", 0}, {"EXPORTED", 0}, {NULL, 0}};
	static const struct group_word flag_words[] = {{"MISSING", PV_MISSING}, {NULL, 0}};
	struct group_status status = {.unknown = NULL};
	enum result result = group_status_read(reader, section, status_words, flag_words, &status);

	pv->missing = status.bits & PV_MISSING;
	if (!reader->group->unknown)
		reader->group->unknown = status.unknown;
	return result;
}

/* In sectors, of which the bytes are fewer than 2^63. */
#define SECTORS_MAX ((uint64_t)INT64_MAX / SECTOR_BYTES)

static enum result read_places(const struct group_reader *reader, uint32_t section,
			       struct group_pv *pv)
{
	const struct tree *tree = &reader->tree;
	uint64_t start = 0, bytes, end, sectors = 0;
	enum result result =
		tree_number(tree, section, "pe_start", 0, SECTORS_MAX, &start, reader->why);

	if (result == RESULT_OK)
		result = tree_number(tree, section, "pe_count", 0, UINT32_MAX, &pv->extent_count,
				     reader->why);
	if (result == RESULT_OK && tree_find(tree, section, "dev_size") != TREE_NONE)
		result = tree_number(tree, section, "dev_size", 0, SECTORS_MAX, &sectors,
				     reader->why);
	if (result != RESULT_OK)
		return result;
	pv->start_bytes = start * SECTOR_BYTES;
	pv->device_bytes = sectors * SECTOR_BYTES;
	if (!checked_mul(pv->extent_count, reader->group->extent_bytes, &bytes) ||
	    !checked_add(bytes, pv->start_bytes, &end) || end > INT64_MAX)
		return tree_fail(tree, section, RESULT_DAMAGED, reader->why,
				 "%s has more bytes than any device", pv->name);
	return RESULT_OK;
}

static enum result read_pv(const struct group_reader *reader, uint32_t section, struct group_pv *pv)
{
	enum result result;

	pv->name = tree_key(&reader->tree, section);
	if (reader->tree.nodes[section].kind != TREE_SECTION)
		return tree_fail(&reader->tree, section, RESULT_DAMAGED, reader->why,
				 "%.127s is not a section", pv->name);
	if (!group_is_name(pv->name, strlen(pv->name)))
		return tree_fail(&reader->tree, section, RESULT_DAMAGED, reader->why,
				 "%.127s is not a name of LVM's", pv->name);
	result = group_id_read(reader, section, pv->id);
	if (result == RESULT_OK)
		result = read_status(reader, section, pv);
	return result == RESULT_OK ? read_places(reader, section, pv) : result;
}

enum result group_pvs_read(struct group_reader *reader, uint32_t group_section)
{
	const struct tree *tree = &reader->tree;
	struct group_names *names = &reader->memory->pvs;
	struct group *group = reader->group;
	uint32_t section, count;
	enum result result = tree_require(tree, group_section, "physical_volumes", TREE_SECTION,
					  &section, reader->why);

	if (result != RESULT_OK)
		return result;
	count = tree_count(tree, section);
	if (count > GROUP_ITEMS_MAX)
		return tree_fail(tree, section, RESULT_DAMAGED, reader->why,
				 "more than %u physical volumes", GROUP_ITEMS_MAX);
	group->pvs = calloc(count + 1, sizeof(*group->pvs));
	names->sorted = calloc(count + 1, sizeof(*names->sorted));
	if (!group->pvs || !names->sorted)
		return fail_memory(reader->why, "a volume group", count * sizeof(*group->pvs));
	for (uint32_t i = section + 1; i < tree->nodes[section].end; i = tree_next(tree, i)) {
		struct group_pv *pv = &group->pvs[group->pv_count];

		result = read_pv(reader, i, pv);
		if (result != RESULT_OK)
			return result;
		names->sorted[names->count++] = (struct group_name){pv->name, group->pv_count++};
	}
	group_names_sort(names);
	return RESULT_OK;
}
