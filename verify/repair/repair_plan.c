// SPDX-License-Identifier: GPL-2.0-or-later
/* From findings to repairs: repair_plan, and what becomes of consent. */
#include "verify/repair/repair.h"

#include <stdlib.h>
#include <string.h>

#include "verify/repair/repair_drops.h"

struct planner {
	struct repair *repair;
	struct repair_finding *found;
	size_t found_count, found_capacity;
	bool too_many, no_memory;
	struct repair_drops drops;
};

static void collect_one(struct planner *planner, const struct repair_finding *finding)
{
	if (planner->too_many || planner->no_memory)
		return;
	planner->too_many = planner->found_count == REPAIR_DROPS_MAX;
	if (planner->too_many)
		return;
	if (planner->found_count == planner->found_capacity) {
		size_t capacity = planner->found_capacity ? planner->found_capacity * 2 : 64;
		struct repair_finding *found = realloc(planner->found, capacity * sizeof(*found));

		planner->no_memory = !found;
		if (!found)
			return;
		planner->found = found;
		planner->found_capacity = capacity;
	}
	planner->found[planner->found_count++] = *finding;
}

static void collect(void *context, const struct finding *finding)
{
	struct planner *planner = context;
	uint64_t per_area = planner->repair->store->geometry.exceptions_per_area;
	struct repair_finding found = {.problem = finding->problem,
				       .number = finding->area * per_area + finding->index,
				       .first = finding->first,
				       .exception = {finding->old_chunk, finding->new_chunk},
				       .in_view = finding->view_bytes > 0,
				       .view_unknown = finding->view_unknown};

	if (finding->has_exception)
		collect_one(planner, &found);
	found.exception = (struct exception){UINT64_MAX, UINT64_MAX};
	for (uint64_t i = 0; i < finding->gap_count; i++) {
		found.number = finding->gap_first + i;
		collect_one(planner, &found);
	}
}

/* ---- the plan ---- */

static void add_item(struct repair *repair, enum repair_kind kind, enum problem problem)
{
	repair->items[repair->count++] =
		(struct repair_item){.kind = kind, .problem = problem, .accepted = true};
}

/* Where no other exception goes, the last one must: a list needs an end. */
static void add_end(struct repair *repair)
{
	const struct summary *summary = &repair->check.summary;
	struct repair_item *item = &repair->items[repair->count];

	add_item(repair, REPAIR_END_LIST, PROBLEM_AREA_MISSING);
	item->number = summary->exceptions - 1;
	item->exception = summary->last;
	item->loses_view = true;
}

static void add_exceptions(struct planner *planner)
{
	struct repair *repair = planner->repair;
	size_t count = planner->drops.count;

	if (repair->merge_stands)
		return;
	for (size_t i = 0; i < count; i++)
		repair->items[repair->count++] = planner->drops.items[i];
	if (count == 0 && repair->check.found[PROBLEM_AREA_MISSING] &&
	    repair->check.summary.exceptions > 0)
		add_end(repair);
}

/* The slack may hold a record that says nothing any more. Of one that is damaged nothing is left
 * when the slack is cleared. */
static void add_slack(struct repair *repair)
{
	const struct store *store = repair->store;
	const struct summary *summary = &repair->check.summary;
	bool stale = store->record_presence == RECORD_PRESENT &&
		     record_is_stale(&store->record, summary->exceptions, &summary->first);

	if (repair->check.found[PROBLEM_HEADER_SLACK] > stale)
		add_item(repair, REPAIR_CLEAR_SLACK, PROBLEM_HEADER_SLACK);
	if (stale)
		add_item(repair, REPAIR_REMOVE_RECORD, PROBLEM_HEADER_SLACK);
	/* Only the user can know that there is no such merge any more. */
	else if (repair->options.forget_kept && store->record_presence == RECORD_PRESENT &&
		 store->record.role != RECORD_MERGING)
		add_item(repair, REPAIR_REMOVE_RECORD, PROBLEM_MERGE_UNFINISHED);
}

static bool has_drop(const struct repair *repair)
{
	for (size_t i = 0; i < repair->count; i++)
		if (repair_item_drops(&repair->items[i]))
			return true;
	return false;
}

/* Findings that are left when all items are done. `shared`: exceptions that stay beside another one
 * with their new chunk. */
static uint64_t count_left_of(const struct repair *repair, enum problem problem, uint64_t shared)
{
	uint64_t found = repair->check.found[problem];

	switch (problem_info(problem)->repair) {
	case REPAIR_NONE:
		return found;
	case REPAIR_DROP:
		return repair->merge_stands ? found : 0;
	case REPAIR_DROP_SHARED:
		return repair->merge_stands ? found : shared;
	case REPAIR_END_LIST:
	case REPAIR_FOLLOWS:
		return has_drop(repair) ? 0 : found;
	case REPAIR_SET_VALID:
		return repair->options.set_valid ? 0 : found;
	case REPAIR_REBUILD_HEADER:
	case REPAIR_CLEAR_SLACK:
	case REPAIR_REMOVE_RECORD:
	case REPAIR_ZERO_TAIL:
		break;
	}
	return 0;
}

static void count_left(struct repair *repair, uint64_t shared)
{
	for (int problem = 0; problem < PROBLEM_COUNT; problem++)
		repair->left[problem] = count_left_of(repair, (enum problem)problem, shared);
}

static enum result make_items(struct planner *planner, struct failure *why)
{
	struct repair *repair = planner->repair;
	const struct check *check = &repair->check;
	/* Those of exceptions, and one of each other kind at most. */
	size_t most = planner->drops.count + 6;

	repair->items = calloc(most, sizeof(*repair->items));
	if (!repair->items)
		return fail_memory(why, "the plan", most * sizeof(*repair->items));
	if (repair->header_is_lost)
		add_item(repair, REPAIR_REBUILD_HEADER, repair->header_problem);
	add_slack(repair);
	if (check->tail_is_dirty)
		add_item(repair, REPAIR_ZERO_TAIL, PROBLEM_DIRTY_TAIL);
	else if (check->summary.ends_in_gap)
		add_item(repair, REPAIR_ZERO_TAIL, PROBLEM_AREA_UNREADABLE);
	add_exceptions(planner);
	if (check->found[PROBLEM_HEADER_INVALID] && repair->options.set_valid)
		add_item(repair, REPAIR_SET_VALID, PROBLEM_HEADER_INVALID);
	count_left(repair, planner->drops.shared);
	return RESULT_OK;
}

static enum result plan(struct planner *planner, struct failure *why)
{
	struct repair *repair = planner->repair;
	enum result result = check_run(&repair->check, why);

	if (result != RESULT_OK)
		return result;
	/* All else was looked at as if it were there. */
	if (repair->header_is_lost)
		repair->check.found[repair->header_problem] = 1;
	if (planner->no_memory)
		return fail_memory(why, "the plan",
				   planner->found_capacity * 2 * sizeof(*planner->found));
	if (planner->too_many)
		return fail(
			why, RESULT_DAMAGED,
			"%s: more than %u exceptions are wrong; that is beyond repair, if it is a store at all",
			repair->store->device->name, REPAIR_DROPS_MAX);
	repair->merge_stands = repair->check.found[PROBLEM_MERGE_UNFINISHED] > 0;
	result = repair_drops_choose(planner->found, planner->found_count,
				     repair->options.drop_shared, &planner->drops, why);
	return result == RESULT_OK ? make_items(planner, why) : result;
}

enum result repair_note(struct repair *repair, struct failure *why)
{
	return store_metadata_crc32(repair->store, &repair->metadata_crc32, why);
}

enum result repair_confirm(const struct repair *repair, struct failure *why)
{
	uint32_t now;
	enum result result = store_metadata_crc32(repair->store, &now, why);

	if (result != RESULT_OK || now == repair->metadata_crc32)
		return result;
	return fail(
		why, RESULT_REFUSED,
		"%s: has changed since it was looked at: something else writes to it; nothing was written; see to it that nothing does, and begin again",
		repair->store->device->name);
}

enum result repair_plan(struct repair *repair, struct failure *why)
{
	struct planner planner = {.repair = repair};
	enum result result = repair_note(repair, why);

	repair->check = (struct check){
		.store = repair->store,
		.options.origin_known = repair->options.origin_known,
		.options.origin_bytes = repair->options.origin_bytes,
		.options.report = collect,
		.options.context = &planner,
	};
	if (result == RESULT_OK)
		result = plan(&planner, why);
	repair->check.options.report = NULL;
	repair->check.options.context = NULL;
	free(planner.found);
	free(planner.drops.items);
	return result;
}

bool repair_item_drops(const struct repair_item *item)
{
	return item->kind == REPAIR_DROP || item->kind == REPAIR_DROP_SHARED ||
	       item->kind == REPAIR_END_LIST;
}

size_t repair_accepted(const struct repair *repair)
{
	size_t count = 0;

	for (size_t i = 0; i < repair->count; i++)
		count += repair->items[i].accepted;
	return count;
}

static void decline(struct repair *repair, bool (*which)(const struct repair_item *))
{
	for (size_t i = 0; i < repair->count; i++)
		if (!which || which(&repair->items[i]))
			repair->items[i].accepted = false;
}

const char *repair_settle(struct repair *repair)
{
	bool drops = false;
	const char *reason = NULL;

	if (repair->header_is_lost && !repair->items[0].accepted)
		decline(repair, NULL);
	for (size_t i = 0; i < repair->count; i++) {
		const struct repair_item *item = &repair->items[i];

		drops |= repair_item_drops(item) && item->accepted;
		if (item->accepted)
			continue;
		if (item->kind == REPAIR_REMOVE_RECORD)
			reason = "as long as the stale merge record is there";
		else if (item->has_twin)
			reason = "as long as a chunk has two exceptions";
		else if (item->problem == PROBLEM_AREA_UNREADABLE && repair_item_drops(item))
			reason = "as long as what cannot be read stays in the list";
	}
	if (!drops || !reason)
		return NULL;
	decline(repair, repair_item_drops);
	return reason;
}

void repair_free(struct repair *repair)
{
	free(repair->items);
	repair->items = NULL;
	repair->count = 0;
}
