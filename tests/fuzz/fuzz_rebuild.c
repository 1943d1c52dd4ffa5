// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A lost header. An input: 4 bytes, how many sectors the device has beyond what follows; 1 byte,
 * the logical block; 1 byte, the chunk size that is asked for; then the device from its first byte
 * on, zeros after it. Every read must lie inside the device, and what is inferred must be a header
 * that can be used, with numbers that agree with one another.
 */
#include <string.h>

#include "store/base/bytes.h"
#include "tests/fuzz/disk.h"
#include "verify/repair/rebuild.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t bytes);

#define PREFIX_BYTES 6u

struct lost {
	const uint8_t *content;
	uint64_t content_bytes, bytes;
};

static enum result read_lost(void *context, uint64_t offset, uint8_t *buffer, size_t bytes,
			     struct failure *why)
{
	const struct lost *lost = context;
	uint64_t there = offset < lost->content_bytes ? lost->content_bytes - offset : 0;

	(void)why;
	FUZZ_CHECK(offset % SECTOR_BYTES == 0 && bytes % SECTOR_BYTES == 0);
	FUZZ_CHECK(offset <= lost->bytes && bytes <= lost->bytes - offset);
	there = min_u64(there, bytes);
	if (there > 0)
		memcpy(buffer, lost->content + offset, there);
	memset(buffer + there, 0, bytes - there);
	return RESULT_OK;
}

static void check_candidate(const struct rebuild *rebuild, size_t i, uint32_t named)
{
	const struct rebuild_candidate *candidate = &rebuild->candidates[i];
	struct header header = rebuild_header(rebuild, candidate->chunk_sectors, false);

	FUZZ_CHECK(header_check(&header) == HEADER_GOOD);
	FUZZ_CHECK(header.chunk_sectors == candidate->chunk_sectors);
	FUZZ_CHECK(candidate->exceptions > 0 || candidate->in_header ||
		   candidate->chunk_sectors == named);
	FUZZ_CHECK(rebuild_find(rebuild, candidate->chunk_sectors) == candidate);
	FUZZ_CHECK(candidate->points < REBUILD_CONVINCING || candidate->exceptions == 0 ||
		   !rebuild_rival(rebuild, candidate->chunk_sectors));
	FUZZ_CHECK(candidate->usual <= candidate->possible);
	FUZZ_CHECK(candidate->possible <= candidate->exceptions);
	FUZZ_CHECK(candidate->exceptions <= REBUILD_EXCEPTIONS_MAX);
	FUZZ_CHECK(candidate->points <= 100);
	FUZZ_CHECK(i == 0 || candidate->points <= rebuild->candidates[i - 1].points);
	FUZZ_CHECK((candidate->points >= REBUILD_CONVINCING) == (i < rebuild->convincing));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t bytes)
{
	struct lost lost;
	struct rebuild_source source;
	struct rebuild rebuild;
	struct failure why;
	uint32_t named;

	if (bytes < PREFIX_BYTES)
		return 0;
	lost.content = input + PREFIX_BYTES;
	lost.content_bytes = bytes - PREFIX_BYTES;
	lost.bytes = (divide_up(lost.content_bytes, SECTOR_BYTES) + get_le32(input)) * SECTOR_BYTES;
	named = input[5] < REBUILD_SIZES ? (uint32_t)1 << input[5] : 0;
	source = (struct rebuild_source){.bytes = lost.bytes,
					 .block_bytes = input[4] & 1 ? 4096 : SECTOR_BYTES,
					 .read = read_lost,
					 .context = &lost};
	memset(&rebuild, 0, sizeof(rebuild));
	if (rebuild_infer(&source, named, &rebuild, &why) != RESULT_OK)
		return 0;
	FUZZ_CHECK(rebuild.count <= REBUILD_SIZES && rebuild.convincing <= rebuild.count);
	for (size_t i = 0; i < rebuild.count; i++)
		check_candidate(&rebuild, i, named);
	return 0;
}
