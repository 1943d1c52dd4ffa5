/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nodes in /dev of this machine's block devices, as the kernel lists them. Only looks. */
#ifndef STORE_DEVICE_NODES_H
#define STORE_DEVICE_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "store/base/fail.h"

struct nodes {
	char **paths; /* sorted; a node that was never made is among them */
	size_t count;
};

/*
 * All of them but RAM disks, floppies, what is empty, logical volumes (what the device mapper has
 * under a uuid of LVM's) and paths of a multipath device; where there is no /sys, all that
 * /proc/partitions has but the device mapper's. RESULT_IO where there is neither. nodes_free it.
 */
enum result nodes_list(struct nodes *nodes, struct failure *why);

/* Those of a disk's partitions. None: it has none, or there is no /sys. */
enum result nodes_list_partitions(dev_t disk, struct nodes *nodes, struct failure *why);

/* Is it a path of a multipath device, or a partition on one? Its name, where it is. */
bool nodes_find_multipath(dev_t number, char *name, size_t size);

/* Harmless on a zeroed one. */
void nodes_free(struct nodes *nodes);

#endif
