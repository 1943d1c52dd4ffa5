/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How every function of the library says what became of it: an enum result as its return value and,
 * where something went wrong, a sentence in a struct failure.
 *
 * The sentence is made once, where the facts are: "DEVICE: what could not be done, where: why".
 * Turning a result into an exit code, and printing, is the command line's business.
 */
#ifndef STORE_BASE_FAIL_H
#define STORE_BASE_FAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "store/base/remedy.h"

enum result {
	RESULT_OK = 0,
	RESULT_PROBLEMS,  /* verify: something is wrong, but the view is not */
	RESULT_DAMAGED,	  /* read, and wrong: invalid or damaged store */
	RESULT_STOPPED,	  /* stopped because it was asked to */
	RESULT_IO,	  /* could not be read, written or flushed */
	RESULT_REFUSED,	  /* in use, wrong origin, unfinished merge, consent missing */
	RESULT_NO_STORE,  /* what was read is no COW store, or no saved file */
	RESULT_NOT_THERE, /* a name that leads nowhere, or to a device that is not there (yet) */
	RESULT_NO_SPACE,  /* a kept snapshot, undo or output file is too small */
	RESULT_OUTPUT,	  /* standard output takes no more */
	RESULT_USAGE,	  /* the command line makes no sense */
	RESULT_NO_MEMORY,
	RESULT_INTERNAL, /* a bug */
};

struct failure {
	char text[2048];
	enum remedy remedy;
	char remedy_name
		[1024]; /* the device or file that the remedy is about; "": none but those of the command */
};

/* Writes the sentence and returns `result`, so that a caller can `return fail(...)`. No remedy. */
enum result fail(struct failure *why, enum result result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, with what would help; `name` is copied, or NULL. */
enum result fail_remedy(struct failure *why, enum result result, enum remedy remedy,
			const char *name, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Gives a sentence that is there a remedy. */
void fail_set_remedy(struct failure *why, enum remedy remedy, const char *name);

/* Appends "; " and more to the sentence; its remedy stays. */
enum result fail_more(struct failure *why, enum result result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for a system error: ": strerror(error)" is appended. */
enum result fail_errno(struct failure *why, enum result result, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The sentence without the name that it begins with, if that is this one ("NAME: "). */
const char *fail_without_name(const struct failure *why, const char *name);

/* Out of memory for `what`; `bytes` of it were asked for, 0: it is not known how many. */
enum result fail_memory(struct failure *why, const char *what, size_t bytes);

/* RESULT_STOPPED, before anything was written to `name`. */
enum result fail_stopped(struct failure *why, const char *name);

#endif
