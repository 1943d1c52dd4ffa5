// SPDX-License-Identifier: GPL-2.0-or-later
/* Moving what a window lacks from the origin into a kept store; the rules are keep.c's. */
#include "merge/keeper.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/breaks.h"
#include "store/base/bytes.h"

/* Data on its way from the origin into a kept store: in pieces of this size. */
#define PIECE_BYTES (4u << 20)
/* Neighbours are joined up to this size of a transfer; up to this many of a piece are in flight. */
#define TRANSFER_BYTES (1u << 20)
#define COPIER_WIDTH 64u
#define AREA_WIDTH 16u

static uint64_t chunk_bytes(const struct keeper *keeper)
{
	return keeper->store->geometry.chunk_bytes;
}

/* The new chunk of a job's i-th exception. */
static uint64_t new_chunk(const struct keeper *keeper, const struct job *job, uint64_t i)
{
	return geometry_usual_chunk(&keeper->store->geometry, job->first_usual + i);
}

void keeper_put_entry(const struct keeper *keeper, const struct job *job, uint64_t number,
		      uint8_t *bytes)
{
	const struct exception exception = {.old_chunk = job->old_chunks[number - job->first],
					    .new_chunk =
						    new_chunk(keeper, job, number - job->first)};

	exception_encode(&exception, bytes);
}

enum result keeper_init_copying(struct keeper *keeper, uint64_t most, struct failure *why)
{
	uint64_t bytes = min_u64(PIECE_BYTES, most * chunk_bytes(keeper));
	enum result result = batch_init(&keeper->areas, keeper->store->io, AREA_WIDTH, why);

	keeper->area_entries = io_buffer(most * EXCEPTION_BYTES + STORE_SEGMENT_BYTES);
	keeper->zeros = io_buffer_zeroed(STORE_SEGMENT_BYTES);
	if (result == RESULT_OK && (!keeper->area_entries || !keeper->zeros))
		return fail_memory(why, "the exceptions of a kept snapshot",
				   most * EXCEPTION_BYTES);
	for (unsigned int i = 0; i < COPIERS && result == RESULT_OK; i++) {
		struct copier *copier = &keeper->copiers[i];

		copier->keeper = keeper;
		copier->buffer = io_buffer(bytes);
		if (!copier->buffer)
			return fail_memory(why, "copying for a kept snapshot", bytes);
		result = batch_init(&copier->batch, keeper->store->io, COPIER_WIDTH, why);
	}
	return result;
}

void keeper_free_copying(struct keeper *keeper)
{
	batch_free(&keeper->areas);
	free(keeper->area_entries);
	free(keeper->zeros);
	for (unsigned int i = 0; i < COPIERS; i++) {
		batch_free(&keeper->copiers[i].batch);
		free(keeper->copiers[i].buffer);
	}
}

/* ---- copying ---- */

/* From byte `cursor` of the job's data on: how many bytes lie in chunks that follow one another,
 * and where the first of them is in its chunk. */
static uint64_t joined(const struct copier *copier, bool in_origin, uint64_t *within)
{
	const struct keeper *keeper = copier->keeper;
	const struct job *job = copier->job;
	uint64_t chunk = chunk_bytes(keeper), i = copier->cursor / chunk, bytes;

	*within = copier->cursor % chunk;
	bytes = min_u64(chunk - *within, copier->end - copier->cursor);
	while (++i < job->count && copier->cursor + bytes < copier->end &&
	       bytes + chunk <= TRANSFER_BYTES) {
		uint64_t here = in_origin ? job->old_chunks[i] : new_chunk(keeper, job, i);
		uint64_t before =
			in_origin ? job->old_chunks[i - 1] : new_chunk(keeper, job, i - 1);

		if (here != before + 1)
			break;
		bytes += min_u64(chunk, copier->end - copier->cursor - bytes);
	}
	return bytes;
}

/* What is past the origin's end is zero in the kept store. */
static bool next_read(struct batch *batch, struct io_request *request)
{
	struct copier *copier = batch->owner;
	const struct keeper *keeper = copier->keeper;
	uint8_t *buffer = copier->buffer + (copier->cursor - copier->begin);
	uint64_t within, bytes, offset, inside, end;

	if (copier->cursor >= copier->end)
		return false;
	bytes = joined(copier, true, &within);
	offset = copier->job->old_chunks[copier->cursor / chunk_bytes(keeper)] *
			 chunk_bytes(keeper) +
		 within;
	copier->cursor += bytes;
	end = keeper->kept->origin_bytes && !BROKEN(KEPT_CUT_SHORT) ? keeper->kept->origin_bytes
								    : keeper->origin->bytes;
	inside = offset < end ? min_u64(bytes, end - offset) : 0;
	if (BROKEN(KEPT_NO_CLIP))
		inside = bytes;
	memset(buffer + inside, 0, bytes - inside);
	if (inside == 0) /* a later piece of the origin's last chunk */
		return next_read(batch, request);
	io_prepare(request, IO_READ, keeper->origin, offset, buffer, inside);
	return true;
}

static bool next_write(struct batch *batch, struct io_request *request)
{
	struct copier *copier = batch->owner;
	const struct keeper *keeper = copier->keeper;
	uint8_t *buffer = copier->buffer + (copier->cursor - copier->begin);
	uint64_t within, bytes, chunk;

	if (copier->cursor >= copier->end)
		return false;
	chunk = new_chunk(keeper, copier->job, copier->cursor / chunk_bytes(keeper));
	bytes = joined(copier, false, &within);
	copier->cursor += bytes;
	io_prepare(request, IO_WRITE, keeper->store->device, chunk * chunk_bytes(keeper) + within,
		   buffer, bytes);
	return true;
}

static void start_copier(struct copier *copier, struct job *job)
{
	uint64_t bytes = job->count * chunk_bytes(copier->keeper);

	copier->job = job;
	copier->begin = copier->cursor = job->next_byte;
	copier->end = job->next_byte = min_u64(bytes, job->next_byte + PIECE_BYTES);
	copier->state = COPIER_READING;
	batch_start(&copier->batch, next_read, copier);
}

static enum result step_copier(struct copier *copier, struct job *job, bool *moved,
			       struct failure *why)
{
	enum result result;

	if (copier->state == COPIER_FREE) {
		if (job->next_byte < job->count * chunk_bytes(copier->keeper)) {
			start_copier(copier, job);
			*moved = true;
		}
		return RESULT_OK;
	}
	if (!batch_finished(&copier->batch))
		return RESULT_OK;
	*moved = true;
	assert(copier->batch.error != 0 || copier->cursor == copier->end);
	result = batch_result(&copier->batch, why);
	if (result != RESULT_OK || copier->state == COPIER_WRITING) {
		job->unread |= result == RESULT_IO && copier->state == COPIER_READING;
		copier->state = COPIER_FREE;
		return result;
	}
	copier->state = COPIER_WRITING;
	copier->cursor = copier->begin;
	batch_start(&copier->batch, next_write, copier);
	return RESULT_OK;
}

/* ---- areas that nobody reaches yet ---- */

static bool next_area_write(struct batch *batch, struct io_request *request)
{
	struct keeper *keeper = batch->owner;
	const struct job *job = keeper->areas_job;
	uint64_t end = job->first + job->count, number = keeper->next_area_entry;
	uint8_t *buffer = keeper->zeros;
	struct store_segment segment;

	if (number >= keeper->areas_end)
		return false;
	segment = store_segment(keeper->store, number, keeper->areas_end);
	assert(segment.skip == 0);
	keeper->next_area_entry += segment.count;
	if (number < end) {
		buffer = keeper->area_entries + keeper->area_position;
		keeper->area_position += segment.bytes;
		memset(buffer, 0, segment.bytes);
		for (uint64_t i = 0; i < segment.count && number + i < end; i++)
			keeper_put_entry(keeper, job, number + i, buffer + i * EXCEPTION_BYTES);
	}
	io_prepare(request, IO_WRITE, keeper->store->device, segment.offset, buffer, segment.bytes);
	return true;
}

void keeper_start_areas(struct keeper *keeper, const struct job *job)
{
	uint64_t per_area = keeper->store->geometry.exceptions_per_area;
	uint64_t end = job->first + job->count;

	keeper->areas_job = job;
	keeper->area_position = 0;
	keeper->next_area_entry = round_down(job->first, per_area) + per_area;
	keeper->areas_end = BROKEN(KEPT_NEXT_AREA) ? end : round_down(end, per_area) + per_area;
	if (job->count == 0)
		keeper->areas_end = keeper->next_area_entry;
	batch_start(&keeper->areas, next_area_write, keeper);
}

enum result keeper_step_copying(struct keeper *keeper, struct job *job, bool *moved,
				struct failure *why)
{
	bool busy = job->next_byte < job->count * chunk_bytes(keeper);
	enum result result = RESULT_OK;

	for (unsigned int i = 0; i < COPIERS && result == RESULT_OK; i++) {
		result = step_copier(&keeper->copiers[i], job, moved, why);
		busy |= keeper->copiers[i].state != COPIER_FREE;
	}
	if (result != RESULT_OK || busy || !batch_finished(&keeper->areas))
		return result;
	job->state = JOB_COPIED;
	*moved = true;
	return batch_result(&keeper->areas, why);
}

void keeper_drain_copying(struct keeper *keeper)
{
	for (unsigned int i = 0; i < COPIERS; i++)
		if (keeper->copiers[i].state != COPIER_FREE)
			batch_drain(&keeper->copiers[i].batch);
	batch_drain(&keeper->areas);
}
