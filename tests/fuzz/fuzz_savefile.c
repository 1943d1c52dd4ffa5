// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Saved files. The first byte of an input says what the rest is: 'r'  a saved file as it is 'c'  a
 *   saved file whose checksums, and whose frames' numbers, are made right first 's'  a store, as
 *   for the other targets (FUZZ_PREFIX_BYTES and more): it is saved, and the file must give back
 *   every byte What can be opened is verified in place of a store, and restored. Nothing is written
 *   outside the places that the file's layout names, and nothing to what is refused.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/base/checksum.h"
#include "store/savefile/savefile.h"
#include "tests/fuzz/disk.h"
#include "verify/check/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t bytes);

/* Two frames; more would take long, and be no other than this. */
#define STREAM_BYTES_MAX (384u << 10)

static char directory[4096], path[4112];

static void remove_directory(void)
{
	unlink(path);
	rmdir(directory);
}

static void make_directory(void)
{
	const char *base = getenv("TMPDIR");

	if (path[0])
		return;
	snprintf(directory, sizeof(directory), "%s/cowtool-fuzz-XXXXXX", base ? base : "/tmp");
	FUZZ_CHECK(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/file", directory);
	atexit(remove_directory);
}

/* ---- restoring ---- */

static bool in_layout(const struct savefile_layout *layout, uint64_t place)
{
	uint64_t chunk = place / SECTOR_BYTES, stride;

	if (place < layout->head_bytes)
		return true;
	if (layout->chunk_sectors == 0)
		return false;
	chunk /= layout->chunk_sectors;
	stride = layout->chunk_sectors * 32ull + 1;
	return chunk % stride == 1 && chunk / stride < layout->areas;
}

static fuzz_sector_function plain_write;

/* Marking the header invalid is allowed, too: that is in the first sector. */
static void guarded_write(struct fuzz_disk *disk, uint64_t sector, uint8_t bytes[SECTOR_BYTES])
{
	FUZZ_CHECK(in_layout(disk->owner, sector * SECTOR_BYTES));
	plain_write(disk, sector, bytes);
}

/* Is every saved sector of the store on the disk? */
static void compare(struct fuzz_disk *store, struct fuzz_disk *disk,
		    const struct savefile_layout *layout)
{
	uint8_t wanted[SECTOR_BYTES], found[SECTOR_BYTES];
	uint64_t count;

	for (uint64_t at = 0; at < savefile_stream_bytes(layout); at += SECTOR_BYTES) {
		uint64_t sector = savefile_place(layout, at, &count) / SECTOR_BYTES;

		store->read(store, sector, wanted);
		disk->read(disk, sector, found);
		FUZZ_CHECK(memcmp(wanted, found, SECTOR_BYTES) == 0);
	}
}

/* `store` may be NULL. */
static void restore(struct savefile *saved, struct fuzz_disk *store, uint8_t choice)
{
	struct failure why = {.text = ""};
	struct fuzz_queue queue;
	struct fuzz_disk disk;
	enum result result;

	fuzz_queue_open(&queue, choice * 77u, choice & 0x40 ? choice & 0x3f : 0);
	fuzz_sparse_init(&disk, "device", saved->layout.device_bytes / SECTOR_BYTES);
	plain_write = disk.write;
	disk.write = guarded_write;
	disk.owner = &saved->layout;
	result = savefile_check_target(saved, &disk.device, &queue.io, true, &why);
	FUZZ_CHECK(result == RESULT_OK || queue.failed);
	FUZZ_CHECK(disk.writes == 0);
	if (result == RESULT_OK)
		result = savefile_restore(saved, &disk.device, &queue.io, &why);
	FUZZ_CHECK(result == RESULT_OK || (queue.failed && why.text[0]));
	if (result == RESULT_OK && store)
		compare(store, &disk, &saved->layout);
	io_close(&queue.io);
	fuzz_disk_free(&disk);
}

/* ---- reading in place of a store ---- */

static enum result count_findings(struct device *device, struct io *io, struct check *check)
{
	struct failure why = {.text = ""};
	struct store store;
	enum result result = store_open(&store, device, io, &why);

	memset(check, 0, sizeof(*check));
	check->store = &store;
	if (result == RESULT_OK)
		result = check_run(check, &why);
	check->store = NULL;
	return result;
}

static void verify(struct savefile *saved, struct fuzz_disk *store)
{
	struct check of_file, of_store;
	struct fuzz_queue queue;
	struct io io;
	enum result result;

	savefile_io_open(&io, saved);
	result = count_findings(&saved->device, &io, &of_file);
	io_close(&io);
	if (!store)
		return;
	fuzz_queue_open(&queue, 1, 0);
	FUZZ_CHECK(result == RESULT_OK);
	FUZZ_CHECK(count_findings(&store->device, &queue.io, &of_store) == RESULT_OK);
	/* What is after the list's end is not saved, nor are the exceptions of Linux 2.4. */
	of_file.found[PROBLEM_STALE_EXCEPTIONS] = of_store.found[PROBLEM_STALE_EXCEPTIONS] = 0;
	if (of_store.found[PROBLEM_HEADER_VERSION])
		memcpy(of_file.found, of_store.found, sizeof(of_file.found));
	FUZZ_CHECK(memcmp(of_file.found, of_store.found, sizeof(of_file.found)) == 0);
	FUZZ_CHECK(of_file.summary.exceptions == of_store.summary.exceptions);
	io_close(&queue.io);
}

static void use(const char *name, struct fuzz_disk *store, uint8_t choice)
{
	struct failure why = {.text = ""};
	struct savefile saved;
	enum result result = savefile_open(&saved, name, &why);

	FUZZ_CHECK(result == RESULT_OK || (!store && why.text[0]));
	FUZZ_CHECK(result == RESULT_OK || result == RESULT_NO_STORE || result == RESULT_DAMAGED ||
		   result == RESULT_REFUSED);
	if (result == RESULT_OK && savefile_stream_bytes(&saved.layout) <= STREAM_BYTES_MAX) {
		verify(&saved, store);
		restore(&saved, store, choice);
	}
	savefile_close(&saved);
}

/* ---- inputs ---- */

static void mend_frames(uint8_t *file, size_t bytes, const struct savefile_layout *layout)
{
	uint64_t frames = savefile_frames(layout), number;
	size_t at = SAVEFILE_HEADER_BYTES;
	uint32_t end_crc = 0, crc;

	for (number = 0; number < frames && bytes - at >= SAVEFILE_FRAME_HEADER_BYTES; number++) {
		uint32_t packed = get_le32(file + at + 12);

		if (packed > bytes - at - SAVEFILE_FRAME_HEADER_BYTES)
			return;
		put_le64(file + at, number);
		put_le32(file + at + 8, savefile_frame_bytes(layout, number));
		crc = checksum_crc32(0, file + at, 16);
		crc = checksum_crc32(crc, file + at + SAVEFILE_FRAME_HEADER_BYTES, packed);
		put_le32(file + at + 16, crc);
		end_crc = savefile_end_crc(end_crc, crc);
		at += SAVEFILE_FRAME_HEADER_BYTES + packed;
	}
	if (number == frames && bytes - at >= SAVEFILE_END_BYTES)
		savefile_end_encode(frames, end_crc, file + at);
}

static void mend(uint8_t *file, size_t bytes)
{
	struct savefile_layout layout;

	if (bytes < SAVEFILE_HEADER_BYTES)
		return;
	put_le32(file + SAVEFILE_HEADER_BYTES - 4,
		 checksum_crc32(0, file, SAVEFILE_HEADER_BYTES - 4));
	if (savefile_header_decode(file, &layout) == SAVEFILE_GOOD)
		mend_frames(file, bytes, &layout);
}

static void try_file(const uint8_t *input, size_t bytes, bool mended)
{
	uint8_t *file = malloc(bytes + 1);
	int fd = memfd_create("cowtool-fuzz", MFD_CLOEXEC);
	char name[64];

	FUZZ_CHECK(file && fd >= 0);
	memcpy(file, input, bytes);
	if (mended)
		mend(file, bytes);
	FUZZ_CHECK(write(fd, file, bytes) == (ssize_t)bytes);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	use(name, NULL, bytes ? file[bytes - 1] : 0);
	close(fd);
	free(file);
}

/* Of a store without a header as much is saved as there is, up to a MiB. */
static bool takes_long(const struct fuzz_disk *disk)
{
	if (!disk->has_geometry)
		return disk->device.bytes > STREAM_BYTES_MAX;
	return disk->geometry.chunk_bytes > STREAM_BYTES_MAX / 4;
}

static void try_store(const uint8_t *input, size_t bytes)
{
	struct failure why = {.text = ""};
	struct fuzz_queue queue;
	struct fuzz_disk disk;
	struct store store;

	if (bytes < FUZZ_PREFIX_BYTES + SECTOR_BYTES)
		return;
	fuzz_store_init(&disk, input, bytes);
	disk.device.writable = false;
	fuzz_queue_open(&queue, fuzz_u16(input + 10), fuzz_u16(input + 12));
	if (!takes_long(&disk) && store_open(&store, &disk.device, &queue.io, &why) == RESULT_OK) {
		enum result result = savefile_write(&store, path, true, NULL, &why);

		FUZZ_CHECK(result == RESULT_OK || (result == RESULT_IO && queue.failed));
		if (result == RESULT_OK)
			use(path, &disk, input[15]);
	}
	io_close(&queue.io);
	fuzz_disk_free(&disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t bytes)
{
	make_directory();
	if (bytes > 0 && input[0] == 's')
		try_store(input + 1, bytes - 1);
	else if (bytes > 0 && (input[0] == 'r' || input[0] == 'c'))
		try_file(input + 1, bytes - 1, input[0] == 'c');
	return 0;
}
