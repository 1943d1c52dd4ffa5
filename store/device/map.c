// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/device/map.h"

#include "store/base/bytes.h"

/* The segment that has this byte; the first one begins at 0. */
static const struct map_segment *find_segment(const struct map *map, uint64_t offset)
{
	unsigned int low = 0, high = map->segment_count;

	while (high - low > 1) {
		unsigned int middle = low + (high - low) / 2;

		if (map->segments[middle].start <= offset)
			low = middle;
		else
			high = middle;
	}
	return &map->segments[low];
}

struct device_place map_place(const struct map *map, uint64_t offset, uint64_t bytes)
{
	const struct map_segment *segment = find_segment(map, offset);
	uint64_t within = offset - segment->start, left, unit = 0;
	const struct map_area *area = segment->areas;

	if (within >= segment->bytes)
		return (struct device_place){.file = &map->files[area->file]};
	left = segment->bytes - within;
	if (segment->area_count > 1) {
		unit = within / segment->stripe_bytes;
		within %= segment->stripe_bytes;
		left = min_u64(left, segment->stripe_bytes - within);
		area += unit % segment->area_count;
		within += unit / segment->area_count * segment->stripe_bytes;
	}
	return (struct device_place){.file = &map->files[area->file],
				     .offset = area->offset + within,
				     .bytes = min_u64(bytes, left)};
}
