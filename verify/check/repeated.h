/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling of the exceptions whose chunk number an earlier one has, once these numbers are known. */
#ifndef VERIFY_REPEATED_H
#define VERIFY_REPEATED_H

#include <stddef.h>
#include <stdint.h>

#include "store/base/bytes.h"
#include "verify/check/check.h"

enum chunk_side { OLD_CHUNK, NEW_CHUNK };

/* The one of an entry's two numbers that is looked at. */
static inline uint64_t chunk_number_of(enum chunk_side side, const uint8_t *entry)
{
	return get_le64(side == OLD_CHUNK ? entry : entry + 8);
}

/* 24 bytes for each number. */
struct repeated_numbers {
	struct repeated *repeated; /* sorted */
	uint64_t *others;	   /* for each of them, the other chunk of the first exception */
	size_t count;
};

/* Takes a copy of `count` numbers, which are sorted and different. Freed by repeated_free, also after a
 * failure, which is one of memory. */
enum result repeated_begin(struct repeated_numbers *numbers, const uint64_t *sorted, size_t count,
			   struct failure *why);

/* Reads the metadata once more and reports every exception whose number an earlier one has; counts
 * in the check what of the view is doubtful for that. Memory for the other chunks is taken here. */
enum result repeated_report(struct repeated_numbers *numbers, struct check *check,
			    enum chunk_side side, struct failure *why);

void repeated_free(struct repeated_numbers *numbers);

#endif
