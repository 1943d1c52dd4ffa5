/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which chunk numbers occur twice among the exceptions, in bounded memory.
 *
 * Numbers are gathered while the metadata streams by. As long as they fit, they are searched in
 * memory; where they do not, the store is read again, once or in several passes, each for a share
 * of the numbers.
 */
#ifndef VERIFY_CHECK_DUPLICATES_H
#define VERIFY_CHECK_DUPLICATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verify/check/check.h"

enum chunk_side { OLD_CHUNK, NEW_CHUNK };

struct duplicates {
	enum chunk_side side;
	uint64_t memory_bytes; /* the limit, or CHECK_MEMORY_UNLIMITED */
	uint64_t *numbers;
	size_t count, capacity;
	bool overflowed; /* there were more than fit: `numbers` is not complete */
};

/* memory_bytes is the limit for the whole search. */
void duplicates_begin(struct duplicates *duplicates, enum chunk_side side, uint64_t memory_bytes);

/* Takes the number of one exception. */
enum result duplicates_add(struct duplicates *duplicates, const struct exception *exception,
			   struct failure *why);

/* Reports every exception whose number an earlier one has. `check->summary` is complete. Frees. */
enum result duplicates_report(struct duplicates *duplicates, struct check *check,
			      struct failure *why);

void duplicates_free(struct duplicates *duplicates);

#endif
