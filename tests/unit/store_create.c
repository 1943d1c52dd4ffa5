// SPDX-License-Identifier: GPL-2.0-or-later
/* store_create on a disk with a volatile cache: what every power cut and every failure leaves. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/cow/store_create.h"

#define DISK_BYTES (5u << 20)
#define TEARS 6 /* ways in which the blocks that were not flushed are tried to be lost */

static uint8_t *before, *durable, *cached, *torn;
static struct device device = {
	.name = (char[]){"disk"}, .bytes = DISK_BYTES, .block_bytes = 512, .writable = true};
static unsigned int operations, stop_after, writes, flushes;
static struct failure why;

static ssize_t transfer(struct io_request *request)
{
	size_t bytes = request->iov[0].iov_len;

	if (request->operation == IO_READ) {
		memcpy(request->iov[0].iov_base, cached + request->place.offset, bytes);
		return (ssize_t)bytes;
	}
	if (operations++ >= stop_after)
		return -EIO;
	if (request->operation == IO_FLUSH) {
		flushes++;
		memcpy(durable, cached, DISK_BYTES);
		return 0;
	}
	writes++;
	memcpy(cached + request->place.offset, request->iov[0].iov_base, bytes);
	return (ssize_t)bytes;
}

static void disk_submit(struct io *io, struct io_request *request)
{
	io->state = request;
}

static void disk_reap(struct io *io)
{
	struct io_request *request = io->state;

	io_complete(io, request, transfer(request));
}

static void disk_close(struct io *io)
{
	io->state = NULL;
}

static const struct io_engine disk_engine = {"disk", disk_submit, disk_reap, disk_close};

/* Made once: nowhere a zero. */
static const uint8_t *junk(void)
{
	static uint8_t bytes[DISK_BYTES];

	for (size_t i = 0; i < DISK_BYTES && bytes[DISK_BYTES - 1] == 0; i++)
		bytes[i] = (uint8_t)(rand() % 255 + 1);
	return bytes;
}

/* A disk full of junk after a good header, or a blank one. */
static void reset_disk(bool blank)
{
	const struct header header = {HEADER_MAGIC, 1, HEADER_VERSION, 4};

	if (blank) {
		memset(before, 0, DISK_BYTES);
	} else {
		memcpy(before, junk(), DISK_BYTES);
		header_encode(&header, before);
	}
	memcpy(durable, before, DISK_BYTES);
	memcpy(cached, before, DISK_BYTES);
	operations = writes = flushes = 0;
}

/* Creates, with at most this many writes and flushes. */
static enum result create(uint32_t chunk_sectors, const struct record *record, unsigned int limit)
{
	struct io io = {.engine = &disk_engine, .depth = 1};
	enum result result;

	stop_after = limit;
	result = store_create(&device, &io, chunk_sectors, record, &why);
	io_close(&io);
	return result;
}

static void wanted_store(uint8_t *disk, uint32_t chunk_sectors, const struct record *record)
{
	const struct header header = {HEADER_MAGIC, 1, HEADER_VERSION, chunk_sectors};

	memcpy(disk, before, DISK_BYTES);
	memset(disk, 0, (size_t)2 * chunk_sectors * SECTOR_BYTES);
	header_encode(&header, disk);
	if (record)
		record_encode(record, disk + RECORD_OFFSET);
}

/* What was there, or no header, or the whole new store. */
static bool is_legal(const uint8_t *disk, uint32_t chunk_sectors, const struct record *record)
{
	static uint8_t wanted[DISK_BYTES];
	struct header header;

	if (memcmp(disk, before, DISK_BYTES) == 0)
		return true;
	header_decode(disk, &header);
	if (header_check(&header) == HEADER_BLANK)
		return bytes_are_zero(disk, SECTOR_BYTES);
	wanted_store(wanted, chunk_sectors, record);
	return memcmp(disk, wanted, DISK_BYTES) == 0;
}

/* Of what was not flushed, any block may be lost. */
static void check_tears(uint32_t chunk_sectors, const struct record *record)
{
	for (int tear = 0; tear < TEARS; tear++) {
		for (size_t at = 0; at < DISK_BYTES; at += device.block_bytes) {
			bool lost = tear == 0 || (tear > 1 && rand() % 2);

			memcpy(torn + at, (lost ? durable : cached) + at, device.block_bytes);
		}
		CHECK(is_legal(torn, chunk_sectors, record));
	}
}

static void check_every_cut(uint32_t chunk_sectors, const struct record *record, bool blank)
{
	static uint8_t wanted[DISK_BYTES];
	enum result result = RESULT_IO;

	for (unsigned int limit = 0; result != RESULT_OK && limit < 100; limit++) {
		reset_disk(blank);
		result = create(chunk_sectors, record, limit);
		CHECK(result == RESULT_OK || result == RESULT_IO);
		check_tears(chunk_sectors, record);
	}
	CHECK(result == RESULT_OK);
	wanted_store(wanted, chunk_sectors, record);
	CHECK(memcmp(durable, wanted, DISK_BYTES) == 0);
}

/* Killed: what was written and not flushed is what the next run reads, and may still be lost. */
static void check_every_cut_after_a_kill(uint32_t chunk_sectors)
{
	enum result killed = RESULT_IO, result;

	for (unsigned int first = 0; killed != RESULT_OK && first < 100; first++) {
		result = RESULT_IO;
		for (unsigned int limit = 0; result != RESULT_OK && limit < 100; limit++) {
			reset_disk(false);
			killed = create(chunk_sectors, NULL, first);
			operations = 0;
			result = create(chunk_sectors, NULL, limit);
			check_tears(chunk_sectors, NULL);
		}
		CHECK(result == RESULT_OK);
	}
}

static void a_kill_and_a_cut_are_safe(void)
{
	check_every_cut_after_a_kill(8);
	check_every_cut_after_a_kill(1024);
}

static const struct record sample_record = {
	.role = RECORD_UNDO, .id = {1, 2, 3}, .origin_bytes = 4096, .witness_chunk = 7};

static void every_cut_is_safe(void)
{
	static const uint32_t chunks[] = {1, 8, 1024, 4096};

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		check_every_cut(chunks[i], NULL, false);
		check_every_cut(chunks[i], &sample_record, false);
		check_every_cut(chunks[i], &sample_record, true);
	}
}

static void large_blocks_are_written_whole(void)
{
	device.block_bytes = 4096;
	device.direct = true;
	check_every_cut(8, &sample_record, false);
	check_every_cut(128, NULL, false);
	device.block_bytes = 512;
	device.direct = false;
}

static void a_blank_disk_takes_one_write(void)
{
	reset_disk(true);
	CHECK(create(8, NULL, 100) == RESULT_OK);
	CHECK(writes == 1 && flushes == 3);
}

static void what_does_not_fit_is_not_written(void)
{
	device.bytes = 2 * 4096 - 512;
	reset_disk(false);
	CHECK(create(8, NULL, 100) == RESULT_NO_SPACE);
	device.bytes = 2 * 4096;
	device.block_bytes = 4096;
	device.file.is_block = true;
	CHECK(create(4, NULL, 100) == RESULT_REFUSED);
	CHECK(writes == 0 && flushes == 0);
	CHECK(memcmp(cached, before, DISK_BYTES) == 0);
	CHECK(create(8, NULL, 100) == RESULT_OK);
	device.file.is_block = false;
	device.block_bytes = 512;
	device.bytes = DISK_BYTES;
}

int main(void)
{
	before = malloc(DISK_BYTES);
	durable = malloc(DISK_BYTES);
	cached = malloc(DISK_BYTES);
	torn = malloc(DISK_BYTES);
	unit_run("create: after every cut there is the old content, no header, or the new store",
		 every_cut_is_safe);
	unit_run("create: after a kill, a new start and a cut, too", a_kill_and_a_cut_are_safe);
	unit_run("create: a large logical block is written whole", large_blocks_are_written_whole);
	unit_run("create: a blank disk takes one write and three flushes",
		 a_blank_disk_takes_one_write);
	unit_run("create: where a store does not fit, nothing is written",
		 what_does_not_fit_is_not_written);
	free(before);
	free(durable);
	free(cached);
	free(torn);
	return unit_end();
}
