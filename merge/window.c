// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/window.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/breaks.h"
#include "store/base/bytes.h"
#include "store/cow/gaps.h"

/* A window of tiny chunks is bounded by what must be remembered for each. */
#define EXCEPTIONS_MAX 65536u
/* Requests of one window in flight. */
#define WIDTH 64u

uint64_t window_capacity(const struct geometry *geometry, uint64_t window_bytes)
{
	return max_u64(1, min_u64(EXCEPTIONS_MAX, window_bytes / geometry->chunk_bytes));
}

uint64_t window_first(const struct store *store, uint64_t capacity, uint64_t end)
{
	uint64_t per_area = store->geometry.exceptions_per_area;
	uint64_t per_block = store_exceptions_per_block(store);
	uint64_t lowest = end > capacity ? end - capacity : 0;
	uint64_t cut;

	if (lowest == 0)
		return 0;
	cut = round_down(lowest, per_area) + per_area - per_block;
	if (cut < lowest)
		cut += per_area;
	if (cut < end)
		return cut;
	cut = round_up(lowest, per_block);
	return cut < end ? cut : lowest;
}

enum result window_init(struct window *window, struct store *store, struct device *origin,
			uint64_t capacity, uint64_t window_bytes, struct failure *why)
{
	uint64_t chunk_bytes = store->geometry.chunk_bytes;
	uint64_t slice = min_u64(
		chunk_bytes, max_u64(round_down(window_bytes, BUFFER_ALIGNMENT), BUFFER_ALIGNMENT));
	uint64_t data_bytes = plan_buffer_bytes(&store->geometry, capacity, slice);
	/* The first and the last block may hold exceptions that are not the window's. */
	uint64_t metadata_bytes =
		capacity * EXCEPTION_BYTES + 2 * min_u64(chunk_bytes, STORE_SEGMENT_BYTES);

	memset(window, 0, sizeof(*window));
	window->store = store;
	window->origin = origin;
	window->slice_bytes = slice;
	window->metadata = io_buffer(metadata_bytes);
	window->exceptions = calloc(capacity, sizeof(*window->exceptions));
	window->data = io_buffer_large(data_bytes);
	if (!window->metadata || !window->exceptions || !window->data ||
	    !plan_allocate(&window->plan, capacity))
		return fail_memory(why, "a window of the merge", data_bytes);
	return batch_init(&window->batch, store->io, WIDTH, why);
}

enum result window_skip_lost(struct window *window, struct left_out *left_out, struct failure *why)
{
	uint64_t bytes = plan_buffer_bytes(&window->store->geometry, window->plan.capacity,
					   window->slice_bytes) /
			 SECTOR_BYTES;

	window->left_out = left_out;
	window->unreadable = calloc(bytes, 1);
	return window->unreadable ? RESULT_OK : fail_memory(why, "what is unreadable", bytes);
}

void window_free(struct window *window)
{
	batch_free(&window->batch);
	plan_free(&window->plan);
	free(window->metadata);
	free(window->exceptions);
	free(window->data);
	free(window->unreadable);
	memset(window, 0, sizeof(*window));
}

static bool next_load(struct batch *batch, struct io_request *request)
{
	struct window *window = batch->owner;
	struct store_segment segment;

	if (window->next_index >= window->end)
		return false;
	segment = store_segment(window->store, window->next_index, window->end);
	io_prepare(request, IO_READ, window->store->device, segment.offset,
		   window->metadata + window->next_position, segment.bytes);
	window->next_index += segment.count;
	window->next_position += segment.bytes;
	return true;
}

static bool next_read(struct batch *batch, struct io_request *request)
{
	struct window *window = batch->owner;
	const struct plan_read *read;

	if (window->next_transfer >= window->plan.read_count)
		return false;
	read = &window->plan.reads[window->next_transfer++];
	io_prepare(request, IO_READ, window->store->device, read->offset,
		   window->data + read->position, read->bytes);
	return true;
}

static bool next_write(struct batch *batch, struct io_request *request)
{
	struct window *window = batch->owner;
	const struct plan_write *write;

	if (window->next_transfer >= window->plan.write_count)
		return false;
	write = &window->plan.writes[window->next_transfer++];
	io_prepare_vector(request, IO_WRITE, window->origin, write->offset,
			  window->plan.buffers + write->first_buffer, write->buffer_count);
	return true;
}

void window_start(struct window *window, uint64_t first, uint64_t end)
{
	assert(window->state == WINDOW_FREE && first < end);
	window->state = WINDOW_LOADING;
	window->first = window->next_index = first;
	window->end = end;
	window->next_position = 0;
	window->slice.offset = 0;
	window->bytes_written = 0;
	batch_start(&window->batch, next_load, window);
}

/* The same walk as next_load. */
static void decode(struct window *window)
{
	uint64_t index = window->first;
	size_t position = 0, count = 0;
	struct exception *exception;

	while (index < window->end) {
		struct store_segment segment = store_segment(window->store, index, window->end);
		const uint8_t *entries = window->metadata + position + segment.skip;

		gaps_fill(window->store, &segment, window->metadata + position);
		if (index == window->first)
			window->kept_bytes = segment.skip;
		for (uint32_t i = 0; i < segment.count; i++) {
			exception = &window->exceptions[count];
			exception_decode(entries + (size_t)i * EXCEPTION_BYTES, exception);
			count += !window->left_out ||
				 !left_out_must(&window->store->geometry, window->origin->bytes,
						exception);
		}
		index += segment.count;
		position += segment.bytes;
	}
	window->exception_count = count;
}

static enum result plan_slice(struct window *window, struct failure *why)
{
	window->slice.bytes = min_u64(window->slice_bytes,
				      window->store->geometry.chunk_bytes - window->slice.offset);
	if (!plan_make(&window->plan, &window->store->geometry, window->origin->bytes,
		       window->exceptions, window->exception_count, window->slice, window->data))
		return fail(
			why, RESULT_IO,
			"%s: an exception between number %llu and %llu is not what it was when the store was verified; does somebody else write to it?",
			window->store->device->name, (unsigned long long)window->first,
			(unsigned long long)window->end);
	window->state = WINDOW_READING;
	window->next_transfer = 0;
	batch_start(&window->batch, next_read, window);
	return RESULT_OK;
}

/* ---- what cannot be read ---- */

/* The same walk as next_load. */
static enum result load_again(struct window *window, struct failure *why)
{
	uint64_t index = window->first;
	enum result result = RESULT_OK;
	size_t position = 0;

	while (index < window->end && result == RESULT_OK) {
		struct store_segment segment = store_segment(window->store, index, window->end);

		result = gaps_read(window->store, &segment, window->metadata + position, why);
		index += segment.count;
		position += segment.bytes;
	}
	return result;
}

/* What is read, and what is written, in blocks of both devices. */
static uint64_t block_bytes(const struct window *window)
{
	uint64_t chunk_bytes = window->store->geometry.chunk_bytes;

	return max_u64(device_unit(window->store->device, chunk_bytes),
		       device_unit(window->origin, chunk_bytes));
}

/* Halves again and again, down to one block. */
static enum result mend_part(struct window *window, uint64_t offset, uint64_t position,
			     uint64_t bytes, struct failure *why)
{
	uint64_t block = block_bytes(window), half = round_up(bytes / 2, block);
	struct failure reading;
	enum result result = io_read(window->store->io, window->store->device, offset,
				     window->data + position, bytes, &reading);

	if (result == RESULT_OK)
		return result;
	if (bytes <= block) {
		window->has_unreadable = true;
		memset(window->unreadable + position / SECTOR_BYTES, 1, bytes / SECTOR_BYTES);
		return gaps_require_device(window->store, why);
	}
	result = mend_part(window, offset, position, half, why);
	if (result == RESULT_OK)
		result = mend_part(window, offset + half, position + half, bytes - half, why);
	return result;
}

/* One transfer a step, for somebody may want to stop. */
static enum result mend_next(struct window *window, struct failure *why)
{
	const struct plan_read *read = &window->plan.reads[window->next_transfer++];
	enum result result = mend_part(window, read->offset, read->position, read->bytes, why);

	if (result == RESULT_OK && window->next_transfer == window->plan.read_count)
		window->state = WINDOW_READ;
	return result;
}

/* From byte `at` of an item's `bytes` on: the end of what is all unreadable, or all readable. */
static uint64_t end_of_run(const struct window *window, const struct plan_item *item, uint64_t at,
			   uint64_t bytes)
{
	const uint8_t *unreadable = window->unreadable + item->position / SECTOR_BYTES;
	bool kind = unreadable[at / SECTOR_BYTES];

	while (at < bytes && unreadable[at / SECTOR_BYTES] == kind)
		at += SECTOR_BYTES;
	return min_u64(at, bytes);
}

static bool is_unreadable(const struct window *window, const struct plan_item *item, uint64_t at)
{
	return window->unreadable[(item->position + at) / SECTOR_BYTES] &&
	       !BROKEN(UNREADABLE_OVERWRITTEN);
}

static uint64_t item_bytes(const struct window *window, size_t i)
{
	return plan_item_bytes(&window->plan, i, &window->store->geometry, window->origin->bytes,
			       window->slice);
}

static uint64_t origin_offset(const struct window *window, size_t i)
{
	return window->plan.items[i].old_chunk * window->store->geometry.chunk_bytes +
	       window->slice.offset;
}

/* Instead of next_write where some is unreadable: what can be read of one chunk after the other. */
static bool next_part(struct batch *batch, struct io_request *request)
{
	struct window *window = batch->owner;

	while (window->next_transfer < window->plan.item_count) {
		size_t i = window->next_transfer;
		const struct plan_item *item = &window->plan.items[i];
		uint64_t at = window->next_byte, bytes = item_bytes(window, i);

		if (at >= bytes) {
			window->next_transfer++;
			window->next_byte = 0;
			continue;
		}
		window->next_byte = end_of_run(window, item, at, bytes);
		if (is_unreadable(window, item, at))
			continue;
		io_prepare(request, IO_WRITE, window->origin, origin_offset(window, i) + at,
			   window->data + item->position + at, window->next_byte - at);
		return true;
	}
	return false;
}

/* What next_part has left out, once all else is written. It is forgotten with the plan that it
 * is of: the next one may be shorter, and the one after that longer again. */
static void list_unreadable(struct window *window)
{
	for (size_t i = 0; i < window->plan.item_count; i++) {
		const struct plan_item *item = &window->plan.items[i];
		uint64_t bytes = item_bytes(window, i), end;

		for (uint64_t at = 0; at < bytes; at = end) {
			end = end_of_run(window, item, at, bytes);
			if (!window->unreadable[(item->position + at) / SECTOR_BYTES])
				continue;
			window->bytes_written -= end - at;
			left_out_add_unreadable(window->left_out, origin_offset(window, i) + at,
						end - at);
		}
	}
	memset(window->unreadable, 0, window->plan.data_bytes / SECTOR_BYTES);
	window->has_unreadable = false;
}

/* ---- from step to step ---- */

static enum result next_slice(struct window *window, struct failure *why)
{
	uint64_t chunk_bytes = window->store->geometry.chunk_bytes;

	window->bytes_written += window->plan.merged_bytes;
	if (window->has_unreadable)
		list_unreadable(window);
	window->slice.offset += window->slice.bytes;
	if (window->slice.offset < chunk_bytes)
		return plan_slice(window, why);
	window->state = WINDOW_COPIED;
	return RESULT_OK;
}

static void start_writing(struct window *window)
{
	window->state = WINDOW_WRITING;
	window->next_transfer = 0;
	window->next_byte = 0;
	batch_start(&window->batch, window->has_unreadable ? next_part : next_write, window);
}

/* Its transfers are done; what comes next? */
static enum result after_transfers(struct window *window, struct failure *why)
{
	enum result result = batch_result(&window->batch, why);

	if (result == RESULT_IO && window->state == WINDOW_READING && window->left_out) {
		window->state = WINDOW_MENDING;
		window->next_transfer = 0;
		return RESULT_OK;
	}
	if (result == RESULT_IO && window->state == WINDOW_LOADING && window->store->gaps)
		result = load_again(window, why);
	if (result != RESULT_OK)
		return window->state == WINDOW_WRITING
			       ? result
			       : left_out_suggest(window->left_out != NULL, result, why);
	switch (window->state) {
	case WINDOW_LOADING:
		decode(window);
		window->state = WINDOW_LOADED;
		return RESULT_OK;
	case WINDOW_READING:
		window->state = WINDOW_READ;
		return RESULT_OK;
	default:
		return next_slice(window, why);
	}
}

enum result window_step(struct window *window, bool may_read, bool may_write, bool *moved,
			struct failure *why)
{
	switch (window->state) {
	case WINDOW_FREE:
	case WINDOW_COPIED:
		return RESULT_OK;
	case WINDOW_LOADED:
		*moved |= may_read;
		return may_read ? plan_slice(window, why) : RESULT_OK;
	case WINDOW_MENDING:
		*moved = true;
		return mend_next(window, why);
	case WINDOW_READ:
		*moved |= may_write;
		if (may_write)
			start_writing(window);
		return RESULT_OK;
	default:
		if (!batch_finished(&window->batch))
			return RESULT_OK;
		*moved = true;
		return after_transfers(window, why);
	}
}

bool window_is_unread(const struct window *window)
{
	return window->state == WINDOW_LOADING || window->state == WINDOW_READING ||
	       window->state == WINDOW_MENDING;
}

uint64_t window_bytes_copied(const struct window *window)
{
	switch (window->state) {
	case WINDOW_FREE:
	case WINDOW_LOADING:
	case WINDOW_LOADED:
		return 0;
	case WINDOW_READING:
	case WINDOW_MENDING:
	case WINDOW_READ:
		break;
	case WINDOW_WRITING:
		return window->bytes_written + window->batch.done_bytes;
	case WINDOW_COPIED:
		/* With what it leaves out. */
		return window->exception_count * window->store->geometry.chunk_bytes;
	}
	return window->bytes_written;
}
