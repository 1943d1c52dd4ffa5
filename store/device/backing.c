// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/device/backing.h"

#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/major.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "store/base/bytes.h"

static FILE *open_attribute(dev_t number, const char *name)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(number), minor(number), name);
	return fopen(path, "re");
}

static bool read_number(dev_t number, const char *name, uint64_t *value)
{
	FILE *file = open_attribute(number, name);
	bool have;

	if (!file)
		return false;
	have = fscanf(file, "%" SCNu64, value) == 1;
	fclose(file);
	return have;
}

/* The disk of a partition. */
static bool read_disk(dev_t partition, dev_t *disk)
{
	FILE *file = open_attribute(partition, "../dev");
	unsigned int major_number, minor_number;
	bool have;

	if (!file)
		return false;
	have = fscanf(file, "%u:%u", &major_number, &minor_number) == 2;
	fclose(file);
	if (have)
		*disk = makedev(major_number, minor_number);
	return have;
}

/* The device is `bytes` bytes at `offset` of what is below it. */
static void shift(struct backing *backing, uint64_t offset, uint64_t bytes)
{
	uint64_t end = saturated_add(offset, bytes);

	backing->from = min_u64(saturated_add(backing->from, offset), end);
	backing->to = min_u64(saturated_add(backing->to, offset), end);
}

static bool leave_partition(struct backing *backing)
{
	dev_t above = backing->number;
	uint64_t partition, start, sectors, offset, bytes;
	dev_t disk;

	if (!read_number(backing->number, "partition", &partition) ||
	    !read_number(backing->number, "start", &start) ||
	    !read_number(backing->number, "size", &sectors) || !read_disk(backing->number, &disk) ||
	    !checked_mul(start, SECTOR_BYTES, &offset) ||
	    !checked_mul(sectors, SECTOR_BYTES, &bytes))
		return false;
	shift(backing, offset, bytes);
	backing->above = above;
	backing->number = disk;
	return true;
}

static bool leave_loop(struct backing *backing, int fd)
{
	struct loop_info64 info;
	uint64_t bytes;

	if (ioctl(fd, LOOP_GET_STATUS64, &info) != 0 || ioctl(fd, BLKGETSIZE64, &bytes) != 0)
		return false;
	shift(backing, info.lo_offset, bytes);
	backing->above = backing->number;
	backing->file_system = info.lo_device;
	backing->inode = info.lo_inode;
	backing->number = info.lo_rdevice;
	/* Of a file it has no number, or, from old kernels, that of its file system. */
	backing->is_block = info.lo_rdevice != 0 && info.lo_rdevice != info.lo_device;
	return true;
}

/* The kernel's name of a block device in /dev; without /sys, that of a loop device is known. */
static bool find_node(dev_t number, char *path, size_t size)
{
	char link[80], target[512];
	ssize_t length;

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(number), minor(number));
	length = readlink(link, target, sizeof(target) - 1);
	if (length < 0 && major(number) != LOOP_MAJOR)
		return false;
	target[length < 0 ? 0 : length] = 0;
	if (length < 0)
		snprintf(path, size, "/dev/loop%u", minor(number));
	else
		snprintf(path, size, "/dev/%s", basename(target));
	return true;
}

/* -1: it cannot be opened. */
static int open_node(dev_t number, int flags)
{
	struct stat status;
	char path[600];
	int fd;

	if (!find_node(number, path, sizeof(path)))
		return -1;
	fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 &&
	    (fstat(fd, &status) != 0 || !S_ISBLK(status.st_mode) || status.st_rdev != number)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* -1: it is no loop device, or cannot be opened. */
static int open_loop(dev_t number)
{
	return major(number) == LOOP_MAJOR ? open_node(number, O_RDONLY) : -1;
}

/* The name of the file that a loop device is on, as the kernel has it; else as the device was told,
 * which may be cut short. */
static bool find_loop_file(dev_t loop, char *path, size_t size)
{
	FILE *file = open_attribute(loop, "loop/backing_file");
	struct loop_info64 info = {.lo_file_name = ""};
	int fd;

	if (file) {
		bool have = fgets(path, (int)size, file) != NULL;

		fclose(file);
		path[have ? strcspn(path, "\n") : 0] = 0;
		return have;
	}
	fd = open_loop(loop);
	if (fd < 0)
		return false;
	if (ioctl(fd, LOOP_GET_STATUS64, &info) == 0)
		snprintf(path, size, "%.*s", LO_NAME_SIZE, (const char *)info.lo_file_name);
	close(fd);
	return info.lo_file_name[0] != 0;
}

static int open_loop_file(const struct backing *backing, int flags)
{
	struct stat status;
	char path[PATH_MAX];
	int fd;

	if (!find_loop_file(backing->above, path, sizeof(path)))
		return -1;
	fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
			status.st_dev != backing->file_system || status.st_ino != backing->inode)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int backing_open(const struct backing *backing, bool for_writing)
{
	int flags = for_writing ? O_RDWR : O_RDONLY;

	return backing->is_block ? open_node(backing->number, flags)
				 : open_loop_file(backing, flags);
}

/* A partition first: of a loop device's, the ioctl tells what is true of the whole. */
static bool descend(struct backing *backing, int fd)
{
	return leave_partition(backing) ||
	       (major(backing->number) == LOOP_MAJOR && leave_loop(backing, fd));
}

bool backing_step(struct backing *backing, int fd)
{
	int own = fd < 0 && backing->is_block ? open_loop(backing->number) : -1;
	bool moved = backing->is_block && descend(backing, fd < 0 ? own : fd);

	if (own >= 0)
		close(own);
	return moved;
}

void backing_descend(struct backing *backing, int fd)
{
	bool moved;

	backing->from = 0;
	backing->to = UINT64_MAX;
	moved = backing_step(backing, fd);
	for (int level = 0; level < BACKING_LEVELS_MAX && moved; level++)
		moved = backing_step(backing, -1);
}

bool backing_overlap(const struct backing *a, const struct backing *b)
{
	bool same = a->is_block ? b->is_block && a->number == b->number
				: !b->is_block && a->file_system == b->file_system &&
					  a->inode == b->inode;

	return same && max_u64(a->from, b->from) < min_u64(a->to, b->to);
}
