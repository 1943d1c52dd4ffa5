/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One kept store while windows are kept: what keep.c (the order of things) and keeper.c (moving
 * the data) share. */
#ifndef MERGE_KEEPER_H
#define MERGE_KEEPER_H

#include "merge/keep.h"
#include "store/io/batch.h"

/* Pieces of data that are on their way at a time. */
#define COPIERS 3u

/* What one window lacks in one store. */
struct job {
	enum {
		JOB_FREE,
		JOB_WAITING, /* for its turn to copy */
		JOB_COPYING, /* data, and the areas of rule 3 */
		JOB_COPIED,  /* waits for its turn to be published */
		JOB_FLUSHING_DATA,
		JOB_WRITING_BLOCK, /* of the area that the exceptions begin in */
		JOB_FLUSHING_BLOCK,
		JOB_KEPT,
	} state;
	uint64_t sequence;    /* of its window */
	bool unread;	      /* a chunk of the origin could not be read */
	uint64_t *old_chunks; /* ascending; owned */
	uint64_t count;
	uint64_t first;	      /* number of the first new exception in the store */
	uint64_t first_usual; /* its new chunk is geometry_usual_chunk(first_usual) */
	uint64_t next_byte;   /* of its data: what comes before is on its way or done */
	uint64_t next_entry;  /* number of the exception that is published next */
};

/* A piece of a job's data, seen as one string of bytes. */
struct copier {
	enum { COPIER_FREE, COPIER_READING, COPIER_WRITING } state;
	struct keeper *keeper;
	const struct job *job;
	uint64_t begin, end, cursor;
	uint8_t *buffer; /* owned */
	struct batch batch;
};

struct keeper {
	struct kept *kept;
	struct store *store;
	struct device *origin;
	const struct geometry *merging;
	struct job jobs[KEEP_SLOTS];
	unsigned int slots;
	uint64_t allocated, next_usual; /* of the exceptions that all jobs together add */
	struct copier copiers[COPIERS];
	/* the areas of the job that is copying */
	struct batch areas;
	const struct job *areas_job;
	uint64_t next_area_entry, areas_end;
	uint8_t *area_entries; /* room for all of a job's; owned */
	size_t area_position;
	uint8_t *zeros; /* as long as a segment can be; owned */
	/* the block that is published next, with the exceptions that are in it already */
	uint8_t *block; /* owned */
	struct io_request request;
	bool request_done;
};

/* Writes exception `number` of the store, one of the job's, to `bytes`. */
void keeper_put_entry(const struct keeper *keeper, const struct job *job, uint64_t number,
		      uint8_t *bytes);

/* For jobs of at most `most` exceptions. Free it also after an error. */
enum result keeper_init_copying(struct keeper *keeper, uint64_t most, struct failure *why);
void keeper_free_copying(struct keeper *keeper);

/* Starts to write the areas of rule 3: whole ones, from the one after that in which the job's
 * exceptions begin to the one in which the list will end. */
void keeper_start_areas(struct keeper *keeper, const struct job *job);

/* Goes on with a job's data, as far as that is possible without waiting. When that and its areas
 * are written, not flushed, the job becomes JOB_COPIED; *moved is set where it went on. */
enum result keeper_step_copying(struct keeper *keeper, struct job *job, bool *moved,
				struct failure *why);

/* Waits until none of that is in flight. */
void keeper_drain_copying(struct keeper *keeper);

#endif
