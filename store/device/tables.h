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
#include "store/device/mapper.h"

/* Bytes from .. to - 1 of a block device. */
struct tables_range {
	dev_t number;
	uint64_t from, to;
};

struct tables_user {
	char name[MAPPER_NAME_BYTES]; /* of the device-mapper device */
	char uuid[MAPPER_UUID_BYTES]; /* of the same; "": it has none */
	bool is_loaded;		      /* its table is loaded only, and not live yet */
};

/*
 * *used: a table has one of these bytes, the one of *user. Of linear and striped targets the map tells; any other
 * target that names the device counts as using all of it. The bytes of a partition are its disk's,
 * too, and those of a loop device what it is on. RESULT_OK without the device mapper in this
 * kernel; RESULT_REFUSED where its tables cannot be looked at.
 */
enum result tables_find(const struct tables_range *ranges, size_t count, struct tables_user *user,
			bool *used, struct failure *why);

/* The name of the device whose uuid begins with "LVM-", the group's and the volume's id, without
 * dashes; false: there is none, or it cannot be told (lib/activate/dev_manager.c of lvm2). */
bool tables_find_volume(const char *group_id, const char *volume_id, struct tables_user *user);

/* A table's line: does it use one of the ranges? Looks for nothing but what the devices are on
 * (backing_descend). */
bool tables_line_uses(const struct mapper_line *line, const struct tables_range *ranges,
		      size_t count);

#endif
