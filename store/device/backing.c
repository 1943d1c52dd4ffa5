// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/device/backing.h"

#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/major.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "store/base/bytes.h"

/* The kernel takes no loop devices that stand on themselves. */
#define LEVELS_MAX 32

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

static uint64_t saturated_add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return checked_add(a, b, &sum) ? sum : UINT64_MAX;
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
	uint64_t partition, start, sectors, offset, bytes;
	dev_t disk;

	if (!read_number(backing->number, "partition", &partition) ||
	    !read_number(backing->number, "start", &start) ||
	    !read_number(backing->number, "size", &sectors) || !read_disk(backing->number, &disk) ||
	    !checked_mul(start, SECTOR_BYTES, &offset) ||
	    !checked_mul(sectors, SECTOR_BYTES, &bytes))
		return false;
	shift(backing, offset, bytes);
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
	backing->file_system = info.lo_device;
	backing->inode = info.lo_inode;
	backing->number = info.lo_rdevice;
	/* Of a file it has no number, or, from old kernels, that of its file system. */
	backing->is_block = info.lo_rdevice != 0 && info.lo_rdevice != info.lo_device;
	return true;
}

/* -1: it is no loop device, or cannot be opened. */
static int open_loop(dev_t number)
{
	char link[80], target[512], path[600];
	struct stat status;
	ssize_t length;
	int fd;

	if (major(number) != LOOP_MAJOR)
		return -1;
	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(number), minor(number));
	length = readlink(link, target, sizeof(target) - 1);
	if (length < 0)
		return -1;
	target[length] = 0;
	snprintf(path, sizeof(path), "/dev/%s", basename(target));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && (fstat(fd, &status) != 0 || status.st_rdev != number)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* A partition first: of a loop device's, the ioctl tells what is true of the whole. */
static bool descend(struct backing *backing, int fd)
{
	return leave_partition(backing) ||
	       (major(backing->number) == LOOP_MAJOR && leave_loop(backing, fd));
}

void backing_descend(struct backing *backing, int fd)
{
	bool moved = backing->is_block;

	backing->from = 0;
	backing->to = UINT64_MAX;
	if (moved)
		moved = descend(backing, fd);
	for (int level = 0; level < LEVELS_MAX && moved && backing->is_block; level++) {
		int below = open_loop(backing->number);

		moved = descend(backing, below);
		if (below >= 0)
			close(below);
	}
}

bool backing_overlap(const struct backing *a, const struct backing *b)
{
	bool same = a->is_block ? b->is_block && a->number == b->number
				: !b->is_block && a->file_system == b->file_system &&
					  a->inode == b->inode;

	return same && max_u64(a->from, b->from) < min_u64(a->to, b->to);
}
