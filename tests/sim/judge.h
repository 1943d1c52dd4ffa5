/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The judge's own: what its files share.
 *
 *   judge.c          the cuts, the resumes, the end
 *   judge_run.c      the merge as the command runs it
 *   judge_bytes.c    what must be true of origin and store
 *   judge_kept.c     what must be true of the kept stores
 *   judge_refused.c  resumes that must be refused
 */
#ifndef TESTS_SIM_JUDGE_H
#define TESTS_SIM_JUDGE_H

#include "tests/sim/sim.h"

struct trial {
	const struct scenario *scenario;
	struct counts *counts;
	struct random random;
	uint64_t budget;    /* states left to be judged */
	unsigned int depth; /* 0: the merge; 1: its resume; 2: the resume's resume */
	FILE *report;
	bool failed;
};

/* Notes that `what` is wrong; only the first such thing of a trial is printed. */
void violate(struct trial *trial, const char *what);

/* ---- judge_run.c ---- */

/* Images of the scenario's disks, copied from `from` or (NULL) not filled in; the caller frees them. */
void copy_images(const struct scenario *scenario, uint8_t *to[SIM_DISKS],
		 uint8_t *const from[SIM_DISKS]);
void free_images(uint8_t *images[SIM_DISKS]);

/* Do the disks hold the images? */
bool same_images(const struct scenario *scenario, const struct sim *sim,
		 uint8_t *const images[SIM_DISKS]);

/* Fills in *sim with disks that hold the images; the caller closes it. */
void open_disks(struct sim *sim, struct trial *trial, uint8_t *const images[SIM_DISKS]);

/* A command line. */
struct command {
	bool resume, skip_lost;
	unsigned int kept_count;
	unsigned int kept[SIM_KEPT_MAX]; /* which of the scenario's, in the order of the options */
};

/* With all kept stores, in their order, and leave to skip what is lost. */
struct command command_make(const struct scenario *scenario, bool resume);

enum result run_command(struct sim *sim, const struct scenario *scenario,
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

/* Kept store `i`, once the merge is done. */
void judge_kept_finished(struct trial *trial, const uint8_t *image, unsigned int i);

/* ---- judge_refused.c ---- */

/* A resume that leaves out a kept store, or names another one in its place. */
void judge_wrong_kept(struct trial *trial, uint8_t *const images[SIM_DISKS]);

/* An origin with other bytes at the witness. */
void judge_wrong_origin(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live,
			const struct record *record);

/* A resume of a store of which something is lost, without leave to skip it. */
void judge_lost_resume(struct trial *trial, uint8_t *const images[SIM_DISKS], uint32_t live);

#endif
