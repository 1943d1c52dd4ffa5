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
#include "store/base/whole.h"

bool probe_is_tag(const char *name)
{
	static const char *const tags[] = {"UUID=", "LABEL=", "PARTUUID=", "PARTLABEL="};

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (strncmp(name, tags[i], strlen(tags[i])) == 0)
			return true;
	return false;
}

/* The devices that have a tag. */
struct tagged {
	char names[1024]; /* "/dev/loop0, /dev/loop1" */
	size_t count;
};

static void add_tagged(struct tagged *tagged, const char *name)
{
	size_t used = strlen(tagged->names);

	tagged->count++;
	snprintf(tagged->names + used, sizeof(tagged->names) - used, "%s%s", used ? ", " : "",
		 name);
}

static void look_at_devices(blkid_cache cache, const char *type, const char *value,
			    struct tagged *tagged)
{
	blkid_dev_iterate iterate = blkid_dev_iterate_begin(cache);
	blkid_dev device;

	if (!iterate)
		return;
	if (blkid_dev_set_search(iterate, type, value) == 0)
		while (blkid_dev_next(iterate, &device) == 0) {
			device = blkid_verify(cache, device);
			if (device && blkid_dev_has_tag(device, type, value))
				add_tagged(tagged, blkid_dev_devname(device));
		}
	blkid_dev_iterate_end(iterate);
}

/* *path: the one device that has this tag; NULL: none has. All are looked at anew, for what was
 * found earlier may be gone, and a copy may have come. */
static enum result find_tagged(const char *name, char **path, struct failure *why)
{
	struct tagged tagged = {.count = 0};
	char *type = NULL, *value = NULL;
	blkid_cache cache = NULL;

	*path = NULL;
	if (blkid_parse_tag_string(name, &type, &value) == 0 &&
	    blkid_get_cache(&cache, "/dev/null") == 0) {
		blkid_probe_all(cache);
		look_at_devices(cache, type, value, &tagged);
		blkid_put_cache(cache);
	}
	free(type);
	free(value);
	if (tagged.count > 1)
		return fail(why, RESULT_REFUSED,
			    "%s: %zu devices have this tag: %s; name the one that is meant", name,
			    tagged.count, tagged.names);
	if (tagged.count == 1)
		*path = strdup(tagged.names);
	return tagged.count == 0 || *path ? RESULT_OK
					  : fail_memory(why, "a name", strlen(tagged.names));
}

enum result probe_resolve(const char *name, char **path, struct failure *why)
{
	enum result result;

	if (!probe_is_tag(name)) {
		*path = strdup(name);
		return *path ? RESULT_OK : fail_memory(why, "a name", strlen(name));
	}
	result = find_tagged(name, path, why);
	if (result != RESULT_OK || *path)
		return result;
	/* Of a disk that the list of devices does not have, udev may know. */
	*path = blkid_evaluate_tag(name, NULL, NULL);
	/* From there libblkid has its list, and it does not say that it found none. */
	if (!*path && access("/sys/block", F_OK) != 0)
		return fail(why, RESULT_IO,
			    "%s: cannot tell which block devices there are: is /sys mounted?",
			    name);
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

	identity->table_count = count > 0 ? (size_t)count : 0;
	for (int i = 0; i < count && count <= (int)PROBE_PARTITIONS_MAX; i++) {
		blkid_partition partition = blkid_partlist_get_partition(list, i);
		uint64_t start = (uint64_t)blkid_partition_get_start(partition), end;
		uint64_t sectors = (uint64_t)blkid_partition_get_size(partition);
		struct probe_partition *taken = &identity->partitions[identity->partition_count];

		taken->number = (unsigned int)blkid_partition_get_partno(partition);
		taken->is_extended = blkid_partition_is_extended(partition) != 0;
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
	char usage[32] = "";

	switch (answer) {
	case PROBE_FOUND:
		take_value(probe, "TYPE", identity->type, sizeof(identity->type));
		take_value(probe, "UUID", identity->uuid, sizeof(identity->uuid));
		take_value(probe, "LABEL", identity->label, sizeof(identity->label));
		take_value(probe, "USAGE", usage, sizeof(usage));
		identity->is_file_system = strcmp(usage, "filesystem") == 0;
		identity->is_table = identity->type[0] == 0;
		take_value(probe, "PTTYPE", identity->type, sizeof(identity->type));
		take_value(probe, "PTUUID", identity->uuid, sizeof(identity->uuid));
		/* Last, for it makes libblkid forget the values. */
		if (identity->is_table)
			take_partitions(probe, identity);
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

/* Some disks' blocks have this many bytes; a file does not tell. */
#define LARGE_BLOCK_BYTES 4096u

/* What libblkid is to look at. */
struct look {
	int fd;
	uint64_t offset, bytes;
	bool no_label;		  /* a physical volume's is not seen */
	unsigned int block_bytes; /* 0: as libblkid thinks */
};

static blkid_probe make_probe(const struct look *look)
{
	char member[] = "LVM2_member";
	char *const members[] = {member, NULL};
	blkid_probe probe = blkid_new_probe();

	if (!probe)
		return NULL;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_UUID | BLKID_SUBLKS_TYPE |
							 BLKID_SUBLKS_LABEL | BLKID_SUBLKS_USAGE);
	if (look->no_label)
		blkid_probe_filter_superblocks_type(probe, BLKID_FLTR_NOTIN, (char **)members);
	blkid_probe_enable_partitions(probe, 1);
	return probe;
}

static enum result probe_look(const struct look *look, struct probe_identity *identity,
			      struct failure *why)
{
	blkid_probe probe = make_probe(look);
	enum result result;

	if (!probe)
		return fail_memory(why, "libblkid's probe", 0);
	if (blkid_probe_set_device(probe, look->fd, (blkid_loff_t)look->offset,
				   (blkid_loff_t)look->bytes) == 0 &&
	    (look->block_bytes == 0 || blkid_probe_set_sectorsize(probe, look->block_bytes) == 0))
		result = take_answer(probe, blkid_do_safeprobe(probe), identity, why);
	else
		result = fail(why, RESULT_IO, "libblkid cannot look for a file system");
	blkid_free_probe(probe);
	return result;
}

static enum result probe_file(int fd, uint64_t disk_bytes, struct probe_identity *identity,
			      struct failure *why)
{
	return probe_look(&(struct look){.fd = fd, .bytes = disk_bytes}, identity, why);
}

/* The limit on file sizes counts for memory files, too. */
static enum result memory_file_failure(uint64_t disk_bytes, int error, struct failure *why)
{
	return fail_errno(
		why, RESULT_IO, error, "cannot make a memory file of %llu bytes to show libblkid%s",
		(unsigned long long)disk_bytes,
		error == EFBIG ? " (the limit on file sizes is lower: raise it with 'ulimit -f')"
			       : "");
}

static bool are_zero(const struct probe_range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!bytes_are_zero(ranges[i].buffer, ranges[i].bytes))
			return false;
	return true;
}

enum result probe_bytes(uint64_t disk_bytes, const struct probe_range *ranges, size_t count,
			struct probe_identity *identity, struct failure *why)
{
	enum result result = RESULT_OK;
	int fd, error;

	memset(identity, 0, sizeof(*identity));
	/* Nothing is known by zeros, and libblkid takes milliseconds to say so. */
	if (are_zero(ranges, count))
		return RESULT_OK;
	fd = memfd_create("cowtool-probe", MFD_CLOEXEC);
	if (fd < 0)
		return memory_file_failure(disk_bytes, errno, why);
	if (ftruncate(fd, (off_t)disk_bytes) != 0)
		result = memory_file_failure(disk_bytes, errno, why);
	for (size_t i = 0; i < count && result == RESULT_OK; i++) {
		error = whole_write_at(fd, ranges[i].buffer, ranges[i].bytes, ranges[i].offset);
		if (error != 0)
			result = fail_errno(why, RESULT_IO, error,
					    "cannot fill a memory file for libblkid");
	}
	if (result == RESULT_OK)
		result = probe_file(fd, disk_bytes, identity, why);
	close(fd);
	return result;
}

uint64_t probe_tail(uint64_t disk_bytes)
{
	uint64_t head = min_u64(disk_bytes, PROBE_HEAD_BYTES);

	return max_u64(head, round_down(disk_bytes - min_u64(disk_bytes, PROBE_TAIL_BYTES),
					BUFFER_ALIGNMENT));
}

/* Of a device with a map. */
static enum result probe_ends(const struct device *device, struct probe_identity *identity,
			      struct failure *why)
{
	const size_t room = PROBE_HEAD_BYTES + PROBE_TAIL_BYTES + BUFFER_ALIGNMENT;
	uint64_t head = min_u64(device->bytes, PROBE_HEAD_BYTES), tail = probe_tail(device->bytes);
	uint8_t *buffer = aligned_alloc(BUFFER_ALIGNMENT, room);
	const struct probe_range ranges[] = {
		{0, head, buffer}, {tail, device->bytes - tail, buffer + PROBE_HEAD_BYTES}};
	enum result result = RESULT_OK;

	if (!buffer)
		return fail_memory(why, "what the disk begins with", room);
	for (int i = 0; i < 2 && result == RESULT_OK; i++)
		if (device_read(device, ranges[i].offset, buffer + (size_t)i * PROBE_HEAD_BYTES,
				ranges[i].bytes) != (ssize_t)ranges[i].bytes)
			result = fail(why, RESULT_IO, "%s: cannot be read where it begins and ends",
				      device->name);
	if (result == RESULT_OK)
		result = probe_bytes(device->bytes, ranges, 2, identity, why);
	free(buffer);
	return result;
}

enum result probe_device(const struct device *device, struct probe_identity *identity,
			 struct failure *why)
{
	int flags = fcntl(device->file.fd, F_GETFL);
	struct failure reading = {.text = ""};
	enum result result;

	memset(identity, 0, sizeof(*identity));
	if (device->map)
		return probe_ends(device, identity, why);
	/* libblkid reads any bytes into any buffer. */
	if (flags < 0 || fcntl(device->file.fd, F_SETFL, flags & ~O_DIRECT) != 0)
		return fail_errno(why, RESULT_IO, errno,
				  "%s: cannot be read through the page cache", device->name);
	result = probe_file(device->file.fd, device->bytes, identity, &reading);
	if (fcntl(device->file.fd, F_SETFL, flags) != 0 && result == RESULT_OK)
		result = fail_errno(&reading, RESULT_IO, errno, "cannot be read directly again");
	if (result != RESULT_OK)
		return fail(why, result, "%s: %s", device->name, reading.text);
	return RESULT_OK;
}

enum result probe_beside_label(int fd, uint64_t offset, uint64_t bytes,
			       struct probe_identity *identity, struct failure *why)
{
	struct look look = {.fd = fd, .offset = offset, .bytes = bytes, .no_label = true};
	enum result result;

	memset(identity, 0, sizeof(*identity));
	if (bytes == 0)
		return RESULT_OK;
	result = probe_look(&look, identity, why);
	/* The first part of a GPT, whose second part is at the second block: how large is that? */
	if (result != RESULT_OK || !identity->is_table || strcmp(identity->type, "PMBR") != 0)
		return result;
	memset(identity, 0, sizeof(*identity));
	look.block_bytes = LARGE_BLOCK_BYTES;
	return probe_look(&look, identity, why);
}

bool probe_same(const struct probe_identity *a, const struct probe_identity *b)
{
	return strcmp(a->type, b->type) == 0 && strcmp(a->uuid, b->uuid) == 0;
}

bool probe_is_saved_file(const uint8_t *bytes)
{
	return get_le32(bytes) == SAVEFILE_MAGIC_LOW && get_le32(bytes + 4) == SAVEFILE_MAGIC_HIGH;
}

bool probe_finds_saved_file(const struct device *device)
{
	/* Aligned and of this size, for the file may be open with O_DIRECT. */
	_Alignas(BUFFER_ALIGNMENT) uint8_t block[BUFFER_ALIGNMENT];

	return device->open &&
	       device_read(device, 0, block, sizeof(block)) >= (ssize_t)SAVEFILE_MAGIC_BYTES &&
	       probe_is_saved_file(block);
}
