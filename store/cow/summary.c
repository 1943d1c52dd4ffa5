// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cow/summary.h"

#include <string.h>

#include "store/base/bytes.h"

void summary_begin(struct summary *summary, const struct geometry *geometry)
{
	memset(summary, 0, sizeof(*summary));
	summary->geometry = geometry;
	summary->lowest_old = UINT64_MAX;
	summary->increasing = true;
	summary->usual = true;
}

static void add_one(struct summary *summary, const struct exception *exception, bool new_area)
{
	const struct exception *last = &summary->last;

	if (!new_area && exception->old_chunk == last->old_chunk + 1 &&
	    exception->new_chunk == last->new_chunk + 1) {
		summary->run++;
	} else {
		summary->runs++;
		summary->run = 1;
	}
	summary->longest_run = max_u64(summary->longest_run, summary->run);
	if (geometry_holds_data(summary->geometry, exception->new_chunk) &&
	    geometry_may_be_old(summary->geometry, exception->old_chunk))
		summary->highest_possible_old =
			max_u64(summary->highest_possible_old, exception->old_chunk);
	else
		summary->impossible++;
	summary->increasing &= exception->new_chunk > last->new_chunk;
	summary->highest_new = max_u64(summary->highest_new, exception->new_chunk);
	summary->highest_old = max_u64(summary->highest_old, exception->old_chunk);
	summary->lowest_old = min_u64(summary->lowest_old, exception->old_chunk);
	summary->fingerprint = summary_fingerprint(summary->fingerprint, exception);
	summary->last = *exception;
}

void summary_add(struct summary *summary, uint64_t index, const uint8_t *entries, uint32_t count)
{
	bool new_area = index % summary->geometry->exceptions_per_area == 0;
	uint64_t usual = geometry_usual_chunk(summary->geometry, index);
	struct exception exception;

	for (uint32_t i = 0; i < count; i++) {
		exception_decode(entries + (size_t)i * EXCEPTION_BYTES, &exception);
		if (index + i == 0)
			summary->first = exception;
		add_one(summary, &exception, new_area && i == 0);
		summary->usual &= exception.new_chunk == usual + i;
	}
	/* Some before these may be in a gap. */
	summary->exceptions = index + count;
}

uint64_t summary_areas(const struct summary *summary)
{
	return summary->exceptions / summary->geometry->exceptions_per_area + 1;
}

bool summary_place_known(const struct summary *summary)
{
	uint64_t end = min_u64(summary->geometry->device_chunks, NEW_CHUNK_LIMIT);

	return !summary->ends_in_gap && (summary->exceptions == 0 || summary->highest_new < end);
}

uint64_t summary_used_chunks(const struct summary *summary)
{
	return min_u64(geometry_next_free(summary->geometry, summary->highest_new),
		       summary->geometry->device_chunks);
}

unsigned int summary_full_percent(const struct summary *summary)
{
	uint64_t chunks = summary->geometry->device_chunks, used = summary_used_chunks(summary);

	if (chunks == 0)
		return 100;
	/* Where the product does not fit, a part of a percent does not count. */
	return (unsigned int)(used > UINT64_MAX / 100 ? used / (chunks / 100)
						      : used * 100 / chunks);
}

bool summary_smallest_bytes(const struct summary *summary, uint64_t *bytes)
{
	uint64_t last_area, chunks;

	if (!geometry_area_chunk(summary->geometry, summary_areas(summary) - 1, &last_area))
		return false;
	chunks = max_u64(last_area, summary->highest_new);
	return checked_add(chunks, 1, &chunks) &&
	       checked_mul(chunks, summary->geometry->chunk_bytes, bytes);
}
