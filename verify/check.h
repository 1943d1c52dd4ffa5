/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that verify can tell about a store, found in one stream of its metadata (and a second
 * one where there are duplicates, or more exceptions than the memory holds). Changes nothing,
 * prints nothing.
 */
#ifndef VERIFY_CHECK_H
#define VERIFY_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"
#include "store/summary.h"
#include "verify/problem.h"

/* No limit but what the search needs: at most 16 bytes for each exception, and a MiB. */
#define CHECK_MEMORY_UNLIMITED UINT64_MAX

/* This much of chunk 0 is looked at; LVM's largest chunk is 512 KiB. */
#define CHECK_SLACK_BYTES (1024u << 10)

struct check {
	const struct store *store;
	bool origin_known;
	uint64_t origin_bytes; /* only where origin_known */
	uint64_t memory_bytes; /* for the search of duplicates, or CHECK_MEMORY_UNLIMITED */
	void (*report)(void *context, const struct finding *finding); /* NULL: only counts */
	void *context;
	/* results */
	struct summary summary;
	uint64_t found[PROBLEM_COUNT];
	struct finding first_error; /* only where there is an error */
	bool tail_is_dirty;
};

enum verdict { VERDICT_CLEAN, VERDICT_PROBLEMS, VERDICT_DAMAGED };

/*
 * Runs all checks. RESULT_OK says that they could be carried out, not that nothing was found: see
 * check_verdict. The caller has filled in the fields above `results`.
 */
enum result check_run(struct check *check, struct failure *why);

enum verdict check_verdict(const struct check *check);
const char *verdict_name(enum verdict verdict);

/* How many findings of that severity there were. */
uint64_t check_count(const struct check *check, enum severity severity);

/* ---- for the families of checks ---- */

/* Counts and reports a finding of the store as a whole. */
void check_report(struct check *check, enum problem problem, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Counts and reports a finding at exception number `index`. */
void check_report_exception(struct check *check, enum problem problem, uint64_t index,
			    const struct exception *exception, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* The same at an exception whose chunk number `first` has already. */
void check_report_duplicate(struct check *check, enum problem problem, uint64_t index,
			    const struct exception *exception, uint64_t first, const char *format,
			    ...) __attribute__((format(printf, 6, 7)));

/* verify/check_header.c: magic, version, chunk size, validity, the rest of chunk 0. */
enum result check_header(struct check *check, struct failure *why);

/* verify/check_entries.c: the live exceptions, one by one and as a whole, and what is behind them.
 */
enum result check_entries(struct check *check, struct failure *why);

#endif
