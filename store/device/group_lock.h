/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lock that each of lvm2's commands takes on a volume group (lib/misc/lvm-flock.c of lvm2):
 * while it is held, they wait. Nothing is made where LVM's folder for locks does not exist.
 */
#ifndef STORE_DEVICE_GROUP_LOCK_H
#define STORE_DEVICE_GROUP_LOCK_H

#include <stdbool.h>

#include "store/base/fail.h"

struct group_lock {
	int fd;
	bool is_held; /* false: there is no lvm2 to lock out */
	char path[512];
};

/*
 * `alone`: as lvm2's commands do that change the group, else as those that read it. Waits a moment.
 * RESULT_REFUSED where another process has it; RESULT_IO. On an error nothing is held. Not alone,
 * a process without the right to lock goes on without.
 *
 * The folder is /run/lock/lvm, or what global/locking_dir says in lvm.conf or lvmlocal.conf of
 * $LVM_SYSTEM_DIR, else of /etc/lvm.
 */
enum result group_lock_take(struct group_lock *lock, const char *group, bool alone,
			    struct failure *why);

/* Harmless on a zeroed one. */
void group_lock_release(struct group_lock *lock);

#endif
