/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an export refuses to write to. For verify/export_output alone; nothing here writes. */
#ifndef VERIFY_EXPORT_GUARD_H
#define VERIFY_EXPORT_GUARD_H

#include "verify/export/export_output.h"

/* OUT may not be the origin or the store; a block device that is open, not a loop device of them. */
enum result export_refuse_own(const struct export_output *output, struct failure *why);

/* A file that exists is not overwritten without consent. */
enum result export_refuse_existing(const struct export_output *output, struct failure *why);

/* Nor is a block device, which is open, on which libblkid knows something. */
enum result export_refuse_content(struct export_output *output, struct failure *why);

/* Does what stands beside an image file fit what is asked for: to begin, or to go on? */
enum result export_refuse_state(const struct export_output *output,
				enum export_state_presence presence, struct failure *why);

/* `earlier` must be of the same export, and the image file, which is open, hold as much as it says. */
enum result export_refuse_other(const struct export_output *output,
				const struct export_state *earlier, struct failure *why);

#endif
