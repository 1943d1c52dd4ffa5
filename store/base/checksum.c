// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/base/checksum.h"

#include <zlib.h>

uint32_t checksum_crc32(uint32_t crc, const void *bytes, size_t count)
{
	return (uint32_t)crc32_z(crc, bytes, count);
}

/* Ever longer runs of zeros, each twice the one before: those that add up to the count are
 * appended. */
uint32_t checksum_crc32_zeros(uint32_t crc, uint64_t count)
{
	uint32_t run = checksum_crc32(0, "", 1);

	for (uint64_t run_bytes = 1; count > 0; run_bytes *= 2, count /= 2) {
		if (count % 2)
			crc = (uint32_t)crc32_combine(crc, run, (z_off_t)run_bytes);
		run = (uint32_t)crc32_combine(run, run, (z_off_t)run_bytes);
	}
	return crc;
}
