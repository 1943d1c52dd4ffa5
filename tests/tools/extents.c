// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * extents: the bytes of a logical volume, by what lvm2 itself says of its extents. The judge of
 * volumes, written without cowtool's own code.
 *
 *   read MAP VOLUME    writes the volume's bytes to stdout
 *   write MAP VOLUME   puts stdin's bytes into the volume, from its beginning
 *   list MAP VOLUME    prints where they are: lines of START BYTES PV OFFSET, neighbours joined
 *   list MAP           the same of all volumes, by name, each after a line "volume NAME ORIGIN CHUNK":
 *                      the origin and the chunk size in sectors of a store, else - and 0
 *
 * MAP has lines of two kinds; numbers of sectors and extents are decimal:
 *   pv|NAME|FILE|START|PE_START      a physical volume: the image that it is in, the sector of the
 *                                    image where it begins, and the sector of its first extent
 *   lv|NAME|SEGTYPE|SEG_START_PE|SEG_SIZE_PE|SEG_PE_RANGES|ORIGIN|CHUNK_SIZE|STRIPE_SIZE|EXTENT_SIZE
 *                                    a segment, as lvs prints it (--units s --nosuffix); of a
 *                                    snapshot, it is of the store
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AREAS_MAX 128
#define FIELDS_MAX 10
#define PVS_MAX 64
#define SEGMENTS_MAX 4096
#define SECTOR 512u
#define PIECE 65536u

struct pv {
	char *name, *file;
	uint64_t start, first; /* bytes */
	int fd;
};

struct area {
	char *name;
	uint64_t extent;
};

struct segment {
	char *volume, *type, *origin;
	uint64_t chunk, start, bytes, stripe, extent_bytes;
	struct area areas[AREAS_MAX];
	unsigned int area_count;
};

/* Where a byte is, and how many bytes follow it in one piece. */
struct place {
	struct pv *pv;
	uint64_t offset, bytes;
};

static struct pv pvs[PVS_MAX];
static struct segment *segments;
static unsigned int pv_count, segment_count;

static void check(int good, const char *what, const char *name)
{
	if (good)
		return;
	fprintf(stderr, "extents: %s: %s\n", what, name);
	exit(1);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	check(end != text && !*end, "not a number", text);
	return value;
}

/* lvs puts the names of hidden volumes in brackets. */
static char *plain_name(char *name)
{
	if (*name == '[')
		name++;
	name[strcspn(name, "]")] = '\0';
	return name;
}

static void take_pv(char **fields)
{
	struct pv *pv = &pvs[pv_count++];

	check(pv_count <= PVS_MAX, "too many physical volumes", fields[1]);
	pv->name = fields[1];
	pv->file = fields[2];
	pv->start = number(fields[3]) * SECTOR;
	pv->first = number(fields[4]) * SECTOR;
	pv->fd = -1;
}

/* "NAME:FIRST-LAST ..." */
static void take_areas(struct segment *segment, char *ranges)
{
	for (char *range = strtok(ranges, " "); range; range = strtok(NULL, " ")) {
		struct area *area = &segment->areas[segment->area_count++];
		char *colon = strrchr(range, ':'), *dash = colon ? strchr(colon, '-') : NULL;

		check(segment->area_count <= AREAS_MAX && dash, "no range of extents", range);
		*colon = *dash = '\0';
		area->name = plain_name(range);
		area->extent = number(colon + 1);
	}
}

static void take_segment(char **fields)
{
	struct segment *segment = &segments[segment_count++];

	check(segment_count <= SEGMENTS_MAX, "too many segments", fields[1]);
	segment->volume = plain_name(fields[1]);
	segment->type = fields[2];
	segment->origin = *fields[6] ? plain_name(fields[6]) : "-";
	segment->chunk = number(fields[7]);
	segment->extent_bytes = number(fields[9]) * SECTOR;
	segment->start = number(fields[3]) * segment->extent_bytes;
	segment->bytes = number(fields[4]) * segment->extent_bytes;
	segment->stripe = number(fields[8]) * SECTOR;
	take_areas(segment, fields[5]);
}

static void take_line(char *line)
{
	char *fields[FIELDS_MAX], *copy = strdup(line);
	unsigned int count = 0;

	check(copy != NULL, "no memory", line);
	copy[strcspn(copy, "\n")] = '\0';
	for (char *field = copy; field && count < FIELDS_MAX;) {
		fields[count++] = strsep(&field, "|");
	}
	if (count == 5 && strcmp(fields[0], "pv") == 0)
		take_pv(fields);
	else if (count == FIELDS_MAX && strcmp(fields[0], "lv") == 0)
		take_segment(fields);
	else
		check(0, "not understood", line);
}

static void load(const char *map)
{
	FILE *file = fopen(map, "r");
	char *line = NULL;
	size_t size = 0;

	segments = calloc(SEGMENTS_MAX, sizeof(*segments));
	check(file && segments, "cannot open", map);
	while (getline(&line, &size, file) > 0)
		take_line(line);
	free(line);
	fclose(file);
}

static struct segment *find_segment(const char *volume, uint64_t offset)
{
	for (unsigned int i = 0; i < segment_count; i++) {
		struct segment *segment = &segments[i];

		if (strcmp(segment->volume, volume) == 0 &&
		    offset - segment->start < segment->bytes)
			return segment;
	}
	return NULL;
}

static struct pv *find_pv(const char *name)
{
	for (unsigned int i = 0; i < pv_count; i++)
		if (strcmp(pvs[i].name, name) == 0)
			return &pvs[i];
	return NULL;
}

/* 0: the volume ends before `offset`. An area on a volume is looked for there. */
static int locate(const char *volume, uint64_t offset, struct place *place, int depth)
{
	struct segment *segment = find_segment(volume, offset);
	struct area *area;
	uint64_t inside, unit, left;

	if (!segment)
		return 0;
	check(depth < 8, "volumes that are in each other", volume);
	check(strcmp(segment->type, "linear") == 0 || strcmp(segment->type, "striped") == 0 ||
		      strcmp(segment->type, "raid0") == 0 ||
		      strcmp(segment->type, "raid0_meta") == 0,
	      "not mapped by extents alone", segment->type);
	inside = offset - segment->start;
	left = segment->bytes - inside;
	area = &segment->areas[0];
	if (segment->area_count > 1) {
		check(segment->stripe != 0, "without a stripe size", volume);
		unit = inside / segment->stripe;
		area = &segment->areas[unit % segment->area_count];
		left = segment->stripe - inside % segment->stripe;
		inside = unit / segment->area_count * segment->stripe + inside % segment->stripe;
	}
	inside += area->extent * segment->extent_bytes;
	place->pv = find_pv(area->name);
	if (place->pv) {
		place->offset = place->pv->first + inside;
		place->bytes = left;
	} else {
		check(locate(area->name, inside, place, depth + 1), "nothing there", area->name);
		if (place->bytes > left)
			place->bytes = left;
	}
	return 1;
}

static void print_run(uint64_t start, const struct place *run)
{
	if (run->bytes)
		printf("%" PRIu64 " %" PRIu64 " %s %" PRIu64 "\n", start, run->bytes, run->pv->name,
		       run->offset);
}

static void list(const char *volume)
{
	struct place run = {0}, place;
	uint64_t offset = 0, start = 0;

	while (locate(volume, offset, &place, 0)) {
		if (place.pv == run.pv && place.offset == run.offset + run.bytes) {
			run.bytes += place.bytes;
		} else {
			print_run(start, &run);
			run = place;
			start = offset;
		}
		offset += place.bytes;
	}
	print_run(start, &run);
}

static int file_of(struct pv *pv, int flags)
{
	if (pv->fd < 0)
		pv->fd = open(pv->file, flags);
	check(pv->fd >= 0, "cannot open", pv->file);
	return pv->fd;
}

/* Every piece of the volume, to stdout or from stdin, whose end is an end, too. */
static void copy(const char *volume, int writes)
{
	static uint8_t bytes[PIECE];
	struct place place;
	uint64_t offset = 0;

	while (locate(volume, offset, &place, 0)) {
		size_t count = place.bytes < PIECE ? place.bytes : PIECE;
		off_t at = (off_t)(place.pv->start + place.offset);
		int fd = file_of(place.pv, writes ? O_RDWR : O_RDONLY);

		if (writes)
			count = fread(bytes, 1, count, stdin);
		if (!count)
			break;
		check((writes ? pwrite(fd, bytes, count, at) : pread(fd, bytes, count, at)) ==
			      (ssize_t)count,
		      "cannot read or write", place.pv->file);
		if (!writes)
			check(fwrite(bytes, 1, count, stdout) == count, "cannot write", "stdout");
		offset += count;
	}
	check(offset > 0, "nothing copied", volume);
	check(!writes || fgetc(stdin) == EOF, "more bytes than it has", volume);
	check(fflush(stdout) == 0, "cannot write", "stdout");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct segment *)a)->volume, ((const struct segment *)b)->volume);
}

static void list_all(void)
{
	struct segment *last = NULL;

	qsort(segments, segment_count, sizeof(*segments), by_name);
	for (unsigned int i = 0; i < segment_count; i++) {
		struct segment *segment = &segments[i];

		if (last && strcmp(segment->volume, last->volume) == 0)
			continue;
		printf("volume %s %s %" PRIu64 "\n", segment->volume, segment->origin,
		       segment->chunk);
		list(segment->volume);
		last = segment;
	}
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	load(argv[2]);
	if (argc == 3 && strcmp(argv[1], "list") == 0)
		list_all();
	else if (argc == 4 && strcmp(argv[1], "list") == 0)
		list(argv[3]);
	else if (argc == 4 && (strcmp(argv[1], "read") == 0 || strcmp(argv[1], "write") == 0))
		copy(argv[3], argv[1][0] == 'w');
	else
		return 2;
	return 0;
}
