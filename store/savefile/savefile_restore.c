// SPDX-License-Identifier: GPL-2.0-or-later
/* savefile_check_target and savefile_restore: a saved file becomes a store again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/io/batch.h"
#include "store/base/bytes.h"
#include "store/device/probe.h"
#include "store/savefile/savefile.h"
#include "store/cow/ends.h"
#include "store/cow/summary.h"
#include "store/base/text.h"

/* This much of the stream is in memory, and this many requests are in flight. */
#define WINDOW_BYTES (4u << 20)
#define PIECE_BYTES (256u << 10)
#define WIDTH 64u

/* ---- may it be written there? ---- */

/* The end of what is saved, on the device. */
static uint64_t saved_end(const struct savefile_layout *layout)
{
	uint64_t count, place = savefile_place(layout, savefile_stream_bytes(layout) - 1, &count);

	return place + 1;
}

static enum result check_size(const struct savefile *saved, const struct device *device, bool force,
			      struct failure *why)
{
	unsigned long long have = device->bytes, was = saved->layout.device_bytes;

	if (have < saved_end(&saved->layout))
		return fail(
			why, RESULT_REFUSED,
			"%s: is too small: it has %llu bytes, and the saved metadata reaches up to byte %llu",
			device->name, have, (unsigned long long)saved_end(&saved->layout));
	if (have < was && !force)
		return fail_remedy(why, RESULT_REFUSED, REMEDY_RIGHT_DEVICE, NULL,
				   "%s: is too small: it has %llu bytes, and the store had %llu",
				   device->name, have, was);
	return RESULT_OK;
}

static enum result refuse_store(const struct savefile *saved, const struct store *target,
				struct failure *why)
{
	const struct savefile_layout *layout = &saved->layout;
	char chunks[64] = "";

	if (layout->chunk_sectors)
		snprintf(chunks, sizeof(chunks), " with chunks of %u sector%s",
			 layout->chunk_sectors, text_plural(layout->chunk_sectors));
	return fail_remedy(
		why, RESULT_REFUSED, REMEDY_RIGHT_DEVICE, NULL,
		"%s: holds another store: %llu bytes with chunks of %u sector%s, and %s is of a store of %llu bytes%s",
		target->device->name, (unsigned long long)target->device->bytes,
		target->header.chunk_sectors, text_plural(target->header.chunk_sectors),
		saved->file.name, (unsigned long long)layout->device_bytes, chunks);
}

static enum result check_foreign(struct device *device, struct io *io, struct failure *why)
{
	struct probe_identity identity = {.type = ""};
	enum result result;

	if (probe_finds_saved_file(device))
		return fail_remedy(why, RESULT_REFUSED, REMEDY_RIGHT_DEVICE, NULL,
				   "%s: holds something else: a saved file", device->name);
	result = ends_probe_device(io, device, &identity, why);
	if (result == RESULT_OK && identity.type[0])
		return fail_remedy(why, RESULT_REFUSED, REMEDY_RIGHT_DEVICE, NULL,
				   "%s: holds something else: %s%s%s", device->name, identity.type,
				   identity.uuid[0] ? ", UUID " : "", identity.uuid);
	return result;
}

/* A store whose header is damaged is what a restore is for. */
static enum result check_content(const struct savefile *saved, const struct store *target,
				 struct failure *why)
{
	const struct savefile_layout *layout = &saved->layout;

	/* Somebody consented to that already, and nothing that is whole is left. */
	if (store_is_half_restored(target))
		return RESULT_OK;
	switch (target->header_fault) {
	case HEADER_GOOD:
		if (target->device->bytes != layout->device_bytes ||
		    (layout->chunk_sectors &&
		     layout->chunk_sectors != target->header.chunk_sectors))
			return refuse_store(saved, target, why);
		return RESULT_OK;
	case HEADER_WRONG_VERSION:
	case HEADER_WRONG_CHUNK_SIZE:
		return RESULT_OK;
	case HEADER_BLANK:
	case HEADER_WRONG_MAGIC:
		break;
	}
	return check_foreign(target->device, target->io, why);
}

/* Without its header nothing can say that a record is stale. */
static enum result find_stale(const struct store *target, bool *stale, struct failure *why)
{
	struct summary summary;
	enum result result;
	bool area_missing;

	*stale = false;
	if (target->record_presence != RECORD_PRESENT || target->header_fault != HEADER_GOOD)
		return RESULT_OK;
	result = store_summarize(target, &summary, &area_missing, why);
	*stale = result == RESULT_OK &&
		 record_is_stale(&target->record, summary.exceptions, &summary.first);
	return result;
}

/* Of a record of another version it is not known which merge it is of. */
static enum result holds_record(struct savefile *saved, const struct store *target, bool *holds,
				struct failure *why)
{
	uint8_t bytes[RECORD_BYTES];
	struct record record;
	enum result result = savefile_read(saved, RECORD_OFFSET, bytes, sizeof(bytes), why);

	*holds = result == RESULT_OK && target->record_presence == RECORD_PRESENT &&
		 record_decode(bytes, &record) == RECORD_PRESENT &&
		 record.role == target->record.role &&
		 memcmp(record.id, target->record.id, RECORD_ID_BYTES) == 0;
	return result;
}

static enum result refuse_unfinished(const struct savefile *saved, const struct store *target,
				     struct failure *why)
{
	const char *what = "it has the record of an unfinished merge of another version of cowtool";
	bool own = target->record_presence == RECORD_PRESENT;

	if (own && target->record.role == RECORD_MERGING)
		what = "it has the record of an unfinished merge";
	else if (own)
		what = target->record.role == RECORD_UNDO
			       ? "is the undo store of an unfinished merge"
			       : "is kept by the unfinished merge of another store";
	return fail_remedy(why, RESULT_REFUSED,
			   own ? REMEDY_FINISH_OR_FORGET : REMEDY_FINISH_ELSEWHERE, NULL,
			   own ? "%s: %s, and %s holds nothing of that"
			       : "%s: %s, and %s may hold nothing of that",
			   target->device->name, what, saved->file.name);
}

/* The record of a merge guards the stores that it keeps: it must not go without a word. */
static enum result check_record(struct savefile *saved, const struct store *target,
				struct failure *why)
{
	bool ends = false;
	enum result result;

	if ((target->record_presence != RECORD_PRESENT &&
	     target->record_presence != RECORD_FOREIGN) ||
	    store_is_half_restored(target))
		return RESULT_OK;
	result = holds_record(saved, target, &ends, why);
	if (result == RESULT_OK && !ends)
		result = find_stale(target, &ends, why);
	return result != RESULT_OK || ends ? result : refuse_unfinished(saved, target, why);
}

enum result savefile_check_target(struct savefile *saved, struct device *device, struct io *io,
				  bool force, struct failure *why)
{
	enum result result;
	struct store target;

	if (savefile_detect(device))
		return fail(why, RESULT_REFUSED,
			    "%s: is a saved file, not a device; the order is FILE, then STORE",
			    device->name);
	result = check_size(saved, device, force, why);
	if (result == RESULT_OK)
		result = store_open(&target, device, io, why);
	if (result == RESULT_OK && !force)
		result = check_content(saved, &target, why);
	if (result == RESULT_OK && !force)
		result = check_record(saved, &target, why);
	return result;
}

/* ---- writing and reading back ---- */

struct transfer {
	struct savefile *saved;
	struct device *device;
	struct io *io;
	struct batch batch;
	enum io_operation operation;
	uint8_t *window;     /* of the stream */
	uint8_t *back;	     /* as much, read from the device */
	uint64_t begin, end; /* of the window, in the stream */
	uint64_t next;	     /* what the next piece begins with */
};

/* Written whole or not at all. The head is a part of a chunk, or the chunk size is not known. */
static uint32_t block_bytes(const struct transfer *transfer)
{
	const struct savefile_layout *layout = &transfer->saved->layout;
	uint64_t chunk_bytes = (uint64_t)layout->chunk_sectors * SECTOR_BYTES;

	return (uint32_t)min_u64(device_unit(transfer->device, layout->head_bytes),
				 device_unit(transfer->device, chunk_bytes));
}

static bool next_piece(struct batch *batch, struct io_request *request)
{
	struct transfer *transfer = batch->owner;
	uint8_t *memory = transfer->operation == IO_WRITE ? transfer->window : transfer->back;
	uint64_t count, place;

	if (transfer->next == transfer->end)
		return false;
	place = savefile_place(&transfer->saved->layout, transfer->next, &count);
	count = min_u64(count, min_u64(transfer->end - transfer->next, PIECE_BYTES));
	io_prepare(request, transfer->operation, transfer->device, place,
		   memory + (transfer->next - transfer->begin), count);
	transfer->next += count;
	return true;
}

static enum result run_window(struct transfer *transfer, enum io_operation operation,
			      struct failure *why)
{
	transfer->operation = operation;
	transfer->next = transfer->begin;
	batch_start(&transfer->batch, next_piece, transfer);
	while (!batch_finished(&transfer->batch))
		io_wait(transfer->io);
	return batch_result(&transfer->batch, why);
}

static enum result compare_window(const struct transfer *transfer, struct failure *why)
{
	uint64_t bytes = transfer->end - transfer->begin, first = 0, count;

	if (memcmp(transfer->window, transfer->back, bytes) == 0)
		return RESULT_OK;
	while (transfer->window[first] == transfer->back[first])
		first++;
	return fail(why, RESULT_IO, "%s: byte %llu reads back as something else than was written",
		    transfer->device->name,
		    (unsigned long long)savefile_place(&transfer->saved->layout,
						       transfer->begin + first, &count));
}

static enum result check_stop(const struct transfer *transfer, const char *how_far,
			      struct failure *why)
{
	if (!transfer->saved->stop || *transfer->saved->stop == 0)
		return RESULT_OK;
	return fail(why, RESULT_STOPPED, "%s: stopped on request%s", transfer->device->name,
		    how_far);
}

/* Bytes from .. to - 1 of the stream. */
static enum result transfer_all(struct transfer *transfer, enum io_operation operation,
				uint64_t from, uint64_t to, struct failure *why)
{
	enum result result = RESULT_OK;

	for (transfer->begin = from; transfer->begin < to && result == RESULT_OK;
	     transfer->begin = transfer->end) {
		transfer->end = min_u64(transfer->begin + WINDOW_BYTES, to);
		result = check_stop(
			transfer, operation == IO_READ ? "; all is written, but not read back" : "",
			why);
		if (result == RESULT_OK)
			result = savefile_read(transfer->saved, transfer->begin, transfer->window,
					       transfer->end - transfer->begin, why);
		if (result == RESULT_OK)
			result = run_window(transfer, operation, why);
		if (result == RESULT_OK && operation == IO_READ)
			result = compare_window(transfer, why);
	}
	return result;
}

/*
 * What is there is about to become a mixture of two stores. A mark says so, which the write of the
 * header's block at the end takes away, and where there is a good header, the kernel is to load
 * nothing. What a restore wrote that was killed before it flushed becomes durable with it.
 */
static enum result invalidate(struct transfer *transfer, struct failure *why)
{
	const struct record mark = {.role = RECORD_RESTORING};
	struct device *device = transfer->device;
	uint32_t bytes = block_bytes(transfer);
	struct header header;
	enum result result = io_read(transfer->io, device, 0, transfer->window, bytes, why);

	if (result != RESULT_OK)
		return result;
	header_decode(transfer->window, &header);
	if (header_check(&header) == HEADER_GOOD) {
		header.valid = 0;
		header_encode(&header, transfer->window);
	}
	record_encode(&mark, transfer->window + RECORD_OFFSET);
	transfer->saved->half_written = true;
	result = io_write(transfer->io, device, 0, transfer->window, bytes, why);
	return result == RESULT_OK ? io_flush(transfer->io, device, why) : result;
}

static enum result write_all(struct transfer *transfer, struct failure *why)
{
	uint64_t stream = savefile_stream_bytes(&transfer->saved->layout);
	uint32_t block = block_bytes(transfer);
	enum result result = check_stop(transfer, "; nothing was written", why);

	if (result != RESULT_OK)
		return result;
	result = invalidate(transfer, why);
	if (result == RESULT_OK)
		result = transfer_all(transfer, IO_WRITE, block, stream, why);
	if (result == RESULT_OK)
		result = io_flush(transfer->io, transfer->device, why);
	if (result == RESULT_OK)
		result = transfer_all(transfer, IO_WRITE, 0, block, why);
	if (result == RESULT_OK)
		result = io_flush(transfer->io, transfer->device, why);
	if (result != RESULT_OK)
		return result;
	transfer->saved->half_written = false;
	device_drop_cache(transfer->device);
	return transfer_all(transfer, IO_READ, 0, stream, why);
}

enum result savefile_restore(struct savefile *saved, struct device *device, struct io *io,
			     struct failure *why)
{
	uint64_t window = min_u64(savefile_stream_bytes(&saved->layout), WINDOW_BYTES);
	struct transfer transfer = {.saved = saved, .device = device, .io = io};
	enum result result;

	saved->half_written = false;
	transfer.window = io_buffer(window);
	transfer.back = io_buffer(window);
	if (transfer.window && transfer.back)
		result = batch_init(&transfer.batch, io, WIDTH, why);
	else
		result = fail_memory(why, "the metadata", window);
	if (result == RESULT_OK)
		result = write_all(&transfer, why);
	batch_free(&transfer.batch);
	free(transfer.window);
	free(transfer.back);
	return result;
}
