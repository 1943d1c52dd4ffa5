/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The crash simulator: disks in memory with a volatile write cache, with the same struct io_engine
 * as the real engines. The merge code runs on it unchanged.
 *
 *   sim.c       the disks and the engine: completion in any order, faults, what a power cut may
 *               leave
 *   faulty.c    what the disks do wrong on purpose, to break a rule
 *   trace.c     the same disks, following a real engine on real files
 *   scenario.c  what is merged: a store, an origin, options, all from one seed
 *   lost.c      scenarios of which something is lost
 *   layout.c    devices that are extents on disks which they share
 *   broken.c    what is repaired: a store with defects, all from one seed
 *   kernel.c    a small model of the kernel that goes on with the store
 *   judge*.c    what must be true of the bytes that a power cut leaves, a merge (their own header
 *               is judge.h) or a repair
 *   main.c      how many of them, on how many cores; the deliberate breaks; shrinking
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "merge/merge.h"
#include "store/device/map.h"

/* ---- random numbers: SplitMix64 ---- */

struct random {
	uint64_t state;
};

uint64_t random_next(struct random *random);
/* 0 .. limit - 1 */
uint64_t random_below(struct random *random, uint64_t limit);
/* True once in `times`. */
bool random_once_in(struct random *random, uint64_t times);

/* ---- disks ---- */

#define SIM_KEPT_MAX 3
#define SIM_DISKS (2 + SIM_KEPT_MAX) /* at most as many disks as devices */
#define SIM_REQUESTS 512

/* A write that is not durable yet. */
struct sim_write {
	struct sim_disk *disk;
	const struct device *device;
	uint64_t offset; /* on the disk */
	uint64_t place;	 /* on the device */
	uint32_t bytes;
	bool completed;
	bool missed;	       /* by the next flush (faulty.c) */
	uint64_t completed_at; /* the moment */
	uint8_t *data;
};

/* What a disk's sector belongs to that is on no device. */
#define SIM_NOBODY 255

struct sim_disk {
	uint64_t bytes;
	uint32_t block_bytes;
	uint8_t *current; /* what a read returns */
	uint8_t *durable; /* what surely survives */
	uint8_t *owner;	  /* of each sector: the number of the device, or SIM_NOBODY */
};

/* What goes wrong: with request number `at` and, if `forever`, with all of that kind on that disk.
 */
enum fault_kind { FAULT_NONE, FAULT_READ, FAULT_WRITE, FAULT_FLUSH, FAULT_SHORT };

struct fault {
	enum fault_kind kind;
	uint64_t at;
	bool forever;
};

struct sim;
typedef void (*sim_observer)(struct sim *sim, void *context);

struct sim {
	struct io io;
	struct sim_disk disks[SIM_DISKS]; /* each has a cache of its own */
	struct device
		devices[SIM_DISKS]; /* 0: the origin, 1: the store, then kept stores, if any */
	struct map maps[SIM_DISKS]; /* of the devices that are volumes */
	struct device_file files[SIM_DISKS]; /* the disks, for maps */
	struct random random;
	bool in_order; /* complete the oldest request first */
	struct fault fault;
	bool fault_happened, wrote_outside;
	bool fault_may_pass; /* all that failed were writes to unreadable blocks: those may, untold */
	/* for faulty.c */
	uint64_t chunk_bytes[SIM_DISKS]; /* of the store on each device; 0: the origin */
	bool late_flush[SIM_DISKS];	 /* told as done, and to be done after the next write */
	bool repairing;			 /* the store is not merged but mended */
	bool unsettled;			 /* inherited, and nothing is written since */
	const bool
		*unreadable; /* NULL, or of each sector of device 1: no read of it ever succeeds */
	struct io real;	     /* of a trace: the engine that does the work, on files */
	struct device real_disks[SIM_DISKS];
	bool read_differs; /* of a trace: it read other bytes than the disk has */
	uint64_t moment, requests;
	struct io_request *waiting[SIM_REQUESTS];
	struct sim_write *waiting_write[SIM_REQUESTS]; /* of the request, or NULL */
	bool waiting_overlaps[SIM_REQUESTS];   /* a read and a write of one place are in flight at
						  once */
	uint64_t waiting_moment[SIM_REQUESTS]; /* when it was submitted */
	unsigned int waiting_count;
	struct sim_write
		*writes[8 * SIM_REQUESTS]; /* not durable: completed ones first, in order */
	unsigned int write_count, completed_count;
	sim_observer observer; /* called at every moment at which the power may go */
	void *context;
};

void sim_open(struct sim *sim, uint64_t seed);
/* A disk of a device's own; its bytes are copied from `image`. */
void sim_add_disk(struct sim *sim, int number, const char *name, const uint8_t *image,
		  uint64_t bytes, uint32_t block_bytes);
/* A disk for volumes. All of them are added first, with blocks of one size. */
void sim_add_blank(struct sim *sim, int number, uint64_t bytes, uint32_t block_bytes);
/* A device on extents of such disks; map->files is sim->files. The segments stay the caller's. */
void sim_add_volume(struct sim *sim, int number, const char *name, const uint8_t *image,
		    const struct map *map);
void sim_close(struct sim *sim);

/* What a device holds, as a read returns it. */
void sim_copy(const struct sim *sim, int number, uint8_t *to);

/* The disk on which the request's place is. */
struct sim_disk *sim_disk_of(struct sim *sim, const struct io_request *request);

/* For a trace: takes note of a request, as the engine of the simulator does. */
void sim_remember(struct sim *sim, struct io_request *request);
/* Is it a read that no disk would carry out, as a block of it is unreadable? */
bool sim_is_unreadable(const struct sim *sim, const struct io_request *request);
/* The real engine has carried it out, with success. */
void sim_follow(struct sim *sim, struct io_request *request);

/* Is this engine (enum io_engine_choice) to be had here? */
bool trace_has(int engine);
/* Puts such a one on real files, in $TMPDIR or /var/tmp, in place of the simulator's; the disks
 * were added before. */
void trace_open(struct sim *sim, int engine);
/* Do the files hold what the disks hold? Closes them. */
bool trace_close(struct sim *sim);

/* How many logical blocks are neither surely old nor surely new. */
unsigned int sim_loose_blocks(const struct sim *sim);

/* The bytes after a power cut. `choice`: bit i says whether loose block i is written; NULL: at
 * random. */
void sim_power_cut(struct sim *sim, struct random *random, const uint64_t *choice,
		   uint8_t *images[SIM_DISKS]);

/*
 * A process was killed, and the next one finds the disks as they are, without a power cut: `to` has
 * disks of the same sizes. What was on its way is done, or was never sent; nothing is flushed by
 * that.
 */
void sim_inherit(struct sim *to, const struct sim *from, struct random *random);

/* ---- scenarios ---- */

#define SCENARIO_EXCEPTIONS_MAX 700

/* A store that the merge keeps. */
struct scenario_kept {
	uint32_t chunk_sectors;
	uint64_t bytes;
	uint64_t shown_bytes; /* as long as its view is; of an undo store all of the origin */
	bool told;	 /* the merge is told that; else it is as long as the merging one shows */
	bool undo;	 /* to be made by the merge: its disk is blank before */
	bool dirty_tail; /* before the merge */
	bool too_small;	 /* for what it lacks */
	uint32_t exceptions;
	struct exception list[SCENARIO_EXCEPTIONS_MAX];
	uint64_t needed;
	bool *lacking; /* of each of its chunks of the origin: does the merge bring an exception? */
	uint8_t *view; /* what it must go on showing */
};

struct scenario {
	uint64_t seed;
	uint32_t chunk_sectors;
	uint32_t block_bytes[SIM_DISKS];
	uint32_t exceptions;
	uint64_t origin_bytes, store_bytes;
	/* What the merging snapshot shows of the origin: that may have been extended since. */
	uint64_t shown_bytes;
	bool lengths; /* the merge is told how long each snapshot is, as by LVM's metadata */
	uint64_t window_bytes;
	unsigned int batch_width; /* requests of a batch in flight, at most */
	bool usual_order, duplicates, dirty_tail, exhaustive;
	struct layout *layout; /* NULL: each device is a disk of its own */
	struct fault fault;
	struct exception list[SCENARIO_EXCEPTIONS_MAX];
	bool skip_lost;			    /* something may be lost, and is to be left out */
	bool lost[SCENARIO_EXCEPTIONS_MAX]; /* of each exception */
	bool area_missing;		    /* the list has no end on the device */
	bool *unreadable;		    /* NULL, or of each sector of the store */
	bool *left_out; /* then: of each sector of the origin, does a merge leave it out and list it? */
	unsigned int kept_count;
	struct scenario_kept kept[SIM_KEPT_MAX];
	bool too_small;	      /* one of them is */
	bool invalidate_full; /* such a one is to be marked invalid, else the merge is refused */
	uint8_t *images[SIM_DISKS]; /* before the merge */
	uint8_t *view;		    /* what the origin must become, all of it */
	uint8_t *finished;	    /* what the store must become */
};

/* What the command line fixes; 0 and -1: chosen by the seed. */
struct limits {
	uint64_t exceptions, chunk_sectors, window_bytes;
	int faults, duplicates, dirty_tail, usual_order, kept, lost, unreadable, volumes, lengths;
};

void scenario_make(struct scenario *scenario, uint64_t seed, const struct limits *limits);
void scenario_free(struct scenario *scenario);

/* How many disks it has, and their sizes. */
unsigned int scenario_disks(const struct scenario *scenario);
uint64_t scenario_bytes(const struct scenario *scenario, unsigned int disk);

/* Where the merging store has exception number `index`, in bytes. */
uint64_t scenario_entry_place(const struct scenario *scenario, uint64_t index);

/* Lays the scenario's devices out on disks that they share; free() it. */
struct layout *layout_make(const struct scenario *scenario, struct random *random);
void layout_open_disks(const struct layout *layout, struct sim *sim);
void layout_open_volume(const struct layout *layout, struct sim *sim, int number, const char *name,
			const uint8_t *image);

/* Damages the list, or cuts the store off. Before the images are made. */
void lost_make(struct scenario *scenario, struct random *random);

/* Makes blocks of the store unreadable, data or areas or both. After lost_make and the images. */
void lost_make_unreadable(struct scenario *scenario, struct random *random);

/* Did a merge that is done list exactly what it had to leave out, or, a resume, nothing else? */
bool lost_is_listed(const struct scenario *scenario, const struct left_out *left_out, bool resume);

/* Can none of the first `live` exceptions be read, as their blocks of the areas cannot? */
bool lost_list_is_unreadable(const struct scenario *scenario, uint32_t live);

/* Can the area in which a list of `live` exceptions ends not be read? */
bool lost_end_is_unreadable(const struct scenario *scenario, uint32_t live);

/* Is an exception lost, or a part of its data unreadable? */
bool lost_in_part(const struct scenario *scenario, uint32_t number);

/* Is anything of what is lost among the first `live` exceptions? */
bool lost_is_left(const struct scenario *scenario, uint32_t live);

/* What origin and the first `live` exceptions show, but for those that are lost; and after that the
 * rest of the origin. */
void lost_view(const struct scenario *scenario, const uint8_t *origin, const uint8_t *store,
	       uint32_t live, uint8_t *view);

/* ---- the model of the kernel: works on plain bytes, knows nothing of cowtool's code ---- */

/* How many live exceptions the kernel's reader finds; `list` may be NULL. */
uint32_t kernel_read(const uint8_t *store, uint64_t store_bytes, uint32_t chunk_sectors,
		     struct exception *list, uint32_t most);

/* The kernel merges what is left, with the kept stores loaded. False: one of them was full. */
bool kernel_merge(const struct scenario *scenario, uint8_t *const images[SIM_DISKS]);

/* The kernel uses the store as a live snapshot: new exceptions from both sides, with reloads.
 * Returns NULL, or what was seen to be wrong. `view` is what the snapshot shows; changed with it.
 */
const char *kernel_use(uint8_t *origin, uint64_t origin_bytes, uint8_t *store, uint64_t store_bytes,
		       uint32_t chunk_sectors, uint8_t *view, struct random *random);

/* Is anything but zero after the end of the list, in its area? */
bool kernel_tail_is_dirty(const uint8_t *store, uint64_t store_bytes, uint32_t chunk_sectors);

/* The snapshot's view over the origin, `view` of origin_bytes bytes. */
void kernel_view(const uint8_t *origin, uint64_t origin_bytes, const uint8_t *store,
		 uint64_t store_bytes, uint32_t chunk_sectors, uint8_t *view);

/* ---- the judge ---- */

struct counts {
	uint64_t scenarios, states, distinct, nested, faults, kernel_merges, kernel_uses,
		wrong_origins, kept_states, wrong_kept, lost_states, volume_states, length_states,
		drops, kills;
};

/* Runs a scenario and judges every state that a power cut may leave of it, as many as the budget
 * allows. The first violation is printed to `report`; false then. */
bool judge_scenario(const struct scenario *scenario, struct counts *counts, uint64_t budget,
		    FILE *report);

/* The same with a real engine (trace_has) doing the merge; not of a scenario that is refused. */
bool judge_trace(const struct scenario *scenario, int engine, struct counts *counts,
		 uint64_t budget, FILE *report);

/* A repair of a store with defects, all from one seed. */
bool judge_repair(uint64_t seed, struct counts *counts, uint64_t budget, FILE *report);

/* A set of 64-bit numbers shared by all processes. True: it was not in it. */
bool seen_add(uint64_t hash);

#endif
