/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a store and an origin hold the same file system: the guard against the wrong device.
 *
 * A store names no origin. All that can tell is in the blocks that the snapshot has of its own:
 * where the superblock is among them, it is compared with the origin's; where it is not, nothing
 * proves the pair, and only what cannot be is found (verify/check/plausible.h).
 */
#ifndef VERIFY_CHECK_IDENTITY_H
#define VERIFY_CHECK_IDENTITY_H

#include "store/cow/store.h"

enum identity {
	IDENTITY_UNKNOWN, /* not looked at, or it could not be */
	IDENTITY_COMPARED, /* the store has what identifies its origin, and this origin has the same */
	IDENTITY_NOT_IN_STORE, /* it has nothing of that kind */
};

/* "unknown", "compared", "not-in-store": for JSON. */
const char *identity_name(enum identity identity);

/*
 * Compares what libblkid finds in the first and last bytes of the origin with what it would find in
 * the view. RESULT_REFUSED where type or UUID differ, or where nothing can be compared and what the
 * origin holds speaks against it: --accept-origin consents. With `resuming` (a merge) an origin on
 * which nothing is found, or more than one signature, is let through: a power cut may have torn its
 * superblock, or stand between the two file systems; nor is it asked then what speaks against it.
 */
enum result identity_check(const struct store *store, struct device *origin, bool resuming,
			   enum identity *identity, struct failure *why);

/* What is to be said of IDENTITY_NOT_IN_STORE, as a note. */
#define IDENTITY_NOT_IN_STORE_NOTE                                                                 \
	"note: nothing in it tells whether %s is its origin: what would is not among the changed " \
	"chunks; make sure that it is"

#endif
