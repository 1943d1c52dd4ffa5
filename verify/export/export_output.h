/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OUT of an export: an image file, a block device, or a stream of the caller's. */
#ifndef VERIFY_EXPORT_EXPORT_OUTPUT_H
#define VERIFY_EXPORT_EXPORT_OUTPUT_H

#include <sys/stat.h>

#include "verify/export/export.h"

enum export_kind {
	EXPORT_TO_FILE,	 /* sparse; can be resumed */
	EXPORT_TO_BLOCK, /* what is after the view's end stays as it is */
	EXPORT_TO_STREAM,
};

struct export_output {
	const char *name; /* a path, the caller's */
	enum export_kind kind;
	bool resume; /* go on with an unfinished export */
	bool force;  /* consent to lose what is there */
	/* the output's own */
	struct export *export;
	char *state_path; /* owned */
	bool exists;
	struct stat found; /* where it exists: what was there when it was looked at first */
	struct device device;
};

/* "-" is a stream, for which export->target.put and context are the caller's. Nothing is opened.
 * RESULT_REFUSED: a file of that name belongs to another user (path_refuse_foreign). */
enum result export_output_choose(struct export_output *output, const char *name,
				 struct failure *why);

/*
 * Opens and judges OUT, which is known by its descriptor alone from then on, and sets
 * export->target, and export->state where an earlier export is resumed; after export_prepare.
 * RESULT_REFUSED: it exists, holds something, is in use, is the origin or the store, or cannot be
 * resumed; RESULT_NO_SPACE: the block device is too small. What was refused is as it was. An image
 * file then has a state beside it until it is complete.
 */
enum result export_output_open(struct export_output *output, struct export *export,
			       struct failure *why);

/*
 * After export_run, with its result: closes OUT, and if all went well, the state is gone. Returns
 * the result, or a failure of its own.
 */
enum result export_output_finish(struct export_output *output, enum result result,
				 struct failure *why);

/* Can an export that was begun, and failed, be resumed? */
bool export_output_can_resume(const struct export_output *output);

/* Harmless on a zeroed struct. */
void export_output_free(struct export_output *output);

#endif
