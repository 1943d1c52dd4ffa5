// SPDX-License-Identifier: GPL-2.0-or-later
/* The metadata as a stream, read ahead, delivered in order. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/breaks.h"
#include "store/base/bytes.h"
#include "store/base/checksum.h"
#include "store/cow/gaps.h"

#define SLOTS 64u
/* Reading ahead starts with this many pieces and doubles: a small store costs a small read. */
#define SLOTS_AT_START 2u
#define READ_AHEAD_BYTES (8u << 20)
/* This much of the header's chunk is part of the checksum: as much as anybody looks at. */
#define HEAD_BYTES_MAX (1024u << 10)

struct slot {
	struct io_request request;
	struct store_segment segment;
	uint8_t *buffer;
	bool done;
};

struct stream {
	const struct store *store;
	struct slot slots[SLOTS];
	unsigned int slot_count; /* how many of them have a buffer */
	unsigned int ahead;	 /* how many may be in flight now */
	uint8_t *memory;
	uint64_t end;		  /* the number after the last exception that is wanted */
	uint64_t next_index;	  /* to be submitted next */
	unsigned int first, used; /* the ring: slots first .. first + used - 1 are taken */
};

static void slot_done(struct io_request *request)
{
	struct slot *slot = request->owner;

	slot->done = true;
}

static void submit_slot(struct stream *stream)
{
	struct slot *slot;

	assert(stream->used < stream->slot_count);
	slot = &stream->slots[(stream->first + stream->used) % stream->slot_count];
	slot->segment = store_segment(stream->store, stream->next_index, stream->end);
	slot->done = false;
	slot->request.done = slot_done;
	slot->request.owner = slot;
	io_prepare(&slot->request, IO_READ, stream->store->device, slot->segment.offset,
		   slot->buffer, slot->segment.bytes);
	io_submit(stream->store->io, &slot->request);
	stream->next_index += slot->segment.count;
	stream->used++;
}

static void fill(struct stream *stream)
{
	while (stream->used < stream->ahead && stream->next_index < stream->end)
		submit_slot(stream);
}

/* Waits for the oldest piece. NULL: there is none. */
static struct slot *oldest(struct stream *stream)
{
	struct slot *slot = &stream->slots[stream->first];

	if (stream->used == 0)
		return NULL;
	while (!slot->done)
		io_wait(stream->store->io);
	return slot;
}

static void release(struct stream *stream)
{
	stream->first = (stream->first + 1) % stream->slot_count;
	stream->used--;
	stream->ahead = (unsigned int)min_u64(stream->ahead * 2ull, stream->slot_count);
}

static void drain(struct stream *stream)
{
	while (oldest(stream))
		release(stream);
	free(stream->memory);
}

static enum result open_stream(struct stream *stream, const struct store *store, uint64_t begin,
			       uint64_t end, struct failure *why)
{
	uint64_t piece = min_u64(store->geometry.chunk_bytes, STORE_SEGMENT_BYTES);

	memset(stream, 0, sizeof(*stream));
	stream->store = store;
	stream->next_index = begin;
	stream->end = end;
	/* No more slots than pieces; the first and the last one may be cut short. */
	stream->slot_count = (unsigned int)min_u64(min_u64(SLOTS, READ_AHEAD_BYTES / piece),
						   (end - begin) / (piece / EXCEPTION_BYTES) + 2);
	stream->ahead = SLOTS_AT_START;
	stream->memory = io_buffer(stream->slot_count * max_u64(piece, BUFFER_ALIGNMENT));
	if (!stream->memory)
		return fail_memory(why, "reading the metadata", stream->slot_count * piece);
	for (unsigned int i = 0; i < stream->slot_count; i++)
		stream->slots[i].buffer = stream->memory + i * max_u64(piece, BUFFER_ALIGNMENT);
	return RESULT_OK;
}

static enum result read_failure(const struct slot *slot, struct failure *why)
{
	return io_fail(IO_READ, slot->request.device, slot->segment.offset, slot->segment.bytes,
		       slot->request.error, why);
}

/* Ends early, and well, where *enough became true. */
static enum result run_stream(const struct store *store, uint64_t begin, uint64_t end,
			      store_stream_function piece, void *context, const bool *enough,
			      struct failure *why)
{
	struct stream stream;
	enum result result = open_stream(&stream, store, begin, end, why);
	struct slot *slot;

	while (result == RESULT_OK && !*enough) {
		fill(&stream);
		slot = oldest(&stream);
		if (!slot)
			break;
		if (io_stop_requested(store->io))
			result = fail_stopped(why, store->device->name);
		else if (slot->request.error && store->gaps)
			result = gaps_read(store, &slot->segment, slot->buffer, why);
		else if (slot->request.error)
			result = read_failure(slot, why);
		gaps_fill(store, &slot->segment, slot->buffer);
		if (result == RESULT_OK)
			result = piece(context, &slot->segment, slot->buffer, why);
		release(&stream);
	}
	drain(&stream);
	return result;
}

enum result store_stream(const struct store *store, uint64_t begin, uint64_t end,
			 store_stream_function piece, void *context, struct failure *why)
{
	const bool never = false;

	return run_stream(store, begin, end, piece, context, &never, why);
}

struct scan_state {
	const struct store *store;
	struct store_scan *scan;
	bool ended;
	bool enough; /* nothing of what follows is wanted */
	/* A gap of which it is not known yet whether the list goes on after it; equal: there is
	 * none. */
	uint64_t gap_first, gap_end;
};

/* How many of the entries come before the first one with new_chunk 0. */
static uint32_t count_live(const uint8_t *entries, uint32_t count)
{
	uint32_t live = 0;

	while (live < count && get_le64(entries + (size_t)live * EXCEPTION_BYTES + 8) != 0)
		live++;
	return live;
}

/* Where the area ends in which the list ends. */
static uint64_t end_of_area(const struct scan_state *state, uint64_t index)
{
	uint64_t per_area = state->store->geometry.exceptions_per_area;

	return round_down(index, per_area) + per_area;
}

static bool fits_after_gap(const struct geometry *geometry, uint64_t index, const uint8_t *entries,
			   uint32_t count)
{
	struct exception here, next = {0, 0};

	exception_decode(entries, &here);
	if (count > 1)
		exception_decode(entries + EXCEPTION_BYTES, &next);
	if (!geometry_holds_data(geometry, here.new_chunk) || BROKEN(UNREADABLE_ENDS_LIST))
		return false;
	return here.new_chunk >= geometry_usual_chunk(geometry, index) ||
	       (next.new_chunk != 0 &&
		(next.new_chunk == geometry_next_free(geometry, here.new_chunk) ||
		 here.new_chunk == geometry_next_free(geometry, next.new_chunk)));
}

/* Of the gap that was met, it is known now. */
static enum result end_gap(struct scan_state *state, bool goes_on, struct failure *why)
{
	struct store_scan *scan = state->scan;
	uint64_t first = state->gap_first, end = state->gap_end;

	state->gap_first = state->gap_end = 0;
	state->ended = !goes_on;
	if (goes_on)
		scan->exceptions = end;
	else
		end = min_u64(end, end_of_area(state, first));
	return scan->gap ? scan->gap(scan->context, first, end - first, goes_on, why) : RESULT_OK;
}

/* The caller gets live exceptions as it wants them. */
static enum result hand_out(const struct store_scan *scan, uint64_t index, const uint8_t *entries,
			    uint32_t count, struct failure *why)
{
	enum result result = RESULT_OK;
	struct exception exception;

	if (scan->live)
		return scan->live(scan->context, index, entries, count, why);
	for (uint32_t i = 0; i < count && result == RESULT_OK; i++) {
		exception_decode(entries + (size_t)i * EXCEPTION_BYTES, &exception);
		result = scan->each(scan->context, index + i, &exception, why);
	}
	return result;
}

/* No gap is in this part. */
static enum result scan_part(struct scan_state *state, uint64_t index, const uint8_t *entries,
			     uint32_t count, struct failure *why)
{
	struct store_scan *scan = state->scan;
	enum result result = RESULT_OK;
	uint32_t live;

	if (state->gap_first < state->gap_end)
		result = end_gap(
			state, fits_after_gap(&state->store->geometry, index, entries, count), why);
	live = state->ended ? 0 : count_live(entries, count);
	if (result == RESULT_OK && live > 0)
		result = hand_out(scan, index, entries, live, why);
	scan->exceptions += live;
	state->ended |= live < count;
	if (result == RESULT_OK && state->ended && scan->tail &&
	    index < end_of_area(state, scan->exceptions))
		result = scan->tail(scan->context, index + live,
				    entries + (size_t)live * EXCEPTION_BYTES, count - live, why);
	return result;
}

static void meet_gap(struct scan_state *state, uint64_t index, uint64_t end)
{
	if (state->ended || index == end)
		return;
	if (state->gap_first == state->gap_end)
		state->gap_first = index;
	state->gap_end = end;
}

static enum result scan_piece(void *context, const struct store_segment *segment, uint8_t *buffer,
			      struct failure *why)
{
	struct scan_state *state = context;
	struct store_scan *scan = state->scan;
	const uint8_t *entries = buffer + segment->skip;
	uint64_t index = segment->index, end = index + segment->count, from, to;
	enum result result = RESULT_OK;

	for (; index < end && result == RESULT_OK; index = to) {
		gaps_next(state->store->gaps, index, end, &from, &to);
		meet_gap(state, index, from);
		if (from < to)
			result = scan_part(state, from,
					   entries + (from - segment->index) * EXCEPTION_BYTES,
					   (uint32_t)(to - from), why);
	}
	/* The tail goes no further than the area in which the list ends. */
	state->enough =
		state->ended && (!scan->tail || end >= end_of_area(state, scan->exceptions));
	return result;
}

enum result store_scan(const struct store *store, struct store_scan *scan, struct failure *why)
{
	const struct geometry *geometry = &store->geometry;
	struct scan_state state = {.store = store, .scan = scan};
	enum result result;

	assert(store->header_fault == HEADER_GOOD);
	scan->exceptions = 0;
	result = run_stream(store, 0, geometry_areas(geometry) * geometry->exceptions_per_area,
			    scan_piece, &state, &state.enough, why);
	if (result == RESULT_OK && state.gap_first < state.gap_end)
		result = end_gap(&state, false, why);
	scan->area_missing = result == RESULT_OK && !state.ended;
	return result;
}

/* ---- a second look ---- */

struct second_look {
	const struct store *store;
	const struct summary *before;
	const struct store_scan *wanted;
	uint64_t fingerprint;
};

enum result store_refuse_changed(const struct store *store, struct failure *why)
{
	return fail(
		why, RESULT_REFUSED,
		"%s: it changes while it is read; see to it that nothing writes to it, and begin again",
		store->device->name);
}

static bool is_within(const struct summary *before, const struct exception *exception)
{
	return exception->old_chunk >= before->lowest_old &&
	       exception->old_chunk <= before->highest_old &&
	       exception->new_chunk <= before->highest_new;
}

/* Before the caller sees the piece. */
static enum result look_again(void *context, uint64_t index, const uint8_t *entries, uint32_t count,
			      struct failure *why)
{
	struct second_look *look = context;
	struct exception exception;

	if (count > look->before->exceptions - min_u64(index, look->before->exceptions))
		return store_refuse_changed(look->store, why);
	for (uint32_t i = 0; i < count; i++) {
		exception_decode(entries + (size_t)i * EXCEPTION_BYTES, &exception);
		if (!is_within(look->before, &exception))
			return store_refuse_changed(look->store, why);
		look->fingerprint = summary_fingerprint(look->fingerprint, &exception);
	}
	return hand_out(look->wanted, index, entries, count, why);
}

enum result store_scan_again(const struct store *store, struct store_scan *scan,
			     const struct summary *before, struct failure *why)
{
	struct second_look look = {.store = store, .before = before, .wanted = scan};
	struct store_scan again = {.live = look_again, .context = &look};
	enum result result = store_scan(store, &again, why);

	scan->exceptions = again.exceptions;
	scan->area_missing = again.area_missing;
	if (result == RESULT_OK &&
	    (again.exceptions != before->exceptions || look.fingerprint != before->fingerprint))
		result = store_refuse_changed(store, why);
	return result;
}

/* ---- what it amounts to ---- */

static enum result add_to_summary(void *context, uint64_t index, const uint8_t *entries,
				  uint32_t count, struct failure *why)
{
	(void)why;
	summary_add(context, index, entries, count);
	return RESULT_OK;
}

static enum result count_gap(void *context, uint64_t index, uint64_t count, bool goes_on,
			     struct failure *why)
{
	struct summary *summary = context;

	(void)index;
	(void)why;
	summary->unreadable += count;
	summary->ends_in_gap |= !goes_on;
	return RESULT_OK;
}

enum result store_summarize(const struct store *store, struct summary *summary, bool *area_missing,
			    struct failure *why)
{
	struct store_scan scan = {.live = add_to_summary, .gap = count_gap, .context = summary};
	enum result result;

	summary_begin(summary, &store->geometry);
	result = store_scan(store, &scan, why);
	*area_missing = scan.area_missing;
	return result;
}

/* ---- a checksum ---- */

static enum result add_to_checksum(void *context, uint64_t index, const uint8_t *entries,
				   uint32_t count, struct failure *why)
{
	uint32_t *crc32 = context;

	(void)index;
	(void)why;
	*crc32 = checksum_crc32(*crc32, entries, (size_t)count * EXCEPTION_BYTES);
	return RESULT_OK;
}

static enum result add_head(const struct store *store, uint32_t *crc32, struct failure *why)
{
	uint64_t bytes = BUFFER_ALIGNMENT;
	enum result result;
	uint8_t *head;

	if (store->header_fault == HEADER_GOOD)
		bytes = min_u64(store->geometry.chunk_bytes, HEAD_BYTES_MAX);
	bytes = min_u64(bytes, store->device->bytes);
	head = io_buffer(bytes);
	if (!head)
		return fail_memory(why, "the header", bytes);
	result = gaps_read_bytes(store, 0, head, bytes, why);
	if (result == RESULT_OK)
		*crc32 = checksum_crc32(*crc32, head, bytes);
	free(head);
	return result;
}

enum result store_metadata_crc32(const struct store *store, uint32_t *crc32, struct failure *why)
{
	struct store_scan scan = {
		.live = add_to_checksum, .tail = add_to_checksum, .context = crc32};
	enum result result;

	*crc32 = 0;
	result = add_head(store, crc32, why);
	if (result == RESULT_OK && store->header_fault == HEADER_GOOD)
		result = store_scan(store, &scan, why);
	return result;
}
