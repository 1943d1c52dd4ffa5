/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What speaks against an origin where nothing can be compared: the bytes that its own file system,
 * partition table or label say are never written, or not without the block that the store lacks.
 * Bytes in, ranges out; every number in them is hostile. Reads nothing.
 */
#ifndef VERIFY_PLAUSIBLE_H
#define VERIFY_PLAUSIBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/device/probe.h"

/* Bytes of the origin in which no exception lies wholly, unless another one has byte `key`,
 * without which nobody writes there. */
struct plausible_range {
	uint64_t from, to;
	uint64_t key;	      /* or PLAUSIBLE_NO_KEY */
	const char *what;     /* "outside all of its partitions" */
	bool has_key, is_hit; /* by what was looked at: one has the key; one lies in it */
	uint64_t old_chunk;   /* of the first that does */
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

/* Looks at an exception of the store, which is for the bytes from .. to - 1 of the origin. */
void plausible_look(struct plausible *plausible, uint64_t old_chunk, uint64_t from, uint64_t to);

/* After a look at all of them: where one lies that nobody can have made; NULL: nothing speaks
 * against it. */
const struct plausible_range *plausible_objection(const struct plausible *plausible);

#endif
