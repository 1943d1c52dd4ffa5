/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of files: what one leads to, and what is around it, while it is not open. */
#ifndef STORE_BASE_PATH_H
#define STORE_BASE_PATH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "store/base/fail.h"

/* Makes durable that a file of that name is there, or is no more. */
enum result path_flush_folder(const char *name, struct failure *why);

/* RESULT_REFUSED where a symbolic link has that name and leads nowhere: it is neither written
 * through nor replaced. */
enum result path_refuse_dangling(const char *name, struct failure *why);

/*
 * RESULT_REFUSED where the file of that name belongs, as *status says, to another user, who would
 * get what is written to it, or have what it says believed: not to this process's user, not to
 * root, and not to the one who gets what this process makes in that folder. To know the last of
 * these, a file is made there and removed.
 */
enum result path_refuse_foreign(const char *name, const struct stat *status, struct failure *why);

/* Can a file of that name be made, if none is in its place, and how many bytes are free there?
 * Makes none. Returns an errno value. */
int path_look_beside(const char *name, uint64_t *free_bytes);

/* Is it there, and neither a block device nor a regular file? */
bool path_is_other_kind(const char *name);

/* Is there something of that name that cannot be written to, for its file system cannot? */
bool path_is_read_only(const char *name);

/* Is a file of that name in memory alone (tmpfs, devtmpfs, ramfs), or would it be if it
 * were made? */
bool path_is_in_memory(const char *name);

/* Is this a regular file, of *bytes bytes, that nothing was ever written to? */
bool path_is_hole(const char *name, uint64_t *bytes);

#endif
