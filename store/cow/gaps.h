/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exceptions that cannot be read: blocks of a store's areas that the device does not give. A store
 * that is read with gaps (store->gaps is not NULL) is read on after them, where without them the
 * first read error ends everything.
 *
 * A gap is found when it is first met, after a second try in parts down to one block, and stays one
 * from then on, so that every look at the store sees the same list. Once the gaps are closed, what
 * cannot be read and is in none of them is a failure.
 *
 * In a buffer of metadata the bytes of a gap are all 0xff: such an exception has no data and no
 * place in an origin.
 */
#ifndef STORE_GAPS_H
#define STORE_GAPS_H

#include "store/cow/store.h"

/* Exceptions first .. end - 1, of one area or of several. */
struct gap {
	uint64_t first, end;
};

struct gaps {
	struct gap *list; /* rising, none in another; owned */
	size_t count, capacity;
	bool closed; /* the caller's: no new ones */
	bool spared; /* the caller's: what is zeroed leaves them alone (store/cow/store_edit.h) */
	bool bytes_missing; /* gaps_read_bytes put zeros in the place of some */
};

/* Harmless on a zeroed struct. */
void gaps_free(struct gaps *gaps);

/* Was an exception met that cannot be read? */
bool gaps_met(const struct store *store);

/* The next exceptions *from .. *to - 1, from `index` on and before `end`, that are in no gap;
 * *from is `end` where there are none. gaps may be NULL. */
void gaps_next(const struct gaps *gaps, uint64_t index, uint64_t end, uint64_t *from, uint64_t *to);

/* Are exceptions first .. end - 1 all in gaps? gaps may be NULL. */
bool gaps_cover(const struct gaps *gaps, uint64_t first, uint64_t end);

/*
 * A segment could not be read at one go: reads it in parts, and what cannot be read becomes a gap.
 * RESULT_IO where the gaps are closed, or the device does not answer at all any more.
 */
enum result gaps_read(const struct store *store, const struct store_segment *segment,
		      uint8_t *buffer, struct failure *why);

/* What is in a gap becomes 0xff, also where it could be read this time. */
void gaps_fill(const struct store *store, const struct store_segment *segment, uint8_t *buffer);

/* Exceptions first .. end - 1 were written anew, durable or not: they can be read again. */
enum result gaps_forget(struct gaps *gaps, uint64_t first, uint64_t end, struct failure *why);

/* Reads bytes of the store in which nothing vital is, or which are only looked at: with gaps,
 * blocks that cannot be read are zero. Offset and bytes are as for io_read. */
enum result gaps_read_bytes(const struct store *store, uint64_t offset, uint8_t *buffer,
			    uint64_t bytes, struct failure *why);

/* Can the store's first block be read? Where it cannot, the device is gone, and no block is bad. */
enum result gaps_require_device(const struct store *store, struct failure *why);

#endif
