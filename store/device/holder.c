// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/device/holder.h"

#include <stdio.h>
#include <string.h>

#include "store/volume/name.h"

/* "LVM-", and the ids of the group and the volume, without dashes. After that a device of LVM's own
 * has a suffix, which its name has, too: "-cow" (lib/activate/dev_manager.c of lvm2). */
#define LVM_PREFIX "LVM-"
#define LVM_UUID_LENGTH (strlen(LVM_PREFIX) + 64)

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Parts of volumes, which no command deactivates by themselves. */
static bool is_part(const char *volume)
{
	static const char *const parts[] = {"_rimage", "_rmeta", "_mimage", "_mlog",
					    "_tdata",  "_tmeta", "_cdata",  "_cmeta",
					    "_corig",  "_vdata", "_cvol",   "_wcorig"};
	bool found = false;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		found |= strstr(volume, parts[i]) != NULL;
	return found;
}

/* False: that is no name of a volume. */
static bool put_volume(const struct holder *holder, struct suggestion *command)
{
	const char *suffix =
		strlen(holder->uuid) > LVM_UUID_LENGTH ? holder->uuid + LVM_UUID_LENGTH : "";
	size_t length = strlen(holder->name), cut = strlen(suffix);
	struct volume_name name;
	char path[512], volume[sizeof(name.group) + sizeof(name.volume)];

	if (length <= cut || strcmp(holder->name + length - cut, suffix) != 0)
		cut = 0;
	snprintf(path, sizeof(path), "/dev/mapper/%.*s", (int)(length - cut), holder->name);
	if (!volume_name_read(path, &name))
		return false;
	snprintf(volume, sizeof(volume), "%s/%s", name.group, name.volume);
	if (holder->several || is_part(name.volume))
		suggest_more(command, "vgchange -an %s", name.group);
	else
		suggest_more(command, "lvchange -an %s", volume);
	return true;
}

void holder_command(const struct holder *holder, struct suggestion *command)
{
	char path[256];

	snprintf(path, sizeof(path), "/dev/%s", holder->node);
	if (holder->name && begins(holder->uuid, LVM_PREFIX) && put_volume(holder, command))
		return;
	if (holder->name && begins(holder->uuid, "CRYPT-"))
		suggest_more(command, "cryptsetup close %s", holder->name);
	else if (holder->name && begins(holder->uuid, "mpath-"))
		suggest_more(command, "multipath -f %s", holder->name);
	else if (holder->name)
		suggest_more(command, "dmsetup remove %s", holder->name);
	else if (begins(holder->node, "md"))
		suggest_more(command, "mdadm --stop %s", path);
	else if (begins(holder->node, "bcache")) {
		snprintf(path, sizeof(path), "/sys/block/%s/bcache/stop", holder->node);
		suggest_more(command, "echo 1 >%s", path);
	}
}
