/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a merge record is written, and what it must match. Its bytes are store/format's. */
#ifndef MERGE_RECORD_H
#define MERGE_RECORD_H

#include "store/store.h"
#include "store/summary.h"

/*
 * Is this the origin that the record's merge writes to? RESULT_REFUSED where it has another size,
 * or where the witness, once merged, is not what it holds. `summary` is of the live exceptions.
 */
enum result record_match_origin(const struct store *store, const struct summary *summary,
				struct device *origin, struct failure *why);

/*
 * Makes the record of a merge that begins now and writes it, flushed. With `ambiguous` (a chunk has
 * two exceptions) no witness can be named. With `forced` a resume need not ask for consent again.
 * *store then holds the record.
 */
enum result record_begin(struct store *store, const struct summary *summary, struct device *origin,
			 bool ambiguous, bool forced, struct failure *why);

/* Removes it, flushed; harmless where there is none. */
enum result record_end(struct store *store, struct failure *why);

#endif
