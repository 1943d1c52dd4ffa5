/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What speaks against an origin where nothing can be compared: the bytes that its own file system, partition
 * table or label say are never written, or not without the block that the store lacks. Bytes in, ranges out;
 * every number in them is hostile. Reads nothing.
 */
#ifndef VERIFY_PLAUSIBLE_H
#define VERIFY_PLAUSIBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/device/probe.h"

/* Bytes of the origin in which no exception lies wholly, unless the store also has that of byte `key`, without
 * which nobody writes there. */
struct plausible_range {
	uint64_t from, to;
	uint64_t key;	  /* or PLAUSIBLE_NO_KEY */
	const char *what; /* "outside all of its partitions" */
};

#define PLAUSIBLE_NO_KEY UINT64_MAX
#define PLAUSIBLE_RANGES_MAX (PROBE_PARTITIONS_MAX + 4)

struct plausible {
	uint64_t end; /* of what the origin holds; 0: not known */
	struct plausible_range ranges[PLAUSIBLE_RANGES_MAX];
	size_t count;
};

/* From what libblkid found and the origin's first `head_bytes` bytes. */
void plausible_learn(struct plausible *plausible, const struct probe_identity *identity,
		     const uint8_t *head, size_t head_bytes, uint64_t origin_bytes);

/* What the bytes from .. to - 1 are, that nobody writes; NULL: somebody may. Keys are not looked at: the caller
 * takes out of `ranges` those of which the store has the key. */
const char *plausible_objection(const struct plausible *plausible, uint64_t from, uint64_t to);

#endif
