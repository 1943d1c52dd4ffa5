/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is on a COW device, byte for byte; cowtool(5) explains it. Pure: no file descriptors, no
 * memory, no policy.
 *
 *   chunk 0   header: 16 bytes; cowtool's merge record in bytes 256..511 while a merge is
 * unfinished; in an undo store, once it is finished, an imprint of the origin in bytes 16..255
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
#include "store/cow/geometry.h"

/* ---- header ---- */

#define HEADER_BYTES 16u
#define HEADER_MAGIC 0x70416e53u /* "SnAp" */
#define HEADER_VERSION 1u

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

struct exception {
	uint64_t old_chunk; /* in the origin, in units of this store's chunks */
	uint64_t new_chunk; /* in the store; 0 ends the list */
};

void exception_decode(const uint8_t bytes[EXCEPTION_BYTES], struct exception *exception);
void exception_encode(const struct exception *exception, uint8_t bytes[EXCEPTION_BYTES]);

/* ---- record of a merge or a restore: cowtool's own, ignored by the kernel and by blkid ---- */

#define RECORD_OFFSET 256u
#define RECORD_BYTES 256u
#define RECORD_ID_BYTES 16u
#define RECORD_NO_WITNESS UINT64_MAX

/* Names of kept stores, one after the other, each with its NUL, as many as fit. */
#define RECORD_NAMES_BYTES 144u
/* A merge keeps up to this many stores. */
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
