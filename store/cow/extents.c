// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cow/extents.h"

/* Does `next`, which lies right behind it in the view, go on with it? */
static bool goes_on(const struct view_extent *extent, const struct view_extent *next)
{
	return extent->source == next->source &&
	       (next->source == VIEW_LOST ||
		extent->source_offset + extent->bytes == next->source_offset);
}

static enum result tell_all(const struct extent_walk *walk, struct view_map *map,
			    struct failure *why)
{
	struct view_extent extent = {.bytes = 0}, next;
	enum result result = RESULT_OK;
	uint64_t offset = 0;

	while (result == RESULT_OK && offset < walk->origin_bytes) {
		result = view_map_extent(map, offset, &next, why);
		if (result != RESULT_OK)
			break;
		offset += next.bytes;
		if (extent.bytes > 0 && goes_on(&extent, &next)) {
			extent.bytes += next.bytes;
			continue;
		}
		if (extent.bytes > 0)
			result = walk->found(walk->context, &extent, why);
		extent = next;
	}
	if (result == RESULT_OK && extent.bytes > 0)
		result = walk->found(walk->context, &extent, why);
	return result;
}

enum result extents_walk(struct extent_walk *walk, struct failure *why)
{
	struct view_map map;
	enum result result =
		view_map_open(&map, walk->store, walk->origin_bytes, VIEW_MAP_MEMORY_BYTES, why);

	walk->outside = map.outside;
	walk->area_missing = map.area_missing;
	if (result == RESULT_OK)
		result = tell_all(walk, &map, why);
	view_map_close(&map);
	return result;
}
