/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who else uses a device: mounts, swap, holders in sysfs, loop devices, locks. Linux only. */
#ifndef STORE_USAGE_H
#define STORE_USAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "store/device/device.h"

/*
 * True where somebody else uses the open device, with a phrase like "is mounted on /mnt" or "is
 * held by vg-snap (dm-3)" in `phrase`. Looks only; takes no hold.
 */
bool usage_find(const struct device *device, char *phrase, size_t size);

/*
 * The same for who will hold nothing itself: also where another process has locked it with flock(2), as
 * a merge does. For a moment it takes a shared lock to know that, which others wait for (see
 * store/device/device.c).
 */
bool usage_find_or_lock(const struct device *device, char *phrase, size_t size);

#endif
