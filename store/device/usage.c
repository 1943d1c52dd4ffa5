// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/device/usage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "store/device/backing.h"
#include "store/device/holder.h"
#include "store/device/lock.h"
#include "store/device/mapper.h"
#include "store/base/suggest.h"

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

/* "'COMMAND NAME' frees it, and WHAT". */
static void say_help(struct usage *usage, const char *command, const char *name, const char *what)
{
	struct suggestion suggestion;

	suggest_begin(&suggestion);
	suggest_words(&suggestion, command, strlen(command));
	suggest_more(&suggestion, "%s", name);
	snprintf(usage->help, sizeof(usage->help), "%s frees it, and %s", suggest_end(&suggestion),
		 what);
}

static void say_mount(struct usage *usage, const char *place)
{
	snprintf(usage->phrase, sizeof(usage->phrase), "is mounted on %s", place);
	if (strcmp(place, "/") == 0)
		snprintf(usage->help, sizeof(usage->help),
			 "do this from an initramfs or a rescue system");
	else
		say_help(usage, "umount ", place, "takes its files away from all programs");
}

/* Is "ro" among the options of the file system, the last word of the line? */
static bool is_read_only(const char *tail)
{
	char options[PATH_BYTES] = "";

	return tail && sscanf(tail, " - %*s %*s %511s", options) == 1 &&
	       strncmp(options, "ro", 2) == 0 && (options[2] == 0 || options[2] == ',');
}

/* Lines: id parent major:minor root mountpoint options [fields] - type source super-options.
 * btrfs and others show a device number of their own, so the source is looked at, too. */
static bool find_mount(dev_t number, struct usage *usage)
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
			say_mount(usage, place);
		usage->reads_only = found && is_read_only(tail);
	}
	free(line);
	fclose(file);
	return found;
}

static bool is_swap(const char *path, const struct device *device)
{
	struct stat status;

	if (device->file.is_block)
		return source_is(path, device->file.number);
	return path[0] == '/' && stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
	       status.st_dev == device->file.file_system && status.st_ino == device->file.inode;
}

static bool find_swap(const struct device *device, struct usage *usage)
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
		found = is_swap(path, device);
	}
	fclose(file);
	if (!found)
		return false;
	snprintf(usage->phrase, sizeof(usage->phrase), "is in use as swap space");
	say_help(usage, "swapoff ", path, "moves back into memory what is there");
	return true;
}

/* Reads a file of what the device mapper says of a holder. */
static bool read_dm(const char *holder, const char *what, char *line, size_t size)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "/sys/class/block/%s/dm/%s", holder, what);
	return read_line(path, line, size);
}

static void describe_holder(const char *node, bool several, struct usage *usage)
{
	char name[MAPPER_NAME_BYTES] = "", uuid[MAPPER_NAME_BYTES + 2] = "", path[PATH_BYTES];
	struct holder holder = {.node = node, .several = several};
	const char *others = several ? ", and others" : "";
	struct suggestion command;

	snprintf(usage->phrase, sizeof(usage->phrase), "is held by %s%s", node, others);
	if (read_dm(node, "name", name, sizeof(name))) {
		read_dm(node, "uuid", uuid, sizeof(uuid));
		holder.name = name;
		holder.uuid = uuid;
		snprintf(usage->phrase, sizeof(usage->phrase), "is held by %s (%s)%s", name, node,
			 others);
	}
	suggest_begin(&command);
	holder_command(&holder, &command);
	if (command.used > 0) {
		snprintf(usage->help, sizeof(usage->help),
			 "%s frees it, and takes that device away from its users",
			 suggest_end(&command));
		return;
	}
	snprintf(path, sizeof(path), "/dev/%s", node);
	snprintf(usage->help, sizeof(usage->help), "%s shows what that is; free it first",
		 suggest(&command, "lsblk %s", path));
}

static DIR *open_holders(dev_t number)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(number), minor(number));
	return opendir(path);
}

/* Has it holders, all of them device-mapper's? */
static bool is_mapped(dev_t number)
{
	DIR *directory = open_holders(number);
	const struct dirent *entry;
	unsigned int count = 0;
	bool all = true;

	while (directory && (entry = readdir(directory)) != NULL) {
		char path[PATH_BYTES];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/class/block/%s/dm", entry->d_name);
		all &= access(path, F_OK) == 0;
		count++;
	}
	if (directory)
		closedir(directory);
	return all && count > 0;
}

static bool find_holder(dev_t number, struct usage *usage)
{
	const struct dirent *entry;
	char first[NAME_MAX + 1] = "";
	unsigned int count = 0;
	DIR *directory = open_holders(number);

	while (directory && (entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.' && count++ == 0)
			snprintf(first, sizeof(first), "%s", entry->d_name);
	if (directory)
		closedir(directory);
	if (count > 0)
		describe_holder(first, count > 1, usage);
	return count > 0;
}

/* A block device by its number: itself mounted, swapped on or held. */
static bool find_number(dev_t number, struct usage *usage)
{
	const struct device device = {.file.is_block = true, .file.number = number};

	return find_mount(number, usage) || find_swap(&device, usage) || find_holder(number, usage);
}

/* What is used is another device. `how` has %s for its name. */
static void put_before(struct usage *usage, const char *before, const char *name)
{
	char phrase[sizeof(usage->phrase)];

	snprintf(phrase, sizeof(phrase), "%s", usage->phrase);
	usage->reads_only = false;
	snprintf(usage->phrase, sizeof(usage->phrase), "%s %s that %.600s", before, name, phrase);
}

static bool partition_overlaps(dev_t partition, const struct backing *own)
{
	struct backing backing = {.is_block = true, .number = partition};

	backing_descend(&backing, -1);
	return backing_overlap(own, &backing);
}

/* A whole disk is in use where one of its partitions is. Of another device with the same bytes, only
 * a partition that has some of `own` counts (NULL: each does). */
static bool find_partition(dev_t number, const struct backing *own, struct usage *usage)
{
	char path[PATH_BYTES], line[64];
	const struct dirent *entry;
	bool found = false;
	DIR *directory;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(number), minor(number));
	directory = opendir(path);
	if (!directory)
		return false;
	while (!found && (entry = readdir(directory)) != NULL) {
		unsigned int major_number, minor_number;
		dev_t partition;

		snprintf(path, sizeof(path), "/sys/class/block/%s/partition", entry->d_name);
		if (entry->d_name[0] == '.' || access(path, F_OK) != 0)
			continue;
		snprintf(path, sizeof(path), "/sys/class/block/%s/dev", entry->d_name);
		if (!read_line(path, line, sizeof(line)) ||
		    sscanf(line, "%u:%u", &major_number, &minor_number) != 2)
			continue;
		partition = makedev(major_number, minor_number);
		found = (!own || partition_overlaps(partition, own)) &&
			find_number(partition, usage);
		if (found)
			put_before(usage, "has a partition", entry->d_name);
	}
	closedir(directory);
	return found;
}

/* ---- loop devices ---- */

/* One loop device of this machine. */
struct loop {
	char path[300];
	dev_t number;
	int fd; /* -1: it cannot be opened */
	struct backing backing;
};

static bool open_loop(const char *name, struct loop *loop)
{
	struct stat status;

	snprintf(loop->path, sizeof(loop->path), "/dev/%.256s", name);
	loop->fd = open(loop->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (stat(loop->path, &status) != 0 || !S_ISBLK(status.st_mode))
		return false;
	loop->number = status.st_rdev;
	loop->backing = (struct backing){.is_block = true, .number = status.st_rdev};
	if (loop->fd >= 0)
		backing_descend(&loop->backing, loop->fd);
	return loop->fd >= 0;
}

static bool is_loop(const char *name)
{
	return strncmp(name, "loop", 4) == 0 && name[4] >= '0' && name[4] <= '9' &&
	       name[4 + strspn(name + 4, "0123456789")] == 0;
}

/* Where the loop device cannot be opened, the kernel's name of its file counts, if that is not cut
 * short or gone. */
static bool file_is_named(const char *name, const struct device_file *file)
{
	char path[PATH_BYTES], backing[PATH_BYTES];
	struct stat status;

	snprintf(path, sizeof(path), "/sys/class/block/%s/loop/backing_file", name);
	return read_line(path, backing, sizeof(backing)) && stat(backing, &status) == 0 &&
	       status.st_dev == file->file_system && status.st_ino == file->inode;
}

static void say_attached(const struct loop *loop, struct usage *usage)
{
	struct usage above = {.phrase = ""};

	snprintf(usage->phrase, sizeof(usage->phrase), "is attached to %s", loop->path);
	say_help(usage, "losetup -d ", loop->path, "takes that device away from its users");
	if (!find_number(loop->number, &above) && !find_partition(loop->number, NULL, &above))
		return;
	usage->reads_only = above.reads_only;
	snprintf(usage->phrase, sizeof(usage->phrase), "is attached to %.300s, which %.600s",
		 loop->path, above.phrase);
	if (above.help[0])
		snprintf(usage->help, sizeof(usage->help),
			 "%.900s; then detach %.100s (losetup -d)", above.help, loop->path);
}

/* An image file that is attached; a block device whose bytes another loop device has, too, that is
 * used. */
static bool find_in_loop(const struct device *device, const struct backing *own, const char *name,
			 struct usage *usage, bool *opened)
{
	struct loop loop;
	bool found = false;

	*opened = open_loop(name, &loop);
	if (*opened && loop.number != device->file.number)
		found = !(loop.backing.is_block && loop.backing.number == loop.number) &&
			backing_overlap(own, &loop.backing);
	else if (!*opened && !device->file.is_block)
		found = file_is_named(name, &device->file);
	if (found && !device->file.is_block)
		say_attached(&loop, usage);
	else if (found)
		found = find_number(loop.number, usage) || find_partition(loop.number, own, usage);
	if (found && device->file.is_block)
		put_before(usage, "has bytes in common with", loop.path);
	if (loop.fd >= 0)
		close(loop.fd);
	return found;
}

/* With /sys, those of its loop devices that are attached; without it, all that /dev has. */
static bool find_loop(const struct device *device, const struct backing *own, struct usage *usage)
{
	DIR *directory = opendir("/sys/class/block");
	const struct dirent *entry;
	bool found = false, has_sys = directory != NULL, any = false, all = true, opened;

	if (!directory)
		directory = opendir("/dev");
	while (directory && !found && (entry = readdir(directory)) != NULL) {
		char path[PATH_BYTES];

		snprintf(path, sizeof(path), "/sys/class/block/%s/loop", entry->d_name);
		if (!is_loop(entry->d_name) || (has_sys && access(path, F_OK) != 0))
			continue;
		found = find_in_loop(device, own, entry->d_name, usage, &opened);
		any = true;
		all &= opened;
	}
	if (directory)
		closedir(directory);
	usage->unseen = !found && !has_sys && !(any && all);
	return found;
}

/* ---- what is below ---- */

static struct backing whole(const struct device *device)
{
	return (struct backing){.is_block = device->file.is_block,
				.file_system = device->file.file_system,
				.inode = device->file.inode,
				.number = device->file.number,
				.to = UINT64_MAX};
}

/* The disk of a partition, what a loop device is on. */
static bool find_below(const struct device *device, struct usage *usage)
{
	struct backing below = whole(device);
	bool moved = backing_step(&below, device->file.fd), found = false;
	char name[64];

	for (int level = 0; level < BACKING_LEVELS_MAX && moved && !found; level++) {
		found = below.is_block && find_number(below.number, usage);
		if (!found)
			moved = backing_step(&below, -1);
	}
	snprintf(name, sizeof(name), "device %u:%u", major(below.number), minor(below.number));
	if (found)
		put_before(usage, "is on", name);
	return found;
}

bool usage_find(const struct device *device, struct usage *usage)
{
	struct backing own = whole(device);
	dev_t number = device->file.number;
	bool mapped;

	*usage = (struct usage){.phrase = ""};
	backing_descend(&own, device->file.fd);
	if (!device->file.is_block)
		return find_loop(device, &own, usage) || find_swap(device, usage);
	mapped = is_mapped(number);
	if (find_mount(number, usage) || find_swap(device, usage) ||
	    (!mapped && find_holder(number, usage)) || find_partition(number, NULL, usage) ||
	    find_below(device, usage) || find_loop(device, &own, usage))
		return true;
	/* The kernel itself lets nobody hold a block device that is used. */
	usage->unseen = false;
	usage->is_mapped = mapped && find_holder(number, usage);
	return usage->is_mapped;
}

/* ---- locks ---- */

/* The descriptor whose bytes from .. to - 1 the device has: its own, or one of what is below it
 * (*below). -1: that cannot be opened. */
static int find_bytes(const struct device *device, bool for_writing, struct backing *bytes,
		      int *below)
{
	*bytes = whole(device);
	*below = -1;
	backing_descend(bytes, device->file.fd);
	if (!device->file.is_block || (bytes->is_block && bytes->number == device->file.number))
		return device->file.fd;
	*below = backing_open(bytes, for_writing);
	return *below;
}

bool usage_lock(const struct device *device, int *below)
{
	struct backing bytes;
	int fd = find_bytes(device, device->writable, &bytes, below);

	if (fd < 0 || lock_take(fd, bytes.from, bytes.to, device->writable))
		return true;
	if (*below >= 0)
		close(*below);
	*below = -1;
	return false;
}

static bool is_locked(const struct device *device)
{
	struct backing bytes;
	int below, fd = find_bytes(device, false, &bytes, &below);
	bool locked = fd >= 0 && lock_is_written(fd, bytes.from, bytes.to);

	if (below >= 0)
		close(below);
	return locked;
}

bool usage_find_or_lock(const struct device *device, struct usage *usage)
{
	bool locked;

	if (usage_find(device, usage))
		return true;
	locked = flock(device->file.fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	if (!locked)
		flock(device->file.fd, LOCK_UN);
	locked = locked || is_locked(device);
	if (locked)
		snprintf(usage->phrase, sizeof(usage->phrase),
			 "is locked by another process (another cowtool?)");
	return locked;
}
