// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/device/volumes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/base/suggest.h"
#include "store/base/text.h"
#include "store/device/holder.h"
#include "store/device/probe.h"
#include "store/volume/name.h"

bool volumes_is_name(const char *name)
{
	struct volume_name parsed;

	return !probe_is_tag(name) && volume_name_read(name, &parsed) &&
	       (parsed.is_explicit || access(name, F_OK) != 0);
}

char *volumes_sibling(const char *name, const char *volume)
{
	struct volume_name parsed;
	char *sibling = NULL;

	if (!volume_name_read(name, &parsed))
		return NULL;
	if (!parsed.is_explicit) {
		if (asprintf(&sibling, "%s/%s", parsed.group, volume) < 0)
			return NULL;
		if (volumes_is_name(sibling))
			return sibling;
		free(sibling);
	}
	return asprintf(&sibling, "LVM=%s/%s", parsed.group, volume) < 0 ? NULL : sibling;
}

static bool has_namesake(const struct volumes *volumes, const struct group *group)
{
	for (size_t i = 0; i < volumes->groups.count; i++)
		if (&volumes->groups.groups[i].group != group &&
		    strcmp(volumes->groups.groups[i].group.name, group->name) == 0)
			return true;
	return false;
}

char *volumes_name(const struct volumes *volumes, const struct group *group, unsigned int volume)
{
	const char *last = group->volumes[volume].name;
	char id[PV_ID_TEXT_BYTES], *name = NULL;

	if (asprintf(&name, "%s/%s", group->name, last) < 0)
		return NULL;
	if (!has_namesake(volumes, group) && volumes_is_name(name))
		return name;
	free(name);
	return asprintf(&name, "LVM=%s/%s", pv_id_text(group->id, id), last) < 0 ? NULL : name;
}

/* ---- what is there ---- */

static void forget(struct volumes *volumes)
{
	groups_free(&volumes->groups);
	disks_free(&volumes->found);
	volumes->loaded = false;
}

static enum result read_disks(struct volumes *volumes, struct failure *why)
{
	enum result result = disks_find(&volumes->found, volumes->disks, volumes->disk_count, why);

	for (size_t i = 0; i < volumes->found.count && result == RESULT_OK; i++) {
		struct disk *disk = &volumes->found.items[i];
		struct pv_source source = disks_source(disk);
		bool found;

		if (disk->obstacle[0] == 0)
			result = groups_add(&volumes->groups, &source, disk->name, &found, why);
		/* It may be a disk of another group. */
		if (result == RESULT_IO && volumes->disk_count == 0)
			result = RESULT_OK;
	}
	return result;
}

/* What is half read is no answer to the next name. */
static enum result load(struct volumes *volumes, struct failure *why)
{
	enum result result = read_disks(volumes, why);

	if (result == RESULT_OK)
		result = groups_choose(&volumes->groups, why);
	volumes->loaded = result == RESULT_OK;
	if (!volumes->loaded)
		forget(volumes);
	return result;
}

enum result volumes_load(struct volumes *volumes, struct failure *why)
{
	return volumes->loaded ? RESULT_OK : load(volumes, why);
}

/* ---- finding a volume ---- */

/* It may be that of a text that is not taken, or on a disk that nobody could read: the first of them
 * is told. */
static enum result fail_unseen(const struct volumes *volumes, enum result result,
			       struct failure *why)
{
	if (result == RESULT_NOT_THERE && volumes->groups.problem_count > 0)
		return fail_more(why, result, "%s", volumes->groups.problems[0]);
	for (size_t i = 0; i < volumes->found.count && result == RESULT_NOT_THERE; i++) {
		const struct disk *disk = &volumes->found.items[i];

		if (disk->fd < 0)
			return fail_more(why, result, "%s: %s", disk->name, disk->obstacle);
	}
	return result;
}

static enum result find_in_groups(struct volumes *volumes, const char *name, size_t *group,
				  unsigned int *index, struct failure *why)
{
	struct volume_name parsed;
	struct failure finding;
	enum result result = volumes_load(volumes, why);
	int found;

	if (result != RESULT_OK)
		return result;
	if (!volume_name_read(name, &parsed))
		return fail(why, RESULT_NOT_THERE, "%s: is no name of a volume", name);
	result = groups_find(&volumes->groups, parsed.group, group, &finding);
	if (result != RESULT_OK)
		return fail_unseen(volumes, fail(why, result, "%s: %s", name, finding.text), why);
	found = group_find_volume(&volumes->groups.groups[*group].group, parsed.volume);
	if (found < 0)
		return fail(why, RESULT_NOT_THERE, "%s: the volume group %s has no such volume",
			    name, volumes->groups.groups[*group].group.name);
	*index = (unsigned int)found;
	return RESULT_OK;
}

struct disk *volumes_disk(struct volumes *volumes, const struct groups_one *one, unsigned int pv)
{
	int found = one->pvs[pv];

	for (size_t i = 0; found >= 0 && i < volumes->found.count; i++)
		if (volumes->found.items[i].name == volumes->groups.pvs[found].name)
			return &volumes->found.items[i];
	return NULL;
}

/* lvm2 knows nothing of image files; one that is attached is refused as it is opened. */
static bool is_for_lvm(struct volumes *volumes, const struct groups_one *one)
{
	for (unsigned int i = 0; i < one->group.pv_count; i++) {
		const struct disk *disk = volumes_disk(volumes, one, i);

		if (disk && disk->is_block)
			return true;
	}
	return false;
}

/* lvm2 may have changed the metadata before the lock was had: it is read again. */
static enum result lock_group(struct volumes *volumes, const struct groups_one *one,
			      struct failure *why)
{
	const struct group *group = &one->group;
	bool alone = device_mode_writes(volumes->mode);
	bool lock = is_for_lvm(volumes, one);
	enum result result =
		lock ? group_lock_take(&volumes->lock, group->name, alone, why) : RESULT_OK;

	if (result != RESULT_OK)
		return result;
	snprintf(volumes->locked, sizeof(volumes->locked), "%s", group->id);
	snprintf(volumes->locked_name, sizeof(volumes->locked_name), "%s", group->name);
	if (!lock)
		return RESULT_OK;
	forget(volumes);
	return load(volumes, why);
}

/* Of two groups, one would not be locked; and LVM's lock is that of a name. */
static enum result check_locked(const struct volumes *volumes, const struct group *group,
				const char *name, struct failure *why)
{
	if (strcmp(volumes->locked, group->id) != 0)
		return fail(why, RESULT_REFUSED,
			    "%s: is of another volume group than the other volumes that were named",
			    name);
	if (strcmp(volumes->locked_name, group->name) != 0)
		return fail(why, RESULT_REFUSED,
			    "%s: its volume group was renamed at this moment, from %s to %s", name,
			    volumes->locked_name, group->name);
	return RESULT_OK;
}

static enum result find_locked(struct volumes *volumes, const char *name, size_t *group,
			       unsigned int *index, struct failure *why)
{
	enum result result = find_in_groups(volumes, name, group, index, why);

	if (result != RESULT_OK || volumes->mode == DEVICE_LOOK)
		return result;
	if (volumes->locked[0] == 0) {
		result = lock_group(volumes, &volumes->groups.groups[*group], why);
		if (result == RESULT_OK)
			result = find_in_groups(volumes, name, group, index, why);
	}
	return result == RESULT_OK
		       ? check_locked(volumes, &volumes->groups.groups[*group].group, name, why)
		       : result;
}

/* A disk that has the label of this physical volume, and is not taken for it. */
static const struct disk *find_refused(struct volumes *volumes, const char *id)
{
	for (size_t i = 0; i < volumes->found.count; i++) {
		struct disk *disk = &volumes->found.items[i];
		struct pv_source source = disks_source(disk);
		struct failure ignored;
		struct pv pv;

		if (disk->obstacle[0] && pv_read(&source, &pv, &ignored) == RESULT_OK && pv.found &&
		    strcmp(pv.id, id) == 0)
			return disk;
	}
	return NULL;
}

static enum result fail_missing(struct volumes *volumes, const char *name,
				const struct group_pv *pv, struct failure *why)
{
	const struct disk *refused = find_refused(volumes, pv->id);
	char id[PV_ID_TEXT_BYTES];

	if (refused)
		return fail(why, RESULT_REFUSED, "%s: needs the physical volume on %s, which %s",
			    name, refused->name, refused->obstacle);
	return fail(why, RESULT_NOT_THERE,
		    "%s: needs the physical volume %s (%s), which is not there", name, pv->name,
		    pv_id_text(pv->id, id));
}

/* ---- the parts ---- */

static enum result open_part(struct volumes *volumes, const char *path, struct volumes_part **part,
			     struct failure *why)
{
	enum result result;

	for (*part = volumes->parts; *part; *part = (*part)->next)
		if (strcmp((*part)->device.name, path) == 0)
			return RESULT_OK;
	*part = calloc(1, sizeof(**part));
	if (!*part)
		return fail_memory(why, "a physical volume", sizeof(**part));
	result = device_open_beside(&(*part)->device, path, volumes->mode, &(*part)->beside, why);
	if (result != RESULT_OK) {
		free(*part);
		return result;
	}
	(*part)->next = volumes->parts;
	volumes->parts = *part;
	return RESULT_OK;
}

/* Its number in the volume's list. */
static unsigned int part_number(struct volume *volume, struct device *device)
{
	for (unsigned int i = 0; i < volume->part_count; i++)
		if (volume->parts[i] == device)
			return i;
	volume->parts[volume->part_count] = device;
	return volume->part_count++;
}

/* A volume that gets its map. */
struct placing {
	struct volumes *volumes;
	const struct groups_one *one; /* its group */
	struct volume *volume;
	const char *name;
};

/* One area of the layout: opens its physical volume, and puts it into the map. */
static enum result place_area(const struct placing *placing, const struct layout_area *from,
			      uint64_t bytes, struct map_area *to, struct failure *why)
{
	struct volumes *volumes = placing->volumes;
	const struct groups_place place = {from->pv, from->offset, bytes};
	const struct disk *disk = volumes_disk(volumes, placing->one, from->pv);
	struct volumes_part *part;
	enum result result;

	if (!disk)
		return fail_missing(volumes, placing->name, &placing->one->group.pvs[from->pv],
				    why);
	result = groups_check_place(&volumes->groups, placing->one, &place,
				    device_mode_may_write(volumes->mode), placing->name, why);
	if (result == RESULT_OK)
		result = open_part(volumes, disk->path, &part, why);
	if (result != RESULT_OK)
		return result;
	to->file = part_number(placing->volume, &part->device);
	to->offset = disk->offset + from->offset;
	return RESULT_OK;
}

static enum result place_segment(const struct placing *placing, const struct layout_segment *from,
				 struct map_segment *to, struct failure *why)
{
	struct map_area *areas = calloc(from->area_count, sizeof(*areas));
	enum result result = RESULT_OK;

	*to = (struct map_segment){.start = from->start,
				   .bytes = from->bytes,
				   .stripe_bytes = from->stripe_bytes,
				   .areas = areas,
				   .area_count = from->area_count};
	if (!areas)
		return fail_memory(why, "a volume's map", from->area_count * sizeof(*areas));
	for (unsigned int i = 0; i < from->area_count && result == RESULT_OK; i++)
		result = place_area(placing, &from->areas[i], from->bytes / from->area_count,
				    &areas[i], why);
	return result;
}

static enum result place_all(const struct placing *placing, const struct layout *layout,
			     struct failure *why)
{
	struct volume *volume = placing->volume;
	struct map_segment *segments = calloc(layout->segment_count + 1, sizeof(*segments));
	enum result result = RESULT_OK;

	volume->bytes = layout->bytes;
	volume->parts = calloc(volume->group->pv_count + 1, sizeof(struct device *));
	volume->map.segments = segments;
	if (!segments || !volume->parts)
		return fail_memory(why, "a volume's map",
				   (size_t)layout->segment_count * sizeof(*segments));
	for (unsigned int i = 0; i < layout->segment_count && result == RESULT_OK; i++) {
		volume->map.segment_count = i + 1;
		result = place_segment(placing, &layout->segments[i], &segments[i], why);
	}
	return result;
}

static void free_volume(struct volume *volume)
{
	for (unsigned int i = 0; i < volume->map.segment_count; i++)
		free((void *)volume->map.segments[i].areas);
	free((void *)volume->map.segments);
	free(volume->parts);
	free(volume);
}

static enum result make_volume(struct volumes *volumes, const struct groups_one *one,
			       unsigned int index, const char *name, struct failure *why)
{
	struct volume *volume = calloc(1, sizeof(*volume));
	const struct placing placing = {volumes, one, volume, name};
	struct layout layout = {0};
	struct failure mapping;
	enum result result;

	if (!volume)
		return fail_memory(why, "a volume", sizeof(*volume));
	volume->group = &one->group;
	volume->index = index;
	result = layout_make(&layout, &one->group, index, &mapping);
	if (result == RESULT_OK)
		result = place_all(&placing, &layout, why);
	else
		fail(why, result, "%s: %s", name, mapping.text);
	layout_free(&layout);
	if (result != RESULT_OK) {
		free_volume(volume);
		return result;
	}
	volume->next = volumes->asked;
	volumes->asked = volume;
	return RESULT_OK;
}

enum result volumes_find(struct volumes *volumes, const char *name, struct volume **volume,
			 struct failure *why)
{
	const struct groups_one *one;
	unsigned int index = 0;
	size_t group = 0;
	enum result result = find_locked(volumes, name, &group, &index, why);

	if (result != RESULT_OK)
		return result;
	one = &volumes->groups.groups[group];
	for (*volume = volumes->asked; *volume; *volume = (*volume)->next)
		if ((*volume)->group == &one->group && (*volume)->index == index)
			return RESULT_OK;
	result = groups_check_volume(one, index, device_mode_may_write(volumes->mode), name, why);
	if (result == RESULT_OK)
		result = make_volume(volumes, one, index, name, why);
	*volume = volumes->asked;
	return result;
}

/* ---- who uses it ---- */

/* The bytes of block devices that it is on; the caller frees them. */
static struct tables_range *make_ranges(const struct volume *volume, size_t *count)
{
	const struct map *map = &volume->map;
	struct tables_range *ranges;
	size_t areas = 0;

	for (unsigned int i = 0; i < map->segment_count; i++)
		areas += map->segments[i].area_count;
	ranges = calloc(areas + 1, sizeof(*ranges));
	*count = 0;
	for (unsigned int i = 0; ranges && i < map->segment_count; i++)
		for (unsigned int j = 0; j < map->segments[i].area_count; j++) {
			const struct map_area *area = &map->segments[i].areas[j];
			const struct device_file *file = &volume->parts[area->file]->file;

			if (file->is_block)
				ranges[(*count)++] = (struct tables_range){
					file->number, area->offset,
					area->offset + map->segments[i].bytes /
							       map->segments[i].area_count};
		}
	return ranges;
}

static enum result find_user(const struct volume *volume, struct tables_user *user, bool *used,
			     struct failure *why)
{
	const struct group_volume *one = &volume->group->volumes[volume->index];
	size_t count;
	struct tables_range *ranges = make_ranges(volume, &count);
	enum result result;

	*used = false;
	if (!ranges)
		return fail_memory(why, "a volume's map", 0);
	/* Of image files only, the tables need not be looked at, which not everybody may. */
	result = count > 0 ? tables_find(ranges, count, user, used, why) : RESULT_OK;
	if (result == RESULT_OK && !*used && count > 0)
		*used = tables_find_volume(volume->group->id, one->id, user);
	free(ranges);
	return result;
}

static bool is_beside(const struct volumes *volumes, const struct volume *volume)
{
	for (const struct volumes_part *part = volumes->parts; part; part = part->next)
		for (unsigned int i = 0; part->beside && i < volume->part_count; i++)
			if (volume->parts[i] == &part->device)
				return true;
	return false;
}

/* The words of the command that takes the bytes away from their user. */
static void free_command(const struct tables_user *user, struct suggestion *command)
{
	const struct holder holder = {.node = "", .name = user->name, .uuid = user->uuid};

	suggest_begin(command);
	if (user->is_loaded)
		suggest_more(command, "dmsetup clear %s", user->name);
	else
		holder_command(&holder, command);
}

static enum result refuse_used(const struct volume *volume, const char *name, struct failure *why)
{
	struct tables_user user;
	struct suggestion command;
	bool used;
	enum result result = find_user(volume, &user, &used, why);

	if (result != RESULT_OK || !used)
		return result;
	free_command(&user, &command);
	return fail_remedy(
		why, RESULT_REFUSED, REMEDY_FREE, NULL,
		"%s: its bytes are in use by %s, a device of the device mapper%s; %s frees them",
		name, user.name, user.is_loaded ? ", whose table is loaded and not live yet" : "",
		suggest_end(&command));
}

/* ---- opening ---- */

static enum result open_volume(struct volumes *volumes, struct device *device, const char *name,
			       enum device_mode mode, struct failure *why)
{
	struct volume *volume;
	enum result result = volumes_find(volumes, name, &volume, why);

	if (result == RESULT_OK && mode != DEVICE_LOOK && is_beside(volumes, volume))
		result = refuse_used(volume, name, why);
	if (result != RESULT_OK)
		return result;
	return device_open_map(device, name, &volume->map, volume->parts, volume->part_count,
			       volume->bytes, mode, why);
}

/* Of one part, with one segment that has one area. NULL: no memory. */
static struct volume *make_range(struct device *part, uint64_t offset, uint64_t bytes)
{
	struct volume *volume = calloc(1, sizeof(*volume));
	struct map_segment *segment = calloc(1, sizeof(*segment));
	struct map_area *area = calloc(1, sizeof(*area));
	struct device **parts = calloc(1, sizeof(struct device *));

	if (!volume || !segment || !area || !parts) {
		free(volume);
		free(segment);
		free(area);
		free(parts);
		return NULL;
	}
	area->offset = offset;
	*segment = (struct map_segment){.bytes = bytes, .areas = area, .area_count = 1};
	*parts = part;
	*volume = (struct volume){.map = {.segments = segment, .segment_count = 1},
				  .bytes = bytes,
				  .parts = parts,
				  .part_count = 1};
	return volume;
}

enum result volumes_open_range(struct volumes *volumes, struct device *device, const char *name,
			       const char *path, uint64_t offset, uint64_t bytes,
			       struct failure *why)
{
	struct volumes_part *part;
	struct volume *volume;
	uint64_t end;
	enum result result = open_part(volumes, path, &part, why);

	memset(device, 0, sizeof(*device));
	if (result != RESULT_OK)
		return result;
	if (bytes == 0 && offset < part->device.bytes)
		bytes = part->device.bytes - offset;
	if (bytes == 0 || !checked_add(offset, bytes, &end) || end > part->device.bytes)
		return fail(why, RESULT_REFUSED, "%s: is not all before the end of %s", name, path);
	volume = make_range(&part->device, offset, bytes);
	if (!volume)
		return fail_memory(why, "a range of a file", sizeof(*volume));
	volume->next = volumes->asked;
	volumes->asked = volume;
	return device_open_map(device, name, &volume->map, volume->parts, 1, bytes, DEVICE_LOOK,
			       why);
}

/* Digits alone. */
static bool read_number(const char **text, uint64_t *number)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*number = strtoull(*text, &end, 10);
	*text = end;
	return errno == 0;
}

/* "FILE@OFFSET" or "FILE@OFFSET+SIZE", in bytes; what exists as a path is a path. *path is owned.
 * False: it is none. */
static bool read_range(const char *name, char **path, uint64_t *offset, uint64_t *bytes)
{
	const char *at = strrchr(name, '@'), *text = at ? at + 1 : NULL;

	*bytes = 0;
	if (!at || access(name, F_OK) == 0 || !read_number(&text, offset) ||
	    (*text == '+' && (text++, !read_number(&text, bytes) || *bytes == 0)) || *text)
		return false;
	*path = strndup(name, (size_t)(at - name));
	return *path != NULL;
}

static enum result open_named_range(struct volumes *volumes, struct device *device,
				    const char *name, enum device_mode mode, struct failure *why)
{
	uint64_t offset, bytes;
	char *path = NULL;
	enum result result;

	if (!read_range(name, &path, &offset, &bytes))
		return device_open(device, name, mode, why);
	if (device_mode_may_write(mode))
		result = fail(why, RESULT_REFUSED,
			      "%s: a range of a file is for commands that only read it", name);
	else
		result = volumes_open_range(volumes, device, name, path, offset, bytes, why);
	free(path);
	return result;
}

enum result volumes_open(struct volumes *volumes, struct device *device, const char *name,
			 enum device_mode mode, struct failure *why)
{
	memset(device, 0, sizeof(*device));
	return volumes_is_name(name) ? open_volume(volumes, device, name, mode, why)
				     : open_named_range(volumes, device, name, mode, why);
}

const struct volume *volumes_of(const struct volumes *volumes, const struct device *device)
{
	const struct volume *volume = volumes->asked;

	while (volume && &volume->map != device->map)
		volume = volume->next;
	return volume;
}

enum result volumes_user(const struct volumes *volumes, const struct device *device,
			 struct tables_user *user, bool *used, struct failure *why)
{
	const struct volume *volume = volumes_of(volumes, device);

	*used = false;
	return volume && volume->group ? find_user(volume, user, used, why) : RESULT_OK;
}

/* ---- the same one? ---- */

enum result volumes_is(struct volumes *volumes, const struct device *device, const char *name,
		       bool *same, struct failure *why)
{
	struct volume *volume;
	enum result result;

	*same = false;
	if (!volumes_is_name(name))
		return device_is(device, name, same, why);
	result = volumes_find(volumes, name, &volume, why);
	if (result != RESULT_OK)
		return result;
	if (device->map)
		*same = device->map == &volume->map;
	for (unsigned int i = 0;
	     !device->map && !*same && i < volume->part_count && result == RESULT_OK; i++)
		result = device_is(device, volume->parts[i]->name, same, why);
	return result;
}

enum result volumes_refuse_same(struct volumes *volumes, const struct device *device,
				const char *name, const char *how, struct failure *why)
{
	bool same = false;
	enum result result = volumes_is(volumes, device, name, &same, why);

	if (result == RESULT_OK && same)
		result = fail(why, RESULT_REFUSED, "%s: is given %s", name, how);
	return result;
}

/* ---- what is told of it ---- */

const struct group_snapshot *volumes_snapshot(const struct volume *volume)
{
	uint32_t snapshot =
		volume->group ? volume->group->volumes[volume->index].snapshot : GROUP_NO_SNAPSHOT;

	return snapshot == GROUP_NO_SNAPSHOT ? NULL : &volume->group->snapshots[snapshot];
}

uint64_t volumes_snapshot_bytes(const struct volume *volume)
{
	return volumes_snapshot(volume)->extent_count * volume->group->extent_bytes;
}

const char *volumes_describe(const struct volume *volume, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "%u segment%s on ", volume->map.segment_count,
				       text_plural(volume->map.segment_count));

	for (unsigned int i = 0; i < volume->part_count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "",
					 volume->parts[i]->name);
	return text;
}

void volumes_end(struct volumes *volumes)
{
	struct failure ignored; /* what was written to is closed already */

	while (volumes->asked) {
		struct volume *next = volumes->asked->next;

		free_volume(volumes->asked);
		volumes->asked = next;
	}
	while (volumes->parts) {
		struct volumes_part *next = volumes->parts->next;

		device_close(&volumes->parts->device, &ignored);
		free(volumes->parts);
		volumes->parts = next;
	}
	group_lock_release(&volumes->lock);
	volumes->locked[0] = '\0';
	forget(volumes);
}
