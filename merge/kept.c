// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/kept.h"

#include <string.h>

#include "merge/left_out.h"
#include "store/base/breaks.h"
#include "store/base/bytes.h"

struct kept_range kept_range(const struct geometry *kept, const struct geometry *merging,
			     uint64_t old_chunk)
{
	uint64_t ratio;

	if (BROKEN(KEPT_WRONG_CHUNK))
		return (struct kept_range){old_chunk, 1};
	/* Powers of two: one of them divides the other. */
	if (kept->chunk_bytes >= merging->chunk_bytes) {
		ratio = kept->chunk_bytes / merging->chunk_bytes;
		return (struct kept_range){old_chunk / ratio, 1};
	}
	ratio = merging->chunk_bytes / kept->chunk_bytes;
	return (struct kept_range){old_chunk * ratio, ratio};
}

static enum result refuse_errors(const struct kept *kept, const struct device *origin,
				 struct failure *why)
{
	const struct check *check = &kept->check;
	const struct finding *first = &check->first_error;
	const char *name = kept->store->device->name;

	if (check->found[PROBLEM_HEADER_INVALID])
		return fail_remedy(
			why, RESULT_DAMAGED, REMEDY_LEAVE_OUT_KEPT, name,
			"%s: is marked invalid: the kernel gave this snapshot up, there is nothing to keep",
			name);
	if (first->problem == PROBLEM_ENTRY_BEYOND_ORIGIN && !first->view_unknown)
		return fail(why, RESULT_REFUSED,
			    "%s: cannot be kept: %s is too small to be its origin: %s", name,
			    origin->name, first->message);
	return fail_remedy(why, RESULT_DAMAGED, REMEDY_VERIFY, name,
			   "%s: cannot be kept, it has errors, the first: %s: %s", name,
			   problem_info(first->problem)->code, first->message);
}

uint64_t kept_shown_bytes(const struct kept *kept, const struct device *origin)
{
	return kept->shown_bytes ? kept->shown_bytes : origin->bytes;
}

enum result kept_verify(struct kept *kept, const struct device *origin, bool force,
			struct failure *why)
{
	struct check *check = &kept->check;
	enum result result;
	uint64_t forgiven;

	if (kept->is_new)
		return RESULT_OK;
	result = store_require_header(kept->store, why);
	/* "No store" is said of the store to be merged alone: a script goes on then. */
	if (result != RESULT_OK)
		return result == RESULT_NO_STORE ? RESULT_REFUSED : result;
	*check = (struct check){.store = kept->store,
				.options.origin_known = true,
				.options.origin_bytes = kept_shown_bytes(kept, origin)};
	result = check_run(check, why);
	if (result != RESULT_OK)
		return result;
	forgiven = force ? check->found[PROBLEM_DUPLICATE_OLD] : 0;
	return check_count(check, SEVERITY_ERROR) > forgiven ? refuse_errors(kept, origin, why)
							     : RESULT_OK;
}

/* ---- counting ---- */

struct counting {
	struct kept *kept;
	size_t count;
	const struct geometry *merging;
	uint64_t origin_bytes;
};

static enum result add_touched(void *context, uint64_t index, const struct exception *exception,
			       struct failure *why)
{
	struct counting *counting = context;

	(void)index;
	if (left_out_must(counting->merging, counting->origin_bytes, exception))
		return RESULT_OK;
	for (size_t k = 0; k < counting->count; k++) {
		struct kept *kept = &counting->kept[k];
		struct kept_range range;

		if (kept->given_up)
			continue;
		range = kept_range(&kept->store->geometry, counting->merging, exception->old_chunk);

		if (!chunk_set_add(&kept->lacking, range.first, range.count))
			return fail_memory(why, "the chunks of a kept snapshot", 0);
		kept->needed += BROKEN(KEPT_COUNTED_TWICE);
	}
	return RESULT_OK;
}

static enum result take_present(void *context, uint64_t index, const struct exception *exception,
				struct failure *why)
{
	struct kept *kept = context;

	(void)index;
	(void)why;
	chunk_set_take(&kept->lacking, exception->old_chunk);
	return RESULT_OK;
}

static enum result begin_counting(struct kept *kept, const struct store *merging,
				  const struct device *origin, struct failure *why)
{
	if (kept->is_new)
		kept->store->geometry = merging->geometry;
	kept->needed = 0;
	if (!chunk_set_init(&kept->lacking, geometry_origin_chunks(&kept->store->geometry,
								   kept_shown_bytes(kept, origin))))
		return fail_memory(why, "the chunks of a kept snapshot", 0);
	return RESULT_OK;
}

static enum result end_counting(struct kept *kept, struct failure *why)
{
	const struct geometry *geometry = &kept->store->geometry;
	const struct summary *summary = &kept->check.summary;
	struct store_scan scan = {.each = take_present, .context = kept};
	enum result result = RESULT_OK;

	kept->room = UINT64_MAX;
	if (!kept->is_new) {
		result = store_scan_again(kept->store, &scan, summary, why);
		geometry_room(geometry, geometry_next_free(geometry, summary->highest_new),
			      summary->exceptions, 0, &kept->room);
	}
	if (!BROKEN(KEPT_NOT_COUNTED))
		kept->needed += kept->lacking.count;
	return result;
}

enum result kept_count(struct kept *kept, size_t count, const struct store *merging,
		       const struct summary *before, const struct device *origin,
		       struct failure *why)
{
	struct counting counting = {.kept = kept,
				    .count = count,
				    .merging = &merging->geometry,
				    .origin_bytes = origin->bytes};
	struct store_scan scan = {.each = add_touched, .context = &counting};
	enum result result = RESULT_OK;

	if (kept_live(kept, count) == 0)
		return RESULT_OK;
	for (size_t i = 0; i < count && result == RESULT_OK; i++)
		if (!kept[i].given_up)
			result = begin_counting(&kept[i], merging, origin, why);
	if (result == RESULT_OK)
		result = store_scan_again(merging, &scan, before, why);
	for (size_t i = 0; i < count && result == RESULT_OK; i++)
		if (!kept[i].given_up)
			result = end_counting(&kept[i], why);
	return result;
}

uint64_t kept_growth_bytes(const struct kept *kept, uint64_t exceptions)
{
	const struct geometry *geometry = &kept->store->geometry;

	return (exceptions + exceptions / geometry->exceptions_per_area + 1) *
	       geometry->chunk_bytes;
}

uint32_t kept_live(const struct kept *kept, size_t count)
{
	uint32_t live = 0;

	for (size_t i = 0; i < count; i++)
		live += !kept[i].given_up;
	return live;
}

void kept_free(struct kept *kept)
{
	chunk_set_free(&kept->lacking);
}
