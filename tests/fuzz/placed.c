// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuzz/placed.h"

#include <string.h>

#include "store/base/bytes.h"

#define DEPTH_MAX 16u

/* ---- disks, and who may do what there ---- */

struct fuzz_disk placed_disks[FUZZ_PVS];
static uint8_t rights[FUZZ_PVS][FUZZ_PV_SECTORS];
static bool dirty[FUZZ_PVS][FUZZ_PV_SECTORS];

static uint8_t *sector_at(unsigned int disk, uint64_t sector)
{
	return fuzz_pvs[disk].bytes + sector * SECTOR_BYTES;
}

static void guarded_read(struct fuzz_disk *disk, uint64_t sector, uint8_t bytes[SECTOR_BYTES])
{
	unsigned int number = (unsigned int)(disk - placed_disks);

	FUZZ_CHECK(rights[number][sector] == PLACED_READ || rights[number][sector] == PLACED_WRITE);
	memcpy(bytes, sector_at(number, sector), SECTOR_BYTES);
}

static void guarded_write(struct fuzz_disk *disk, uint64_t sector, uint8_t bytes[SECTOR_BYTES])
{
	unsigned int number = (unsigned int)(disk - placed_disks);

	FUZZ_CHECK(rights[number][sector] == PLACED_WRITE);
	memcpy(sector_at(number, sector), bytes, SECTOR_BYTES);
	dirty[number][sector] = true;
}

void placed_clean(void)
{
	static bool filled;

	for (unsigned int disk = 0; disk < FUZZ_PVS; disk++)
		for (uint64_t sector = 0; sector < FUZZ_PV_SECTORS; sector++)
			if (!filled || dirty[disk][sector])
				fuzz_data_fill(disk * FUZZ_PV_SECTORS + sector,
					       sector_at(disk, sector));
	memset(dirty, 0, sizeof(dirty));
	filled = true;
}

static void give_lvm(const struct groups *groups)
{
	memset(rights, PLACED_NOBODY, sizeof(rights));
	for (size_t i = 0; i < groups->pv_count; i++) {
		uint8_t *own = rights[fuzz_pvs_number(&groups->pvs[i])];
		const struct pv *pv = &groups->pvs[i].pv;

		memset(own, PLACED_LVM, 4);
		for (unsigned int k = 0; k < pv->area_count; k++)
			memset(own + pv->areas[k].offset / SECTOR_BYTES, PLACED_LVM,
			       divide_up(pv->areas[k].bytes, SECTOR_BYTES));
	}
}

void placed_open(const struct groups *groups)
{
	give_lvm(groups);
	for (unsigned int i = 0; i < FUZZ_PVS; i++) {
		fuzz_disk_init(&placed_disks[i], "disk", FUZZ_PV_SECTORS);
		placed_disks[i].read = guarded_read;
		placed_disks[i].write = guarded_write;
	}
}

void placed_close(void)
{
	for (unsigned int i = 0; i < FUZZ_PVS; i++)
		fuzz_disk_free(&placed_disks[i]);
}

uint64_t placed_writes(void)
{
	return placed_disks[0].writes + placed_disks[1].writes;
}

/* ---- where a volume's bytes are, by the text ---- */

struct place {
	unsigned int disk;
	uint64_t sector;
};

static bool find_on_pv(const struct placed_source *source, unsigned int pv, uint64_t byte,
		       struct place *place)
{
	int found = source->one->pvs[pv];

	byte += source->one->group.pvs[pv].start_bytes;
	if (found < 0 || byte >= FUZZ_PV_BYTES)
		return false;
	place->disk = fuzz_pvs_number(&source->groups->pvs[found]);
	place->sector = byte / SECTOR_BYTES;
	return true;
}

static bool find_at_depth(const struct placed_source *source, unsigned int volume, uint64_t byte,
			  unsigned int depth, struct place *place)
{
	uint64_t extent_bytes = source->one->group.extent_bytes;
	const struct group_segment *segment = source->one->group.volumes[volume].segments;
	const struct group_area *area;

	while (byte / extent_bytes >= segment->start + segment->extent_count)
		segment++;
	if (!segment->is_mapped || depth == DEPTH_MAX)
		return false;
	byte -= segment->start * extent_bytes;
	area = segment->areas;
	if (segment->area_count > 1) {
		uint64_t stripe = byte / segment->stripe_bytes;

		area += stripe % segment->area_count;
		byte = stripe / segment->area_count * segment->stripe_bytes +
		       byte % segment->stripe_bytes;
	}
	byte += area->extent * extent_bytes;
	return area->is_volume ? find_at_depth(source, area->index, byte, depth + 1, place)
			       : find_on_pv(source, area->index, byte, place);
}

/* `byte` is one of the volume. */
static bool find(const struct placed_source *source, unsigned int volume, uint64_t byte,
		 struct place *place)
{
	return find_at_depth(source, volume, byte, 0, place);
}

static uint64_t volume_bytes(const struct placed_source *source, unsigned int volume)
{
	return source->one->group.volumes[volume].extent_count * source->one->group.extent_bytes;
}

/* NULL: it is nowhere. */
static uint8_t *find_sector(const struct placed_source *source, unsigned int volume,
			    uint64_t sector)
{
	struct place place;

	if (sector >= volume_bytes(source, volume) / SECTOR_BYTES ||
	    !find(source, volume, sector * SECTOR_BYTES, &place))
		return NULL;
	return sector_at(place.disk, place.sector);
}

void placed_give(const struct placed_source *source, unsigned int volume, uint64_t from,
		 uint64_t to, enum placed_right right)
{
	for (; from < to; from += SECTOR_BYTES) {
		struct place place;

		FUZZ_CHECK(find(source, volume, from, &place));
		FUZZ_CHECK(rights[place.disk][place.sector] == PLACED_NOBODY);
		rights[place.disk][place.sector] = (uint8_t)right;
	}
}

/* ---- the stores of an input ---- */

static uint8_t take(struct placed_input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

static void put(const struct placed_source *source, unsigned int volume, uint64_t byte,
		uint64_t value)
{
	uint8_t *sector = find_sector(source, volume, byte / SECTOR_BYTES);

	if (sector)
		put_le64(sector + byte % SECTOR_BYTES, value);
}

static void put_zeros(const struct placed_source *source, unsigned int volume, uint64_t from,
		      uint64_t sectors)
{
	for (uint64_t sector = from; sector < from + sectors; sector++) {
		struct place place;

		if (!find_sector(source, volume, sector))
			continue;
		find(source, volume, sector * SECTOR_BYTES, &place);
		memset(sector_at(place.disk, place.sector), 0, SECTOR_BYTES);
		dirty[place.disk][place.sector] = true;
	}
}

void placed_put_store(const struct placed_source *source, const struct group_snapshot *snapshot,
		      struct placed_input *input)
{
	uint8_t size = take(input), count = take(input);
	uint64_t chunk_sectors = size ? 1ull << size % 16 : snapshot->chunk_sectors;
	uint64_t sectors =
		min_u64(volume_bytes(source, snapshot->store) / SECTOR_BYTES, PLACED_SECTORS);
	uint64_t per_area = chunk_sectors * 32, area = chunk_sectors;

	put_zeros(source, snapshot->store, 0, min_u64(chunk_sectors, sectors));
	put(source, snapshot->store, 0, 0x0000000170416e53u);
	put(source, snapshot->store, 8, 1 | chunk_sectors << 32);
	for (; area < sectors; area += (per_area + 1) * chunk_sectors)
		put_zeros(source, snapshot->store, area, min_u64(chunk_sectors, sectors - area));
	for (uint64_t i = 0; i < count; i++) {
		uint64_t chunk = 1 + i / per_area * (per_area + 1);
		uint64_t byte = chunk * chunk_sectors * SECTOR_BYTES + i % per_area * 16;

		put(source, snapshot->store, byte, take(input));
		put(source, snapshot->store, byte + 8, take(input));
	}
}

/* ---- views ---- */

uint64_t placed_value(const struct placed_source *source, unsigned int volume, uint64_t sector)
{
	const uint8_t *bytes = find_sector(source, volume, sector);

	if (!bytes)
		return UINT64_MAX;
	return (get_le64(bytes) ^ get_le64(bytes + SECTOR_BYTES - 8) << 1) | 1;
}

/* False: the list ends before number `index`. */
static bool take_exception(const struct placed_source *source, unsigned int store,
			   uint64_t chunk_sectors, uint64_t index, struct exception *exception)
{
	uint64_t per_area = chunk_sectors * 32;
	uint64_t chunk = 1 + index / per_area * (per_area + 1);
	const uint8_t *sector =
		find_sector(source, store, chunk * chunk_sectors + index % per_area / 32);

	if (!sector)
		return false;
	exception->old_chunk = get_le64(sector + index % 32 * 16);
	exception->new_chunk = get_le64(sector + index % 32 * 16 + 8);
	return exception->new_chunk != 0;
}

bool placed_view(const struct placed_source *source, const struct group_snapshot *snapshot,
		 uint64_t shown, uint64_t *view)
{
	const uint8_t *header = find_sector(source, snapshot->store, 0);
	uint64_t size = header ? get_le32(header + 12) : 0;
	struct exception exception;

	if (!is_power_of_two(size))
		return false;
	memset(view, 0, shown * sizeof(*view));
	for (uint64_t i = 0; take_exception(source, snapshot->store, size, i, &exception); i++)
		for (uint64_t k = 0; k < size && exception.old_chunk < PLACED_SECTORS; k++) {
			uint64_t sector = exception.old_chunk * size + k;

			if (sector < shown && view[sector] == 0)
				view[sector] = placed_value(source, snapshot->store,
							    exception.new_chunk * size + k);
		}
	for (uint64_t sector = 0; sector < shown; sector++)
		if (view[sector] == 0)
			view[sector] = placed_value(source, snapshot->origin, sector);
	return true;
}
