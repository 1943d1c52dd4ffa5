/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pipeline of a merge: windows on their way, kept and committed in their order. */
#ifndef MERGE_DRIVER_H
#define MERGE_DRIVER_H

#include "merge/merge.h"

/* Merges all exceptions of a merge that has begun, from the last one backwards, or until a stop is asked
 * for; counts in `merge` what was copied and committed, also where it fails. Nothing is in flight
 * afterwards. */
enum result driver_merge(struct merge *merge, struct failure *why);

#endif
