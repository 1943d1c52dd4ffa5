/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device: files that are open, and the list of extents on them that its bytes are. A block device
 * or an image file is the list of one. Measures and holds; knows no format.
 *
 * Order of calls: device_open, I/O through store/io, device_close. A zeroed struct device is one
 * that is not open; a simulator's never is.
 */
#ifndef STORE_DEVICE_DEVICE_H
#define STORE_DEVICE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "store/base/fail.h"

/* Every buffer that goes to a device is aligned to this. */
#define BUFFER_ALIGNMENT 4096u

enum device_mode {
	DEVICE_LOOK,	   /* read only, no hold on it */
	DEVICE_HOLD,	   /* read only, and nobody else may write to it (a dry run) */
	DEVICE_READ,	   /* the same, but who has it mounted for reading only may (an export) */
	DEVICE_OWN,	   /* read and write, nobody else may use it */
	DEVICE_OWN_UNSEEN, /* the same, with consent to what cannot be looked at: see `unseen` */
};

/* Is it opened for writing? */
static inline bool device_mode_writes(enum device_mode mode)
{
	return mode == DEVICE_OWN || mode == DEVICE_OWN_UNSEEN;
}

/* The same, or is this the dry run of that? */
static inline bool device_mode_may_write(enum device_mode mode)
{
	return mode == DEVICE_HOLD || device_mode_writes(mode);
}

/* A block device or image file on which bytes of a device are. */
struct device_file {
	const char *path;  /* the device's name, or the caller's */
	int fd;		   /* owned; only where the device is open */
	bool is_block;	   /* a block device, not an image file */
	dev_t file_system; /* identity: file system and inode, or the device number */
	ino_t inode;
	dev_t number;
	void *engine; /* an I/O engine's own; not touched by store/device */
};

struct map; /* store/device/map.h */

struct device {
	char *name;	      /* as the user wrote it; owned */
	bool open;	      /* its files are, and are owned */
	uint64_t bytes;	      /* size, whole sectors */
	uint32_t rest_bytes;  /* of an image file: after the last whole sector */
	uint32_t block_bytes; /* logical block: a power of two, at least 512; written whole or not
				 at all */
	bool direct;	      /* its files are open with O_DIRECT: see device_unit */
	bool writable;
	bool unseen;	  /* whether a loop device is attached to it could not be told */
	bool holds_below; /* below_fd is open: it has the lock on what a loop device is on */
	int below_fd;
	struct device_file file;   /* all of it, where there is no map */
	const struct map *map;	   /* NULL, or where its bytes are; the caller's */
	struct device_file *files; /* of the map, where the device owns them; else NULL */
};

/* A run of a device's bytes that are neighbours on one file, too. */
struct device_place {
	const struct device_file *file;
	uint64_t offset, bytes;
};

/* Where the first of these bytes are, as many as are in one place; bytes > 0. What is after the end
 * of a device with a map has no place: `bytes` of the answer is 0. */
struct device_place device_place(const struct device *device, uint64_t offset, uint64_t bytes);

/* How many files it has, and the number-th of them. */
unsigned int device_file_count(const struct device *device);
const struct device_file *device_file(const struct device *device, unsigned int number);

/* Are its bytes those of block devices only? An image file may have holes, and may grow. */
bool device_is_block(const struct device *device);

/*
 * Opens `name` (a path, or TAG=value for libblkid) and fills *device; on an error nothing is left
 * open. A path that leads nowhere, or to a block device without a byte (nothing is attached to it
 * yet), is RESULT_NOT_THERE; anything but a block device or a regular file is RESULT_REFUSED. A
 * file may be empty. DEVICE_HOLD and DEVICE_OWN refuse a device that is mounted, held by another
 * device, attached to a loop device or locked by another process, and name what uses it; they take
 * O_EXCL on a block device and a flock: an exclusive one with DEVICE_OWN, a shared one with
 * DEVICE_HOLD, so that several may read at once. (One reader has O_EXCL; the others have the lock
 * alone.) Opening never waits, whatever takes the place of `name` meanwhile. What is only read
 * keeps its access time, where the user may ask for that (O_NOATIME).
 */
enum result device_open(struct device *device, const char *name, enum device_mode mode,
			struct failure *why);

/*
 * The same, of a physical volume: what only device-mapper devices hold is opened all the same, and
 * *beside is true then. Which of its bytes they use is the caller's to ask (store/device/tables.h).
 */
enum result device_open_beside(struct device *device, const char *name, enum device_mode mode,
			       bool *beside, struct failure *why);

/*
 * One device of parts of several, which are open and stay so as long as it is: file number i of the
 * map is the file of parts[i], a device without a map. `map` has no files yet, and gets those of
 * this device; it is the caller's, and serves one device. RESULT_NO_MEMORY, RESULT_IO.
 */
enum result device_open_map(struct device *device, const char *name, struct map *map,
			    struct device *const *parts, unsigned int count, uint64_t bytes,
			    enum device_mode mode, struct failure *why);

/*
 * Makes a new image file of that many bytes, a multiple of a sector, all of it a hole, and opens it
 * as DEVICE_OWN does; file and name are durable, but not those of an empty one, which the caller
 * fills and flushes. Only its owner may read it: it will hold what may be somebody's files.
 * RESULT_REFUSED where something has that name; RESULT_NOT_THERE where its folder does not exist;
 * RESULT_NO_SPACE where the file system takes no such file. On an error there is no new file.
 */
enum result device_create(struct device *device, const char *name, uint64_t bytes,
			  struct failure *why);

/* Takes the file away that device_create made, where its name still leads to it: for a caller that
 * could not fill it. The device stays open. */
void device_unlink(const struct device *device);

/*
 * Does O_DIRECT serve one who reads and writes in chunks of that many bytes, the last one cut off
 * by the end of the device? Not where chunks or that end are no multiples of the logical block.
 */
bool device_is_direct(const struct device *device, uint64_t chunk_bytes);

/* Are all its bytes in files of tmpfs or ramfs, for which nobody waits? false where that is not
 * known. */
bool device_is_in_memory(const struct device *device);

/*
 * The unit of this one's transfers, in place and length: the logical block, at most
 * BUFFER_ALIGNMENT, where O_DIRECT serves, else a sector. It is what such a transfer writes whole
 * or not at all.
 */
uint32_t device_unit(const struct device *device, uint64_t chunk_bytes);

/*
 * From now on all transfers go through the page cache, which forgets what it has. Called by
 * store/io, for good, before the first transfer that O_DIRECT does not serve, with nothing in
 * flight: the two kinds are never mixed, for where pages are larger than blocks, each would undo
 * what the other one wrote beside it. A device that is not open is left alone.
 */
void device_use_cache(struct device *device);

/*
 * For before the first write, and in a dry run for what is open for reading only. RESULT_IO where
 * nobody can write to it: a block device that is set read-only, which opens for writing all the
 * same (BLKROGET, linux/fs.h), or an image file on a file system that is.
 */
enum result device_refuse_read_only(const struct device *device, struct failure *why);

/* Has this process the right to write to it? What is open for that it has. */
bool device_may_write(const struct device *device);

/* What is read next comes from the medium, as far as the kernel can see to that. Nothing unflushed
 * is lost. */
void device_drop_cache(const struct device *device);

/*
 * Where the next bytes are, at or after `offset`, that are no hole of an image file: *from .. *to -
 * 1, in multiples of BUFFER_ALIGNMENT but for the device's end; *from may lie before `offset`. Both
 * are the device's size where there are none. A block device, and a file system that cannot tell,
 * have no holes.
 */
void device_next_data(const struct device *device, uint64_t offset, uint64_t *from, uint64_t *to);

/*
 * Of an image file: how many of its bytes are in holes, as far as stat tells, and how many its file
 * system has free to fill them. False: it cannot be told, or it is a block device.
 */
bool device_holes(const struct device *device, uint64_t *holes, uint64_t *free_bytes);

/*
 * When an image file was last changed, in nanoseconds since 1970: its ctime, which every write
 * moves, no read does, and no program can set. 0: a block device, or it cannot be told.
 */
uint64_t device_changed_ns(const struct device *device);

/* Makes an image file that long. RESULT_NO_SPACE where the file system takes no such file. */
enum result device_set_size(struct device *device, uint64_t bytes, struct failure *why);

/* Is that the block device or file which the device was opened as? */
bool device_is_node(const struct device *device, const struct stat *status);

/*
 * Does `name` (a path or TAG=value) lead to this device or file, or to another one with the same
 * bytes (store/device/backing.h): a loop device of the file, a loop device of the same part of it,
 * a partition? A name that leads nowhere does not.
 */
enum result device_is(const struct device *device, const char *name, bool *same,
		      struct failure *why);

/* RESULT_REFUSED where it does: "NAME: is given HOW", such as "as ORIGIN and as STORE". */
enum result device_refuse_same(const struct device *device, const char *name, const char *how,
			       struct failure *why);

/*
 * Reads with plain calls, wherever it begins: for a device whose O_DIRECT is off
 * (device_use_cache), or in blocks. How many bytes there are, fewer than `count` at its end only,
 * or -errno.
 */
ssize_t device_read(const struct device *device, uint64_t offset, void *buffer, size_t count);

/* Of a device whose O_DIRECT is off: these bytes are going to be read, and the kernel may begin to. */
void device_will_read(const struct device *device, uint64_t offset, uint64_t bytes);

/* Closes it, and so gives up every hold, but those of the parts of a device with a map, which are the
 * caller's; its name stays. A close that fails after writes is an I/O error. */
enum result device_release(struct device *device, struct failure *why);

/* Frees and closes; a close that fails after writes is an I/O error. Harmless on a
 * zeroed device. */
enum result device_close(struct device *device, struct failure *why);

#endif
