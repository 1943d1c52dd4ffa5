/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where on the physical volumes the bytes of a logical volume are, through volumes that are on
 * volumes, too. Pure.
 */
#ifndef STORE_VOLUME_LAYOUT_H
#define STORE_VOLUME_LAYOUT_H

#include "store/volume/group.h"

#define LAYOUT_DEPTH_MAX 8u

/* `offset` is in bytes from the beginning of the physical volume, not of its first extent. */
struct layout_area {
	unsigned int pv;
	uint64_t offset;
};

/* As struct map_segment of store/device/map.h. */
struct layout_segment {
	uint64_t start, bytes;
	uint64_t stripe_bytes;
	struct layout_area *areas;
	unsigned int area_count;
};

struct layout {
	struct layout_segment *segments;
	unsigned int segment_count;
	uint64_t bytes;
};

/*
 * The layout of a volume. Neighbours on one physical volume are one segment. RESULT_REFUSED, with a
 * sentence without a name ("is raid1, which cannot be mapped; ..."), where it cannot be mapped: it
 * says what would help; RESULT_NO_MEMORY. layout_free it.
 */
enum result layout_make(struct layout *layout, const struct group *group, unsigned int volume,
			struct failure *why);

/* Harmless on a zeroed one. */
void layout_free(struct layout *layout);

/*
 * May anything be written by the maps of this group? RESULT_REFUSED, with a sentence that names the
 * group, where two volumes have an extent in common, one is outside its physical volume, or is on
 * LVM's own bytes there; where one store is of two snapshots, an origin is a store, two snapshots
 * of one origin are marked as merging; where a physical volume is listed twice. All volumes of the
 * group count, whatever their type. RESULT_NO_MEMORY.
 */
enum result layout_check_group(const struct group *group, struct failure *why);

/* Extents of a physical volume that no volume has: `bytes` from `offset` on, counted as in struct
 * layout_area. */
struct layout_space {
	unsigned int pv;
	uint64_t offset, bytes;
};

/* All of them, by physical volume and place; *spaces is the caller's to free. RESULT_NO_MEMORY. */
enum result layout_find_free(const struct group *group, struct layout_space **spaces, size_t *count,
			     struct failure *why);

#endif
