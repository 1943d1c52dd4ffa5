/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libblkid can tell; the only user of <blkid.h>. */
#ifndef STORE_DEVICE_PROBE_H
#define STORE_DEVICE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/device/device.h"
#include "store/base/fail.h"

/* Does the name look like TAG=value? Such a one is never looked for as a path. */
bool probe_is_tag(const char *name);

/*
 * The path that `name` stands for: TAG=value (UUID=, LABEL=, PARTUUID=, PARTLABEL=) is looked up on
 * all devices, all else is taken as a path. RESULT_REFUSED, with their list, where several devices
 * have the tag, as a copy, a snapshot and its origin have; RESULT_NOT_THERE where none has it;
 * RESULT_IO where nobody tells which devices there are. *path is the caller's to free.
 */
enum result probe_resolve(const char *name, char **path, struct failure *why);

#define PROBE_PARTITIONS_MAX 128u

/* What is at the beginning of a disk: a file system, RAID or LVM member, or a
 * partition table. */
struct probe_identity {
	char type[32];		       /* "" where nothing was recognised */
	char uuid[64];		       /* "" where it has none */
	char label[64];		       /* the same */
	bool is_file_system, is_table; /* a file system; a partition table */
	bool ambiguous; /* things that exclude each other: "more than one signature" */
	/* Of a partition table, in bytes; those that libblkid cannot reach (logical ones) lie in
	 * others. None where there are more than this. */
	struct probe_partition {
		uint64_t from, to;
		unsigned int number;
		bool is_extended; /* it has logical ones in it, and is none itself */
	} partitions[PROBE_PARTITIONS_MAX];
	size_t partition_count;
	size_t table_count; /* how many there are */
};

/* Superblocks are in the first bytes of a disk; some RAID formats and backup tables in its last
 * ones. */
#define PROBE_HEAD_BYTES (1024u << 10)
#define PROBE_TAIL_BYTES (128u << 10)

/* Where the last ones begin: after the first ones, and else a multiple of BUFFER_ALIGNMENT. */
uint64_t probe_tail(uint64_t disk_bytes);

/* Some bytes of a disk, for probe_bytes. */
struct probe_range {
	uint64_t offset;
	size_t bytes;
	const uint8_t *buffer;
};

/* Which identity a disk of `disk_bytes` bytes would have that holds these ranges, and zeros
 * elsewhere. RESULT_IO: libblkid could not look. */
enum result probe_bytes(uint64_t disk_bytes, const struct probe_range *ranges, size_t count,
			struct probe_identity *identity, struct failure *why);

/*
 * What is on an open device, all of it looked at by libblkid itself. Nothing may be in flight on
 * the device, which is not direct meanwhile.
 */
enum result probe_device(const struct device *device, struct probe_identity *identity,
			 struct failure *why);

/*
 * What these bytes of an open file or block device hold beside a label of LVM's, at their beginning
 * or their end. A partition table of a disk with blocks of 4096 bytes is seen in a file, too.
 */
enum result probe_beside_label(int fd, uint64_t offset, uint64_t bytes,
			       struct probe_identity *identity, struct failure *why);

/* Same type and same UUID? */
bool probe_same(const struct probe_identity *a, const struct probe_identity *b);

/*
 * A saved file (store/savefile) begins with these two little-endian numbers, where a store has its
 * header's magic and valid.
 */
#define SAVEFILE_MAGIC_LOW 0x776f638fu	/* 8f "cow" */
#define SAVEFILE_MAGIC_HIGH 0x65766173u /* "save" */
#define SAVEFILE_MAGIC_BYTES 8u

/* Do these SAVEFILE_MAGIC_BYTES bytes begin one? */
bool probe_is_saved_file(const uint8_t *bytes);

/* Does a device or file begin as one? */
bool probe_finds_saved_file(const struct device *device);

#endif
