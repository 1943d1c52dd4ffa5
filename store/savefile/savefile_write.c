// SPDX-License-Identifier: GPL-2.0-or-later
/* savefile_write: a store's metadata becomes a file. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/base/bytes.h"
#include "store/base/error.h"
#include "store/cow/gaps.h"
#include "store/base/path.h"
#include "store/base/replace.h"
#include "store/base/whole.h"
#include "store/savefile/savefile.h"

struct writer {
	const struct store *store;
	const char *path;
	const volatile sig_atomic_t *stop;
	struct device replaced; /* what is there now, held meanwhile */
	struct replacement file;
	struct savefile_layout layout;
	uint64_t offset; /* in the file, of what comes next */
	uint64_t frames;
	uint32_t end_crc;
	uint8_t *raw, *frame;
	uint32_t filled; /* of raw */
};

static enum result write_failure(const struct writer *writer, const char *what, int error,
				 struct failure *why)
{
	return fail_errno(why, error_result(error), error, "%s: cannot %s", writer->path, what);
}

static enum result write_at(const struct writer *writer, uint64_t offset, const uint8_t *bytes,
			    size_t count, struct failure *why)
{
	int error = whole_write_at(writer->file.fd, bytes, count, offset);

	return error ? write_failure(writer, "write", error, why) : RESULT_OK;
}

static enum result write_next(struct writer *writer, const uint8_t *bytes, size_t count,
			      struct failure *why)
{
	enum result result = write_at(writer, writer->offset, bytes, count, why);

	writer->offset += count;
	return result;
}

static enum result check_stop(const struct writer *writer, struct failure *why)
{
	if (!writer->stop || *writer->stop == 0)
		return RESULT_OK;
	return fail_stopped(why, writer->path);
}

static enum result end_frame(struct writer *writer, struct failure *why)
{
	enum result result;
	size_t bytes;
	uint32_t crc;

	if (writer->filled == 0)
		return RESULT_OK;
	crc = savefile_pack(writer->frames, writer->raw, writer->filled, writer->frame, &bytes);
	if (bytes == 0)
		return fail_memory(why, "compressing the metadata", writer->filled);
	writer->end_crc = savefile_end_crc(writer->end_crc, crc);
	writer->frames++;
	writer->filled = 0;
	result = check_stop(writer, why);
	return result == RESULT_OK ? write_next(writer, writer->frame, bytes, why) : result;
}

static enum result append(struct writer *writer, const uint8_t *bytes, uint64_t count,
			  struct failure *why)
{
	enum result result = RESULT_OK;

	while (count > 0 && result == RESULT_OK) {
		uint32_t part = (uint32_t)min_u64(count, SAVEFILE_FRAME_BYTES - writer->filled);

		memcpy(writer->raw + writer->filled, bytes, part);
		writer->filled += part;
		bytes += part;
		count -= part;
		if (writer->filled == SAVEFILE_FRAME_BYTES)
			result = end_frame(writer, why);
	}
	return result;
}

static enum result append_exceptions(void *context, uint64_t index, const uint8_t *entries,
				     uint32_t count, struct failure *why)
{
	(void)index;
	return append(context, entries, (uint64_t)count * EXCEPTION_BYTES, why);
}

/* As a buffer has it (store/cow/gaps.h), so that the list goes on as it does on the device; where
 * nothing shows that it does, it ends. */
static enum result append_gap(void *context, uint64_t index, uint64_t count, bool goes_on,
			      struct failure *why)
{
	uint8_t entry[EXCEPTION_BYTES];
	enum result result = RESULT_OK;

	(void)index;
	memset(entry, goes_on ? 0xff : 0, sizeof(entry));
	for (uint64_t i = 0; i < count && result == RESULT_OK; i++)
		result = append(context, entry, sizeof(entry), why);
	return result;
}

static enum result append_head(struct writer *writer, struct failure *why)
{
	const struct store *store = writer->store;
	uint8_t *head = io_buffer(writer->layout.head_bytes);
	enum result result;

	if (!head)
		return fail_memory(why, "the header", writer->layout.head_bytes);
	result = gaps_read_bytes(store, 0, head, writer->layout.head_bytes, why);
	if (result == RESULT_OK)
		result = append(writer, head, writer->layout.head_bytes, why);
	free(head);
	return result;
}

/* Live exceptions and tail together are whole areas. */
static enum result append_areas(struct writer *writer, struct failure *why)
{
	const struct geometry *geometry = &writer->store->geometry;
	struct store_scan scan = {.live = append_exceptions,
				  .tail = append_exceptions,
				  .gap = append_gap,
				  .context = writer};
	enum result result = store_scan(writer->store, &scan, why);
	uint64_t areas = scan.exceptions / geometry->exceptions_per_area + !scan.area_missing;

	writer->layout.areas = areas;
	return result;
}

static enum result write_content(struct writer *writer, struct failure *why)
{
	uint8_t header[SAVEFILE_HEADER_BYTES], end[SAVEFILE_END_BYTES];
	enum result result;

	writer->offset = SAVEFILE_HEADER_BYTES;
	result = append_head(writer, why);
	if (result == RESULT_OK && writer->layout.chunk_sectors)
		result = append_areas(writer, why);
	if (result == RESULT_OK)
		result = end_frame(writer, why);
	if (result != RESULT_OK)
		return result;
	assert(writer->frames == savefile_frames(&writer->layout));
	savefile_end_encode(writer->frames, writer->end_crc, end);
	savefile_header_encode(&writer->layout, header);
	result = write_next(writer, end, sizeof(end), why);
	return result == RESULT_OK ? write_at(writer, 0, header, sizeof(header), why) : result;
}

/* The file is whole and flushed, and may have replaced another one: it stays. */
static enum result flush_folder(const struct writer *writer, struct failure *why)
{
	enum result result = path_flush_folder(writer->path, why);

	if (result != RESULT_IO)
		return result;
	return fail_more(
		why, result,
		"the file is there and complete, but a power cut may take it away; name a file on another file system, or copy this one there");
}

static enum result refuse_existing(const struct writer *writer, struct failure *why)
{
	return fail(why, RESULT_REFUSED, "%s: exists already; name another file", writer->path);
}

static enum result publish(struct writer *writer, bool replace, struct failure *why)
{
	const char *step;
	int error = replace_publish(&writer->file, replace, &step);

	if (error == EEXIST)
		return refuse_existing(writer, why);
	if (error != 0)
		return write_failure(writer, step, error, why);
	if (replace_is_there(&writer->file))
		return flush_folder(writer, why);
	return fail(
		why, RESULT_REFUSED,
		"%s: is not the file that was written: somebody has put another one in its place; name a file in a folder where nobody else may write",
		writer->path);
}

/* Also by another name, or below it: the file of a loop device. */
static enum result refuse_store(const struct writer *writer, struct failure *why)
{
	const struct device *device = writer->store->device;
	bool same = false;
	enum result result = RESULT_OK;

	if (device->open)
		result = device_is(device, writer->path, &same, why);
	if (result == RESULT_OK && same)
		result = fail(why, RESULT_REFUSED, "%s: is the store itself; name another file",
			      writer->path);
	return result;
}

/*
 * The file is not written to, but taken away: who has it open would go on with one that has no
 * name. What uses it is looked for as before a write, and nobody may begin to meanwhile. Who says
 * that it may be replaced consents to what cannot be looked at, too.
 */
static enum result hold_replaced(struct writer *writer, struct failure *why)
{
	enum result result = device_open(&writer->replaced, writer->path, DEVICE_OWN_UNSEEN, why);

	/* Who has not the right to write to it may take it away all the same. */
	if (result == RESULT_IO)
		result = device_open(&writer->replaced, writer->path, DEVICE_HOLD, why);
	/* Gone since, or no right to read it, or a file system without locks. */
	return result == RESULT_REFUSED ? result : RESULT_OK;
}

static enum result check_path(struct writer *writer, bool replace, struct failure *why)
{
	struct stat status;
	enum result result;

	if (stat(writer->path, &status) != 0)
		/* Else creating it says what is wrong. */
		return path_refuse_dangling(writer->path, why);
	if (!S_ISREG(status.st_mode))
		return fail(why, RESULT_REFUSED,
			    "%s: exists and is no regular file; name another file", writer->path);
	result = refuse_store(writer, why);
	if (result == RESULT_OK && !replace)
		result = refuse_existing(writer, why);
	return result == RESULT_OK ? hold_replaced(writer, why) : result;
}

static enum result create_failure(const struct writer *writer, int error, struct failure *why)
{
	return error == ENOMEM ? fail_memory(why, "a name", strlen(writer->path))
			       : write_failure(writer, "create", error, why);
}

enum result savefile_check_path(const struct store *store, const char *path, bool replace,
				struct failure *why)
{
	struct writer writer = {.store = store, .path = path};
	enum result result = check_path(&writer, replace, why);
	struct failure ignored;
	uint64_t free_bytes;
	int error = ENOMEM;
	char *name;

	device_close(&writer.replaced, &ignored);
	if (result != RESULT_OK)
		return result;
	name = replace_name(path);
	if (name)
		error = path_look_beside(name, &free_bytes);
	free(name);
	return error ? create_failure(&writer, error, why) : RESULT_OK;
}

static enum result create(struct writer *writer, struct failure *why)
{
	int error = replace_begin(&writer->file, writer->path);

	return error ? create_failure(writer, error, why) : RESULT_OK;
}

static enum result allocate(struct writer *writer, struct failure *why)
{
	writer->raw = malloc(SAVEFILE_FRAME_BYTES);
	writer->frame = malloc(SAVEFILE_FRAME_HEADER_BYTES + SAVEFILE_PACKED_MAX);
	if (!writer->raw || !writer->frame)
		return fail_memory(why, "compressing the metadata", SAVEFILE_FRAME_BYTES);
	return RESULT_OK;
}

static struct savefile_layout layout_of(const struct store *store)
{
	uint64_t head = min_u64(store->device->bytes, SAVEFILE_HEAD_BYTES_MAX);
	struct savefile_layout layout = {.device_bytes = store->device->bytes};

	if (store->header_fault == HEADER_GOOD) {
		layout.chunk_sectors = store->geometry.chunk_sectors;
		head = min_u64(head, store->geometry.chunk_bytes);
	}
	layout.head_bytes = (uint32_t)head;
	return layout;
}

static void clean_up(struct writer *writer)
{
	struct failure ignored; /* it was only held */

	device_close(&writer->replaced, &ignored);
	replace_end(&writer->file);
	free(writer->raw);
	free(writer->frame);
}

enum result savefile_write(const struct store *store, const char *path, bool replace,
			   const volatile sig_atomic_t *stop, struct failure *why)
{
	struct writer writer = {.store = store, .path = path, .stop = stop, .file.fd = -1};
	enum result result = check_path(&writer, replace, why);

	writer.layout = layout_of(store);
	if (result == RESULT_OK)
		result = allocate(&writer, why);
	if (result == RESULT_OK)
		result = create(&writer, why);
	if (result == RESULT_OK)
		result = write_content(&writer, why);
	if (result == RESULT_OK)
		result = check_stop(&writer, why);
	if (result == RESULT_OK)
		result = publish(&writer, replace, why);
	clean_up(&writer);
	return result;
}
