/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The layout of a saved file, and what is packed how. Pure: buffers in, buffers out.
 *
 *   header      512 bytes
 *   frames      each: 20 bytes, then its packed bytes
 *   end         20 bytes; nothing follows
 *
 * The frames hold one stream of bytes: the first `head_bytes` bytes of the device, then its areas 0 ..
 * areas - 1, all their exceptions. It is cut every SAVEFILE_FRAME_BYTES, wherever that falls. Each
 * frame is packed by itself: pairs of little-endian 64-bit numbers become differences from the pair
 * before (neighbouring exceptions differ by one), and zlib compresses them.
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
#ifndef STORE_SAVEFILE_FORMAT_H
#define STORE_SAVEFILE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SAVEFILE_HEADER_BYTES 512u
#define SAVEFILE_FRAME_HEADER_BYTES 20u
#define SAVEFILE_END_BYTES 20u
/* The magic as the two numbers that a header_decode finds in it. */
#define SAVEFILE_MAGIC_LOW 0x776f638fu	/* 8f "cow" */
#define SAVEFILE_MAGIC_HIGH 0x65766173u /* "save" */

/* This much of a device's beginning at most is saved, as it is the most that verify looks at. */
#define SAVEFILE_HEAD_BYTES_MAX (1024u << 10)
#define SAVEFILE_FRAME_BYTES (256u << 10)

struct savefile_layout {
	uint64_t device_bytes;
	uint32_t chunk_sectors; /* 0: not known, and no areas */
	uint32_t head_bytes;	/* whole sectors, at least one */
	uint64_t areas;
};

#endif
