/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The view of a snapshot for whoever reads it anywhere and at any time, several threads at once:
 * short pieces through the page cache, for they may be read again, long ones past it.
 *
 * Order of calls: serve_open, with an export that export_prepare has judged; serve_read and
 * serve_extent in any number of threads; serve_close.
 */
#ifndef VERIFY_EXPORT_SERVE_H
#define VERIFY_EXPORT_SERVE_H

#include <pthread.h>

#include "verify/export/export.h"

/*
 * The export's memory_bytes, for this: all exceptions of most stores stay in memory, 16 bytes each,
 * 32 while they are sorted. Where one has more than fit, the metadata is read anew whenever what is
 * read is far from what was read before.
 */
#define SERVE_MEMORY_BYTES (1u << 30)

/* Descriptors of a device's files with O_DIRECT; of a file that has none, -1. */
struct serve_direct {
	int *fds;
	unsigned int count;
};

struct serve {
	struct export *export; /* the caller's, as all that it names */
	pthread_mutex_t lock;  /* of the map */
	pthread_key_t buffers; /* one for each thread */
	struct serve_direct of_origin, of_store;
};

/* Origin and store lose their O_DIRECT: what is long is read by descriptors of our own. Nothing may
 * be in flight in the export's queue; from now on it is that of the synchronous engine, whatever
 * threads and processes there will be. */
enum result serve_open(struct serve *serve, struct export *export, struct failure *why);

/* Bytes offset .. offset + count - 1, which are inside the view. RESULT_IO; RESULT_DAMAGED where
 * they are lost, and the export's options do not say to fill them; RESULT_REFUSED as
 * view_map_extent. */
enum result serve_read(struct serve *serve, uint64_t offset, void *buffer, size_t count,
		       struct failure *why);

/* How many bytes from `offset` on are in a hole (of the origin, or what is lost and filled), or in
 * none. */
enum result serve_extent(struct serve *serve, uint64_t offset, uint64_t *bytes, bool *is_hole,
			 struct failure *why);

void serve_close(struct serve *serve);

#endif
