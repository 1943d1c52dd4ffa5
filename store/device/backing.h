/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the bytes of a device are: two names may lead to the same ones without being the same
 * device, as two loop devices of one file do, or a disk and its partition. Only looks.
 */
#ifndef STORE_DEVICE_BACKING_H
#define STORE_DEVICE_BACKING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes from .. to - 1 of a file or of a block device that is on nothing else. */
struct backing {
	bool is_block;
	dev_t file_system; /* a file's, with its inode */
	ino_t inode;
	dev_t number; /* a block device's */
	dev_t above;  /* the number of the block device that is directly on it, if any */
	uint64_t from, to;
};

/*
 * In: all of an open file or device. Out: what it is on, through loop devices and partitions, on
 * each other, too. A loop device tells with LOOP_GET_STATUS64 (linux/loop.h), a partition in sysfs;
 * of a device below another one, /dev must have the kernel's name. Where that cannot be told, and
 * where the device mapper is in between, it ends there.
 */
void backing_descend(struct backing *backing, int fd);

/* The same for one level: false where there is none below. fd: of what it is on (-1: it is found by
 * its number), with from .. to - 1 of it. The kernel takes no loop devices that are on themselves.
 */
#define BACKING_LEVELS_MAX 32
bool backing_step(struct backing *backing, int fd);

/* Opens what backing_descend found below a device, for locks; the caller closes it. -1: it cannot
 * be opened, as its name leads elsewhere from here. */
int backing_open(const struct backing *backing, bool for_writing);

/* Have the two a byte in common? */
bool backing_overlap(const struct backing *a, const struct backing *b);

#endif
