/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A piece of the view on its way through memory: planned, read from the origin and from the store,
 * written. For verify/export alone.
 *
 *   planned -> reading origin -> reading store -> read -> (digested) -> writing -> written
 *
 * Origin reads go across small parts that come from the store, which is read afterwards, over them.
 */
#ifndef VERIFY_EXPORT_EXPORT_WINDOW_H
#define VERIFY_EXPORT_EXPORT_WINDOW_H

#include "store/io/batch.h"
#include "verify/export/export.h"

enum export_phase {
	EXPORT_READING_ORIGIN,
	EXPORT_READING_STORE,
	EXPORT_READ,
	EXPORT_WRITING,
	EXPORT_WRITTEN,
};

/* Bytes of the window that are read from one place, at one go. */
struct export_piece {
	enum view_source source;
	uint32_t position, bytes; /* in the window */
	uint64_t offset;	  /* in the origin or the store */
};

struct export_window {
	struct export *export; /* the caller's */
	enum export_phase phase;
	uint64_t offset,
		bytes;	  /* in the view; ends at a multiple of BUFFER_ALIGNMENT, or with it */
	bool is_hole;	  /* nothing but zeros, of any length: not in memory, not written */
	bool read_failed; /* something could not be read at the first try */
	uint64_t bytes_from_store, bytes_from_origin, bytes_written;
	uint32_t crc32; /* the driver's: of the view up to the end of the window */
	/* the window's own */
	uint8_t *data;
	struct export_piece *pieces;
	size_t piece_count, next_piece;
	uint64_t next_position;
	struct batch batch;
};

/* What is known of the origin's holes. Zeroed: nothing. */
struct export_holes {
	uint64_t asked, data_from, data_to;
};

enum result export_window_init(struct export_window *window, struct export *export,
			       struct failure *why);

/* Plans what of the view begins at `offset` and ends at `end` or before. */
enum result export_window_plan(struct export_window *window, struct export_holes *holes,
			       uint64_t offset, uint64_t end, struct failure *why);

void export_window_start_reading(struct export_window *window);

/* Moves on what can move; sets *moved where it did. Fails only when a write has failed. */
enum result export_window_step(struct export_window *window, bool *moved, struct failure *why);

/*
 * Of a window that was read: tries what could not be read once more, in smaller and smaller pieces,
 * and fills what stays lost with zeros, where the export's `fill` says so, or fails. The gaps go to
 * the export's state. RESULT_STOPPED: on request.
 */
enum result export_window_mend(struct export_window *window, struct failure *why);

/* Of a window that was read: begins to write it to the target's device. */
enum result export_window_start_writing(struct export_window *window, struct failure *why);

/* Nothing may be in flight. Harmless on a zeroed struct. */
void export_window_free(struct export_window *window);

#endif
