// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/left_out.h"

#include <stdlib.h>
#include <string.h>

#include "store/breaks.h"

bool left_out_must(const struct geometry *geometry, uint64_t origin_bytes,
		   const struct exception *exception)
{
	return exception->new_chunk >= geometry->device_chunks ||
	       (geometry_is_metadata(geometry, exception->new_chunk) &&
		!BROKEN(LOST_OVERWRITTEN)) ||
	       geometry_clip(geometry, exception->old_chunk, origin_bytes) == 0;
}

static bool grow(struct left_out *left_out)
{
	size_t capacity = left_out->capacity ? left_out->capacity * 2 : 64;
	struct left_out_range *ranges;

	if (left_out->count < left_out->capacity)
		return true;
	if (capacity > LEFT_OUT_RANGES_MAX)
		return false;
	ranges = realloc(left_out->ranges, capacity * sizeof(*ranges));
	if (!ranges)
		return false;
	left_out->ranges = ranges;
	left_out->capacity = capacity;
	return true;
}

static void append_range(struct left_out *left_out, uint64_t offset, uint64_t bytes)
{
	if (bytes == 0)
		return;
	if (grow(left_out))
		left_out->ranges[left_out->count++] = (struct left_out_range){offset, bytes};
	else
		left_out->unlisted++;
}

static void add_range(struct left_out *left_out, uint64_t offset, uint64_t bytes)
{
	struct left_out_range *last = left_out->ranges + left_out->count - (left_out->count > 0);

	if (left_out->count > 0 && last->offset + last->bytes == offset)
		last->bytes += bytes;
	else
		append_range(left_out, offset, bytes);
}

/* An earlier exception stands for the same chunk: either it is merged, or it was counted itself. */
static void take_back(struct left_out *left_out, uint64_t offset, uint64_t bytes)
{
	for (size_t i = left_out->count; i-- > 0;) {
		struct left_out_range *range = &left_out->ranges[i];
		uint64_t end = range->offset + range->bytes;

		if (offset < range->offset || offset + bytes > end)
			continue;
		range->bytes = offset - range->offset;
		append_range(left_out, offset + bytes, end - (offset + bytes));
		if (left_out->ranges[i].bytes == 0)
			left_out->ranges[i] = left_out->ranges[--left_out->count];
		return;
	}
}

/* One exception may have two findings, one right behind the other. */
static void count_exception(struct left_out *left_out, const struct check *check,
			    const struct finding *finding)
{
	uint64_t number =
		finding->area * check->store->geometry.exceptions_per_area + finding->index;

	if (number < left_out->next_number)
		return;
	left_out->next_number = number + 1;
	left_out->exceptions++;
	if (finding->view_bytes > 0)
		add_range(left_out, finding->view_offset, finding->view_bytes);
}

void left_out_take(struct left_out *left_out, const struct check *check,
		   const struct finding *finding)
{
	const struct geometry *geometry = &check->store->geometry;
	struct exception exception = {finding->old_chunk, finding->new_chunk};

	switch (finding->problem) {
	case PROBLEM_ENTRY_TOO_LARGE:
	case PROBLEM_ENTRY_IN_METADATA:
	case PROBLEM_ENTRY_BEYOND_DEVICE:
	case PROBLEM_ENTRY_BEYOND_ORIGIN:
		count_exception(left_out, check, finding);
		left_out->errors++;
		break;
	case PROBLEM_STORE_TRUNCATED:
	case PROBLEM_AREA_MISSING:
		left_out->errors++;
		break;
	case PROBLEM_DUPLICATE_OLD:
		if (!left_out_must(geometry, check->origin_bytes, &exception))
			break;
		left_out->duplicates++;
		if (finding->view_bytes > 0)
			take_back(left_out, finding->view_offset, finding->view_bytes);
		break;
	case PROBLEM_DUPLICATE_NEW:
		left_out->errors += left_out_must(geometry, check->origin_bytes, &exception);
		break;
	default:
		break;
	}
}

void left_out_free(struct left_out *left_out)
{
	free(left_out->ranges);
	memset(left_out, 0, sizeof(*left_out));
}
