// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/trace.h"

#include "store/base/bytes.h"

/* No chunk number of any device is larger: a signed 64-bit offset, chunks of a sector. */
#define OLD_CHUNKS_MAX (ORIGIN_BYTES_MAX / SECTOR_BYTES)
/* Exceptions that were committed together have new chunks that are no farther apart. */
#define CLOSE_CHUNKS 64u
/* An area is called junk only where so much of it was seen. */
#define JUNK_LEAST 8u
#define ENTRIES_PER_SECTOR (SECTOR_BYTES / EXCEPTION_BYTES)

static const struct trace_info traces[TRACE_COUNT] = {
	[TRACE_HEADER_RACE] =
		{"header-race",
		 "a metadata area in the header's place, as kernels before 2.6.32 could leave it (RHBZ 461506)",
		 "the kernel made the header in the memory of the area in hand; when it gave the snapshot up at the same moment, the area was written over the header"},
	[TRACE_NEXT_FREE] =
		{"CVE-2013-4299", "CVE-2013-4299 (kernels to 2013)",
		 "after the store was loaded again with its last data chunk in use, the kernel stored the next chunk in a metadata area, which was then written over it: this one chunk is lost, those after it are not"},
	[TRACE_AREA_NOT_ZEROED] =
		{"area-not-zeroed",
		 "what the device held before, in an area that was never zeroed (kernels before 2.6.28, or CVE-2013-4299 and a crash)",
		 "the area before this one was full, and the power was cut before this one was made: none of these entries was ever an exception, and nothing of the snapshot is lost by dropping them"},
	[TRACE_AREA_OVERWRITTEN] =
		{"area-overwritten", "an area that something else was written over",
		 "exceptions follow after it, so it held exceptions, too: they are lost, and which parts of the view they were for is not known"},
	[TRACE_AREA_NOT_READ] =
		{"area-not-read",
		 "an area that the kernel did not read before it wrote it (3.14-rc1 to rc5)",
		 "after the store was loaded again, the kernel wrote the next exception after what its memory happened to hold: the exceptions of this area before that one are gone"},
	[TRACE_CREATION_CUT_OFF] =
		{"creation-cut-off",
		 "a new store whose making was cut off before its first area was zeroed",
		 "the header of a new store was written, its first area was not: none of these entries was ever an exception"},
	[TRACE_TWO_EXCEPTIONS] =
		{"two-exceptions",
		 "the race of kernels before 2.6.30 that recorded one chunk twice",
		 "two writes to one chunk at the same moment each got an exception; kernels from 5.2 on, and cowtool, take the first"},
	[TRACE_OUT_OF_ORDER] =
		{"out-of-order-commit",
		 "a store of a kernel before 3.14, or one that a repair mended",
		 "the kernel recorded exceptions in the order in which their copies were done, not in that of their chunks; or a repair moved the last ones into the places of those that it dropped"},
	[TRACE_CHUNKS_LEAKED] =
		{"chunks-leaked",
		 "a crash of a kernel before 3.14, or an exception that a repair dropped",
		 "the chunks were in use for copies that were not yet recorded; or a repair dropped the exceptions that they belonged to"},
};

const struct trace_info *trace_info(enum trace trace)
{
	return &traces[trace];
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

bool trace_is_area(const uint8_t *entries, size_t from, size_t count, uint64_t device_sectors)
{
	uint64_t before = 0;
	size_t good = 0;

	for (size_t i = from; i < count; i++) {
		struct exception exception;

		exception_decode(entries + i * EXCEPTION_BYTES, &exception);
		if (exception.new_chunk == 0)
			break;
		if (exception.new_chunk >= device_sectors ||
		    exception.old_chunk >= OLD_CHUNKS_MAX ||
		    (good > 0 && (exception.new_chunk == before ||
				  distance(exception.new_chunk, before) > CLOSE_CHUNKS)))
			return false;
		before = exception.new_chunk;
		good++;
	}
	return good >= 2;
}

bool trace_is_junk(const struct geometry *geometry, const struct exception *exception,
		   uint64_t before)
{
	if (exception->new_chunk >= NEW_CHUNK_LIMIT || exception->old_chunk >= OLD_CHUNKS_MAX)
		return true;
	return exception->new_chunk >= geometry->device_chunks &&
	       distance(exception->new_chunk, before) > CLOSE_CHUNKS;
}

enum trace trace_of_area(const struct geometry *geometry, uint64_t index, const uint8_t *entries,
			 uint32_t count)
{
	uint64_t last = index + count - 1, before = 0;
	struct exception exception;
	uint32_t junk = 0;

	for (uint32_t i = 0; i < count; i++) {
		exception_decode(entries + (size_t)i * EXCEPTION_BYTES, &exception);
		junk += trace_is_junk(geometry, &exception, before);
		before = exception.new_chunk;
	}
	if (junk < JUNK_LEAST || junk < count / 2)
		return TRACE_NONE;
	if (exception.new_chunk == geometry_usual_chunk(geometry, last))
		return TRACE_AREA_NOT_READ;
	return index < geometry->exceptions_per_area ? TRACE_CREATION_CUT_OFF
						     : TRACE_AREA_NOT_ZEROED;
}

enum trace trace_of_metadata(const struct geometry *geometry, uint64_t index,
			     const struct exception *exception, uint64_t highest_before)
{
	uint64_t area = index / geometry->exceptions_per_area, chunk;

	/* The first area is never after a data chunk. */
	if (exception->new_chunk < 2)
		return TRACE_NONE;
	if (exception->new_chunk - 1 == highest_before)
		return TRACE_NEXT_FREE;
	if (index % geometry->exceptions_per_area == 0 &&
	    geometry_area_chunk(geometry, area, &chunk) && chunk == exception->new_chunk)
		return TRACE_NEXT_FREE;
	return TRACE_NONE;
}

void trace_tail_add(struct trace_tail *tail, const struct geometry *geometry, uint64_t index,
		    const uint8_t *entries, uint32_t count)
{
	if (bytes_are_zero(entries, (size_t)count * EXCEPTION_BYTES))
		return;
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *entry = entries + (size_t)i * EXCEPTION_BYTES;
		struct exception exception;

		if (bytes_are_zero(entry, EXCEPTION_BYTES))
			continue;
		exception_decode(entry, &exception);
		if (tail->entries++ == 0) {
			tail->first = index + i;
			tail->at_first = exception;
		}
		tail->junk += trace_is_junk(geometry, &exception, tail->before);
		tail->before = exception.new_chunk;
	}
}

/*
 * The list ends with the first entry of its last area. Of a torn write, whole sectors are missing;
 * zeros in front of an exception, in one sector with it, were written with it.
 */
enum trace trace_of_tail(const struct trace_tail *tail, const struct geometry *geometry,
			 uint64_t exceptions)
{
	uint64_t index = tail->first % geometry->exceptions_per_area;

	if (tail->entries == 0 || exceptions % geometry->exceptions_per_area != 0)
		return TRACE_NONE;
	if (tail->junk >= JUNK_LEAST && tail->junk >= tail->entries / 2)
		return exceptions == 0 ? TRACE_CREATION_CUT_OFF : TRACE_AREA_NOT_ZEROED;
	if (index % ENTRIES_PER_SECTOR != 0 &&
	    tail->at_first.new_chunk == geometry_usual_chunk(geometry, tail->first))
		return TRACE_AREA_NOT_READ;
	return TRACE_NONE;
}
