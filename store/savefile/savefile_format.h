/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The layout of a saved file, and what is packed how. Pure: buffers in, buffers out.
 *
 *   header      512 bytes
 *   frames      each: 20 bytes, then its packed bytes
 *   end         20 bytes; nothing follows
 *
 * The frames hold one stream of bytes: the first `head_bytes` bytes of the device, then its areas 0
 * .. areas - 1, all their exceptions. It is cut every SAVEFILE_FRAME_BYTES, wherever that falls.
 * Each frame is packed by itself: pairs of little-endian 64-bit numbers become differences from the
 * pair before (neighbouring exceptions differ by one), and zlib compresses them.
 *
 *   header:  0 magic, 8 bytes            frame:  0 number of the frame, u64
 *            8 version, u32                      8 bytes of the stream, u32
 *           12 chunk_sectors, u32               12 bytes packed, u32
 *           16 device_bytes, u64                16 CRC-32 of bytes 0 .. 15 and the packed bytes
 *           24 areas, u64
 *           32 head_bytes, u32           end:    0 magic, 8 bytes
 *           36 zero                              8 number of frames, u64
 *          508 CRC-32 of bytes 0 .. 507         16 CRC-32 of the CRCs of all frames, then of
 *                                                  bytes 0 .. 15
 *
 * All numbers are little-endian.
 */
#ifndef STORE_SAVEFILE_SAVEFILE_FORMAT_H
#define STORE_SAVEFILE_SAVEFILE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SAVEFILE_HEADER_BYTES 512u
#define SAVEFILE_FRAME_HEADER_BYTES 20u
#define SAVEFILE_END_BYTES 20u

/* This much of a device's beginning at most is saved, as it is the most that verify looks at. */
#define SAVEFILE_HEAD_BYTES_MAX (1024u << 10)
#define SAVEFILE_FRAME_BYTES (256u << 10)

struct savefile_layout {
	uint64_t device_bytes;
	uint32_t chunk_sectors; /* 0: not known, and no areas */
	uint32_t head_bytes;	/* whole sectors, at least one */
	uint64_t areas;
};

enum savefile_fault {
	SAVEFILE_GOOD,
	SAVEFILE_NO_MAGIC,
	SAVEFILE_WRONG_CHECKSUM,
	SAVEFILE_OTHER_VERSION,
	SAVEFILE_IMPOSSIBLE, /* no store can be like that */
};

void savefile_header_encode(const struct savefile_layout *layout,
			    uint8_t bytes[SAVEFILE_HEADER_BYTES]);

/* *layout counts only where it is SAVEFILE_GOOD: then all of it lies inside a possible device. */
enum savefile_fault savefile_header_decode(const uint8_t bytes[SAVEFILE_HEADER_BYTES],
					   struct savefile_layout *layout);

/* ---- the stream ---- */

uint64_t savefile_stream_bytes(const struct savefile_layout *layout);
uint64_t savefile_frames(const struct savefile_layout *layout);
uint32_t savefile_frame_bytes(const struct savefile_layout *layout, uint64_t frame);

/* Where on the device the byte at `position` of the stream is; *count: how many from there on
 * are neighbours in both. */
uint64_t savefile_place(const struct savefile_layout *layout, uint64_t position, uint64_t *count);

/* The other way round; false: it is not in the file. */
bool savefile_position(const struct savefile_layout *layout, uint64_t place, uint64_t *position,
		       uint64_t *count);

/* ---- frames ---- */

/* What does not compress grows by less than this. */
#define SAVEFILE_PACKED_MAX (SAVEFILE_FRAME_BYTES + 1024u)

struct savefile_frame {
	uint64_t number;
	uint32_t bytes, packed_bytes;
	uint32_t crc;
};

void savefile_frame_decode(const uint8_t bytes[SAVEFILE_FRAME_HEADER_BYTES],
			   struct savefile_frame *frame);

/*
 * Packs the `bytes` bytes at `raw` (a multiple of 16, at most SAVEFILE_FRAME_BYTES; destroyed) into
 * `out`: SAVEFILE_FRAME_HEADER_BYTES + SAVEFILE_PACKED_MAX bytes at most, of which *out_bytes are
 * used, the frame's header first. Returns its checksum. *out_bytes is 0: out of memory.
 */
uint32_t savefile_pack(uint64_t number, uint8_t *raw, uint32_t bytes, uint8_t *out,
		       size_t *out_bytes);

/* Does the checksum of this frame's header and packed bytes match? */
bool savefile_frame_check(const uint8_t header[SAVEFILE_FRAME_HEADER_BYTES], const uint8_t *packed);

/* Unpacks exactly `bytes` bytes (a multiple of 16) into `raw`; false: that is not what is packed
 * there. */
bool savefile_unpack(const uint8_t *packed, uint32_t packed_bytes, uint8_t *raw, uint32_t bytes);

/* ---- end ---- */

/* `crc`: of the CRCs of all frames, each as savefile_end_crc adds it, from 0. */
uint32_t savefile_end_crc(uint32_t crc, uint32_t frame_crc);
void savefile_end_encode(uint64_t frames, uint32_t crc, uint8_t bytes[SAVEFILE_END_BYTES]);

#endif
