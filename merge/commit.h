/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order of flushes and clears: how exceptions whose data is in the origin are forgotten. The
 * rules that hold at every moment are numbered on top of commit.c.
 */
#ifndef MERGE_COMMIT_H
#define MERGE_COMMIT_H

#include "store/io/batch.h"
#include "store/cow/store.h"

enum commit_state {
	COMMIT_IDLE,
	COMMIT_FLUSH_ORIGIN, /* the origin is being flushed */
	COMMIT_CLEAR,	     /* the exceptions of the cut are being zeroed */
	COMMIT_FLUSH_STORE,  /* the store is being flushed */
	COMMIT_CLEAR_REST,   /* the areas after the cut, which nobody can reach, are being zeroed */
};

struct commit {
	struct store *store;   /* the caller's */
	struct device *origin; /* the caller's */
	bool in_order;	       /* a torn clear must leave no exception after the end of the list */
	enum commit_state state;
	uint64_t first, end; /* the exceptions in hand */
	uint64_t cut_end;    /* first .. cut_end - 1 are the cut: in its area, or see rule 7 */
	uint64_t step_end;   /* first .. step_end - 1 are not yet cleared */
	uint64_t commits;    /* how many were completed */
	/* the batch in hand zeroes next_index .. clear_end - 1 */
	uint64_t next_index, clear_end;
	bool needs_flush;    /* the rest was zeroed after the store's last flush */
	uint8_t *zeros;	     /* as long as a segment can be; owned */
	uint8_t *edge;	     /* the block at `first`, with the exceptions before it; owned */
	uint32_t edge_bytes; /* how many bytes of it are exceptions that stay */
	struct batch batch;
	struct io_request flush;
	bool flush_done;
};

enum result commit_init(struct commit *commit, struct store *store, struct device *origin,
			bool in_order, struct failure *why);

/* Nothing may be in flight. Harmless on a zeroed struct. */
void commit_free(struct commit *commit);

/*
 * Begins to commit the exceptions first .. end - 1, which are the last ones of the store; all
 * writes of their data have completed. `kept` are the `kept_bytes` bytes of metadata right before
 * exception `first` in its block (see struct window).
 */
void commit_begin(struct commit *commit, uint64_t first, uint64_t end, const uint8_t *kept,
		  uint32_t kept_bytes);

/*
 * Goes on as far as that is possible without waiting; *moved is set where it went on. When the
 * state is back to COMMIT_IDLE, the exceptions are gone for good. A failure ends the merge: the
 * commit stays where it is, and what it had in flight must be drained (commit_drain).
 */
enum result commit_step(struct commit *commit, bool *moved, struct failure *why);

/* How many flushes of both devices the commit of these exceptions takes. */
uint64_t commit_flushes(const struct store *store, uint64_t first, uint64_t end, bool in_order);

/* After the last commit, idle: makes durable that all cleared areas are zero. */
enum result commit_finish(struct commit *commit, struct failure *why);

/* Waits until nothing is in flight. */
void commit_drain(struct commit *commit);

/*
 * Zeroes what is after the live exceptions, from number `live` to before number `end`, where
 * it is not zero already: torn clears of an interrupted merge, or a dirty tail. Flushed when it
 * returns.
 */
enum result commit_sweep(struct store *store, uint64_t live, uint64_t end, struct failure *why);

#endif
