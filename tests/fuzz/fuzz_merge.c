// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Merging a store, planned and carried out, with --force or without, resumed or begun, stopped or
 * with a request that fails. Whatever is on the store:
 *   - what merge_prepare refuses is not written to;
 *   - nothing is written outside the origin, and nothing but the store's data goes into it;
 *   - nothing of the store is written but the merge record and areas, and there entries only become
 *     zero;
 *   - the snapshot's view is afterwards what it was before, however the merge ended;
 *   - a merge that was not disturbed leaves an empty store.
 * The guards are in disk.c and in origin_write.
 */
#include <stdlib.h>
#include <string.h>

#include "merge/merge.h"
#include "store/base/bytes.h"
#include "tests/fuzz/disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t bytes);

/* More would take long, and be no other than this. */
#define ORIGIN_SECTORS_MAX (1u << 16)
#define AREAS_BYTES_MAX (8u << 20)
#define DATA_BYTES_MAX (4u << 20)
#define CHUNK_BYTES_MAX (1u << 20)

/* For each sector of the origin: the store's sector that it came from, and 1 more; 0: never
 * written. */
static uint64_t origin_sources[ORIGIN_SECTORS_MAX];
static uint64_t view_before[ORIGIN_SECTORS_MAX], view_after[ORIGIN_SECTORS_MAX];

static volatile sig_atomic_t stop;
static unsigned int steps_left;

static void origin_read(struct fuzz_disk *disk, uint64_t sector, uint8_t bytes[SECTOR_BYTES])
{
	(void)disk;
	if (origin_sources[sector])
		fuzz_data_fill(origin_sources[sector] - 1, bytes);
	else
		memset(bytes, 0, SECTOR_BYTES);
}

/* The engine has seen to it that the sector is inside the origin. */
static void origin_write(struct fuzz_disk *disk, uint64_t sector, uint8_t bytes[SECTOR_BYTES])
{
	uint64_t source = fuzz_data_number(bytes);

	(void)disk;
	FUZZ_CHECK(source != UINT64_MAX);
	origin_sources[sector] = source + 1;
}

static void on_progress(void *context, const struct merge *merge)
{
	(void)context;
	(void)merge;
	if (steps_left > 0 && --steps_left == 0)
		stop = 1;
}

static void on_note(void *context, const char *text)
{
	(void)context;
	FUZZ_CHECK(text[0]);
}

/* The exception with that number, as it is in the input; after it is nothing but zeros. */
static void take_exception(const struct fuzz_disk *store, uint64_t index,
			   struct exception *exception)
{
	uint64_t position = SECTOR_BYTES + index * EXCEPTION_BYTES;

	*exception = (struct exception){0, 0};
	if (position + EXCEPTION_BYTES <= store->content_bytes)
		exception_decode(store->content + position, exception);
}

static uint64_t take_view(const struct fuzz_disk *store, uint64_t origin_sectors, uint64_t *view)
{
	uint64_t chunk_sectors = store->geometry.chunk_sectors, index;
	uint64_t end = geometry_areas(&store->geometry) * store->geometry.exceptions_per_area;
	struct exception exception;

	memset(view, 0, origin_sectors * sizeof(*view));
	for (index = 0; index < end; index++) {
		take_exception(store, index, &exception);
		if (exception.new_chunk == 0)
			break;
		for (uint64_t i = 0; i < chunk_sectors; i++) {
			uint64_t sector = exception.old_chunk * chunk_sectors + i;

			if (exception.old_chunk < origin_sectors && sector < origin_sectors &&
			    view[sector] == 0)
				view[sector] = exception.new_chunk * chunk_sectors + i + 1;
		}
	}
	for (uint64_t sector = 0; sector < origin_sectors; sector++)
		if (view[sector] == 0)
			view[sector] = origin_sources[sector];
	return index;
}

static enum result prepare_and_run(struct merge *merge, const struct fuzz_disk *store,
				   const struct fuzz_disk *origin)
{
	struct failure why = {.text = ""};
	struct merge_estimate estimate;
	enum result result = merge_prepare(merge, &why);

	FUZZ_CHECK(store->writes == 0 && origin->writes == 0);
	FUZZ_CHECK(result == RESULT_OK || why.text[0]);
	if (result != RESULT_OK)
		return result;
	result = merge_estimate(merge, &estimate, &why);
	FUZZ_CHECK(result == RESULT_OK || why.text[0]);
	if (result != RESULT_OK)
		return result;
	FUZZ_CHECK(estimate.bytes <= merge->bytes_total);
	if (merge->bytes_total > DATA_BYTES_MAX)
		return RESULT_REFUSED;
	result = merge_run(merge, &why);
	FUZZ_CHECK(result == RESULT_OK || why.text[0]);
	FUZZ_CHECK(result != RESULT_OK || estimate.bytes == merge->bytes_written);
	FUZZ_CHECK(result != RESULT_OK || estimate.windows >= merge->commits);
	return result;
}

static void check_outcome(const struct merge *merge, const struct fuzz_disk *store,
			  uint64_t origin_sectors, enum result result, bool failed)
{
	uint64_t left = take_view(store, origin_sectors, view_after);

	FUZZ_CHECK(memcmp(view_before, view_after, origin_sectors * sizeof(*view_after)) == 0);
	if (failed)
		return;
	FUZZ_CHECK(result != RESULT_IO && result != RESULT_INTERNAL);
	if (result == RESULT_STOPPED)
		FUZZ_CHECK(left > 0 && left == merge->exceptions_left);
	if (result == RESULT_OK)
		FUZZ_CHECK(left == 0);
	if (result == RESULT_OK && merge->exceptions_before > 0)
		FUZZ_CHECK(bytes_are_zero(store->content + RECORD_OFFSET, RECORD_BYTES));
}

static void merge_disks(const uint8_t *input, struct fuzz_disk *store_disk,
			struct fuzz_disk *origin, struct fuzz_queue *queue)
{
	uint64_t origin_sectors = origin->device.bytes / SECTOR_BYTES;
	struct failure why = {.text = ""};
	struct store store;
	const struct merge_options options = {
		.resume = input[8] & FUZZ_RESUME,
		.force = input[8] & FUZZ_FORCE,
		.skip_identity = !(input[8] & FUZZ_IDENTITY),
		.window_bytes = 512u << input[9] % 12,
		.stop = &stop,
		.progress = on_progress,
		.note = on_note,
	};
	struct merge merge = {
		.options = &options,
		.store = &store,
		.origin = &origin->device,
		.io = &queue->io,
	};
	enum result result;

	if (store_open(&store, &store_disk->device, &queue->io, &why) != RESULT_OK)
		return;
	memset(origin_sources, 0, origin_sectors * sizeof(*origin_sources));
	take_view(store_disk, origin_sectors, view_before);
	result = prepare_and_run(&merge, store_disk, origin);
	check_outcome(&merge, store_disk, origin_sectors, result, queue->failed);
}

static bool takes_long(const struct fuzz_disk *store)
{
	const struct geometry *geometry = &store->geometry;

	return !store->has_geometry || geometry->chunk_bytes > CHUNK_BYTES_MAX ||
	       geometry_areas(geometry) * geometry->chunk_bytes > AREAS_BYTES_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t bytes)
{
	struct fuzz_disk store, origin;
	struct fuzz_queue queue;

	if (bytes < FUZZ_PREFIX_BYTES + SECTOR_BYTES)
		return 0;
	fuzz_store_init(&store, input, bytes);
	fuzz_disk_init(&origin, "origin", get_le32(input + 4) % ORIGIN_SECTORS_MAX);
	origin.read = origin_read;
	origin.write = origin_write;
	stop = 0;
	steps_left = input[14];
	fuzz_queue_open(&queue, fuzz_u16(input + 10), fuzz_u16(input + 12));
	if (!takes_long(&store))
		merge_disks(input, &store, &origin, &queue);
	io_close(&queue.io);
	fuzz_disk_free(&store);
	fuzz_disk_free(&origin);
	return 0;
}
