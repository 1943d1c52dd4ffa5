// SPDX-License-Identifier: GPL-2.0-or-later
/* What LVM itself does not check, before anything is written by a group's maps. */
#include "store/volume/layout.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

/* Extents of a physical volume, or of a volume, that a volume is on. */
struct use {
	bool is_volume;
	unsigned int index;
	uint64_t extent, count;
	unsigned int user;
};

/* How many snapshots it is the store of, and how many of its own are merging. */
struct roles {
	unsigned int stores, merging;
};

/* ---- ids ---- */

static int compare_ids(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* NULL, or one that is there twice. */
static const char *find_twice(const char **ids, unsigned int count)
{
	if (count > 0)
		qsort(ids, count, sizeof(*ids), compare_ids);
	for (unsigned int i = 1; i < count; i++)
		if (strcmp(ids[i - 1], ids[i]) == 0)
			return ids[i];
	return NULL;
}

static enum result check_ids(const struct group *group, struct failure *why)
{
	unsigned int count = 0, most = group->pv_count + group->volume_count;
	const char **ids = calloc((size_t)most + 1, sizeof(*ids));
	const char *volume, *pv;
	char text[PV_ID_TEXT_BYTES];

	if (!ids)
		return fail_memory(why, "the check of a volume group", most * sizeof(*ids));
	for (; count < group->pv_count; count++)
		ids[count] = group->pvs[count].id;
	pv = find_twice(ids, count);
	for (count = 0; count < group->volume_count; count++)
		ids[count] = group->volumes[count].id;
	volume = find_twice(ids, count);
	free(ids);
	if (!pv && !volume)
		return RESULT_OK;
	return fail(why, RESULT_REFUSED, "%s: the id %s is that of two %svolumes in its metadata",
		    group->name, pv_id_text(pv ? pv : volume, text), pv ? "physical " : "");
}

/* ---- extents ---- */

static int compare_uses(const void *a, const void *b)
{
	const struct use *one = a, *other = b;

	if (one->is_volume != other->is_volume)
		return one->is_volume ? 1 : -1;
	if (one->index != other->index)
		return one->index < other->index ? -1 : 1;
	if (one->extent != other->extent)
		return one->extent < other->extent ? -1 : 1;
	return compare_u64(one->user, other->user);
}

static size_t count_uses(const struct group *group)
{
	size_t count = 0;

	for (unsigned int v = 0; v < group->volume_count; v++)
		for (unsigned int s = 0; s < group->volumes[v].segment_count; s++)
			count += group->volumes[v].segments[s].area_count;
	return count;
}

/* Each leg of a mirror, which is not mapped, is as long as the segment. */
static size_t list_uses(const struct group_volume *volume, unsigned int number, struct use *uses)
{
	size_t count = 0;

	for (unsigned int s = 0; s < volume->segment_count; s++) {
		const struct group_segment *segment = &volume->segments[s];
		uint64_t extents = segment->extent_count;

		if (segment->is_mapped)
			extents /= segment->area_count;
		for (unsigned int i = 0; i < segment->area_count; i++, count++)
			uses[count] = (struct use){.is_volume = segment->areas[i].is_volume,
						   .index = segment->areas[i].index,
						   .extent = segment->areas[i].extent,
						   .count = extents,
						   .user = number};
	}
	return count;
}

static enum result refuse_overlap(const struct group *group, const struct use *one,
				  const struct use *other, struct failure *why)
{
	const char *name =
		one->is_volume ? group->volumes[one->index].name : group->pvs[one->index].name;

	return fail(why, RESULT_REFUSED, "%s: extent %" PRIu64 " of %s is used twice, by %s and %s",
		    group->name, other->extent, name, group->volumes[one->user].name,
		    group->volumes[other->user].name);
}

static enum result check_overlaps(const struct group *group, struct use *uses, size_t count,
				  struct failure *why)
{
	if (count > 0)
		qsort(uses, count, sizeof(*uses), compare_uses);
	for (size_t i = 1; i < count; i++)
		if (uses[i - 1].is_volume == uses[i].is_volume &&
		    uses[i - 1].index == uses[i].index &&
		    uses[i - 1].extent + uses[i - 1].count > uses[i].extent)
			return refuse_overlap(group, &uses[i - 1], &uses[i], why);
	return RESULT_OK;
}

/* group_read knows that no sum here overflows. */
static enum result check_place(const struct group *group, const struct use *use,
			       struct failure *why)
{
	const struct group_pv *pv = &group->pvs[use->index];
	const char *user = group->volumes[use->user].name;
	uint64_t end = pv->start_bytes + (use->extent + use->count) * group->extent_bytes;

	if (pv->start_bytes < PV_LABEL_BYTES)
		return fail(why, RESULT_REFUSED, "%s: the extents of %s begin in LVM's label",
			    group->name, pv->name);
	if (use->extent + use->count > pv->extent_count)
		return fail(why, RESULT_REFUSED, "%s: %s has extents after the last one of %s",
			    group->name, user, pv->name);
	if (pv->device_bytes != 0 && end > pv->device_bytes)
		return fail(why, RESULT_REFUSED, "%s: %s has extents after the end of %s",
			    group->name, user, pv->name);
	return RESULT_OK;
}

/* Those of all volumes; the caller frees them. NULL: no memory. */
static struct use *list_all(const struct group *group, size_t *count, struct failure *why)
{
	size_t most = count_uses(group);
	struct use *uses = calloc(most + 1, sizeof(*uses));

	*count = 0;
	if (!uses)
		fail_memory(why, "the check of a volume group", most * sizeof(*uses));
	for (unsigned int v = 0; uses && v < group->volume_count; v++)
		*count += list_uses(&group->volumes[v], v, uses + *count);
	return uses;
}

static enum result check_uses(const struct group *group, struct failure *why)
{
	size_t count;
	struct use *uses = list_all(group, &count, why);
	enum result result;

	if (!uses)
		return RESULT_NO_MEMORY;
	result = check_overlaps(group, uses, count, why);
	for (size_t i = 0; i < count && result == RESULT_OK; i++)
		if (!uses[i].is_volume)
			result = check_place(group, &uses[i], why);
	free(uses);
	return result;
}

/* ---- snapshots ---- */

static enum result check_roles(const struct group *group, struct roles *roles, struct failure *why)
{
	const struct group_volume *volumes = group->volumes;

	for (unsigned int i = 0; i < group->snapshot_count; i++) {
		const struct group_snapshot *snapshot = &group->snapshots[i];

		if (roles[snapshot->store].stores++ > 0)
			return fail(why, RESULT_REFUSED, "%s: %s is the store of two snapshots",
				    group->name, volumes[snapshot->store].name);
		if (snapshot->merging && roles[snapshot->origin].merging++ > 0)
			return fail(why, RESULT_REFUSED,
				    "%s: two snapshots of %s are marked as merging", group->name,
				    volumes[snapshot->origin].name);
	}
	for (unsigned int i = 0; i < group->volume_count; i++) {
		if (volumes[i].is_origin && roles[i].stores > 0)
			return fail(why, RESULT_REFUSED, "%s: %s is an origin, and a store",
				    group->name, volumes[i].name);
		if (volumes[i].is_part && (volumes[i].is_origin || roles[i].stores > 0))
			return fail(why, RESULT_REFUSED, "%s: %s is %s, and a part of a volume",
				    group->name, volumes[i].name,
				    volumes[i].is_origin ? "an origin" : "a store");
	}
	return RESULT_OK;
}

enum result layout_check_group(const struct group *group, struct failure *why)
{
	struct roles *roles = calloc((size_t)group->volume_count + 1, sizeof(*roles));
	enum result result;

	if (!roles)
		return fail_memory(why, "the check of a volume group",
				   group->volume_count * sizeof(*roles));
	result = check_ids(group, why);
	if (result == RESULT_OK)
		result = check_uses(group, why);
	if (result == RESULT_OK)
		result = check_roles(group, roles, why);
	free(roles);
	return result;
}

/* ---- what nobody uses ---- */

static void add_space(const struct group *group, unsigned int pv, uint64_t from, uint64_t to,
		      struct layout_space *spaces, size_t *count)
{
	to = min_u64(to, group->pvs[pv].extent_count);
	if (from < to)
		spaces[(*count)++] = (struct layout_space){
			.pv = pv,
			.offset = group->pvs[pv].start_bytes + from * group->extent_bytes,
			.bytes = (to - from) * group->extent_bytes};
}

enum result layout_find_free(const struct group *group, struct layout_space **spaces, size_t *count,
			     struct failure *why)
{
	size_t used, next = 0;
	struct use *uses = list_all(group, &used, why);

	*count = 0;
	*spaces = uses ? calloc(used + group->pv_count + 1, sizeof(**spaces)) : NULL;
	if (!*spaces) {
		free(uses);
		return fail_memory(why, "the free space of a volume group", 0);
	}
	if (used > 0)
		qsort(uses, used, sizeof(*uses), compare_uses);
	for (unsigned int pv = 0; pv < group->pv_count; pv++) {
		uint64_t from = 0;

		for (; next < used && !uses[next].is_volume && uses[next].index == pv; next++) {
			add_space(group, pv, from, uses[next].extent, *spaces, count);
			from = max_u64(from, uses[next].extent + uses[next].count);
		}
		add_space(group, pv, from, UINT64_MAX, *spaces, count);
	}
	free(uses);
	return RESULT_OK;
}
