/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far an export has come: in memory, and in a small file beside an image that is not finished,
 * so that --resume can go on. The file is cowtool's own; all numbers are little-endian.
 */
#ifndef VERIFY_EXPORT_EXPORT_STATE_H
#define VERIFY_EXPORT_EXPORT_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/device/device.h"
#include "store/base/fail.h"
#include "store/cow/view_map.h"

/* Bytes of the view that could not be had, and were filled instead. */
struct export_gap {
	uint64_t offset, bytes;
	enum view_source
		source; /* VIEW_LOST: an exception says where in the store, and it is wrong */
};

/* Places apart from each other; with more of them an export ends. */
#define EXPORT_GAPS_MAX (1u << 20)

/* How an image file was when it was read; zeros: a block device, of which nothing is known. */
struct export_source {
	uint64_t inode, changed_ns; /* see device_changed_ns */
};

struct export_state {
	/* what is exported: the same in every part of one export */
	uint64_t view_bytes, store_bytes, exceptions;
	uint32_t chunk_sectors, metadata_crc32;
	/* how that was when what is done was read, or found to be what the view shows */
	struct export_source origin, store;
	/* how far it is */
	/* Of the view, from its beginning: a multiple of BUFFER_ALIGNMENT, or all of it. */
	uint64_t done_bytes;
	uint32_t crc32; /* of these */
	uint64_t bytes_from_store, bytes_from_origin;
	uint64_t bytes_written;	 /* the rest of what is done are holes */
	struct export_gap *gaps; /* owned; in the order of the view */
	size_t gap_count, gap_capacity;
};

/* Adds a gap after all others; one that follows another of its kind at once is joined to it. */
enum result export_state_add_gap(struct export_state *state, const struct export_gap *gap,
				 struct failure *why);

/* Forgets gaps, or parts of them, after what is done. */
void export_state_cut_gaps(struct export_state *state);

struct export_source export_state_source(const struct device *device);
bool export_state_same_source(const struct export_source *a, const struct export_source *b);

/* Does `other` tell of an origin and a store that may be the same: sizes and metadata? */
bool export_state_same(const struct export_state *state, const struct export_state *other);

/* Harmless on a zeroed struct. */
void export_state_free(struct export_state *state);

/* ---- its bytes ---- */

#define EXPORT_STATE_HEAD_BYTES 144u
#define EXPORT_STATE_GAP_BYTES 24u

/* How many bytes export_state_encode writes. Gaps, or parts of them, after done_bytes are left
 * out. */
size_t export_state_bytes(const struct export_state *state);
void export_state_encode(const struct export_state *state, uint8_t *bytes);

/* False: these bytes are no sound state, and *state is zeroed. Free it otherwise. */
bool export_state_decode(const uint8_t *bytes, size_t count, struct export_state *state);

/* ---- its file ---- */

/* Writes it under a new, temporary name (with ".XXXXXX" after it), flushes, renames, flushes the
 * folder. RESULT_NO_SPACE, RESULT_IO. */
enum result export_state_save(const struct export_state *state, const char *path,
			      struct failure *why);

enum export_state_presence {
	EXPORT_STATE_ABSENT,
	EXPORT_STATE_FOREIGN, /* something else has that name */
	EXPORT_STATE_DAMAGED, /* cowtool's, but not as it was written, or of another version */
	EXPORT_STATE_PRESENT, /* *state is the caller's to free */
};

/* RESULT_REFUSED: it belongs to another user (path_refuse_foreign), and is not believed. */
enum result export_state_load(struct export_state *state, const char *path,
			      enum export_state_presence *presence, struct failure *why);

#endif
