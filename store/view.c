// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/view.h"

#include <stdlib.h>

#include "store/bytes.h"

enum result view_read_origin(const struct store *store, struct device *origin,
			     const struct view_range *ranges, size_t count, struct failure *why)
{
	enum result result = RESULT_OK;

	for (size_t i = 0; i < count && result == RESULT_OK; i++)
		if (ranges[i].bytes > 0)
			result = io_read(store->io, origin, ranges[i].offset, ranges[i].buffer,
					 ranges[i].bytes, why);
	return result;
}

/* The exceptions that lie in one of the ranges. */
struct overlay {
	const struct store *store;
	const struct view_range *ranges;
	size_t range_count;
	uint64_t origin_bytes;
	struct exception *hits;
	size_t hit_count, hit_capacity;
};

/* The part of chunk `old_chunk` that lies in the range; false: none. */
static bool intersect(const struct overlay *overlay, const struct view_range *range,
		      uint64_t old_chunk, uint64_t *from, uint64_t *to)
{
	const struct geometry *geometry = &overlay->store->geometry;
	uint64_t clip = geometry_clip(geometry, old_chunk, overlay->origin_bytes);
	uint64_t start;

	if (clip == 0)
		return false;
	start = old_chunk * geometry->chunk_bytes;
	*from = max_u64(start, range->offset);
	*to = min_u64(start + clip, range->offset + range->bytes);
	return *from < *to;
}

static bool wanted(const struct overlay *overlay, uint64_t old_chunk)
{
	uint64_t from, to;

	for (size_t i = 0; i < overlay->range_count; i++)
		if (intersect(overlay, &overlay->ranges[i], old_chunk, &from, &to))
			return true;
	return false;
}

static enum result remember(struct overlay *overlay, const struct exception *hit,
			    struct failure *why)
{
	if (overlay->hit_count == overlay->hit_capacity) {
		size_t capacity = overlay->hit_capacity ? overlay->hit_capacity * 2 : 64;
		struct exception *hits = realloc(overlay->hits, capacity * sizeof(*hits));

		if (!hits)
			return fail_memory(why, "reading the view", capacity * sizeof(*hits));
		overlay->hits = hits;
		overlay->hit_capacity = capacity;
	}
	overlay->hits[overlay->hit_count++] = *hit;
	return RESULT_OK;
}

static enum result gather_piece(void *context, uint64_t index, const uint8_t *entries,
				uint32_t count, struct failure *why)
{
	struct overlay *overlay = context;
	const struct geometry *geometry = &overlay->store->geometry;
	enum result result = RESULT_OK;
	struct exception exception;

	(void)index;
	for (uint32_t i = 0; i < count && result == RESULT_OK; i++) {
		exception_decode(entries + (size_t)i * EXCEPTION_BYTES, &exception);
		if (wanted(overlay, exception.old_chunk) &&
		    exception.new_chunk < geometry->device_chunks &&
		    !geometry_is_metadata(geometry, exception.new_chunk))
			result = remember(overlay, &exception, why);
	}
	return result;
}

static enum result apply(const struct overlay *overlay, const struct exception *hit,
			 struct failure *why)
{
	uint64_t chunk_bytes = overlay->store->geometry.chunk_bytes;
	enum result result = RESULT_OK;

	for (size_t i = 0; i < overlay->range_count && result == RESULT_OK; i++) {
		const struct view_range *range = &overlay->ranges[i];
		uint64_t from, to, bytes;

		if (!intersect(overlay, range, hit->old_chunk, &from, &to))
			continue;
		bytes = round_up(to - from, min_u64(chunk_bytes, BUFFER_ALIGNMENT));
		result = io_read(overlay->store->io, overlay->store->device,
				 hit->new_chunk * chunk_bytes + from % chunk_bytes,
				 range->buffer + (from - range->offset), bytes, why);
	}
	return result;
}

enum result view_overlay(const struct store *store, uint64_t origin_bytes,
			 const struct view_range *ranges, size_t count, struct failure *why)
{
	struct overlay overlay = {.store = store,
				  .ranges = ranges,
				  .range_count = count,
				  .origin_bytes = origin_bytes};
	struct store_scan scan = {.live = gather_piece, .context = &overlay};
	enum result result = store_scan(store, &scan, why);

	/* From the last to the first: the first of several for one chunk is what remains. */
	for (size_t i = overlay.hit_count; i > 0 && result == RESULT_OK; i--)
		result = apply(&overlay, &overlay.hits[i - 1], why);
	free(overlay.hits);
	return result;
}
