// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cow/format.h"

#include <string.h>

#include "store/base/bytes.h"
#include "store/base/checksum.h"

void header_decode(const uint8_t bytes[HEADER_BYTES], struct header *header)
{
	header->magic = get_le32(bytes);
	header->valid = get_le32(bytes + 4);
	header->version = get_le32(bytes + 8);
	header->chunk_sectors = get_le32(bytes + 12);
}

void header_encode(const struct header *header, uint8_t bytes[HEADER_BYTES])
{
	put_le32(bytes, header->magic);
	put_le32(bytes + 4, header->valid);
	put_le32(bytes + 8, header->version);
	put_le32(bytes + 12, header->chunk_sectors);
}

enum header_fault header_check(const struct header *header)
{
	if (header->magic == 0)
		return HEADER_BLANK;
	if (header->magic != HEADER_MAGIC)
		return HEADER_WRONG_MAGIC;
	if (header->version != HEADER_VERSION)
		return HEADER_WRONG_VERSION;
	if (!geometry_chunk_is_valid((uint64_t)header->chunk_sectors * SECTOR_BYTES))
		return HEADER_WRONG_CHUNK_SIZE;
	return HEADER_GOOD;
}

void exception_decode(const uint8_t bytes[EXCEPTION_BYTES], struct exception *exception)
{
	exception->old_chunk = get_le64(bytes);
	exception->new_chunk = get_le64(bytes + 8);
}

void exception_encode(const struct exception *exception, uint8_t bytes[EXCEPTION_BYTES])
{
	put_le64(bytes, exception->old_chunk);
	put_le64(bytes + 8, exception->new_chunk);
}

bool exception_is_lost(const struct exception *exception, const struct geometry *geometry,
		       uint64_t origin_bytes)
{
	return !geometry_holds_data(geometry, exception->new_chunk) ||
	       geometry_clip(geometry, exception->old_chunk, origin_bytes) == 0;
}

/*
 * The record, from RECORD_OFFSET:
 *    0  magic, 8 bytes           48  exceptions, u64
 *    8  version, u32             56  first.old_chunk, u64
 *   12  CRC-32 of bytes 16..255  64  first.new_chunk, u64
 *   16  id, 16 bytes             72  witness_chunk, u64
 *   32  role, u32                80  witness_crc, u32
 *   36  kept_stores, u32         84  forced, u32
 *   40  origin_bytes, u64        88  store_chunk_sectors, u32
 *                                92  number, u32
 *                                96  store_bytes, u64
 *                               104  dropped, u64
 *                               112  names, to byte 255
 */
static const uint8_t record_magic[8] = {'c', 'o', 'w', 'm', 'e', 'r', 'g', 'e'};
#define RECORD_VERSION 1u
#define RECORD_CHECKED_FROM 16u

bool record_is_stale(const struct record *record, uint64_t exceptions,
		     const struct exception *first)
{
	if (record->role != RECORD_MERGING)
		return false;
	if (exceptions > record->exceptions)
		return true;
	return exceptions > 0 && (first->old_chunk != record->first.old_chunk ||
				  first->new_chunk != record->first.new_chunk);
}

enum record_presence record_decode(const uint8_t bytes[RECORD_BYTES], struct record *record)
{
	memset(record, 0, sizeof(*record));
	if (memcmp(bytes, record_magic, sizeof(record_magic)) != 0)
		return RECORD_ABSENT;
	if (get_le32(bytes + 12) !=
	    checksum_crc32(0, bytes + RECORD_CHECKED_FROM, RECORD_BYTES - RECORD_CHECKED_FROM))
		return RECORD_CORRUPT;
	if (get_le32(bytes + 8) != RECORD_VERSION)
		return RECORD_FOREIGN;
	memcpy(record->id, bytes + 16, RECORD_ID_BYTES);
	record->role = get_le32(bytes + 32);
	record->kept_stores = get_le32(bytes + 36);
	record->origin_bytes = get_le64(bytes + 40);
	record->exceptions = get_le64(bytes + 48);
	record->first.old_chunk = get_le64(bytes + 56);
	record->first.new_chunk = get_le64(bytes + 64);
	record->witness_chunk = get_le64(bytes + 72);
	record->witness_crc = get_le32(bytes + 80);
	record->forced = get_le32(bytes + 84) != 0;
	record->store_chunk_sectors = get_le32(bytes + 88);
	record->store_bytes = get_le64(bytes + 96);
	record->number = get_le32(bytes + 92);
	record->dropped = get_le64(bytes + 104);
	memcpy(record->names, bytes + 112, RECORD_NAMES_BYTES);
	return RECORD_PRESENT;
}

void record_encode(const struct record *record, uint8_t bytes[RECORD_BYTES])
{
	memset(bytes, 0, RECORD_BYTES);
	memcpy(bytes, record_magic, sizeof(record_magic));
	put_le32(bytes + 8, RECORD_VERSION);
	memcpy(bytes + 16, record->id, RECORD_ID_BYTES);
	put_le32(bytes + 32, record->role);
	put_le32(bytes + 36, record->kept_stores);
	put_le64(bytes + 40, record->origin_bytes);
	put_le64(bytes + 48, record->exceptions);
	put_le64(bytes + 56, record->first.old_chunk);
	put_le64(bytes + 64, record->first.new_chunk);
	put_le64(bytes + 72, record->witness_chunk);
	put_le32(bytes + 80, record->witness_crc);
	put_le32(bytes + 84, record->forced);
	put_le32(bytes + 88, record->store_chunk_sectors);
	put_le64(bytes + 96, record->store_bytes);
	put_le32(bytes + 92, record->number);
	put_le64(bytes + 104, record->dropped);
	memcpy(bytes + 112, record->names, RECORD_NAMES_BYTES);
	put_le32(bytes + 12, checksum_crc32(0, bytes + RECORD_CHECKED_FROM,
					    RECORD_BYTES - RECORD_CHECKED_FROM));
}

/*
 * The imprint, from IMPRINT_OFFSET:
 *    0  magic, 8 bytes           32  first.old_chunk, u64
 *    8  version, u32             40  first.new_chunk, u64
 *   12  CRC-32 of bytes 16..239  48  samples, u32
 *   16  origin_bytes, u64        52  superblock_crc, u32
 *   24  exceptions, u64          56  unused, u64
 *                                64  checksums, u32 each, to byte 239
 */
static const uint8_t imprint_magic[8] = {'c', 'o', 'w', 'p', 'r', 'i', 'n', 't'};
#define IMPRINT_VERSION 1u
#define IMPRINT_CHECKED_FROM 16u

static uint32_t imprint_crc(const uint8_t bytes[IMPRINT_BYTES])
{
	return checksum_crc32(0, bytes + IMPRINT_CHECKED_FROM,
			      IMPRINT_BYTES - IMPRINT_CHECKED_FROM);
}

enum record_presence imprint_decode(const uint8_t bytes[IMPRINT_BYTES], struct imprint *imprint)
{
	memset(imprint, 0, sizeof(*imprint));
	if (memcmp(bytes, imprint_magic, sizeof(imprint_magic)) != 0)
		return RECORD_ABSENT;
	if (get_le32(bytes + 12) != imprint_crc(bytes))
		return RECORD_CORRUPT;
	if (get_le32(bytes + 8) != IMPRINT_VERSION)
		return RECORD_FOREIGN;
	imprint->origin_bytes = get_le64(bytes + 16);
	imprint->exceptions = get_le64(bytes + 24);
	imprint->first.old_chunk = get_le64(bytes + 32);
	imprint->first.new_chunk = get_le64(bytes + 40);
	imprint->samples = get_le32(bytes + 48);
	imprint->superblock_crc = get_le32(bytes + 52);
	for (size_t i = 0; i < IMPRINT_CHECKSUMS; i++)
		imprint->checksums[i] = get_le32(bytes + 64 + 4 * i);
	return RECORD_PRESENT;
}

void imprint_encode(const struct imprint *imprint, uint8_t bytes[IMPRINT_BYTES])
{
	memset(bytes, 0, IMPRINT_BYTES);
	memcpy(bytes, imprint_magic, sizeof(imprint_magic));
	put_le32(bytes + 8, IMPRINT_VERSION);
	put_le64(bytes + 16, imprint->origin_bytes);
	put_le64(bytes + 24, imprint->exceptions);
	put_le64(bytes + 32, imprint->first.old_chunk);
	put_le64(bytes + 40, imprint->first.new_chunk);
	put_le32(bytes + 48, imprint->samples);
	put_le32(bytes + 52, imprint->superblock_crc);
	for (size_t i = 0; i < IMPRINT_CHECKSUMS; i++)
		put_le32(bytes + 64 + 4 * i, imprint->checksums[i]);
	put_le32(bytes + 12, imprint_crc(bytes));
}

bool imprint_is_stale(const struct imprint *imprint, uint64_t exceptions,
		      const struct exception *first)
{
	return exceptions == 0 || exceptions != imprint->exceptions ||
	       first->old_chunk != imprint->first.old_chunk ||
	       first->new_chunk != imprint->first.new_chunk;
}
