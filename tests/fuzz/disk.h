/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzz targets share: disks in memory, and an engine that completes requests in any order
 * and may let one fail. Whatever breaks a promise ends the process (FUZZ_CHECK).
 *
 * An input for a target that reads a store: FUZZ_PREFIX_BYTES bytes of settings, then the store's
 * metadata: sector 0, and the areas one after the other, without the data chunks. Where sector 0 is
 * no good header, what follows it is what follows it on the disk.
 *
 *    0 sectors of the store's device, u32     10 order of completions, u16
 *    4 sectors of the origin, u32             12 the request that fails, u16 (0: none)
 *    8 flags (enum fuzz_flag), u8             14 steps until it is asked to stop, u8 (0: never)
 *    9 windows of 512 << (n % 12) bytes, u8   15 free
 */
#ifndef TESTS_FUZZ_DISK_H
#define TESTS_FUZZ_DISK_H

#include <stddef.h>
#include <stdint.h>

#include "store/cow/format.h"
#include "store/io/io.h"

#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fuzz_broken(__FILE__, __LINE__, #condition);                               \
	} while (0)

void fuzz_broken(const char *file, int line, const char *condition) __attribute__((noreturn));

#define FUZZ_PREFIX_BYTES 16u

static inline uint32_t fuzz_u16(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

enum fuzz_flag {
	FUZZ_RESUME = 1,
	FUZZ_FORCE = 2,
	FUZZ_ORIGIN_KNOWN = 4,
	FUZZ_LITTLE_MEMORY = 8,
	FUZZ_LARGE_BLOCKS = 16, /* 4096 bytes, where the store allows it */
	FUZZ_SLACK = 32,	/* bytes after sector 0 are not zero */
	FUZZ_MEND_RECORD = 64,	/* the record's checksum is made right */
	FUZZ_IDENTITY = 128,	/* libblkid is asked, which is slow */
};

struct fuzz_disk;

/* Reads, or is told of the write of, one sector. */
typedef void (*fuzz_sector_function)(struct fuzz_disk *disk, uint64_t sector,
				     uint8_t bytes[SECTOR_BYTES]);

struct fuzz_disk {
	struct device device;
	fuzz_sector_function read, write;
	uint64_t writes; /* requests */
	/* of a store: */
	uint8_t *content; /* what is in the input, a copy; whole sectors */
	size_t content_bytes;
	bool has_geometry, has_slack;
	struct geometry geometry;
	void *owner; /* the target's */
};

#define FUZZ_DEPTH 8u

struct fuzz_queue {
	struct io io;
	struct io_request *taken[FUZZ_DEPTH];
	uint32_t order;
	unsigned int fail_at; /* 0: none */
	bool failed;	      /* it did */
};

void fuzz_queue_open(struct fuzz_queue *queue, uint32_t order, unsigned int fail_at);

void fuzz_disk_init(struct fuzz_disk *disk, const char *name, uint64_t sectors);
void fuzz_disk_free(struct fuzz_disk *disk);

/*
 * The store of an input of at least FUZZ_PREFIX_BYTES + SECTOR_BYTES bytes. What may be written to
 * it: the first block, with the header unchanged, and areas, where entries become zero or stay.
 */
void fuzz_store_init(struct fuzz_disk *disk, const uint8_t *input, size_t bytes);

/* A disk of zeros that remembers what is written to it, less than FUZZ_SPARSE_BYTES. One at a
 * time. */
#define FUZZ_SPARSE_BYTES (1024u << 10)
void fuzz_sparse_init(struct fuzz_disk *disk, const char *name, uint64_t sectors);

/* What is in a sector of the store's data chunks: its number can be told from it. */
void fuzz_data_fill(uint64_t sector, uint8_t bytes[SECTOR_BYTES]);
/* UINT64_MAX: this is not such a sector. */
uint64_t fuzz_data_number(const uint8_t bytes[SECTOR_BYTES]);

#endif
