/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the device mapper tells of its devices (linux/dm-ioctl.h): their names, uuids and tables.
 * Only looks.
 *
 * Order of calls: mapper_open, mapper_next for each device, of each one mapper_read_table and
 * mapper_next_line as often as wanted, mapper_close.
 */
#ifndef STORE_DEVICE_MAPPER_H
#define STORE_DEVICE_MAPPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/base/fail.h"

#define MAPPER_NAME_BYTES 128u
#define MAPPER_UUID_BYTES 130u
#define MAPPER_TARGET_BYTES 16u

struct dm_ioctl; /* linux/dm-ioctl.h */

/* What the kernel wrote. */
struct mapper_answer {
	struct dm_ioctl *header;
	size_t size; /* of all that is allocated */
	size_t at;   /* the next record, after the beginning of the data */
	size_t left; /* of a table: how many lines follow */
};

struct mapper {
	int fd; /* -1: there is no device mapper */
	struct mapper_answer list, table;
};

struct mapper_device {
	uint64_t number; /* as the kernel encodes it */
	char name[MAPPER_NAME_BYTES];
};

/* A line of a table, in sectors. */
struct mapper_line {
	uint64_t start, length;
	char target[MAPPER_TARGET_BYTES + 1];
	const char *parameters; /* until the next call */
};

/* RESULT_OK without the device mapper in this kernel: then there are no devices. RESULT_REFUSED
 * where it may not be looked at. On an error nothing is open. */
enum result mapper_open(struct mapper *mapper, struct failure *why);

/* *more: there is one more device. RESULT_REFUSED: what the kernel says makes no sense. */
enum result mapper_next(struct mapper *mapper, struct mapper_device *device, bool *more,
			struct failure *why);

/* The live table, or the one that is loaded and not live yet. A device that is gone, and one
 * without such a table, has no lines. */
enum result mapper_read_table(struct mapper *mapper, const struct mapper_device *device,
			      bool is_loaded, struct failure *why);

/* *more: the table has one more line. RESULT_REFUSED as above. */
enum result mapper_next_line(struct mapper *mapper, struct mapper_line *line, bool *more,
			     struct failure *why);

/* Its uuid, "" where it has none or is gone. *is_live: it has a live table. What was read of a table
 * is forgotten. */
void mapper_read_uuid(struct mapper *mapper, const struct mapper_device *device,
		      char uuid[MAPPER_UUID_BYTES], bool *is_live);

/* Harmless on a zeroed one. */
void mapper_close(struct mapper *mapper);

/*
 * For mapper_next and mapper_next_line: the record at *at of `count` bytes of data, and where the
 * next one is (*at: SIZE_MAX for none). False: it makes no sense. Pure.
 */
bool mapper_take_device(const uint8_t *data, size_t count, size_t *at,
			struct mapper_device *device);
bool mapper_take_line(const uint8_t *data, size_t count, size_t *at, struct mapper_line *line);

#endif
