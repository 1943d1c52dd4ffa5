// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening and verifying a store: whatever is on it, every check can be carried out, finds the same
 * exceptions as a dump, and reads only.
 */
#include <stdlib.h>

#include "store/base/bytes.h"
#include "tests/fuzz/disk.h"
#include "verify/check/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t bytes);

/* Larger areas take long, and are no other than these. */
#define AREA_BYTES_MAX (1024u << 10)

static uint64_t reported, listed;

static void report(void *context, const struct finding *finding)
{
	(void)context;
	FUZZ_CHECK(problem_info(finding->problem)->code[0] && finding->message[0]);
	reported++;
}

static enum result list(void *context, uint64_t index, const uint8_t *entries, uint32_t count,
			struct failure *why)
{
	(void)context;
	(void)why;
	FUZZ_CHECK(index == listed);
	for (uint32_t i = 0; i < count; i++)
		FUZZ_CHECK(get_le64(entries + (size_t)i * EXCEPTION_BYTES + 8) != 0);
	listed += count;
	return RESULT_OK;
}

static void verify(const struct store *store, const uint8_t *input, const struct fuzz_queue *queue)
{
	struct check check = {
		.store = store,
		.options.origin_known = input[8] & FUZZ_ORIGIN_KNOWN,
		.options.origin_bytes = (uint64_t)get_le32(input + 4) * SECTOR_BYTES,
		.options.share_bytes = input[8] & FUZZ_LITTLE_MEMORY ? 4096 : 0,
		.options.report = report,
	};
	struct store_scan scan = {.live = list};
	struct failure why = {.text = ""};
	enum result result;
	uint64_t smallest;

	reported = listed = 0;
	result = check_run(&check, &why);
	FUZZ_CHECK(result == RESULT_OK || (result == RESULT_IO && queue->failed && why.text[0]));
	if (result != RESULT_OK)
		return;
	FUZZ_CHECK(reported == check_count(&check, SEVERITY_ERROR) +
				       check_count(&check, SEVERITY_WARNING) +
				       check_count(&check, SEVERITY_INFO));
	FUZZ_CHECK((check_verdict(&check) == VERDICT_DAMAGED) ==
		   (check.first_error.message[0] != 0));
	if (store->header_fault != HEADER_GOOD)
		return;
	summary_smallest_bytes(&check.summary, &smallest);
	if (store_scan(store, &scan, &why) == RESULT_OK)
		FUZZ_CHECK(listed == check.summary.exceptions && listed == scan.exceptions);
}

static bool takes_long(const struct fuzz_disk *disk)
{
	return disk->has_geometry && geometry_areas(&disk->geometry) > 0 &&
	       disk->geometry.chunk_bytes > AREA_BYTES_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t bytes)
{
	struct failure why = {.text = ""};
	struct fuzz_queue queue;
	struct fuzz_disk disk;
	struct store store;

	if (bytes < FUZZ_PREFIX_BYTES + SECTOR_BYTES)
		return 0;
	fuzz_store_init(&disk, input, bytes);
	fuzz_queue_open(&queue, fuzz_u16(input + 10), fuzz_u16(input + 12));
	disk.device.writable = false;
	if (!takes_long(&disk) && store_open(&store, &disk.device, &queue.io, &why) == RESULT_OK)
		verify(&store, input, &queue);
	io_close(&queue.io);
	fuzz_disk_free(&disk);
	return 0;
}
