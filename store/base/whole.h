/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads and writes of an open file with plain calls, done wholly: what a signal or the kernel cuts
 * short goes on. */
#ifndef STORE_BASE_WHOLE_H
#define STORE_BASE_WHOLE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How many bytes there are from `offset` on, fewer than `count` at the end of the file only; or
 * -errno. */
ssize_t whole_read_at(int fd, void *buffer, size_t count, uint64_t offset);

/* 0, or an errno value: then any part of it may be written. */
int whole_write_at(int fd, const void *buffer, size_t count, uint64_t offset);

#endif
