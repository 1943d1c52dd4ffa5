// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/export/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/io/io_engine.h"

/* Parts that are at least this long, and whole blocks, go past the page cache. */
#define DIRECT_BYTES (64u << 10)

/* This much of them at a time. */
#define DIRECT_MOST (1u << 20)

/* This many parts of what is read are looked up at once, and asked for before the first is read. */
#define PARTS 64u

static struct device *source_of(const struct serve *serve, const struct view_extent *extent)
{
	return extent->source == VIEW_ORIGIN ? serve->export->origin : serve->export->store->device;
}

/* Where that cannot be had, all of it goes through the page cache. */
static void open_direct(const struct device *device, struct serve_direct *direct)
{
	char name[40];

	direct->count = device->direct ? device_file_count(device) : 0;
	direct->fds = malloc((direct->count + 1) * sizeof(int));
	direct->count = direct->fds ? direct->count : 0;
	for (unsigned int i = 0; i < direct->count; i++) {
		int fd = device_file(device, i)->fd, flags = fcntl(fd, F_GETFL);

		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		direct->fds[i] = open(name, O_RDONLY | O_DIRECT | O_CLOEXEC | (flags & O_NOATIME));
	}
}

static void close_direct(struct serve_direct *direct)
{
	for (unsigned int i = 0; i < direct->count; i++)
		if (direct->fds[i] >= 0)
			close(direct->fds[i]);
	free(direct->fds);
	*direct = (struct serve_direct){0};
}

enum result serve_open(struct serve *serve, struct export *export, struct failure *why)
{
	int error = pthread_mutex_init(&serve->lock, NULL);

	if (error == 0 && (error = pthread_key_create(&serve->buffers, free)) != 0)
		pthread_mutex_destroy(&serve->lock);
	if (error != 0)
		return fail_errno(why, RESULT_NO_MEMORY, error, "cannot make a lock");
	serve->export = export;
	io_close(export->io);
	io_engine_open_sync(export->io);
	open_direct(export->origin, &serve->of_origin);
	open_direct(export->store->device, &serve->of_store);
	device_use_cache(export->origin);
	device_use_cache(export->store->device);
	return RESULT_OK;
}

void serve_close(struct serve *serve)
{
	if (!serve->export)
		return;
	close_direct(&serve->of_origin);
	close_direct(&serve->of_store);
	pthread_key_delete(serve->buffers);
	pthread_mutex_destroy(&serve->lock);
	serve->export = NULL;
}

/* The extents of up to `count` bytes, at least one, from `offset` on, up to PARTS of them. */
static enum result look_up(struct serve *serve, uint64_t offset, uint64_t count,
			   struct view_extent *parts, unsigned int *part_count, struct failure *why)
{
	enum result result;

	*part_count = 0;
	pthread_mutex_lock(&serve->lock);
	do {
		struct view_extent *part = &parts[*part_count];

		result = view_map_extent(&serve->export->map, offset, part, why);
		if (result != RESULT_OK)
			break;
		part->bytes = min_u64(part->bytes, count);
		offset += part->bytes;
		count -= part->bytes;
		++*part_count;
	} while (count > 0 && *part_count < PARTS);
	pthread_mutex_unlock(&serve->lock);
	return result;
}

/* The bytes from the first of the origin's parts to its last one, where there is more than one, and
 * at least half of the bytes are the origin's; else 0 of them. */
static struct view_extent origin_span(const struct view_extent *parts, unsigned int count)
{
	struct view_extent span = {.source = VIEW_ORIGIN};
	uint64_t bytes = 0, most = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (parts[i].source != VIEW_ORIGIN)
			continue;
		if (bytes == 0)
			span.offset = span.source_offset = parts[i].offset;
		bytes += parts[i].bytes;
		most = max_u64(most, parts[i].bytes);
		span.bytes = parts[i].offset + parts[i].bytes - span.offset;
	}
	if (bytes == most || bytes < span.bytes / 2)
		span.bytes = 0;
	return span;
}

static void ask_for(const struct serve *serve, const struct view_extent *parts, unsigned int count,
		    enum view_source from)
{
	for (unsigned int i = 0; count > 1 && i < count; i++)
		if (parts[i].source != VIEW_LOST && parts[i].source >= from &&
		    parts[i].bytes < DIRECT_BYTES)
			device_will_read(source_of(serve, &parts[i]), parts[i].source_offset,
					 parts[i].bytes);
}

/* This thread's own. NULL: no memory. */
static uint8_t *aligned_buffer(const struct serve *serve)
{
	uint8_t *buffer = pthread_getspecific(serve->buffers);

	if (buffer)
		return buffer;
	buffer = io_buffer(DIRECT_MOST);
	if (buffer && pthread_setspecific(serve->buffers, buffer) != 0) {
		free(buffer);
		buffer = NULL;
	}
	return buffer;
}

/* How many bytes from the beginning of a part were read past the page cache: all of it, or those
 * before the first that cannot be; the others are read through it. */
static size_t read_direct(const struct serve *serve, const struct view_extent *part,
			  uint8_t *buffer)
{
	const struct device *device = source_of(serve, part);
	const struct serve_direct *direct =
		part->source == VIEW_ORIGIN ? &serve->of_origin : &serve->of_store;
	uint8_t *aligned = direct->count > 0 ? aligned_buffer(serve) : NULL;
	size_t done = 0;

	while (aligned && part->bytes - done >= DIRECT_BYTES) {
		struct device_place place = device_place(device, part->source_offset + done,
							 min_u64(part->bytes - done, DIRECT_MOST));
		size_t bytes = round_down(place.bytes, BUFFER_ALIGNMENT);
		int fd = direct->fds[place.file - device_file(device, 0)];

		if (fd < 0 || bytes < DIRECT_BYTES || place.offset % BUFFER_ALIGNMENT != 0 ||
		    pread(fd, aligned, bytes, (off_t)place.offset) != (ssize_t)bytes)
			break;
		memcpy(buffer + done, aligned, bytes);
		done += bytes;
	}
	return done;
}

static enum result read_part(const struct serve *serve, const struct view_extent *part,
			     uint8_t *buffer, struct failure *why)
{
	const struct device *device = source_of(serve, part);
	size_t done;
	ssize_t count;

	if (part->source == VIEW_LOST) {
		memset(buffer, 0, part->bytes);
		if (serve->export->options->fill)
			return RESULT_OK;
		return fail(why, RESULT_DAMAGED, "%s: does not hold bytes %llu to %llu of the view",
			    device->name, (unsigned long long)part->offset,
			    (unsigned long long)(part->offset + part->bytes - 1));
	}
	done = read_direct(serve, part, buffer);
	count = device_read(device, part->source_offset + done, buffer + done, part->bytes - done);
	if (count == (ssize_t)(part->bytes - done))
		return RESULT_OK;
	return io_fail(IO_READ, device, part->source_offset + done, part->bytes - done,
		       count < 0 ? (int)-count : EIO, why);
}

/*
 * Parts of the origin are read together, across small ones of the store, which are read afterwards,
 * over them. What the view does not show need not be readable: then each is read by itself.
 */
static enum result read_parts(const struct serve *serve, const struct view_extent *parts,
			      unsigned int count, uint8_t *buffer, struct failure *why)
{
	const struct view_extent span = origin_span(parts, count);
	uint64_t offset = parts[0].offset;
	enum view_source from = VIEW_STORE;
	enum result result = RESULT_OK;

	ask_for(serve, parts, count, span.bytes > 0 ? VIEW_STORE : VIEW_ORIGIN);
	if (span.bytes == 0 ||
	    read_part(serve, &span, buffer + (span.offset - offset), why) != RESULT_OK)
		from = VIEW_ORIGIN;
	for (unsigned int i = 0; i < count && result == RESULT_OK; i++)
		if (parts[i].source >= from)
			result = read_part(serve, &parts[i], buffer + (parts[i].offset - offset),
					   why);
	return result;
}

enum result serve_read(struct serve *serve, uint64_t offset, void *buffer, size_t count,
		       struct failure *why)
{
	struct view_extent parts[PARTS];
	enum result result = RESULT_OK;
	uint64_t end = offset + count, at = offset;
	unsigned int part_count;

	while (at < end && result == RESULT_OK) {
		result = look_up(serve, at, end - at, parts, &part_count, why);
		if (result == RESULT_OK)
			result = read_parts(serve, parts, part_count,
					    (uint8_t *)buffer + (at - offset), why);
		if (result == RESULT_OK)
			at = parts[part_count - 1].offset + parts[part_count - 1].bytes;
	}
	return result;
}

enum result serve_extent(struct serve *serve, uint64_t offset, uint64_t *bytes, bool *is_hole,
			 struct failure *why)
{
	struct view_extent extent;
	uint64_t from, to;
	enum result result;

	pthread_mutex_lock(&serve->lock);
	result = view_map_extent(&serve->export->map, offset, &extent, why);
	pthread_mutex_unlock(&serve->lock);
	if (result != RESULT_OK)
		return result;
	*bytes = extent.bytes;
	*is_hole = extent.source == VIEW_LOST && serve->export->options->fill;
	if (extent.source != VIEW_ORIGIN)
		return RESULT_OK;
	device_next_data(serve->export->origin, offset, &from, &to);
	*is_hole = offset < from;
	*bytes = min_u64(extent.bytes, (*is_hole ? from : to) - offset);
	return RESULT_OK;
}
