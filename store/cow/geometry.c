// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cow/geometry.h"

#include <assert.h>

#include "store/base/bytes.h"

bool geometry_chunk_is_valid(uint64_t bytes)
{
	return is_power_of_two(bytes) && bytes >= SECTOR_BYTES &&
	       bytes <= (uint64_t)CHUNK_SECTORS_MAX * SECTOR_BYTES;
}

struct geometry geometry_make(uint32_t chunk_sectors, uint64_t device_bytes)
{
	struct geometry geometry;

	assert(is_power_of_two(chunk_sectors) && chunk_sectors <= CHUNK_SECTORS_MAX);
	geometry.chunk_sectors = chunk_sectors;
	geometry.chunk_bytes = (uint64_t)chunk_sectors * SECTOR_BYTES;
	geometry.exceptions_per_area = (uint32_t)(geometry.chunk_bytes / EXCEPTION_BYTES);
	geometry.device_sectors = device_bytes / SECTOR_BYTES;
	geometry.device_chunks = geometry.device_sectors / chunk_sectors;
	return geometry;
}

/* How many areas are below a chunk. */
static uint64_t areas_below(const struct geometry *geometry, uint64_t chunk)
{
	uint64_t stride = (uint64_t)geometry->exceptions_per_area + 1;

	return chunk < 2 ? 0 : (chunk - 2) / stride + 1;
}

uint64_t geometry_areas(const struct geometry *geometry)
{
	return areas_below(geometry, geometry->device_chunks);
}

bool geometry_area_chunk(const struct geometry *geometry, uint64_t area, uint64_t *chunk)
{
	uint64_t stride = (uint64_t)geometry->exceptions_per_area + 1;

	return checked_mul(area, stride, chunk) && checked_add(*chunk, 1, chunk);
}

bool geometry_is_metadata(const struct geometry *geometry, uint64_t chunk)
{
	uint64_t stride = (uint64_t)geometry->exceptions_per_area + 1;

	return chunk == 0 || chunk % stride == 1;
}

bool geometry_holds_data(const struct geometry *geometry, uint64_t new_chunk)
{
	return new_chunk < min_u64(geometry->device_chunks, NEW_CHUNK_LIMIT) &&
	       !geometry_is_metadata(geometry, new_chunk);
}

bool geometry_may_be_old(const struct geometry *geometry, uint64_t old_chunk)
{
	return old_chunk < ORIGIN_BYTES_MAX / geometry->chunk_bytes;
}

uint64_t geometry_usual_chunk(const struct geometry *geometry, uint64_t index)
{
	return 2 + index + index / geometry->exceptions_per_area;
}

uint64_t geometry_usual_index(const struct geometry *geometry, uint64_t chunk)
{
	uint64_t stride = (uint64_t)geometry->exceptions_per_area + 1;

	assert(chunk >= 2);
	return chunk - 2 - (chunk - 2) / stride;
}

uint64_t geometry_next_free(const struct geometry *geometry, uint64_t highest_new_chunk)
{
	uint64_t next = highest_new_chunk == 0 ? 2 : highest_new_chunk;

	if (highest_new_chunk != 0 && !checked_add(highest_new_chunk, 1, &next))
		return UINT64_MAX;
	if (next != UINT64_MAX && geometry_is_metadata(geometry, next))
		next++;
	return next;
}

uint64_t geometry_bytes_for(uint32_t chunk_sectors, uint64_t exceptions)
{
	struct geometry geometry = geometry_make(chunk_sectors, 0);
	uint64_t chunks, bytes;

	/* Header, area 0, the data, and one more area for each that is filled. */
	if (!checked_add(exceptions, exceptions / geometry.exceptions_per_area, &chunks) ||
	    !checked_add(chunks, 2, &chunks) || !checked_mul(chunks, geometry.chunk_bytes, &bytes))
		return UINT64_MAX;
	return bytes;
}

bool geometry_room(const struct geometry *geometry, uint64_t next_free, uint64_t exceptions,
		   uint64_t wanted, uint64_t *possible)
{
	uint64_t end = geometry->device_chunks, chunks = 0, entries = 0, most;
	/* No overflow: areas and their data lie on the device. The last entry of the last area
	 * would need one more. */
	uint64_t usable = geometry_areas(geometry) * geometry->exceptions_per_area;

	assert(next_free >= 2);
	if (next_free < end)
		chunks = end - next_free -
			 (areas_below(geometry, end) - areas_below(geometry, next_free));
	if (usable > 0 && exceptions < usable - 1)
		entries = usable - 1 - exceptions;
	most = min_u64(chunks, entries);
	if (possible)
		*possible = most;
	return wanted <= most;
}

uint64_t geometry_origin_chunks(const struct geometry *geometry, uint64_t origin_bytes)
{
	return divide_up(origin_bytes, geometry->chunk_bytes);
}

uint64_t geometry_clip(const struct geometry *geometry, uint64_t old_chunk, uint64_t origin_bytes)
{
	uint64_t start;

	if (!checked_mul(old_chunk, geometry->chunk_bytes, &start) || start >= origin_bytes)
		return 0;
	return min_u64(geometry->chunk_bytes, origin_bytes - start);
}
