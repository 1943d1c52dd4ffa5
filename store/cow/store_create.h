/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A new, empty store: the header, the rest of its chunk zero, and area 0 of zeros, byte for byte
 * what the kernel makes of a blank device (write_header and zero_disk_area in
 * drivers/md/dm-snap-persistent.c). What is after these two chunks is left as it is, as the
 * kernel leaves it.
 *
 * The kernel flushes neither of the two writes. Here area 0 is durable before there is a header, so
 * that a power cut leaves no header over an area of junk.
 */
#ifndef STORE_COW_STORE_CREATE_H
#define STORE_COW_STORE_CREATE_H

#include <stdint.h>

#include "store/device/device.h"
#include "store/cow/format.h"
#include "store/io/io.h"
#include "store/base/fail.h"

/*
 * May an empty store be made on this device without further consent? RESULT_REFUSED, with what
 * is there, where it holds a COW store, a saved file or anything that libblkid knows, or where it
 * is an image file whose first two chunks are not zero. Reads only. `device` came from device_open;
 * chunk_sectors is a power of two of at most CHUNK_SECTORS_MAX.
 */
enum result store_create_guard(struct device *device, struct io *io, uint32_t chunk_sectors,
			       struct failure *why);

/*
 * Makes an empty store, durable on return; asks nobody. With `record` (or NULL) that merge record
 * is in the header's sector: both become visible with one write.
 *
 * Nothing is written where the device has not two whole chunks (RESULT_NO_SPACE), or where a chunk
 * is no multiple of a block device's logical block, which the kernel refuses (RESULT_REFUSED). A
 * store that was here before is gone with the first write: after a failure or a power cut there is
 * either what was there, or no header, or the new store. Zeros are written only where something
 * else is, so that holes of an image file stay holes.
 */
enum result store_create(struct device *device, struct io *io, uint32_t chunk_sectors,
			 const struct record *record, struct failure *why);

#endif
