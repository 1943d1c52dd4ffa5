// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/chunk_set.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

#define LEAF_CHUNKS 32768u
#define WORD_CHUNKS 64u

bool chunk_set_init(struct chunk_set *set, uint64_t limit)
{
	uint64_t leaves = divide_up(limit, LEAF_CHUNKS);

	memset(set, 0, sizeof(*set));
	if (leaves > SIZE_MAX / sizeof(*set->leaves))
		return false;
	set->leaves = calloc(leaves ? (size_t)leaves : 1, sizeof(*set->leaves));
	set->limit = limit;
	return set->leaves != NULL;
}

void chunk_set_free(struct chunk_set *set)
{
	for (uint64_t i = 0; set->leaves && i < divide_up(set->limit, LEAF_CHUNKS); i++)
		free(set->leaves[i]);
	free(set->leaves);
	memset(set, 0, sizeof(*set));
}

/* The word with the bit of a chunk below the limit; NULL: its leaf does not exist. */
static uint64_t *word_of(const struct chunk_set *set, uint64_t chunk)
{
	uint64_t *leaf = set->leaves[chunk / LEAF_CHUNKS];

	return leaf ? &leaf[chunk % LEAF_CHUNKS / WORD_CHUNKS] : NULL;
}

static bool add_one(struct chunk_set *set, uint64_t chunk)
{
	uint64_t bit = (uint64_t)1 << chunk % WORD_CHUNKS;
	uint64_t *word = word_of(set, chunk);

	if (!word) {
		set->leaves[chunk / LEAF_CHUNKS] =
			calloc(LEAF_CHUNKS / WORD_CHUNKS, sizeof(uint64_t));
		word = word_of(set, chunk);
		if (!word)
			return false;
	}
	set->count += !(*word & bit);
	*word |= bit;
	return true;
}

bool chunk_set_add(struct chunk_set *set, uint64_t first, uint64_t count)
{
	uint64_t end = first < set->limit ? first + min_u64(count, set->limit - first) : first;

	for (uint64_t chunk = first; chunk < end; chunk++)
		if (!add_one(set, chunk))
			return false;
	return true;
}

bool chunk_set_take(struct chunk_set *set, uint64_t chunk)
{
	uint64_t bit = (uint64_t)1 << chunk % WORD_CHUNKS;
	uint64_t *word = chunk < set->limit ? word_of(set, chunk) : NULL;

	if (!word || !(*word & bit))
		return false;
	*word &= ~bit;
	set->count--;
	return true;
}
