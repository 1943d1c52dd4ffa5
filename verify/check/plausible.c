// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/plausible.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

/* Boot loaders, backup tables and the superblocks of some RAIDs are here, where no file system
 * is. */
#define MARGIN_BYTES (1024u << 10)

/* The origin's first bytes; what is outside them is 0. */
struct head {
	const uint8_t *bytes;
	size_t count;
};

/* A little-endian number of this many bytes. */
static uint64_t le(const struct head *head, uint64_t offset, unsigned int bytes)
{
	uint64_t number = 0;

	if (offset > head->count || head->count - offset < bytes)
		return 0;
	for (unsigned int i = bytes; i > 0; i--)
		number = number << 8 | head->bytes[offset + i - 1];
	return number;
}

static uint64_t be(const struct head *head, uint64_t offset, unsigned int bytes)
{
	uint64_t number = 0;

	for (unsigned int i = 0; i < bytes; i++)
		number = number << 8 | le(head, offset + i, 1);
	return number;
}

static bool has_at(const struct head *head, uint64_t offset, const char *magic)
{
	size_t bytes = strlen(magic);

	return offset <= head->count && head->count - offset >= bytes &&
	       memcmp(head->bytes + offset, magic, bytes) == 0;
}

/* 0, which is no end: an overflow. */
static uint64_t product(uint64_t a, uint64_t b)
{
	uint64_t bytes;

	return checked_mul(a, b, &bytes) ? bytes : 0;
}

/* ---- where what the origin holds ends ---- */

/* struct ext4_super_block in fs/ext4/ext4.h, at byte 1024. */
static uint64_t end_of_ext(const struct head *head)
{
	uint64_t blocks = le(head, 1024 + 4, 4), shift = le(head, 1024 + 24, 4);

	if (le(head, 1024 + 96, 4) & 0x80)
		blocks |= le(head, 1024 + 336, 4) << 32;
	return shift > 6 ? 0 : product(blocks, 1024ull << shift);
}

/* struct xfs_dsb in fs/xfs/libxfs/xfs_format.h. */
static uint64_t end_of_xfs(const struct head *head)
{
	return product(be(head, 8, 8), be(head, 4, 4));
}

/* struct btrfs_super_block in fs/btrfs: the size of this device in its dev_item. */
static uint64_t end_of_btrfs(const struct head *head)
{
	return le(head, 65536 + 209, 8);
}

/* union swap_header in include/linux/swap.h: its magic is at the end of the first page. */
static uint64_t end_of_swap(const struct head *head)
{
	for (uint64_t page = 4096; page <= 65536; page *= 2)
		if (has_at(head, page - 10, "SWAPSPACE2"))
			return product(le(head, 1028, 4) + 1, page);
	return 0;
}

static uint64_t end_of_vfat(const struct head *head)
{
	uint64_t sectors = le(head, 19, 2);

	return product(sectors ? sectors : le(head, 32, 4), le(head, 11, 2));
}

/* Its backup of the first sector is after the last one. */
static uint64_t end_of_ntfs(const struct head *head)
{
	uint64_t sectors;

	return checked_add(le(head, 40, 8), 1, &sectors) ? product(sectors, le(head, 11, 2)) : 0;
}

/* struct pv_header of LVM2 (lib/format_text/layout.h), in one of the first four sectors. */
static uint64_t pv_header(const struct head *head)
{
	for (uint64_t label = 0; label < 4ull * SECTOR_BYTES; label += SECTOR_BYTES)
		if (has_at(head, label, "LABELONE"))
			return label + le(head, label + 20, 4);
	return head->count;
}

static uint64_t end_of_pv(const struct head *head)
{
	return le(head, pv_header(head) + 32, 8);
}

static const struct {
	const char *type;
	uint64_t (*end)(const struct head *head);
} ends[] = {{"ext2", end_of_ext},  {"ext3", end_of_ext},  {"ext4", end_of_ext},
	    {"xfs", end_of_xfs},   {"swap", end_of_swap}, {"btrfs", end_of_btrfs},
	    {"vfat", end_of_vfat}, {"ntfs", end_of_ntfs}, {"LVM2_member", end_of_pv}};

/* ---- ranges ---- */

static void add(struct plausible *plausible, uint64_t from, uint64_t to, uint64_t key,
		const char *what)
{
	if (from < to && plausible->count < PLAUSIBLE_RANGES_MAX)
		plausible->ranges[plausible->count++] =
			(struct plausible_range){from, to, key, what, false, false, 0};
}

static int compare_partitions(const void *a, const void *b)
{
	const struct probe_partition *left = a, *right = b;

	return compare_u64(left->from, right->from);
}

static void learn_partitions(struct plausible *plausible, const struct probe_identity *identity,
			     uint64_t origin_bytes)
{
	struct probe_partition sorted[PROBE_PARTITIONS_MAX];
	uint64_t from = MARGIN_BYTES, last = origin_bytes - min_u64(origin_bytes, MARGIN_BYTES);

	memcpy(sorted, identity->partitions, sizeof(sorted));
	qsort(sorted, identity->partition_count, sizeof(sorted[0]), compare_partitions);
	for (size_t i = 0; i < identity->partition_count; i++) {
		add(plausible, from, min_u64(sorted[i].from, last), PLAUSIBLE_NO_KEY,
		    "outside all of its partitions");
		from = max_u64(from, sorted[i].to);
	}
	if (identity->partition_count > 0)
		add(plausible, from, last, PLAUSIBLE_NO_KEY, "outside all of its partitions");
}

/* In JSON: "keyslots_size":"16744448". */
static uint64_t keyslots_bytes(const struct head *head)
{
	static const char key[] = "\"keyslots_size\":\"";
	const uint8_t *found = memmem(head->bytes, head->count, key, sizeof(key) - 1);
	uint64_t at = found ? (uint64_t)(found - head->bytes) + sizeof(key) - 1 : head->count;
	uint64_t number = 0;

	for (; le(head, at, 1) >= '0' && le(head, at, 1) <= '9' && number < UINT64_MAX / 16; at++)
		number = number * 10 + (le(head, at, 1) - '0');
	return number;
}

/* Where the data begins, by its header of version 1 or 2: every change before that rewrites the
 * first sector. */
static uint64_t luks_data(const struct head *head)
{
	uint64_t end;

	if (be(head, 6, 2) == 1)
		return product(be(head, 104, 4), SECTOR_BYTES);
	return checked_add(product(be(head, 8, 8), 2), keyslots_bytes(head), &end) ? end : 0;
}

/* Each change of the metadata rewrites the first sector of its area. After the two lists' ends,
 * a pair of zeros each, nothing is looked at. */
static void learn_pv(struct plausible *plausible, const struct head *head)
{
	uint64_t place = pv_header(head) + 40;

	while (le(head, place, 8) != 0)
		place += 16;
	for (place += 16; le(head, place, 8) != 0; place += 16) {
		uint64_t from = le(head, place, 8), to;

		if (checked_add(from, le(head, place + 8, 8), &to))
			add(plausible, from, to, from, "in the metadata of its volume group");
	}
}

void plausible_learn(struct plausible *plausible, const struct probe_identity *identity,
		     const uint8_t *bytes, size_t head_bytes, uint64_t origin_bytes)
{
	const struct head head = {bytes, head_bytes};
	uint64_t last = origin_bytes - min_u64(origin_bytes, MARGIN_BYTES), from;

	*plausible = (struct plausible){.end = 0};
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (strcmp(identity->type, ends[i].type) == 0)
			plausible->end = ends[i].end(&head);
	if (plausible->end > 0 && checked_add(plausible->end, MARGIN_BYTES, &from))
		add(plausible, from, last, PLAUSIBLE_NO_KEY, "after the end of what it holds");
	learn_partitions(plausible, identity, origin_bytes);
	if (strcmp(identity->type, "crypto_LUKS") == 0)
		add(plausible, 0, luks_data(&head), 0, "in the header and the keys of its LUKS");
	if (strcmp(identity->type, "LVM2_member") == 0)
		learn_pv(plausible, &head);
}

void plausible_look(struct plausible *plausible, uint64_t old_chunk, uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < plausible->count; i++) {
		struct plausible_range *range = &plausible->ranges[i];

		range->has_key |= range->key >= from && range->key < to;
		if (range->is_hit || from < range->from || to > range->to)
			continue;
		range->is_hit = true;
		range->old_chunk = old_chunk;
	}
}

const struct plausible_range *plausible_objection(const struct plausible *plausible)
{
	for (size_t i = 0; i < plausible->count; i++)
		if (plausible->ranges[i].is_hit && !plausible->ranges[i].has_key)
			return &plausible->ranges[i];
	return NULL;
}
