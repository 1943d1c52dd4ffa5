/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two ends of a disk, by which libblkid knows what the disk holds. */
#ifndef STORE_COW_ENDS_H
#define STORE_COW_ENDS_H

#include "store/cow/view.h"
#include "store/device/probe.h"

#define ENDS_COUNT 2

/* Where they are: the second one may have no bytes. RESULT_NO_MEMORY. Freed by ends_free, also
 * after a failure. */
enum result ends_make(uint64_t disk_bytes, struct view_range ends[ENDS_COUNT], struct failure *why);
void ends_free(struct view_range ends[ENDS_COUNT]);

/* What is known by what the buffers hold. RESULT_IO: libblkid could not look, or
 * RESULT_NO_MEMORY. */
enum result ends_probe(uint64_t disk_bytes, const struct view_range ends[ENDS_COUNT],
		       struct probe_identity *identity, struct failure *why);

/* The same of a device, whose ends are read. */
enum result ends_probe_device(struct io *io, struct device *device, struct probe_identity *identity,
			      struct failure *why);

#endif
