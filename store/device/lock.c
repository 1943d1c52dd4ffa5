// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/device/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/vfs.h>

#include "store/base/bytes.h"

/* What QEMU locks when it writes, or changes the size. */
static const uint64_t writers[] = {101, 103};

/* What a shared lock is on; the rest of QEMU's bytes are not a reader's. */
static const struct {
	uint64_t from, to;
} readers[] = {{0, 101}, {201, 202}, {203, UINT64_MAX}};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* There, a lock is in the way of another one of the same descriptor, such as flock(2). */
static bool is_smb(int fd)
{
	struct statfs status;

	return fstatfs(fd, &status) == 0 &&
	       ((uint32_t)status.f_type == 0xff534d42u || (uint32_t)status.f_type == 0xfe534d42u);
}

static struct flock make_range(uint64_t from, uint64_t to, short type)
{
	to = min_u64(to, INT64_MAX);
	return (struct flock){.l_type = type,
			      .l_whence = SEEK_SET,
			      .l_start = (off_t)from,
			      .l_len = to == INT64_MAX ? 0 : (off_t)(to - from)};
}

static bool set(int fd, uint64_t from, uint64_t to, short type)
{
	struct flock range = make_range(from, to, type);

	if (from >= min_u64(to, INT64_MAX) || fcntl(fd, F_OFD_SETLK, &range) == 0)
		return true;
	return errno != EAGAIN && errno != EACCES;
}

/* Would a lock of that type be in the way of somebody else's? */
static bool is_locked(int fd, uint64_t from, uint64_t to, short type)
{
	struct flock range = make_range(from, to, type);

	return from < min_u64(to, INT64_MAX) && fcntl(fd, F_OFD_GETLK, &range) == 0 &&
	       range.l_type != F_UNLCK;
}

bool lock_is_written(int fd, uint64_t from, uint64_t to)
{
	bool written = is_locked(fd, from, to, F_RDLCK);

	for (size_t i = 0; i < COUNT(writers) && !written; i++)
		written = is_locked(fd, max_u64(writers[i], from), min_u64(writers[i] + 1, to),
				    F_WRLCK);
	return written;
}

bool lock_take(int fd, uint64_t from, uint64_t to, bool alone)
{
	bool taken = true;

	if (is_smb(fd))
		return true;
	if (alone)
		return set(fd, from, to, F_WRLCK);
	for (size_t i = 0; i < COUNT(readers) && taken; i++)
		taken = set(fd, max_u64(readers[i].from, from), min_u64(readers[i].to, to),
			    F_RDLCK);
	return taken && !lock_is_written(fd, from, to);
}
