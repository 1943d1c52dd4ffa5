// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store/base/suggest.h"

enum result path_flush_folder(const char *name, struct failure *why)
{
	/* Takes no memory: the file is there already. No longer name can be opened. */
	char path[PATH_MAX];
	int fd, error = 0;

	snprintf(path, sizeof(path), "%s", name);
	fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* EINVAL: this file system has no such thing. */
	if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
		error = errno;
	if (fd >= 0)
		close(fd);
	return error == 0 ? RESULT_OK
			  : fail_errno(why, RESULT_IO, error, "%s: cannot flush its folder", name);
}

enum result path_refuse_dangling(const char *name, struct failure *why)
{
	struct stat status;

	if (lstat(name, &status) != 0 || !S_ISLNK(status.st_mode) || stat(name, &status) == 0)
		return RESULT_OK;
	if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return RESULT_OK; /* where it leads cannot be told */
	return fail(
		why, RESULT_REFUSED,
		"%s: exists already, as a symbolic link that leads nowhere; remove it, or name another file",
		name);
}

/* What is in the way of a file of that name, but for the right to write in its folder. */
static int look_at_name(const char *name)
{
	struct stat status;

	if (lstat(name, &status) == 0)
		return 0;
	if (errno != ENOENT)
		return errno;
	return name[0] && name[strlen(name) - 1] == '/' ? EISDIR : 0;
}

int path_look_beside(const char *name, uint64_t *free_bytes)
{
	int error = look_at_name(name);
	struct statvfs space;
	const char *folder;
	char *path;

	if (error != 0)
		return error;
	path = strdup(name);
	if (!path)
		return ENOMEM;
	folder = dirname(path);
	if (access(folder, W_OK) != 0 || statvfs(folder, &space) != 0)
		error = errno;
	else if (space.f_frsize == 0) /* it does not say */
		*free_bytes = UINT64_MAX;
	else
		*free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
	free(path);
	return error;
}

/* Who gets what is made there: NFS with root_squash, CIFS and FAT give every file to one owner. */
static bool owner_of_new(const char *name, uid_t *owner)
{
	struct stat status;
	char *path;
	bool known;
	int fd;

	if (asprintf(&path, "%s.XXXXXX", name) < 0)
		return false;
	fd = mkostemp(path, O_CLOEXEC);
	known = fd >= 0 && fstat(fd, &status) == 0;
	if (known)
		*owner = status.st_uid;
	if (fd >= 0) {
		unlink(path);
		close(fd);
	}
	free(path);
	return known;
}

enum result path_refuse_foreign(const char *name, const struct stat *status, struct failure *why)
{
	uid_t owner = status->st_uid, own = geteuid();
	struct suggestion command;
	char number[16];

	if (owner == own || owner == 0 || (owner_of_new(name, &own) && owner == own))
		return RESULT_OK;
	snprintf(number, sizeof(number), "%u", (unsigned int)geteuid());
	return fail(
		why, RESULT_REFUSED,
		"%s: belongs to another user (uid %u), who may have put it there to get what is written; remove it, name another file, or, if you know that it is yours, take it over with %s",
		name, (unsigned int)owner, suggest(&command, "chown -h %s %s", number, name));
}

bool path_is_other_kind(const char *name)
{
	struct stat status;

	return stat(name, &status) == 0 && !S_ISBLK(status.st_mode) && !S_ISREG(status.st_mode);
}

bool path_is_read_only(const char *name)
{
	return faccessat(AT_FDCWD, name, W_OK, AT_EACCESS) != 0 && errno == EROFS;
}

/* linux/magic.h */
#define RAMFS_MAGIC 0x858458f6u
#define TMPFS_MAGIC 0x01021994u

bool path_is_in_memory(const char *name)
{
	char *path = strdup(name);
	struct statfs system;
	struct stat status;
	bool exists = stat(name, &status) == 0, in_memory = false;

	if (path && (!exists || S_ISREG(status.st_mode)) &&
	    statfs(exists ? name : dirname(path), &system) == 0)
		in_memory = (uint32_t)system.f_type == TMPFS_MAGIC ||
			    (uint32_t)system.f_type == RAMFS_MAGIC;
	free(path);
	return in_memory;
}

bool path_is_hole(const char *name, uint64_t *bytes)
{
	struct stat status;
	bool hole = false;
	int fd;

	if (lstat(name, &status) != 0 || !S_ISREG(status.st_mode))
		return false;
	*bytes = (uint64_t)status.st_size;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0) {
		hole = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
		       (uint64_t)status.st_size == *bytes && lseek(fd, 0, SEEK_DATA) < 0 &&
		       errno == ENXIO;
		close(fd);
	}
	return hole;
}
