// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices on extents of several disks, as volumes are: linear and striped segments, with gaps
 * between them. */
#include "tests/sim/sim.h"

#include <stdlib.h>

#include "store/base/bytes.h"

#define DISKS_MAX 3u
#define SEGMENTS_MAX 4u

struct layout {
	unsigned int disks;
	uint32_t block_bytes;
	uint64_t used[DISKS_MAX]; /* blocks of each disk */
	struct map maps[SIM_DISKS];
	struct map_segment segments[SIM_DISKS][SEGMENTS_MAX];
	struct map_area areas[SIM_DISKS][SEGMENTS_MAX][DISKS_MAX];
};

/* Takes the next blocks of a disk, with a gap before them. */
static struct map_area take_area(struct layout *layout, unsigned int disk, uint64_t blocks,
				 struct random *random)
{
	struct map_area area = {.file = disk};

	layout->used[disk] += random_below(random, 3);
	area.offset = layout->used[disk] * layout->block_bytes;
	layout->used[disk] += blocks;
	return area;
}

/* A segment of at most `left` blocks; the last one takes all of them. Returns how many it takes. */
static uint64_t add_segment(struct layout *layout, int number, uint64_t start, uint64_t left,
			    struct random *random)
{
	unsigned int count = layout->maps[number].segment_count++;
	struct map_segment *segment = &layout->segments[number][count];
	struct map_area *areas = layout->areas[number][count];
	uint64_t unit = 1 + random_below(random, 8), rows, blocks;
	unsigned int first = (unsigned int)random_below(random, layout->disks);

	segment->area_count = 1 + (unsigned int)random_below(random, layout->disks);
	rows = left / (unit * segment->area_count);
	if (rows == 0 || count + 1 == SEGMENTS_MAX)
		segment->area_count = 1;
	if (segment->area_count == 1) {
		unit = count + 1 == SEGMENTS_MAX ? left : 1 + random_below(random, left);
		rows = 1;
	} else {
		rows = 1 + random_below(random, rows);
		segment->stripe_bytes = unit * layout->block_bytes;
	}
	blocks = unit * rows * segment->area_count;
	segment->start = start * layout->block_bytes;
	segment->bytes = blocks * layout->block_bytes;
	segment->areas = areas;
	for (unsigned int i = 0; i < segment->area_count; i++)
		areas[i] = take_area(layout, (first + i) % layout->disks, unit * rows, random);
	return blocks;
}

struct layout *layout_make(const struct scenario *scenario, struct random *random)
{
	struct layout *layout = calloc(1, sizeof(*layout));

	layout->disks = 1 + (unsigned int)random_below(random, DISKS_MAX);
	layout->block_bytes = scenario->block_bytes[0];
	for (int i = 0; i < (int)scenario_disks(scenario); i++) {
		uint64_t left = scenario_bytes(scenario, (unsigned int)i) / layout->block_bytes;

		layout->maps[i].segments = layout->segments[i];
		for (uint64_t at = 0; left > 0;) {
			uint64_t blocks = add_segment(layout, i, at, left, random);

			at += blocks;
			left -= blocks;
		}
	}
	return layout;
}

void layout_open_disks(const struct layout *layout, struct sim *sim)
{
	for (unsigned int i = 0; i < layout->disks; i++)
		sim_add_blank(sim, (int)i, (layout->used[i] + 2) * layout->block_bytes,
			      layout->block_bytes);
}

void layout_open_volume(const struct layout *layout, struct sim *sim, int number, const char *name,
			const uint8_t *image)
{
	struct map map = layout->maps[number];

	map.files = sim->files;
	map.file_count = layout->disks;
	sim_add_volume(sim, number, name, image, &map);
}
