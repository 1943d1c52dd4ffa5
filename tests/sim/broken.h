/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the simulator's repairs begin with. */
#ifndef TESTS_SIM_BROKEN_H
#define TESTS_SIM_BROKEN_H

#include "tests/sim/sim.h"

#define EXCEPTIONS_MAX 130u
#define OLD_CHUNKS_MAX 160u

/* A store with defects, and what a repair must make of it. */
struct broken_store {
	uint64_t seed;
	uint32_t chunk_sectors, block_bytes;
	uint64_t chunk_bytes, per_area, chunks;
	uint32_t exceptions, origin_chunks;
	bool drop_shared, area_missing, dirty_tail, dirty_slack, is_merging, header_is_lost,
		invalid;
	struct exception list[EXCEPTIONS_MAX];
	struct fault fault;
	uint64_t origin_bytes, store_bytes;
	uint8_t *images[SIM_DISKS];
	uint8_t record[RECORD_BYTES];
	/* for each old chunk the new one that the kernel shows, 0: none */
	uint64_t before[OLD_CHUNKS_MAX], after[OLD_CHUNKS_MAX];
};

bool broken_is_metadata(const struct broken_store *broken, uint64_t chunk);

/* Made from that seed; freed by broken_store_free. */
struct broken_store *broken_store_make(uint64_t seed);
void broken_store_free(struct broken_store *broken);

#endif
