// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/savefile/savefile_format.h"

#include <assert.h>
#include <string.h>
#include <zlib.h>

#include "store/base/bytes.h"
#include "store/base/checksum.h"
#include "store/cow/format.h"
#include "store/device/probe.h"

#define VERSION 1u
#define CRC_OFFSET (SAVEFILE_HEADER_BYTES - 4)
#define PAIR_BYTES 16u

static const uint8_t end_magic[8] = {'c', 'o', 'w', ' ', 'e', 'n', 'd', '\n'};

void savefile_header_encode(const struct savefile_layout *layout,
			    uint8_t bytes[SAVEFILE_HEADER_BYTES])
{
	memset(bytes, 0, SAVEFILE_HEADER_BYTES);
	put_le32(bytes, SAVEFILE_MAGIC_LOW);
	put_le32(bytes + 4, SAVEFILE_MAGIC_HIGH);
	put_le32(bytes + 8, VERSION);
	put_le32(bytes + 12, layout->chunk_sectors);
	put_le64(bytes + 16, layout->device_bytes);
	put_le64(bytes + 24, layout->areas);
	put_le32(bytes + 32, layout->head_bytes);
	put_le32(bytes + CRC_OFFSET, checksum_crc32(0, bytes, CRC_OFFSET));
}

static bool is_possible(const struct savefile_layout *layout)
{
	uint32_t chunk_sectors = layout->chunk_sectors;
	struct geometry geometry;

	if (layout->device_bytes > INT64_MAX || layout->device_bytes % SECTOR_BYTES != 0)
		return false;
	if (layout->head_bytes == 0 || layout->head_bytes % SECTOR_BYTES != 0 ||
	    layout->head_bytes > min_u64(layout->device_bytes, SAVEFILE_HEAD_BYTES_MAX))
		return false;
	if (chunk_sectors == 0)
		return layout->areas == 0;
	if (!geometry_chunk_is_valid((uint64_t)chunk_sectors * SECTOR_BYTES))
		return false;
	geometry = geometry_make(chunk_sectors, layout->device_bytes);
	return layout->head_bytes <= geometry.chunk_bytes &&
	       layout->areas <= geometry_areas(&geometry);
}

enum savefile_fault savefile_header_decode(const uint8_t bytes[SAVEFILE_HEADER_BYTES],
					   struct savefile_layout *layout)
{
	if (get_le32(bytes) != SAVEFILE_MAGIC_LOW || get_le32(bytes + 4) != SAVEFILE_MAGIC_HIGH)
		return SAVEFILE_NO_MAGIC;
	if (get_le32(bytes + CRC_OFFSET) != checksum_crc32(0, bytes, CRC_OFFSET))
		return SAVEFILE_WRONG_CHECKSUM;
	if (get_le32(bytes + 8) != VERSION)
		return SAVEFILE_OTHER_VERSION;
	layout->chunk_sectors = get_le32(bytes + 12);
	layout->device_bytes = get_le64(bytes + 16);
	layout->areas = get_le64(bytes + 24);
	layout->head_bytes = get_le32(bytes + 32);
	return is_possible(layout) ? SAVEFILE_GOOD : SAVEFILE_IMPOSSIBLE;
}

static uint64_t chunk_bytes(const struct savefile_layout *layout)
{
	return (uint64_t)layout->chunk_sectors * SECTOR_BYTES;
}

uint64_t savefile_stream_bytes(const struct savefile_layout *layout)
{
	return layout->head_bytes + layout->areas * chunk_bytes(layout);
}

uint64_t savefile_frames(const struct savefile_layout *layout)
{
	return divide_up(savefile_stream_bytes(layout), SAVEFILE_FRAME_BYTES);
}

uint32_t savefile_frame_bytes(const struct savefile_layout *layout, uint64_t frame)
{
	uint64_t start = frame * SAVEFILE_FRAME_BYTES;

	return (uint32_t)min_u64(savefile_stream_bytes(layout) - start, SAVEFILE_FRAME_BYTES);
}

uint64_t savefile_place(const struct savefile_layout *layout, uint64_t position, uint64_t *count)
{
	struct geometry geometry;
	uint64_t chunk, within;
	bool fits;

	assert(position < savefile_stream_bytes(layout));
	if (position < layout->head_bytes) {
		*count = layout->head_bytes - position;
		return position;
	}
	geometry = geometry_make(layout->chunk_sectors, layout->device_bytes);
	position -= layout->head_bytes;
	within = position % geometry.chunk_bytes;
	fits = geometry_area_chunk(&geometry, position / geometry.chunk_bytes, &chunk);
	assert(fits && chunk < geometry.device_chunks);
	*count = geometry.chunk_bytes - within;
	return chunk * geometry.chunk_bytes + within;
}

bool savefile_position(const struct savefile_layout *layout, uint64_t place, uint64_t *position,
		       uint64_t *count)
{
	struct geometry geometry;
	uint64_t chunk, area, within;

	if (place < layout->head_bytes) {
		*position = place;
		*count = layout->head_bytes - place;
		return true;
	}
	if (layout->chunk_sectors == 0)
		return false;
	geometry = geometry_make(layout->chunk_sectors, layout->device_bytes);
	chunk = place / geometry.chunk_bytes;
	area = chunk / ((uint64_t)geometry.exceptions_per_area + 1);
	if (chunk == 0 || !geometry_is_metadata(&geometry, chunk) || area >= layout->areas)
		return false;
	within = place % geometry.chunk_bytes;
	*position = layout->head_bytes + area * geometry.chunk_bytes + within;
	*count = geometry.chunk_bytes - within;
	return true;
}

/* Neighbouring exceptions mostly differ by one: their differences compress a hundred
 * times better. */
static void take_differences(uint8_t *pairs, uint32_t bytes)
{
	for (uint32_t i = bytes; i > PAIR_BYTES; i -= PAIR_BYTES) {
		uint8_t *last = pairs + i - PAIR_BYTES;
		const uint8_t *before = last - PAIR_BYTES;

		put_le64(last, get_le64(last) - get_le64(before));
		put_le64(last + 8, get_le64(last + 8) - get_le64(before + 8));
	}
}

static void add_differences(uint8_t *pairs, uint32_t bytes)
{
	for (uint32_t i = PAIR_BYTES; i < bytes; i += PAIR_BYTES) {
		uint8_t *next = pairs + i;
		const uint8_t *before = next - PAIR_BYTES;

		put_le64(next, get_le64(next) + get_le64(before));
		put_le64(next + 8, get_le64(next + 8) + get_le64(before + 8));
	}
}

void savefile_frame_decode(const uint8_t bytes[SAVEFILE_FRAME_HEADER_BYTES],
			   struct savefile_frame *frame)
{
	frame->number = get_le64(bytes);
	frame->bytes = get_le32(bytes + 8);
	frame->packed_bytes = get_le32(bytes + 12);
	frame->crc = get_le32(bytes + 16);
}

static uint32_t frame_crc(const uint8_t *header, const uint8_t *packed, uint32_t packed_bytes)
{
	return checksum_crc32(checksum_crc32(0, header, SAVEFILE_FRAME_HEADER_BYTES - 4), packed,
			      packed_bytes);
}

uint32_t savefile_pack(uint64_t number, uint8_t *raw, uint32_t bytes, uint8_t *out,
		       size_t *out_bytes)
{
	uint8_t *packed = out + SAVEFILE_FRAME_HEADER_BYTES;
	uLongf packed_bytes = SAVEFILE_PACKED_MAX;

	assert(bytes % PAIR_BYTES == 0 && bytes <= SAVEFILE_FRAME_BYTES);
	take_differences(raw, bytes);
	*out_bytes = 0;
	if (compress2(packed, &packed_bytes, raw, bytes, Z_DEFAULT_COMPRESSION) != Z_OK)
		return 0;
	put_le64(out, number);
	put_le32(out + 8, bytes);
	put_le32(out + 12, (uint32_t)packed_bytes);
	put_le32(out + 16, frame_crc(out, packed, (uint32_t)packed_bytes));
	*out_bytes = SAVEFILE_FRAME_HEADER_BYTES + packed_bytes;
	return get_le32(out + 16);
}

bool savefile_frame_check(const uint8_t header[SAVEFILE_FRAME_HEADER_BYTES], const uint8_t *packed)
{
	struct savefile_frame frame;

	savefile_frame_decode(header, &frame);
	return frame_crc(header, packed, frame.packed_bytes) == frame.crc;
}

bool savefile_unpack(const uint8_t *packed, uint32_t packed_bytes, uint8_t *raw, uint32_t bytes)
{
	uLongf raw_length = bytes;
	uLong packed_length = packed_bytes;

	if (uncompress2(raw, &raw_length, packed, &packed_length) != Z_OK || raw_length != bytes ||
	    packed_length != packed_bytes)
		return false;
	add_differences(raw, bytes);
	return true;
}

uint32_t savefile_end_crc(uint32_t crc, uint32_t frame_crc)
{
	uint8_t bytes[4];

	put_le32(bytes, frame_crc);
	return checksum_crc32(crc, bytes, sizeof(bytes));
}

void savefile_end_encode(uint64_t frames, uint32_t crc, uint8_t bytes[SAVEFILE_END_BYTES])
{
	memcpy(bytes, end_magic, sizeof(end_magic));
	put_le64(bytes + 8, frames);
	put_le32(bytes + 16, checksum_crc32(crc, bytes, 16));
}
