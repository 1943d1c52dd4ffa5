// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/device/usage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PATH_BYTES 512

/* Reads the first line of a file below /sys; false where there is none. */
static bool read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	bool have;

	if (!file)
		return false;
	have = fgets(line, (int)size, file) != NULL;
	fclose(file);
	if (have)
		line[strcspn(line, "\n")] = 0;
	return have;
}

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape(char *text)
{
	char *to = text;

	for (char *from = text; *from;) {
		if (from[0] == '\\' && strspn(from + 1, "01234567") >= 3) {
			char digits[4] = {from[1], from[2], from[3], 0};

			*to++ = (char)strtol(digits, NULL, 8);
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = 0;
}

static bool source_is(const char *path, dev_t number)
{
	struct stat status;

	return path[0] == '/' && stat(path, &status) == 0 && S_ISBLK(status.st_mode) &&
	       status.st_rdev == number;
}

/* Lines: id parent major:minor root mountpoint options [fields] - type source super-options.
 * btrfs and others show a device number of their own, so the source is looked at, too. */
static bool find_mount(dev_t number, char *phrase, size_t size)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t capacity = 0;
	bool found = false;

	if (!file)
		return false;
	while (!found && getline(&line, &capacity, file) > 0) {
		char place[PATH_BYTES], source[PATH_BYTES] = "";
		unsigned int major_number, minor_number;
		const char *tail = strstr(line, " - ");

		if (sscanf(line, "%*u %*u %u:%u %*s %511s", &major_number, &minor_number, place) !=
		    3)
			continue;
		if (tail)
			sscanf(tail, " - %*s %511s", source);
		unescape(place);
		unescape(source);
		found = makedev(major_number, minor_number) == number || source_is(source, number);
		if (found)
			snprintf(phrase, size, "is mounted on %s", place);
	}
	free(line);
	fclose(file);
	return found;
}

static bool find_swap(dev_t number, char *phrase, size_t size)
{
	FILE *file = fopen("/proc/swaps", "re");
	char line[PATH_BYTES], path[PATH_BYTES];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%511s", path) != 1)
			continue;
		unescape(path);
		found = source_is(path, number);
	}
	fclose(file);
	if (found)
		snprintf(phrase, size, "is in use as swap space");
	return found;
}

static void describe_holder(const char *holder, char *phrase, size_t size)
{
	char path[PATH_BYTES], name[128];

	snprintf(path, sizeof(path), "/sys/class/block/%s/dm/name", holder);
	if (read_line(path, name, sizeof(name)))
		snprintf(phrase, size, "is held by %s (%s)", name, holder);
	else
		snprintf(phrase, size, "is held by %s", holder);
}

static bool find_holder(dev_t number, char *phrase, size_t size)
{
	char path[PATH_BYTES];
	const struct dirent *entry;
	bool found = false;
	DIR *directory;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(number), minor(number));
	directory = opendir(path);
	if (!directory)
		return false;
	while (!found && (entry = readdir(directory)) != NULL) {
		found = entry->d_name[0] != '.';
		if (found)
			describe_holder(entry->d_name, phrase, size);
	}
	closedir(directory);
	return found;
}

/* A block device by its number: itself mounted, swapped on or held. */
static bool find_number(dev_t number, char *phrase, size_t size)
{
	return find_mount(number, phrase, size) || find_swap(number, phrase, size) ||
	       find_holder(number, phrase, size);
}

/* A whole disk is in use where one of its partitions is. */
static bool find_partition(dev_t number, char *phrase, size_t size)
{
	char path[PATH_BYTES], line[64], used[PATH_BYTES];
	const struct dirent *entry;
	bool found = false;
	DIR *directory;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(number), minor(number));
	directory = opendir(path);
	if (!directory)
		return false;
	while (!found && (entry = readdir(directory)) != NULL) {
		unsigned int major_number, minor_number;

		snprintf(path, sizeof(path), "/sys/class/block/%s/partition", entry->d_name);
		if (entry->d_name[0] == '.' || access(path, F_OK) != 0)
			continue;
		snprintf(path, sizeof(path), "/sys/class/block/%s/dev", entry->d_name);
		if (!read_line(path, line, sizeof(line)) ||
		    sscanf(line, "%u:%u", &major_number, &minor_number) != 2)
			continue;
		found = find_number(makedev(major_number, minor_number), used, sizeof(used));
		if (found)
			snprintf(phrase, size, "has a partition %s that %s", entry->d_name, used);
	}
	closedir(directory);
	return found;
}

static bool is_attached(int fd, const struct device *file)
{
	struct loop_info64 info;

	return ioctl(fd, LOOP_GET_STATUS64, &info) == 0 && info.lo_device == file->file_system &&
	       info.lo_inode == file->inode;
}

/* Is this loop device attached to the file? Its own word counts; a path may be cut short or gone.
 */
static bool loop_is(const char *name, const struct device *device)
{
	char path[PATH_BYTES];
	bool attached;
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	attached = is_attached(fd, device);
	close(fd);
	return attached;
}

/* The loop device that an image file is attached to. */
static bool find_loop(const struct device *device, char *phrase, size_t size)
{
	DIR *directory = opendir("/sys/class/block");
	const struct dirent *entry;
	bool found = false;

	if (!directory)
		return false;
	while (!found && (entry = readdir(directory)) != NULL) {
		char path[PATH_BYTES], backing[PATH_BYTES];
		struct stat status;

		if (strncmp(entry->d_name, "loop", 4) != 0)
			continue;
		snprintf(path, sizeof(path), "/sys/class/block/%s/loop/backing_file",
			 entry->d_name);
		if (!read_line(path, backing, sizeof(backing)))
			continue;
		found = (stat(backing, &status) == 0 && status.st_dev == device->file_system &&
			 status.st_ino == device->inode) ||
			loop_is(entry->d_name, device);
		if (found)
			snprintf(phrase, size, "is attached to /dev/%s", entry->d_name);
	}
	closedir(directory);
	return found;
}

/* QEMU and others lock an image file with open-file-description locks. */
static bool find_lock(const struct device *device, char *phrase, size_t size)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(device->fd, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
		return false;
	snprintf(phrase, size, "is locked by another process");
	return true;
}

bool usage_find(const struct device *device, char *phrase, size_t size)
{
	if (device->is_block)
		return find_number(device->number, phrase, size) ||
		       find_partition(device->number, phrase, size);
	return find_loop(device, phrase, size) || find_lock(device, phrase, size);
}

bool usage_find_or_lock(const struct device *device, char *phrase, size_t size)
{
	if (usage_find(device, phrase, size))
		return true;
	if (flock(device->fd, LOCK_SH | LOCK_NB) == 0) {
		flock(device->fd, LOCK_UN);
		return false;
	}
	if (errno != EWOULDBLOCK)
		return false;
	snprintf(phrase, size, "is locked by another process (another cowtool?)");
	return true;
}
