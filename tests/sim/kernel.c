// SPDX-License-Identifier: GPL-2.0-or-later
/* A model of dm-snap-persistent.c and dm-snap.c, as far as a store on disk shows them. */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

/* A loaded store, as the kernel has it: the list, the next chunk, and the image of the current
 * area. */
struct loaded {
	uint8_t *store;
	uint64_t chunk_bytes, per_area, chunks;
	struct exception list[2 * SCENARIO_EXCEPTIONS_MAX];
	uint32_t count;
	uint64_t next_free;
};

static uint64_t place(const struct loaded *loaded, uint64_t index)
{
	uint64_t area = index / loaded->per_area;

	return (1 + area * (loaded->per_area + 1)) * loaded->chunk_bytes +
	       index % loaded->per_area * 16;
}

static bool area_fits(const struct loaded *loaded, uint64_t area)
{
	return 1 + area * (loaded->per_area + 1) < loaded->chunks;
}

static void load(struct loaded *loaded, uint8_t *store, uint64_t store_bytes,
		 uint32_t chunk_sectors)
{
	uint64_t highest = 0;

	loaded->store = store;
	loaded->chunk_bytes = chunk_sectors * 512ull;
	loaded->per_area = loaded->chunk_bytes / 16;
	loaded->chunks = store_bytes / loaded->chunk_bytes;
	loaded->count = 0;
	while (loaded->count < 2 * SCENARIO_EXCEPTIONS_MAX &&
	       area_fits(loaded, loaded->count / loaded->per_area)) {
		const uint8_t *entry = store + place(loaded, loaded->count);
		struct exception *exception = &loaded->list[loaded->count];

		exception->old_chunk = get_le64(entry);
		exception->new_chunk = get_le64(entry + 8);
		if (exception->new_chunk == 0)
			break;
		highest = max_u64(highest, exception->new_chunk);
		loaded->count++;
	}
	loaded->next_free = loaded->count ? highest + 1 : 2;
	if (loaded->next_free % (loaded->per_area + 1) == 1)
		loaded->next_free++;
}

/* The first entry for a chunk wins (5.2 and later). */
static const struct exception *find(const struct loaded *loaded, uint64_t old_chunk)
{
	for (uint32_t i = 0; i < loaded->count; i++)
		if (loaded->list[i].old_chunk == old_chunk)
			return &loaded->list[i];
	return NULL;
}

uint32_t kernel_read(const uint8_t *store, uint64_t store_bytes, uint32_t chunk_sectors,
		     struct exception *list, uint32_t most)
{
	struct loaded *loaded = malloc(sizeof(*loaded));
	uint32_t count;

	load(loaded, (uint8_t *)(uintptr_t)store, store_bytes, chunk_sectors);
	count = loaded->count;
	if (list)
		memcpy(list, loaded->list, min_u64(count, most) * sizeof(*list));
	free(loaded);
	return count;
}

static uint64_t clip(uint64_t offset, uint64_t bytes, uint64_t end)
{
	return offset >= end ? 0 : min_u64(bytes, end - offset);
}

static void copy_chunk(uint8_t *to, uint64_t to_offset, uint64_t to_bytes, const uint8_t *from,
		       uint64_t bytes)
{
	memcpy(to + to_offset, from, clip(to_offset, bytes, to_bytes));
}

void kernel_view(const uint8_t *origin, uint64_t origin_bytes, const uint8_t *store,
		 uint64_t store_bytes, uint32_t chunk_sectors, uint8_t *view)
{
	struct loaded *loaded = malloc(sizeof(*loaded));

	load(loaded, (uint8_t *)(uintptr_t)store, store_bytes, chunk_sectors);
	memcpy(view, origin, origin_bytes);
	for (uint32_t i = loaded->count; i > 0; i--) {
		const struct exception *exception = &loaded->list[i - 1];

		if (exception->new_chunk < loaded->chunks)
			copy_chunk(view, exception->old_chunk * loaded->chunk_bytes, origin_bytes,
				   store + exception->new_chunk * loaded->chunk_bytes,
				   loaded->chunk_bytes);
	}
	free(loaded);
}

bool kernel_tail_is_dirty(const uint8_t *store, uint64_t store_bytes, uint32_t chunk_sectors)
{
	struct loaded *loaded = malloc(sizeof(*loaded));
	uint64_t in_area;
	bool dirty;

	load(loaded, (uint8_t *)(uintptr_t)store, store_bytes, chunk_sectors);
	in_area = loaded->count % loaded->per_area;
	dirty = area_fits(loaded, loaded->count / loaded->per_area) &&
		!bytes_are_zero(store + place(loaded, loaded->count),
				(loaded->per_area - in_area) * 16);
	free(loaded);
	return dirty;
}

/* One new exception; false: the store is full. `data`: a whole chunk. */
static bool add(struct loaded *loaded, uint64_t old_chunk, const uint8_t *data)
{
	uint64_t area = loaded->count / loaded->per_area;
	struct exception exception = {old_chunk, loaded->next_free};
	uint64_t at = place(loaded, loaded->count);

	if (loaded->next_free >= loaded->chunks || loaded->count >= 2 * SCENARIO_EXCEPTIONS_MAX)
		return false;
	if ((loaded->count + 1) % loaded->per_area == 0) {
		if (!area_fits(loaded, area + 1))
			return false;
		memset(loaded->store + place(loaded, loaded->count + 1), 0, loaded->chunk_bytes);
	}
	memcpy(loaded->store + exception.new_chunk * loaded->chunk_bytes, data,
	       loaded->chunk_bytes);
	/* The area is written whole, with what was after the end of the list. */
	put_le64(loaded->store + at, exception.old_chunk);
	put_le64(loaded->store + at + 8, exception.new_chunk);
	loaded->list[loaded->count++] = exception;
	if (++loaded->next_free % (loaded->per_area + 1) == 1)
		loaded->next_free++;
	return true;
}

/* The other snapshots get the origin's chunks that will be overwritten: whole ones, but none for a
 * write past their own length. */
static bool keep_range(struct loaded *loaded, uint64_t shown_bytes, const uint8_t *origin,
		       uint64_t origin_bytes, uint64_t offset, uint64_t bytes)
{
	uint64_t first = offset / loaded->chunk_bytes;
	uint64_t touched = clip(offset, bytes, shown_bytes);
	uint64_t end = touched > 0 ? divide_up(offset + touched, loaded->chunk_bytes) : 0;
	uint8_t *data = calloc(1, loaded->chunk_bytes);
	bool room = true;

	for (uint64_t chunk = first; chunk < end && room; chunk++) {
		if (find(loaded, chunk))
			continue;
		memset(data, 0, loaded->chunk_bytes);
		memcpy(data, origin + chunk * loaded->chunk_bytes,
		       clip(chunk * loaded->chunk_bytes, loaded->chunk_bytes, origin_bytes));
		room = add(loaded, chunk, data);
	}
	free(data);
	return room;
}

bool kernel_merge(const struct scenario *scenario, uint8_t *const images[SIM_DISKS])
{
	struct loaded *loaded = calloc(SIM_DISKS, sizeof(*loaded));
	struct loaded *merging = &loaded[1];
	bool room = true;

	load(merging, images[1], scenario->store_bytes, scenario->chunk_sectors);
	for (unsigned int i = 0; i < scenario->kept_count; i++)
		load(&loaded[2 + i], images[2 + i], scenario->kept[i].bytes,
		     scenario->kept[i].chunk_sectors);
	while (merging->count > 0) {
		const struct exception *exception = &merging->list[--merging->count];
		uint64_t offset = exception->old_chunk * merging->chunk_bytes;

		for (unsigned int i = 0; i < scenario->kept_count; i++)
			/* An undo store that was not made yet is none; nor is an invalid one. */
			if (get_le32(images[2 + i]) == HEADER_MAGIC &&
			    get_le32(images[2 + i] + 4) != 0)
				room &= keep_range(&loaded[2 + i], scenario->kept[i].shown_bytes,
						   images[0], scenario->origin_bytes, offset,
						   merging->chunk_bytes);
		/* The end of the snapshot's view is not looked at, only the origin's. */
		copy_chunk(images[0], offset, scenario->origin_bytes,
			   images[1] + exception->new_chunk * merging->chunk_bytes,
			   merging->chunk_bytes);
		memset(images[1] + place(merging, merging->count), 0, 16);
	}
	free(loaded);
	return room;
}

/* A write to the origin, or to the snapshot, of a whole chunk. */
static bool use_once(struct loaded *loaded, uint8_t *origin, uint64_t origin_bytes, uint8_t *view,
		     struct random *random)
{
	uint64_t old_chunk = random_below(random, divide_up(origin_bytes, loaded->chunk_bytes));
	uint64_t offset = old_chunk * loaded->chunk_bytes;
	uint64_t inside = clip(offset, loaded->chunk_bytes, origin_bytes);
	const struct exception *found = find(loaded, old_chunk);
	uint8_t *data = calloc(1, loaded->chunk_bytes);
	bool to_snapshot = random_once_in(random, 3), room = true;

	if (to_snapshot) {
		memset(data, (int)random_next(random), loaded->chunk_bytes);
		if (found)
			memcpy(loaded->store + found->new_chunk * loaded->chunk_bytes, data,
			       loaded->chunk_bytes);
		else
			room = add(loaded, old_chunk, data);
		if (room)
			memcpy(view + offset, data, inside);
	} else {
		memcpy(data, origin + offset, inside);
		room = found || add(loaded, old_chunk, data);
		if (room)
			memset(origin + offset, (int)random_next(random), inside);
	}
	free(data);
	return room;
}

static bool view_is(const uint8_t *origin, uint64_t origin_bytes, const struct loaded *loaded,
		    uint64_t store_bytes, uint32_t chunk_sectors, const uint8_t *view)
{
	uint8_t *now = malloc(origin_bytes);
	bool same;

	kernel_view(origin, origin_bytes, loaded->store, store_bytes, chunk_sectors, now);
	same = memcmp(now, view, origin_bytes) == 0;
	free(now);
	return same;
}

const char *kernel_use(uint8_t *origin, uint64_t origin_bytes, uint8_t *store, uint64_t store_bytes,
		       uint32_t chunk_sectors, uint8_t *view, struct random *random)
{
	struct loaded *loaded = malloc(sizeof(*loaded));
	const char *wrong = NULL;

	for (int reload = 0; reload < 3 && !wrong; reload++) {
		uint64_t uses = 1 + random_below(random, 2 * chunk_sectors * 32);

		load(loaded, store, store_bytes, chunk_sectors);
		while (uses-- > 0 && use_once(loaded, origin, origin_bytes, view, random))
			continue;
		if (!view_is(origin, origin_bytes, loaded, store_bytes, chunk_sectors, view))
			wrong = "a kernel that used the store again saw a stale entry come alive";
	}
	free(loaded);
	return wrong;
}
