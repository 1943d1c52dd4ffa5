/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a store and an origin hold the same file system: the guard against the wrong device. */
#ifndef VERIFY_IDENTITY_H
#define VERIFY_IDENTITY_H

#include "store/cow/store.h"

/*
 * Compares what libblkid finds in the first and last bytes of the origin with what it would find
 * in the view. RESULT_REFUSED where type or UUID differ. Where the store has none of these bytes there
 * is nothing to compare, and the origin is not even read. With `resuming` (a merge) an origin on which
 * nothing is found, or more than one signature, is let through: a power cut may have torn its
 * superblock, or stand between the two file systems.
 */
enum result identity_check(const struct store *store, struct device *origin, bool resuming,
			   struct failure *why);

#endif
