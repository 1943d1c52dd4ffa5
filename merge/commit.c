// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rules of a commit. The exceptions are e_0 .. e_n-1; a reader takes them up to the first zero
 * entry. In brackets, the deliberate breaks (store/base/breaks.h) by which the simulator shows that
 * it holds a rule.
 *
 *  1. Only a suffix e_first .. e_n-1 is ever cleared. A reader after any crash therefore finds a
 *     prefix that still holds everything that was not committed. [FRONT_TO_BACK, ONE_TOO_MANY]
 *  2. The suffix's data is durable in the origin before its first clear is submitted: the origin's
 *     flush was submitted after the last write had completed, and has itself completed.
 *     [NO_ORIGIN_FLUSH, FLUSH_BEFORE_WRITES_DONE, CLEAR_BEFORE_FLUSH_DONE]
 *  3. A clear keeps the exceptions before e_first that share its block. [EDGE_NOT_KEPT]
 *  4. Within the area of e_first (the area of the cut) all clears but those of rule 6 go out at
 *     once, in any order: whichever of them survive a crash, rule 1 holds. They are durable before
 *     the commit is done. [NO_STORE_FLUSH]
 *  5. Areas after the area of the cut are cleared only when the cut is durable. Then nobody can
 *     reach them: a kernel that used the store again would zero such an area before it fills the
 *     one before. They are durably zero before the merge ends, and what a crash left of them is
 *     swept by the resume. [REST_BEFORE_CUT, NO_SWEEP]
 *  6. Where the exceptions are not in the order in which the kernel allocates (or one occurs twice,
 *     or may be lost or have data that cannot be read: --skip-lost), the blocks of the cut's area
 *     are cleared from the last to the first, each flushed before the next: an entry that survived
 *     after a cleared one could come alive with another chunk's data, or without any, when the
 *     store is filled again, and with it all of the next areas, if it is the last one of its own.
 *     In the usual order it comes alive with its own data, which the origin holds anyway, unless a
 *     second crash hits the kernel while it copies to that very chunk; the kernel's own clears,
 *     which can tear as well, leave that door open, too. [TORN_TAIL, LOST_TORN_TAIL]
 *  7. What cannot be read is not written either, before all else is cleared: it is lost, nobody
 *     reads on from it once what comes after it is zero, and a write that fails there would end the
 *     merge. Where an area ends so, the next one is cleared by rules 4 and 6: whoever can read it
 *     after all reads on.
 *  8. A failed flush or write ends the merge. Nothing is cleared after it, and no flush is
 *     repeated. What cannot be read ends it when all that comes after it is merged, so that nobody
 *     has to read it before that is done. [FLUSH_RETRIED, ERROR_IGNORED, SHORT_WRITE]
 *
 * Around it, merge/merge.c holds: the record is durable before the first write to the origin and
 * stays until the last clear is durable [LATE_RECORD, EARLY_RECORD_END]; and merge/plan.c: nothing
 * is written past the origin's end, and of two exceptions for a chunk the first one wins [NO_CLIP,
 * LAST_DUPLICATE, DUPLICATES_IN_PARALLEL]. What an earlier process wrote, and was killed before it
 * flushed, is read but not durable: nothing rests on it before it is flushed [UNSETTLED].
 *
 * The kernel's side of it: persistent_commit_merge and persistent_prepare_merge in
 * drivers/md/dm-snap-persistent.c.
 */
#include "merge/commit.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/breaks.h"
#include "store/base/bytes.h"
#include "store/cow/store_edit.h"
#include "store/cow/gaps.h"

#define WIDTH 32u

enum result commit_init(struct commit *commit, struct store *store, struct device *origin,
			bool in_order, struct failure *why)
{
	uint64_t bytes = min_u64(store->geometry.chunk_bytes, STORE_SEGMENT_BYTES);

	memset(commit, 0, sizeof(*commit));
	commit->store = store;
	commit->origin = origin;
	commit->in_order = in_order;
	commit->zeros = io_buffer_zeroed(bytes);
	commit->edge = io_buffer_zeroed(bytes);
	if (!commit->zeros || !commit->edge)
		return fail_memory(why, "clearing exceptions", bytes);
	return batch_init(&commit->batch, store->io, WIDTH, why);
}

void commit_free(struct commit *commit)
{
	batch_free(&commit->batch);
	free(commit->zeros);
	free(commit->edge);
	memset(commit, 0, sizeof(*commit));
}

static void flush_done(struct io_request *request)
{
	struct commit *commit = request->owner;

	commit->flush_done = true;
}

static void start_flush(struct commit *commit, struct device *device, enum commit_state state)
{
	commit->state = state;
	commit->flush_done = false;
	io_prepare(&commit->flush, IO_FLUSH, device, 0, NULL, 0);
	commit->flush.done = flush_done;
	commit->flush.owner = commit;
	io_submit(commit->store->io, &commit->flush);
}

/* Where the exceptions from `first` on leave its area, the area of the cut. One whose last exception
 * stays (rule 7) leads into the next area, which is a part of the cut, then. */
static uint64_t cut_end_of(const struct store *store, uint64_t first, uint64_t end)
{
	uint64_t per_area = store->geometry.exceptions_per_area;
	uint64_t cut_end = round_down(first, per_area) + per_area;

	while (cut_end < end && gaps_cover(store->gaps, cut_end - 1, cut_end))
		cut_end += per_area;
	return min_u64(end, cut_end);
}

void commit_begin(struct commit *commit, uint64_t first, uint64_t end, const uint8_t *kept,
		  uint32_t kept_bytes)
{
	assert(commit->state == COMMIT_IDLE && first < end && kept_bytes < STORE_SEGMENT_BYTES);
	commit->first = first;
	commit->end = end;
	commit->cut_end = cut_end_of(commit->store, first, end);
	commit->step_end = commit->cut_end;
	memset(commit->edge, 0, commit->edge_bytes);
	if (!BROKEN(EDGE_NOT_KEPT))
		memcpy(commit->edge, kept, kept_bytes);
	if (BROKEN(ONE_TOO_MANY) && kept_bytes > 0)
		memset(commit->edge + kept_bytes - EXCEPTION_BYTES, 0, EXCEPTION_BYTES);
	commit->edge_bytes = kept_bytes;
	start_flush(commit, commit->origin, COMMIT_FLUSH_ORIGIN);
}

/* The segment at `first` has its block's earlier exceptions in `edge`; all others are zeros. */
static bool next_clear(struct batch *batch, struct io_request *request)
{
	struct commit *commit = batch->owner;
	struct store_segment segment;
	uint8_t *buffer = commit->zeros;
	uint64_t from, to;

	if (commit->next_index >= commit->clear_end)
		return false;
	gaps_next(commit->store->gaps, commit->next_index, commit->clear_end, &from, &to);
	commit->next_index = to;
	if (from == to)
		return false;
	segment = store_segment(commit->store, from, to);
	if (from == commit->first) {
		assert(segment.skip == commit->edge_bytes);
		buffer = commit->edge;
	}
	store_prepare_clear(commit->store, &segment, buffer, request);
	commit->next_index = from + segment.count;
	return true;
}

static void start_clear(struct commit *commit, uint64_t begin, uint64_t end,
			enum commit_state state)
{
	commit->state = state;
	commit->next_index = begin;
	commit->clear_end = end;
	batch_start(&commit->batch, next_clear, commit);
}

/* Clears all of the cut, or its last block that is left (rule 6). */
static void start_cut(struct commit *commit)
{
	uint64_t per_block = store_exceptions_per_block(commit->store);
	uint64_t begin = BROKEN(FRONT_TO_BACK) ? 0 : commit->first;

	assert(commit->state == COMMIT_FLUSH_ORIGIN || commit->state == COMMIT_FLUSH_STORE);
	assert(begin < commit->step_end);
	if (commit->in_order && !BROKEN(TORN_TAIL))
		begin = max_u64(begin, round_down(commit->step_end - 1, per_block));
	start_clear(commit, begin, BROKEN(REST_BEFORE_CUT) ? commit->end : commit->step_end,
		    COMMIT_CLEAR);
	commit->step_end = begin;
}

static void end_commit(struct commit *commit)
{
	commit->state = COMMIT_IDLE;
	commit->commits++;
}

static void after_store_flush(struct commit *commit)
{
	commit->needs_flush = false;
	if (commit->step_end > commit->first)
		start_cut(commit);
	else if (commit->cut_end < commit->end)
		start_clear(commit, commit->cut_end, commit->end, COMMIT_CLEAR_REST);
	else
		end_commit(commit);
}

static enum result flush_result(const struct commit *commit, struct failure *why)
{
	if (commit->flush.error == 0)
		return RESULT_OK;
	return io_fail(IO_FLUSH, commit->flush.device, 0, 0, commit->flush.error, why);
}

static enum result step_clear(struct commit *commit, struct failure *why)
{
	enum result result = batch_result(&commit->batch, why);

	if (result != RESULT_OK)
		return result;
	if (commit->state == COMMIT_CLEAR) {
		start_flush(commit, commit->store->device, COMMIT_FLUSH_STORE);
	} else {
		commit->needs_flush = true;
		end_commit(commit);
	}
	return RESULT_OK;
}

static enum result step_flush(struct commit *commit, struct failure *why)
{
	enum result result = flush_result(commit, why);

	if (result != RESULT_OK)
		return result;
	if (commit->state == COMMIT_FLUSH_ORIGIN)
		start_cut(commit);
	else
		after_store_flush(commit);
	return RESULT_OK;
}

enum result commit_step(struct commit *commit, bool *moved, struct failure *why)
{
	bool flushing = commit->state == COMMIT_FLUSH_ORIGIN || commit->state == COMMIT_FLUSH_STORE;

	if (commit->state == COMMIT_IDLE)
		return RESULT_OK;
	if (flushing ? !commit->flush_done : !batch_finished(&commit->batch))
		return RESULT_OK;
	*moved = true;
	return flushing ? step_flush(commit, why) : step_clear(commit, why);
}

uint64_t commit_flushes(const struct store *store, uint64_t first, uint64_t end, bool in_order)
{
	uint64_t per_block = store_exceptions_per_block(store);
	uint64_t cut_end = cut_end_of(store, first, end);

	/* One of the origin, and one of the store for each block or for all together. */
	return 1 + (in_order ? divide_up(cut_end, per_block) - first / per_block : 1);
}

enum result commit_finish(struct commit *commit, struct failure *why)
{
	assert(commit->state == COMMIT_IDLE);
	if (!commit->needs_flush)
		return RESULT_OK;
	commit->needs_flush = false;
	return io_flush(commit->store->io, commit->store->device, why);
}

void commit_drain(struct commit *commit)
{
	batch_drain(&commit->batch);
	while ((commit->state == COMMIT_FLUSH_ORIGIN || commit->state == COMMIT_FLUSH_STORE) &&
	       !commit->flush_done)
		io_wait(commit->store->io);
}

enum result commit_sweep(struct store *store, uint64_t live, uint64_t end, struct failure *why)
{
	enum result result;

	if (live >= end)
		return RESULT_OK;
	/* The blocks that it is written in: after `end`, too, nothing is live. */
	end = round_up(end, store_exceptions_per_block(store));
	result = store_zero_exceptions(store, live, end, why);
	return result == RESULT_OK ? io_flush(store->io, store->device, why) : result;
}
