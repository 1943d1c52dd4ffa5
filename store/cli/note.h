/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notes of the commands on what is odd about a device; --quiet silences them. */
#ifndef STORE_CLI_NOTE_H
#define STORE_CLI_NOTE_H

#include "store/cli/cli.h"
#include "store/cli/pair.h"

/* The end of an image file that is no whole sector: no part of an origin. */
void note_rest(const struct cli *cli, const struct device *origin);

/* Chunks that are no multiple of the logical block of the store's device, or its origin's: the
 * kernel refuses to load such a store (dm_exception_store_set_chunk_size in
 * drivers/md/dm-exception-store.c). */
void note_blocks(const struct cli *cli, const struct pair *pair);

/* Where not all that is read and written in chunks of that many bytes goes past the page cache. */
void note_buffered(const struct cli *cli, const struct device *device, uint64_t chunk_bytes);

/* For before the first write, also in a dry run, which opens for reading only: as
 * device_refuse_read_only, and a note where this process has not the right to write that `what`
 * ("merge") needs. */
enum result note_right(const struct cli *cli, const struct device *device, const char *what,
		       struct failure *why);

/* A file that is to outlast this run, but is in memory. */
void note_memory(const struct cli *cli, const char *name);

/* An image file of which `bytes` are to be written, with more holes to fill than its file system
 * may have room for. */
void note_room(const struct cli *cli, const struct device *device, uint64_t bytes);

#endif
