// SPDX-License-Identifier: GPL-2.0-or-later
/* store/device/map and store/io: devices that are extents on several files, against a list of
 * all their sectors. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/device/map.h"
#include "store/io/io_engine.h"

#define FILES 3
#define FILE_SECTORS 4096u
#define SEGMENTS_MAX 6
#define SECTORS_MAX (SEGMENTS_MAX * 3 * 64)
#define REQUESTS 200

static struct device_file files[FILES];
static uint8_t *wanted[FILES]; /* what each file must hold */
static struct map_area areas[SEGMENTS_MAX][FILES];
static struct map_segment segments[SEGMENTS_MAX];
static struct map map = {.files = files, .file_count = FILES, .segments = segments};
static struct device device = {.name = (char[]){"volume"},
			       .open = true,
			       .block_bytes = 512,
			       .writable = true,
			       .map = &map};
/* The sectors of the device one by one, made without any division. */
static struct {
	unsigned int file;
	uint64_t sector;
} model[SECTORS_MAX];
static uint64_t sectors;
static struct failure why;

static unsigned int below(unsigned int limit)
{
	return (unsigned int)rand() % limit;
}

/* Units go to the areas in turn. */
static void list_sectors(const struct map_segment *segment)
{
	uint64_t unit =
		segment->area_count > 1 ? segment->stripe_bytes / 512 : segment->bytes / 512;
	uint64_t end = sectors + segment->bytes / 512, row = 0;

	while (sectors < end) {
		for (unsigned int i = 0; i < segment->area_count; i++)
			for (uint64_t k = 0; k < unit; k++, sectors++) {
				model[sectors].file = segment->areas[i].file;
				model[sectors].sector = segment->areas[i].offset / 512 + row + k;
			}
		row += unit;
	}
}

/* Each area of a segment takes the next free sectors of a file of its own, with a gap before. */
static void make_map(void)
{
	uint64_t used[FILES] = {0}, start = 0;

	map.segment_count = 1 + below(SEGMENTS_MAX);
	sectors = 0;
	for (unsigned int s = 0; s < map.segment_count; s++) {
		unsigned int first = below(FILES), unit = 1 + below(16), rows = 1 + below(4);
		struct map_segment *segment = &segments[s];

		segment->area_count = 1 + below(FILES);
		segment->stripe_bytes = segment->area_count > 1 ? (uint64_t)unit * 512 : 0;
		segment->start = start;
		segment->bytes = (uint64_t)unit * rows * segment->area_count * 512;
		segment->areas = areas[s];
		for (unsigned int i = 0; i < segment->area_count; i++) {
			unsigned int file = (first + i) % FILES;

			used[file] += below(3);
			areas[s][i] = (struct map_area){.file = file, .offset = used[file] * 512};
			used[file] += (uint64_t)unit * rows;
		}
		start += segment->bytes;
		list_sectors(segment);
	}
	device.bytes = start;
}

static void every_sector_has_its_place(void)
{
	for (int round = 0; round < 200; round++) {
		make_map();
		CHECK(sectors * 512 == device.bytes);
		for (uint64_t i = 0; i < sectors; i++) {
			struct device_place place = device_place(&device, i * 512, device.bytes);

			CHECK(place.file == &files[model[i].file]);
			CHECK(place.offset == model[i].sector * 512);
			CHECK(place.bytes > 0 && place.bytes % 512 == 0);
			for (uint64_t k = 0; k < place.bytes / 512; k++)
				CHECK(model[i + k].file == model[i].file &&
				      model[i + k].sector == model[i].sector + k);
		}
		CHECK(device_place(&device, device.bytes, 512).bytes == 0);
	}
}

static void open_files(void)
{
	for (int i = 0; i < FILES; i++) {
		files[i].fd = memfd_create("file", MFD_CLOEXEC);
		wanted[i] = malloc(FILE_SECTORS * 512);
		for (unsigned int k = 0; k < FILE_SECTORS * 512; k++)
			wanted[i][k] = (uint8_t)rand();
		CHECK(pwrite(files[i].fd, wanted[i], FILE_SECTORS * 512, 0) == FILE_SECTORS * 512);
	}
}

static void close_files(void)
{
	for (int i = 0; i < FILES; i++) {
		close(files[i].fd);
		free(wanted[i]);
	}
}

static bool files_are_as_wanted(void)
{
	uint8_t *bytes = malloc(FILE_SECTORS * 512);
	bool same = true;

	for (int i = 0; i < FILES; i++)
		same &= pread(files[i].fd, bytes, FILE_SECTORS * 512, 0) == FILE_SECTORS * 512 &&
			memcmp(bytes, wanted[i], FILE_SECTORS * 512) == 0;
	free(bytes);
	return same;
}

struct transfer {
	struct io_request request;
	struct iovec iov[4];
	uint8_t *bytes;
	uint64_t first, count; /* sectors */
	bool finished;
};

static void set_finished(struct io_request *request)
{
	struct transfer *transfer = request->owner;

	CHECK(request->error == 0);
	transfer->finished = true;
}

/* A request of up to four buffers of any number of bytes, in all as many as the sectors are. */
static void start(struct io *io, struct transfer *transfer, enum io_operation operation)
{
	size_t left = transfer->count * 512;
	uint8_t *at = transfer->bytes;
	unsigned int count = 1 + below(4);

	for (unsigned int i = 0; i < count; i++) {
		size_t part =
			i + 1 < count ? 1 + below((unsigned int)left - (count - i) + 1) : left;

		transfer->iov[i] = (struct iovec){.iov_base = at, .iov_len = part};
		at += part;
		left -= part;
	}
	io_prepare_vector(&transfer->request, operation, &device, transfer->first * 512,
			  transfer->iov, count);
	transfer->request.done = set_finished;
	transfer->request.owner = transfer;
	io_submit(io, &transfer->request);
}

static void finish(struct io *io, struct transfer *transfer)
{
	while (!transfer->finished)
		io_wait(io);
	free(transfer->bytes);
}

static void cross_extents(struct io *io)
{
	for (int i = 0; i < REQUESTS; i++) {
		struct transfer write = {.first = below((unsigned int)sectors)}, read;

		write.count = 1 + below((unsigned int)(sectors - write.first));
		read = write;
		write.bytes = malloc(write.count * 512);
		read.bytes = calloc(write.count, 512);
		for (uint64_t k = 0; k < write.count * 512; k++)
			write.bytes[k] = (uint8_t)rand();
		for (uint64_t k = 0; k < write.count; k++)
			memcpy(wanted[model[write.first + k].file] +
				       model[write.first + k].sector * 512,
			       write.bytes + k * 512, 512);
		start(io, &write, IO_WRITE);
		while (!write.finished)
			io_wait(io);
		start(io, &read, IO_READ);
		while (!read.finished)
			io_wait(io);
		CHECK(memcmp(read.bytes, write.bytes, write.count * 512) == 0);
		memset(read.bytes, 0, write.count * 512);
		CHECK(device_read(&device, write.first * 512, read.bytes, write.count * 512) ==
		      (ssize_t)(write.count * 512));
		CHECK(memcmp(read.bytes, write.bytes, write.count * 512) == 0);
		finish(io, &write);
		finish(io, &read);
	}
	CHECK(files_are_as_wanted());
}

static void requests_are_split_where_extents_end(void)
{
	for (int choice = IO_ENGINE_AUTO; choice <= IO_ENGINE_SYNC; choice++) {
		struct io io;

		if (io_engine_open(&io, (enum io_engine_choice)choice, &why) != RESULT_OK)
			continue;
		for (int round = 0; round < 3; round++) {
			open_files();
			make_map();
			cross_extents(&io);
			close_files();
		}
		io_close(&io);
	}
}

/* ---- flushes ---- */

static unsigned int flushes[FILES];
static int failing = FILES; /* the file whose flush fails */

static void note_submit(struct io *io, struct io_request *request)
{
	io->state = request;
}

static void note_reap(struct io *io)
{
	struct io_request *request = io->state;
	long number = request->place.file - files;

	flushes[number]++;
	io_complete(io, request, number == failing ? -EIO : 0);
}

static void note_close(struct io *io)
{
	io->state = NULL;
}

static const struct io_engine note_engine = {"note", note_submit, note_reap, note_close};

static void a_flush_reaches_every_file(void)
{
	struct io io = {.engine = &note_engine, .depth = 1};

	CHECK(io_flush(&io, &device, &why) == RESULT_OK);
	CHECK(flushes[0] == 1 && flushes[1] == 1 && flushes[2] == 1 && io.flushes == 1);
	failing = 1;
	CHECK(io_flush(&io, &device, &why) == RESULT_IO);
	CHECK(flushes[0] == 2 && flushes[1] == 2);
	CHECK(strcmp(why.text, "volume: cannot flush: Input/output error") == 0);
}

/* ---- holes ---- */

static void data_is_found_through_the_map(void)
{
	uint64_t from, to;

	segments[0] = (struct map_segment){
		.bytes = 1 << 20, .areas = areas[0], .area_count = 1, .stripe_bytes = 0};
	segments[1] = (struct map_segment){
		.start = 1 << 20, .bytes = 1 << 20, .areas = areas[1], .area_count = 1};
	areas[0][0] = (struct map_area){.file = 0, .offset = 1 << 20};
	areas[1][0] = (struct map_area){.file = 1, .offset = 0};
	map.segment_count = 2;
	device.bytes = 2 << 20;
	for (int i = 0; i < 2; i++) {
		files[i].fd = memfd_create("holes", MFD_CLOEXEC);
		CHECK(ftruncate(files[i].fd, 4 << 20) == 0);
	}
	CHECK(pwrite(files[0].fd, "x", 1, 0) == 1); /* outside the extents */
	device_next_data(&device, 0, &from, &to);
	CHECK(from == 2 << 20 && to == 2 << 20);
	CHECK(pwrite(files[1].fd, "x", 1, 65536) == 1);
	device_next_data(&device, 4096, &from, &to);
	CHECK(from == (1 << 20) + 65536 && to == from + 4096);
	device_next_data(&device, to, &from, &to);
	CHECK(from == 2 << 20 && to == 2 << 20);
	files[0].is_block = true;
	device_next_data(&device, 8192, &from, &to);
	CHECK(from == 8192 && to == 1 << 20);
	CHECK(!device_is_block(&device));
	files[0].is_block = false;
	close(files[0].fd);
	close(files[1].fd);
}

int main(void)
{
	srand(1);
	unit_run("map: every sector has its place, and a run is neighbours",
		 every_sector_has_its_place);
	unit_run("io: a request is split where an extent ends; nothing outside is written",
		 requests_are_split_where_extents_end);
	unit_run("io: a flush reaches every file of the device, and one that fails is told",
		 a_flush_reaches_every_file);
	unit_run("device: data and holes are found through the map", data_is_found_through_the_map);
	return unit_end();
}
