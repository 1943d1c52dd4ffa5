// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/base/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

char *replace_name(const char *path)
{
	char *name;

	return asprintf(&name, "%s.XXXXXX", path) >= 0 ? name : NULL;
}

int replace_begin(struct replacement *replacement, const char *path)
{
	int error;

	*replacement = (struct replacement){.path = path, .fd = -1};
	replacement->temporary = replace_name(path);
	if (!replacement->temporary)
		return ENOMEM;
	replacement->fd = mkostemp(replacement->temporary, O_CLOEXEC);
	if (replacement->fd >= 0)
		return 0;
	error = errno;
	free(replacement->temporary);
	replacement->temporary = NULL;
	return error;
}

/* A file that somebody made meanwhile is not replaced, where the file system can see to that. */
static int rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	return errno == EINVAL || errno == ENOSYS ? rename(from, to) : -1;
}

int replace_publish(struct replacement *replacement, bool over, const char **step)
{
	const char *from = replacement->temporary, *to = replacement->path;
	int fd = replacement->fd, answer;

	*step = "flush";
	if (fsync(fd) != 0)
		return errno;
	*step = "close";
	replacement->fd = -1;
	answer = fstat(fd, &replacement->written);
	if (close(fd) != 0 || answer != 0)
		return errno;
	*step = "create";
	if ((over ? rename(from, to) : rename_new(from, to)) != 0)
		return errno;
	free(replacement->temporary);
	replacement->temporary = NULL;
	return 0;
}

bool replace_is_there(const struct replacement *replacement)
{
	struct stat status;

	return lstat(replacement->path, &status) == 0 &&
	       status.st_dev == replacement->written.st_dev &&
	       status.st_ino == replacement->written.st_ino;
}

void replace_end(struct replacement *replacement)
{
	if (replacement->fd >= 0)
		close(replacement->fd);
	if (replacement->temporary)
		unlink(replacement->temporary);
	free(replacement->temporary);
	*replacement = (struct replacement){.fd = -1};
}
