/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where physical volumes may be: the block devices of this machine, or the named ones; partitions;
 * image files, and the partitions in them. Only looks.
 */
#ifndef STORE_DEVICE_DISKS_H
#define STORE_DEVICE_DISKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "store/base/fail.h"
#include "store/volume/pv.h"

/* One that has LVM's label, or that nobody could read. Of an image of a whole disk, each partition
 * is one; of a block device, its partitions are found by their own nodes. */
struct disk {
	char *name;	 /* for messages: "/dev/sda2", "disk.img", "disk.img, partition 5" */
	char *path;	 /* of the node or file */
	uint64_t offset; /* in the file: of a partition of an image; else 0 */
	uint64_t bytes;
	bool is_block;
	int fd; /* open for reading; -1: it could not be opened */
	/* Why it is not taken for a physical volume although it has the label, a sentence without
	 * its name: "is a member of an md array", "has a partition table, and an old label of LVM
	 * before it", "has bytes in common with disk.img, partition 5", "cannot be read:
	 * Input/output error"; "": it is taken. */
	char obstacle[256];
};

/* What has no label of LVM's. */
struct disks_other {
	char *name, *path; /* as above */
	uint64_t offset, bytes;
	bool is_store; /* it begins as a COW store does */
	/* What it is instead, a sentence without its name: "holds ext4, LABEL root, and no physical
	 * volume; 'mount ...' shows its files"; "" for a store. */
	char text[1536];
};

struct disks {
	struct disk *items;
	size_t count;
	/* Stores, and, of the named ones only, what else has no label. */
	struct disks_other *others;
	size_t other_count;
};

/*
 * Without names (count 0): all block devices of this machine but those that are logical volumes
 * themselves, paths of a multipath device, and what has no medium. A named one that is not there is
 * RESULT_NOT_THERE, one that is neither block device nor regular file RESULT_REFUSED, one that
 * cannot be read RESULT_IO. A named block device of a whole disk means its partitions, too.
 * What is named twice is there once. disks_free it, after an error, too.
 */
enum result disks_find(struct disks *disks, const char *const *names, size_t count,
		       struct failure *why);

/* For store/volume: reads it as long as it is open. */
struct pv_source disks_source(struct disk *disk);

/* Harmless on a zeroed one. */
void disks_free(struct disks *disks);

#endif
