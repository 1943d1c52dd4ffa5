// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/checksum.h"

#include <zlib.h>

uint32_t checksum_crc32(uint32_t crc, const void *bytes, size_t count)
{
	return (uint32_t)crc32_z(crc, bytes, count);
}
