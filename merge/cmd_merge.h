/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cowtool merge: what its three files share: opening, running, printing. */
#ifndef MERGE_CMD_MERGE_H
#define MERGE_CMD_MERGE_H

#include "merge/merge.h"
#include "store/cli/cli.h"
#include "store/cow/gaps.h"
#include "store/io/io_engines.h"
#include "store/cli/progress.h"

/* The command line. */
struct merge_choice {
	bool resume, pending, accept_origin, force, dry_run, invalidate_full, skip_lost;
	struct cli_list keep, drop;
	char *undo;
	uint64_t window_bytes;
	char *progress_name, *engine_name;
	enum progress_mode progress;
	enum io_engine_choice engine;
};

/* A store beside the one that is merged. */
struct merge_other {
	struct device device;
	struct store store;
	bool left_behind;    /* an undo store's file that a power cut may have left empty */
	uint64_t left_bytes; /* its size */
};

/* Everything that is open. */
struct merge_session {
	struct cli *cli;
	const struct merge_choice *choice;
	struct device origin, device;
	struct io io;
	struct store store;
	struct gaps gaps; /* of the store, with --skip-lost */
	/* kept ones, the undo store last; then dropped ones */
	struct merge_other *others;
	size_t kept_count, dropped_count;
	struct kept *kept;
	struct store **dropped;
	const char **unseen; /* names of dropped ones that could not be opened */
	struct merge_options options;
	struct merge merge;
	struct progress progress;
};

/* ---- cmd_merge_open.c ---- */

/* Opens ORIGIN, STORE and the engine, for reading alone where it is a dry run. Close the session
 * also after an error. */
enum result merge_session_open(struct merge_session *session, struct failure *why);

/*
 * For --pending, before merge_session_open: does STORE hold the record of a merge? ORIGIN and STORE are only
 * looked at, whoever uses them. RESULT_REFUSED: its record is damaged.
 */
enum result merge_session_look(const struct merge_session *session, bool *begun,
			       struct failure *why);

/* After merge_prepare: can ORIGIN and STORE be written to, if anything will be? A dry run notes where this
 * process may not. merge_session_open_others sees to the other stores. */
enum result merge_session_check_right(const struct merge_session *session, struct failure *why);

/* Opens the stores that are kept or dropped, and makes them known to the merge. The file of a new
 * undo store is not made yet. */
enum result merge_session_open_others(struct merge_session *session, struct failure *why);

/* The undo store that this merge is to make; NULL: none. */
struct kept *merge_session_new_undo(const struct merge_session *session);

/* Can the undo store's file be made, and is there room for it? What others write there meanwhile,
 * nobody knows. */
enum result merge_session_check_undo(const struct merge_session *session, struct failure *why);

/* Makes the undo store's file, once it is known what it must hold. */
enum result merge_session_make_undo(struct merge_session *session, struct failure *why);

/* A merge that never began needs no undo store. */
void merge_session_forget_undo(struct merge_session *session);

/* Closes what was written to; returns `result`, or RESULT_IO where that was RESULT_OK and a close
 * failed: a write may be lost, and that counts before the outcome is printed. */
enum result merge_session_release(struct merge_session *session, enum result result,
				  struct failure *why);

void merge_session_close(struct merge_session *session);

/* ---- cmd_merge_output.c ---- */

/* What a dry run shows. As merge_estimate fails; then nothing is printed. */
enum result merge_print_plan(struct merge_session *session, struct failure *why);

/* Nobody began a merge of it: there was nothing to go on with. */
void merge_print_not_begun(const struct merge_session *session);

/* What was done, with a result that may be an error. */
void merge_print_outcome(struct merge_session *session, enum result result);

enum result cmd_merge(struct cli *cli, int argc, const char **argv, struct failure *why);

#endif
