// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/device/group_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FOLDER_BYTES 256

/* A command of lvm2's that only reads has the lock for a moment, and then the next one may. */
#define LOCK_TRIES 40
#define LOCK_PAUSE_NS 50000000L

/* ---- which folder ---- */

/* The value of global/locking_dir in this line, as it is written in lvm.conf: `locking_dir = "..."`
 * in a section, or `global/locking_dir = "..."`. A comment is none. */
static void take_folder(const char *line, char folder[FOLDER_BYTES])
{
	const char *end = strchrnul(line, '#');
	const char *key = strstr(line, "locking_dir");
	char value[FOLDER_BYTES];

	if (!key || key > end || (key > line && !strchr(" \t{/", key[-1])))
		return;
	if (sscanf(key, "locking_dir = \"%255[^\"\n]\"", value) == 1)
		memcpy(folder, value, sizeof(value));
}

static void read_settings(const char *name, char folder[FOLDER_BYTES])
{
	const char *system_folder = getenv("LVM_SYSTEM_DIR");
	char path[1024], line[1024];
	FILE *file;

	if (!system_folder || system_folder[0] == 0)
		system_folder = "/etc/lvm";
	snprintf(path, sizeof(path), "%s/%s", system_folder, name);
	file = fopen(path, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		take_folder(line, folder);
	fclose(file);
}

/* False: it is not there. What the second file says counts more. */
static bool find_folder(char folder[FOLDER_BYTES])
{
	struct stat status;

	strcpy(folder, "/run/lock/lvm");
	read_settings("lvm.conf", folder);
	read_settings("lvmlocal.conf", folder);
	return stat(folder, &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* ---- one file ---- */

static bool is_named(int fd, const char *path)
{
	struct stat own, named;

	return fstat(fd, &own) == 0 && stat(path, &named) == 0 && own.st_dev == named.st_dev &&
	       own.st_ino == named.st_ino;
}

/* Returns an errno value. Who had the lock before removes the file: a lock on what has no name any
 * more is none. */
static int lock_once(const char *path, int operation, int *fd)
{
	int error = 0;

	*fd = open(path, O_CREAT | O_APPEND | O_RDWR | O_CLOEXEC | O_NOFOLLOW, S_IRWXU);
	if (*fd < 0)
		return errno;
	if (flock(*fd, operation | LOCK_NB) != 0)
		error = errno;
	else if (!is_named(*fd, path))
		error = EWOULDBLOCK;
	if (error != 0)
		close(*fd);
	return error;
}

static int lock_file(const char *path, int operation, int *fd)
{
	const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
	int error = lock_once(path, operation, fd);

	for (int try = 1; try < LOCK_TRIES && error == EWOULDBLOCK; try++) {
		nanosleep(&pause, NULL);
		error = lock_once(path, operation, fd);
	}
	return error;
}

/* As lvm2 does: the last one to have it removes the file. */
static void unlock_file(const char *path, int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_named(fd, path))
		unlink(path);
	close(fd);
}

/* ---- the lock ---- */

/* While a writer waits, its second file keeps others from coming before it. */
static int take_alone(struct group_lock *lock)
{
	char second[sizeof(lock->path) + 4];
	int second_fd, error;

	snprintf(second, sizeof(second), "%s:aux", lock->path);
	error = lock_file(second, LOCK_EX, &second_fd);
	if (error != 0)
		return error;
	error = lock_file(lock->path, LOCK_EX, &lock->fd);
	unlock_file(second, second_fd);
	return error;
}

/* Nobody can be kept away by who has no right to that folder; a reader does without. */
static bool may_do_without(int error, bool alone)
{
	return !alone && (error == EACCES || error == EPERM || error == EROFS);
}

enum result group_lock_take(struct group_lock *lock, const char *group, bool alone,
			    struct failure *why)
{
	char folder[FOLDER_BYTES];
	int error, length;

	*lock = (struct group_lock){.fd = -1};
	if (!find_folder(folder))
		return RESULT_OK;
	length = snprintf(lock->path, sizeof(lock->path), "%s/V_%s", folder, group);
	if (strchr(group, '/') || length >= (int)sizeof(lock->path))
		return fail(why, RESULT_REFUSED, "%s: cannot be the name of a volume group", group);
	error = alone ? take_alone(lock) : lock_file(lock->path, LOCK_SH, &lock->fd);
	lock->is_held = error == 0;
	if (lock->is_held || may_do_without(error, alone))
		return RESULT_OK;
	if (error == EWOULDBLOCK)
		return fail_remedy(
			why, RESULT_REFUSED, REMEDY_FREE, NULL,
			"%s: the volume group is locked by another process (a command of LVM's, another cowtool?), which has %s; let it end first",
			group, lock->path);
	return fail_errno(why, RESULT_IO, error, "%s: cannot lock the volume group with %s", group,
			  lock->path);
}

void group_lock_release(struct group_lock *lock)
{
	if (lock->is_held)
		unlock_file(lock->path, lock->fd);
	*lock = (struct group_lock){.fd = -1};
}
