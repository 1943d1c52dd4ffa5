/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Little-endian numbers from bytes, and arithmetic that says when it overflows. Knows no format. */
#ifndef STORE_BASE_BYTES_H
#define STORE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel's unit for sizes and places on all block devices. */
#define SECTOR_BYTES 512u

static inline uint32_t get_le32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static inline uint64_t get_le64(const uint8_t *bytes)
{
	return (uint64_t)get_le32(bytes) | (uint64_t)get_le32(bytes + 4) << 32;
}

static inline void put_le32(uint8_t *bytes, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
}

static inline void put_le64(uint8_t *bytes, uint64_t value)
{
	put_le32(bytes, (uint32_t)value);
	put_le32(bytes + 4, (uint32_t)(value >> 32));
}

/* True, and the sum or product in *out, where it fits 64 bits. */
static inline bool checked_add(uint64_t a, uint64_t b, uint64_t *out)
{
	return !__builtin_add_overflow(a, b, out);
}

static inline bool checked_mul(uint64_t a, uint64_t b, uint64_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}

/* The sum, or UINT64_MAX where it does not fit. */
static inline uint64_t saturated_add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return checked_add(a, b, &sum) ? sum : UINT64_MAX;
}

/* `unit` is not 0. The caller knows that value + unit does not overflow. */
static inline uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

static inline uint64_t round_down(uint64_t value, uint64_t unit)
{
	return value - value % unit;
}

/* value / unit, rounded up; never overflows. */
static inline uint64_t divide_up(uint64_t value, uint64_t unit)
{
	return value / unit + (value % unit != 0);
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Their order, as qsort and bsearch want it. */
static inline int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* The same, of what begins with such a number. */
static inline int compare_u64_at(const void *a, const void *b)
{
	return compare_u64(*(const uint64_t *)a, *(const uint64_t *)b);
}

static inline bool is_power_of_two(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

/* Are all `count` bytes zero? */
bool bytes_are_zero(const uint8_t *bytes, size_t count);

#endif
