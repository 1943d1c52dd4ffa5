// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/device/disks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/base/whole.h"
#include "store/device/backing.h"
#include "store/device/device.h"
#include "store/device/foreign.h"
#include "store/device/nodes.h"
#include "store/device/probe.h"

/* What may be a physical volume: all of an open device, or a partition in an image file. */
struct candidate {
	const struct device *device;
	uint64_t offset, bytes;
	unsigned int partition; /* 0: all */
	bool named;
};

struct search {
	struct disks *disks;
	bool any; /* there was something that is in its lists */
};

/* ---- the lists ---- */

/* NULL: no memory. */
static char *make_name(const struct candidate *candidate)
{
	char *name;

	if (candidate->partition == 0)
		return strdup(candidate->device->name);
	return asprintf(&name, "%s, partition %u", candidate->device->name, candidate->partition) <
			       0
		       ? NULL
		       : name;
}

/* NULL: no memory. */
static struct disk *add_item(struct search *search, const struct candidate *candidate)
{
	struct disks *disks = search->disks;
	struct disk *items = reallocarray(disks->items, disks->count + 1, sizeof(items[0])), *item;

	if (!items)
		return NULL;
	disks->items = items;
	search->any = true;
	item = &items[disks->count++];
	*item = (struct disk){.name = make_name(candidate),
			      .path = strdup(candidate->device->name),
			      .offset = candidate->offset,
			      .bytes = candidate->bytes,
			      .is_block = candidate->device->file.is_block,
			      .fd = -1};
	return item->name && item->path ? item : NULL;
}

/* The same. */
static struct disks_other *add_other(struct search *search, const struct candidate *candidate)
{
	struct disks *disks = search->disks;
	struct disks_other *others =
		reallocarray(disks->others, disks->other_count + 1, sizeof(others[0]));
	struct disks_other *other;

	if (!others)
		return NULL;
	disks->others = others;
	search->any = true;
	other = &others[disks->other_count++];
	*other = (struct disks_other){.name = make_name(candidate),
				      .path = strdup(candidate->device->name),
				      .offset = candidate->offset,
				      .bytes = candidate->bytes};
	return other->name && other->path ? other : NULL;
}

static enum result fail_list(struct failure *why)
{
	return fail_memory(why, "the list of disks", 0);
}

/* ---- why it is not taken ---- */

static bool is_raid(const struct probe_identity *identity)
{
	const char *end = strstr(identity->type, "_raid_member");

	return end && end[strlen("_raid_member")] == 0;
}

static const char *raid_kind(const struct probe_identity *identity)
{
	return strcmp(identity->type, "linux_raid_member") == 0 ? "an md array" : "a firmware RAID";
}

static void say_obstacle(const struct probe_identity *identity, char *text, size_t size)
{
	if (is_raid(identity))
		snprintf(text, size, "is a member of %s (%s), and not a physical volume itself",
			 raid_kind(identity), identity->type);
	else if (identity->is_table && identity->table_count > 0)
		snprintf(text, size,
			 "has a partition table (%s), and an old label of LVM's beside it",
			 identity->type);
	else if (identity->ambiguous)
		snprintf(text, size, "holds %s, and an old label of LVM's beside them",
			 identity->type);
	else if (identity->type[0] != 0 && !identity->is_table)
		snprintf(text, size, "holds %s%s%s, and an old label of LVM's beside it",
			 identity->type, identity->label[0] ? ", LABEL " : "", identity->label);
}

/* Of a partition, the disk may be a member: then its bytes are those of the array's partition. */
static enum result look_below(const struct device *device, char *text, size_t size,
			      struct failure *why)
{
	struct backing backing = {.is_block = true, .number = device->file.number};
	struct probe_identity identity = {.type = ""};
	enum result result = RESULT_OK;
	off_t end;
	int fd;

	if (!backing_step(&backing, device->file.fd) || !backing.is_block)
		return RESULT_OK;
	fd = backing_open(&backing, false);
	if (fd < 0)
		return RESULT_OK;
	end = lseek(fd, 0, SEEK_END);
	if (end > 0)
		result = probe_beside_label(fd, 0, (uint64_t)end, &identity, why);
	close(fd);
	if (result == RESULT_OK && is_raid(&identity))
		snprintf(text, size, "is on a disk that is a member of %s (%s)",
			 raid_kind(&identity), identity.type);
	return result;
}

static void look_for_obstacle(const struct candidate *candidate, char *text, size_t size)
{
	const struct device_file *file = &candidate->device->file;
	struct probe_identity identity;
	char multipath[100];
	struct failure why;
	enum result result =
		probe_beside_label(file->fd, candidate->offset, candidate->bytes, &identity, &why);

	if (result == RESULT_OK)
		say_obstacle(&identity, text, size);
	if (result == RESULT_OK && text[0] == 0 && file->is_block)
		result = look_below(candidate->device, text, size, &why);
	if (result != RESULT_OK)
		snprintf(text, size, "cannot be told from a RAID's member: %.150s", why.text);
	else if (text[0] == 0 && file->is_block &&
		 nodes_find_multipath(file->number, multipath, sizeof(multipath)))
		snprintf(text, size, "is a path of the multipath device %s", multipath);
}

/* ---- one candidate ---- */

static enum result add_unreadable(struct search *search, const struct candidate *candidate,
				  const char *text, struct failure *why)
{
	struct disk *item = add_item(search, candidate);

	if (!item)
		return fail_list(why);
	snprintf(item->obstacle, sizeof(item->obstacle), "%.*s", (int)sizeof(item->obstacle) - 1,
		 text);
	return RESULT_OK;
}

static enum result add_labelled(struct search *search, const struct candidate *candidate,
				struct failure *why)
{
	struct disk *item = add_item(search, candidate);

	if (!item)
		return fail_list(why);
	item->fd = fcntl(candidate->device->file.fd, F_DUPFD_CLOEXEC, 0);
	if (item->fd < 0)
		return fail_errno(why, RESULT_IO, errno, "%s: cannot keep it open", item->name);
	look_for_obstacle(candidate, item->obstacle, sizeof(item->obstacle));
	return RESULT_OK;
}

static enum result add_store(struct search *search, const struct candidate *candidate,
			     struct failure *why)
{
	struct disks_other *other = add_other(search, candidate);

	if (!other)
		return fail_list(why);
	other->is_store = true;
	return RESULT_OK;
}

static enum result look(struct search *search, const struct candidate *candidate,
			struct failure *why)
{
	uint8_t beginning[PV_LABEL_BYTES] = {0};
	const struct device *device = candidate->device;
	ssize_t bytes =
		whole_read_at(device->file.fd, beginning,
			      min_u64(candidate->bytes, sizeof(beginning)), candidate->offset);
	enum result result = RESULT_OK;

	if (bytes < 0 && candidate->named)
		return fail_errno(why, RESULT_IO, (int)-bytes, "%s: cannot read its beginning",
				  device->name);
	if (bytes < 0) {
		struct failure reading;

		fail_errno(&reading, RESULT_IO, (int)-bytes, "cannot be read");
		return add_unreadable(search, candidate, reading.text, why);
	}
	if (memcmp(beginning, "SnAp", 4) == 0)
		result = add_store(search, candidate, why);
	if (result == RESULT_OK && pv_may_have_label(beginning))
		result = add_labelled(search, candidate, why);
	return result;
}

/* ---- a node ---- */

static bool is_in_lists(const struct disks *disks, const struct device *device, uint64_t offset)
{
	struct stat status;

	for (size_t i = 0; i < disks->count; i++)
		if (disks->items[i].offset == offset && disks->items[i].fd >= 0 &&
		    fstat(disks->items[i].fd, &status) == 0 && device_is_node(device, &status))
			return true;
	for (size_t i = 0; i < disks->other_count; i++)
		if (disks->others[i].offset == offset &&
		    stat(disks->others[i].path, &status) == 0 && device_is_node(device, &status))
			return true;
	return false;
}

static bool is_known(struct search *search, const struct device *device, uint64_t offset)
{
	bool known = is_in_lists(search->disks, device, offset);

	search->any = search->any || known;
	return known;
}

static struct candidate whole(const struct device *device, bool named)
{
	return (struct candidate){.device = device, .bytes = device->bytes, .named = named};
}

/* What cannot be opened, and the sentence without its name. */
static enum result add_closed(struct search *search, char *path, const struct failure *opening,
			      struct failure *why)
{
	const struct device device = {.name = path, .file.is_block = true};
	const struct candidate candidate = {.device = &device};

	return add_unreadable(search, &candidate, fail_without_name(opening, path), why);
}

/* One that nobody named: it may be gone by now, and need not be readable. */
static enum result look_at_node(struct search *search, char *path, struct failure *why)
{
	struct device device;
	struct candidate candidate;
	struct failure opening, ignored;
	enum result result = device_open(&device, path, DEVICE_LOOK, &opening);

	if (result == RESULT_NOT_THERE)
		return RESULT_OK;
	if (result == RESULT_NO_MEMORY)
		return fail_list(why);
	if (result != RESULT_OK)
		return add_closed(search, path, &opening, why);
	device_use_cache(&device);
	candidate = whole(&device, false);
	if (!is_known(search, &device, 0))
		result = look(search, &candidate, why);
	device_close(&device, &ignored);
	return result;
}

static enum result look_at_nodes(struct search *search, const struct nodes *nodes,
				 struct failure *why)
{
	enum result result = RESULT_OK;

	for (size_t i = 0; i < nodes->count && result == RESULT_OK; i++)
		result = look_at_node(search, nodes->paths[i], why);
	return result;
}

/* ---- a name ---- */

static enum result look_at_image_part(struct search *search, const struct device *device,
				      const struct probe_partition *partition, struct failure *why)
{
	uint64_t to = min_u64(partition->to, device->bytes);
	struct candidate candidate = {.device = device,
				      .offset = partition->from,
				      .bytes = to - min_u64(partition->from, to),
				      .partition = partition->number};

	if (partition->is_extended || candidate.bytes == 0 ||
	    is_known(search, device, candidate.offset))
		return RESULT_OK;
	return look(search, &candidate, why);
}

static enum result look_into_image(struct search *search, const struct device *device,
				   const struct probe_identity *table, struct failure *why)
{
	enum result result = RESULT_OK;

	for (size_t i = 0; i < table->partition_count && result == RESULT_OK; i++)
		result = look_at_image_part(search, device, &table->partitions[i], why);
	return result;
}

static enum result look_at_partitions(struct search *search, const struct device *device,
				      size_t *count, struct failure *why)
{
	struct nodes nodes;
	enum result result = nodes_list_partitions(device->file.number, &nodes, why);

	*count = nodes.count;
	if (result == RESULT_OK)
		result = look_at_nodes(search, &nodes, why);
	nodes_free(&nodes);
	return result;
}

static enum result add_foreign(struct search *search, const struct device *device,
			       struct failure *why)
{
	const struct candidate candidate = whole(device, true);
	struct foreign foreign;
	struct disks_other *other;
	char help[FOREIGN_HELP_BYTES];
	enum result result = foreign_look(device, &foreign, why);

	if (result != RESULT_OK)
		return result;
	other = add_other(search, &candidate);
	if (!other)
		return fail_list(why);
	snprintf(other->text, sizeof(other->text), "%s%s physical volume%s", foreign.text,
		 foreign.text[0] ? ", and no" : "holds no",
		 foreign_say(&foreign, device->name, help));
	return RESULT_OK;
}

static enum result add_unshown(struct search *search, const struct device *device,
			       const struct probe_identity *table, struct failure *why)
{
	const struct candidate candidate = whole(device, true);
	struct disks_other *other = add_other(search, &candidate);

	if (!other)
		return fail_list(why);
	if (access("/sys/dev/block", F_OK) == 0)
		snprintf(other->text, sizeof(other->text),
			 "has a partition table (%s), and the kernel shows no partitions of it",
			 table->type);
	else
		snprintf(
			other->text, sizeof(other->text),
			"has a partition table (%s), and without /sys its partitions are not known: name them",
			table->type);
	return RESULT_OK;
}

/* *nodes: how many partitions of a block device the kernel shows. */
static enum result look_inside(struct search *search, const struct device *device,
			       struct probe_identity *table, size_t *nodes, struct failure *why)
{
	struct failure looking;
	enum result result = probe_beside_label(device->file.fd, 0, device->bytes, table, &looking);

	if (result != RESULT_OK)
		return fail(why, result, "%s: %s", device->name, looking.text);
	return device->file.is_block ? look_at_partitions(search, device, nodes, why)
				     : look_into_image(search, device, table, why);
}

static enum result look_at_open(struct search *search, const struct device *device,
				struct failure *why)
{
	const struct candidate candidate = whole(device, true);
	struct probe_identity table;
	size_t nodes = 0;
	enum result result = look(search, &candidate, why);

	if (result == RESULT_OK)
		result = look_inside(search, device, &table, &nodes, why);
	if (result != RESULT_OK || search->any)
		return result;
	if (device->file.is_block && table.table_count > 0 && nodes == 0)
		return add_unshown(search, device, &table, why);
	return add_foreign(search, device, why);
}

static enum result look_at_name(struct search *search, const char *name, struct failure *why)
{
	struct failure ignored;
	struct device device;
	enum result result = device_open(&device, name, DEVICE_LOOK, why);

	if (result != RESULT_OK)
		return result;
	device_use_cache(&device);
	if (!is_known(search, &device, 0))
		result = look_at_open(search, &device, why);
	device_close(&device, &ignored);
	return result;
}

/* ---- two that overlap ---- */

static struct backing backing_of(const struct disk *disk)
{
	struct backing backing = {.is_block = disk->is_block};
	struct stat status;

	if (fstat(disk->fd, &status) != 0)
		return backing;
	backing.file_system = status.st_dev;
	backing.inode = status.st_ino;
	backing.number = status.st_rdev;
	if (disk->is_block) {
		backing_descend(&backing, disk->fd);
	} else {
		backing.from = disk->offset;
		backing.to = disk->offset + disk->bytes;
	}
	return backing;
}

static void refuse_overlap(struct disk *disk, const struct disk *other)
{
	snprintf(disk->obstacle, sizeof(disk->obstacle),
		 "has bytes in common with %.180s, which has a label of LVM's, too", other->name);
}

/* What is written to one of them would change the other one. Where they are all of the same bytes,
 * they have the same id, and store/volume/groups tells. */
static enum result refuse_overlaps(struct disks *disks, struct failure *why)
{
	struct backing *backings = calloc(disks->count + 1, sizeof(*backings));

	if (!backings)
		return fail_list(why);
	for (size_t i = 0; i < disks->count; i++) {
		if (disks->items[i].fd < 0 || disks->items[i].obstacle[0] != 0)
			continue;
		backings[i] = backing_of(&disks->items[i]);
	}
	for (size_t i = 0; i < disks->count; i++)
		for (size_t k = 0; k < i; k++) {
			const struct backing *a = &backings[i], *b = &backings[k];

			if (!backing_overlap(a, b) || (a->from == b->from && a->to == b->to))
				continue;
			refuse_overlap(&disks->items[i], &disks->items[k]);
			refuse_overlap(&disks->items[k], &disks->items[i]);
		}
	free(backings);
	return RESULT_OK;
}

/* ---- all ---- */

static enum result look_everywhere(struct search *search, struct failure *why)
{
	struct nodes nodes;
	enum result result = nodes_list(&nodes, why);

	if (result == RESULT_OK)
		result = look_at_nodes(search, &nodes, why);
	nodes_free(&nodes);
	return result;
}

enum result disks_find(struct disks *disks, const char *const *names, size_t count,
		       struct failure *why)
{
	struct search search = {.disks = disks};
	enum result result = RESULT_OK;

	*disks = (struct disks){.count = 0};
	if (count == 0)
		result = look_everywhere(&search, why);
	for (size_t i = 0; i < count && result == RESULT_OK; i++) {
		search.any = false;
		result = look_at_name(&search, names[i], why);
	}
	return result == RESULT_OK ? refuse_overlaps(disks, why) : result;
}

/* ---- reading ---- */

static enum result read_disk(void *context, uint64_t offset, void *buffer, size_t count,
			     struct failure *why)
{
	const struct disk *disk = context;
	uint64_t end, at;
	ssize_t bytes;

	if (!checked_add(offset, count, &end) || end > disk->bytes ||
	    !checked_add(disk->offset, offset, &at))
		return fail(why, RESULT_INTERNAL, "%s: a read past its end", disk->name);
	bytes = whole_read_at(disk->fd, buffer, count, at);
	if (bytes >= 0 && (size_t)bytes < count)
		return fail(why, RESULT_IO, "%s: cannot read %zu bytes at %llu: it ends before",
			    disk->name, count, (unsigned long long)offset);
	if (bytes < 0)
		return fail_errno(why, RESULT_IO, (int)-bytes, "%s: cannot read %zu bytes at %llu",
				  disk->name, count, (unsigned long long)offset);
	return RESULT_OK;
}

struct pv_source disks_source(struct disk *disk)
{
	return (struct pv_source){.bytes = disk->bytes, .context = disk, .read = read_disk};
}

void disks_free(struct disks *disks)
{
	for (size_t i = 0; i < disks->count; i++) {
		free(disks->items[i].name);
		free(disks->items[i].path);
		if (disks->items[i].fd >= 0)
			close(disks->items[i].fd);
	}
	for (size_t i = 0; i < disks->other_count; i++) {
		free(disks->others[i].name);
		free(disks->others[i].path);
	}
	free(disks->items);
	free(disks->others);
	*disks = (struct disks){.count = 0};
}
