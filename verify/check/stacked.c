// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/stacked.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "store/base/whole.h"
#include "store/cow/format.h"

#define LEVELS_MAX 8

/* The device `name` of sysfs; false: it is not in /dev, or cannot be read. */
static bool is_store(const char *name, dev_t *number)
{
	uint8_t bytes[HEADER_BYTES];
	struct header header;
	struct stat status;
	char path[300];
	bool read_all;
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	*number = fstat(fd, &status) == 0 && S_ISBLK(status.st_mode) ? status.st_rdev : 0;
	read_all = whole_read_at(fd, bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes);
	close(fd);
	if (!read_all || *number == 0)
		return false;
	header_decode(bytes, &header);
	return header_check(&header) == HEADER_GOOD;
}

/* The name of a store below the device, in `name`. */
static bool find_store(dev_t device, unsigned int level, char *name, size_t size)
{
	const struct dirent *entry;
	bool found = false;
	DIR *directory;
	char path[80];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/slaves", major(device), minor(device));
	directory = level < LEVELS_MAX ? opendir(path) : NULL;
	if (!directory)
		return false;
	while (!found && (entry = readdir(directory)) != NULL) {
		dev_t below = 0;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, size, "%s", entry->d_name);
		found = is_store(entry->d_name, &below) ||
			(below != 0 && find_store(below, level + 1, name, size));
	}
	closedir(directory);
	return found;
}

enum result stacked_check(const struct device *origin, enum remedy remedy, struct failure *why)
{
	bool found = false;
	char name[256];

	for (unsigned int i = 0; i < device_file_count(origin) && !found; i++)
		found = device_file(origin, i)->is_block &&
			find_store(device_file(origin, i)->number, 0, name, sizeof(name));
	if (!found)
		return RESULT_OK;
	return fail_remedy(
		why, RESULT_REFUSED, remedy, NULL,
		"%s: is itself a snapshot, or on one, not an origin: its store is /dev/%s",
		origin->name, name);
}
