/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cowtool merge: what its two files share. */
#ifndef MERGE_CMD_MERGE_H
#define MERGE_CMD_MERGE_H

#include "merge/merge.h"
#include "merge/undo.h"
#include "store/base/suggest.h"
#include "store/cli/cli.h"
#include "store/cli/json.h"
#include "store/cli/pair.h"
#include "store/cli/progress.h"

/* The command line. */
struct merge_choice {
	bool resume, pending, accept_origin, force, dry_run, invalidate_full, skip_lost;
	struct json *list; /* in JSON: where the object is one of an array; NULL: it is alone */
	struct cli_list keep, drop;
	char *undo;
	uint64_t window_bytes;
	unsigned int timeout;
	struct cli_word progress, engine;
};

/* A store beside the one that is merged. */
struct merge_other {
	struct device device;
	struct store store;
};

/* Everything that is open. */
struct merge_session {
	struct cli *cli;
	const struct merge_choice *choice;
	struct pair pair;
	/* kept ones, the undo store last; then dropped ones */
	struct merge_other *others;
	size_t kept_count, dropped_count;
	struct kept *kept;
	struct store **dropped;
	const char **unseen; /* names of dropped ones that could not be opened */
	struct undo undo;    /* where one is wanted */
	/* names: what is kept, with LVM's other snapshots of ORIGIN; what is given up as the merge
	 * begins; what an unfinished merge kept, and is given up */
	struct cli_list keep, give_up, drop;
	/* of those given up, LVM's that are out of reach: to be named again in a resume, which
	 * would keep them otherwise */
	struct cli_list beyond;
	struct merge_options options;
	struct merge merge;
	struct progress progress;
};

/* One merge, from opening to closing: the arguments are ORIGIN (NULL: LVM knows it) and STORE. */
enum result cmd_merge_one(struct cli *cli, const struct merge_choice *choice, struct failure *why);

/* All that LVM's metadata and the stores' records say was begun (cmd_merge_pending.c). */
enum result cmd_merge_pending(struct cli *cli, struct merge_choice *choice, struct failure *why);

/* What a dry run shows. As merge_estimate fails; then nothing is printed. */
enum result cmd_merge_print_plan(struct merge_session *session, struct failure *why);

/* Nobody began a merge of it: there was nothing to go on with. */
void cmd_merge_print_not_begun(struct merge_session *session);

/* What was done, with a result that may be an error. */
void cmd_merge_print_outcome(struct merge_session *session, enum result result);

/* After merge_run: adds to its failure that what is merged is safe, and the command that goes
 * on. */
void cmd_merge_say_how_to_go_on(const struct merge_session *session, enum result result,
				struct failure *why);

/* Of a store that is to be given up and is out of reach: it could not be opened; and with consent,
 * it is told. */
enum result cmd_merge_refuse_unseen(enum result result, struct failure *why);
enum result cmd_merge_give_up_unseen(struct merge_session *session, const char *name,
				     struct failure *why);

/* ---- LVM's volumes (cmd_merge_volumes.c); nothing, where ORIGIN is none ---- */

/* May its origin be written to, and is this the snapshot that LVM would merge? RESULT_REFUSED. */
enum result cmd_merge_check_volumes(const struct merge_session *session, struct failure *why);

/* Is it the name of another snapshot of ORIGIN's than STORE? */
bool cmd_merge_is_sibling(const struct merge_session *session, const char *name);

/* The names of session->keep, give_up and drop: the user's, and LVM's other snapshots of ORIGIN. */
enum result cmd_merge_list_names(struct merge_session *session, struct failure *why);

/* Before the first write, where LVM does not know of the merge. */
void cmd_merge_note_lvm(const struct merge_session *session);

/* The command that LVM still has to be told, after a whole merge; false: there is none. */
bool cmd_merge_then(const struct merge_session *session, struct suggestion *command);
void cmd_merge_print_then(const struct merge_session *session);

/* Where a kept volume is too small: how to enlarge it. */
void cmd_merge_say_enlarge(const struct merge_session *session, struct failure *why);

enum result cmd_merge(struct cli *cli, int argc, const char **argv, struct failure *why);

#endif
