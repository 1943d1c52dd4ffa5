/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file that comes into being wholly or not at all, also in the place of another one: it is made
 * under a temporary name beside its own, written, flushed and renamed. The name is durable once
 * path_flush_folder has succeeded, which is the caller's to call: the file is there then, whatever
 * that says.
 *
 * Order of calls: replace_begin, writes to `fd`, replace_publish, replace_end (also after an
 * error).
 */
#ifndef STORE_BASE_REPLACE_H
#define STORE_BASE_REPLACE_H

#include <stdbool.h>
#include <sys/stat.h>

struct replacement {
	const char *path; /* the caller's */
	int fd;		  /* -1: not open */
	char *temporary;  /* owned; NULL: there is none, or none any more */
	struct stat written;
};

/* The temporary name of a file of that name, with six X's at its end; free() it. NULL:
 * no memory. */
char *replace_name(const char *path);

/* Makes the temporary file, for this user alone; nobody else's file is touched. An errno value. */
int replace_begin(struct replacement *replacement, const char *path);

/*
 * Flushes and closes the file and gives it its name. Where that is taken: without `over` it is
 * EEXIST, if the file system can see to that. An errno value; *step is then what could not be done:
 * "flush", "close" or "create".
 */
int replace_publish(struct replacement *replacement, bool over, const char **step);

/* Does the name lead to what was published? Who may rename in that folder may have put another file
 * there. */
bool replace_is_there(const struct replacement *replacement);

/* Removes what was not published, and frees. */
void replace_end(struct replacement *replacement);

#endif
