/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The view of a snapshot as an image: first export_prepare, which reads, judges and writes nothing;
 * then export_run; export_free in any case. Prints nothing.
 *
 * The caller fills in the fields above `results` of a zeroed struct export. Origin and store are
 * only read.
 */
#ifndef VERIFY_EXPORT_EXPORT_H
#define VERIFY_EXPORT_EXPORT_H

#include <signal.h>

#include "store/cow/store.h"
#include "store/cow/view_map.h"
#include "verify/check/check.h"
#include "verify/export/export_state.h"
#include "verify/check/identity.h"

/* The view passes through memory in pieces of this size, a few at a time. */
#define EXPORT_WINDOW_BYTES (4u << 20)
/* After so much was read and written, how far the export is becomes durable. */
#define EXPORT_CHECKPOINT_BYTES (256u << 20)

/* Where the view goes: a device; or, where that is NULL, a function that gets it in order. */
struct export_target {
	/* An image file grows with what is done, and zeros are not written to it. */
	struct device *device;
	enum result (*put)(void *context, const uint8_t *bytes, size_t count, struct failure *why);
	/* NULL, or makes the state durable; what it tells is on the device, flushed. */
	enum result (*checkpoint)(void *context, const struct export_state *state,
				  struct failure *why);
	void *context;
};

struct export;

/* What the caller chooses, and whom it wants to be told. */
struct export_options {
	/* Consent to a damaged or invalid store, to another origin, and to go on with an image
	 * whose part that is done is not what the view shows. */
	bool force;
	bool origin_is_told; /* somebody who knows told whose the store is: LVM's metadata */
	bool accept_origin;  /* consent to an origin that looks like another device, alone */
	bool fill; /* zeros take the place of what cannot be read; else that is an error */
	uint64_t window_bytes; /* a multiple of BUFFER_ALIGNMENT */
	uint64_t memory_bytes; /* for the exceptions, see store/cow/view_map.h */
	uint64_t checkpoint_bytes;
	const volatile sig_atomic_t *stop; /* NULL, or: when it is set, end after what is in hand */
	void (*progress)(void *context,
			 const struct export *export); /* NULL, or called now and then */
	void (*note)(void *context, const char *text); /* NULL, or told what is odd */
	void *context;
};

struct export
{
	/* the caller's */
	const struct export_options *options;
	struct store *store;
	struct device *origin;
	struct io *io;
	struct export_target target; /* for export_run */
	/* results */
	struct check check; /* of export_prepare */
	enum identity identity;
	struct view_map map;
	/* What is exported, after export_prepare; how far it is. A caller that goes on with an
	 * earlier export puts that one's state, the same by export_state_same, in its place. */
	struct export_state state;
	/* For the progress: state.done_bytes, or less while what an earlier export did is
	 * compared. */
	uint64_t position;
};

/*
 * Everything that can be judged before the first write: ORIGIN and STORE are not swapped, the store
 * is sound and fits the origin, or there is consent. RESULT_DAMAGED, RESULT_REFUSED,
 * RESULT_NO_STORE, RESULT_IO.
 */
enum result export_prepare(struct export *export, struct failure *why);

/*
 * Exports from state.done_bytes on. On the device, it is flushed at the end, or after a failure as
 * far as state.done_bytes says; then the checkpoint is called a last time. RESULT_STOPPED: on
 * request. RESULT_NO_SPACE: the device is full. RESULT_REFUSED: the device does not hold what the
 * view shows there (see verify/export/export_earlier.h), and there is no consent.
 */
enum result export_run(struct export *export, struct failure *why);

void export_free(struct export *export);

#endif
