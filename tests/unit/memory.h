/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A store and its origin in memory, for the unit tests, with an engine that counts. A sector can be
 * made unreadable. */
#ifndef TESTS_UNIT_MEMORY_H
#define TESTS_UNIT_MEMORY_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/cow/store.h"

/* ---- the engine: a bad sector fails every read that touches it ---- */

struct disk {
	uint8_t *bytes;
	uint8_t *bad; /* an errno value for each sector */
};

static struct io_request *queue;
static unsigned int deepest, in_queue;
static uint64_t reads, largest_read;

static void memory_submit(struct io *io, struct io_request *request)
{
	(void)io;
	request->next = queue;
	queue = request;
	in_queue++;
	deepest = in_queue > deepest ? in_queue : deepest;
}

static ssize_t read_memory(const struct io_request *request)
{
	const struct disk *disk = request->place.file->engine;
	uint64_t end = request->place.offset + request->place.bytes;

	if (end > request->device->bytes)
		return -EINVAL;
	for (uint64_t sector = request->place.offset / 512; sector * 512 < end; sector++)
		if (disk->bad[sector])
			return -disk->bad[sector];
	memcpy(request->iov[0].iov_base, disk->bytes + request->place.offset, request->place.bytes);
	return (ssize_t)request->place.bytes;
}

/* The last request that came is done first. */
static void memory_reap(struct io *io)
{
	struct io_request *request = queue;

	queue = request->next;
	in_queue--;
	reads++;
	largest_read = max_u64(largest_read, request->place.bytes);
	io_complete(io, request, read_memory(request));
}

static void memory_close(struct io *io)
{
	(void)io;
}

static const struct io_engine memory_engine = {"memory", memory_submit, memory_reap, memory_close};

/* ---- a store and its origin ---- */

static struct disk disks[2];
static struct device store_device = {.name = (char[]){"store"}, .block_bytes = 512};
static struct device origin_device = {.name = (char[]){"origin"}, .block_bytes = 512};
static struct io io;
static struct store store;
static struct failure why;

static void make_disk(struct device *device, struct disk *disk, uint64_t bytes)
{
	free(disk->bytes);
	free(disk->bad);
	disk->bytes = calloc(bytes, 1);
	disk->bad = calloc(bytes / 512, 1);
	device->bytes = bytes;
	device->file.engine = disk;
}

static void put_exception(uint64_t index, uint64_t old_chunk, uint64_t new_chunk)
{
	struct exception exception = {old_chunk, new_chunk};
	struct geometry geometry = geometry_make(get_le32(disks[0].bytes + 12), store_device.bytes);
	uint64_t area = 0;

	geometry_area_chunk(&geometry, index / geometry.exceptions_per_area, &area);
	exception_encode(&exception,
			 disks[0].bytes + area * geometry.chunk_bytes +
				 index % geometry.exceptions_per_area * EXCEPTION_BYTES);
}

static void make_pair(uint32_t chunk_sectors, uint64_t store_chunks, uint64_t origin_bytes)
{
	struct header header = {HEADER_MAGIC, 1, HEADER_VERSION, chunk_sectors};

	make_disk(&store_device, &disks[0], store_chunks * chunk_sectors * 512);
	make_disk(&origin_device, &disks[1], origin_bytes);
	header_encode(&header, disks[0].bytes);
	io = (struct io){.engine = &memory_engine, .depth = 128};
	deepest = 0;
	reads = largest_read = 0;
}

__attribute__((unused)) static void spoil(int disk, uint64_t offset, uint64_t bytes)
{
	memset(disks[disk].bad + offset / 512, EIO, bytes / 512);
}

static void free_pair(void)
{
	for (int i = 0; i < 2; i++) {
		free(disks[i].bytes);
		free(disks[i].bad);
	}
}

#endif
