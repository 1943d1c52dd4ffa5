// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cow/view.h"

#include <stdlib.h>

#include "store/io/batch.h"
#include "store/base/bytes.h"

enum result view_read(struct io *io, struct device *device, const struct view_range *ranges,
		      size_t count, struct failure *why)
{
	enum result result = RESULT_OK;

	for (size_t i = 0; i < count && result == RESULT_OK; i++)
		if (ranges[i].bytes > 0)
			result = io_read(io, device, ranges[i].offset, ranges[i].buffer,
					 ranges[i].bytes, why);
	return result;
}

/* The part of chunk `old_chunk` that lies in the range; false: none. */
static bool intersect(const struct view_overlay *overlay, const struct view_range *range,
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

static uint64_t first_chunk(const struct view_overlay *overlay, const struct view_range *range)
{
	return range->offset / overlay->store->geometry.chunk_bytes;
}

static size_t chunk_count(const struct view_overlay *overlay, const struct view_range *range)
{
	uint64_t chunk_bytes = overlay->store->geometry.chunk_bytes;

	return (size_t)(divide_up(range->offset + range->bytes, chunk_bytes) -
			first_chunk(overlay, range));
}

static void remember(struct view_overlay *overlay, const struct exception *exception)
{
	uint64_t *new_chunks = overlay->new_chunks;
	uint64_t from, to;

	for (size_t i = 0; i < overlay->range_count; i++) {
		const struct view_range *range = &overlay->ranges[i];
		uint64_t *new_chunk;

		if (intersect(overlay, range, exception->old_chunk, &from, &to)) {
			new_chunk = &new_chunks[exception->old_chunk - first_chunk(overlay, range)];
			if (*new_chunk == VIEW_NO_CHUNK) {
				*new_chunk = exception->new_chunk;
				overlay->found++;
			}
		}
		new_chunks += chunk_count(overlay, range);
	}
}

static enum result find(void *context, uint64_t index, const struct exception *exception,
			struct failure *why)
{
	struct view_overlay *overlay = context;

	(void)index;
	(void)why;
	if (geometry_holds_data(&overlay->store->geometry, exception->new_chunk))
		remember(overlay, exception);
	return RESULT_OK;
}

enum result view_overlay_find(struct view_overlay *overlay, const struct store *store,
			      uint64_t origin_bytes, const struct view_range *ranges, size_t count,
			      struct failure *why)
{
	struct store_scan scan = {.each = find, .context = overlay};
	size_t chunks = 0;

	*overlay = (struct view_overlay){.store = store,
					 .ranges = ranges,
					 .range_count = count,
					 .origin_bytes = origin_bytes};
	for (size_t i = 0; i < count; i++)
		chunks += chunk_count(overlay, &ranges[i]);
	overlay->new_chunks = malloc((chunks + 1) * sizeof(uint64_t));
	if (!overlay->new_chunks)
		return fail_memory(why, "reading the view", chunks * sizeof(uint64_t));
	for (size_t i = 0; i < chunks; i++)
		overlay->new_chunks[i] = VIEW_NO_CHUNK;
	return store_scan(store, &scan, why);
}

/* Where the reading of an overlay is. */
struct overlay_cursor {
	const struct view_overlay *overlay;
	size_t range, chunk;	   /* the next one of that range */
	const uint64_t *new_chunk; /* its own */
};

/* Prepares the read of a chunk's part that lies in the range; false: none does. */
static bool prepare(const struct view_overlay *overlay, const struct view_range *range,
		    uint64_t old_chunk, uint64_t new_chunk, struct io_request *request)
{
	uint64_t chunk_bytes = overlay->store->geometry.chunk_bytes;
	uint64_t from, to, bytes;

	if (new_chunk == VIEW_NO_CHUNK || !intersect(overlay, range, old_chunk, &from, &to))
		return false;
	bytes = round_up(to - from, min_u64(chunk_bytes, BUFFER_ALIGNMENT));
	io_prepare(request, IO_READ, overlay->store->device,
		   new_chunk * chunk_bytes + from % chunk_bytes,
		   range->buffer + (from - range->offset), bytes);
	return true;
}

static bool prepare_next(struct batch *batch, struct io_request *request)
{
	struct overlay_cursor *cursor = batch->owner;
	const struct view_overlay *overlay = cursor->overlay;

	for (; cursor->range < overlay->range_count; cursor->range++, cursor->chunk = 0) {
		const struct view_range *range = &overlay->ranges[cursor->range];
		uint64_t first = first_chunk(overlay, range);

		while (cursor->chunk < chunk_count(overlay, range))
			if (prepare(overlay, range, first + cursor->chunk++, *cursor->new_chunk++,
				    request))
				return true;
	}
	return false;
}

enum result view_overlay_apply(const struct view_overlay *overlay, struct failure *why)
{
	struct overlay_cursor cursor = {overlay, 0, 0, overlay->new_chunks};
	struct io *io = overlay->store->io;
	struct batch batch;
	enum result result = batch_init(&batch, io, io->depth, why);

	if (result == RESULT_OK) {
		batch_start(&batch, prepare_next, &cursor);
		while (!batch_finished(&batch))
			io_wait(io);
		result = batch_result(&batch, why);
	}
	batch_free(&batch);
	return result;
}

void view_overlay_free(struct view_overlay *overlay)
{
	free(overlay->new_chunks);
}
