// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * volume_map FILE...: what cowtool makes of the physical volumes in these files, whole: of every
 * group, and every volume of it, by name. The form is that of tests/tools/extents:
 *
 *   problem TEXT                   a text that is of no group
 *   group NAME SEQNO
 *   obstacle TEXT                  why nothing may be written by the maps of this group
 *   uncertain                      and why nothing should be read by them
 *   volume NAME ORIGIN CHUNK       the origin and the chunk size in sectors of a store, else - and 0
 *   START BYTES FILE OFFSET        where its bytes are, neighbours joined; FILE is "missing" where the
 *                                  physical volume is, or was when the text was written
 *   unmapped TEXT                  why they are nowhere
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/volume/groups.h"
#include "store/volume/layout.h"

static void stop_if(enum result result, const struct failure *why)
{
	if (result == RESULT_OK)
		return;
	fprintf(stderr, "volume_map: %s\n", why->text);
	exit(1);
}

static enum result read_file(void *context, uint64_t offset, void *buffer, size_t count,
			     struct failure *why)
{
	if (pread(*(int *)context, buffer, count, (off_t)offset) == (ssize_t)count)
		return RESULT_OK;
	return fail(why, RESULT_IO, "cannot read %zu bytes at %" PRIu64, count, offset);
}

static void add(struct groups *groups, const char *name)
{
	struct failure why = {0};
	struct stat status;
	int fd = open(name, O_RDONLY);
	struct pv_source source = {.context = &fd, .read = read_file};
	bool found;

	if (fd < 0 || fstat(fd, &status) != 0) {
		perror(name);
		exit(1);
	}
	source.bytes = (uint64_t)status.st_size;
	stop_if(groups_add(groups, &source, name, &found, &why), &why);
	close(fd);
}

/* Of neighbours on one physical volume, only the last was not printed yet. */
struct run {
	uint64_t start, bytes, offset;
	const char *name;
};

static void print_run(const struct run *run)
{
	if (run->bytes)
		printf("%" PRIu64 " %" PRIu64 " %s %" PRIu64 "\n", run->start, run->bytes,
		       run->name, run->offset);
}

static void extend(struct run *run, uint64_t start, uint64_t bytes, const char *name,
		   uint64_t offset)
{
	if (run->bytes && strcmp(run->name, name) == 0 && run->offset + run->bytes == offset) {
		run->bytes += bytes;
		return;
	}
	print_run(run);
	*run = (struct run){start, bytes, offset, name};
}

static const char *name_of(const struct groups *groups, const struct groups_one *one,
			   unsigned int pv)
{
	if (one->pvs[pv] < 0 || one->group.pvs[pv].missing)
		return "missing";
	return groups->pvs[one->pvs[pv]].name;
}

static void print_segment(const struct groups *groups, const struct groups_one *one,
			  const struct layout_segment *segment, struct run *run)
{
	uint64_t unit = segment->area_count > 1 ? segment->stripe_bytes : segment->bytes;

	for (uint64_t at = 0; at < segment->bytes; at += unit) {
		const struct layout_area *area = &segment->areas[at / unit % segment->area_count];

		extend(run, segment->start + at, unit, name_of(groups, one, area->pv),
		       area->offset + at / unit / segment->area_count * unit);
	}
}

static void print_layout(const struct groups *groups, const struct groups_one *one,
			 unsigned int volume)
{
	struct failure why = {0};
	struct layout layout = {0};
	struct run run = {0};

	if (layout_make(&layout, &one->group, volume, &why) != RESULT_OK)
		printf("unmapped %s\n", why.text);
	for (unsigned int i = 0; i < layout.segment_count; i++)
		print_segment(groups, one, &layout.segments[i], &run);
	print_run(&run);
	layout_free(&layout);
}

static void print_volume(const struct groups *groups, const struct groups_one *one,
			 unsigned int number)
{
	const struct group *group = &one->group;
	const struct group_volume *volume = &group->volumes[number];
	const struct group_snapshot *snapshot = NULL;

	if (volume->snapshot != GROUP_NO_SNAPSHOT)
		snapshot = &group->snapshots[volume->snapshot];
	printf("volume %s %s %" PRIu64 "\n", volume->name,
	       snapshot ? group->volumes[snapshot->origin].name : "-",
	       snapshot ? snapshot->chunk_sectors : 0);
	print_layout(groups, one, number);
}

static const struct group *sorted;

static int by_name(const void *a, const void *b)
{
	return strcmp(sorted->volumes[*(const unsigned int *)a].name,
		      sorted->volumes[*(const unsigned int *)b].name);
}

static void print_group(const struct groups *groups, const struct groups_one *one)
{
	unsigned int *order = calloc(one->group.volume_count + 1, sizeof(*order));

	printf("group %s %" PRIu64 "\n", one->group.name, one->group.seqno);
	if (one->obstacle[0])
		printf("obstacle %s\n", one->obstacle);
	if (one->is_uncertain)
		puts("uncertain");
	if (!order)
		exit(1);
	for (unsigned int i = 0; i < one->group.volume_count; i++)
		order[i] = i;
	sorted = &one->group;
	qsort(order, one->group.volume_count, sizeof(*order), by_name);
	for (unsigned int i = 0; i < one->group.volume_count; i++)
		print_volume(groups, one, order[i]);
	free(order);
}

int main(int argc, char **argv)
{
	struct failure why = {0};
	struct groups groups = {0};

	for (int i = 1; i < argc; i++)
		add(&groups, argv[i]);
	stop_if(groups_choose(&groups, &why), &why);
	for (size_t i = 0; i < groups.problem_count; i++)
		printf("problem %s\n", groups.problems[i]);
	for (size_t i = 0; i < groups.count; i++)
		print_group(&groups, &groups.groups[i]);
	groups_free(&groups);
	return 0;
}
