/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Going on with an earlier export: is what it did what the view shows now? If it is, the whole
 * image is the view of one moment, whatever happened to origin and store in between: an unfinished
 * merge that goes on writes to the origin, and the view stays.
 *
 * All that is done is compared where an image file, origin or store, was changed since. Where none
 * was, and of block devices, of which that cannot be told, samples are: EXPORT_SAMPLES pieces,
 * evenly spread, the first of them at the beginning, where superblocks are, and the last window.
 */
#ifndef VERIFY_EXPORT_EXPORT_EARLIER_H
#define VERIFY_EXPORT_EXPORT_EARLIER_H

#include "verify/export/export_window.h"

#define EXPORT_SAMPLES 16u
#define EXPORT_SAMPLE_BYTES (64ull << 10)

/*
 * Compares what export->state says is done, in the target's image file, with the view; `window` is
 * lent. What was filled, or cannot be read now, is left out, and of a view whose end is within a
 * block, that last block. Afterwards the state tells of origin and store as they are now.
 *
 * RESULT_REFUSED: they differ; with export->options->force that is a note, and the state tells of
 * them as before, so that the next one to go on is refused again. RESULT_STOPPED: on request.
 * RESULT_IO: the image cannot be read.
 */
enum result export_earlier_check(struct export *export, struct export_window *window,
				 struct failure *why);

#endif
