// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cow/status.h"

static enum status_state state_of(const struct store *store, const struct status *status)
{
	if (store->header.valid == 0)
		return STATUS_INVALID;
	if (store->record_presence == RECORD_FOREIGN)
		return STATUS_MERGING;
	if (store->record_presence == RECORD_PRESENT && !status->record_is_stale)
		return STATUS_MERGING;
	return status->summary.exceptions ? STATUS_ACTIVE : STATUS_EMPTY;
}

enum result status_look(const struct store *store, struct status *status, struct failure *why)
{
	const struct geometry *geometry = &store->geometry;
	enum result result = store_summarize(store, &status->summary, &status->area_missing, why);

	if (result != RESULT_OK)
		return result;
	status->record_is_stale =
		record_is_stale(&store->record, status->summary.exceptions, &status->summary.first);
	status->state = state_of(store, status);
	status->place_known = summary_place_known(&status->summary);
	status->next_free = geometry_next_free(geometry, status->summary.highest_new);
	geometry_room(geometry, status->next_free, status->summary.exceptions, 0, &status->room);
	/* The kernel's own arithmetic wraps for numbers that no sound store has; so does this. */
	status->allocated_sectors = status->next_free * geometry->chunk_sectors;
	status->metadata_sectors = (summary_areas(&status->summary) + 1) * geometry->chunk_sectors;
	if (!summary_smallest_bytes(&status->summary, &status->smallest_bytes))
		status->smallest_bytes = UINT64_MAX;
	return RESULT_OK;
}

const char *status_full_unknown(const struct summary *summary)
{
	return summary->ends_in_gap ? "not known, as the list cannot be read where it ends"
				    : "not known, as data of an exception is outside the device";
}

const char *status_name(enum status_state state)
{
	switch (state) {
	case STATUS_EMPTY:
		return "empty";
	case STATUS_ACTIVE:
		return "active";
	case STATUS_MERGING:
		return "merging";
	case STATUS_INVALID:
		break;
	}
	return "invalid";
}
