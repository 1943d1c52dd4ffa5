// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * refkeep: the judge of kept stores on image files, written from the format's description alone,
 * without cowtool's own code. For little-endian machines.
 *
 *   note ORIGIN STORE KEPT...    Before STORE is merged into ORIGIN: remembers in KEPT.noted what
 *                                each KEPT shows over ORIGIN, its exceptions, and the old chunks
 *                                that it must have afterwards. A KEPT that is not there will be an
 *                                undo store. midway ORIGIN KEPT...        Each shows what it
 *                                showed; its old exceptions are where they were; those that were
 *                                added are among those that it must have, none of them twice. ended
 *                                ORIGIN KEPT...         The same, it has all of them, and the
 *                                header's sector is as without a record. count ORIGIN STORE KEPT
 *                                Prints how many exceptions it lacks, and for how many it has room.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_BYTES 16u

struct image {
	const char *name;
	uint8_t *bytes;
	uint64_t size;
};

struct entry {
	uint64_t old_chunk, new_chunk;
};

struct store {
	struct image image;
	uint64_t chunk_bytes, per_area, count;
	struct entry *entries;
};

/* A set of old chunks: a byte for each. */
struct set {
	uint8_t *has;
	uint64_t chunks;
};

static void check(bool good, const char *what, const char *name)
{
	if (good)
		return;
	fprintf(stderr, "refkeep: %s: ", what);
	perror(name);
	exit(2);
}

/* All memory is needed to the end. */
struct block {
	struct block *next;
	uint64_t bytes[];
};

static struct block *blocks;

static void *memory(uint64_t bytes)
{
	struct block *block = calloc(1, sizeof(*block) + bytes);

	check(block != NULL, "memory", "calloc");
	block->next = blocks;
	blocks = block;
	return block->bytes;
}

static void free_memory(void)
{
	while (blocks) {
		struct block *next = blocks->next;

		free(blocks);
		blocks = next;
	}
}

static void load(struct image *image, const char *name)
{
	int fd = open(name, O_RDONLY);
	struct stat status;

	check(fd >= 0 && fstat(fd, &status) == 0, "open", name);
	image->name = name;
	image->size = (uint64_t)status.st_size;
	image->bytes = memory(image->size);
	check(read(fd, image->bytes, image->size) == (ssize_t)image->size, "read", name);
	close(fd);
}

static struct entry entry_at(const struct store *store, uint64_t index)
{
	uint64_t place =
		(1 + index / store->per_area * (store->per_area + 1)) * store->chunk_bytes +
		index % store->per_area * sizeof(struct entry);
	struct entry entry = {0, 0};

	if (place + sizeof(entry) <= store->image.size)
		memcpy(&entry, store->image.bytes + place, sizeof(entry));
	return entry;
}

static void load_store(struct store *store, const char *name)
{
	uint32_t sectors;

	load(&store->image, name);
	check(store->image.size >= 1024, "size", name);
	memcpy(&sectors, store->image.bytes + 12, sizeof(sectors));
	store->chunk_bytes = sectors * 512ull;
	check(sectors > 0, "chunk size", name);
	store->per_area = store->chunk_bytes / sizeof(struct entry);
	store->count = 0;
	while (entry_at(store, store->count).new_chunk != 0)
		store->count++;
	store->entries = memory(store->count * sizeof(struct entry));
	for (uint64_t i = 0; i < store->count; i++)
		store->entries[i] = entry_at(store, i);
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Whole sectors count. */
static uint64_t end_of(const struct image *origin)
{
	return origin->size / 512 * 512;
}

/* What the snapshot shows; of two exceptions for a chunk the first counts. */
static uint8_t *view_of(const struct image *origin, const struct store *store)
{
	uint8_t *view = memory(origin->size);

	memcpy(view, origin->bytes, origin->size);
	for (uint64_t i = store->count; i > 0; i--) {
		uint64_t to = store->entries[i - 1].old_chunk * store->chunk_bytes;
		uint64_t from = store->entries[i - 1].new_chunk * store->chunk_bytes;

		if (to < end_of(origin) && from < store->image.size)
			memcpy(view + to, store->image.bytes + from,
			       min(min(store->chunk_bytes, end_of(origin) - to),
				   store->image.size - from));
	}
	return view;
}

static struct set set_of(const struct image *origin, const struct store *store)
{
	struct set set = {.chunks = (origin->size + store->chunk_bytes - 1) / store->chunk_bytes};

	set.has = memory(set.chunks);
	for (uint64_t i = 0; i < store->count; i++)
		if (store->entries[i].old_chunk < set.chunks)
			set.has[store->entries[i].old_chunk] = 1;
	return set;
}

/* Adds what the chunks of `merging` overlap, inside the origin. Returns how many are new. */
static uint64_t add_touched(struct set *set, const struct image *origin, uint64_t chunk_bytes,
			    const struct store *merging)
{
	uint64_t added = 0;

	for (uint64_t i = 0; i < merging->count; i++) {
		uint64_t from = merging->entries[i].old_chunk * merging->chunk_bytes;
		uint64_t to = min(from + merging->chunk_bytes, end_of(origin));

		for (uint64_t chunk = from / chunk_bytes; chunk * chunk_bytes < to; chunk++) {
			added += !set->has[chunk];
			set->has[chunk] = 1;
		}
	}
	return added;
}

/* ---- what is noted ---- */

static FILE *open_noted(const char *kept, const char *mode)
{
	char name[4096];
	FILE *file;

	snprintf(name, sizeof(name), "%s.noted", kept);
	file = fopen(name, mode);
	check(file != NULL, "open", name);
	return file;
}

static void put(FILE *file, const void *bytes, uint64_t count)
{
	check(fwrite(bytes, 1, count, file) == count, "write", "noted");
}

static void get(FILE *file, void *bytes, uint64_t count)
{
	check(fread(bytes, 1, count, file) == count, "read", "noted");
}

/* What does not exist yet: a store without exceptions, of the merging store's chunk size. */
static void load_kept(struct store *kept, const char *name, const struct store *merging)
{
	if (access(name, F_OK) == 0) {
		load_store(kept, name);
		return;
	}
	*kept = *merging;
	kept->image.name = name;
	kept->count = 0;
}

static void note(const struct image *origin, const struct store *merging, const char *name)
{
	struct store kept;
	struct set set;
	FILE *file = open_noted(name, "w");

	load_kept(&kept, name, merging);
	set = set_of(origin, &kept);
	add_touched(&set, origin, kept.chunk_bytes, merging);
	put(file, kept.image.bytes, HEADER_BYTES);
	put(file, &kept.count, sizeof(kept.count));
	put(file, kept.entries, kept.count * sizeof(struct entry));
	put(file, &set.chunks, sizeof(set.chunks));
	put(file, set.has, set.chunks);
	put(file, view_of(origin, &kept), origin->size);
	check(fclose(file) == 0, "close", name);
}

struct noted {
	uint8_t header[HEADER_BYTES];
	struct store before; /* only its exceptions */
	struct set set;
	uint8_t *view;
};

static void get_noted(struct noted *noted, const char *name, uint64_t origin_bytes)
{
	FILE *file = open_noted(name, "r");
	struct store *before = &noted->before;

	get(file, noted->header, HEADER_BYTES);
	get(file, &before->count, sizeof(before->count));
	before->entries = memory(before->count * sizeof(struct entry));
	get(file, before->entries, before->count * sizeof(struct entry));
	get(file, &noted->set.chunks, sizeof(noted->set.chunks));
	noted->set.has = memory(noted->set.chunks);
	get(file, noted->set.has, noted->set.chunks);
	noted->view = memory(origin_bytes);
	get(file, noted->view, origin_bytes);
	fclose(file);
}

/* ---- judging ---- */

static bool wrong(const struct store *kept, const char *what, uint64_t number)
{
	printf("%s: %s: %" PRIu64 "\n", kept->image.name, what, number);
	return false;
}

static bool judge_view(const struct image *origin, const struct store *kept,
		       const struct noted *noted)
{
	uint8_t *view = view_of(origin, kept);

	for (uint64_t i = 0; i < origin->size; i++)
		if (view[i] != noted->view[i])
			return wrong(kept, "the view is another one at byte", i);
	return true;
}

/* Takes from the set what was added. */
static bool judge_entries(const struct store *kept, struct noted *noted)
{
	struct set *set = &noted->set;
	uint64_t before = noted->before.count, i;

	if (kept->count < before ||
	    memcmp(kept->entries, noted->before.entries, before * sizeof(struct entry)) != 0)
		return wrong(kept, "not all old exceptions are where they were, of", before);
	for (i = 0; i < before; i++)
		if (kept->entries[i].old_chunk < set->chunks)
			set->has[kept->entries[i].old_chunk] = 0;
	for (; i < kept->count; i++) {
		uint64_t old = kept->entries[i].old_chunk;

		if (old >= set->chunks || !set->has[old])
			return wrong(kept, "has one exception too many, for chunk", old);
		set->has[old] = 0;
	}
	return true;
}

/* A new undo store ends with an imprint of the origin; nothing else has one. */
static bool judge_imprint(const struct image *origin, const struct store *kept,
			  const struct noted *noted)
{
	const uint8_t *imprint = kept->image.bytes + HEADER_BYTES;
	uint64_t origin_bytes, exceptions;

	memcpy(&origin_bytes, imprint + 16, sizeof(origin_bytes));
	memcpy(&exceptions, imprint + 24, sizeof(exceptions));
	return noted->before.count == 0 && memcmp(imprint, "cowprint", 8) == 0 &&
	       origin_bytes == origin->size / 512 * 512 && exceptions == kept->count;
}

static bool judge_end(const struct image *origin, const struct store *kept,
		      const struct noted *noted)
{
	uint64_t slack = judge_imprint(origin, kept, noted) ? 256 : HEADER_BYTES;

	for (uint64_t i = 0; i < noted->set.chunks; i++)
		if (noted->set.has[i])
			return wrong(kept, "has no exception for chunk", i);
	if (memcmp(kept->image.bytes, noted->header, HEADER_BYTES) != 0)
		return wrong(kept, "has another header of bytes", HEADER_BYTES);
	for (uint64_t i = slack; i < 512; i++)
		if (kept->image.bytes[i] != 0)
			return wrong(kept, "something is after the header at", i);
	return true;
}

static bool judge(const struct image *origin, const char *name, bool ended)
{
	struct store kept;
	struct noted noted;

	load_store(&kept, name);
	get_noted(&noted, name, origin->size);
	return judge_view(origin, &kept, &noted) && judge_entries(&kept, &noted) &&
	       (!ended || judge_end(origin, &kept, &noted));
}

/* ---- room ---- */

/* The kernel allocates upwards, around the areas, and fills an area only where the next one
 * fits. */
static uint64_t room_in(const struct store *store)
{
	uint64_t chunks = store->image.size / store->chunk_bytes, stride = store->per_area + 1;
	uint64_t count = store->count, next = 2;

	for (uint64_t i = 0; i < count; i++)
		if (store->entries[i].new_chunk >= next)
			next = store->entries[i].new_chunk + 1;
	for (next += next % stride == 1; next < chunks; next += next % stride == 1) {
		uint64_t area = count / store->per_area;

		if (count % store->per_area == store->per_area - 1 &&
		    1 + (area + 1) * stride >= chunks)
			break;
		count++;
		next++;
	}
	return count - store->count;
}

static void print_count(const struct image *origin, const struct store *merging, const char *name)
{
	struct store kept;
	struct set set;

	load_kept(&kept, name, merging);
	set = set_of(origin, &kept);
	printf("%" PRIu64, add_touched(&set, origin, kept.chunk_bytes, merging));
	printf(" %" PRIu64 "\n", room_in(&kept));
}

int main(int argc, char **argv)
{
	bool notes, counts, good = true;
	struct image origin;
	struct store merging;
	int first;

	if (argc < 4)
		return 2;
	notes = strcmp(argv[1], "note") == 0;
	counts = strcmp(argv[1], "count") == 0;
	load(&origin, argv[2]);
	if (notes || counts)
		load_store(&merging, argv[3]);
	first = notes || counts ? 4 : 3;
	for (int i = first; i < argc; i++) {
		if (notes)
			note(&origin, &merging, argv[i]);
		else if (counts)
			print_count(&origin, &merging, argv[i]);
		else
			good &= judge(&origin, argv[i], strcmp(argv[1], "ended") == 0);
	}
	free_memory();
	return good ? 0 : 1;
}
