// SPDX-License-Identifier: GPL-2.0-or-later
/* The logical volumes of a group, and its snapshots. */
#include "store/volume/group_reader.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

/* What LVM makes; 4 KiB to 512 KiB. */
#define CHUNK_SECTORS_MIN 8u
#define CHUNK_SECTORS_MAX 1024u

enum volume_bit {
	VOLUME_WRITE = 1,
	VOLUME_VISIBLE = 2,
	VOLUME_MOVING = 4,
};

/* ---- what both have ---- */

static enum result read_status(const struct group_reader *reader, uint32_t section,
			       struct group_status *status)
{
	static const struct group_word status_words[] = {
		{"READ", 0},
		{"WRITE", VOLUME_WRITE},
		{"FIXED_MINOR", 0},
		{"VISIBLE", VOLUME_VISIBLE},
		{"PVMOVE", VOLUME_MOVING},
		{"LOCKED", VOLUME_MOVING},
		{"NOTSYNCED", 0},
		{"REBUILD", 0},
		{"WRITEMOSTLY", 0},
		{NULL, 0},
	};
	static const struct group_word flag_words[] = {
		{"WRITE_LOCKED", VOLUME_WRITE}, {"ACTIVATION_SKIP", 0}, {"NOAUTOACTIVATE", 0},
		{"ERROR_WHEN_FULL", 0},		{"CACHE_VOL", 0},	{NULL, 0},
	};
	enum result result = group_status_read(reader, section, status_words, flag_words, status);

	if (!reader->group->unknown)
		reader->group->unknown = status->unknown_status;
	return result;
}

static enum result check_section(const struct group_reader *reader, uint32_t section)
{
	const struct tree_node *node = &reader->tree.nodes[section];

	if (node->kind != TREE_SECTION || !group_is_name(tree_key(&reader->tree, section),
							 strlen(tree_key(&reader->tree, section))))
		return tree_fail(&reader->tree, section, RESULT_DAMAGED, reader->why,
				 "%.127s is not a volume", tree_key(&reader->tree, section));
	return RESULT_OK;
}

static uint32_t first_segment(const struct tree *tree, uint32_t section)
{
	for (uint32_t i = section + 1; i < tree->nodes[section].end; i = tree_next(tree, i))
		if (tree->nodes[i].kind == TREE_SECTION)
			return i;
	return TREE_NONE;
}

/* LVM itself reads no volume with one of them alone. */
static enum result check_creation(const struct group_reader *reader, uint32_t section)
{
	const struct tree *tree = &reader->tree;
	uint32_t time = tree_find(tree, section, "creation_time");
	uint32_t host = tree_find(tree, section, "creation_host");

	if ((time == TREE_NONE) == (host == TREE_NONE))
		return RESULT_OK;
	return tree_fail(tree, section, RESULT_DAMAGED, reader->why,
			 "%.127s has one of creation_time and creation_host",
			 tree_key(tree, section));
}

/* snapshotN has one segment, of that type. */
static bool is_snapshot(const struct group_reader *reader, uint32_t section)
{
	const struct tree *tree = &reader->tree;
	uint32_t segment = first_segment(tree, section), type = TREE_NONE;

	if (segment != TREE_NONE)
		type = tree_find(tree, segment, "type");
	return type != TREE_NONE && tree->nodes[type].kind == TREE_STRING &&
	       strcmp(tree_text(tree, type), "snapshot") == 0;
}

/* ---- volumes ---- */

static enum result read_volume(struct group_reader *reader, uint32_t section,
			       struct group_volume *volume)
{
	struct group_status status = {.unknown = NULL};
	enum result result = group_id_read(reader, section, volume->id);

	volume->name = tree_key(&reader->tree, section);
	volume->snapshot = GROUP_NO_SNAPSHOT;
	if (result == RESULT_OK)
		result = check_creation(reader, section);
	if (result == RESULT_OK)
		result = read_status(reader, section, &status);
	volume->writable = status.bits & VOLUME_WRITE;
	volume->visible = status.bits & VOLUME_VISIBLE;
	volume->moving = status.bits & VOLUME_MOVING;
	volume->unknown = status.unknown;
	return result == RESULT_OK ? group_segments_read(reader, section, volume) : result;
}

static enum result read_volumes(struct group_reader *reader)
{
	struct group_names *names = &reader->memory->volumes;
	struct group *group = reader->group;
	enum result result = RESULT_OK;

	for (unsigned int i = 0; i < group->volume_count && result == RESULT_OK; i++) {
		result = read_volume(reader, reader->nodes[i], &group->volumes[i]);
		names->sorted[names->count++] = (struct group_name){group->volumes[i].name, i};
	}
	if (result != RESULT_OK)
		return result;
	group_names_sort(names);
	for (unsigned int i = 0; i < group->volume_count && result == RESULT_OK; i++)
		result = group_areas_read(reader, reader->nodes[i], &group->volumes[i]);
	return result;
}

/* ---- snapshots ---- */

static bool is_snapshot_name(const char *name)
{
	return strncmp(name, "snapshot", 8) == 0 && name[8] &&
	       strspn(name + 8, "0123456789") == strlen(name + 8);
}

static enum result find_volume(const struct group_reader *reader, uint32_t segment, const char *key,
			       unsigned int *volume)
{
	const struct tree *tree = &reader->tree;
	const char *name;
	enum result result = tree_string(tree, segment, key, &name, reader->why);
	int index;

	if (result != RESULT_OK)
		return result;
	index = group_names_find(&reader->memory->volumes, name);
	if (index < 0)
		return tree_fail(tree, tree_find(tree, segment, key), RESULT_DAMAGED, reader->why,
				 "%s is %.127s, which is not a volume of the group", key, name);
	*volume = (unsigned int)index;
	return RESULT_OK;
}

static enum result read_pair(const struct group_reader *reader, uint32_t segment,
			     struct group_snapshot *snapshot)
{
	const struct tree *tree = &reader->tree;
	enum result result = find_volume(reader, segment, "origin", &snapshot->origin);

	snapshot->merging = tree_find(tree, segment, "merging_store") != TREE_NONE;
	if (result == RESULT_OK && snapshot->merging &&
	    tree_find(tree, segment, "cow_store") != TREE_NONE)
		return tree_fail(tree, segment, RESULT_DAMAGED, reader->why,
				 "a snapshot has both a cow_store and a merging_store");
	if (result == RESULT_OK)
		result = find_volume(reader, segment,
				     snapshot->merging ? "merging_store" : "cow_store",
				     &snapshot->store);
	if (result == RESULT_OK && snapshot->store == snapshot->origin)
		return tree_fail(tree, segment, RESULT_DAMAGED, reader->why,
				 "the origin of a snapshot is its store");
	return result;
}

static enum result read_chunk_size(const struct group_reader *reader, uint32_t segment,
				   struct group_snapshot *snapshot)
{
	const struct tree *tree = &reader->tree;
	enum result result = tree_number(tree, segment, "chunk_size", CHUNK_SECTORS_MIN,
					 CHUNK_SECTORS_MAX, &snapshot->chunk_sectors, reader->why);

	if (result == RESULT_OK && !is_power_of_two(snapshot->chunk_sectors))
		return tree_fail(tree, tree_find(tree, segment, "chunk_size"), RESULT_DAMAGED,
				 reader->why, "chunk_size is not a power of two");
	return result;
}

/* It has one segment, as long as the snapshot is. */
static enum result read_segment(const struct group_reader *reader, uint32_t section,
				struct group_snapshot *snapshot)
{
	const struct tree *tree = &reader->tree;
	uint32_t segment = first_segment(tree, section);
	uint64_t number;
	enum result result =
		tree_number(tree, section, "segment_count", 1, 1, &number, reader->why);

	if (result == RESULT_OK && strcmp(tree_key(tree, segment), "segment1") != 0)
		return tree_fail(tree, segment, RESULT_DAMAGED, reader->why,
				 "%.127s is where segment1 should be", tree_key(tree, segment));
	for (uint32_t i = tree_next(tree, segment); i < tree->nodes[section].end;
	     i = tree_next(tree, i))
		if (result == RESULT_OK && tree->nodes[i].kind == TREE_SECTION)
			return tree_fail(tree, i, RESULT_DAMAGED, reader->why,
					 "a snapshot has more than one segment");
	if (result == RESULT_OK)
		result = tree_number(tree, segment, "start_extent", 0, 0, &number, reader->why);
	if (result == RESULT_OK)
		result = tree_number(tree, segment, "extent_count", 1, UINT32_MAX,
				     &snapshot->extent_count, reader->why);
	if (result == RESULT_OK)
		result = read_chunk_size(reader, segment, snapshot);
	return result == RESULT_OK ? read_pair(reader, segment, snapshot) : result;
}

static enum result read_snapshot(const struct group_reader *reader, uint32_t section,
				 unsigned int number)
{
	struct group_snapshot *snapshot = &reader->group->snapshots[number];
	struct group_volume *volumes = reader->group->volumes;
	struct group_status status = {.unknown = NULL};
	char id[PV_ID_BYTES];
	enum result result = group_id_read(reader, section, id);

	snapshot->name = tree_key(&reader->tree, section);
	if (!is_snapshot_name(snapshot->name))
		return tree_fail(&reader->tree, section, RESULT_DAMAGED, reader->why,
				 "%.127s is a snapshot that has not the name of one",
				 snapshot->name);
	if (result == RESULT_OK)
		result = check_creation(reader, section);
	if (result == RESULT_OK)
		result = read_status(reader, section, &status);
	if (result == RESULT_OK)
		result = read_segment(reader, section, snapshot);
	if (result != RESULT_OK)
		return result;
	if (snapshot->extent_count > volumes[snapshot->origin].extent_count)
		return tree_fail(&reader->tree, section, RESULT_DAMAGED, reader->why,
				 "%.127s is longer than its origin", snapshot->name);
	volumes[snapshot->origin].is_origin = true;
	if (volumes[snapshot->store].snapshot == GROUP_NO_SNAPSHOT)
		volumes[snapshot->store].snapshot = number;
	return RESULT_OK;
}

/* ---- both ---- */

static enum result take_memory(struct group_reader *reader, uint32_t count)
{
	struct group *group = reader->group;

	group->volumes = calloc(count, sizeof(*group->volumes));
	group->snapshots = calloc(count, sizeof(*group->snapshots));
	reader->nodes = calloc(count, sizeof(*reader->nodes));
	reader->snapshot_nodes = calloc(count, sizeof(*reader->snapshot_nodes));
	reader->memory->volumes.sorted = calloc(count, sizeof(*reader->memory->volumes.sorted));
	if (!group->volumes || !group->snapshots || !reader->nodes || !reader->snapshot_nodes ||
	    !reader->memory->volumes.sorted)
		return fail_memory(reader->why, "a volume group", count * sizeof(*group->volumes));
	return RESULT_OK;
}

static enum result sort_sections(struct group_reader *reader, uint32_t section)
{
	const struct tree *tree = &reader->tree;
	struct group *group = reader->group;

	for (uint32_t i = section + 1; i < tree->nodes[section].end; i = tree_next(tree, i)) {
		enum result result = check_section(reader, i);

		if (result != RESULT_OK)
			return result;
		if (is_snapshot(reader, i))
			reader->snapshot_nodes[group->snapshot_count++] = i;
		else
			reader->nodes[group->volume_count++] = i;
	}
	return RESULT_OK;
}

enum result group_volumes_read(struct group_reader *reader, uint32_t group_section)
{
	const struct tree *tree = &reader->tree;
	uint32_t section, count;
	enum result result;

	if (tree_find(tree, group_section, "logical_volumes") == TREE_NONE)
		return RESULT_OK;
	result = tree_require(tree, group_section, "logical_volumes", TREE_SECTION, &section,
			      reader->why);
	if (result != RESULT_OK)
		return result;
	count = tree_count(tree, section);
	if (count > GROUP_ITEMS_MAX)
		return tree_fail(tree, section, RESULT_DAMAGED, reader->why, "more than %u volumes",
				 GROUP_ITEMS_MAX);
	result = take_memory(reader, count + 1);
	if (result == RESULT_OK)
		result = sort_sections(reader, section);
	if (result == RESULT_OK)
		result = group_segments_reserve(reader, section);
	if (result == RESULT_OK)
		result = read_volumes(reader);
	for (unsigned int i = 0; i < reader->group->snapshot_count && result == RESULT_OK; i++)
		result = read_snapshot(reader, reader->snapshot_nodes[i], i);
	return result;
}
