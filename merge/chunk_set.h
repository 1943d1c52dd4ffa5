/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A set of chunk numbers below a limit: a bit for each, in leaves that are allocated when they are
 * first needed. 1 TiB of 4 KiB chunks takes 32 MiB at most. Pure but for its memory.
 */
#ifndef MERGE_CHUNK_SET_H
#define MERGE_CHUNK_SET_H

#include <stdbool.h>
#include <stdint.h>

struct chunk_set {
	uint64_t limit; /* members are below it */
	uint64_t count;
	uint64_t **leaves; /* owned */
};

/* An empty set. False: out of memory. */
bool chunk_set_init(struct chunk_set *set, uint64_t limit);

/* Harmless on a zeroed set. */
void chunk_set_free(struct chunk_set *set);

/* Adds chunks first .. first + count - 1, as far as they are below the limit. False: out of memory.
 */
bool chunk_set_add(struct chunk_set *set, uint64_t first, uint64_t count);

/* Removes a chunk. True: it was a member. Any number may be asked for. */
bool chunk_set_take(struct chunk_set *set, uint64_t chunk);

#endif
