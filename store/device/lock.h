/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks on the bytes from .. to - 1 of an open file (to: UINT64_MAX for all that follow): those of
 * an open file description (fcntl(2)), which QEMU takes and heeds, too. They go with the
 * descriptor.
 *
 * Alone: a write lock on all of these bytes, which needs a descriptor that is open for writing.
 * Shared: a read lock. QEMU has a way of its own: byte 100 + n is locked for reading by who does n,
 * 200 + n by who allows nobody else to; n is 0 for reading, 1 for writing, 3 for another size. So a
 * shared lock leaves the bytes out that would say more than that one reads.
 *
 * Where a file system has no such locks, every one is taken to be had, as there always is a
 * flock(2), too.
 */
#ifndef STORE_DEVICE_LOCK_H
#define STORE_DEVICE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

/* False: somebody else has a lock that is in the way. What was had in part stays. */
bool lock_take(int fd, uint64_t from, uint64_t to, bool alone);

/* Has somebody else locked any of it for writing? Looks only. */
bool lock_is_written(int fd, uint64_t from, uint64_t to);

#endif
