// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/volume/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

/* More is of no group that LVM made: its volumes share no extents. */
#define AREAS_MAX (16u * GROUP_ITEMS_MAX)

/* Segments in order, and the areas of all of them, one after the other. */
struct builder {
	struct layout_segment *segments;
	struct layout_area *areas;
	unsigned int segment_count, segment_capacity, area_count, area_capacity;
	uint64_t bytes;
};

/* The way from the volume down to what it is on. */
struct walk {
	const struct group *group;
	unsigned int path[LAYOUT_DEPTH_MAX], depth;
	unsigned int areas; /* added so far, by all builders */
	struct failure *why;
};

/* ---- why it cannot be mapped ---- */

static enum result refuse(const struct walk *walk, const char *problem)
{
	const struct group_volume *last = &walk->group->volumes[walk->path[walk->depth - 1]];

	if (walk->depth == 1)
		return fail(walk->why, RESULT_REFUSED, "%s", problem);
	return fail(walk->why, RESULT_REFUSED, "is on %s, which %s", last->name, problem);
}

struct type_help {
	const char *beginning; /* of the type */
	const char *help;      /* has the volume's name in it where it has two %s */
};

static const struct type_help helps[] = {
	{"mirror", "what is mirrored must be written by LVM"},
	{"raid10", "what is mirrored must be written by LVM"},
	{"raid1", "what is mirrored must be written by LVM"},
	{"raid0", "LVM is in the middle of a change of its form"},
	{"raid", "parity must be written by LVM"},
	{"cache-pool", "it has parts of another volume"},
	{"cache", "'lvconvert --uncache %s/%s' writes back what the cache has"},
	{"writecache", "'lvconvert --uncache %s/%s' writes back what the cache has"},
	{"thin-pool", "its blocks are those of thin volumes"},
	{"thin", "the pool has the places of its blocks; 'thin_dump' lists them"},
	{"vdo", "its blocks are compressed, or shared"},
	{"integrity", "'lvconvert --raidintegrity n %s/%s' removes its checksums"},
	{"zero", "it has no bytes of its own"},
	{"error", "it has no bytes of its own"},
};

static enum result refuse_type(const struct walk *walk, const struct group_segment *segment)
{
	const struct group_volume *last = &walk->group->volumes[walk->path[walk->depth - 1]];
	char help[512] = "", problem[1024];

	for (size_t i = 0; i < sizeof(helps) / sizeof(helps[0]) && !help[0]; i++)
		if (strncmp(segment->type, helps[i].beginning, strlen(helps[i].beginning)) == 0)
			snprintf(help, sizeof(help), helps[i].help, walk->group->name, last->name);
	snprintf(problem, sizeof(problem), "is %.127s, which cannot be mapped%s%s", segment->type,
		 help[0] ? "; " : "", help);
	return refuse(walk, problem);
}

/* ---- building ---- */

/* An array with room for `more` after `used`. */
static void *reserve(void *array, unsigned int used, unsigned int more, unsigned int *capacity,
		     size_t size, struct failure *why)
{
	size_t wanted = (size_t)*capacity * 2 > used + more ? (size_t)*capacity * 2 : used + more;
	void *larger;

	if (used + more <= *capacity)
		return array;
	larger = realloc(array, wanted * size);
	if (larger)
		*capacity = (unsigned int)wanted;
	else
		fail_memory(why, "the layout of a volume", wanted * size);
	return larger;
}

/* Do the areas go on where those of the last segment, which is there, end? */
static bool goes_on(const struct builder *builder, const struct layout_segment *segment)
{
	const struct layout_segment *last = &builder->segments[builder->segment_count - 1];
	const struct layout_area *areas = builder->areas + builder->area_count - last->area_count;

	if (last->area_count != segment->area_count || last->stripe_bytes != segment->stripe_bytes)
		return false;
	for (unsigned int i = 0; i < segment->area_count; i++)
		if (areas[i].pv != segment->areas[i].pv ||
		    areas[i].offset + last->bytes / last->area_count != segment->areas[i].offset)
			return false;
	return true;
}

/* `segment` has its areas elsewhere; its start is not looked at. */
static enum result append(struct walk *walk, struct builder *builder,
			  const struct layout_segment *segment)
{
	struct layout_segment *segments;
	struct layout_area *areas;

	walk->areas += segment->area_count;
	if (walk->areas > AREAS_MAX)
		return refuse(walk, "is in more parts than any volume of LVM's");
	builder->bytes += segment->bytes;
	if (builder->segments && goes_on(builder, segment)) {
		builder->segments[builder->segment_count - 1].bytes += segment->bytes;
		return RESULT_OK;
	}
	segments = reserve(builder->segments, builder->segment_count, 1, &builder->segment_capacity,
			   sizeof(*segments), walk->why);
	if (!segments)
		return RESULT_NO_MEMORY;
	builder->segments = segments;
	areas = reserve(builder->areas, builder->area_count, segment->area_count,
			&builder->area_capacity, sizeof(*areas), walk->why);
	if (!areas)
		return RESULT_NO_MEMORY;
	builder->areas = areas;
	memcpy(areas + builder->area_count, segment->areas, segment->area_count * sizeof(*areas));
	builder->area_count += segment->area_count;
	segments[builder->segment_count] = *segment;
	segments[builder->segment_count++].start = builder->bytes - segment->bytes;
	return RESULT_OK;
}

static void free_builder(struct builder *builder)
{
	free(builder->segments);
	free(builder->areas);
}

/* ---- walking ---- */

static enum result collect(struct walk *walk, struct builder *builder, unsigned int volume,
			   uint64_t first, uint64_t count);

/* `count` extents of an area, without its first `skipped`. */
static enum result append_area(struct walk *walk, struct builder *builder,
			       const struct group_area *area, uint64_t skipped, uint64_t count)
{
	const struct group *group = walk->group;
	struct layout_area place;
	struct layout_segment segment = {
		.bytes = count * group->extent_bytes, .areas = &place, .area_count = 1};

	if (area->is_volume)
		return collect(walk, builder, area->index, area->extent + skipped, count);
	place.pv = area->index;
	place.offset = group->pvs[area->index].start_bytes +
		       (area->extent + skipped) * group->extent_bytes;
	return append(walk, builder, &segment);
}

/* What each of a segment's stripes is on, all linear and of one length, becomes striped segments:
 * one ends where what one of the stripes is on ends. */
static enum result zip(struct walk *walk, struct builder *builder, const struct builder *stripes,
		       const struct group_segment *segment)
{
	unsigned int at[GROUP_STRIPES_MAX] = {0}, count = segment->area_count;
	struct layout_area areas[GROUP_STRIPES_MAX];
	uint64_t start = 0, end;

	for (; start < stripes[0].bytes; start = end) {
		struct layout_segment striped = {
			.stripe_bytes = segment->stripe_bytes, .areas = areas, .area_count = count};
		enum result result;

		end = stripes[0].bytes;
		for (unsigned int i = 0; i < count; i++) {
			const struct layout_segment *part = &stripes[i].segments[at[i]];

			end = min_u64(end, part->start + part->bytes);
			areas[i] = stripes[i].areas[at[i]];
			areas[i].offset += start - part->start;
		}
		if (end % segment->stripe_bytes != 0)
			return refuse(walk, "has stripes over parts that do not end with a stripe");
		for (unsigned int i = 0; i < count; i++)
			at[i] += stripes[i].segments[at[i]].start +
					 stripes[i].segments[at[i]].bytes ==
				 end;
		striped.bytes = (end - start) * count;
		result = append(walk, builder, &striped);
		if (result != RESULT_OK)
			return result;
	}
	return RESULT_OK;
}

static enum result append_stripes(struct walk *walk, struct builder *builder,
				  const struct group_segment *segment, uint64_t skipped,
				  uint64_t count)
{
	uint64_t extent_bytes = walk->group->extent_bytes, areas = segment->area_count;
	struct builder stripes[GROUP_STRIPES_MAX] = {{.bytes = 0}};
	enum result result = RESULT_OK;

	if (skipped % areas != 0 || count % areas != 0 ||
	    skipped / areas * extent_bytes % segment->stripe_bytes != 0 ||
	    count / areas * extent_bytes % segment->stripe_bytes != 0)
		return refuse(walk, "is striped, and used in parts that do not end with a stripe");
	for (unsigned int i = 0; i < areas && result == RESULT_OK; i++) {
		result = append_area(walk, &stripes[i], &segment->areas[i], skipped / areas,
				     count / areas);
		if (result == RESULT_OK && stripes[i].area_count != stripes[i].segment_count)
			result = refuse(walk, "has stripes over stripes");
	}
	if (result == RESULT_OK)
		result = zip(walk, builder, stripes, segment);
	for (unsigned int i = 0; i < areas; i++)
		free_builder(&stripes[i]);
	return result;
}

static enum result append_segment(struct walk *walk, struct builder *builder,
				  const struct group_segment *segment, uint64_t skipped,
				  uint64_t count)
{
	if (!segment->is_mapped)
		return refuse_type(walk, segment);
	if (segment->area_count == 1)
		return append_area(walk, builder, &segment->areas[0], skipped, count);
	return append_stripes(walk, builder, segment, skipped, count);
}

static enum result enter(struct walk *walk, unsigned int volume)
{
	for (unsigned int i = 0; i < walk->depth; i++)
		if (walk->path[i] == volume)
			return refuse(walk, "is on a volume that is on it");
	if (walk->depth == LAYOUT_DEPTH_MAX)
		return refuse(walk, "is on more volumes, one on the other, than can be followed");
	walk->path[walk->depth++] = volume;
	if (walk->group->volumes[volume].moving)
		return refuse(walk, "is being moved; 'pvmove --abort' ends that");
	return RESULT_OK;
}

/* The segment that has this extent. */
static const struct group_segment *find_segment(const struct group_volume *volume, uint64_t extent)
{
	unsigned int low = 0, high = volume->segment_count;

	while (high - low > 1) {
		unsigned int middle = low + (high - low) / 2;

		if (volume->segments[middle].start <= extent)
			low = middle;
		else
			high = middle;
	}
	return &volume->segments[low];
}

/* `count` extents of a volume, from `first` on: group_read knows that they are in it. */
static enum result collect(struct walk *walk, struct builder *builder, unsigned int volume,
			   uint64_t first, uint64_t count)
{
	const struct group_segment *segment = find_segment(&walk->group->volumes[volume], first);
	enum result result = enter(walk, volume);

	for (; count > 0 && result == RESULT_OK; segment++) {
		uint64_t skipped = first - segment->start;
		uint64_t part = min_u64(count, segment->extent_count - skipped);

		result = append_segment(walk, builder, segment, skipped, part);
		first += part;
		count -= part;
	}
	if (result == RESULT_OK)
		walk->depth--;
	return result;
}

enum result layout_make(struct layout *layout, const struct group *group, unsigned int volume,
			struct failure *why)
{
	struct walk walk = {.group = group, .why = why};
	struct builder builder = {.bytes = 0};
	struct layout_area *areas;
	enum result result;

	memset(layout, 0, sizeof(*layout));
	result = collect(&walk, &builder, volume, 0, group->volumes[volume].extent_count);
	if (result != RESULT_OK) {
		free_builder(&builder);
		return result;
	}
	areas = builder.areas;
	for (unsigned int i = 0; i < builder.segment_count; i++) {
		builder.segments[i].areas = areas;
		areas += builder.segments[i].area_count;
	}
	layout->segments = builder.segments;
	layout->segment_count = builder.segment_count;
	layout->bytes = builder.bytes;
	return RESULT_OK;
}

void layout_free(struct layout *layout)
{
	if (layout->segments)
		free(layout->segments[0].areas);
	free(layout->segments);
	memset(layout, 0, sizeof(*layout));
}
