/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that verify can tell about a store, found in one stream of its metadata (and more where
 * there are duplicates, or chunk numbers far apart), in memory that does not grow with it. Changes
 * nothing, prints nothing.
 */
#ifndef VERIFY_CHECK_CHECK_H
#define VERIFY_CHECK_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "store/cow/store.h"
#include "store/cow/summary.h"
#include "verify/check/lost.h"
#include "verify/check/problem.h"

/* A bit for each chunk of 2 TiB with chunks of 4 KiB. */
#define CHECK_SHARE_BYTES (64u << 20)

/* This much of chunk 0 is looked at; LVM's largest chunk is 512 KiB. */
#define CHECK_SLACK_BYTES (1024u << 10)

/* Entries that look like exceptions (store/cow/stale.h). */
struct check_later {
	uint64_t exceptions;
	uint64_t first, last; /* their numbers, where there are any */
	uint64_t view_bytes;  /* at most this much of the view */
};

/* What the caller asks for. */
struct check_options {
	bool origin_known;
	uint64_t origin_bytes; /* only where origin_known */
	/* For the search of duplicates, of old chunks and of new ones: the largest bitmap, 512
	 * bytes at least. 0: CHECK_SHARE_BYTES; tests have less. */
	uint64_t share_bytes;
	void (*report)(void *context, const struct finding *finding); /* NULL: only counts */
	void *context;
};

struct check {
	/* the caller's; nothing here changes them */
	const struct store *store;
	struct check_options options;
	/* results */
	struct summary summary;
	uint64_t found[PROBLEM_COUNT];
	struct finding first_error; /* only where there is an error */
	bool tail_is_dirty;
	/*
	 * Bytes of the view. Lost: the first exception for them points to no data. Doubtful: two
	 * exceptions for one chunk, or two chunks with one copy; this is the most that it may be.
	 * Both leave out what a missing area may have held, and:
	 */
	uint64_t view_bytes_lost, view_bytes_doubtful;
	/* At most this many exceptions are lost, each for a chunk of the view that is not known. */
	uint64_t lost_unknown;
	/* What looks like exceptions after the end of the list, where it may have been cut off. */
	struct check_later later;
};

enum verdict { VERDICT_CLEAN, VERDICT_PROBLEMS, VERDICT_DAMAGED };

/*
 * Runs all checks. The caller has filled in the store and the options. RESULT_OK says that they
 * could be carried out, not that nothing was found: see check_verdict.
 */
enum result check_run(struct check *check, struct failure *why);

enum verdict check_verdict(const struct check *check);
const char *check_verdict_name(enum verdict verdict);

/* How many findings of that severity there were. */
uint64_t check_count(const struct check *check, enum severity severity);

/* What a command that needs a sound store says of the errors found: how many, and the first.
 * RESULT_DAMAGED. */
enum result check_refuse_errors(const struct check *check, uint64_t errors, enum remedy remedy,
				struct failure *why);

/* The same where all that is wrong is that exceptions are for chunks outside the origin:
 * RESULT_REFUSED. */
enum result check_refuse_origin(const struct check *check, const char *origin, enum remedy remedy,
				struct failure *why);

#define CHECK_UNKNOWN_BYTES 128u

/* "up to 256 chunks of 4096 bytes of the view, where is not known", of check->lost_unknown. Returns
 * `text`. */
const char *check_describe_unknown(const struct check *check, char text[CHECK_UNKNOWN_BYTES]);

#define CHECK_LATER_BYTES 2048u

/* A note about check->later, for before something writes, or takes the list as it is. Returns
 * `text`. */
const char *check_later_describe(const struct check *check, char text[CHECK_LATER_BYTES]);

/* ---- for the families of checks ---- */

/*
 * Is an entry that is wrong in the place of an exception, and tells nothing of which? It speaks of
 * no part of the view, and no device can have such chunks, or its area was not written by the
 * kernel.
 */
bool check_is_unknown(const struct check *check, enum trace trace,
		      const struct exception *exception);

/* Is there no data for this exception: its new chunk is metadata, or outside the device? */
bool check_is_lost(const struct check *check, const struct exception *exception);

/* Which bytes of the view chunk `old_chunk` is; none where it is outside the origin. */
struct lost_range check_view_range(const struct check *check, uint64_t old_chunk);

/* How many they are. */
uint64_t check_view_bytes(const struct check *check, uint64_t old_chunk);

/* Counts and reports a finding of the store as a whole. What the trace looks like is added to the
 * message. */
void check_report(struct check *check, enum problem problem, enum trace trace, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));

/* Counts and reports a finding at exception number `index`. */
void check_report_exception(struct check *check, enum problem problem, enum trace trace,
			    uint64_t index, const struct exception *exception, const char *format,
			    ...) __attribute__((format(printf, 6, 7)));

/* Counts and reports that exceptions first .. first + count - 1 cannot be read, or, where the list
 * does not go on after them, might have been there. */
void check_report_gap(struct check *check, uint64_t first, uint64_t count, bool goes_on);

/* The same at an exception whose chunk number `first` has already. */
void check_report_duplicate(struct check *check, enum problem problem, enum trace trace,
			    uint64_t index, const struct exception *exception, uint64_t first,
			    const char *format, ...) __attribute__((format(printf, 7, 8)));

/* verify/check/check_header.c: magic, version, chunk size, validity, the rest of chunk 0. */
enum result check_header(struct check *check, struct failure *why);

/* verify/check/check_later.c: what looks like exceptions from number `from` on, as far as there are
 * any within check_later_areas; what cannot be read is none. With `all_fit`, as in
 * store/cow/stale.h. */
void check_later(const struct check *check, uint64_t from, bool all_fit, struct check_later *later);
uint64_t check_later_areas(const struct check *check);

/* The finding of check->later, from which an unfinished merge's own leavings are excepted. */
void check_later_report(struct check *check);

/* verify/check/check_entries.c: the live exceptions, one by one and as a whole, and what is
 * after them. */
enum result check_entries(struct check *check, struct failure *why);

#endif
