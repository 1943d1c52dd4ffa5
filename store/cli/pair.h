/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a command is given: ORIGIN and STORE, STORE alone, or a saved file in its place. Every
 * command that reads a store opens it here, and says the same of who else uses it.
 */
#ifndef STORE_CLI_PAIR_H
#define STORE_CLI_PAIR_H

#include "store/cli/cli.h"
#include "store/cow/gaps.h"
#include "store/cow/store.h"
#include "store/io/io_engine.h"
#include "store/savefile/savefile.h"

/* What a command needs of the two. */
struct pair_options {
	enum device_mode mode; /* of STORE, and of ORIGIN where that is an argument */
	/* ORIGIN is the value of an option: it is only looked at, no container is taken for one,
	 * and it is the one that is named where both are the same. */
	bool origin_is_option;
	bool saved;  /* a saved file may be in STORE's place; with DEVICE_LOOK only */
	bool gaps;   /* what cannot be read of a device's areas is no failure (store/cow/gaps.h) */
	bool silent; /* with DEVICE_LOOK: who else uses them does not matter */
	bool has_more; /* more devices than these two will be read and written on their queue */
	enum remedy if_used; /* REMEDY_NONE, or what helps in the place of REMEDY_FREE */
	enum io_engine_choice engine;
};

struct pair {
	struct device origin; /* not open where none was named */
	struct device
		device; /* STORE; not open where a saved file is read: store.device serves both */
	struct savefile saved; /* its file is open where one is read */
	struct io io;
	struct store store;
	struct gaps gaps;
	/* Where STORE is a volume: it, and what LVM knows of the snapshot. NULL: it is none. */
	const struct volume *volume;
	const struct group_snapshot *snapshot;
	/* All of ORIGIN; of it, origin.bytes are what the snapshot shows: an origin may have been
	 * extended since. */
	uint64_t origin_bytes;
};

/*
 * The name of the origin of STORE, a volume that is a snapshot's store: LVM knows it. *origin is
 * the caller's to free. RESULT_USAGE where STORE is no volume; RESULT_REFUSED where it is no
 * snapshot's; as volumes_find fails. `mode` is how the two will be opened.
 */
enum result pair_name_origin(const struct cli *cli, const char *store, enum device_mode mode,
			     char **origin, struct failure *why);

/* The same of the second argument, in the place of the first one, where that was left out. */
enum result pair_find_origin(struct cli *cli, enum device_mode mode, struct failure *why);

/* Is it known how long the origin is for the snapshot, and how long: ORIGIN tells, or LVM. */
bool pair_knows_origin(const struct pair *pair, uint64_t *bytes);

/*
 * Opens ORIGIN (NULL: none is named), STORE, the queue, and the store; see device_open and
 * store_open for what is accepted. RESULT_REFUSED where both names lead to the same bytes. Of a
 * device that is only looked at, a warning says who else uses it. Nothing of *pair need be set
 * before; it must stay in its place, and pair_close is due after an error, too.
 */
enum result pair_open(struct pair *pair, const struct cli *cli, const struct pair_options *options,
		      const char *origin, const char *store, struct failure *why);

/* How what a command writes to is opened; in a dry run, what it would write to. */
enum device_mode pair_mode(bool dry_run, bool force);

/* One more device, opened as STORE is. A volume is told with what it is made of. */
enum result pair_open_device(struct device *device, const struct cli *cli,
			     const struct pair_options *options, const char *name,
			     struct failure *why);

/* Is it a saved file that is read? */
bool pair_is_saved(const struct pair *pair);

/* RESULT_REFUSED for a saved file: it has neither data nor what is past the end of the list. */
enum result pair_require_store(const struct pair *pair, struct failure *why);

/* RESULT_DAMAGED, with the command that says more, where a scan found no end of the list of
 * exceptions, or not all of it could be read. */
enum result pair_require_list(const struct store *store, bool area_missing, bool unreadable,
			      struct failure *why);

/* Closes the devices, as a lost write may be told by that alone, before an outcome is printed.
 * Returns `result`, or RESULT_IO where that was RESULT_OK and a close failed. */
enum result pair_release(struct pair *pair, enum result result, struct failure *why);
enum result pair_release_device(struct device *device, enum result result, struct failure *why);

/* Harmless on a zeroed struct. */
void pair_close(struct pair *pair);

#endif
