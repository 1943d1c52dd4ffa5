/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where things are on a COW device: chunks, areas, the data of exceptions; and what there is room
 * for. Pure arithmetic. store/cow/format.h has what the bytes are.
 */
#ifndef STORE_COW_GEOMETRY_H
#define STORE_COW_GEOMETRY_H

#include <stdbool.h>
#include <stdint.h>

/* No device is larger than what a signed 64-bit offset can address. */
#define ORIGIN_BYTES_MAX ((uint64_t)INT64_MAX)

/* The kernel's limit is INT_MAX >> 9 sectors; the largest power of two below it. */
#define CHUNK_SECTORS_MAX 2097152u

/* Can a chunk have this many bytes: a power of two, from a sector to CHUNK_SECTORS_MAX of them? */
bool geometry_chunk_is_valid(uint64_t bytes);

#define EXCEPTION_BYTES 16u
/* Bits 56..63 of new_chunk are a run length in the kernel's memory: such a store is corrupt. */
#define NEW_CHUNK_LIMIT ((uint64_t)1 << 56)

struct geometry {
	uint32_t chunk_sectors;
	uint32_t exceptions_per_area;
	uint64_t chunk_bytes;
	uint64_t device_sectors;
	uint64_t device_chunks; /* whole chunks on the device */
};

/* chunk_sectors: a power of two of at most CHUNK_SECTORS_MAX. */
struct geometry geometry_make(uint32_t chunk_sectors, uint64_t device_bytes);

/* How many areas lie wholly inside the device. */
uint64_t geometry_areas(const struct geometry *geometry);

/* The chunk number of an area; false where that overflows. */
bool geometry_area_chunk(const struct geometry *geometry, uint64_t area, uint64_t *chunk);

/* Is this chunk the header or a metadata area? */
bool geometry_is_metadata(const struct geometry *geometry, uint64_t chunk);

/* May an exception's data be in this chunk: on the device, wholly, and no metadata? */
bool geometry_holds_data(const struct geometry *geometry, uint64_t new_chunk);

/* Can a device have this chunk, as an origin? */
bool geometry_may_be_old(const struct geometry *geometry, uint64_t old_chunk);

/* Where a kernel that commits in order of allocation (3.14 and later) keeps the data of exception
 * number `index`. A habit, never a rule. `index` is below 2^57. */
uint64_t geometry_usual_chunk(const struct geometry *geometry, uint64_t index);

/* The other way round: the exception whose usual place is data chunk number `chunk` (at
 * least 2). */
uint64_t geometry_usual_index(const struct geometry *geometry, uint64_t chunk);

/* The chunk that the kernel would allocate next after a reload, given the highest new_chunk of the
 * live exceptions (0: there are none). Sources: persistent_read_metadata, skip_metadata. */
uint64_t geometry_next_free(const struct geometry *geometry, uint64_t highest_new_chunk);

/*
 * What a store has room for, by two rules of the kernel: a data chunk must lie wholly on the device
 * (persistent_prepare_exception), and the last entry of an area can be used only where the next
 * area lies wholly on the device, for that is zeroed first (persistent_commit_exception; without it
 * the kernel gives the snapshot up).
 */

/* The smallest device, in bytes, on which an empty store can take that many exceptions; header and
 * area 0 are counted also for none. UINT64_MAX: there is no such device. */
uint64_t geometry_bytes_for(uint32_t chunk_sectors, uint64_t exceptions);

/*
 * Can a store take `wanted` more exceptions? *possible (NULL: not wanted) is how many it can take.
 * `exceptions` are live, `next_free` is the chunk that is allocated next (geometry_next_free); from
 * there on chunks are taken in order, metadata areas left out, and holes below are not used again.
 */
bool geometry_room(const struct geometry *geometry, uint64_t next_free, uint64_t exceptions,
		   uint64_t wanted, uint64_t *possible);

/* How many chunks an origin of that size has, the last one perhaps partial. */
uint64_t geometry_origin_chunks(const struct geometry *geometry, uint64_t origin_bytes);

/* How many bytes of chunk `old_chunk` lie inside an origin of that size. */
uint64_t geometry_clip(const struct geometry *geometry, uint64_t old_chunk, uint64_t origin_bytes);

#endif
