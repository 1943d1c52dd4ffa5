/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notes of the commands on what is odd about a device; --quiet silences them. */
#ifndef STORE_NOTES_H
#define STORE_NOTES_H

#include "store/cli.h"
#include "store/store.h"

/* The end of an image file that is no whole sector: no part of an origin. */
void note_rest(const struct cli *cli, const struct device *origin);

/* Chunks that are no multiple of the logical block of `device`, the store's own or its origin: the kernel
 * refuses to load such a store (dm_exception_store_set_chunk_size in drivers/md/dm-exception-store.c). */
void note_blocks(const struct cli *cli, const struct store *store, const struct device *device);

#endif
