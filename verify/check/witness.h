/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The witness of an unfinished merge: the first chunk that it merged. Its record has the chunk's
 * number and checksum, and the origin must hold it.
 */
#ifndef VERIFY_WITNESS_H
#define VERIFY_WITNESS_H

#include "store/cow/store.h"
#include "store/cow/summary.h"

/* CRC-32 of `bytes` bytes of a device. */
enum result witness_crc(struct io *io, struct device *device, uint64_t offset, uint64_t bytes,
			uint32_t *crc, struct failure *why);

/*
 * Is this the origin that the record's merge writes to? RESULT_REFUSED where it is smaller, or
 * larger and nothing tells that it is a copy, or where the witness, once merged, is not what it
 * holds. `summary` is of the live exceptions.
 */
enum result witness_match(const struct store *store, const struct summary *summary,
			  struct device *origin, struct failure *why);

#endif
