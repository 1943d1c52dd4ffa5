/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The judge's own: what its files share.
 *
 *   judge.c          the cuts, the resumes, the end
 *   judge_run.c      the merge as the command runs it
 *   judge_bytes.c    what must be true of origin and store
 *   judge_kept.c     what must be true of the kept stores
 *   judge_drop.c     a kept store that is given up on the way
 *   judge_refused.c  resumes that must be refused
 *   judge_undo.c     the imprint in an undo store, and the way back
 */
#ifndef TESTS_SIM_JUDGE_H
#define TESTS_SIM_JUDGE_H

#include "tests/sim/sim.h"

#define DEPTH_MAX 3u

struct trial {
	const struct scenario *scenario;
	struct counts *counts;
	struct random random;
	uint64_t budget;      /* states left to be judged */
	unsigned int depth;   /* 0: the merge; 1: its resume; 2: the resume's resume */
	int dropping;	      /* the kept store that a resume gives up; -1: none */
	unsigned int watched; /* this many more moments are all looked at, also in a resume */
	FILE *report;
	bool failed;
};

/* Notes that `what` is wrong; only the first such thing of a trial is printed. */
void judge_violate(struct trial *trial, const char *what);

/* ---- judge_run.c ---- */

/* Images of the scenario's disks, copied from `from` or (NULL) not filled in; the caller frees
 * them. */
void judge_copy_images(const struct scenario *scenario, uint8_t *to[SIM_DISKS],
		       uint8_t *const from[SIM_DISKS]);
void judge_free_images(uint8_t *images[SIM_DISKS]);

/* Do the disks hold the images? */
bool judge_same_images(const struct scenario *scenario, const struct sim *sim,
		       uint8_t *const images[SIM_DISKS]);

/* Fills in *sim with disks that hold the images; the caller closes it. */
void judge_open_disks(struct sim *sim, struct trial *trial, uint8_t *const images[SIM_DISKS]);

/* A command line. */
struct command {
	bool resume, skip_lost;
	unsigned int kept_count;
	unsigned int kept[SIM_KEPT_MAX]; /* which of the scenario's, in the order of the options */
	int dropped;			 /* the kept store to be given up; -1: none */
};

/* With all kept stores, in their order, and leave to skip what is lost. */
struct command judge_command(const struct scenario *scenario, bool resume);

enum result judge_run(struct sim *sim, const struct scenario *scenario,
		      const struct command *command, struct failure *why);

/* ---- judge_bytes.c; `live`: how many exceptions a reader finds ---- */

void judge_list(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live);
void judge_view(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live,
		const char *what);
void judge_record(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live,
		  struct record *record);
void judge_tail(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live);
void judge_kernel(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live);

/* ---- judge_kept.c ---- */

void judge_kept(struct trial *trial, uint8_t *const images[SIM_DISKS], const char *what);

/* What the merge has copied to the kept stores; not after a kernel went on. */
void judge_copies(struct trial *trial, uint8_t *const images[SIM_DISKS]);

/* Kept store `i`, once the merge is done. */
void judge_kept_finished(struct trial *trial, const uint8_t *image, unsigned int i);

/* ---- judge_drop.c ---- */

/* Was kept store `i` given up by the resume in hand? */
bool judge_is_dropped(const struct trial *trial, unsigned int i, const uint8_t *image);

/* Resumes, and gives a kept store up; with cuts of its own. */
void judge_drop(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live);

/* Of a cut while that is done. */
void judge_dropping(struct trial *trial, uint8_t *const images[SIM_DISKS]);

/* A resume that must go on with these bytes. */
struct command judge_choose_resume(struct trial *trial, uint8_t *const images[SIM_DISKS]);

/* ---- judge_undo.c ---- */

/* An imprint is there only when the merge is done, and is of the origin as it is then. */
void judge_imprint(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live);

/* Once the merge is done: it goes back with the undo store, and is refused where the origin was
 * written to. */
void judge_undo(struct trial *trial, uint8_t *const images[SIM_DISKS]);

/* ---- judge.c ---- */

/* Looks at the moments at which the power may go. */
void judge_watch(struct trial *trial, struct sim *sim);

/* After a fault: what a power cut may leave now, and what a reader sees without one. */
void judge_after_fault(struct trial *trial, struct sim *sim, enum result result);

/* Once the merge is done. */
void judge_finished(struct trial *trial, struct sim *sim);

/* ---- judge_refused.c ---- */

/* The command is refused and writes nothing; `what` is said where it is not. */
void judge_must_refuse(struct trial *trial, uint8_t *const images[SIM_DISKS],
		       const struct command *command, const char *what);

/* A resume that leaves out a kept store, or names another one in its place. */
void judge_wrong_kept(struct trial *trial, uint8_t *const images[SIM_DISKS]);

/* An origin with other bytes at the witness. */
void judge_wrong_origin(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live,
			const struct record *record);

/* A resume of a store of which something is lost, without leave to skip it. */
void judge_lost_resume(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live);

#endif
