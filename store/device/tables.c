// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/device/tables.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "store/base/bytes.h"
#include "store/device/backing.h"

/* ---- what bytes are on ---- */

static uint64_t saturated_bytes(uint64_t sectors)
{
	uint64_t bytes;

	return checked_mul(sectors, SECTOR_BYTES, &bytes) ? bytes : UINT64_MAX;
}

static struct backing bottom_of(const struct tables_range *range)
{
	struct backing bottom = {.is_block = true, .number = range->number};
	uint64_t from, to;

	backing_descend(&bottom, -1);
	from = saturated_add(bottom.from, range->from);
	to = saturated_add(bottom.from, range->to);
	bottom.from = min_u64(from, bottom.to);
	bottom.to = min_u64(to, bottom.to);
	return bottom;
}

/* The bytes that are looked for. */
struct bytes {
	struct backing *items;
	size_t count;
};

static enum result find_bottoms(const struct tables_range *ranges, size_t count,
				struct bytes *bytes, struct failure *why)
{
	*bytes = (struct bytes){.items = calloc(count + 1, sizeof(bytes->items[0]))};
	if (!bytes->items)
		return fail_memory(why, "the places of volumes", (count + 1) * sizeof(*bytes));
	for (; bytes->count < count; bytes->count++)
		bytes->items[bytes->count] = bottom_of(&ranges[bytes->count]);
	return RESULT_OK;
}

static bool overlaps(const struct tables_range *area, const struct bytes *bytes)
{
	struct backing bottom = bottom_of(area);

	for (size_t i = 0; i < bytes->count; i++)
		if (backing_overlap(&bottom, &bytes->items[i]))
			return true;
	return false;
}

/* ---- a line ---- */

static bool take_number(const char **at, uint64_t *number)
{
	char *end;

	*at += strspn(*at, " ");
	if (!isdigit((unsigned char)**at))
		return false;
	errno = 0;
	*number = strtoull(*at, &end, 10);
	*at = end;
	return errno == 0;
}

/* MAJOR:MINOR, a word of its own. */
static bool take_device(const char **at, dev_t *number)
{
	uint64_t major_number, minor_number;

	if (!take_number(at, &major_number) || *(*at)++ != ':' || !isdigit((unsigned char)**at) ||
	    !take_number(at, &minor_number) || (**at != ' ' && **at != 0) ||
	    major_number > UINT32_MAX || minor_number > UINT32_MAX)
		return false;
	*number = makedev((unsigned int)major_number, (unsigned int)minor_number);
	return true;
}

/* MAJOR:MINOR SECTOR, of so many sectors. */
static bool take_area(const char **at, uint64_t sectors, struct tables_range *area)
{
	uint64_t start;

	if (!take_device(at, &area->number) || !take_number(at, &start))
		return false;
	area->from = saturated_bytes(start);
	area->to = saturated_add(area->from, saturated_bytes(sectors));
	return true;
}

static bool is_end(const char *at)
{
	return at[strspn(at, " ")] == 0;
}

/* *used is right where the whole line has the form `count` areas; else the answer is false. */
static bool read_areas(const char *at, uint64_t count, uint64_t sectors, const struct bytes *bytes,
		       bool *used)
{
	struct tables_range area;

	*used = false;
	for (uint64_t i = 0; i < count; i++) {
		if (!take_area(&at, sectors, &area))
			return false;
		*used = *used || overlaps(&area, bytes);
	}
	return is_end(at);
}

static bool read_linear(const struct mapper_line *line, const struct bytes *bytes, bool *used)
{
	return strcmp(line->target, "linear") == 0 &&
	       read_areas(line->parameters, 1, line->length, bytes, used);
}

static bool read_striped(const struct mapper_line *line, const struct bytes *bytes, bool *used)
{
	const char *at = line->parameters;
	uint64_t stripes, chunk;

	return strcmp(line->target, "striped") == 0 && take_number(&at, &stripes) &&
	       take_number(&at, &chunk) && stripes > 0 &&
	       read_areas(at, stripes, divide_up(line->length, stripes), bytes, used);
}

/* Of a target that is not known, or is written in another way: all of each device it names. */
static bool names_one(const struct mapper_line *line, const struct bytes *bytes)
{
	const char *at = line->parameters + strspn(line->parameters, " ");

	while (*at) {
		struct tables_range all = {.to = UINT64_MAX};
		const char *word = at;

		if (take_device(&word, &all.number) && overlaps(&all, bytes))
			return true;
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
	return false;
}

static bool line_uses(const struct mapper_line *line, const struct bytes *bytes)
{
	bool used;

	if (read_linear(line, bytes, &used) || read_striped(line, bytes, &used))
		return used;
	return names_one(line, bytes);
}

bool tables_line_uses(const struct mapper_line *line, const struct tables_range *ranges,
		      size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct backing bottom = bottom_of(&ranges[i]);

		if (line_uses(line, &(struct bytes){.items = &bottom, .count = 1}))
			return true;
	}
	return false;
}

/* ---- all tables ---- */

static enum result look_at_table(struct mapper *mapper, const struct mapper_device *device,
				 bool is_loaded, const struct bytes *bytes, bool *used,
				 struct failure *why)
{
	enum result result = mapper_read_table(mapper, device, is_loaded, why);
	struct mapper_line line;
	bool more = true;

	while (result == RESULT_OK && more && !*used) {
		result = mapper_next_line(mapper, &line, &more, why);
		*used = result == RESULT_OK && more && line_uses(&line, bytes);
	}
	return result;
}

static enum result look_at_device(struct mapper *mapper, const struct mapper_device *device,
				  const struct bytes *bytes, struct tables_user *user, bool *used,
				  struct failure *why)
{
	enum result result = look_at_table(mapper, device, false, bytes, used, why);
	bool is_live;

	user->is_loaded = result == RESULT_OK && !*used;
	if (user->is_loaded)
		result = look_at_table(mapper, device, true, bytes, used, why);
	memcpy(user->name, device->name, sizeof(user->name));
	if (result == RESULT_OK && *used)
		mapper_read_uuid(mapper, device, user->uuid, &is_live);
	return result;
}

static enum result look(struct mapper *mapper, const struct bytes *bytes, struct tables_user *user,
			bool *used, struct failure *why)
{
	enum result result = RESULT_OK;
	struct mapper_device device;
	bool more = true;

	while (result == RESULT_OK && more && !*used) {
		result = mapper_next(mapper, &device, &more, why);
		if (result == RESULT_OK && more)
			result = look_at_device(mapper, &device, bytes, user, used, why);
	}
	return result;
}

enum result tables_find(const struct tables_range *ranges, size_t count, struct tables_user *user,
			bool *used, struct failure *why)
{
	struct mapper mapper;
	struct bytes bytes;
	enum result result = mapper_open(&mapper, why);

	*used = false;
	if (result != RESULT_OK)
		return result;
	result = find_bottoms(ranges, count, &bytes, why);
	if (result == RESULT_OK)
		result = look(&mapper, &bytes, user, used, why);
	free(bytes.items);
	mapper_close(&mapper);
	return result;
}

bool tables_find_volume(const char *group_id, const char *volume_id, struct tables_user *user)
{
	struct mapper mapper;
	struct mapper_device device;
	struct failure why;
	char beginning[MAPPER_UUID_BYTES];
	bool more, is_live, found = false;
	enum result result = mapper_open(&mapper, &why);

	snprintf(beginning, sizeof(beginning), "LVM-%.32s%.32s", group_id, volume_id);
	for (more = result == RESULT_OK; more && !found;) {
		more = mapper_next(&mapper, &device, &more, &why) == RESULT_OK && more;
		if (more)
			mapper_read_uuid(&mapper, &device, user->uuid, &is_live);
		found = more && strncmp(user->uuid, beginning, strlen(beginning)) == 0;
	}
	if (found) {
		memcpy(user->name, device.name, sizeof(user->name));
		user->is_loaded = !is_live;
	}
	mapper_close(&mapper);
	return found;
}
