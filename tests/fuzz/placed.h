/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Volumes on the physical volumes of pvs.h, by a computation of its own, straight from the segments
 * of the group's text: store/volume/layout is what is judged by it. Who may read and write which
 * sector; stores; the views of snapshots. What is read or written without the right to it ends the
 * process.
 */
#ifndef TESTS_FUZZ_PLACED_H
#define TESTS_FUZZ_PLACED_H

#include "tests/fuzz/disk.h"
#include "tests/fuzz/pvs.h"

#define PLACED_SECTORS (FUZZ_PVS * FUZZ_PV_SECTORS)

enum placed_right { PLACED_NOBODY, PLACED_LVM, PLACED_READ, PLACED_WRITE };

struct placed_source {
	const struct groups *groups;
	const struct groups_one *one;
};

struct placed_input {
	const uint8_t *at, *end;
};

/* For store/io. */
extern struct fuzz_disk placed_disks[FUZZ_PVS];

/* Before an input is read: every sector says which it is. */
void placed_clean(void);

/* Opens the disks, on which nobody has a right yet; what is LVM's nobody will have. */
void placed_open(const struct groups *groups);
void placed_close(void);

/* Write requests since they were opened. */
uint64_t placed_writes(void);

/* Gives a right to bytes of a volume that the program has mapped: they have a place, and nobody has
 * a right to that yet. */
void placed_give(const struct placed_source *source, unsigned int volume, uint64_t from,
		 uint64_t to, enum placed_right right);

/*
 * Puts a store on the disks, as far as it has a place: a header, and areas with exceptions. In the
 * input are a byte n of its chunks (0: they have the size that LVM has, else 512 << n % 16 bytes), a
 * byte with the count of exceptions, and for each of these a byte with the old chunk and one with
 * the new one.
 */
void placed_put_store(const struct placed_source *source, const struct group_snapshot *snapshot,
		      struct placed_input *input);

/* What the first `shown` sectors of a snapshot are, told by a number each. False: it has no store. */
bool placed_view(const struct placed_source *source, const struct group_snapshot *snapshot,
		 uint64_t shown, uint64_t *view);

/* The same of a volume. */
uint64_t placed_value(const struct placed_source *source, unsigned int volume, uint64_t sector);

#endif
