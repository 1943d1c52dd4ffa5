// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The driver: a ring of windows, taken from the last exception backwards, and one commit at a time.
 *
 *   window   free -> loading -> loaded -> reading (-> mending) -> read -> writing -> copied -> free
 *   kept     waiting -> copying -> copied -> (published) -> kept
 *   commit   idle -> flush origin -> clear -> flush store -> clear rest -> idle
 *
 * While one window is being committed, the next ones are loaded, read and written: an origin chunk
 * may be written at any time before its exception is cleared, and as soon as all kept stores
 * durably hold what was there. Windows are kept and committed in the order in which they were
 * taken, as many at once as have been copied.
 */
#include "merge/driver.h"

#include <stdlib.h>

#include "merge/commit.h"
#include "merge/keep.h"
#include "merge/window.h"
#include "store/base/breaks.h"
#include "store/base/bytes.h"

/*
 * So many windows read their data at a time: the next one's requests are there when the last of
 * the one before are done. With more of them, a disk would read for all and then write for all, and
 * what fails in the last would keep the others from their end.
 */
#define READING 2u
/* Where memory is short, windows become smaller, down to this. */
#define WINDOW_BYTES_MIN BUFFER_ALIGNMENT

_Static_assert(DRIVER_WINDOWS <= KEEP_SLOTS, "each has a place in the keeper");

struct driver {
	struct merge *merge;
	struct window windows[DRIVER_WINDOWS];
	unsigned int window_count;  /* of them are used; 1 where chunks have two exceptions */
	unsigned int oldest, taken; /* the ring: windows oldest .. oldest + taken - 1 */
	unsigned int committing;    /* this many of the oldest are in the commit's hands */
	uint64_t capacity;	    /* exceptions for each window */
	uint64_t next_end;	    /* the next window ends before this exception */
	uint64_t bytes_committed;   /* of the data of the windows that are */
	unsigned int keeping;	    /* this many of the windows were handed to the keeper */
	enum result unread; /* RESULT_OK, or why no more windows are taken: one could not be read */
	struct failure unread_why;
	struct keep keep;
	struct commit commit;
};

static unsigned int place_of(const struct driver *driver, unsigned int position)
{
	return (driver->oldest + position) % driver->window_count;
}

static struct window *window_at(struct driver *driver, unsigned int position)
{
	return &driver->windows[place_of(driver, position)];
}

static bool stop_requested(const struct merge *merge)
{
	return merge->options->stop && *merge->options->stop;
}

static bool takes_no_more(const struct driver *driver)
{
	return driver->next_end == 0 || driver->unread != RESULT_OK ||
	       stop_requested(driver->merge);
}

static void take_windows(struct driver *driver, bool *moved)
{
	while (driver->taken < driver->window_count && !takes_no_more(driver)) {
		uint64_t first =
			window_first(driver->merge->store, driver->capacity, driver->next_end);

		window_start(window_at(driver, driver->taken++), first, driver->next_end);
		driver->next_end = first;
		*moved = true;
	}
}

static void give_back_newest(struct driver *driver)
{
	struct window *newest = window_at(driver, driver->taken - 1);

	batch_drain(&newest->batch);
	newest->state = WINDOW_FREE;
	driver->next_end = newest->end;
	driver->taken--;
	if (driver->keeping > driver->taken) {
		keep_release(&driver->keep, place_of(driver, driver->taken));
		driver->keeping--;
	}
}

/* When a stop was asked for, the newest windows that are not being written yet are given back. */
static void drop_windows(struct driver *driver)
{
	while (driver->taken > driver->committing) {
		const struct window *newest = window_at(driver, driver->taken - 1);

		if (newest->state == WINDOW_WRITING || newest->state == WINDOW_COPIED)
			return;
		give_back_newest(driver);
	}
}

/* The window at `position` cannot be read: the merge ends when those before it are committed. What
 * those after it have written already will be written once more. */
static void end_before(struct driver *driver, unsigned int position, enum result result,
		       const struct failure *why)
{
	driver->unread = result;
	driver->unread_why = *why;
	while (driver->taken > position)
		give_back_newest(driver);
}

/* Hands windows to the keeper, in order, as soon as their exceptions are known. */
static void take_kept(struct driver *driver)
{
	while (driver->keeping < driver->taken) {
		const struct window *window = window_at(driver, driver->keeping);

		if (window->state == WINDOW_LOADING)
			return;
		keep_take(&driver->keep, place_of(driver, driver->keeping), window->exceptions,
			  window->exception_count);
		driver->keeping++;
	}
}

/* What of the origin cannot be read ends the merge as what of the store cannot. */
static enum result step_kept(struct driver *driver, bool *moved, struct failure *why)
{
	enum result result = keep_step(&driver->keep, moved, why);

	for (unsigned int i = 0; i < driver->keeping && result == RESULT_IO; i++)
		if (keep_is_unread(&driver->keep, place_of(driver, i))) {
			end_before(driver, i, result, why);
			return RESULT_OK;
		}
	return result;
}

static enum result step_windows(struct driver *driver, bool *moved, struct failure *why)
{
	unsigned int reading = 0;
	enum result result = RESULT_OK;

	for (unsigned int i = 0; i < driver->taken; i++) {
		struct window *window = window_at(driver, i);
		bool copied = window->state == WINDOW_COPIED;
		bool may_write =
			i < driver->keeping && keep_done(&driver->keep, place_of(driver, i));

		result = window_step(window, reading < READING, may_write, moved, why);
		if (result == RESULT_IO && window_is_unread(window)) {
			end_before(driver, i, result, why);
			return RESULT_OK;
		}
		if (result != RESULT_OK)
			return result;
		reading += window->state < WINDOW_READ;
		if (!copied && window->state == WINDOW_COPIED)
			driver->merge->bytes_written += window->bytes_written;
	}
	return RESULT_OK;
}

/* Hands the oldest windows that are copied to the commit. */
static void begin_commit(struct driver *driver)
{
	struct window *last;

	while (driver->committing < driver->taken &&
	       window_at(driver, driver->committing)->state == WINDOW_COPIED)
		driver->committing++;
	if (driver->committing == 0)
		return;
	last = window_at(driver, driver->committing - 1);
	commit_begin(&driver->commit, last->first, window_at(driver, 0)->end, last->metadata,
		     last->kept_bytes);
}

static void release_committed(struct driver *driver)
{
	driver->merge->exceptions_left = driver->commit.first;
	while (driver->committing > 0) {
		driver->bytes_committed += window_bytes_copied(window_at(driver, 0));
		keep_release(&driver->keep, driver->oldest);
		driver->keeping--;
		window_at(driver, 0)->state = WINDOW_FREE;
		driver->oldest = (driver->oldest + 1) % driver->window_count;
		driver->taken--;
		driver->committing--;
	}
}

static enum result step_commit(struct driver *driver, bool *moved, struct failure *why)
{
	enum result result;

	if (driver->commit.state == COMMIT_IDLE)
		begin_commit(driver);
	if (driver->commit.state == COMMIT_IDLE)
		return RESULT_OK;
	result = commit_step(&driver->commit, moved, why);
	if (result == RESULT_OK && driver->commit.state == COMMIT_IDLE)
		release_committed(driver);
	return result;
}

/* Windows in hand count as far as they are written: a bar that moves by whole windows jumps. */
static void count_copied(struct driver *driver)
{
	driver->merge->bytes_copied = driver->bytes_committed;
	for (unsigned int i = 0; i < driver->taken; i++)
		driver->merge->bytes_copied += window_bytes_copied(window_at(driver, i));
}

/* Runs until all windows that were taken are committed, and no more are to be taken. */
static enum result drive(struct driver *driver, struct failure *why)
{
	struct merge *merge = driver->merge;
	enum result result = RESULT_OK;

	for (;;) {
		bool moved = false;

		if (stop_requested(merge))
			drop_windows(driver);
		take_windows(driver, &moved);
		result = step_windows(driver, &moved, why);
		take_kept(driver);
		if (result == RESULT_OK)
			result = step_kept(driver, &moved, why);
		if (result == RESULT_OK)
			result = step_commit(driver, &moved, why);
		count_copied(driver);
		if (result != RESULT_OK)
			return result;
		if (driver->taken == 0 && takes_no_more(driver))
			break;
		if (!moved && !io_wait(merge->io))
			return fail(why, RESULT_INTERNAL, "the merge waits for nothing");
		if (merge->options->progress)
			merge->options->progress(merge->options->context, merge);
	}
	return RESULT_OK;
}

static enum result init(struct driver *driver, struct merge *merge, struct failure *why)
{
	bool ambiguous = merge->check.found[PROBLEM_DUPLICATE_OLD] > 0;
	uint64_t wanted;
	enum result result;

	driver->merge = merge;
	driver->next_end = merge->exceptions_before;
	driver->capacity = min_u64(window_capacity(&merge->store->geometry, merge->window_bytes),
				   merge->exceptions_before);
	/* Two windows may write one chunk: the later one, with the lower number, must come last. */
	wanted = ambiguous && !BROKEN(DUPLICATES_IN_PARALLEL)
			 ? 1
			 : divide_up(merge->exceptions_before, driver->capacity);
	result = commit_init(&driver->commit, merge->store, merge->origin, merge_in_order(merge),
			     why);
	while (result == RESULT_OK && driver->window_count < min_u64(wanted, DRIVER_WINDOWS)) {
		struct window *window = &driver->windows[driver->window_count++];

		result = window_init(window, merge->store, merge->origin, driver->capacity,
				     merge->window_bytes, why);
		if (result == RESULT_OK && merge->options->skip_lost)
			result = window_skip_lost(window, &merge->left_out, why);
	}
	if (result == RESULT_OK)
		result = keep_init(&driver->keep, merge->kept, merge->kept_count,
				   &merge->store->geometry, merge->origin, driver->window_count,
				   driver->capacity, why);
	return result;
}

void driver_close(struct driver *driver)
{
	if (!driver)
		return;
	for (unsigned int i = 0; i < driver->window_count; i++) {
		batch_drain(&driver->windows[i].batch);
		window_free(&driver->windows[i]);
	}
	keep_drain(&driver->keep);
	keep_free(&driver->keep);
	commit_drain(&driver->commit);
	commit_free(&driver->commit);
	free(driver);
}

static enum result open_once(struct driver **driver, struct merge *merge, struct failure *why)
{
	enum result result;

	*driver = calloc(1, sizeof(**driver));
	if (!*driver)
		return fail_memory(why, "the merge", sizeof(**driver));
	result = init(*driver, merge, why);
	if (result == RESULT_OK)
		return RESULT_OK;
	driver_close(*driver);
	*driver = NULL;
	return result;
}

enum result driver_open(struct driver **driver, struct merge *merge, struct failure *why)
{
	enum result result = open_once(driver, merge, why);

	while (result == RESULT_NO_MEMORY && merge->window_bytes > WINDOW_BYTES_MIN) {
		merge->window_bytes = max_u64(merge->window_bytes / 2, WINDOW_BYTES_MIN);
		result = open_once(driver, merge, why);
	}
	return result;
}

enum result driver_merge(struct driver *driver, struct failure *why)
{
	enum result result = keep_begin(&driver->keep, why);

	if (result == RESULT_OK)
		result = drive(driver, why);
	if (result == RESULT_OK)
		result = commit_finish(&driver->commit, why);
	driver->merge->commits = driver->commit.commits;
	if (result != RESULT_OK || driver->unread == RESULT_OK)
		return result;
	*why = driver->unread_why;
	return driver->unread;
}
