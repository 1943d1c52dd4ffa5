// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuzz/disk.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/breaks.h"
#include "store/base/bytes.h"
#include "store/base/checksum.h"

#ifdef COWTOOL_BREAKS

enum broken_rule broken_rule;
unsigned int batch_width_most = UINT_MAX;

/* The one that FUZZ_BREAK names, which the target must find: see tests/fuzz/run. */
static void __attribute__((constructor)) choose_break(void)
{
#define BREAK_WORD(name, text) #name,
	static const char *const words[] = {"NONE", BREAK_LIST(BREAK_WORD)};
	const char *wanted = getenv("FUZZ_BREAK");

	for (int i = 0; wanted && i < BREAK_COUNT; i++)
		if (strcmp(wanted, words[i]) == 0)
			broken_rule = (enum broken_rule)i;
	FUZZ_CHECK(broken_rule != BREAK_NONE);
}

#endif

void fuzz_broken(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: broken: %s\n", file, line, condition);
	abort();
}

/* ---- the engine ---- */

static void queue_submit(struct io *io, struct io_request *request)
{
	struct fuzz_queue *queue = io->state;
	unsigned int place = 0;

	while (queue->taken[place])
		place++;
	queue->taken[place] = request;
}

static struct io_request *choose(struct fuzz_queue *queue)
{
	unsigned int place = queue->order % FUZZ_DEPTH;
	struct io_request *request;

	queue->order = queue->order * 1103515245u + 12345u;
	while (!queue->taken[place])
		place = (place + 1) % FUZZ_DEPTH;
	request = queue->taken[place];
	queue->taken[place] = NULL;
	return request;
}

/* As a device does it: what is after the end cannot be read, and must not be written. */
static ssize_t transfer(struct fuzz_disk *disk, const struct io_request *request)
{
	const struct device *device = &disk->device;
	uint64_t sector = request->place.offset / SECTOR_BYTES;
	fuzz_sector_function move = request->operation == IO_WRITE ? disk->write : disk->read;
	ssize_t moved = 0;

	FUZZ_CHECK(request->place.offset % SECTOR_BYTES == 0);
	for (unsigned int i = 0; i < request->iov_count; i++) {
		uint8_t *bytes = request->iov[i].iov_base;

		FUZZ_CHECK(request->iov[i].iov_len % SECTOR_BYTES == 0);
		for (size_t done = 0; done < request->iov[i].iov_len; done += SECTOR_BYTES) {
			bool inside = sector < device->bytes / SECTOR_BYTES;

			FUZZ_CHECK(inside || request->operation == IO_READ);
			if (!inside)
				return moved;
			move(disk, sector++, bytes + done);
			moved += SECTOR_BYTES;
		}
	}
	return moved;
}

static void check_blocks(const struct io_request *request)
{
	const struct device *device = request->device;

	if (!device->direct)
		return;
	FUZZ_CHECK(request->place.offset % device->block_bytes == 0);
	FUZZ_CHECK(request->place.bytes % device->block_bytes == 0);
	for (unsigned int i = 0; i < request->iov_count; i++)
		FUZZ_CHECK((uintptr_t)request->iov[i].iov_base % SECTOR_BYTES == 0);
}

static void queue_reap(struct io *io)
{
	struct fuzz_queue *queue = io->state;
	struct io_request *request = choose(queue);
	struct fuzz_disk *disk = request->place.file->engine;
	ssize_t result = 0;

	check_blocks(request);
	disk->writes += request->operation == IO_WRITE;
	if (queue->fail_at && --queue->fail_at == 0) {
		queue->failed = true;
		result = -EIO;
	} else if (request->operation != IO_FLUSH) {
		result = transfer(disk, request);
	}
	io_complete(io, request, result);
}

static void queue_close(struct io *io)
{
	io->state = NULL;
}

static const struct io_engine queue_engine = {
	.name = "fuzz", .submit = queue_submit, .reap = queue_reap, .close = queue_close};

void fuzz_queue_open(struct fuzz_queue *queue, uint32_t order, unsigned int fail_at)
{
	memset(queue, 0, sizeof(*queue));
	queue->io = (struct io){.engine = &queue_engine, .depth = FUZZ_DEPTH, .state = queue};
	queue->order = order;
	queue->fail_at = fail_at;
}

/* ---- disks ---- */

void fuzz_disk_init(struct fuzz_disk *disk, const char *name, uint64_t sectors)
{
	memset(disk, 0, sizeof(*disk));
	disk->device = (struct device){.name = strdup(name),
				       .bytes = sectors * SECTOR_BYTES,
				       .block_bytes = SECTOR_BYTES,
				       .writable = true,
				       .file.engine = disk};
}

void fuzz_disk_free(struct fuzz_disk *disk)
{
	free(disk->device.name);
	free(disk->content);
	memset(disk, 0, sizeof(*disk));
}

void fuzz_data_fill(uint64_t sector, uint8_t bytes[SECTOR_BYTES])
{
	for (uint32_t i = 0; i < SECTOR_BYTES; i += 8)
		put_le64(bytes + i, (sector << 8 | i / 8) * 0x9e3779b97f4a7c15u);
}

uint64_t fuzz_data_number(const uint8_t bytes[SECTOR_BYTES])
{
	/* The inverse of the factor above, modulo 2^64. */
	uint64_t sector = get_le64(bytes) * 0xf1de83e19937733du >> 8;
	uint8_t wanted[SECTOR_BYTES];

	fuzz_data_fill(sector, wanted);
	return memcmp(bytes, wanted, SECTOR_BYTES) == 0 ? sector : UINT64_MAX;
}

/* ---- a store ---- */

/* Where in the input the sector is; false: it is a data chunk. Written from the format's
 * description, not from store/format. */
static bool find(const struct fuzz_disk *disk, uint64_t sector, uint64_t *position)
{
	uint64_t chunk_sectors, chunk, stride;

	*position = sector * SECTOR_BYTES;
	if (!disk->has_geometry || sector == 0)
		return true;
	chunk_sectors = disk->geometry.chunk_sectors;
	chunk = sector / chunk_sectors;
	stride = chunk_sectors * 32 + 1;
	*position = UINT64_MAX; /* slack */
	if (chunk == 0)
		return true;
	if (chunk % stride != 1 % stride)
		return false;
	*position = SECTOR_BYTES +
		    (chunk / stride * chunk_sectors + sector % chunk_sectors) * SECTOR_BYTES;
	return true;
}

static bool is_in_input(const struct fuzz_disk *disk, uint64_t position)
{
	return position < disk->content_bytes;
}

static void store_read(struct fuzz_disk *disk, uint64_t sector, uint8_t bytes[SECTOR_BYTES])
{
	uint64_t position;

	if (!find(disk, sector, &position))
		fuzz_data_fill(sector, bytes);
	else if (is_in_input(disk, position))
		memcpy(bytes, disk->content + position, SECTOR_BYTES);
	else
		memset(bytes, position == UINT64_MAX && disk->has_slack ? 0x41 : 0, SECTOR_BYTES);
}

/* Before the record all stays, but for an imprint (cowtool(5)), which goes whole when its store
 * is merged. */
static bool keeps_header(const uint8_t *bytes, const uint8_t *before)
{
	bool imprint = memcmp(before + IMPRINT_OFFSET, "cowprint", 8) == 0;

	return memcmp(bytes, before, IMPRINT_OFFSET) == 0 &&
	       (memcmp(bytes + IMPRINT_OFFSET, before + IMPRINT_OFFSET, IMPRINT_BYTES) == 0 ||
		(imprint && bytes_are_zero(bytes + IMPRINT_OFFSET, IMPRINT_BYTES)));
}

static void store_write(struct fuzz_disk *disk, uint64_t sector, uint8_t bytes[SECTOR_BYTES])
{
	uint8_t before[SECTOR_BYTES];
	uint64_t position;

	FUZZ_CHECK(disk->has_geometry);
	FUZZ_CHECK(find(disk, sector, &position));
	store_read(disk, sector, before);
	if (sector == 0)
		FUZZ_CHECK(keeps_header(bytes, before));
	else if (position == UINT64_MAX)
		FUZZ_CHECK(memcmp(bytes, before, SECTOR_BYTES) == 0);
	else
		for (uint32_t i = 0; i < SECTOR_BYTES; i += EXCEPTION_BYTES)
			FUZZ_CHECK(bytes_are_zero(bytes + i, EXCEPTION_BYTES) ||
				   memcmp(bytes + i, before + i, EXCEPTION_BYTES) == 0);
	if (is_in_input(disk, position))
		memcpy(disk->content + position, bytes, SECTOR_BYTES);
}

/* The magic and the checksum are right, and the version is a small number. */
static void mend_record(uint8_t *sector)
{
	uint8_t *record = sector + RECORD_OFFSET;

	memcpy(record, "cowmerge", 8);
	put_le32(record + 8, record[8]);
	put_le32(record + 12, checksum_crc32(0, record + 16, RECORD_BYTES - 16));
}

void fuzz_store_init(struct fuzz_disk *disk, const uint8_t *input, size_t bytes)
{
	uint8_t flags = input[8];
	struct header header;

	fuzz_disk_init(disk, "store", get_le32(input));
	disk->read = store_read;
	disk->write = store_write;
	disk->content_bytes = round_up(bytes - FUZZ_PREFIX_BYTES, SECTOR_BYTES);
	disk->content = calloc(1, disk->content_bytes);
	memcpy(disk->content, input + FUZZ_PREFIX_BYTES, bytes - FUZZ_PREFIX_BYTES);
	if (flags & FUZZ_MEND_RECORD)
		mend_record(disk->content);
	header_decode(disk->content, &header);
	disk->has_slack = flags & FUZZ_SLACK;
	disk->has_geometry = header_check(&header) == HEADER_GOOD;
	if (disk->has_geometry)
		disk->geometry = geometry_make(header.chunk_sectors, disk->device.bytes);
	disk->device.direct = (flags & FUZZ_LARGE_BLOCKS) && disk->device.bytes % 4096 == 0 &&
			      (!disk->has_geometry || header.chunk_sectors >= 8);
	if (disk->device.direct)
		disk->device.block_bytes = 4096;
}

/* ---- a sparse disk ---- */

#define PAGES (FUZZ_SPARSE_BYTES / SECTOR_BYTES)

struct fuzz_pages {
	uint64_t number[PAGES]; /* sector + 1; 0: free */
	uint8_t bytes[PAGES][SECTOR_BYTES];
	unsigned int used;
};

/* One disk at a time: memory of this size is slow to get and to give back. */
static struct fuzz_pages pages;

static unsigned int find_page(uint64_t sector)
{
	unsigned int place = (unsigned int)(sector * 0x9e3779b97f4a7c15u >> 53);

	while (pages.number[place] && pages.number[place] != sector + 1)
		place = (place + 1) % PAGES;
	return place;
}

static void sparse_read(struct fuzz_disk *disk, uint64_t sector, uint8_t bytes[SECTOR_BYTES])
{
	unsigned int place = find_page(sector);

	(void)disk;
	if (pages.number[place])
		memcpy(bytes, pages.bytes[place], SECTOR_BYTES);
	else
		memset(bytes, 0, SECTOR_BYTES);
}

static void sparse_write(struct fuzz_disk *disk, uint64_t sector, uint8_t bytes[SECTOR_BYTES])
{
	unsigned int place = find_page(sector);

	(void)disk;
	FUZZ_CHECK(pages.used < PAGES - 1);
	pages.used += pages.number[place] == 0;
	pages.number[place] = sector + 1;
	memcpy(pages.bytes[place], bytes, SECTOR_BYTES);
}

void fuzz_sparse_init(struct fuzz_disk *disk, const char *name, uint64_t sectors)
{
	fuzz_disk_init(disk, name, sectors);
	disk->read = sparse_read;
	disk->write = sparse_write;
	memset(pages.number, 0, sizeof(pages.number));
	pages.used = 0;
}
