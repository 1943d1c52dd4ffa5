/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The imprint of the origin in an undo store: checksums of some of the chunks that the merge wrote,
 * as the origin held them when it was done. Going back is right only as long as it still holds
 * them: after any other write, or another merge, the undo store and the origin do not fit each
 * other any more.
 *
 * Of n exceptions of the store, some are samples, evenly spread: the first and the last are among
 * them. Each checksum is a CRC-32 of a run of samples. The superblock's is of all chunks of the
 * store that overlap the places where most file systems have theirs.
 *
 * In brackets, the deliberate breaks (store/base/breaks.h) by which the simulator shows that a rule
 * is held.
 *
 *  1. It is made when all that the merge wrote is durable, and comes with the write that takes the
 *     record away: there is never an imprint of a merge that is not done. [IMPRINT_EARLY]
 *  2. It goes with the first record that a later merge writes into the store. [IMPRINT_STAYS]
 *  3. A merge that begins, also one that is to keep this store, compares before its first write.
 *     [IMPRINT_UNCHECKED]
 *  4. Where the store was used again by somebody else, it says nothing (imprint_is_stale).
 */
#ifndef VERIFY_IMPRINT_H
#define VERIFY_IMPRINT_H

#include "store/cow/store.h"

/*
 * Makes the imprint of the origin for an undo store that holds this many exceptions, at least 1.
 * Nothing that was written to the origin may be unflushed. RESULT_IO, RESULT_NO_MEMORY,
 * RESULT_REFUSED: there is none.
 */
enum result imprint_make(const struct store *store, uint64_t exceptions, struct device *origin,
			 struct imprint *imprint, struct failure *why);

/*
 * Does the origin still hold what the store's imprint says? RESULT_REFUSED where it does not.
 * *known: there is an imprint, of this very list of exceptions; else nothing is compared. `summary`
 * is of the live ones.
 */
enum result imprint_match(const struct store *store, const struct summary *summary,
			  struct device *origin, bool *known, struct failure *why);

/* What is to be said where nothing is compared, and there is an imprint. */
#define IMPRINT_STALE_NOTE                                                                         \
	"note: it was used again since it became an undo store: whether the origin was written "   \
	"to "                                                                                      \
	"by others is not known"

#endif
