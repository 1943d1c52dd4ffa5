// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/device/device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "store/device/backing.h"
#include "store/base/bytes.h"
#include "store/base/path.h"
#include "store/device/probe.h"
#include "store/device/usage.h"

/*
 * Some holds go away by themselves: udev locks a block device for a moment while it probes it, and
 * the kernel closes the files of a killed process that used io_uring a little after the process is
 * gone. So a hold that nobody can be named for is waited for, this often and this long.
 */
#define HOLD_TRIES 20
#define HOLD_PAUSE_NS 50000000L

static void pause_for_hold(void)
{
	const struct timespec pause = {.tv_nsec = HOLD_PAUSE_NS};

	nanosleep(&pause, NULL);
}

static enum result refuse_kind(const struct device *device, mode_t mode, struct failure *why)
{
	const char *kind = "neither a block device nor a regular file";

	if (S_ISDIR(mode))
		kind = "a directory";
	else if (S_ISCHR(mode))
		kind = "a character device";
	else if (S_ISFIFO(mode))
		kind = "a FIFO";
	else if (S_ISSOCK(mode))
		kind = "a socket";
	return fail(why, RESULT_NOT_THERE, "%s: is %s; a block device or an image file is needed",
		    device->name, kind);
}

static void take_identity(struct device *device, const struct stat *status)
{
	device->is_block = S_ISBLK(status->st_mode);
	device->file_system = status->st_dev;
	device->inode = status->st_ino;
	device->number = status->st_rdev;
}

/* Before it is opened: opening a FIFO would wait, and opening a tape may wind it. */
static enum result check_kind(struct device *device, struct failure *why)
{
	struct stat status;

	if (stat(device->name, &status) != 0)
		return fail_errno(
			why, errno == ENOENT || errno == ENOTDIR ? RESULT_NOT_THERE : RESULT_IO,
			errno, "%s: cannot open", device->name);
	take_identity(device, &status);
	if (!device->is_block && !S_ISREG(status.st_mode))
		return refuse_kind(device, status.st_mode, why);
	return RESULT_OK;
}

/* What is not seen to be used may be, all the same. */
static enum result refuse_unseen(const struct device *device, struct failure *why)
{
	return fail(why, RESULT_REFUSED,
		    "%s: whether it is attached to a loop device cannot be told: neither /sys nor "
		    "the loop devices in /dev can be looked at; 'mount -t sysfs sysfs /sys' lets "
		    "that be seen, or use --force",
		    device->name);
}

/* *beside: it is used, by who does not write to it, and that is no reason not to read it. */
static enum result refuse_user(struct device *device, enum device_mode mode, bool *beside,
			       struct failure *why)
{
	struct usage usage;
	bool used = usage_find(device, &usage);

	*beside = used && mode == DEVICE_READ && usage.reads_only;
	device->unseen = usage.unseen;
	if (usage.unseen && mode == DEVICE_OWN)
		return refuse_unseen(device, why);
	if (!used || *beside)
		return RESULT_OK;
	return fail(why, RESULT_REFUSED, "%s: %s; %s", device->name, usage.phrase,
		    usage.help[0] ? usage.help : "free it first");
}

/*
 * Where an earlier process could not flush, the page cache may hold what is not on the medium, and
 * say that it is. It is flushed and forgotten before anything is read from there.
 */
static void forget_cache(const struct device *device)
{
	if (device->writable && fdatasync(device->fd) == 0)
		device_drop_cache(device);
}

/* O_NOATIME is for the owner of the file and for root alone. */
static int open_once(struct device *device, int flags)
{
	device->fd = open(device->name, flags | O_DIRECT);
	if (device->fd < 0 && errno == EPERM && (flags & O_NOATIME)) {
		flags &= ~O_NOATIME;
		device->fd = open(device->name, flags | O_DIRECT);
	}
	device->direct = device->fd >= 0;
	if (device->fd >= 0 || errno != EINVAL)
		return device->fd < 0 ? errno : 0;
	device->fd = open(device->name, flags);
	if (device->fd < 0)
		return errno;
	forget_cache(device);
	return 0;
}

/* The name of a file system that nobody can write to, or NULL. */
static const char *read_only_kind(const char *name)
{
	struct statfs status;

	if (statfs(name, &status) != 0)
		return NULL;
	switch ((uint32_t)status.f_type) {
	case SQUASHFS_MAGIC:
		return "squashfs";
	case ISOFS_SUPER_MAGIC:
		return "ISO 9660";
	case EROFS_SUPER_MAGIC_V1:
		return "EROFS";
	case CRAMFS_MAGIC:
		return "cramfs";
	}
	return NULL;
}

static enum result refuse_read_only_file(const struct device *device, struct failure *why)
{
	const char *kind = read_only_kind(device->name);

	if (kind)
		return fail(why, RESULT_IO,
			    "%s: is read-only, for nobody can write to its file system (%s); "
			    "nothing was written; copy it to another one first",
			    device->name, kind);
	return fail(why, RESULT_IO,
		    "%s: is read-only, for its file system is; nothing was written; mount that for "
		    "writing first",
		    device->name);
}

static enum result open_file(struct device *device, enum device_mode mode, struct failure *why)
{
	int flags = O_CLOEXEC | (device->writable ? O_RDWR : O_RDONLY | O_NOATIME);
	enum result result = RESULT_OK;
	bool beside = false;
	int error = EBUSY;

	if (mode != DEVICE_LOOK && device->is_block)
		flags |= O_EXCL;
	for (int try = 0; try < HOLD_TRIES && error == EBUSY && result == RESULT_OK; try++) {
		if (try > 0)
			pause_for_hold();
		error = open_once(device, flags);
		if (error == EBUSY)
			result = refuse_user(device, mode, &beside, why);
		if (beside)
			error = open_once(device, flags & ~O_EXCL);
	}
	if (result != RESULT_OK || error == 0)
		return result;
	if (error == EBUSY)
		return fail(why, RESULT_REFUSED,
			    "%s: is in use by the kernel or another program; free it first",
			    device->name);
	if (error == EROFS && !device->is_block)
		return refuse_read_only_file(device, why);
	return fail_errno(why, RESULT_IO, error, "%s: cannot open", device->name);
}

static void stop_direct(struct device *device)
{
	int flags = fcntl(device->fd, F_GETFL);

	if (flags < 0 || fcntl(device->fd, F_SETFL, flags & ~O_DIRECT) != 0)
		return;
	device->direct = false;
	forget_cache(device);
}

/* The logical block of the disk under a file system, from sysfs; 0: not known. A partition has that
 * of its disk. */
static uint32_t disk_block_bytes(dev_t file_system)
{
	static const char *const folders[] = {"queue", "../queue"};
	unsigned int block = 0;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && block == 0; i++) {
		char path[80];
		FILE *file;

		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s/logical_block_size",
			 major(file_system), minor(file_system), folders[i]);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fscanf(file, "%u", &block) != 1)
			block = 0;
		fclose(file);
	}
	return block;
}

/*
 * An image file says nothing of its blocks but what O_DIRECT needs, and Linux before 6.1 not even
 * that; its disk says it there. A guess would not do: with one too small, O_DIRECT fails; with one
 * too large, a block could be torn that is taken to be written whole. And trying would not do, for
 * reads of holes always succeed. 0: not known.
 */
static uint32_t file_block_bytes(const struct device *device)
{
	uint32_t block = disk_block_bytes(device->file_system);
#ifdef STATX_DIOALIGN
	struct statx status;

	if (statx(device->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) == 0 &&
	    (status.stx_mask & STATX_DIOALIGN))
		block = status.stx_dio_offset_align;
#endif
	return is_power_of_two(block) && block >= SECTOR_BYTES ? block : 0;
}

static enum result measure(struct device *device, struct failure *why)
{
	struct stat status;
	int block = 0;

	if (fstat(device->fd, &status) != 0)
		return fail_errno(why, RESULT_IO, errno, "%s: cannot tell what it is",
				  device->name);
	if (!S_ISBLK(status.st_mode) && !S_ISREG(status.st_mode))
		return refuse_kind(device, status.st_mode, why);
	take_identity(device, &status);
	if (device->is_block) {
		if (ioctl(device->fd, BLKGETSIZE64, &device->bytes) != 0 ||
		    ioctl(device->fd, BLKSSZGET, &block) != 0)
			return fail_errno(why, RESULT_IO, errno, "%s: cannot tell its size",
					  device->name);
		device->block_bytes = (uint32_t)block;
	} else {
		device->bytes = (uint64_t)status.st_size;
		device->block_bytes = device->direct ? file_block_bytes(device) : 0;
	}
	/* No buffer here is aligned to larger blocks. */
	if (device->direct && (device->block_bytes > BUFFER_ALIGNMENT || device->block_bytes == 0))
		stop_direct(device);
	if (device->block_bytes == 0)
		device->block_bytes = SECTOR_BYTES;
	device->rest_bytes = (uint32_t)(device->bytes % SECTOR_BYTES);
	device->bytes -= device->rest_bytes;
	return RESULT_OK;
}

/* Who only reads takes a shared lock: others may read, too, and NFS and CIFS have no other one for what
 * is open for reading. */
static enum result lock(struct device *device, struct failure *why)
{
	int operation = device->writable ? LOCK_EX : LOCK_SH;

	for (int try = 0; try < HOLD_TRIES; try++) {
		bool locked = flock(device->fd, operation | LOCK_NB) == 0;

		if (locked && usage_lock(device, &device->below_fd)) {
			device->holds_below = device->below_fd >= 0;
			return RESULT_OK;
		}
		if (!locked && errno != EWOULDBLOCK)
			return fail_errno(why, RESULT_IO, errno, "%s: cannot lock", device->name);
		pause_for_hold();
	}
	return fail(why, RESULT_REFUSED,
		    "%s: is locked by another process (another cowtool?); let it end first",
		    device->name);
}

static enum result hold(struct device *device, enum device_mode mode, struct failure *why)
{
	bool beside;
	enum result result = refuse_user(device, mode, &beside, why);

	return result == RESULT_OK ? lock(device, why) : result;
}

static enum result open_named(struct device *device, enum device_mode mode, struct failure *why)
{
	enum result result = check_kind(device, why);

	if (result == RESULT_OK)
		result = open_file(device, mode, why);
	if (result == RESULT_OK)
		result = measure(device, why);
	if (result == RESULT_OK && mode != DEVICE_LOOK)
		result = hold(device, mode, why);
	return result;
}

enum result device_open(struct device *device, const char *name, enum device_mode mode,
			struct failure *why)
{
	struct failure ignored;
	enum result result;

	memset(device, 0, sizeof(*device));
	device->fd = -1;
	device->writable = mode == DEVICE_OWN || mode == DEVICE_OWN_UNSEEN;
	result = probe_resolve(name, &device->name, why);
	if (result == RESULT_OK)
		result = open_named(device, mode, why);
	if (result != RESULT_OK)
		device_close(device, &ignored);
	return result;
}

static enum result make_file(struct device *device, struct failure *why)
{
	/* Not yet with O_DIRECT: where that is not to be had, the file would be made all the same. */
	device->fd = open(device->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (device->fd >= 0)
		return RESULT_OK;
	if (errno == EEXIST)
		return fail(why, RESULT_REFUSED,
			    "%s: exists already; name a file that does not exist", device->name);
	return fail_errno(why, errno == ENOENT || errno == ENOTDIR ? RESULT_NOT_THERE : RESULT_IO,
			  errno, "%s: cannot make this file", device->name);
}

static enum result size_file(struct device *device, uint64_t bytes, struct failure *why)
{
	int error = bytes > INT64_MAX ? EFBIG : 0, flags = fcntl(device->fd, F_GETFL);

	if (error == 0 && ftruncate(device->fd, (off_t)bytes) != 0)
		error = errno;
	if (error == 0 && fsync(device->fd) != 0)
		error = errno;
	/* EINVAL: larger than any file there. */
	if (error == EFBIG || error == EINVAL || error == ENOSPC || error == EDQUOT)
		return fail_errno(why, RESULT_NO_SPACE, error, "%s: cannot make it %llu bytes long",
				  device->name, (unsigned long long)bytes);
	if (error != 0)
		return fail_errno(why, RESULT_IO, error, "%s: cannot make it %llu bytes long",
				  device->name, (unsigned long long)bytes);
	device->direct = flags >= 0 && fcntl(device->fd, F_SETFL, flags | O_DIRECT) == 0;
	return RESULT_OK;
}

/* Once before its size is known: device_unlink must know it. */
static enum result finish_file(struct device *device, uint64_t bytes, struct failure *why)
{
	enum result result = measure(device, why);

	if (result == RESULT_OK)
		result = lock(device, why);
	if (result == RESULT_OK)
		result = size_file(device, bytes, why);
	if (result == RESULT_OK)
		result = measure(device, why);
	if (result == RESULT_OK)
		result = path_flush_folder(device->name, why);
	return result;
}

enum result device_create(struct device *device, const char *name, uint64_t bytes,
			  struct failure *why)
{
	struct failure ignored;
	enum result result;

	memset(device, 0, sizeof(*device));
	device->fd = -1;
	device->writable = true;
	result = probe_resolve(name, &device->name, why);
	if (result == RESULT_OK)
		result = make_file(device, why);
	if (result == RESULT_OK) {
		result = finish_file(device, bytes, why);
		if (result != RESULT_OK)
			device_unlink(device);
	}
	if (result != RESULT_OK)
		device_close(device, &ignored);
	return result;
}

void device_unlink(const struct device *device)
{
	struct stat status;

	if (lstat(device->name, &status) == 0 && S_ISREG(status.st_mode) &&
	    status.st_dev == device->file_system && status.st_ino == device->inode)
		unlink(device->name);
}

void device_fit(struct device *device, uint64_t unit_bytes)
{
	if (!device->direct || device->fd < 0)
		return;
	if (unit_bytes % device->block_bytes != 0 || device->bytes % device->block_bytes != 0)
		stop_direct(device);
}

/* An errno value. */
static int look_for_right(const struct device *device)
{
	if (device->writable)
		return 0;
	return faccessat(AT_FDCWD, device->name, W_OK, AT_EACCESS) == 0 ? 0 : errno;
}

enum result device_refuse_read_only(const struct device *device, struct failure *why)
{
	int read_only = 0;

	if (device->is_block && ioctl(device->fd, BLKROGET, &read_only) == 0 && read_only)
		return fail(why, RESULT_IO,
			    "%s: is read-only; nothing was written; let it be written to first "
			    "(blockdev --setrw, or losetup without --read-only)",
			    device->name);
	if (!device->is_block && look_for_right(device) == EROFS)
		return refuse_read_only_file(device, why);
	return RESULT_OK;
}

bool device_may_write(const struct device *device)
{
	return look_for_right(device) == 0;
}

void device_drop_cache(const struct device *device)
{
	if (device->fd >= 0)
		posix_fadvise(device->fd, 0, 0, POSIX_FADV_DONTNEED);
}

void device_next_data(const struct device *device, uint64_t offset, uint64_t *from, uint64_t *to)
{
	off_t data, hole;

	*from = offset;
	*to = device->bytes;
	if (device->is_block || device->fd < 0 || offset >= device->bytes)
		return;
	data = lseek(device->fd, (off_t)offset, SEEK_DATA);
	if (data < 0 && errno == ENXIO)
		*from = device->bytes;
	if (data < 0)
		return;
	hole = lseek(device->fd, data, SEEK_HOLE);
	*from = min_u64(round_down((uint64_t)data, BUFFER_ALIGNMENT), device->bytes);
	if (hole > data)
		*to = min_u64(round_up((uint64_t)hole, BUFFER_ALIGNMENT), device->bytes);
}

uint64_t device_changed_ns(const struct device *device)
{
	struct stat status;

	if (device->is_block || device->fd < 0 || fstat(device->fd, &status) != 0)
		return 0;
	return (uint64_t)status.st_ctim.tv_sec * 1000000000u + (uint64_t)status.st_ctim.tv_nsec;
}

enum result device_set_size(struct device *device, uint64_t bytes, struct failure *why)
{
	int error;

	if (bytes <= INT64_MAX && ftruncate(device->fd, (off_t)bytes) == 0)
		return RESULT_OK;
	error = bytes > INT64_MAX ? EFBIG : errno;
	return fail_errno(why, error_is_full(error) ? RESULT_NO_SPACE : RESULT_IO, error,
			  "%s: cannot make it %llu bytes long", device->name,
			  (unsigned long long)bytes);
}

static bool is_same_node(const struct device *device, const struct stat *status)
{
	if (device->is_block)
		return S_ISBLK(status->st_mode) && status->st_rdev == device->number;
	return S_ISREG(status->st_mode) && status->st_dev == device->file_system &&
	       status->st_ino == device->inode;
}

static void find_backing(const struct device *device, struct backing *backing)
{
	*backing = (struct backing){.is_block = device->is_block,
				    .file_system = device->file_system,
				    .inode = device->inode,
				    .number = device->number};
	backing_descend(backing, device->fd);
}

/* What cannot be opened for that is not opened as a device either. */
static bool shares_bytes(const struct device *device, const char *path, const struct stat *status)
{
	struct device other = {.fd = -1};
	struct backing own, others;

	take_identity(&other, status);
	if (other.is_block)
		other.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	find_backing(device, &own);
	find_backing(&other, &others);
	if (other.fd >= 0)
		close(other.fd);
	return backing_overlap(&own, &others);
}

enum result device_is(const struct device *device, const char *name, bool *same,
		      struct failure *why)
{
	struct stat status;
	char *path = NULL;
	enum result result = probe_resolve(name, &path, why);

	*same = false;
	if (result == RESULT_OK && stat(path, &status) == 0 &&
	    (S_ISBLK(status.st_mode) || S_ISREG(status.st_mode)))
		*same = is_same_node(device, &status) ||
			((device->is_block || S_ISBLK(status.st_mode)) &&
			 shares_bytes(device, path, &status));
	free(path);
	return result;
}

enum result device_refuse_same(const struct device *device, const char *name, const char *how,
			       struct failure *why)
{
	bool same = false;
	enum result result = device_is(device, name, &same, why);

	if (result == RESULT_OK && same)
		result = fail(why, RESULT_REFUSED, "%s: is given %s", name, how);
	return result;
}

enum result device_release(struct device *device, struct failure *why)
{
	int fd = device->fd;

	device->fd = -1;
	if (device->holds_below)
		close(device->below_fd);
	device->holds_below = false;
	if (fd >= 0 && device->name && close(fd) != 0 && device->writable)
		return fail_errno(why, RESULT_IO, errno, "%s: cannot close", device->name);
	return RESULT_OK;
}

enum result device_close(struct device *device, struct failure *why)
{
	enum result result = device_release(device, why);

	free(device->name);
	memset(device, 0, sizeof(*device));
	device->fd = -1;
	return result;
}
