/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands on a COW device, and where. Pure: no file descriptors, no memory, no policy.
 *
 *   chunk 0   header: 16 bytes; cowtool's merge record in bytes 256..511 while a merge is unfinished; in
 *             an undo store, once it is finished, an imprint of the origin in bytes 16..255
 *   chunk 1   metadata area 0: `exceptions_per_area` exceptions of 16 bytes
 *   then      that many data chunks, area 1, its data chunks, ...
 *
 * All numbers are little-endian. The first exception with new_chunk 0 ends the list.
 * Source: drivers/md/dm-snap-persistent.c and dm-exception-store.c of Linux.
 */
#ifndef STORE_COW_FORMAT_H
#define STORE_COW_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "store/base/bytes.h"

/* ---- header ---- */

#define HEADER_BYTES 16u
#define HEADER_MAGIC 0x70416e53u /* "SnAp" */
#define HEADER_VERSION 1u
/* The kernel's limit is INT_MAX >> 9 sectors; the largest power of two below it. */
#define CHUNK_SECTORS_MAX 2097152u

/* Can a chunk have so many bytes: a power of two, from a sector to CHUNK_SECTORS_MAX of them? */
bool chunk_bytes_are_valid(uint64_t bytes);

struct header {
	uint32_t magic;
	uint32_t valid; /* 0: the kernel gave this snapshot up */
	uint32_t version;
	uint32_t chunk_sectors;
};

enum header_fault {
	HEADER_GOOD,
	HEADER_BLANK, /* magic 0: the kernel would make a new store here */
	HEADER_WRONG_MAGIC,
	HEADER_WRONG_VERSION,
	HEADER_WRONG_CHUNK_SIZE,
};

void header_decode(const uint8_t bytes[HEADER_BYTES], struct header *header);
void header_encode(const struct header *header, uint8_t bytes[HEADER_BYTES]);

/* The first reason why the kernel would not load it. `valid` is not looked at. */
enum header_fault header_check(const struct header *header);

/* ---- exceptions ---- */

#define EXCEPTION_BYTES 16u
/* Bits 56..63 of new_chunk are a run length in the kernel's memory: such a store is corrupt. */
#define NEW_CHUNK_LIMIT ((uint64_t)1 << 56)

struct exception {
	uint64_t old_chunk; /* in the origin, in units of this store's chunks */
	uint64_t new_chunk; /* in the store; 0 ends the list */
};

void exception_decode(const uint8_t bytes[EXCEPTION_BYTES], struct exception *exception);
void exception_encode(const struct exception *exception, uint8_t bytes[EXCEPTION_BYTES]);

/* ---- geometry ---- */

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

/* May an exception's data stand in this chunk: on the device, wholly, and no metadata? */
bool geometry_holds_data(const struct geometry *geometry, uint64_t new_chunk);

/*
 * Is this exception lost: is there no data for it, or no place in an origin of `origin_bytes`? A chunk of which only a
 * part is on the device holds none.
 */
bool exception_is_lost(const struct exception *exception, const struct geometry *geometry,
		       uint64_t origin_bytes);

/* Where a kernel that commits in order of allocation (3.14 and later) keeps the data of exception
 * number `index`. A habit, never a rule. `index` is below 2^57. */
uint64_t geometry_usual_chunk(const struct geometry *geometry, uint64_t index);

/* The other way round: data chunk number `chunk` (at least 2) is the how-manieth, counted from 0. */
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

/* ---- record of a merge or a restore: cowtool's own, ignored by the kernel and by blkid ---- */

#define RECORD_OFFSET 256u
#define RECORD_BYTES 256u
#define RECORD_ID_BYTES 16u
#define RECORD_NO_WITNESS UINT64_MAX

/* Names of kept stores, one behind the other, each with its NUL, as many as fit. */
#define RECORD_NAMES_BYTES 144u
/* A merge keeps at most so many stores. */
#define RECORD_KEPT_MAX 64u

enum record_role {
	RECORD_MERGING = 1,
	RECORD_KEPT = 2,
	RECORD_UNDO = 3,
	RECORD_RESTORING = 4, /* no merge: a restore is writing here; nothing else in it counts */
};

struct record {
	uint8_t id[RECORD_ID_BYTES]; /* random; the same in every store of one merge */
	uint32_t role;		     /* enum record_role */
	uint32_t kept_stores;	     /* how many stores this merge began to keep */
	uint32_t number;	     /* of a kept store: which of them, from 0 */
	uint64_t dropped; /* of the merging one: bit i: kept store i was given up since */
	uint64_t origin_bytes;
	uint64_t exceptions;	/* of the merging store, when the merge began */
	struct exception first; /* its exception 0 */
	uint64_t witness_chunk; /* old chunk of the first one merged, or RECORD_NO_WITNESS */
	uint32_t witness_crc;	/* CRC-32 of that chunk's data, clipped to the origin */
	bool forced;		/* the user consented to an origin with another file system */
	/* of the merging store, also in the records of the kept ones */
	uint32_t store_chunk_sectors;
	uint64_t store_bytes;
	/* of the kept stores; only in the record of the merging one, for messages */
	char names[RECORD_NAMES_BYTES];
};

enum record_presence {
	RECORD_ABSENT,	/* no magic there */
	RECORD_CORRUPT, /* the magic, but a wrong checksum: it says nothing */
	RECORD_FOREIGN, /* a sound record of another version: only that cowtool can read it */
	RECORD_PRESENT,
};

/*
 * Was the merging store used again since this record was written? Then it says nothing: there are
 * more exceptions than when the merge began, or another one is the first. `first` counts only where
 * `exceptions`, the live ones, is not 0. The record of a kept store cannot be judged by that store.
 */
bool record_is_stale(const struct record *record, uint64_t exceptions,
		     const struct exception *first);

enum record_presence record_decode(const uint8_t bytes[RECORD_BYTES], struct record *record);
void record_encode(const struct record *record, uint8_t bytes[RECORD_BYTES]);

/* ---- imprint: what the origin held when an undo store was finished; cowtool's own, too ---- */

#define IMPRINT_OFFSET 16u
#define IMPRINT_BYTES 240u
#define IMPRINT_CHECKSUMS 44u

/* Which chunks the checksums are of, and how they are made: verify/check/imprint.h. */
struct imprint {
	uint64_t origin_bytes;
	uint64_t exceptions;	 /* of the undo store when this was written */
	struct exception first;	 /* its exception 0 */
	uint32_t samples;	 /* how many chunks the checksums are of */
	uint32_t superblock_crc; /* 0: the store has no such chunk */
	uint32_t checksums[IMPRINT_CHECKSUMS];
};

/* RECORD_CORRUPT, RECORD_FOREIGN: as of a record. */
enum record_presence imprint_decode(const uint8_t bytes[IMPRINT_BYTES], struct imprint *imprint);
void imprint_encode(const struct imprint *imprint, uint8_t bytes[IMPRINT_BYTES]);

/* Was the undo store used again since? Then it says nothing. */
bool imprint_is_stale(const struct imprint *imprint, uint64_t exceptions,
		      const struct exception *first);

#endif
