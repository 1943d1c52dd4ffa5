/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes of a store's metadata in place. Each says what a power cut may leave of it; the order in
 * which they are made is the caller's business.
 *
 * "One block": a logical block of the device, which is written whole or not at all, with all that
 * is not to change as it was. Needs a good header, or an assumed one (store_assume_header).
 */
#ifndef STORE_COW_STORE_EDIT_H
#define STORE_COW_STORE_EDIT_H

#include <stddef.h>

#include "store/cow/store.h"

/*
 * Zeroes the header's chunk after the header, up to byte `bytes` (within the chunk), and flushes;
 * with `keep_record` not the place of the merge record, with `keep_imprint` not that of the
 * imprint. Nobody looks at these bytes: a power cut may leave any part of it, and with gaps, what
 * cannot be read of them is in nobody's way.
 */
enum result store_clear_slack(struct store *store, uint64_t bytes, bool keep_record,
			      bool keep_imprint, struct failure *why);

/* Exception number `index` becomes `exception`. */
struct store_change {
	uint64_t index;
	struct exception exception;
};

/*
 * Writes exceptions, each with its block, in the order given; not flushed: a power cut leaves any
 * subset of the blocks. `changes` rise by index.
 */
enum result store_change_exceptions(struct store *store, const struct store_change *changes,
				    size_t count, struct failure *why);

/* Zeroes exceptions begin .. end - 1 where they are not zero; not flushed: as above. What is in a
 * gap (store/cow/gaps.h) is written without a look at it; where the gaps are spared, it is left
 * alone. */
enum result store_zero_exceptions(struct store *store, uint64_t begin, uint64_t end,
				  struct failure *why);

/*
 * The list, which ends before exception `end`, then ends before `first`: exceptions first .. end -
 * 1 are zeroed, durably. A power cut leaves a list that ends somewhere between the two, and never
 * an entry after its end in the same area.
 */
enum result store_cut_list(struct store *store, uint64_t first, uint64_t end, struct failure *why);

#endif
