// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/data.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "verify/check/lost.h"

/* Exceptions are gathered, sorted and looked at in windows of this many, or of this much data. */
#define WINDOW_EXCEPTIONS 65536u
#define WINDOW_BYTES (256u << 20)
#define TRANSFER_BYTES (512u << 10)
#define TRANSFERS 16u /* in flight */
/* What is unreadable is narrowed down to this, or to a chunk if that is smaller. */
#define UNIT_BYTES 4096u

/* One of the two devices, and where its chunk of each exception is. */
struct side {
	bool is_origin;
	struct device *device;
	struct exception *exceptions; /* of the window, in the order of the device */
	/* An errno value for every unit of every exception's chunk, 0 where it can be read. */
	uint8_t *errors;
	/* the next transfer begins in this chunk, with this unit of it */
	size_t next;
	uint64_t next_unit;
	struct data_place pending; /* it may go on with the next unit; bytes 0: none */
};

/* A transfer in flight: units `first` .. of side->errors. After an error it goes on in halves. */
struct transfer {
	struct window *window;
	struct side *side;
	struct io_request request;
	uint8_t *buffer;
	uint64_t first_unit;
	uint64_t offset, end;	   /* on the device */
	uint64_t position, length; /* of the part in hand */
	bool busy;
};

struct window {
	const struct data_options *options;
	struct data_results *results;
	uint64_t unit_bytes, units_per_chunk;
	size_t capacity, count;
	struct side sides[2];
	struct transfer transfers[TRANSFERS];
	uint8_t *memory;
	unsigned int busy;
};

static const struct geometry *geometry_of(const struct window *window)
{
	return &window->options->store->geometry;
}

static uint64_t chunk_on(const struct side *side, size_t i)
{
	return side->is_origin ? side->exceptions[i].old_chunk : side->exceptions[i].new_chunk;
}

/* How many bytes of an exception's chunk are on the device. */
static uint64_t chunk_bytes(const struct window *window, const struct side *side, size_t i)
{
	const struct geometry *geometry = geometry_of(window);

	if (!side->is_origin)
		return geometry->chunk_bytes;
	return geometry_clip(geometry, side->exceptions[i].old_chunk, side->device->bytes);
}

/* ---- transfers ---- */

/* Takes the next chunks that are neighbours, up to a transfer's size; false: there are none. */
static bool take(struct window *window, struct side *side, struct transfer *transfer)
{
	uint64_t chunk_size = geometry_of(window)->chunk_bytes;
	size_t i = side->next;
	uint64_t end;

	if (i == window->count)
		return false;
	transfer->side = side;
	transfer->first_unit = i * window->units_per_chunk + side->next_unit;
	transfer->offset = chunk_on(side, i) * chunk_size + side->next_unit * window->unit_bytes;
	end = chunk_on(side, i) * chunk_size + chunk_bytes(window, side, i);
	while (i + 1 < window->count && chunk_on(side, i + 1) == chunk_on(side, i) + 1 &&
	       end - transfer->offset < TRANSFER_BYTES)
		end += chunk_bytes(window, side, ++i);
	if (end - transfer->offset > TRANSFER_BYTES) {
		/* A chunk that is larger than a transfer. */
		transfer->end = transfer->offset + TRANSFER_BYTES;
		side->next = i;
		side->next_unit =
			(transfer->end - chunk_on(side, i) * chunk_size) / window->unit_bytes;
	} else {
		transfer->end = end;
		side->next = i + 1;
		side->next_unit = 0;
	}
	return true;
}

static void transfer_done(struct io_request *request);

static void read_part(struct transfer *transfer)
{
	transfer->request.done = transfer_done;
	transfer->request.owner = transfer;
	io_prepare(&transfer->request, IO_READ, transfer->side->device, transfer->position,
		   transfer->buffer, transfer->length);
	io_submit(transfer->window->options->store->io, &transfer->request);
}

/* Every transfer that is not busy gets work, from the one device and the other in turn. */
static void start_transfers(struct window *window)
{
	for (unsigned int i = 0; i < TRANSFERS; i++) {
		struct transfer *transfer = &window->transfers[i];

		if (transfer->busy)
			continue;
		if (!take(window, &window->sides[i % 2], transfer) &&
		    !take(window, &window->sides[(i + 1) % 2], transfer))
			return;
		transfer->busy = true;
		window->busy++;
		transfer->position = transfer->offset;
		transfer->length = transfer->end - transfer->offset;
		read_part(transfer);
	}
}

static void end_transfer(struct transfer *transfer)
{
	const struct data_options *options = transfer->window->options;
	struct data_results *results = transfer->window->results;
	uint64_t bytes = transfer->end - transfer->offset;

	if (transfer->side->is_origin)
		results->origin_bytes += bytes;
	else
		results->store_bytes += bytes;
	transfer->busy = false;
	transfer->window->busy--;
	if (options->progress)
		options->progress(options->context, results->store_bytes + results->origin_bytes);
}

/* The parts are halved down to a unit where they fail, and doubled where they do not. */
static void transfer_done(struct io_request *request)
{
	struct transfer *transfer = request->owner;
	uint64_t unit = transfer->window->unit_bytes;

	if (request->error && transfer->length > unit) {
		transfer->length = round_up(transfer->length / 2, unit);
		read_part(transfer);
		return;
	}
	if (request->error)
		transfer->side->errors[transfer->first_unit +
				       (transfer->position - transfer->offset) / unit] =
			(uint8_t)min_u64((uint64_t)request->error, UINT8_MAX);
	transfer->position += transfer->length;
	if (!request->error)
		transfer->length *= 2;
	transfer->length = min_u64(transfer->length, transfer->end - transfer->position);
	if (transfer->length > 0)
		read_part(transfer);
	else
		end_transfer(transfer);
}

/* ---- what was found ---- */

static void end_place(const struct window *window, struct data_place *place)
{
	struct data_results *results = window->results;

	if (place->bytes == 0)
		return;
	results->places++;
	if (place->in_origin) {
		results->origin_unreadable += place->bytes;
	} else {
		results->store_unreadable += place->bytes;
		results->view_unreadable += place->view_bytes;
	}
	window->options->report(window->options->context, place);
	place->bytes = 0;
}

static void add_place(const struct window *window, struct data_place *pending,
		      const struct data_place *place)
{
	bool same_view =
		pending->view_bytes == 0
			? place->view_bytes == 0
			: pending->view_bytes == pending->bytes &&
				  pending->view_offset + pending->view_bytes == place->view_offset;

	if (pending->bytes > 0 && pending->error == place->error && same_view &&
	    pending->offset + pending->bytes == place->offset) {
		pending->bytes += place->bytes;
		pending->view_bytes += place->view_bytes;
		return;
	}
	end_place(window, pending);
	*pending = *place;
}

static void add_unit(struct window *window, struct side *side, size_t i, uint64_t unit)
{
	uint64_t from = unit * window->unit_bytes, chunk_size = geometry_of(window)->chunk_bytes;
	uint64_t old_chunk = side->exceptions[i].old_chunk;
	struct data_place place = {
		.in_origin = side->is_origin,
		.offset = chunk_on(side, i) * chunk_size + from,
		.bytes = min_u64(window->unit_bytes, chunk_bytes(window, side, i) - from),
		.error = side->errors[i * window->units_per_chunk + unit],
	};
	struct lost_range view;

	view = lost_block(geometry_of(window), window->options->origin->bytes, old_chunk, from,
			  place.bytes);
	place.view_offset = view.offset;
	place.view_bytes = view.bytes;
	add_place(window, &side->pending, &place);
}

static void report_side(struct window *window, struct side *side)
{
	for (size_t i = 0; i < window->count; i++)
		for (uint64_t unit = 0; unit < window->units_per_chunk; unit++)
			if (side->errors[i * window->units_per_chunk + unit])
				add_unit(window, side, i, unit);
}

/* ---- windows ---- */

static int by_old_chunk(const void *a, const void *b)
{
	const struct exception *left = a, *right = b;

	return compare_u64(left->old_chunk, right->old_chunk);
}

static int by_new_chunk(const void *a, const void *b)
{
	const struct exception *left = a, *right = b;

	return compare_u64(left->new_chunk, right->new_chunk);
}

static void look(struct window *window)
{
	for (int i = 0; i < 2; i++) {
		struct side *side = &window->sides[i];

		qsort(side->exceptions, window->count, sizeof(*side->exceptions),
		      side->is_origin ? by_old_chunk : by_new_chunk);
		memset(side->errors, 0, window->count * window->units_per_chunk);
		side->next = 0;
		side->next_unit = 0;
	}
	start_transfers(window);
	while (window->busy > 0) {
		io_wait(window->options->store->io);
		start_transfers(window);
	}
	report_side(window, &window->sides[0]);
	report_side(window, &window->sides[1]);
	window->count = 0;
}

static enum result gather(void *context, uint64_t index, const struct exception *exception,
			  struct failure *why)
{
	struct window *window = context;

	(void)index;
	(void)why;
	if (exception_is_lost(exception, geometry_of(window), window->options->origin->bytes))
		return RESULT_OK;
	window->sides[0].exceptions[window->count] = *exception;
	window->sides[1].exceptions[window->count] = *exception;
	if (++window->count == window->capacity)
		look(window);
	return RESULT_OK;
}

static enum result allocate(struct window *window, struct failure *why)
{
	uint64_t bytes = window->capacity * window->units_per_chunk;

	window->memory = io_buffer_large((size_t)TRANSFERS * TRANSFER_BYTES);
	for (int i = 0; i < 2; i++) {
		struct side *side = &window->sides[i];

		side->exceptions = calloc(window->capacity, sizeof(*side->exceptions));
		side->errors = calloc(bytes, 1);
		if (!side->exceptions || !side->errors || !window->memory)
			return fail_memory(why, "reading the data", bytes);
	}
	for (unsigned int i = 0; i < TRANSFERS; i++) {
		window->transfers[i].window = window;
		window->transfers[i].buffer = window->memory + (size_t)i * TRANSFER_BYTES;
	}
	return RESULT_OK;
}

static void release(struct window *window)
{
	assert(window->busy == 0);
	for (int i = 0; i < 2; i++) {
		free(window->sides[i].exceptions);
		free(window->sides[i].errors);
	}
	free(window->memory);
}

enum result data_check(const struct data_options *options, struct data_results *results,
		       struct failure *why)
{
	const struct store *store = options->store;
	uint64_t chunk_size = store->geometry.chunk_bytes;
	struct window window = {
		.options = options,
		.results = results,
		.unit_bytes = min_u64(chunk_size, UNIT_BYTES),
		.capacity = max_u64(min_u64(WINDOW_BYTES / chunk_size, WINDOW_EXCEPTIONS), 1),
		.sides = {{.device = store->device},
			  {.is_origin = true, .device = options->origin}},
	};
	struct store_scan scan = {.each = gather, .context = &window};
	enum result result;

	window.units_per_chunk = chunk_size / window.unit_bytes;
	*results = (struct data_results){0};
	result = allocate(&window, why);
	if (result == RESULT_OK)
		result = options->before ? store_scan_again(store, &scan, options->before, why)
					 : store_scan(store, &scan, why);
	if (result == RESULT_OK)
		look(&window);
	end_place(&window, &window.sides[0].pending);
	end_place(&window, &window.sides[1].pending);
	release(&window);
	return result;
}
