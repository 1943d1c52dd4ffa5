/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is the origin an origin, and the store a store? Or are they swapped? Only reads. */
#ifndef VERIFY_CHECK_ROLES_H
#define VERIFY_CHECK_ROLES_H

#include "store/cow/store.h"

/*
 * RESULT_REFUSED where the origin begins with a header that the kernel would accept (with `force`
 * only where the store does not), or, without `force`, as a saved file does, or a container
 * (store/device/foreign.h), or it is a snapshot (verify/check/stacked.h); what store_require_header
 * says where the store has none. With `may_be_unreadable`, an origin whose beginning cannot be read
 * is taken for one.
 */
enum result roles_check(const struct store *store, struct device *origin, bool force,
			bool may_be_unreadable, struct failure *why);

/*
 * Can it be an origin at all, whatever the store? RESULT_REFUSED where it is empty, or begins with
 * a header that the kernel would accept or as a saved file or a container does, or is a snapshot.
 * Fits the origin as roles_check does.
 */
enum result roles_check_origin(struct device *origin, struct io *io, struct failure *why);

#endif
