// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/volume/name.h"

#include <string.h>

static bool take(const char *text, size_t length, char name[GROUP_NAME_MAX + 1])
{
	if (!group_is_name(text, length))
		return false;
	memcpy(name, text, length);
	name[length] = '\0';
	return true;
}

static bool read_pair(const char *text, struct volume_name *name)
{
	const char *slash = strchr(text, '/');

	return slash && take(text, (size_t)(slash - text), name->group) &&
	       take(slash + 1, strlen(slash + 1), name->volume);
}

/* Up to a dash that is alone, or to the end: two dashes are one. NULL: it is too long. */
static const char *read_half(const char *text, char half[GROUP_NAME_MAX + 1], size_t *length)
{
	for (*length = 0; *text && *length < GROUP_NAME_MAX; text++) {
		if (*text == '-' && *++text != '-')
			return text - 1;
		half[(*length)++] = *text;
	}
	return *text && *text != '-' ? NULL : text;
}

static bool read_mapper(const char *text, struct volume_name *name)
{
	char group[GROUP_NAME_MAX + 1], volume[GROUP_NAME_MAX + 1];
	size_t group_length, volume_length;

	text = read_half(text, group, &group_length);
	if (!text || *text != '-')
		return false;
	text = read_half(text + 1, volume, &volume_length);
	return text && *text == '\0' && take(group, group_length, name->group) &&
	       take(volume, volume_length, name->volume);
}

bool volume_name_read(const char *text, struct volume_name *name)
{
	memset(name, 0, sizeof(*name));
	if (strncmp(text, "LVM=", 4) == 0) {
		name->is_explicit = true;
		return read_pair(text + 4, name);
	}
	if (strncmp(text, "/dev/mapper/", 12) == 0)
		return read_mapper(text + 12, name);
	if (strncmp(text, "/dev/", 5) == 0)
		return read_pair(text + 5, name);
	return read_pair(text, name);
}
