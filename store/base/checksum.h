/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STORE_CHECKSUM_H
#define STORE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32 (as in gzip and zlib) of `count` bytes, continuing from `crc`; start with 0. */
uint32_t checksum_crc32(uint32_t crc, const void *bytes, size_t count);

/* The same for `count` bytes of zero, however many, without looking at one of them. */
uint32_t checksum_crc32_zeros(uint32_t crc, uint64_t count);

#endif
