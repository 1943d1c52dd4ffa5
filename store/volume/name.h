/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How LVM's users write the name of a logical volume. Pure. */
#ifndef STORE_VOLUME_NAME_H
#define STORE_VOLUME_NAME_H

#include <stdbool.h>

#include "store/volume/group.h"

struct volume_name {
	char group[GROUP_NAME_MAX + 1]; /* the group's name, or its id with dashes */
	char volume[GROUP_NAME_MAX + 1];
	bool is_explicit; /* LVM=: never a path */
};

/*
 * VG/LV, /dev/VG/LV, /dev/mapper/VG-LV (where dashes in names are doubled), LVM=VG/LV. False: it is
 * none of these; a path of another form is none.
 */
bool volume_name_read(const char *text, struct volume_name *name);

#endif
