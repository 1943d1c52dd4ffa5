// SPDX-License-Identifier: GPL-2.0-or-later
/* The segments of a group's volumes, and the areas that they are on. */
#include "store/volume/group_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

#define STRIPE_SECTORS_MIN 8u
#define STRIPE_SECTORS_MAX (1u << 31)

/* ---- start, length, type ---- */

enum result group_segments_reserve(struct group_reader *reader, uint32_t section)
{
	const struct tree *tree = &reader->tree;
	size_t segments = 1, strings = 1;

	for (uint32_t i = section + 1; i < tree->nodes[section].end; i = tree_next(tree, i))
		for (uint32_t k = i + 1; k < tree->nodes[i].end; k = tree_next(tree, k))
			segments += tree->nodes[k].kind == TREE_SECTION;
	if (segments > GROUP_ITEMS_MAX + 1)
		return tree_fail(tree, section, RESULT_DAMAGED, reader->why,
				 "more than %u segments", GROUP_ITEMS_MAX);
	/* An area is a string in an array, and more. */
	for (uint32_t i = section; i < tree->nodes[section].end; i++)
		strings += tree->nodes[i].kind == TREE_STRING && tree_key(tree, i)[0] == '\0';
	reader->memory->segments = calloc(segments, sizeof(*reader->memory->segments));
	reader->memory->areas = calloc(strings, sizeof(*reader->memory->areas));
	if (!reader->memory->segments || !reader->memory->areas)
		return fail_memory(reader->why, "the segments of a volume group",
				   strings * sizeof(*reader->memory->areas));
	return RESULT_OK;
}

/* Segments are in order, and without gaps: LVM refuses all else, too. */
static enum result read_range(const struct group_reader *reader, uint32_t node,
			      struct group_volume *volume, struct group_segment *segment)
{
	const struct tree *tree = &reader->tree;
	uint64_t bytes;
	enum result result = tree_number(tree, node, "start_extent", 0, UINT32_MAX, &segment->start,
					 reader->why);

	if (result == RESULT_OK && segment->start != volume->extent_count)
		return tree_fail(tree, node, RESULT_DAMAGED, reader->why,
				 "%.127s begins at extent %" PRIu64 ", not at %" PRIu64
				 ", where the one before it ends",
				 tree_key(tree, node), segment->start, volume->extent_count);
	if (result == RESULT_OK)
		result = tree_number(tree, node, "extent_count", 1, UINT32_MAX,
				     &segment->extent_count, reader->why);
	if (result != RESULT_OK)
		return result;
	volume->extent_count += segment->extent_count;
	if (volume->extent_count > UINT32_MAX ||
	    !checked_mul(volume->extent_count, reader->group->extent_bytes, &bytes) ||
	    bytes > INT64_MAX)
		return tree_fail(tree, node, RESULT_DAMAGED, reader->why,
				 "the volume is larger than any device");
	return RESULT_OK;
}

static bool begins(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Is it a type that LVM has, but for its flags? */
static bool is_known_type(const char *type)
{
	/* On extents of a physical volume itself. With a flag they are not known: their areas are
	 * not read, and what they are on would be taken for free. */
	static const char *const on_extents[] = {"striped", "linear", "mirror"};
	static const char *const types[] = {
		"cache",      "cache-pool", "thin",  "thin-pool", "vdo",  "vdo-pool",
		"writecache", "zero",	    "error", "integrity", "free",
	};
	static const char *const flags[] = {
		"RESHAPE",
		"RESHAPE_DATA_OFFSET",
		"RESHAPE_DELTA_DISKS_PLUS",
		"METADATA_FORMAT",
		"CROP_METADATA",
		"RESHAPE_DELTA_DISKS_MINUS",
		"CACHE_USES_CACHEVOL",
		"REMOVE_AFTER_RESHAPE",
	};
	size_t length = strcspn(type, "+");
	bool known = begins(type, "raid");

	for (size_t i = 0; i < sizeof(on_extents) / sizeof(on_extents[0]); i++)
		if (strcmp(type, on_extents[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		known |= strlen(types[i]) == length && begins(type, types[i]);
	for (type += length; known && *type; type += length) {
		length = strcspn(++type, "+");
		known = false;
		for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
			known |= strlen(flags[i]) == length && begins(type, flags[i]);
	}
	return known;
}

static enum result read_type(const struct group_reader *reader, uint32_t node,
			     struct group_segment *segment)
{
	struct group *group = reader->group;
	enum result result = tree_string(&reader->tree, node, "type", &segment->type, reader->why);

	if (result != RESULT_OK)
		return result;
	if (strcmp(segment->type, "snapshot") == 0)
		return tree_fail(&reader->tree, node, RESULT_DAMAGED, reader->why,
				 "a snapshot has more than one segment");
	if (!is_known_type(segment->type) && !group->unknown)
		group->unknown = segment->type;
	return RESULT_OK;
}

static enum result read_segment(const struct group_reader *reader, uint32_t node,
				struct group_volume *volume, struct group_segment *segment)
{
	enum result result;
	char name[32];

	snprintf(name, sizeof(name), "segment%u", volume->segment_count + 1);
	if (strcmp(tree_key(&reader->tree, node), name) != 0)
		return tree_fail(&reader->tree, node, RESULT_DAMAGED, reader->why,
				 "%.127s is where %s should be", tree_key(&reader->tree, node),
				 name);
	result = read_range(reader, node, volume, segment);
	return result == RESULT_OK ? read_type(reader, node, segment) : result;
}

enum result group_segments_read(struct group_reader *reader, uint32_t section,
				struct group_volume *volume)
{
	const struct tree *tree = &reader->tree;
	uint64_t count;
	enum result result = tree_number(tree, section, "segment_count", 1, GROUP_ITEMS_MAX, &count,
					 reader->why);

	volume->segments = reader->memory->segments + reader->segments_used;
	for (uint32_t i = section + 1; i < tree->nodes[section].end && result == RESULT_OK;
	     i = tree_next(tree, i)) {
		if (tree->nodes[i].kind != TREE_SECTION)
			continue;
		result = read_segment(reader, i, volume, &volume->segments[volume->segment_count]);
		volume->segment_count++;
	}
	reader->segments_used += volume->segment_count;
	if (result == RESULT_OK && volume->segment_count != count)
		return tree_fail(tree, section, RESULT_DAMAGED, reader->why,
				 "%.127s has %u segments, not %" PRIu64, volume->name,
				 volume->segment_count, count);
	return result;
}

/* ---- areas ---- */

struct area_list {
	uint32_t array;	  /* its node */
	uint64_t extents; /* of each area */
	unsigned int own; /* the volume that has the segment */
};

static enum result find_area(const struct group_reader *reader, uint32_t node,
			     const struct area_list *list, struct group_area *area)
{
	const struct tree_node *name = &reader->tree.nodes[node];
	const struct group *group = reader->group;
	int index = -1;
	uint64_t most;

	if (name->kind == TREE_STRING && !area->is_volume)
		index = group_names_find(&reader->memory->pvs, tree_text(&reader->tree, node));
	if (name->kind == TREE_STRING && index < 0) {
		area->is_volume = true;
		index = group_names_find(&reader->memory->volumes, tree_text(&reader->tree, node));
	}
	if (index < 0 || (area->is_volume && (unsigned int)index == list->own))
		return tree_fail(&reader->tree, node, RESULT_DAMAGED, reader->why,
				 "this is not a physical volume, nor another volume of the group");
	area->index = (unsigned int)index;
	if (area->is_volume)
		group->volumes[index].is_part = true;
	most = area->is_volume ? group->volumes[index].extent_count
			       : group->pvs[index].extent_count;
	if (area->extent > most || list->extents > most - area->extent)
		return tree_fail(&reader->tree, node, RESULT_DAMAGED, reader->why,
				 "%.127s has fewer extents than are used of it",
				 tree_text(&reader->tree, node));
	return RESULT_OK;
}

static struct group_area *add_area(struct group_reader *reader, struct group_segment *segment)
{
	struct group_area *areas = reader->memory->areas;

	if (segment->area_count == 0)
		segment->areas = areas + reader->areas_used;
	segment->area_count++;
	return &areas[reader->areas_used++];
}

/* Names of what it is on, each with the first extent there. */
static enum result read_pairs(struct group_reader *reader, const struct area_list *list,
			      struct group_segment *segment)
{
	const struct tree *tree = &reader->tree;
	uint32_t end = tree->nodes[list->array].end;

	for (uint32_t i = list->array + 1; i < end; i += 2) {
		struct group_area *area;
		enum result result;

		if (tree->nodes[i].kind != TREE_STRING || i + 1 == end ||
		    tree->nodes[i + 1].kind != TREE_NUMBER || tree_value(tree, i + 1) > UINT32_MAX)
			return tree_fail(tree, i, RESULT_DAMAGED, reader->why,
					 "%s is not a list of names with their extents",
					 tree_key(tree, list->array));
		area = add_area(reader, segment);
		area->extent = tree_value(tree, i + 1);
		result = find_area(reader, i, list, area);
		if (result != RESULT_OK)
			return result;
	}
	return RESULT_OK;
}

/* Names of volumes, of which every step-th is an image, the last of a step. */
static enum result read_images(struct group_reader *reader, const struct area_list *list,
			       unsigned int step, struct group_segment *segment)
{
	const struct tree *tree = &reader->tree;
	uint32_t first = list->array + 1;

	for (uint32_t i = first + step - 1; i < tree->nodes[list->array].end; i += step) {
		struct group_area *area;
		enum result result;

		if (tree->nodes[i].kind != TREE_STRING)
			return tree_fail(tree, i, RESULT_DAMAGED, reader->why,
					 "%s is not a list of volumes",
					 tree_key(tree, list->array));
		area = add_area(reader, segment);
		area->is_volume = true;
		result = find_area(reader, i, list, area);
		if (result != RESULT_OK)
			return result;
	}
	return RESULT_OK;
}

static enum result read_stripe_size(const struct group_reader *reader, uint32_t node,
				    struct group_segment *segment, uint64_t area_extents)
{
	const struct tree *tree = &reader->tree;
	uint64_t sectors;
	enum result result = tree_number(tree, node, "stripe_size", STRIPE_SECTORS_MIN,
					 STRIPE_SECTORS_MAX, &sectors, reader->why);

	if (result != RESULT_OK)
		return result;
	segment->stripe_bytes = sectors * SECTOR_BYTES;
	/* group_segments_read knows that all of them fit. */
	if (!is_power_of_two(sectors) ||
	    area_extents * reader->group->extent_bytes % segment->stripe_bytes != 0)
		return tree_fail(tree, node, RESULT_DAMAGED, reader->why,
				 "stripes of %" PRIu64 " sectors do not fill the extents", sectors);
	return RESULT_OK;
}

/* How a type names its areas. */
struct area_type {
	const char *type, *key;
	unsigned int step; /* 0: names with extents */
};

static enum result read_stripes(struct group_reader *reader, uint32_t node,
				const struct area_type *type, struct area_list *list,
				struct group_segment *segment)
{
	const struct tree *tree = &reader->tree;
	uint64_t count;
	enum result result =
		tree_number(tree, node, "stripe_count", 1, GROUP_STRIPES_MAX, &count, reader->why);

	if (result == RESULT_OK && segment->extent_count % count != 0)
		return tree_fail(tree, node, RESULT_DAMAGED, reader->why,
				 "%" PRIu64 " extents cannot be on %" PRIu64 " stripes",
				 segment->extent_count, count);
	if (result == RESULT_OK)
		result = tree_require(tree, node, type->key, TREE_ARRAY, &list->array, reader->why);
	if (result != RESULT_OK)
		return result;
	list->extents = segment->extent_count / count;
	if (tree_count(tree, list->array) != count * (type->step ? type->step : 2))
		return tree_fail(tree, list->array, RESULT_DAMAGED, reader->why,
				 "%s has not the areas of %" PRIu64 " stripes", type->key, count);
	if (count > 1)
		result = read_stripe_size(reader, node, segment, list->extents);
	segment->is_mapped = true;
	if (result != RESULT_OK)
		return result;
	return type->step ? read_images(reader, list, type->step, segment)
			  : read_pairs(reader, list, segment);
}

/* ---- parts that have no areas ---- */

static void note_part(const struct group_reader *reader, uint32_t node)
{
	int index = -1;

	if (reader->tree.nodes[node].kind == TREE_STRING)
		index = group_names_find(&reader->memory->volumes, tree_text(&reader->tree, node));
	if (index >= 0)
		reader->group->volumes[index].is_part = true;
}

/* Under these keys, a volume of a type that is not mapped has what it is made of. Under `origin`, a
 * thin volume has what it is a snapshot of, which may be an origin of ours, too. */
static bool is_part_key(const char *key, const char *type)
{
	static const char *const keys[] = {"raids",	 "raid0_lvs", "mirror_log", "cache_pool",
					   "writecache", "metadata",  "pool",	    "data",
					   "meta_dev",	 "thin_pool", "vdo_pool"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return strcmp(key, "origin") == 0 && (begins(type, "cache") || begins(type, "writecache") ||
					      begins(type, "integrity") || begins(type, "raid"));
}

static void note_parts(const struct group_reader *reader, uint32_t segment, const char *type)
{
	const struct tree *tree = &reader->tree;

	for (uint32_t i = segment + 1; i < tree->nodes[segment].end; i = tree_next(tree, i)) {
		if (!is_part_key(tree_key(tree, i), type))
			continue;
		note_part(reader, i);
		for (uint32_t k = i + 1; k < tree->nodes[i].end; k = tree_next(tree, k))
			note_part(reader, k);
	}
}

/* ---- all types ---- */

/* Only what an interrupted pvmove leaves is on physical volumes. */
static enum result read_mirror(struct group_reader *reader, uint32_t node, struct area_list *list,
			       struct group_segment *segment)
{
	enum result result =
		tree_require(&reader->tree, node, "mirrors", TREE_ARRAY, &list->array, reader->why);

	list->extents = segment->extent_count;
	return result == RESULT_OK ? read_pairs(reader, list, segment) : result;
}

/* The images of a raid0 are used from their beginning: it has one segment. */
static enum result read_areas(struct group_reader *reader, uint32_t node,
			      const struct group_volume *volume, struct group_segment *segment)
{
	static const struct area_type types[] = {
		{"striped", "stripes", 0},
		{"linear", "stripes", 0},
		{"raid0", "raid0_lvs", 1},
		{"raid0_meta", "raids", 2},
	};
	struct area_list list = {.own = (unsigned int)(volume - reader->group->volumes)};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(segment->type, types[i].type) == 0 &&
		    (types[i].step == 0 || volume->segment_count == 1))
			return read_stripes(reader, node, &types[i], &list, segment);
	note_parts(reader, node, segment->type);
	if (strcmp(segment->type, "mirror") == 0)
		return read_mirror(reader, node, &list, segment);
	return RESULT_OK;
}

enum result group_areas_read(struct group_reader *reader, uint32_t section,
			     const struct group_volume *volume)
{
	const struct tree *tree = &reader->tree;
	unsigned int number = 0;
	enum result result = RESULT_OK;

	for (uint32_t i = section + 1; i < tree->nodes[section].end && result == RESULT_OK;
	     i = tree_next(tree, i))
		if (tree->nodes[i].kind == TREE_SECTION)
			result = read_areas(reader, i, volume, &volume->segments[number++]);
	return result;
}
