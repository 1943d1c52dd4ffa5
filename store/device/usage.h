/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who else uses a device: mounts, swap, holders in sysfs, loop devices, locks; of a loop device and
 * a partition also what is below them, and who uses the same bytes. Linux only.
 */
#ifndef STORE_DEVICE_USAGE_H
#define STORE_DEVICE_USAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "store/device/device.h"

struct usage {
	char phrase[1024]; /* "is mounted on /mnt", "is held by vg-snap (dm-3)" */
	char help[1200];   /* the command that frees it, and what that stops */
	bool reads_only;   /* it is mounted, by all mounts for reading only */
	bool is_mapped;	   /* device-mapper's devices hold it, and nobody else uses it */
	bool unseen; /* nobody was found, and not all could be looked at: neither /sys nor the loop
			devices in /dev can be */
};

/* True where somebody else uses the open device. Looks only, and not for locks; takes no hold. */
bool usage_find(const struct device *device, struct usage *usage);

/*
 * The same for who will hold nothing itself: also where another process has locked it to write to
 * it, as a merge does. For a moment it takes a shared lock to know that, which others wait for (see
 * store/device/device.c).
 */
bool usage_find_or_lock(const struct device *device, struct usage *usage);

/*
 * Locks the bytes of the device for this descriptor (store/device/lock.h), those of a loop device
 * in the file below it: alone where it is writable, else shared. *below: a descriptor that holds
 * the lock, to be closed with the device; -1: none. False: another process has them.
 */
bool usage_lock(const struct device *device, int *below);

#endif
