// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/export/export_window.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/base/error.h"

/* Requests of one window in flight. */
#define WIDTH 64u
#define TRANSFER_BYTES (1024u << 10)
/* Reading across so much that is not wanted is cheaper than another request. */
#define BRIDGE_BYTES (32u << 10)
/* A hole of this size ends a window, so that the next one need not be in memory. */
#define HOLE_BYTES (256u << 10)

enum result export_window_init(struct export_window *window, struct export *export,
			       struct failure *why)
{
	/* No two pieces begin in one sector. */
	size_t pieces = export->options->window_bytes / SECTOR_BYTES;

	assert(export->options->window_bytes > 0 &&
	       export->options->window_bytes % BUFFER_ALIGNMENT == 0 &&
	       export->options->window_bytes <= UINT32_MAX);
	memset(window, 0, sizeof(*window));
	window->export = export;
	window->data = io_buffer_large(export->options->window_bytes);
	window->pieces = calloc(pieces, sizeof(*window->pieces));
	if (!window->data || !window->pieces)
		return fail_memory(why, "a piece of the view", export->options->window_bytes);
	return batch_init(&window->batch, export->io, WIDTH, why);
}

void export_window_free(struct export_window *window)
{
	batch_free(&window->batch);
	free(window->pieces);
	free(window->data);
	memset(window, 0, sizeof(*window));
}

/* ---- planning ---- */

static bool is_sparse(const struct export *export)
{
	return export->target.device && !device_is_block(export->target.device);
}

/* Is there a hole of the origin at this place? *bytes: up to where it is one, or is none. */
static bool is_origin_hole(const struct export *export, struct export_holes *holes, uint64_t offset,
			   uint64_t *bytes)
{
	if (offset < holes->asked || offset >= holes->data_to) {
		holes->asked = offset;
		device_next_data(export->origin, offset, &holes->data_from, &holes->data_to);
	}
	*bytes = (offset < holes->data_from ? holes->data_from : holes->data_to) - offset;
	return offset < holes->data_from;
}

static void add_pieces(struct export_window *window, const struct view_extent *extent,
		       uint64_t bytes)
{
	for (uint64_t done = 0; done < bytes; done += TRANSFER_BYTES)
		window->pieces[window->piece_count++] = (struct export_piece){
			.source = extent->source,
			.position = (uint32_t)(window->bytes + done),
			.bytes = (uint32_t)min_u64(TRANSFER_BYTES, bytes - done),
			.offset = extent->source_offset + done,
		};
	if (extent->source == VIEW_ORIGIN)
		window->bytes_from_origin += bytes;
	else
		window->bytes_from_store += bytes;
	window->bytes += bytes;
}

static void add_zeros(struct export_window *window, uint64_t bytes)
{
	memset(window->data + window->bytes, 0, bytes);
	window->bytes_from_origin += bytes;
	window->bytes += bytes;
}

/* A large hole: a window of its own, or the end of the one in hand. False: it is too small. */
static bool take_hole(struct export_window *window, uint64_t bytes, bool is_last)
{
	uint64_t whole = is_last ? bytes : round_down(bytes, BUFFER_ALIGNMENT);

	if (!is_sparse(window->export) || whole < HOLE_BYTES)
		return false;
	if (window->bytes > 0) {
		add_zeros(window, min_u64(bytes, round_up(window->bytes, BUFFER_ALIGNMENT) -
							 window->bytes));
		return true;
	}
	window->is_hole = true;
	window->bytes = window->bytes_from_origin = whole;
	return true;
}

static enum result plan_extent(struct export_window *window, struct export_holes *holes,
			       uint64_t end, bool *full, struct failure *why)
{
	struct export *export = window->export;
	uint64_t offset = window->offset + window->bytes, bytes;
	struct view_extent extent;
	bool is_hole = false;
	enum result result = view_map_extent(&export->map, offset, &extent, why);

	if (result != RESULT_OK)
		return result;
	extent.bytes = min_u64(extent.bytes, end - offset);
	if (extent.source == VIEW_ORIGIN) {
		is_hole = is_origin_hole(export, holes, offset, &bytes);
		extent.bytes = min_u64(extent.bytes, bytes);
	}
	*full = is_hole && take_hole(window, extent.bytes, offset + extent.bytes == end);
	if (*full)
		return RESULT_OK;
	bytes = min_u64(extent.bytes, export->options->window_bytes - window->bytes);
	if (is_hole)
		add_zeros(window, bytes);
	else
		add_pieces(window, &extent, bytes);
	*full = window->bytes == export->options->window_bytes || offset + bytes == end;
	return RESULT_OK;
}

enum result export_window_plan(struct export_window *window, struct export_holes *holes,
			       uint64_t offset, uint64_t end, struct failure *why)
{
	enum result result = RESULT_OK;
	bool full = false;

	assert(offset < end && offset % BUFFER_ALIGNMENT == 0);
	window->offset = offset;
	window->bytes = window->bytes_from_store = window->bytes_from_origin = 0;
	window->bytes_written = 0;
	window->piece_count = 0;
	window->is_hole = window->read_failed = false;
	while (!full && result == RESULT_OK)
		result = plan_extent(window, holes, end, &full, why);
	return result;
}

/* ---- reading ---- */

static struct device *source_of(const struct export_window *window,
				const struct export_piece *piece)
{
	return piece->source == VIEW_ORIGIN ? window->export->origin
					    : window->export->store->device;
}

static uint32_t block_of(const struct export_window *window, const struct device *device)
{
	return device_unit(device, window->export->store->geometry.chunk_bytes);
}

/* The end of the view may lie within a block of the store, but never within one of the origin. */
static uint32_t whole_blocks(const struct export_window *window, const struct device *device,
			     uint32_t bytes)
{
	return (uint32_t)round_up(bytes, block_of(window, device));
}

/*
 * The last piece that can be read together with the origin's piece `first`: only what comes from
 * the store lies between, and not too much at a time.
 */
static size_t bridge(const struct export_window *window, size_t first)
{
	const struct export_piece *pieces = window->pieces;
	uint64_t end = pieces[first].position + pieces[first].bytes;
	size_t last = first;

	for (size_t i = first + 1; i < window->piece_count; i++) {
		uint64_t last_end = pieces[last].position + pieces[last].bytes;

		if (pieces[i].position != end || pieces[i].position - last_end > BRIDGE_BYTES)
			break;
		end += pieces[i].bytes;
		if (end - pieces[first].position > TRANSFER_BYTES)
			break;
		if (pieces[i].source == VIEW_ORIGIN)
			last = i;
	}
	return last;
}

static bool next_origin_read(struct batch *batch, struct io_request *request)
{
	struct export_window *window = batch->owner;
	const struct export_piece *pieces = window->pieces;
	size_t first = window->next_piece, last;

	while (first < window->piece_count && pieces[first].source != VIEW_ORIGIN)
		first++;
	if (first == window->piece_count)
		return false;
	last = bridge(window, first);
	window->next_piece = last + 1;
	io_prepare(request, IO_READ, window->export->origin, pieces[first].offset,
		   window->data + pieces[first].position,
		   pieces[last].position + pieces[last].bytes - pieces[first].position);
	return true;
}

static bool next_store_read(struct batch *batch, struct io_request *request)
{
	struct export_window *window = batch->owner;
	struct device *device = window->export->store->device;
	size_t i = window->next_piece;

	while (i < window->piece_count && window->pieces[i].source != VIEW_STORE)
		i++;
	window->next_piece = i + 1;
	if (i >= window->piece_count)
		return false;
	io_prepare(request, IO_READ, device, window->pieces[i].offset,
		   window->data + window->pieces[i].position,
		   whole_blocks(window, device, window->pieces[i].bytes));
	return true;
}

void export_window_start_reading(struct export_window *window)
{
	window->phase = EXPORT_READING_ORIGIN;
	window->next_piece = 0;
	batch_start(&window->batch, next_origin_read, window);
}

static enum result write_result(const struct batch *batch, struct failure *why)
{
	enum result result = batch_result(batch, why);

	return error_is_full(batch->error) ? RESULT_NO_SPACE : result;
}

enum result export_window_step(struct export_window *window, bool *moved, struct failure *why)
{
	if (window->phase == EXPORT_READ || window->phase == EXPORT_WRITTEN ||
	    !batch_finished(&window->batch))
		return RESULT_OK;
	*moved = true;
	if (window->phase == EXPORT_WRITING) {
		if (window->batch.error == 0)
			window->phase = EXPORT_WRITTEN;
		return write_result(&window->batch, why);
	}
	window->read_failed |= window->batch.error != 0;
	if (window->phase == EXPORT_READING_STORE) {
		window->phase = EXPORT_READ;
		return RESULT_OK;
	}
	window->phase = EXPORT_READING_STORE;
	window->next_piece = 0;
	batch_start(&window->batch, next_store_read, window);
	return RESULT_OK;
}

/* ---- what cannot be read ---- */

static enum result fill_part(struct export_window *window, const struct export_piece *piece,
			     uint32_t at, uint32_t bytes, struct failure *why)
{
	uint32_t position = piece->position + at;
	struct export_gap gap = {window->offset + position, bytes, piece->source};

	memset(window->data + position, 0, bytes);
	return export_state_add_gap(&window->export->state, &gap, why);
}

static enum result refuse_gap(enum result result, struct failure *why)
{
	fail_set_remedy(why, REMEDY_FILL_UNREADABLE, NULL);
	return result;
}

/* Halves again and again, down to one block. */
static enum result mend_part(struct export_window *window, const struct export_piece *piece,
			     uint32_t at, uint32_t bytes, struct failure *why)
{
	struct export *export = window->export;
	struct device *device = source_of(window, piece);
	uint32_t half = whole_blocks(window, device, bytes / 2);
	enum result result;

	if (export->options->stop && *export->options->stop)
		return RESULT_STOPPED;
	result =
		io_read(export->io, device, piece->offset + at, window->data + piece->position + at,
			whole_blocks(window, device, bytes), why);
	if (result != RESULT_IO)
		return result;
	if (!export->options->fill)
		return refuse_gap(result, why);
	if (bytes <= block_of(window, device))
		return fill_part(window, piece, at, bytes, why);
	result = mend_part(window, piece, at, half, why);
	if (result == RESULT_OK)
		result = mend_part(window, piece, at + half, bytes - half, why);
	return result;
}

static enum result mend_lost(struct export_window *window, const struct export_piece *piece,
			     struct failure *why)
{
	if (window->export->options->fill)
		return fill_part(window, piece, 0, piece->bytes, why);
	fail(why, RESULT_DAMAGED, "%s: does not hold bytes %llu to %llu of the view",
	     window->export->store->device->name,
	     (unsigned long long)window->offset + piece->position,
	     (unsigned long long)window->offset + piece->position + piece->bytes - 1);
	return refuse_gap(RESULT_DAMAGED, why);
}

enum result export_window_mend(struct export_window *window, struct failure *why)
{
	enum result result = RESULT_OK;

	assert(window->phase == EXPORT_READ);
	for (size_t i = 0; i < window->piece_count && result == RESULT_OK; i++) {
		const struct export_piece *piece = &window->pieces[i];

		if (piece->source == VIEW_LOST)
			result = mend_lost(window, piece, why);
		else if (window->read_failed)
			result = mend_part(window, piece, 0, piece->bytes, why);
	}
	return result;
}

/* ---- writing ---- */

/* The next bytes that are to be written, from next_position on; false: no more. */
static bool next_range(struct export_window *window, uint64_t *from, uint64_t *to)
{
	bool sparse = is_sparse(window->export);
	uint64_t end = sparse ? round_up(window->bytes, BUFFER_ALIGNMENT) : window->bytes;
	uint64_t at = window->next_position;

	while (sparse && at < end && bytes_are_zero(window->data + at, BUFFER_ALIGNMENT))
		at += BUFFER_ALIGNMENT;
	*from = at;
	while (at < end && at - *from < TRANSFER_BYTES &&
	       !(sparse && bytes_are_zero(window->data + at, BUFFER_ALIGNMENT)))
		at += min_u64(BUFFER_ALIGNMENT, end - at);
	*to = window->next_position = at;
	return *from < *to;
}

static bool next_write(struct batch *batch, struct io_request *request)
{
	struct export_window *window = batch->owner;
	uint64_t from, to;

	if (!next_range(window, &from, &to))
		return false;
	window->bytes_written += min_u64(to, window->bytes) - from;
	io_prepare(request, IO_WRITE, window->export->target.device, window->offset + from,
		   window->data + from, to - from);
	return true;
}

/* What is in the last block after the end of the view is written to an image file, and cut off
 * when all is done. */
enum result export_window_start_writing(struct export_window *window, struct failure *why)
{
	struct device *device = window->export->target.device;
	enum result result = RESULT_OK;

	assert(window->phase == EXPORT_READ);
	if (is_sparse(window->export))
		result = device_set_size(device, window->offset + window->bytes, why);
	if (result != RESULT_OK)
		return result;
	window->phase = window->is_hole ? EXPORT_WRITTEN : EXPORT_WRITING;
	if (window->is_hole)
		return RESULT_OK;
	memset(window->data + window->bytes, 0,
	       round_up(window->bytes, BUFFER_ALIGNMENT) - window->bytes);
	window->next_position = 0;
	batch_start(&window->batch, next_write, window);
	return RESULT_OK;
}
