// SPDX-License-Identifier: GPL-2.0-or-later
/* A saved file, checked, and read as if it were the store. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/device/foreign.h"
#include "store/device/probe.h"
#include "store/savefile/savefile.h"

#define NOT_LOADED UINT64_MAX
#define OFFSETS_AT_START 1024u

bool savefile_detect(const struct device *device)
{
	return !device_is_block(device) && probe_finds_saved_file(device);
}

static enum result damaged(const struct savefile *saved, const char *how, uint64_t offset,
			   struct failure *why)
{
	return fail(why, RESULT_DAMAGED, "%s: this saved file is damaged at byte %llu of %llu: %s",
		    saved->file.name, (unsigned long long)offset,
		    (unsigned long long)saved->file_bytes, how);
}

static enum result read_file(const struct savefile *saved, uint64_t offset, uint8_t *bytes,
			     size_t count, struct failure *why)
{
	ssize_t done = device_read(&saved->file, offset, bytes, count);

	if (done < 0)
		return io_fail(IO_READ, &saved->file, offset, count, (int)-done, why);
	return (size_t)done < count ? damaged(saved, "it is cut short", offset, why) : RESULT_OK;
}

/* Reads, checks and unpacks one frame; *frame is what it says of itself. */
static enum result load(struct savefile *saved, uint64_t number, uint64_t offset,
			struct savefile_frame *frame, struct failure *why)
{
	uint32_t bytes = savefile_frame_bytes(&saved->layout, number);
	uint8_t header[SAVEFILE_FRAME_HEADER_BYTES];
	enum result result;

	saved->loaded = NOT_LOADED;
	result = read_file(saved, offset, header, sizeof(header), why);
	if (result != RESULT_OK)
		return result;
	savefile_frame_decode(header, frame);
	if (frame->number != number || frame->bytes != bytes ||
	    frame->packed_bytes > SAVEFILE_PACKED_MAX)
		return damaged(saved, "no frame of the metadata begins there", offset, why);
	result = read_file(saved, offset + sizeof(header), saved->packed, frame->packed_bytes, why);
	if (result != RESULT_OK)
		return result;
	if (!savefile_frame_check(header, saved->packed))
		return damaged(saved, "the checksum of the frame there does not match", offset,
			       why);
	if (!savefile_unpack(saved->packed, frame->packed_bytes, saved->raw, bytes))
		return damaged(saved, "the frame there cannot be unpacked", offset, why);
	saved->loaded = number;
	return RESULT_OK;
}

/* The list of frames grows with what was checked: what the header promises may be no more than a
 * promise. */
static enum result note_offset(struct savefile *saved, uint64_t *room, uint64_t number,
			       uint64_t offset, struct failure *why)
{
	uint64_t *longer;

	if (number == *room) {
		*room = *room ? *room * 2 : OFFSETS_AT_START;
		longer = reallocarray(saved->frame_offsets, *room, sizeof(*longer));
		if (!longer)
			return fail_memory(why, "the frames of a saved file",
					   *room * sizeof(*longer));
		saved->frame_offsets = longer;
	}
	saved->frame_offsets[number] = offset;
	return RESULT_OK;
}

static enum result check_end(const struct savefile *saved, uint64_t offset, uint64_t frames,
			     uint32_t crc, struct failure *why)
{
	uint8_t end[SAVEFILE_END_BYTES], wanted[SAVEFILE_END_BYTES];
	enum result result = read_file(saved, offset, end, sizeof(end), why);

	if (result != RESULT_OK)
		return result;
	savefile_end_encode(frames, crc, wanted);
	if (memcmp(end, wanted, sizeof(end)) != 0)
		return damaged(saved, "its end is not what belongs to its frames", offset, why);
	offset += sizeof(end);
	if (offset != saved->file_bytes)
		return damaged(saved, "it should end there", offset, why);
	return RESULT_OK;
}

static enum result check_frames(struct savefile *saved, struct failure *why)
{
	uint64_t frames = savefile_frames(&saved->layout), offset = SAVEFILE_HEADER_BYTES, room = 0;
	struct savefile_frame frame;
	enum result result = RESULT_OK;
	uint32_t crc = 0;

	for (uint64_t number = 0; number < frames; number++) {
		result = load(saved, number, offset, &frame, why);
		if (result == RESULT_OK)
			result = note_offset(saved, &room, number, offset, why);
		if (result != RESULT_OK)
			return result;
		offset += SAVEFILE_FRAME_HEADER_BYTES + frame.packed_bytes;
		crc = savefile_end_crc(crc, frame.crc);
	}
	return check_end(saved, offset, frames, crc, why);
}

static enum result refuse_other(const struct savefile *saved, const uint8_t *bytes,
				struct failure *why)
{
	const char *name = saved->file.name;
	struct failure ignored; /* what it is instead is then not known */
	struct foreign foreign = {.text = ""};
	char help[FOREIGN_HELP_BYTES];
	struct header header;

	header_decode(bytes, &header);
	if (header.magic == HEADER_MAGIC)
		return fail(why, RESULT_NO_STORE,
			    "%s: is no saved file, but a COW store; the order is FILE, then STORE",
			    name);
	if (foreign_look(&saved->file, &foreign, &ignored) == RESULT_OK && foreign.text[0])
		return fail(why, RESULT_NO_STORE, "%s: is no saved file: it %s%s", name,
			    foreign.text, foreign_say(&foreign, name, help));
	return fail(why, RESULT_NO_STORE, "%s: is no saved file", name);
}

static enum result check_header(struct savefile *saved, struct failure *why)
{
	uint8_t bytes[SAVEFILE_HEADER_BYTES] = {0};
	size_t count = (size_t)min_u64(saved->file_bytes, sizeof(bytes));
	enum result result = RESULT_OK;

	result = read_file(saved, 0, bytes, count, why);
	if (result != RESULT_OK)
		return result;
	if (!probe_is_saved_file(bytes))
		return refuse_other(saved, bytes, why);
	if (count < sizeof(bytes))
		return damaged(saved, "it is cut short", count, why);
	switch (savefile_header_decode(bytes, &saved->layout)) {
	case SAVEFILE_GOOD:
		return RESULT_OK;
	case SAVEFILE_NO_MAGIC:
		return refuse_other(saved, bytes, why);
	case SAVEFILE_WRONG_CHECKSUM:
		return damaged(saved, "the checksum of its header does not match", 0, why);
	case SAVEFILE_IMPOSSIBLE:
		return damaged(saved, "its header says what no store can be", 0, why);
	case SAVEFILE_OTHER_VERSION:
		return fail(why, RESULT_REFUSED,
			    "%s: was saved by another version of cowtool; use that version",
			    saved->file.name);
	}
	return fail(why, RESULT_INTERNAL, "%s: unknown fault of a saved file", saved->file.name);
}

static enum result measure(struct savefile *saved, struct failure *why)
{
	if (device_is_block(&saved->file))
		return fail(why, RESULT_NO_STORE, "%s: is no saved file, but a block device",
			    saved->file.name);
	saved->file_bytes = saved->file.bytes + saved->file.rest_bytes;
	device_use_cache(&saved->file); /* frames begin anywhere */
	return RESULT_OK;
}

static enum result prepare(struct savefile *saved, struct failure *why)
{
	saved->raw = malloc(SAVEFILE_FRAME_BYTES);
	saved->packed = malloc(SAVEFILE_PACKED_MAX);
	saved->device = (struct device){.name = strdup(saved->file.name),
					.bytes = saved->layout.device_bytes,
					.block_bytes = SECTOR_BYTES,
					.file.engine = saved};
	if (!saved->raw || !saved->packed || !saved->device.name)
		return fail_memory(why, "reading a saved file", SAVEFILE_FRAME_BYTES);
	return RESULT_OK;
}

enum result savefile_open(struct savefile *saved, const char *name, struct failure *why)
{
	enum result result;

	memset(saved, 0, sizeof(*saved));
	saved->loaded = NOT_LOADED;
	result = device_open(&saved->file, name, DEVICE_LOOK, why);
	if (result == RESULT_OK)
		result = measure(saved, why);
	if (result == RESULT_OK)
		result = check_header(saved, why);
	if (result == RESULT_OK)
		result = prepare(saved, why);
	if (result == RESULT_OK)
		result = check_frames(saved, why);
	return result;
}

void savefile_close(struct savefile *saved)
{
	struct failure ignored; /* nothing was written */

	device_close(&saved->file, &ignored);
	device_close(&saved->device, &ignored);
	free(saved->frame_offsets);
	free(saved->raw);
	free(saved->packed);
	memset(saved, 0, sizeof(*saved));
}

static enum result need_frame(struct savefile *saved, uint64_t number, struct failure *why)
{
	struct savefile_frame frame;

	if (saved->loaded == number)
		return RESULT_OK;
	return load(saved, number, saved->frame_offsets[number], &frame, why);
}

enum result savefile_read(struct savefile *saved, uint64_t position, uint8_t *buffer,
			  uint64_t bytes, struct failure *why)
{
	while (bytes > 0) {
		uint64_t number = position / SAVEFILE_FRAME_BYTES;
		uint64_t within = position % SAVEFILE_FRAME_BYTES;
		uint64_t part = min_u64(bytes, SAVEFILE_FRAME_BYTES - within);
		enum result result = need_frame(saved, number, why);

		if (result != RESULT_OK)
			return result;
		memcpy(buffer, saved->raw + within, part);
		position += part;
		buffer += part;
		bytes -= part;
	}
	return RESULT_OK;
}

/* The front of the request's first buffer, as far as it is in one piece: store/io asks for the
 * rest. */
static ssize_t serve(struct savefile *saved, const struct io_request *request)
{
	const struct iovec *to = &request->iov[0];
	uint64_t position, count;
	struct failure ignored; /* a device has only error numbers to say */

	if (request->operation != IO_READ)
		return -EROFS;
	if (!savefile_position(&saved->layout, request->place.offset, &position, &count))
		return -ENODATA;
	count = min_u64(count, to->iov_len);
	if (savefile_read(saved, position, to->iov_base, count, &ignored) != RESULT_OK)
		return -EIO;
	return (ssize_t)count;
}

static void saved_submit(struct io *io, struct io_request *request)
{
	struct savefile *saved = io->state;

	saved->request = request;
}

static void saved_reap(struct io *io)
{
	struct savefile *saved = io->state;

	assert(saved->request->place.file == &saved->device.file);
	io_complete(io, saved->request, serve(saved, saved->request));
}

static void saved_close(struct io *io)
{
	io->state = NULL;
}

static const struct io_engine saved_engine = {
	.name = "saved file",
	.submit = saved_submit,
	.reap = saved_reap,
	.close = saved_close,
};

void savefile_io_open(struct io *io, struct savefile *saved)
{
	*io = (struct io){.engine = &saved_engine, .depth = 1, .state = saved};
}
