/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who uses bytes of a block device through the device mapper: the tables of all its devices, live
 * and loaded ones (include/uapi/linux/dm-ioctl.h). Only looks.
 */
#ifndef STORE_DEVICE_TABLES_H
#define STORE_DEVICE_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "store/base/fail.h"

/* Bytes from .. to - 1 of a block device. */
struct tables_range {
	dev_t number;
	uint64_t from, to;
};

struct tables_user {
	char name[128]; /* of the device-mapper device */
	bool is_loaded; /* its table is loaded only, and not live yet */
};

/*
 * *used: a table has one of these bytes. Of linear and striped targets the map tells; any other
 * target that names the device counts as using all of it. A partition's bytes are its disk's, too.
 * RESULT_OK without the device mapper in this kernel; RESULT_REFUSED where its tables cannot be
 * looked at.
 */
enum result tables_find(const struct tables_range *ranges, size_t count, struct tables_user *user,
			bool *used, struct failure *why);

/* The name of the device whose uuid begins with "LVM-", the group's and the volume's id; false:
 * there is none (lib/activate/dev_manager.c of lvm2). */
bool tables_find_volume(const char *group_id, const char *volume_id, struct tables_user *user);

/*
 * A table's line, as device-mapper tells it: does it use one of the ranges? Pure. `start` and
 * `length` are in sectors. NULL parameters: no.
 */
bool tables_line_uses(uint64_t start, uint64_t length, const char *target, const char *parameters,
		      const struct tables_range *ranges, size_t count);

#endif
