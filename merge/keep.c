// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rules of keeping. A kept store has the live exceptions k_0 .. k_n-1; a window brings it c more.
 * In brackets, the deliberate breaks (store/breaks.h) by which the simulator shows that it holds a rule.
 *
 *  1. The origin's chunk is read before anything writes to it: a chunk that any window overwrites was taken
 *     by the first such window, or has an exception already. [KEPT_WRONG_CHUNK, KEPT_NO_CLIP]
 *  2. Data is durable in the kept store before an exception points to it. [KEPT_DATA_NOT_FLUSHED]
 *  3. Areas behind the one of k_n-1 are written whole, before the flush of rule 2: nobody reaches them
 *     while their predecessor is not full. If one becomes full, the next one is zeroed with them.
 *     [KEPT_NEXT_AREA]
 *  4. The blocks of the area of k_n are written one by one, in order, each flushed before the next. So a
 *     crash never leaves an exception behind a zero one of the same area, which the kernel could bring to
 *     life; and the last one of them makes everything of rule 3 visible at once. [KEPT_TORN_TAIL]
 *  5. Windows are published in the order in which they were taken. A window that lacks nothing waits for
 *     those before it: one of its chunks may be theirs. [KEPT_NO_ORDER]
 *  6. The origin is written only when all kept stores have flushed the window's exceptions.
 *     [KEPT_ORIGIN_EARLY]
 *
 * New chunks are allocated as the kernel does it: upwards from the highest one in use, metadata left out.
 */
#include "merge/keep.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/batch.h"
#include "store/breaks.h"
#include "store/bytes.h"

/* Data on its way from the origin into a kept store: so many pieces of this size. */
#define COPIERS 3u
#define PIECE_BYTES (4u << 20)
/* Neighbours are joined up to this size of a transfer; so many transfers of a piece are in flight. */
#define TRANSFER_BYTES (1u << 20)
#define COPIER_WIDTH 64u
#define AREA_WIDTH 16u
#define SLOTS_MAX 8u

/* What one window lacks in one store. */
struct job {
	enum {
		JOB_FREE,
		JOB_WAITING, /* for its turn to copy */
		JOB_COPYING, /* data, and the areas of rule 3 */
		JOB_COPIED,  /* waits for its turn to be published */
		JOB_FLUSHING_DATA,
		JOB_WRITING_BLOCK, /* of the area that the exceptions begin in */
		JOB_FLUSHING_BLOCK,
		JOB_KEPT,
	} state;
	uint64_t sequence;    /* of its window */
	uint64_t *old_chunks; /* ascending; owned */
	uint64_t count;
	uint64_t first;	      /* number of the first new exception in the store */
	uint64_t first_usual; /* its new chunk is geometry_usual_chunk(first_usual) */
	uint64_t next_byte;   /* of its data: what comes before is on its way or done */
	uint64_t next_entry;  /* number of the exception that is published next */
};

/* A piece of a job's data, seen as one string of bytes. */
struct copier {
	enum { COPIER_FREE, COPIER_READING, COPIER_WRITING } state;
	struct keeper *keeper;
	const struct job *job;
	uint64_t begin, end, cursor;
	uint8_t *buffer; /* owned */
	struct batch batch;
};

struct keeper {
	struct kept *kept;
	struct store *store;
	struct device *origin;
	const struct geometry *merging;
	struct job jobs[SLOTS_MAX];
	unsigned int slots;
	uint64_t allocated, next_usual; /* of the exceptions that all jobs together add */
	struct copier copiers[COPIERS];
	/* the areas of the job that is copying */
	struct batch areas;
	const struct job *areas_job;
	uint64_t next_area_entry, areas_end;
	uint8_t *area_entries; /* room for all of a job's; owned */
	size_t area_position;
	uint8_t *zeros; /* as long as a segment can be; owned */
	/* the block that is published next, with the exceptions that are in it already */
	uint8_t *block; /* owned */
	struct io_request request;
	bool request_done;
};

static uint64_t chunk_bytes(const struct keeper *keeper)
{
	return keeper->store->geometry.chunk_bytes;
}

static uint64_t new_chunk(const struct keeper *keeper, const struct job *job, uint64_t i)
{
	return geometry_usual_chunk(&keeper->store->geometry, job->first_usual + i);
}

/* ---- memory ---- */

/* A window of `capacity` exceptions touches at most so many chunks of a kept store. */
static uint64_t job_capacity(const struct geometry *kept, const struct geometry *merging,
			     uint64_t capacity)
{
	return capacity * max_u64(1, merging->chunk_bytes / kept->chunk_bytes);
}

static enum result init_copiers(struct keeper *keeper, uint64_t most, struct failure *why)
{
	uint64_t bytes = min_u64(PIECE_BYTES, most * chunk_bytes(keeper));
	enum result result = RESULT_OK;

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

/* The block that the next exception will be written to, as it is. */
static enum result read_block(struct keeper *keeper, struct failure *why)
{
	struct store *store = keeper->store;
	struct store_segment segment;

	if (keeper->allocated % store_exceptions_per_block(store) == 0)
		return RESULT_OK;
	segment = store_segment(store, keeper->allocated, keeper->allocated + 1);
	return io_read(store->io, store->device, segment.offset, keeper->block, segment.bytes, why);
}

static enum result init_keeper(struct keeper *keeper, struct kept *kept,
			       const struct geometry *merging, struct device *origin,
			       unsigned int slots, uint64_t capacity, struct failure *why)
{
	const struct geometry *geometry = &kept->store->geometry;
	const struct summary *summary = &kept->check.summary;
	uint64_t most = job_capacity(geometry, merging, capacity);
	size_t block = (size_t)store_exceptions_per_block(kept->store) * EXCEPTION_BYTES;
	enum result result;

	keeper->kept = kept;
	keeper->store = kept->store;
	keeper->origin = origin;
	keeper->merging = merging;
	keeper->slots = slots;
	keeper->allocated = summary->exceptions;
	keeper->next_usual =
		geometry_usual_index(geometry, geometry_next_free(geometry, summary->highest_new));
	keeper->area_entries = io_buffer(most * EXCEPTION_BYTES + STORE_SEGMENT_BYTES);
	keeper->zeros = io_buffer_zeroed(STORE_SEGMENT_BYTES);
	keeper->block = io_buffer_zeroed(block);
	if (!keeper->area_entries || !keeper->zeros || !keeper->block)
		return fail_memory(why, "the exceptions of a kept snapshot",
				   most * EXCEPTION_BYTES);
	for (unsigned int i = 0; i < slots; i++) {
		keeper->jobs[i].old_chunks = calloc(most, sizeof(uint64_t));
		if (!keeper->jobs[i].old_chunks)
			return fail_memory(why, "the chunks of a kept snapshot",
					   most * sizeof(uint64_t));
	}
	result = init_copiers(keeper, most, why);
	if (result == RESULT_OK)
		result = batch_init(&keeper->areas, keeper->store->io, AREA_WIDTH, why);
	return result == RESULT_OK ? read_block(keeper, why) : result;
}

enum result keep_init(struct keep *keep, struct kept *kept, size_t count,
		      const struct geometry *merging, struct device *origin, unsigned int slots,
		      uint64_t capacity, struct failure *why)
{
	enum result result = RESULT_OK;

	assert(slots <= SLOTS_MAX);
	memset(keep, 0, sizeof(*keep));
	keep->keepers = calloc(count ? count : 1, sizeof(*keep->keepers));
	if (!keep->keepers)
		return fail_memory(why, "the kept snapshots", count * sizeof(*keep->keepers));
	for (size_t i = 0; i < count && result == RESULT_OK; i++)
		if (!kept[i].given_up)
			result = init_keeper(&keep->keepers[keep->count++], &kept[i], merging,
					     origin, slots, capacity, why);
	return result;
}

static void free_keeper(struct keeper *keeper)
{
	for (unsigned int i = 0; i < COPIERS; i++) {
		batch_free(&keeper->copiers[i].batch);
		free(keeper->copiers[i].buffer);
	}
	for (unsigned int i = 0; i < keeper->slots; i++)
		free(keeper->jobs[i].old_chunks);
	batch_free(&keeper->areas);
	free(keeper->area_entries);
	free(keeper->zeros);
	free(keeper->block);
}

void keep_free(struct keep *keep)
{
	for (size_t i = 0; i < keep->count; i++)
		free_keeper(&keep->keepers[i]);
	free(keep->keepers);
	memset(keep, 0, sizeof(*keep));
}

/* ---- what a window lacks ---- */

static int by_number(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static void take_job(struct keeper *keeper, struct job *job, const struct exception *exceptions,
		     uint64_t count)
{
	job->state = JOB_WAITING;
	job->count = 0;
	for (uint64_t i = 0; i < count; i++) {
		struct kept_range range = kept_range(&keeper->store->geometry, keeper->merging,
						     exceptions[i].old_chunk);

		for (uint64_t chunk = range.first; chunk < range.first + range.count; chunk++)
			if (chunk_set_take(&keeper->kept->lacking, chunk))
				job->old_chunks[job->count++] = chunk;
	}
	qsort(job->old_chunks, job->count, sizeof(*job->old_chunks), by_number);
	job->first = job->next_entry = keeper->allocated;
	job->first_usual = keeper->next_usual;
	job->next_byte = 0;
	keeper->allocated += job->count;
	keeper->next_usual += job->count;
	if (BROKEN(KEPT_NO_ORDER) && job->count == 0)
		job->state = JOB_KEPT;
}

void keep_take(struct keep *keep, unsigned int slot, const struct exception *exceptions,
	       uint64_t count)
{
	for (size_t i = 0; i < keep->count; i++) {
		struct job *job = &keep->keepers[i].jobs[slot];

		assert(job->state == JOB_FREE);
		job->sequence = keep->sequence;
		take_job(&keep->keepers[i], job, exceptions, count);
	}
	keep->sequence++;
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

/* What lies behind the origin's end is zero in the kept store. */
static bool next_read(struct batch *batch, struct io_request *request)
{
	struct copier *copier = batch->owner;
	const struct keeper *keeper = copier->keeper;
	uint8_t *buffer = copier->buffer + (copier->cursor - copier->begin);
	uint64_t within, bytes, offset, inside;

	if (copier->cursor >= copier->end)
		return false;
	bytes = joined(copier, true, &within);
	offset = copier->job->old_chunks[copier->cursor / chunk_bytes(keeper)] *
			 chunk_bytes(keeper) +
		 within;
	copier->cursor += bytes;
	inside =
		offset < keeper->origin->bytes ? min_u64(bytes, keeper->origin->bytes - offset) : 0;
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
	result = batch_result(&copier->batch, why);
	if (result != RESULT_OK || copier->state == COPIER_WRITING) {
		copier->state = COPIER_FREE;
		return result;
	}
	copier->state = COPIER_WRITING;
	copier->cursor = copier->begin;
	batch_start(&copier->batch, next_write, copier);
	return RESULT_OK;
}

/* ---- areas that nobody reaches yet ---- */

static void put_entry(const struct keeper *keeper, const struct job *job, uint64_t number,
		      uint8_t *bytes)
{
	const struct exception exception = {.old_chunk = job->old_chunks[number - job->first],
					    .new_chunk =
						    new_chunk(keeper, job, number - job->first)};

	exception_encode(&exception, bytes);
}

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
			put_entry(keeper, job, number + i, buffer + i * EXCEPTION_BYTES);
	}
	io_prepare(request, IO_WRITE, keeper->store->device, segment.offset, buffer, segment.bytes);
	return true;
}

/* Whole areas, from the one behind that in which the job's exceptions begin to the one in which the
 * list will end. */
static void start_areas(struct keeper *keeper, const struct job *job)
{
	uint64_t per_area = keeper->store->geometry.exceptions_per_area;
	uint64_t end = job->first + job->count;

	keeper->areas_job = job;
	keeper->area_position = 0;
	keeper->next_area_entry = round_down(job->first, per_area) + per_area;
	keeper->areas_end = round_down(end, per_area) + per_area;
	if (BROKEN(KEPT_NEXT_AREA))
		keeper->areas_end = round_up(end, store_exceptions_per_block(keeper->store));
	if (job->count == 0)
		keeper->areas_end = keeper->next_area_entry;
	batch_start(&keeper->areas, next_area_write, keeper);
}

static enum result step_copying(struct keeper *keeper, struct job *job, bool *moved,
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

/* ---- publishing ---- */

static void request_done(struct io_request *request)
{
	struct keeper *keeper = request->owner;

	keeper->request_done = true;
}

static void submit(struct keeper *keeper)
{
	keeper->request.done = request_done;
	keeper->request.owner = keeper;
	keeper->request_done = false;
	io_submit(keeper->store->io, &keeper->request);
}

static void submit_flush(struct keeper *keeper)
{
	io_prepare(&keeper->request, IO_FLUSH, keeper->store->device, 0, NULL, 0);
	submit(keeper);
}

/* Where the exceptions of the area end in which the job's begin. */
static uint64_t head_end(const struct keeper *keeper, const struct job *job)
{
	uint64_t per_area = keeper->store->geometry.exceptions_per_area;

	return min_u64(job->first + job->count, round_down(job->first, per_area) + per_area);
}

/* The next block of that area; keeper->block has what stands in it already. */
static void submit_block(struct keeper *keeper, struct job *job)
{
	uint64_t per_block = store_exceptions_per_block(keeper->store);
	uint64_t begin = round_down(job->next_entry, per_block);
	uint64_t end = min_u64(begin + per_block, head_end(keeper, job));
	struct store_segment segment = store_segment(keeper->store, job->next_entry, end);

	assert(segment.bytes == per_block * EXCEPTION_BYTES);
	if (job->next_entry == begin)
		memset(keeper->block, 0, segment.bytes);
	for (uint64_t i = job->next_entry; i < end; i++)
		put_entry(keeper, job, i, keeper->block + (i - begin) * EXCEPTION_BYTES);
	job->next_entry = end;
	job->state = JOB_WRITING_BLOCK;
	io_prepare(&keeper->request, IO_WRITE, keeper->store->device, segment.offset, keeper->block,
		   segment.bytes);
	submit(keeper);
}

static void end_job(struct keeper *keeper, struct job *job)
{
	uint64_t per_block = store_exceptions_per_block(keeper->store);
	uint64_t end = job->first + job->count;

	/* The list ends in an area of rule 3: so does the block that is written next. */
	if (head_end(keeper, job) < end) {
		memset(keeper->block, 0, per_block * EXCEPTION_BYTES);
		for (uint64_t i = round_down(end, per_block); i < end; i++)
			put_entry(keeper, job, i, keeper->block + i % per_block * EXCEPTION_BYTES);
	}
	job->next_entry = end;
	job->state = JOB_KEPT;
}

/* What comes after the request in hand. */
static void publish_next(struct keeper *keeper, struct job *job)
{
	bool more = job->count > 0 && job->next_entry < head_end(keeper, job);

	if (job->state == JOB_COPIED && more && !BROKEN(KEPT_DATA_NOT_FLUSHED)) {
		job->state = JOB_FLUSHING_DATA;
		submit_flush(keeper);
	} else if (job->state == JOB_WRITING_BLOCK && !(BROKEN(KEPT_TORN_TAIL) && more)) {
		job->state = JOB_FLUSHING_BLOCK;
		submit_flush(keeper);
	} else if (more) {
		submit_block(keeper, job);
	} else {
		end_job(keeper, job);
	}
}

static enum result step_publishing(struct keeper *keeper, struct job *job, bool *moved,
				   struct failure *why)
{
	struct io_request *request = &keeper->request;

	if (job->state != JOB_COPIED) {
		if (!keeper->request_done)
			return RESULT_OK;
		if (request->error)
			return io_fail(request->operation, request->device, request->offset,
				       request->left, request->error, why);
	}
	*moved = true;
	publish_next(keeper, job);
	return RESULT_OK;
}

/* ---- all of them ---- */

static bool is_copying(const struct job *job)
{
	return job->state == JOB_WAITING || job->state == JOB_COPYING;
}

static bool is_publishing(const struct job *job)
{
	return job->state >= JOB_COPIED && job->state < JOB_KEPT;
}

/* The first one taken of those. */
static struct job *first_job(struct keeper *keeper, bool (*is)(const struct job *))
{
	struct job *first = NULL;

	for (unsigned int i = 0; i < keeper->slots; i++) {
		struct job *job = &keeper->jobs[i];

		if (is(job) && (!first || job->sequence < first->sequence))
			first = job;
	}
	return first;
}

/* One job is published while the next one copies. */
static enum result step_keeper(struct keeper *keeper, bool *moved, struct failure *why)
{
	struct job *copying = first_job(keeper, is_copying), *publishing;
	enum result result = RESULT_OK;

	if (copying && copying->state == JOB_WAITING) {
		copying->state = JOB_COPYING;
		start_areas(keeper, copying);
		*moved = true;
	}
	if (copying)
		result = step_copying(keeper, copying, moved, why);
	publishing = first_job(keeper, is_publishing);
	if (result == RESULT_OK && publishing)
		result = step_publishing(keeper, publishing, moved, why);
	return result;
}

enum result keep_step(struct keep *keep, bool *moved, struct failure *why)
{
	enum result result = RESULT_OK;

	for (size_t i = 0; i < keep->count && result == RESULT_OK; i++)
		result = step_keeper(&keep->keepers[i], moved, why);
	return result;
}

bool keep_done(const struct keep *keep, unsigned int slot)
{
	for (size_t i = 0; i < keep->count; i++) {
		const struct job *job = &keep->keepers[i].jobs[slot];

		if (job->state != JOB_KEPT &&
		    !(BROKEN(KEPT_ORIGIN_EARLY) && job->state >= JOB_FLUSHING_BLOCK))
			return false;
	}
	return true;
}

static void drain_keeper(struct keeper *keeper)
{
	const struct job *publishing = first_job(keeper, is_publishing);

	for (unsigned int i = 0; i < COPIERS; i++)
		if (keeper->copiers[i].state != COPIER_FREE)
			batch_drain(&keeper->copiers[i].batch);
	batch_drain(&keeper->areas);
	while (publishing && publishing->state != JOB_COPIED && !keeper->request_done)
		io_wait(keeper->store->io);
}

/* How many of a job's exceptions the store has by now; nothing of it may be in flight. */
static uint64_t published(const struct keeper *keeper, const struct job *job)
{
	uint64_t end = head_end(keeper, job);

	if (job->state < JOB_WRITING_BLOCK ||
	    (job->state != JOB_KEPT && keeper->request.error != 0))
		return 0;
	/* With the last block of its area, all areas behind it are reached. */
	return job->next_entry == end ? job->count : job->next_entry - job->first;
}

void keep_release(struct keep *keep, unsigned int slot)
{
	for (size_t i = 0; i < keep->count; i++) {
		struct keeper *keeper = &keep->keepers[i];
		struct job *job = &keeper->jobs[slot];

		if (job->state == JOB_FREE)
			continue;
		if (job->state != JOB_KEPT)
			drain_keeper(keeper);
		keeper->kept->exceptions_added += published(keeper, job);
		job->state = JOB_FREE;
	}
}

void keep_drain(struct keep *keep)
{
	for (size_t i = 0; i < keep->count; i++)
		drain_keeper(&keep->keepers[i]);
}
