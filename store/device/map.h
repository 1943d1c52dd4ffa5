/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where on which file the bytes of a device are: segments in order, without gaps, each striped over
 * one or more areas. A stripe needs no entry of its own, however many there are. Pure arithmetic.
 */
#ifndef STORE_DEVICE_MAP_H
#define STORE_DEVICE_MAP_H

#include "store/device/device.h"

/* Where a segment's part on one file begins. */
struct map_area {
	unsigned int file;
	uint64_t offset;
};

/* The bytes from `start` on: unit u of `stripe_bytes` is on area u % area_count, as its unit u /
 * area_count. With one area there are no stripes; stripe_bytes is not looked at. */
struct map_segment {
	uint64_t start, bytes;
	uint64_t stripe_bytes;
	const struct map_area *areas;
	unsigned int area_count;
};

struct map {
	const struct device_file *files;
	unsigned int file_count;
	const struct map_segment *segments;
	unsigned int segment_count;
};

/* See device_place. */
struct device_place map_place(const struct map *map, uint64_t offset, uint64_t bytes);

#endif
