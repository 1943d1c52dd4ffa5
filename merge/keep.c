// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rules of keeping. A kept store has the live exceptions k_0 .. k_n-1; a window brings it c
 * more. In brackets, the deliberate breaks (store/base/breaks.h) by which the simulator shows that
 * it holds a rule.
 *
 *  1. The origin's chunk is read before anything writes to it: a chunk that any window overwrites
 *     was taken by the first such window, or has an exception already. It is read whole, to the
 *     origin's real end, whoever shows how much of it. [KEPT_WRONG_CHUNK, KEPT_NO_CLIP,
 *     KEPT_CUT_SHORT, KEPT_LEFT_OUT]
 *  2. Data is durable in the kept store before an exception points to it. [KEPT_DATA_NOT_FLUSHED]
 *  3. Areas after the one of k_n-1 are written whole, before the flush of rule 2: nobody reaches
 *     them while their predecessor is not full. If one becomes full, the next one is zeroed with
 *     them. [KEPT_NEXT_AREA]
 *  4. The blocks of the area of k_n are written one by one, in order, each flushed before the next.
 *     So a crash never leaves an exception after a zero one of the same area, which the kernel
 *     could bring to life; and the last one of them makes everything of rule 3 visible at once.
 *     [KEPT_TORN_TAIL]
 *  5. Windows are published in the order in which they were taken. A window that lacks nothing
 *     waits for those before it: one of its chunks may be theirs. [KEPT_NO_ORDER]
 *     One that waits for its turn to copy has nothing in flight: where it is given back, those
 *     before it go on. [KEPT_CUT_OFF]
 *  6. The origin is written only when all kept stores have flushed the window's exceptions.
 *     [KEPT_ORIGIN_EARLY]
 *
 * New chunks are allocated as the kernel does it: upwards from the highest one in use, metadata
 * left out.
 */
#include "merge/keeper.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/breaks.h"
#include "store/base/bytes.h"

/* ---- memory ---- */

/* A window of `capacity` exceptions touches at most this many chunks of a kept store. */
static uint64_t job_capacity(const struct geometry *kept, const struct geometry *merging,
			     uint64_t capacity)
{
	return capacity * max_u64(1, merging->chunk_bytes / kept->chunk_bytes);
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

	keeper->kept = kept;
	keeper->store = kept->store;
	keeper->origin = origin;
	keeper->merging = merging;
	keeper->slots = slots;
	keeper->allocated = summary->exceptions;
	keeper->next_usual =
		geometry_usual_index(geometry, geometry_next_free(geometry, summary->highest_new));
	keeper->block = io_buffer_zeroed(block);
	if (!keeper->block)
		return fail_memory(why, "the exceptions of a kept snapshot", block);
	for (unsigned int i = 0; i < slots; i++) {
		keeper->jobs[i].old_chunks = calloc(most, sizeof(uint64_t));
		if (!keeper->jobs[i].old_chunks)
			return fail_memory(why, "the chunks of a kept snapshot",
					   most * sizeof(uint64_t));
	}
	return keeper_init_copying(keeper, most, why);
}

enum result keep_init(struct keep *keep, struct kept *kept, size_t count,
		      const struct geometry *merging, struct device *origin, unsigned int slots,
		      uint64_t capacity, struct failure *why)
{
	enum result result = RESULT_OK;

	assert(slots <= KEEP_SLOTS);
	memset(keep, 0, sizeof(*keep));
	keep->keepers = calloc(count ? count : 1, sizeof(*keep->keepers));
	if (!keep->keepers)
		return fail_memory(why, "the kept snapshots", count * sizeof(*keep->keepers));
	for (size_t i = 0; i < count && result == RESULT_OK; i++)
		if (!kept[i].given_up && !(BROKEN(KEPT_LEFT_OUT) && i == 0))
			result = init_keeper(&keep->keepers[keep->count++], &kept[i], merging,
					     origin, slots, capacity, why);
	return result;
}

enum result keep_begin(struct keep *keep, struct failure *why)
{
	enum result result = RESULT_OK;

	for (size_t i = 0; i < keep->count && result == RESULT_OK; i++)
		result = read_block(&keep->keepers[i], why);
	return result;
}

static void free_keeper(struct keeper *keeper)
{
	keeper_free_copying(keeper);
	for (unsigned int i = 0; i < keeper->slots; i++)
		free(keeper->jobs[i].old_chunks);
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

static void take_job(struct keeper *keeper, struct job *job, const struct exception *exceptions,
		     uint64_t count)
{
	job->state = JOB_WAITING;
	job->unread = false;
	job->count = 0;
	for (uint64_t i = 0; i < count; i++) {
		struct kept_range range = kept_range(&keeper->store->geometry, keeper->merging,
						     exceptions[i].old_chunk);

		for (uint64_t chunk = range.first; chunk < range.first + range.count; chunk++)
			if (chunk_set_take(&keeper->kept->lacking, chunk))
				job->old_chunks[job->count++] = chunk;
	}
	qsort(job->old_chunks, job->count, sizeof(*job->old_chunks), compare_u64_at);
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

/* The next block of that area; keeper->block has what is in it already. */
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
		keeper_put_entry(keeper, job, i, keeper->block + (i - begin) * EXCEPTION_BYTES);
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
			keeper_put_entry(keeper, job, i,
					 keeper->block + i % per_block * EXCEPTION_BYTES);
	}
	job->next_entry = end;
	job->state = JOB_KEPT;
}

/* What comes after the request in hand. */
static void publish_next(struct keeper *keeper, struct job *job)
{
	bool more = job->count > 0 && job->next_entry < head_end(keeper, job);

	if (job->state == JOB_COPIED && more) {
		job->state = JOB_FLUSHING_DATA;
		submit_flush(keeper);
	} else if (job->state == JOB_WRITING_BLOCK) {
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
		keeper_start_areas(keeper, copying);
		*moved = true;
	}
	if (copying)
		result = keeper_step_copying(keeper, copying, moved, why);
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
	for (size_t i = 0; i < keep->count; i++)
		if (keep->keepers[i].jobs[slot].state != JOB_KEPT)
			return false;
	return true;
}

bool keep_is_unread(const struct keep *keep, unsigned int slot)
{
	for (size_t i = 0; i < keep->count; i++)
		if (keep->keepers[i].jobs[slot].unread)
			return true;
	return false;
}

static void drain_keeper(struct keeper *keeper)
{
	const struct job *publishing = first_job(keeper, is_publishing);

	keeper_drain_copying(keeper);
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
	/* With the last block of its area, all areas after it are reached. */
	return job->next_entry == end ? job->count : job->next_entry - job->first;
}

void keep_release(struct keep *keep, unsigned int slot)
{
	for (size_t i = 0; i < keep->count; i++) {
		struct keeper *keeper = &keep->keepers[i];
		struct job *job = &keeper->jobs[slot];

		if (job->state == JOB_FREE)
			continue;
		if ((job->state != JOB_WAITING || BROKEN(KEPT_CUT_OFF)) && job->state != JOB_KEPT)
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
