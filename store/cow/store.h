/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The open store: its header and geometry, its areas as a stream, and the writes of its header's
 * block. store_edit and store_create write metadata, too, as do the merge (commit, kept stores) and
 * a restore (savefile). Knows nothing of merging or repairing.
 *
 * Exceptions are counted through all areas: exception number `index` is entry index %
 * exceptions_per_area of area index / exceptions_per_area.
 */
#ifndef STORE_COW_STORE_H
#define STORE_COW_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "store/device/device.h"
#include "store/device/foreign.h"
#include "store/cow/format.h"
#include "store/io/io.h"
#include "store/base/fail.h"
#include "store/cow/summary.h"

struct store {
	struct device *device; /* the caller's */
	struct io *io;	       /* the caller's */
	struct header header;
	enum header_fault header_fault;
	struct geometry geometry; /* only where header_fault is HEADER_GOOD */
	enum record_presence record_presence;
	struct record record; /* only where it is RECORD_PRESENT */
	enum record_presence imprint_presence;
	struct imprint imprint; /* only where it is RECORD_PRESENT */
	struct foreign foreign; /* what is there instead, where no header is, and it can be told */
	/* The caller's, after store_open. NULL: what cannot be read of the areas is a failure; else
	 * the list is read on after it (store/cow/gaps.h). */
	struct gaps *gaps;
};

/*
 * Reads the header and the record. The result is RESULT_OK also for a store that the kernel would
 * refuse: see header_fault, and store_require_header. RESULT_NO_STORE: the device has no whole
 * sector.
 */
enum result store_open(struct store *store, struct device *device, struct io *io,
		       struct failure *why);

/*
 * From now on the store is read as if `header`, a good one, were in it: where what is there is
 * lost. Nothing is written (see store_write_header).
 */
void store_assume_header(struct store *store, const struct header *header);

/* Does what is in the place of a record or an imprint say something: to this cowtool, or to another
 * one? */
static inline bool store_speaks(enum record_presence presence)
{
	return presence == RECORD_PRESENT || presence == RECORD_FOREIGN;
}

/* Is there no header, and the record of an unfinished merge after it all the same? */
bool store_lost_header(const struct store *store);

/* RESULT_OK where the header is good, else the failure that says why it is not: RESULT_NO_STORE
 * where nothing speaks for a store, RESULT_DAMAGED where something does. */
enum result store_require_header(const struct store *store, struct failure *why);

/* Has a restore begun to write here that has not ended (savefile_restore)? The metadata is a
 * mixture then. Such a store is marked invalid too, where it has a good header. */
bool store_is_half_restored(const struct store *store);

/* What is said of one. */
#define STORE_HALF_RESTORED "a restore was cut off here: do it again, with the same file"

/* ---- reading ---- */

/* The place on the device of the exceptions from `index` on, as far as they are neighbours
 * on it. */
struct store_segment {
	uint64_t index;	 /* first exception */
	uint32_t count;	 /* how many, at least 1 */
	uint64_t offset; /* where reading starts: a multiple of the unit, at or before the first */
	uint32_t bytes;	 /* how much to read: a multiple of the unit */
	uint32_t skip;	 /* bytes before the first exception */
};

/* At most this much of an area is one segment. */
#define STORE_SEGMENT_BYTES (256u << 10)

/* The segment that begins with exception `index` and ends before `end` (index < end). The caller
 * knows that the area lies inside the device. */
struct store_segment store_segment(const struct store *store, uint64_t index, uint64_t end);

/*
 * A piece of metadata on its way through a stream: the exceptions of `segment` are in `buffer`
 * after segment->skip bytes. The function may change the buffer. What it returns ends the stream
 * unless it is RESULT_OK.
 */
typedef enum result (*store_stream_function)(void *context, const struct store_segment *segment,
					     uint8_t *buffer, struct failure *why);

/*
 * Streams the metadata of exceptions begin .. end - 1 forward, live or not, many areas in flight,
 * in bounded memory. All of these areas are on the device. A read error counts when its piece's
 * turn comes. RESULT_STOPPED: the user asked to stop (store->io->stop); the message says that
 * nothing was written, and a caller that has written makes its own. With gaps, what cannot be read
 * is 0xff in the buffer.
 */
enum result store_stream(const struct store *store, uint64_t begin, uint64_t end,
			 store_stream_function piece, void *context, struct failure *why);

/*
 * A piece of metadata on its way through a scan: `count` exceptions from number `index` on, all in
 * one area. What the function returns ends the scan unless it is RESULT_OK.
 */
typedef enum result (*store_scan_function)(void *context, uint64_t index, const uint8_t *entries,
					   uint32_t count, struct failure *why);

/* The same of one exception, number `index`. */
typedef enum result (*store_exception_function)(void *context, uint64_t index,
						const struct exception *exception,
						struct failure *why);

/*
 * Exceptions index .. index + count - 1 are in a gap. Does the list go on after it? Then all of
 * them were live; else it ends somewhere in the gap, and is taken to end before it: `count` goes no
 * further than the area in which it begins.
 */
typedef enum result (*store_gap_function)(void *context, uint64_t index, uint64_t count,
					  bool goes_on, struct failure *why);

struct store_scan {
	store_scan_function live; /* the live exceptions, in order; NULL: each of them is wanted */
	store_exception_function each; /* only without `live` */
	store_scan_function tail; /* NULL, or the rest of the last area, the zero entry first */
	store_gap_function gap; /* NULL, or what is in no piece of the others, for a gap is there */
	void *context;
	/* results */
	uint64_t exceptions; /* with those in gaps after which the list goes on */
	bool area_missing;   /* no zero entry ends the list: its next area is outside the device */
};

/*
 * Streams the metadata forward, many areas in flight, in bounded memory. A read error after the
 * end of the list is no error. Needs a good header.
 *
 * After a gap the list goes on where the first exception that can be read is live, and its
 * numbering fits: its data is on the device, and it is not before the place that it has in a store
 * that was filled in order; or, in one that was not, its data is a neighbour of that of the next
 * exception. [UNREADABLE_ENDS_LIST]
 */
enum result store_scan(const struct store *store, struct store_scan *scan, struct failure *why);

/*
 * A second look at a store that amounted to `before` when all of it was read first
 * (store_summarize, or check_run): as store_scan, without a tail. Somebody else may have written to
 * it since: the function `live` sees no more exceptions, and no chunk numbers outside their ranges,
 * than `before` has. RESULT_REFUSED, with a message that says so: the exceptions are not what they
 * were.
 */
enum result store_scan_again(const struct store *store, struct store_scan *scan,
			     const struct summary *before, struct failure *why);

/* "DEVICE: it changes while it is read": RESULT_REFUSED, for whoever finds that the second time. */
enum result store_refuse_changed(const struct store *store, struct failure *why);

/* What its live exceptions amount to; *area_missing as in struct store_scan. Needs a
 * good header. */
enum result store_summarize(const struct store *store, struct summary *summary, bool *area_missing,
			    struct failure *why);

/*
 * CRC-32 of the metadata as it is now: the header's chunk (at most its first MiB) and every area up
 * to the one in which the list ends; where the header is not good, the first BUFFER_ALIGNMENT
 * bytes. It tells whether somebody wrote between two looks.
 */
enum result store_metadata_crc32(const struct store *store, uint32_t *crc32, struct failure *why);

/* How many exceptions share the smallest piece of metadata that is written whole or not at all. */
uint32_t store_exceptions_per_block(const struct store *store);

/* ---- writing ---- */

/*
 * A request that zeroes all of segment `segment` from its first exception on. Before it, in
 * the same block, may be exceptions that stay: the caller hands in `buffer`, at least
 * segment->bytes bytes, aligned, zero but for those, which must be in its first segment->skip
 * bytes. Not submitted.
 */
void store_prepare_clear(const struct store *store, const struct store_segment *segment,
			 uint8_t *buffer, struct io_request *request);

/*
 * Writes the record (NULL: zeros in its place) beside the unchanged header, and flushes the device.
 * One logical block is rewritten: it holds the old or the new record after a power cut. An imprint
 * goes with that write: a merge is about to change the origin, or has done so.
 */
enum result store_write_record(struct store *store, const struct record *record,
			       struct failure *why);

/* The same with zeros in the record's place, and this imprint in its own. */
enum result store_write_imprint(struct store *store, const struct imprint *imprint,
				struct failure *why);

/* Writes the 16 bytes of the header, all else of its block as it was, and flushes. *store has that
 * header then. */
enum result store_write_header(struct store *store, const struct header *header,
			       struct failure *why);

/*
 * Marks the snapshot invalid, as the kernel does when it gives one up, and flushes the device: the
 * header's `valid` becomes 0, everything else stays. *store says the same then.
 */
enum result store_invalidate(struct store *store, struct failure *why);

#endif
