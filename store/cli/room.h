/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What helps where a store is full. */
#ifndef STORE_CLI_ROOM_H
#define STORE_CLI_ROOM_H

#include "store/device/device.h"

/* How this device, a store, becomes larger: a volume, another block device, a file, or, where
 * `is_saved`, the device of which this is the saved file. Returns `text`, which is cut where `size`
 * ends. */
const char *room_help(const struct device *device, bool is_saved, char *text, size_t size);

#endif
