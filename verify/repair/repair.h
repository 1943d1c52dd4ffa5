/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mends what verify can name. First repair_plan, which reads, judges and writes nothing; then the
 * caller gets consent, item by item; then repair_run. How consent is given is the caller's
 * business.
 *
 * Order of calls: repair_plan; the caller clears `accepted` in what is not consented to;
 * repair_settle; repair_lost as often as wanted; repair_confirm; repair_run; repair_check;
 * repair_free.
 *
 * The rules that hold at every moment of repair_run are numbered on top of repair_run.c.
 */
#ifndef VERIFY_REPAIR_REPAIR_H
#define VERIFY_REPAIR_REPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/cow/store.h"
#include "verify/check/check.h"
#include "verify/repair/rebuild.h"

/* At most this many exceptions are dropped; more would be no repair. */
#define REPAIR_DROPS_MAX (1024u << 10)

/* One repair. */
struct repair_item {
	enum repair_kind kind;
	enum problem problem; /* that it mends */
	bool accepted;
	/* the rest only where an exception is taken out (repair_item_drops) */
	uint64_t number; /* of the exception */
	struct exception exception;
	uint64_t first;	   /* duplicates: the number of the one that stays */
	bool has_twin;	   /* another exception for the same old chunk stays */
	bool view_unknown; /* an exception is lost here, and what it covered is not known */
	bool loses_view;   /* what it covers of the view then shows what the origin has now */
	bool is_covered; /* by an earlier one for its chunk, which goes too and would uncover it */
};

/* What the caller asks for. */
struct repair_options {
	bool origin_known;
	uint64_t origin_bytes; /* only where origin_known */
	bool set_valid;	       /* an invalid store is to be marked valid */
	bool drop_shared;      /* of two exceptions with one new chunk the later one is to go */
	bool forget_kept; /* a record by which the merge of another store keeps this one is to go */
};

struct repair {
	/* the caller's; nothing here changes them but the store */
	struct repair_options options;
	struct store *store;	     /* its header is good, or assumed */
	bool header_is_lost;	     /* it is assumed, and is to be written */
	enum problem header_problem; /* only where it is lost: what was found in its place */
	/* results of repair_plan */
	struct check check;
	struct repair_item *items; /* owned */
	size_t count;
	bool merge_stands;	      /* exceptions stay, as an unfinished merge counts them */
	uint64_t left[PROBLEM_COUNT]; /* findings that no item mends */
	uint32_t metadata_crc32;      /* repair_note */
	/* results of repair_run */
	size_t repaired; /* items */
};

/*
 * Looks for a header that is lost, or doubted, see verify/repair/rebuild.h. Only reads. `named`:
 * the chunk size that somebody names, or 0. RESULT_OK also where nothing is found.
 */
enum result repair_find_header(const struct store *store, uint32_t named, struct rebuild *rebuild,
			       struct failure *why);

/* Was the header lost in the race of old kernels, that of giving the snapshot up with another
 * write? Only reads. */
enum result repair_was_given_up(const struct store *store, bool *given_up, struct failure *why);

/*
 * Asking takes time, in which somebody else may write to the store. repair_note notes what the
 * metadata is; repair_confirm compares: RESULT_REFUSED where it is not the same any more. Both only
 * read. repair_plan notes it before it looks; repair_run needs it confirmed, a backup being part of
 * what lies between the two.
 */
enum result repair_note(struct repair *repair, struct failure *why);
enum result repair_confirm(const struct repair *repair, struct failure *why);

/*
 * Runs all checks and makes a repair of each finding that has one, all of them accepted. Writes
 * nothing. RESULT_DAMAGED: more exceptions would go than REPAIR_DROPS_MAX.
 */
enum result repair_plan(struct repair *repair, struct failure *why);

bool repair_item_drops(const struct repair_item *item);

/*
 * Takes back consent that means nothing alone, and returns NULL, or why exceptions stay that were
 * to go. Without its header, nothing of a store is mended. As long as a chunk is to keep two
 * exceptions, none goes, for another one takes its place, and which of the two counts could change.
 * As long as a stale merge record is to stay, none goes either; nor as long as one stays that
 * cannot be read, for a block is written whole, and nobody could ever read what it held.
 */
const char *repair_settle(struct repair *repair);

/* How many items are accepted. */
size_t repair_accepted(const struct repair *repair);

/*
 * What the accepted items take from the view: sorted ranges, neighbours joined, clipped to the
 * origin where it is known. lost_free it, also after an error.
 */
enum result repair_lost(const struct repair *repair, struct lost *lost, struct failure *why);

/* What an item does, and what it means for the view: a phrase. Returns `text`. */
const char *repair_describe(const struct repair *repair, const struct repair_item *item, char *text,
			    size_t size);

/* Carries out what is accepted. After an error, or a power cut, a repair can begin anew. */
enum result repair_run(struct repair *repair, struct failure *why);

/* Opens the store anew and runs all checks again: `after` needs no preparation. */
enum result repair_check(struct repair *repair, struct check *after, struct failure *why);

/* Harmless on a zeroed struct. */
void repair_free(struct repair *repair);

#endif
