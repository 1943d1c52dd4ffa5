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
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "store/device/backing.h"
#include "store/base/bytes.h"
#include "store/base/error.h"
#include "store/base/path.h"
#include "store/base/suggest.h"
#include "store/base/whole.h"
#include "store/device/map.h"
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
	return fail(why, RESULT_REFUSED, "%s: is %s; a block device or an image file is needed",
		    device->name, kind);
}

static struct device_file file_of(const struct stat *status)
{
	return (struct device_file){.is_block = S_ISBLK(status->st_mode),
				    .file_system = status->st_dev,
				    .inode = status->st_ino,
				    .number = status->st_rdev};
}

/* Before it is opened, for opening a tape may wind it; measure looks again at what was opened. */
static enum result check_kind(struct device *device, struct failure *why)
{
	struct stat status;

	if (stat(device->name, &status) != 0)
		return fail_errno(why, error_result(errno), errno, "%s: cannot open", device->name);
	device->file = file_of(&status);
	if (!device->file.is_block && !S_ISREG(status.st_mode))
		return refuse_kind(device, status.st_mode, why);
	return RESULT_OK;
}

/* What is not seen to be used may be, all the same. */
static enum result refuse_unseen(const struct device *device, struct failure *why)
{
	return fail_remedy(
		why, RESULT_REFUSED, REMEDY_SHOW_LOOPS, NULL,
		"%s: whether it is attached to a loop device cannot be told: neither /sys nor the loop devices in /dev can be looked at",
		device->name);
}

/* How it is to be opened. */
struct opening {
	enum device_mode mode;
	bool mapped; /* what device-mapper's devices hold may be opened beside them */
	bool beside; /* result: it is used, and that is no reason not to open it */
};

/* Nobody can be named for it. */
static enum result refuse_program(const struct device *device, const char *phrase,
				  struct failure *why)
{
	struct suggestion command;

	return fail_remedy(why, RESULT_REFUSED, REMEDY_FREE, NULL,
			   "%s: %s; %s shows which; let it end first", device->name, phrase,
			   suggest(&command, "fuser %s", device->name));
}

/* A reader may read beside who does not write; see device_open_beside, too. */
static enum result refuse_user(struct device *device, struct opening *opening, struct failure *why)
{
	struct usage usage;
	bool used = usage_find(device, &usage);

	opening->beside = used && ((opening->mode == DEVICE_READ && usage.reads_only) ||
				   (opening->mapped && usage.is_mapped));
	device->unseen = usage.unseen;
	if (usage.unseen && opening->mode == DEVICE_OWN)
		return refuse_unseen(device, why);
	if (!used || opening->beside)
		return RESULT_OK;
	return fail_remedy(why, RESULT_REFUSED, REMEDY_FREE, NULL, "%s: %s; %s", device->name,
			   usage.phrase, usage.help);
}

/*
 * Where an earlier process could not flush, the page cache may hold what is not on the medium, and
 * say that it is. It is flushed and forgotten before anything is read from there.
 */
static void forget_cache(const struct device *device)
{
	if (device->writable && fdatasync(device->file.fd) == 0)
		device_drop_cache(device);
}

/* O_NOATIME is for the owner of the file and for root alone. */
static int open_once(struct device *device, int flags)
{
	int fd = open(device->name, flags | O_DIRECT);

	if (fd < 0 && errno == EPERM && (flags & O_NOATIME)) {
		flags &= ~O_NOATIME;
		fd = open(device->name, flags | O_DIRECT);
	}
	device->direct = fd >= 0;
	if (fd < 0 && errno == EINVAL)
		fd = open(device->name, flags);
	if (fd < 0)
		return errno;
	device->file.fd = fd;
	device->open = true;
	if (!device->direct)
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

static enum result refuse_read_only_file(const char *name, struct failure *why)
{
	const char *kind = read_only_kind(name);

	if (kind)
		return fail(
			why, RESULT_IO,
			"%s: is read-only, for nobody can write to its file system (%s); nothing was written; copy it to another one first",
			name, kind);
	return fail(
		why, RESULT_IO,
		"%s: is read-only, for its file system is; nothing was written; mount that for writing first",
		name);
}

/*
 * A block device that somebody holds whom nobody can be named for: another reader, which has locked
 * it as readers do? Then both may read it. Whoever writes has locked it alone; one that has not
 * locked it is another program.
 */
static bool open_beside_reader(struct device *device, int flags)
{
	if (open_once(device, flags & ~O_EXCL) != 0)
		return false;
	if (flock(device->file.fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK &&
	    flock(device->file.fd, LOCK_SH | LOCK_NB) == 0)
		return true;
	close(device->file.fd);
	device->open = false;
	return false;
}

/* With O_NONBLOCK, for a FIFO may have come in the place of what was looked at, and would wait. */
static enum result open_file(struct device *device, struct opening *opening, struct failure *why)
{
	int flags = O_CLOEXEC | O_NONBLOCK | (device->writable ? O_RDWR : O_RDONLY | O_NOATIME);
	enum result result = RESULT_OK;
	int error = EBUSY;

	if (opening->mode != DEVICE_LOOK && device->file.is_block)
		flags |= O_EXCL;
	for (int try = 0; try < HOLD_TRIES && error == EBUSY && result == RESULT_OK; try++) {
		if (try > 0)
			pause_for_hold();
		error = open_once(device, flags);
		if (error == EBUSY)
			result = refuse_user(device, opening, why);
		if (opening->beside)
			error = open_once(device, flags & ~O_EXCL);
		else if (error == EBUSY && result == RESULT_OK && !device->writable &&
			 open_beside_reader(device, flags))
			error = 0;
	}
	if (result != RESULT_OK || error == 0)
		return result;
	if (error == EBUSY)
		return refuse_program(device, "is in use by the kernel or another program", why);
	if (error == EROFS && !device->file.is_block)
		return refuse_read_only_file(device->name, why);
	return fail_errno(why, error_result(error), error, "%s: cannot open", device->name);
}

static bool set_flag(const struct device_file *file, int flag, bool on)
{
	int flags = fcntl(file->fd, F_GETFL);

	return flags >= 0 && fcntl(file->fd, F_SETFL, on ? flags | flag : flags & ~flag) == 0;
}

static void stop_direct(struct device *device)
{
	if (!set_flag(&device->file, O_DIRECT, false))
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
	uint32_t block = disk_block_bytes(device->file.file_system);
#ifdef STATX_DIOALIGN
	struct statx status;

	if (statx(device->file.fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) == 0 &&
	    (status.stx_mask & STATX_DIOALIGN))
		block = status.stx_dio_offset_align;
#endif
	return is_power_of_two(block) && block >= SECTOR_BYTES ? block : 0;
}

static enum result measure(struct device *device, struct failure *why)
{
	struct stat status;
	int block = 0, fd;

	if (fstat(device->file.fd, &status) != 0)
		return fail_errno(why, RESULT_IO, errno, "%s: cannot tell what it is",
				  device->name);
	if (!S_ISBLK(status.st_mode) && !S_ISREG(status.st_mode))
		return refuse_kind(device, status.st_mode, why);
	fd = device->file.fd;
	device->file = file_of(&status);
	device->file.fd = fd;
	device->file.path = device->name;
	set_flag(&device->file, O_NONBLOCK, false); /* only opening it must not wait */
	if (device->file.is_block) {
		if (ioctl(device->file.fd, BLKGETSIZE64, &device->bytes) != 0 ||
		    ioctl(device->file.fd, BLKSSZGET, &block) != 0)
			return fail_errno(why, RESULT_IO, errno, "%s: cannot tell its size",
					  device->name);
		if (device->bytes == 0)
			return fail(
				why, RESULT_NOT_THERE,
				"%s: has no bytes: there is no medium, or nothing is attached yet",
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

/* Who only reads takes a shared lock: others may read, too, and NFS and CIFS have no other one for
 * what is open for reading. */
static enum result lock(struct device *device, struct failure *why)
{
	int operation = device->writable ? LOCK_EX : LOCK_SH;

	for (int try = 0; try < HOLD_TRIES; try++) {
		bool locked = flock(device->file.fd, operation | LOCK_NB) == 0;

		if (locked && usage_lock(device, &device->below_fd)) {
			device->holds_below = device->below_fd >= 0;
			return RESULT_OK;
		}
		if (!locked && errno != EWOULDBLOCK)
			return fail_errno(why, RESULT_IO, errno, "%s: cannot lock", device->name);
		pause_for_hold();
	}
	return refuse_program(device, "is locked by another process (another cowtool?)", why);
}

static enum result hold(struct device *device, struct opening *opening, struct failure *why)
{
	enum result result = refuse_user(device, opening, why);

	return result == RESULT_OK ? lock(device, why) : result;
}

static enum result open_named(struct device *device, const char *name, struct opening *opening,
			      struct failure *why)
{
	struct failure ignored;
	enum result result;

	memset(device, 0, sizeof(*device));
	device->writable = device_mode_writes(opening->mode);
	result = probe_resolve(name, &device->name, why);
	if (result == RESULT_OK)
		result = check_kind(device, why);
	if (result == RESULT_OK)
		result = open_file(device, opening, why);
	if (result == RESULT_OK)
		result = measure(device, why);
	if (result == RESULT_OK && opening->mode != DEVICE_LOOK)
		result = hold(device, opening, why);
	if (result != RESULT_OK)
		device_close(device, &ignored);
	return result;
}

enum result device_open(struct device *device, const char *name, enum device_mode mode,
			struct failure *why)
{
	struct opening opening = {.mode = mode};

	return open_named(device, name, &opening, why);
}

enum result device_open_beside(struct device *device, const char *name, enum device_mode mode,
			       bool *beside, struct failure *why)
{
	struct opening opening = {.mode = mode, .mapped = true};
	enum result result = open_named(device, name, &opening, why);

	*beside = opening.beside;
	return result;
}

/* The file of a part, by a descriptor of its own: it has the part's holds, and its flags. */
static enum result share_file(struct device *device, unsigned int number, const struct device *part,
			      struct failure *why)
{
	struct device_file *file = &device->files[number];

	*file = part->file;
	file->engine = NULL;
	file->fd = fcntl(part->file.fd, F_DUPFD_CLOEXEC, 0);
	if (file->fd < 0)
		return fail_errno(why, RESULT_IO, errno, "%s: cannot open", part->name);
	device->direct &= part->direct;
	device->block_bytes = (uint32_t)max_u64(device->block_bytes, part->block_bytes);
	return RESULT_OK;
}

enum result device_open_map(struct device *device, const char *name, struct map *map,
			    struct device *const *parts, unsigned int count, uint64_t bytes,
			    enum device_mode mode, struct failure *why)
{
	struct failure ignored;
	enum result result = RESULT_OK;

	*device = (struct device){.name = strdup(name),
				  .bytes = bytes,
				  .block_bytes = SECTOR_BYTES,
				  .direct = true,
				  .writable = device_mode_writes(mode),
				  .map = map};
	device->files = calloc(count, sizeof(*device->files));
	if (!device->name || !device->files) {
		device_close(device, &ignored);
		return fail_memory(why, "a device", count * sizeof(*device->files));
	}
	device->open = true;
	map->files = device->files;
	map->file_count = 0;
	for (unsigned int i = 0; i < count && result == RESULT_OK; i++) {
		result = share_file(device, i, parts[i], why);
		map->file_count += result == RESULT_OK;
	}
	if (result != RESULT_OK)
		device_close(device, &ignored);
	return result;
}

static enum result make_file(struct device *device, struct failure *why)
{
	/* Not yet with O_DIRECT: where that is not to be had, the file would be made all
	 * the same. */
	device->file.fd =
		open(device->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
	device->open = device->file.fd >= 0;
	if (device->open)
		return RESULT_OK;
	if (errno == EEXIST)
		return fail(why, RESULT_REFUSED,
			    "%s: exists already; name a file that does not exist", device->name);
	return fail_errno(why, error_result(errno), errno, "%s: cannot make this file",
			  device->name);
}

static enum result size_file(struct device *device, uint64_t bytes, struct failure *why)
{
	int error = bytes > INT64_MAX ? EFBIG : 0;

	if (error == 0 && bytes > 0 &&
	    (ftruncate(device->file.fd, (off_t)bytes) != 0 || fsync(device->file.fd) != 0))
		error = errno;
	/* EINVAL: larger than any file there. */
	if (error != 0)
		return fail_errno(
			why, error_is_full(error) || error == EINVAL ? RESULT_NO_SPACE : RESULT_IO,
			error, "%s: cannot make it %llu bytes long", device->name,
			(unsigned long long)bytes);
	device->direct = set_flag(&device->file, O_DIRECT, true);
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
	if (result == RESULT_OK && bytes > 0)
		result = path_flush_folder(device->name, why);
	return result;
}

enum result device_create(struct device *device, const char *name, uint64_t bytes,
			  struct failure *why)
{
	struct failure ignored;
	enum result result;

	memset(device, 0, sizeof(*device));
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
	    status.st_dev == device->file.file_system && status.st_ino == device->file.inode)
		unlink(device->name);
}

bool device_is_direct(const struct device *device, uint64_t chunk_bytes)
{
	return device->direct && chunk_bytes % device->block_bytes == 0 &&
	       device->bytes % device->block_bytes == 0;
}

bool device_is_in_memory(const struct device *device)
{
	struct statfs status;
	bool in_memory = device->open && device_file_count(device) > 0;

	for (unsigned int i = 0; in_memory && i < device_file_count(device); i++)
		in_memory = !device_file(device, i)->is_block &&
			    fstatfs(device_file(device, i)->fd, &status) == 0 &&
			    ((uint32_t)status.f_type == TMPFS_MAGIC ||
			     (uint32_t)status.f_type == RAMFS_MAGIC);
	return in_memory;
}

uint32_t device_unit(const struct device *device, uint64_t chunk_bytes)
{
	return device_is_direct(device, chunk_bytes) ? device->block_bytes : SECTOR_BYTES;
}

/* What was written is not flushed here: an error would be told to nobody. */
void device_use_cache(struct device *device)
{
	bool all = device->open;

	for (unsigned int i = 0; device->open && i < device_file_count(device); i++)
		all &= set_flag(device_file(device, i), O_DIRECT, false);
	device->direct &= !all;
	device_drop_cache(device);
}

/* An errno value. */
static int look_for_right(const struct device_file *file)
{
	return faccessat(AT_FDCWD, file->path, W_OK, AT_EACCESS) == 0 ? 0 : errno;
}

static enum result refuse_read_only(const struct device_file *file, bool writable,
				    struct failure *why)
{
	int read_only = 0;

	if (file->is_block && ioctl(file->fd, BLKROGET, &read_only) == 0 && read_only)
		return fail(
			why, RESULT_IO,
			"%s: is read-only; nothing was written; let it be written to first (blockdev --setrw, or losetup without --read-only)",
			file->path);
	if (!file->is_block && !writable && look_for_right(file) == EROFS)
		return refuse_read_only_file(file->path, why);
	return RESULT_OK;
}

enum result device_refuse_read_only(const struct device *device, struct failure *why)
{
	enum result result = RESULT_OK;

	for (unsigned int i = 0; i < device_file_count(device) && result == RESULT_OK; i++)
		result = refuse_read_only(device_file(device, i), device->writable, why);
	return result;
}

bool device_may_write(const struct device *device)
{
	for (unsigned int i = 0; i < device_file_count(device) && !device->writable; i++)
		if (look_for_right(device_file(device, i)) != 0)
			return false;
	return true;
}

void device_drop_cache(const struct device *device)
{
	for (unsigned int i = 0; device->open && i < device_file_count(device); i++)
		posix_fadvise(device_file(device, i)->fd, 0, 0, POSIX_FADV_DONTNEED);
}

/* Where in this place the next data is: bytes *from .. *to - 1 of it. False: all of it is
 * a hole. */
static bool place_data(const struct device_place *place, uint64_t *from, uint64_t *to)
{
	off_t data, hole;

	*from = 0;
	*to = place->bytes;
	if (place->file->is_block)
		return true;
	data = lseek(place->file->fd, (off_t)place->offset, SEEK_DATA);
	if (data < 0)
		return errno != ENXIO;
	*from = (uint64_t)data - place->offset;
	hole = lseek(place->file->fd, data, SEEK_HOLE);
	if (hole > data)
		*to = min_u64(place->bytes, (uint64_t)hole - place->offset);
	return *from < place->bytes;
}

void device_next_data(const struct device *device, uint64_t offset, uint64_t *from, uint64_t *to)
{
	struct device_place place = {0};
	bool found = !device->open;

	*from = offset;
	*to = device->bytes;
	while (!found && offset < device->bytes) {
		place = device_place(device, offset, device->bytes - offset);
		found = place_data(&place, from, to);
		*from = round_down(offset + *from, BUFFER_ALIGNMENT);
		*to = min_u64(round_up(offset + *to, BUFFER_ALIGNMENT), device->bytes);
		offset += place.bytes;
	}
	if (!found)
		*from = *to = device->bytes;
}

bool device_holes(const struct device *device, uint64_t *holes, uint64_t *free_bytes)
{
	struct statvfs space;
	struct stat status;

	*holes = 0;
	*free_bytes = UINT64_MAX;
	for (unsigned int i = 0; i < device_file_count(device); i++) {
		const struct device_file *file = device_file(device, i);
		uint64_t allocated;

		if (!device->open || file->is_block || fstat(file->fd, &status) != 0 ||
		    fstatvfs(file->fd, &space) != 0 || space.f_frsize == 0)
			return false;
		allocated = (uint64_t)status.st_blocks * SECTOR_BYTES;
		*holes += (uint64_t)status.st_size - min_u64((uint64_t)status.st_size, allocated);
		*free_bytes = min_u64(*free_bytes, (uint64_t)space.f_bavail * space.f_frsize);
	}
	return true;
}

/* 0: a block device, or it cannot be told. */
static uint64_t file_changed_ns(const struct device_file *file)
{
	struct stat status;

	if (file->is_block || fstat(file->fd, &status) != 0)
		return 0;
	return (uint64_t)status.st_ctim.tv_sec * 1000000000u + (uint64_t)status.st_ctim.tv_nsec;
}

uint64_t device_changed_ns(const struct device *device)
{
	uint64_t newest = 0;

	for (unsigned int i = 0; device->open && i < device_file_count(device); i++) {
		uint64_t changed = file_changed_ns(device_file(device, i));

		if (changed == 0)
			return 0;
		newest = max_u64(newest, changed);
	}
	return newest;
}

enum result device_set_size(struct device *device, uint64_t bytes, struct failure *why)
{
	int error;

	if (bytes <= INT64_MAX && ftruncate(device->file.fd, (off_t)bytes) == 0)
		return RESULT_OK;
	error = bytes > INT64_MAX ? EFBIG : errno;
	return fail_errno(why, error_is_full(error) ? RESULT_NO_SPACE : RESULT_IO, error,
			  "%s: cannot make it %llu bytes long", device->name,
			  (unsigned long long)bytes);
}

static bool file_is_node(const struct device_file *file, const struct stat *status)
{
	if (file->is_block)
		return S_ISBLK(status->st_mode) && status->st_rdev == file->number;
	return S_ISREG(status->st_mode) && status->st_dev == file->file_system &&
	       status->st_ino == file->inode;
}

bool device_is_node(const struct device *device, const struct stat *status)
{
	for (unsigned int i = 0; i < device_file_count(device); i++)
		if (file_is_node(device_file(device, i), status))
			return true;
	return false;
}

static struct backing find_backing(const struct device_file *file)
{
	struct backing backing = {.is_block = file->is_block,
				  .file_system = file->file_system,
				  .inode = file->inode,
				  .number = file->number};

	backing_descend(&backing, file->fd);
	return backing;
}

/* What cannot be opened for that is not opened as a device either. */
static bool shares_bytes(const struct device_file *file, const char *path,
			 const struct stat *status)
{
	struct device_file other = file_of(status);
	struct backing own = find_backing(file), others;

	other.fd = other.is_block ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	others = find_backing(&other);
	if (other.fd >= 0)
		close(other.fd);
	return backing_overlap(&own, &others);
}

static bool is_at(const struct device *device, const char *path, const struct stat *status)
{
	for (unsigned int i = 0; i < device_file_count(device); i++) {
		const struct device_file *file = device_file(device, i);

		if (file_is_node(file, status) || ((file->is_block || S_ISBLK(status->st_mode)) &&
						   shares_bytes(file, path, status)))
			return true;
	}
	return false;
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
		*same = is_at(device, path, &status);
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
	enum result result = RESULT_OK;

	if (device->holds_below)
		close(device->below_fd);
	device->holds_below = false;
	for (unsigned int i = 0; device->open && i < device_file_count(device); i++)
		if (close(device_file(device, i)->fd) != 0 && device->writable)
			result = fail_errno(why, RESULT_IO, errno, "%s: cannot close",
					    device_file(device, i)->path);
	device->open = false;
	return result;
}

enum result device_close(struct device *device, struct failure *why)
{
	enum result result = device_release(device, why);

	free(device->files);
	free(device->name);
	memset(device, 0, sizeof(*device));
	return result;
}

struct device_place device_place(const struct device *device, uint64_t offset, uint64_t bytes)
{
	if (device->map)
		return map_place(device->map, offset, bytes);
	return (struct device_place){.file = &device->file, .offset = offset, .bytes = bytes};
}

unsigned int device_file_count(const struct device *device)
{
	return device->map ? device->map->file_count : 1;
}

const struct device_file *device_file(const struct device *device, unsigned int number)
{
	return device->map ? &device->map->files[number] : &device->file;
}

bool device_is_block(const struct device *device)
{
	for (unsigned int i = 0; i < device_file_count(device); i++)
		if (!device_file(device, i)->is_block)
			return false;
	return true;
}

void device_will_read(const struct device *device, uint64_t offset, uint64_t bytes)
{
	for (uint64_t done = 0; done < bytes;) {
		struct device_place place = device_place(device, offset + done, bytes - done);

		if (place.bytes == 0)
			return;
		posix_fadvise(place.file->fd, (off_t)place.offset, (off_t)place.bytes,
			      POSIX_FADV_WILLNEED);
		done += place.bytes;
	}
}

ssize_t device_read(const struct device *device, uint64_t offset, void *buffer, size_t count)
{
	ssize_t part = 1;
	size_t done = 0;

	while (done < count && part > 0) {
		struct device_place place = device_place(device, offset + done, count - done);

		part = whole_read_at(place.file->fd, (uint8_t *)buffer + done, place.bytes,
				     place.offset);
		if (part < 0)
			return part;
		done += (size_t)part;
	}
	return (ssize_t)done;
}
