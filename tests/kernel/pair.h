/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For replay: an origin and a store as parts of one disk, and as image files on which a command is
 * run. A pair X is the files X.origin and X.store; on the disk the origin is the beginning and the
 * store the end. What cannot be (no file, no memory) ends the program with exit code 2.
 */
#ifndef TESTS_KERNEL_PAIR_H
#define TESTS_KERNEL_PAIR_H

#include <stdbool.h>
#include <stdint.h>

/* The file's bytes, read-only. */
const uint8_t *pair_map(const char *file, uint64_t *bytes);

/* Puts the pair `from` onto the disk. `wanted` is the pair that the command must always leave. */
void pair_load(const char *from, const char *wanted, uint8_t *disk, uint64_t disk_bytes);

/* Which of the two that place on the disk belongs to, and where its part begins. */
enum pair_part { PAIR_ORIGIN, PAIR_STORE };
enum pair_part pair_part_at(uint64_t offset);
uint64_t pair_offset(enum pair_part which);

/* Makes the disk's parts the pair NAME.NUMBER. */
void pair_save(const char *name, uint64_t number, const uint8_t *disk);

/* The pair on which the command is run, with the names of its two files as the last arguments. */
void pair_open(const char *name, char **command, int words);

/*
 * Makes the disk's parts this pair and runs the command: it must succeed and leave the wanted
 * bytes. If not, says so, and leaves the pair as the disk is.
 */
bool pair_judge(const uint8_t *disk);

#endif
