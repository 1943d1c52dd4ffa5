/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The undo store of a merge: a store in a file, which is made when it is known what it must hold.
 * It is kept then as other stores are, with the role RECORD_UNDO; merging it brings back what the
 * origin was.
 *
 * Order of calls: undo_look. A store that is there is opened as any kept store; for one that is
 * not, undo_begin, and after merge_prepare_kept undo_check; then undo_make, and merge_run makes a
 * store of the file (undo_write). After the merge undo_end, or after a failure undo_forget.
 */
#ifndef MERGE_UNDO_H
#define MERGE_UNDO_H

#include "merge/kept.h"

/* Its file, before the merge. */
struct undo {
	const char *name; /* the caller's */
	bool is_there;
	bool is_left; /* it is there, and a power cut came before anything was written to it */
	uint64_t left_bytes; /* its size then */
};

/*
 * What is there of that name? RESULT_REFUSED where the merge is not to go on with what was begun
 * (`resume`), and it is there, or is a link that leads nowhere.
 */
enum result undo_look(struct undo *undo, const char *name, bool resume, struct failure *why);

/* A store that is there though no merge is unfinished must be what a power cut left when this very
 * merge was to begin: its record says that it `never_began`. RESULT_REFUSED. */
enum result undo_match_begun(const struct store *store, bool never_began, struct failure *why);

/* kept->store will be a new one on `device`, which has the name, and is opened by undo_make. */
enum result undo_begin(const struct undo *undo, struct kept *kept, struct device *device,
		       struct io *io, struct failure *why);

/* The size in bytes of a file that holds what it lacks (kept_count); UINT64_MAX: none does. */
uint64_t undo_bytes(const struct kept *kept);

/*
 * Can the file be made, and is there room for it? What others write there meanwhile, nobody knows.
 * RESULT_NO_SPACE; RESULT_REFUSED where it would be in memory, but for `force`.
 */
enum result undo_check(const struct undo *undo, const struct kept *kept, bool force,
		       struct failure *why);

/*
 * A store that is there has room for exactly what the merge overwrites. RESULT_REFUSED where it
 * lacks less: something else has merged. What `unreadable` exceptions of the merge were for, it may
 * lack as well. RESULT_OK for any other kept store.
 */
enum result undo_require_whole(const struct kept *kept, uint64_t unreadable, struct failure *why);

/* Makes the file, a hole, in the place of one that was left, and opens its device. */
enum result undo_make(const struct undo *undo, struct kept *kept, struct failure *why);

/* Makes a store of it, with that record; it is not new any more then. */
enum result undo_write(struct kept *kept, const struct record *record, struct failure *why);

/*
 * After the merge: an imprint of it and of the origin takes the place of its record. Where the
 * origin cannot be read there is no imprint, and the merge is done all the same.
 */
enum result undo_end(const struct kept *kept, struct device *origin, struct failure *why);

/* After a failure: a merge that has not begun needs no undo store, and its file goes. */
void undo_forget(const struct kept *kept);

#endif
