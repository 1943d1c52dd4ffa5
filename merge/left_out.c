// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/left_out.h"

#include "store/base/breaks.h"

bool left_out_must(const struct geometry *geometry, uint64_t origin_bytes,
		   const struct exception *exception)
{
	if (BROKEN(LOST_OVERWRITTEN) && exception->new_chunk < geometry->device_chunks)
		return geometry_clip(geometry, exception->old_chunk, origin_bytes) == 0;
	return exception_is_lost(exception, geometry, origin_bytes);
}

void left_out_add_unreadable(struct left_out *left_out, uint64_t offset, uint64_t bytes)
{
	if (BROKEN(UNREADABLE_UNLISTED))
		return;
	lost_add(&left_out->lost, offset, bytes);
	left_out->bytes_unreadable += bytes;
}

enum result left_out_suggest(bool skip_lost, enum result result, struct failure *why)
{
	if (result == RESULT_IO && !skip_lost)
		fail_set_remedy(why, REMEDY_LEAVE_OUT_UNREADABLE, NULL);
	return result;
}

/* One exception may have two findings, one right after the other. */
static void count_exception(struct left_out *left_out, const struct check *check,
			    const struct finding *finding)
{
	uint64_t number =
		finding->area * check->store->geometry.exceptions_per_area + finding->index;

	if (number < left_out->next_number)
		return;
	left_out->next_number = number + 1;
	left_out->exceptions++;
}

void left_out_take(struct left_out *left_out, const struct check *check,
		   const struct finding *finding)
{
	struct exception exception = {finding->old_chunk, finding->new_chunk};
	bool lost = left_out_must(&check->store->geometry, check->options.origin_bytes, &exception);

	lost_take(&left_out->lost, &check->store->geometry, finding);
	switch (problem_info(finding->problem)->data) {
	case DATA_NOWHERE:
	case DATA_NO_PLACE:
		count_exception(left_out, check, finding);
		left_out->errors++;
		break;
	case DATA_UNREADABLE:
		left_out->exceptions += finding->gap_count;
		left_out->unknown += finding->gap_count;
		left_out->errors++;
		break;
	case DATA_CUT_OFF:
		left_out->errors++;
		break;
	case DATA_SHADOWED:
		/* The earlier exception for this chunk is merged, or was counted itself. */
		left_out->duplicates += lost;
		break;
	case DATA_SHARED:
		left_out->errors += lost;
		break;
	case DATA_UNTOUCHED:
		break;
	}
}

void left_out_free(struct left_out *left_out)
{
	lost_free(&left_out->lost);
	*left_out = (struct left_out){0};
}
