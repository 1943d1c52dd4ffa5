// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/room.h"

#include <stdio.h>

#include "store/base/suggest.h"
#include "store/volume/name.h"

const char *room_help(const struct device *device, bool is_saved, char *text, size_t size)
{
	struct suggestion command;
	struct volume_name name;
	char volume[sizeof(name.group) + sizeof(name.volume)];

	if (is_saved) {
		snprintf(text, size, "make the device larger of which this is the saved file");
	} else if (device->map && volume_name_read(device->name, &name)) {
		snprintf(volume, sizeof(volume), "%s/%s", name.group, name.volume);
		snprintf(text, size, "%s makes it larger, also while the snapshot is active",
			 suggest(&command, "lvextend --size=+SIZE %s", volume));
	} else if (device_is_block(device) || device->map) {
		snprintf(
			text, size,
			"make the device larger, or deactivate the snapshot and copy the store to a larger one");
	} else {
		snprintf(
			text, size,
			"%s makes it larger; if a loop device has it, 'losetup --set-capacity DEVICE' tells that one",
			suggest(&command, "truncate --size=+SIZE %s", device->name));
	}
	return text;
}
