// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The driver: a ring of windows, from the beginning of the view to its end. They are read side by
 * side, digested in their order (what could not be read is mended, the checksum goes on), and
 * written side by side. Done is what comes before the first window that is not written.
 */
#include "verify/export/export.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/base/checksum.h"
#include "verify/export/export_earlier.h"

#define RING 8u

struct driver {
	struct export *export;
	struct export_window windows[RING];
	unsigned int window_count;
	unsigned int oldest, taken; /* the ring: windows oldest .. oldest + taken - 1 */
	unsigned int digested;	    /* this many of the oldest are being written, or are */
	uint64_t next_offset;	    /* where the next window begins */
	uint32_t crc32;		    /* of all that was digested */
	uint64_t unsaved_bytes;	    /* moved since the last checkpoint */
	bool began;		    /* what is on the target may be changed */
	bool flush_failed;
	struct export_holes holes;
};

static struct export_window *window_at(struct driver *driver, unsigned int position)
{
	return &driver->windows[(driver->oldest + position) % driver->window_count];
}

static bool stop_requested(const struct export *export)
{
	return export->options->stop && *export->options->stop;
}

static enum result take_windows(struct driver *driver, bool *moved, struct failure *why)
{
	struct export *export = driver->export;
	enum result result = RESULT_OK;

	while (driver->taken < driver->window_count &&
	       driver->next_offset < export->state.view_bytes && !stop_requested(export) &&
	       result == RESULT_OK) {
		struct export_window *window = window_at(driver, driver->taken);

		result = export_window_plan(window, &driver->holes, driver->next_offset,
					    export->state.view_bytes, why);
		if (result != RESULT_OK)
			break;
		export_window_start_reading(window);
		driver->next_offset += window->bytes;
		driver->taken++;
		*moved = true;
	}
	return result;
}

static enum result step_windows(struct driver *driver, bool *moved, struct failure *why)
{
	enum result result = RESULT_OK;

	for (unsigned int i = 0; i < driver->taken && result == RESULT_OK; i++)
		result = export_window_step(window_at(driver, i), moved, why);
	return result;
}

/* ---- digesting ---- */

static enum result put(struct export_window *window, struct failure *why)
{
	const struct export_target *target = &window->export->target;
	enum result result = target->put(target->context, window->data, window->bytes, why);

	if (result != RESULT_OK)
		return result;
	window->phase = EXPORT_WRITTEN;
	window->bytes_written = window->bytes;
	return RESULT_OK;
}

static enum result digest(struct driver *driver, struct export_window *window, struct failure *why)
{
	enum result result = export_window_mend(window, why);

	if (result != RESULT_OK)
		return result;
	driver->crc32 = window->is_hole
				? checksum_crc32_zeros(driver->crc32, window->bytes)
				: checksum_crc32(driver->crc32, window->data, window->bytes);
	window->crc32 = driver->crc32;
	driver->digested++;
	return driver->export->target.device ? export_window_start_writing(window, why)
					     : put(window, why);
}

static enum result digest_windows(struct driver *driver, bool *moved, struct failure *why)
{
	enum result result = RESULT_OK;

	while (driver->digested < driver->taken && result == RESULT_OK) {
		struct export_window *window = window_at(driver, driver->digested);

		if (window->phase != EXPORT_READ)
			break;
		*moved = true;
		result = digest(driver, window, why);
	}
	return result;
}

/* ---- what is done ---- */

static void retire_windows(struct driver *driver, bool *moved)
{
	struct export_state *state = &driver->export->state;

	while (driver->taken > 0 && window_at(driver, 0)->phase == EXPORT_WRITTEN) {
		const struct export_window *window = window_at(driver, 0);

		state->done_bytes = window->offset + window->bytes;
		state->crc32 = window->crc32;
		state->bytes_from_store += window->bytes_from_store;
		state->bytes_from_origin += window->bytes_from_origin;
		state->bytes_written += window->bytes_written;
		if (!window->is_hole)
			driver->unsaved_bytes += window->bytes;
		driver->oldest = (driver->oldest + 1) % driver->window_count;
		driver->taken--;
		driver->digested--;
		*moved = true;
	}
	driver->export->position = state->done_bytes;
}

static enum result flush(struct driver *driver, struct failure *why)
{
	struct export *export = driver->export;
	enum result result = io_flush(export->io, export->target.device, why);

	driver->flush_failed |= result != RESULT_OK;
	return result;
}

/* The flush makes durable at least what is done now; more of it may be done while it runs. */
static enum result checkpoint(struct driver *driver, struct failure *why)
{
	const struct export_target *target = &driver->export->target;
	enum result result;

	driver->unsaved_bytes = 0;
	if (!target->device || !target->checkpoint)
		return RESULT_OK;
	result = flush(driver, why);
	if (result == RESULT_OK)
		result = target->checkpoint(target->context, &driver->export->state, why);
	return result;
}

static enum result drive(struct driver *driver, struct failure *why)
{
	struct export *export = driver->export;
	enum result result = RESULT_OK;

	while (result == RESULT_OK) {
		bool moved = false;

		result = take_windows(driver, &moved, why);
		if (result == RESULT_OK)
			result = step_windows(driver, &moved, why);
		if (result == RESULT_OK)
			result = digest_windows(driver, &moved, why);
		if (result != RESULT_OK)
			break;
		retire_windows(driver, &moved);
		if (driver->taken == 0 &&
		    (driver->next_offset == export->state.view_bytes || stop_requested(export)))
			break;
		if (driver->unsaved_bytes >= export->options->checkpoint_bytes)
			result = checkpoint(driver, why);
		else if (!moved && !io_wait(export->io))
			result = fail(why, RESULT_INTERNAL, "the export waits for nothing");
		if (export->options->progress)
			export->options->progress(export->options->context, export);
	}
	return result;
}

/* ---- from the beginning to the end ---- */

static enum result open_driver(struct driver *driver, struct export *export, struct failure *why)
{
	const struct export_state *state = &export->state;
	uint64_t wanted =
		divide_up(state->view_bytes - state->done_bytes, export->options->window_bytes);
	enum result result = RESULT_OK;

	memset(driver, 0, sizeof(*driver));
	driver->export = export;
	driver->next_offset = state->done_bytes;
	driver->crc32 = state->crc32;
	wanted = min_u64(max_u64(wanted, 1), RING);
	while (result == RESULT_OK && driver->window_count < wanted)
		result = export_window_init(&driver->windows[driver->window_count++], export, why);
	return result;
}

static void close_driver(struct driver *driver)
{
	for (unsigned int i = 0; i < driver->window_count; i++) {
		batch_drain(&driver->windows[i].batch);
		export_window_free(&driver->windows[i]);
	}
}

static enum result set_size(const struct export *export, uint64_t bytes, struct failure *why)
{
	struct device *device = export->target.device;

	return device && !device_is_block(device) ? device_set_size(device, bytes, why) : RESULT_OK;
}

static enum result export_all(struct driver *driver, struct failure *why)
{
	struct export *export = driver->export;
	const struct export_state *state = &export->state;
	enum result result = export_earlier_check(export, &driver->windows[0], why);

	export->position = state->done_bytes;
	driver->began = result == RESULT_OK;
	/* What an earlier export wrote after what it was sure of is not to be believed. */
	if (result == RESULT_OK)
		result = set_size(export, state->done_bytes, why);
	if (result == RESULT_OK)
		result = drive(driver, why);
	if (result == RESULT_STOPPED ||
	    (result == RESULT_OK && state->done_bytes < state->view_bytes))
		return fail(why, RESULT_STOPPED,
			    "%s: stopped on request after %llu of %llu bytes of its view",
			    export->store->device->name, (unsigned long long)state->done_bytes,
			    (unsigned long long)state->view_bytes);
	if (result == RESULT_OK)
		result = set_size(export, state->view_bytes, why);
	if (result == RESULT_OK && export->target.device)
		result = flush(driver, why);
	return result;
}

/* Writes that are under way are finished: what comes before the first that fails is done, too. */
static void settle(struct driver *driver)
{
	bool moved;

	for (unsigned int i = 0; i < driver->digested; i++) {
		struct export_window *window = window_at(driver, i);

		while (window->phase == EXPORT_WRITING && !batch_finished(&window->batch))
			io_wait(driver->export->io);
		if (window->phase == EXPORT_WRITING && window->batch.error == 0)
			window->phase = EXPORT_WRITTEN;
	}
	retire_windows(driver, &moved);
}

/* The failure that is told is the one that ended the export: where how far it is cannot be written,
 * what was written before counts. */
static void save_progress(struct driver *driver)
{
	struct failure ignored;

	export_state_cut_gaps(&driver->export->state);
	if (driver->began && !driver->flush_failed)
		checkpoint(driver, &ignored);
}

enum result export_run(struct export *export, struct failure *why)
{
	struct driver driver;
	enum result result = open_driver(&driver, export, why);

	if (result == RESULT_OK)
		result = export_all(&driver, why);
	if (result != RESULT_OK) {
		settle(&driver);
		save_progress(&driver);
	}
	close_driver(&driver);
	return result;
}
