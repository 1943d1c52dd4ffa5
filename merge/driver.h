/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pipeline of a merge: windows on their way, kept and committed in their order. */
#ifndef MERGE_DRIVER_H
#define MERGE_DRIVER_H

#include "merge/merge.h"

/* As many windows are in memory at a time, at most. */
#define DRIVER_WINDOWS 4u

struct driver;

/*
 * For a merge that has exceptions, before its first write: takes all the memory that it needs.
 * Where there is too little, merge->window_bytes becomes smaller. RESULT_NO_MEMORY; then *driver is
 * NULL.
 */
enum result driver_open(struct driver **driver, struct merge *merge, struct failure *why);

/* Merges all exceptions of a merge that has begun, from the last one backwards, or until a stop is
 * asked for or a window cannot be read; counts in `merge` what was copied and committed, also where
 * it fails. Takes no memory but for the list of what is lost. */
enum result driver_merge(struct driver *driver, struct failure *why);

/* Nothing is in flight afterwards. Harmless on NULL. */
void driver_close(struct driver *driver);

#endif
