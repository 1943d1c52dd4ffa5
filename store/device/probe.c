// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/device/probe.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/base/bytes.h"

bool probe_is_tag(const char *name)
{
	static const char *const tags[] = {"UUID=", "LABEL=", "PARTUUID=", "PARTLABEL="};

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (strncmp(name, tags[i], strlen(tags[i])) == 0)
			return true;
	return false;
}

enum result probe_resolve(const char *name, char **path, struct failure *why)
{
	if (!probe_is_tag(name)) {
		*path = strdup(name);
		return *path ? RESULT_OK : fail_memory(why, "a name", strlen(name));
	}
	*path = blkid_evaluate_tag(name, NULL, NULL);
	if (!*path)
		return fail(why, RESULT_NOT_THERE, "%s: cannot open: no device has this tag", name);
	return RESULT_OK;
}

static void take_value(blkid_probe probe, const char *key, char *to, size_t size)
{
	const char *value;

	if (to[0] == 0 && blkid_probe_lookup_value(probe, key, &value, NULL) == 0)
		snprintf(to, size, "%s", value);
}

static void take_partitions(blkid_probe probe, struct probe_identity *identity)
{
	blkid_partlist list = blkid_probe_get_partitions(probe);
	int count = list ? blkid_partlist_numof_partitions(list) : 0;

	for (int i = 0; i < count && count <= (int)PROBE_PARTITIONS_MAX; i++) {
		blkid_partition partition = blkid_partlist_get_partition(list, i);
		uint64_t start = (uint64_t)blkid_partition_get_start(partition), end;
		uint64_t sectors = (uint64_t)blkid_partition_get_size(partition);
		struct probe_partition *taken = &identity->partitions[identity->partition_count];

		if (checked_add(start, sectors, &end) &&
		    checked_mul(start, SECTOR_BYTES, &taken->from) &&
		    checked_mul(end, SECTOR_BYTES, &taken->to))
			identity->partition_count++;
	}
}

/* What blkid_do_safeprobe answers. */
enum { PROBE_FOUND = 0, PROBE_NOTHING = 1, PROBE_AMBIGUOUS = -2 };

static enum result take_answer(blkid_probe probe, int answer, struct probe_identity *identity,
			       struct failure *why)
{
	switch (answer) {
	case PROBE_FOUND:
		take_value(probe, "TYPE", identity->type, sizeof(identity->type));
		take_value(probe, "UUID", identity->uuid, sizeof(identity->uuid));
		if (identity->type[0] == 0)
			take_partitions(probe, identity);
		take_value(probe, "PTTYPE", identity->type, sizeof(identity->type));
		take_value(probe, "PTUUID", identity->uuid, sizeof(identity->uuid));
		return RESULT_OK;
	case PROBE_AMBIGUOUS:
		identity->ambiguous = true;
		snprintf(identity->type, sizeof(identity->type), "more than one signature");
		return RESULT_OK;
	case PROBE_NOTHING:
		return RESULT_OK;
	}
	return fail(why, RESULT_IO, "libblkid cannot look for a file system");
}

static enum result probe_file(int fd, uint64_t disk_bytes, struct probe_identity *identity,
			      struct failure *why)
{
	blkid_probe probe = blkid_new_probe();
	enum result result;

	if (!probe)
		return fail_memory(why, "libblkid's probe", 0);
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_UUID | BLKID_SUBLKS_TYPE);
	blkid_probe_enable_partitions(probe, 1);
	if (blkid_probe_set_device(probe, fd, 0, (blkid_loff_t)disk_bytes) == 0)
		result = take_answer(probe, blkid_do_safeprobe(probe), identity, why);
	else
		result = fail(why, RESULT_IO, "libblkid cannot look for a file system");
	blkid_free_probe(probe);
	return result;
}

static bool write_all(int fd, const struct probe_range *range)
{
	size_t done = 0;

	while (done < range->bytes) {
		ssize_t count = pwrite(fd, range->buffer + done, range->bytes - done,
				       (off_t)(range->offset + done));
		if (count <= 0)
			return false;
		done += (size_t)count;
	}
	return true;
}

/* The limit on file sizes counts for memory files, too. */
static enum result memory_file_failure(uint64_t disk_bytes, int error, struct failure *why)
{
	return fail_errno(why, RESULT_IO, error,
			  "cannot make a memory file of %llu bytes to show libblkid%s",
			  (unsigned long long)disk_bytes,
			  error == EFBIG ? " (the limit on file sizes is lower: raise it with "
					   "'ulimit -f')"
					 : "");
}

enum result probe_bytes(uint64_t disk_bytes, const struct probe_range *ranges, size_t count,
			struct probe_identity *identity, struct failure *why)
{
	int fd = memfd_create("cowtool-probe", MFD_CLOEXEC);
	enum result result = RESULT_OK;

	memset(identity, 0, sizeof(*identity));
	if (fd < 0)
		return memory_file_failure(disk_bytes, errno, why);
	if (ftruncate(fd, (off_t)disk_bytes) != 0)
		result = memory_file_failure(disk_bytes, errno, why);
	for (size_t i = 0; i < count && result == RESULT_OK; i++)
		if (!write_all(fd, &ranges[i]))
			result = fail_errno(why, RESULT_IO, errno,
					    "cannot fill a memory file for libblkid");
	if (result == RESULT_OK)
		result = probe_file(fd, disk_bytes, identity, why);
	close(fd);
	return result;
}

enum result probe_device(const struct device *device, struct probe_identity *identity,
			 struct failure *why)
{
	int flags = fcntl(device->fd, F_GETFL);
	struct failure reading = {.text = ""};
	enum result result;

	memset(identity, 0, sizeof(*identity));
	/* libblkid reads any bytes into any buffer. */
	if (flags < 0 || fcntl(device->fd, F_SETFL, flags & ~O_DIRECT) != 0)
		return fail_errno(why, RESULT_IO, errno,
				  "%s: cannot be read through the page cache", device->name);
	result = probe_file(device->fd, device->bytes, identity, &reading);
	if (fcntl(device->fd, F_SETFL, flags) != 0 && result == RESULT_OK)
		result = fail_errno(&reading, RESULT_IO, errno, "cannot be read directly again");
	if (result != RESULT_OK)
		return fail(why, result, "%s: %s", device->name, reading.text);
	return RESULT_OK;
}

bool probe_same(const struct probe_identity *a, const struct probe_identity *b)
{
	return strcmp(a->type, b->type) == 0 && strcmp(a->uuid, b->uuid) == 0;
}
