// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Saved files: every truncation, every flipped bit, headers and frames that lie with the right
 * checksums, and every order of writes that a power cut may leave of a restore.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/base/checksum.h"
#include "store/savefile/savefile.h"

/* Chunks of one sector: header, area 0, 32 data chunks, area 1, ... */
#define CHUNK 512u
#define PER_AREA 32u
#define STRIDE ((PER_AREA + 1) * CHUNK)
#define EXCEPTIONS 70u /* in three areas */
#define AREAS 3u
#define DEVICE_BYTES (CHUNK + 4u * STRIDE)

static struct failure why;
static char path[] = "/tmp/cowtool-unit-XXXXXX";

/* ---- a disk in memory that remembers what was done to it ---- */

struct event {
	bool flush;
	uint64_t offset;
	uint32_t bytes;
	uint8_t *content;
};

#define EVENTS_MAX 256

struct disk {
	struct device device;
	struct io io;
	uint8_t *image;
	struct event events[EVENTS_MAX];
	unsigned int event_count;
	unsigned int fail_at; /* this event and all later ones are errors */
	struct io_request *request;
	unsigned int stop_at; /* with this event the user asks to stop */
	sig_atomic_t stop;
	bool lies;	     /* reads of area 0 do not return what was written */
	uint64_t unreadable; /* from here on */
};

static void disk_submit(struct io *io, struct io_request *request)
{
	((struct disk *)io->state)->request = request;
}

static ssize_t remember(struct disk *disk, bool flush, uint64_t offset, const void *content,
			uint32_t bytes)
{
	struct event *event = &disk->events[disk->event_count];

	if (disk->event_count >= disk->fail_at)
		return -EIO;
	CHECK(disk->event_count < EVENTS_MAX);
	*event = (struct event){.flush = flush, .offset = offset, .bytes = bytes};
	event->content = malloc(bytes + 1);
	if (bytes)
		memcpy(event->content, content, bytes);
	disk->event_count++;
	disk->stop = disk->stop || disk->event_count == disk->stop_at;
	return bytes;
}

static void disk_reap(struct io *io)
{
	struct disk *disk = io->state;
	struct io_request *request = disk->request;
	uint8_t *place = disk->image + request->offset;
	size_t bytes = request->iov ? request->iov->iov_len : 0;
	ssize_t result = (ssize_t)bytes;

	CHECK(request->offset + bytes <= DEVICE_BYTES);
	if (request->operation == IO_READ && request->offset + bytes > disk->unreadable)
		result = -EIO;
	else if (request->operation == IO_READ)
		memcpy(request->iov->iov_base, place, bytes);
	else
		result = remember(disk, request->operation == IO_FLUSH, request->offset,
				  bytes ? request->iov->iov_base : NULL, (uint32_t)bytes);
	if (request->operation == IO_READ && disk->lies && request->offset == CHUNK)
		((uint8_t *)request->iov->iov_base)[100] ^= 1;
	if (request->operation == IO_WRITE && result > 0)
		memcpy(place, request->iov->iov_base, bytes);
	io_complete(io, request, result);
}

static void disk_close(struct io *io)
{
	io->state = NULL;
}

static const struct io_engine disk_engine = {
	.name = "disk", .submit = disk_submit, .reap = disk_reap, .close = disk_close};

static void disk_init(struct disk *disk)
{
	memset(disk, 0, sizeof(*disk));
	disk->fail_at = EVENTS_MAX;
	disk->unreadable = UINT64_MAX;
	disk->image = calloc(1, DEVICE_BYTES);
	disk->device = (struct device){.name = strdup("disk"),
				       .bytes = DEVICE_BYTES,
				       .block_bytes = SECTOR_BYTES,
				       .writable = true};
	disk->io = (struct io){.engine = &disk_engine, .depth = 1, .state = disk};
}

static void disk_forget(struct disk *disk)
{
	while (disk->event_count > 0)
		free(disk->events[--disk->event_count].content);
}

static void disk_free(struct disk *disk)
{
	disk_forget(disk);
	free(disk->device.name);
	free(disk->image);
}

/* A store; the data chunks hold `fill`. */
static void make_store(uint8_t *image, uint64_t first_old, uint8_t fill)
{
	struct header header = {HEADER_MAGIC, 1, HEADER_VERSION, 1};

	memset(image, fill, DEVICE_BYTES);
	memset(image, 0, CHUNK);
	header_encode(&header, image);
	for (uint32_t area = 0; area < AREAS; area++)
		memset(image + CHUNK + area * STRIDE, 0, CHUNK);
	for (uint32_t i = 0; i < EXCEPTIONS; i++) {
		struct exception exception = {first_old + i * 3, 2 + i + i / PER_AREA};

		exception_encode(&exception, image + CHUNK + i / PER_AREA * STRIDE +
						     i % PER_AREA * EXCEPTION_BYTES);
	}
}

static bool is_metadata(uint64_t offset)
{
	return offset < CHUNK ||
	       ((offset - CHUNK) % STRIDE < CHUNK && offset < CHUNK + AREAS * STRIDE);
}

/* Has `image` the metadata of `metadata`, and else the bytes of `data`? */
static bool is_made_of(const uint8_t *image, const uint8_t *metadata, const uint8_t *data)
{
	for (uint64_t i = 0; i < DEVICE_BYTES; i += 16)
		if (memcmp(image + i, (is_metadata(i) ? metadata : data) + i, 16) != 0)
			return false;
	return true;
}

/* ---- files ---- */

static uint8_t *file_bytes;
static size_t file_count;

static void put_file(const uint8_t *bytes, size_t count)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	/* Emptied first, it would be flushed when it is closed. */
	CHECK(fd >= 0 && pwrite(fd, bytes, count, 0) == (ssize_t)count);
	CHECK(ftruncate(fd, (off_t)count) == 0);
	close(fd);
}

/* Saves the store on the disk, and takes what is in the file. */
static void save(struct disk *disk)
{
	struct store store;
	int fd;

	CHECK(store_open(&store, &disk->device, &disk->io, &why) == RESULT_OK);
	CHECK(savefile_write(&store, path, true, NULL, &why) == RESULT_OK);
	CHECK(disk->event_count == 0);
	fd = open(path, O_RDONLY);
	free(file_bytes);
	file_count = (size_t)lseek(fd, 0, SEEK_END);
	file_bytes = malloc(file_count);
	CHECK(pread(fd, file_bytes, file_count, 0) == (ssize_t)file_count);
	close(fd);
}

static enum result try_open(const uint8_t *bytes, size_t count)
{
	struct savefile saved;
	enum result result;

	put_file(bytes, count);
	result = savefile_open(&saved, path, &why);
	savefile_close(&saved);
	return result;
}

static void is_restored(void)
{
	uint8_t *data = malloc(DEVICE_BYTES);
	struct disk disk, other;
	struct savefile saved;

	disk_init(&disk);
	disk_init(&other);
	make_store(disk.image, 5, 0x11);
	disk.image[300] = 7;				/* slack of the header counts, too */
	disk.image[CHUNK + 2 * STRIDE + CHUNK - 1] = 9; /* and what is after the end of the list */
	memset(other.image, 0x22, DEVICE_BYTES);
	save(&disk);
	CHECK(savefile_open(&saved, path, &why) == RESULT_OK);
	CHECK(saved.layout.areas == AREAS && saved.layout.device_bytes == DEVICE_BYTES);
	CHECK(savefile_check_target(&saved, &other.device, &other.io, false, &why) == RESULT_OK);
	CHECK(other.event_count == 0);
	CHECK(savefile_restore(&saved, &other.device, &other.io, &why) == RESULT_OK);
	memset(data, 0x22, DEVICE_BYTES);
	CHECK(is_made_of(other.image, disk.image, data));
	free(data);
	savefile_close(&saved);
	disk_free(&disk);
	disk_free(&other);
}

static void truncations_are_found(void)
{
	struct disk disk;

	disk_init(&disk);
	make_store(disk.image, 5, 0x11);
	save(&disk);
	CHECK(try_open(file_bytes, file_count) == RESULT_OK);
	for (size_t count = 0; count < file_count; count++)
		CHECK(try_open(file_bytes, count) ==
		      (count < 8 ? RESULT_NO_STORE : RESULT_DAMAGED));
	disk_free(&disk);
}

static void flips_are_found(void)
{
	for (size_t bit = 0; bit < file_count * 8; bit++) {
		file_bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CHECK(try_open(file_bytes, file_count) ==
		      (bit < 64 ? RESULT_NO_STORE : RESULT_DAMAGED));
		file_bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	CHECK(try_open(file_bytes, file_count) == RESULT_OK);
}

static void bytes_after_the_end_are_found(void)
{
	uint8_t *longer = calloc(1, file_count + 1);

	memcpy(longer, file_bytes, file_count);
	CHECK(try_open(longer, file_count + 1) == RESULT_DAMAGED);
	free(longer);
}

/* With the right checksum of the header. */
static enum result try_header(uint32_t offset, uint64_t value, uint32_t bytes)
{
	uint8_t kept[SAVEFILE_HEADER_BYTES];
	enum result result;

	memcpy(kept, file_bytes, sizeof(kept));
	if (bytes == 8)
		put_le64(file_bytes + offset, value);
	else
		put_le32(file_bytes + offset, (uint32_t)value);
	put_le32(file_bytes + 508, checksum_crc32(0, file_bytes, 508));
	result = try_open(file_bytes, file_count);
	memcpy(file_bytes, kept, sizeof(kept));
	return result;
}

static void headers_that_lie_are_refused(void)
{
	static const uint64_t sizes[] = {0,
					 511,
					 512,
					 1024,
					 DEVICE_BYTES + 1,
					 1 + (1ull << 62),
					 INT64_MAX,
					 1ull << 63,
					 UINT64_MAX & ~511ull};
	static const uint64_t areas[] = {0, 1, 2, 4, 5, 1u << 20, 1ull << 54, UINT64_MAX};
	static const uint32_t chunks[] = {
		0, 2, 3, 8, CHUNK_SECTORS_MAX, CHUNK_SECTORS_MAX * 2, UINT32_MAX};
	static const uint32_t heads[] = {0, 1, 511, 1024, SAVEFILE_HEAD_BYTES_MAX * 2, UINT32_MAX};

	CHECK(try_header(8, 2, 4) == RESULT_REFUSED);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		CHECK(try_header(16, sizes[i], 8) == RESULT_DAMAGED);
	for (size_t i = 0; i < sizeof(areas) / sizeof(areas[0]); i++)
		CHECK(try_header(24, areas[i], 8) == RESULT_DAMAGED);
	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++)
		CHECK(try_header(12, chunks[i], 4) == RESULT_DAMAGED);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		CHECK(try_header(32, heads[i], 4) == RESULT_DAMAGED);
	CHECK(try_open(file_bytes, file_count) == RESULT_OK);
}

/* The same device, promised to be so large that its areas would fill the memory. */
static void promises_cost_nothing(void)
{
	struct savefile_layout layout = {.device_bytes = (uint64_t)INT64_MAX & ~511ull,
					 .chunk_sectors = 8,
					 .head_bytes = 4096,
					 .areas = 1ull << 42};
	uint8_t *bytes = calloc(1, file_count);

	memcpy(bytes, file_bytes, file_count);
	savefile_header_encode(&layout, bytes);
	CHECK(try_open(bytes, file_count) == RESULT_DAMAGED);
	free(bytes);
}

/* A file of one frame that says of itself what it wants, with the right checksums. */
static enum result try_frame(const struct savefile_frame *frame, const uint8_t *packed)
{
	struct savefile_layout layout = {.device_bytes = 512, .head_bytes = 512};
	uint8_t *bytes = calloc(1, 4096 + frame->packed_bytes), *header = bytes + 512;
	size_t end = 512 + SAVEFILE_FRAME_HEADER_BYTES + frame->packed_bytes;
	enum result result;
	uint32_t crc;

	savefile_header_encode(&layout, bytes);
	put_le64(header, frame->number);
	put_le32(header + 8, frame->bytes);
	put_le32(header + 12, frame->packed_bytes);
	memcpy(header + SAVEFILE_FRAME_HEADER_BYTES, packed, frame->packed_bytes);
	crc = checksum_crc32(checksum_crc32(0, header, 16), packed, frame->packed_bytes);
	put_le32(header + 16, crc);
	savefile_end_encode(1, savefile_end_crc(0, crc), bytes + end);
	result = try_open(bytes, end + SAVEFILE_END_BYTES);
	free(bytes);
	return result;
}

static void frames_that_lie_are_refused(void)
{
	uint8_t *raw = calloc(1, SAVEFILE_FRAME_BYTES);
	uint8_t *out = malloc(SAVEFILE_FRAME_HEADER_BYTES + SAVEFILE_PACKED_MAX);
	const uint8_t *packed = out + SAVEFILE_FRAME_HEADER_BYTES;
	struct savefile_frame good, frame;
	size_t bytes;

	savefile_pack(0, raw, 512, out, &bytes);
	savefile_frame_decode(out, &good);
	CHECK(try_frame(&good, packed) == RESULT_OK);
	frame = good;
	frame.number = 1;
	CHECK(try_frame(&frame, packed) == RESULT_DAMAGED);
	frame = good;
	frame.bytes = 1024;
	CHECK(try_frame(&frame, packed) == RESULT_DAMAGED);
	frame = good;
	frame.packed_bytes--;
	CHECK(try_frame(&frame, packed) == RESULT_DAMAGED);
	frame.packed_bytes = good.packed_bytes + 1; /* bytes after what zlib needs */
	CHECK(try_frame(&frame, packed) == RESULT_DAMAGED);
	/* More comes out than belongs there, and less. */
	savefile_pack(0, raw, SAVEFILE_FRAME_BYTES, out, &bytes);
	savefile_frame_decode(out, &frame);
	frame.bytes = 512;
	CHECK(try_frame(&frame, packed) == RESULT_DAMAGED);
	savefile_pack(0, raw, 496, out, &bytes);
	savefile_frame_decode(out, &frame);
	frame.bytes = 512;
	CHECK(try_frame(&frame, packed) == RESULT_DAMAGED);
	free(raw);
	free(out);
}

static void what_does_not_compress_fits(void)
{
	uint8_t *raw = malloc(SAVEFILE_FRAME_BYTES), *copy = malloc(SAVEFILE_FRAME_BYTES);
	uint8_t *out = malloc(SAVEFILE_FRAME_HEADER_BYTES + SAVEFILE_PACKED_MAX);
	struct savefile_frame frame;
	size_t bytes;

	srand(1);
	for (uint32_t i = 0; i < SAVEFILE_FRAME_BYTES; i++)
		raw[i] = copy[i] = (uint8_t)(rand() >> 7);
	savefile_pack(7, raw, SAVEFILE_FRAME_BYTES, out, &bytes);
	CHECK(bytes > SAVEFILE_FRAME_BYTES);
	savefile_frame_decode(out, &frame);
	CHECK(frame.number == 7 && frame.bytes == SAVEFILE_FRAME_BYTES);
	CHECK(savefile_frame_check(out, out + SAVEFILE_FRAME_HEADER_BYTES));
	CHECK(savefile_unpack(out + SAVEFILE_FRAME_HEADER_BYTES, frame.packed_bytes, raw,
			      SAVEFILE_FRAME_BYTES));
	CHECK(memcmp(raw, copy, SAVEFILE_FRAME_BYTES) == 0);
	free(raw);
	free(copy);
	free(out);
}

static void places_and_positions_are_inverse(void)
{
	static const struct savefile_layout layouts[] = {
		{DEVICE_BYTES, 1, 512, 4},
		{1ull << 40, 8, 4096, 1000},
		{1ull << 44, CHUNK_SECTORS_MAX, SAVEFILE_HEAD_BYTES_MAX, 1},
		{1ull << 20, 0, 1u << 20, 0},
	};

	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		const struct savefile_layout *layout = &layouts[i];
		uint64_t position = 0, count, back, back_count;

		for (int pieces = 0; pieces < 1001 && position < savefile_stream_bytes(layout);
		     pieces++) {
			uint64_t place = savefile_place(layout, position, &count);

			CHECK(savefile_position(layout, place, &back, &back_count));
			CHECK(back == position && back_count == count);
			CHECK(savefile_position(layout, place + count - 1, &back, &back_count));
			CHECK(back == position + count - 1 && back_count == 1);
			/* Two chunks that are saved are neighbours only at the beginning. */
			if (place > 0 && layout->chunk_sectors)
				CHECK(!savefile_position(layout, place + count, &back,
							 &back_count));
			position += count;
		}
		CHECK(position == savefile_stream_bytes(layout));
		CHECK(!savefile_position(layout, layout->device_bytes, &back, &back_count));
	}
}

static void data_cannot_be_read_from_a_saved_file(void)
{
	struct savefile saved;
	struct disk disk;
	uint8_t sector[512];
	struct io io;

	disk_init(&disk);
	make_store(disk.image, 5, 0x11);
	save(&disk);
	CHECK(savefile_open(&saved, path, &why) == RESULT_OK);
	savefile_io_open(&io, &saved);
	CHECK(io_read(&io, &saved.device, CHUNK + STRIDE, sector, 512, &why) == RESULT_OK);
	CHECK(memcmp(sector, disk.image + CHUNK + STRIDE, 512) == 0);
	CHECK(io_read(&io, &saved.device, 2 * CHUNK, sector, 512, &why) == RESULT_IO);
	CHECK(strstr(why.text, strerror(ENODATA)) != NULL);
	CHECK(io_read(&io, &saved.device, CHUNK + 3 * STRIDE, sector, 512, &why) == RESULT_IO);
	io_close(&io);
	savefile_close(&saved);
	disk_free(&disk);
}

/* A store, and a file of another content where it is to be saved. */
static void open_over_old(struct disk *disk, struct store *store)
{
	disk_init(disk);
	make_store(disk->image, 5, 0x11);
	CHECK(store_open(store, &disk->device, &disk->io, &why) == RESULT_OK);
	put_file((const uint8_t *)"old", 3);
}

static void check_no_temporary(void)
{
	char pattern[sizeof(path) + 2];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s.*", path);
	CHECK(glob(pattern, 0, NULL, &found) == GLOB_NOMATCH);
	globfree(&found);
}

static void what_cannot_be_read_leaves_nothing(void)
{
	static const uint64_t places[] = {CHUNK + 2 * STRIDE, CHUNK + STRIDE, CHUNK, 0};
	struct store store;
	struct disk disk;

	open_over_old(&disk, &store);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		disk.unreadable = places[i];
		CHECK(savefile_write(&store, path, true, NULL, &why) == RESULT_IO);
		CHECK(strncmp(why.text, "disk: cannot read", 17) == 0);
		check_no_temporary();
	}
	/* After the end of the list nothing is read that counts. */
	disk.unreadable = CHUNK + 3 * STRIDE;
	CHECK(savefile_write(&store, path, true, NULL, &why) == RESULT_OK);
	disk_free(&disk);
}

static void a_save_that_is_stopped_leaves_nothing(void)
{
	const volatile sig_atomic_t stop = 1;
	char old[4] = "";
	struct store store;
	struct disk disk;
	int fd;

	open_over_old(&disk, &store);
	CHECK(savefile_write(&store, path, true, &stop, &why) == RESULT_STOPPED);
	CHECK(strstr(why.text, ": stopped on request; nothing was written") != NULL);
	check_no_temporary();
	fd = open(path, O_RDONLY);
	CHECK(read(fd, old, 4) == 3 && strcmp(old, "old") == 0);
	close(fd);
	disk_free(&disk);
}

/* ---- restores that are cut off ---- */

static uint8_t *state;

/* What a power cut leaves after `count` events: all up to the last flush, and of what came since
 * any sectors. */
static void cut(const struct disk *disk, const uint8_t *before, unsigned int count)
{
	unsigned int flushed = 0;

	for (unsigned int i = 0; i < count; i++)
		if (disk->events[i].flush)
			flushed = i;
	memcpy(state, before, DEVICE_BYTES);
	for (unsigned int i = 0; i < count; i++)
		for (uint32_t part = 0; part < disk->events[i].bytes; part += SECTOR_BYTES)
			if (i < flushed || rand() % 2)
				memcpy(state + disk->events[i].offset + part,
				       disk->events[i].content + part, SECTOR_BYTES);
}

static bool looks_sound(const uint8_t *image)
{
	struct header header;

	header_decode(image, &header);
	return header_check(&header) == HEADER_GOOD && header.valid != 0;
}

/* The old metadata, the new, or a mark that says that it is neither. */
static bool is_told_apart(const uint8_t *image, const uint8_t *before, const uint8_t *wanted)
{
	struct record record;

	if (memcmp(image, before, DEVICE_BYTES) == 0 || is_made_of(image, wanted, before))
		return true;
	return !looks_sound(image) &&
	       record_decode(image + RECORD_OFFSET, &record) == RECORD_PRESENT &&
	       record.role == RECORD_RESTORING;
}

/* Killed after this many events: what it had written and not flushed is what the next run reads,
 * and may still be lost when that is cut off. */
static void kill_restore_and_cut(struct disk *target, struct savefile *saved, const uint8_t *before,
				 const uint8_t *wanted, unsigned int killed_at)
{
	disk_forget(target);
	memcpy(target->image, before, DEVICE_BYTES);
	target->fail_at = killed_at;
	savefile_restore(saved, &target->device, &target->io, &why);
	target->fail_at = EVENTS_MAX;
	CHECK(savefile_restore(saved, &target->device, &target->io, &why) == RESULT_OK);
	for (unsigned int count = killed_at; count <= target->event_count; count++)
		for (int try = 0; try < 20; try++) {
			cut(target, before, count);
			CHECK(is_told_apart(state, before, wanted));
		}
}

static void restore_and_cut(struct disk *target, struct savefile *saved, const uint8_t *wanted)
{
	uint8_t *before = malloc(DEVICE_BYTES);
	unsigned int mixed = 0;

	memcpy(before, target->image, DEVICE_BYTES);
	CHECK(savefile_restore(saved, &target->device, &target->io, &why) == RESULT_OK);
	CHECK(is_made_of(target->image, wanted, before));
	CHECK(target->event_count > AREAS + 2);
	CHECK(target->events[target->event_count - 1].flush);
	for (unsigned int count = 0; count <= target->event_count; count++)
		for (int try = 0; try < 50; try++) {
			cut(target, before, count);
			CHECK(is_told_apart(state, before, wanted));
			mixed += !looks_sound(state);
		}
	CHECK(mixed > 0);
	for (unsigned int killed_at = 0, all = target->event_count; killed_at < all; killed_at++)
		kill_restore_and_cut(target, saved, before, wanted, killed_at);
	free(before);
}

static void a_restore_can_be_cut_off(void)
{
	struct disk disk, target;
	struct savefile saved;

	disk_init(&disk);
	disk_init(&target);
	state = malloc(DEVICE_BYTES);
	make_store(disk.image, 5, 0x11);
	save(&disk);
	CHECK(savefile_open(&saved, path, &why) == RESULT_OK);
	/* Over another store, and where none was. */
	make_store(target.image, 1000, 0x22);
	restore_and_cut(&target, &saved, disk.image);
	disk_forget(&target);
	memset(target.image, 0, DEVICE_BYTES);
	restore_and_cut(&target, &saved, disk.image);
	free(state);
	savefile_close(&saved);
	disk_free(&disk);
	disk_free(&target);
}

static void a_failed_restore_is_finished_by_the_next(void)
{
	struct disk disk, target;
	struct savefile saved;
	uint8_t *before = malloc(DEVICE_BYTES);
	enum result result = RESULT_IO;
	unsigned int failures = 0;

	disk_init(&disk);
	disk_init(&target);
	make_store(disk.image, 5, 0x11);
	save(&disk);
	CHECK(savefile_open(&saved, path, &why) == RESULT_OK);
	make_store(target.image, 1000, 0x22);
	memcpy(before, target.image, DEVICE_BYTES);
	for (unsigned int at = 0; result == RESULT_IO; at++) {
		disk_forget(&target);
		target.fail_at = at;
		result = savefile_restore(&saved, &target.device, &target.io, &why);
		failures += result == RESULT_IO;
		if (result == RESULT_IO)
			CHECK(is_told_apart(target.image, before, disk.image));
	}
	CHECK(result == RESULT_OK && failures > AREAS + 2);
	CHECK(is_made_of(target.image, disk.image, before));
	savefile_close(&saved);
	disk_free(&disk);
	disk_free(&target);
	free(before);
}

static void a_restore_stops_when_asked_to(void)
{
	struct disk disk, target;
	struct savefile saved;
	uint8_t *before = malloc(DEVICE_BYTES);
	unsigned int all;

	disk_init(&disk);
	disk_init(&target);
	make_store(disk.image, 5, 0x11);
	save(&disk);
	CHECK(savefile_open(&saved, path, &why) == RESULT_OK);
	make_store(target.image, 1000, 0x22);
	memcpy(before, target.image, DEVICE_BYTES);
	saved.stop = &target.stop;
	target.stop = 1;
	CHECK(savefile_restore(&saved, &target.device, &target.io, &why) == RESULT_STOPPED);
	CHECK(target.event_count == 0 && !saved.half_written);
	CHECK(strcmp(why.text, "disk: stopped on request; nothing was written") == 0);
	/* The header's block cannot be read: no mark is written either. */
	target.stop = 0;
	target.unreadable = 0;
	CHECK(savefile_restore(&saved, &target.device, &target.io, &why) == RESULT_IO);
	CHECK(target.event_count == 0 && !saved.half_written);
	target.unreadable = UINT64_MAX;
	/* After the mark. */
	target.stop_at = 1;
	CHECK(savefile_restore(&saved, &target.device, &target.io, &why) == RESULT_STOPPED);
	CHECK(target.event_count == 2 && saved.half_written);
	CHECK(is_told_apart(target.image, before, disk.image) && !looks_sound(target.image));
	/* When all is written. */
	target.stop_at = target.stop = 0;
	CHECK(savefile_restore(&saved, &target.device, &target.io, &why) == RESULT_OK);
	CHECK(!saved.half_written && is_made_of(target.image, disk.image, before));
	all = target.event_count - 2;
	disk_forget(&target);
	target.stop_at = all;
	CHECK(savefile_restore(&saved, &target.device, &target.io, &why) == RESULT_STOPPED);
	CHECK(target.event_count == all && !saved.half_written);
	CHECK(is_made_of(target.image, disk.image, before));
	savefile_close(&saved);
	disk_free(&disk);
	disk_free(&target);
	free(before);
}

static void what_reads_back_otherwise_is_an_error(void)
{
	struct disk disk;
	struct savefile saved;

	disk_init(&disk);
	make_store(disk.image, 5, 0x11);
	save(&disk);
	CHECK(savefile_open(&saved, path, &why) == RESULT_OK);
	disk.lies = true;
	CHECK(savefile_restore(&saved, &disk.device, &disk.io, &why) == RESULT_IO);
	CHECK(strstr(why.text, "byte 612 ") != NULL);
	savefile_close(&saved);
	disk_free(&disk);
}

int main(void)
{
	int fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	unit_run("what is saved is restored, and no data chunk is written", is_restored);
	unit_run("every truncation is found", truncations_are_found);
	unit_run("every flipped bit is found", flips_are_found);
	unit_run("bytes after the end are found", bytes_after_the_end_are_found);
	unit_run("headers that lie are refused", headers_that_lie_are_refused);
	unit_run("what a header promises costs no memory", promises_cost_nothing);
	unit_run("frames that lie are refused", frames_that_lie_are_refused);
	unit_run("what does not compress fits its frame", what_does_not_compress_fits);
	unit_run("places and positions are inverse", places_and_positions_are_inverse);
	unit_run("data cannot be read from a saved file", data_cannot_be_read_from_a_saved_file);
	unit_run("what cannot be read leaves no file behind", what_cannot_be_read_leaves_nothing);
	unit_run("a save that is stopped leaves what was there",
		 a_save_that_is_stopped_leaves_nothing);
	unit_run("a restore that is cut off leaves the old store, none, or the new one",
		 a_restore_can_be_cut_off);
	unit_run("a restore that failed is finished by the next one",
		 a_failed_restore_is_finished_by_the_next);
	unit_run("a restore stops when it is asked to, and says how far it is",
		 a_restore_stops_when_asked_to);
	unit_run("what reads back otherwise is an error", what_reads_back_otherwise_is_an_error);
	unlink(path);
	free(file_bytes);
	return unit_end();
}
