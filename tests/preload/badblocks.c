// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A shared library for LD_PRELOAD: files with bad blocks. BAD_BLOCKS is a list of NAME:FROM:BYTES,
 * with spaces in between; NAME is the last part of a file's path. Every read that touches such
 * bytes fails (EIO) until they were written, and with BAD_BLOCKS_WRITES every write, too. With
 * BAD_BLOCKS_AFTER=N they go bad after N such reads. Seen are the calls of the sync engine and of
 * the threads; io_uring is not to be had.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

struct io_uring_params;

ssize_t preadv(int fd, const struct iovec *iov, int count, off_t offset);
ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset);
ssize_t preadv64(int fd, const struct iovec *iov, int count, off_t offset);
ssize_t pwritev64(int fd, const struct iovec *iov, int count, off_t offset);
int io_uring_queue_init(unsigned int entries, void *ring, unsigned int flags);
int io_uring_queue_init_params(unsigned int entries, void *ring, struct io_uring_params *params);

/* Of one file of at most 32 MiB, as a drive has spare sectors: what was written since. */
#define SECTORS 65536u
static bool mended[SECTORS];

static bool all_mended(unsigned long long from, unsigned long long end)
{
	for (unsigned long long sector = from / 512; sector * 512 < end; sector++)
		if (sector >= SECTORS || !mended[sector])
			return false;
	return true;
}

static void mend(const struct iovec *iov, int count, off_t offset)
{
	unsigned long long end = (unsigned long long)offset;

	for (int i = 0; i < count; i++)
		end += iov[i].iov_len;
	for (unsigned long long at = (unsigned long long)offset; at < end; at += 512)
		if (at / 512 < SECTORS)
			mended[at / 512] = true;
}

static bool is_bad(int fd, const struct iovec *iov, int count, off_t offset, const char *list)
{
	char link[64], path[4096] = "", name[256];
	unsigned long long from, bytes, end = (unsigned long long)offset;
	const char *last;
	int length;

	for (int i = 0; i < count; i++)
		end += iov[i].iov_len;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (!list || readlink(link, path, sizeof(path) - 1) < 0)
		return false;
	last = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	for (; sscanf(list, " %255[^:]:%llu:%llu%n", name, &from, &bytes, &length) == 3;
	     list += length)
		if (strcmp(name, last) == 0 && from < end &&
		    (unsigned long long)offset < from + bytes &&
		    !all_mended(from > (unsigned long long)offset ? from
								  : (unsigned long long)offset,
				from + bytes < end ? from + bytes : end))
			return true;
	return false;
}

static ssize_t transfer(const char *call, int fd, const struct iovec *iov, int count, off_t offset,
			bool bad)
{
	ssize_t (*next)(int, const struct iovec *, int, off_t);

	*(void **)&next = dlsym(RTLD_NEXT, call);
	if (!bad)
		return next(fd, iov, count, offset);
	errno = EIO;
	return -1;
}

ssize_t preadv64(int fd, const struct iovec *iov, int count, off_t offset)
{
	static unsigned int reads;
	bool bad = is_bad(fd, iov, count, offset, getenv("BAD_BLOCKS"));
	const char *after = getenv("BAD_BLOCKS_AFTER");

	if (bad && after)
		bad = reads++ >= strtoul(after, NULL, 10);
	return transfer("preadv64", fd, iov, count, offset, bad);
}

ssize_t pwritev64(int fd, const struct iovec *iov, int count, off_t offset)
{
	bool bad = is_bad(fd, iov, count, offset, getenv("BAD_BLOCKS"));
	ssize_t done =
		transfer("pwritev64", fd, iov, count, offset, bad && getenv("BAD_BLOCKS_WRITES"));

	if (bad && done > 0)
		mend(iov, count, offset);
	return done;
}

ssize_t preadv(int fd, const struct iovec *iov, int count, off_t offset)
{
	return preadv64(fd, iov, count, offset);
}

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	return pwritev64(fd, iov, count, offset);
}

int io_uring_queue_init(unsigned int entries, void *ring, unsigned int flags)
{
	(void)entries;
	(void)ring;
	(void)flags;
	return -ENOSYS;
}

int io_uring_queue_init_params(unsigned int entries, void *ring, struct io_uring_params *params)
{
	(void)params;
	return io_uring_queue_init(entries, ring, 0);
}
