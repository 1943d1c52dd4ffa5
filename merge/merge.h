/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The merge: first merge_prepare, which reads, judges and writes nothing; then merge_run. Prints
 * nothing.
 *
 * The caller fills in the fields before `results` of a zeroed struct merge.
 */
#ifndef MERGE_MERGE_H
#define MERGE_MERGE_H

#include <signal.h>

#include "merge/kept.h"
#include "merge/left_out.h"
#include "store/cow/store.h"
#include "verify/check/check.h"

#define MERGE_WINDOW_BYTES_MAX (1024u << 20)

struct merge;

/* What the caller chooses, and whom it wants to be told. */
struct merge_options {
	bool resume;
	bool pending;	      /* with resume: nothing that is not begun is merged, or given up */
	bool origin_is_told;  /* somebody who knows told whose the stores are: LVM's metadata */
	bool accept_origin;   /* consent to an origin that looks like another device */
	bool force;	      /* the same, and to another witness or imprint, and to duplicates */
	bool skip_lost;	      /* leave out what is lost, see left_out */
	bool skip_identity;   /* without libblkid: for a simulator */
	bool invalidate_full; /* consent to mark a kept store invalid that is too small */
	/* of data between commits, about; 1 .. MERGE_WINDOW_BYTES_MAX */
	uint64_t window_bytes;
	/* NULL, or: when it is set, end after the windows that are being written */
	const volatile sig_atomic_t *stop;
	/* NULL, or called now and then */
	void (*progress)(void *context, const struct merge *merge);
	/* NULL, or told what is odd: "DEVICE: ..." */
	void (*note)(void *context, const char *text);
	/* NULL, or told that a kept store is given up, once that is durable: never to be
	 * silenced */
	void (*lost)(void *context, const char *store, const char *text);
	void *context;
};

struct merge {
	/* the caller's, until the merge is over */
	const struct merge_options *options;
	struct store *store;
	struct device *origin;
	struct io *io;
	/* the same, from merge_prepare_kept on */
	struct kept *kept; /* other stores whose view must not change */
	size_t kept_count;
	struct store **dropped; /* kept by the unfinished merge, now to be marked invalid */
	size_t dropped_count;
	const char **unseen; /* the same, but out of reach: their names */
	size_t unseen_count;
	/* results */
	struct check check;	  /* of merge_prepare */
	enum identity identity;	  /* the same */
	struct left_out left_out; /* with skip_lost; left_out_free it */
	bool record_is_current;	  /* an unfinished merge is being resumed */
	bool record_is_stale;	  /* the store was used again since */
	bool record_is_given_up;  /* it is one of another merge, which is given up for this one */
	bool drop_is_recorded;	  /* the record says that what is dropped is kept no more */
	uint64_t window_bytes;	  /* of merge_run: fewer than chosen where memory is short */
	uint64_t exceptions_before, exceptions_left; /* left: not yet committed */
	uint64_t bytes_total, bytes_copied; /* of the store's data, as far as it is in the origin */
	uint64_t bytes_written;		    /* to the origin, clipped to its end */
	uint64_t commits, flushes;
};

/*
 * Everything that can be judged of the store and its origin before the first write: the store is
 * sound, its exceptions fit the origin, the record of an unfinished merge is of this origin, the
 * file system is the same. RESULT_DAMAGED, RESULT_REFUSED, RESULT_NO_STORE, RESULT_IO: nothing was
 * written.
 */
enum result merge_prepare(struct merge *merge, struct failure *why);

/* Is anything left to do, a record to be removed at least? If not, the kept stores need not even be
 * opened. After merge_prepare. */
bool merge_has_work(const struct merge *merge);

/* The window_bytes to take where nobody chose and that many bytes of memory are available: the data
 * of all windows takes no more than half of it, for a kernel grants what it does not have, and kills
 * then. Whole MiB, 1 at least, 32 at most. */
uint64_t merge_usual_window(uint64_t available_bytes);

/*
 * The same of merge->kept and merge->dropped, after merge_prepare: the kept stores are those of the
 * unfinished merge, sound, and have room for what they lack. RESULT_NO_SPACE, too. Before
 * merge_run, the caller makes the file of a new undo store (undo_make).
 */
enum result merge_prepare_kept(struct merge *merge, struct failure *why);

/* What merge_run would do. */
struct merge_estimate {
	uint64_t runs;	  /* of neighbours, as the kernel would merge them */
	uint64_t windows; /* commits, at most: several may be committed at once */
	uint64_t bytes;	  /* to be written to the origin: exactly those */
	uint64_t flushes; /* at most, of all devices together */
};

/* After merge_prepare, and merge_prepare_kept. Reads the metadata once more where a chunk has two
 * exceptions, or some are left out. RESULT_IO, RESULT_NO_MEMORY. */
enum result merge_estimate(const struct merge *merge, struct merge_estimate *estimate,
			   struct failure *why);

/*
 * Merges. RESULT_STOPPED: stopped on request, what is committed is safe. Any failure: what is
 * committed is safe, and a later merge with `resume` goes on.
 */
enum result merge_run(struct merge *merge, struct failure *why);

/* ---- for the files of a merge ---- */

/* Must the blocks of an area be cleared from the last to the first (see commit.c)? */
bool merge_in_order(const struct merge *merge);

/* Tells what is odd, "DEVICE: ...", and that a kept store is given up. */
void merge_note(const struct merge *merge, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void merge_note_lost(const struct merge *merge, const struct store *store, const char *text);

#endif
