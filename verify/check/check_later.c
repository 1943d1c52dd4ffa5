// SPDX-License-Identifier: GPL-2.0-or-later
/* What looks like exceptions further on: does the list end where it ended once? */
#include <stdio.h>

#include "store/base/bytes.h"
#include "store/cow/stale.h"
#include "store/base/suggest.h"
#include "verify/check/check.h"

/*
 * Where the list ends, this much of what follows is looked at, and more only as long as it looks
 * like exceptions: most areas of a large store were never written.
 */
#define AREAS_MAX 64u
#define METADATA_BYTES (4u << 20)

#define ENTRIES_PER_SECTOR (SECTOR_BYTES / EXCEPTION_BYTES)

struct search {
	const struct check *check;
	struct check_later *later;
};

uint64_t check_later_areas(const struct check *check)
{
	uint64_t areas = METADATA_BYTES / check->store->geometry.chunk_bytes;

	return min_u64(max_u64(areas, 1), AREAS_MAX);
}

static enum result take(void *context, uint64_t index, const struct exception *exception,
			struct failure *why)
{
	const struct search *search = context;
	struct check_later *later = search->later;

	(void)why;
	if (later->exceptions++ == 0)
		later->first = index;
	later->last = index;
	later->view_bytes += check_view_bytes(search->check, exception->old_chunk);
	return RESULT_OK;
}

void check_later(const struct check *check, uint64_t from, bool all_fit, struct check_later *later)
{
	const struct geometry *geometry = &check->store->geometry;
	struct search search = {.check = check, .later = later};
	struct stale_scan scan = {
		.store = check->store,
		.exceptions = from,
		.old_chunks = geometry_origin_chunks(geometry, check->options.origin_known
								       ? check->options.origin_bytes
								       : ORIGIN_BYTES_MAX),
		.all_fit = all_fit,
		.quiet_areas = check_later_areas(check),
		.found = take,
		.context = &search};
	struct failure ignored; /* of what is no part of the list */

	*later = (struct check_later){0};
	stale_scan(&scan, &ignored);
}

/*
 * What could not be read, or was discarded, are whole sectors of zeros: a list that was cut off by
 * them ends between two sectors, as one in 32 does that was not. Where entries are wrong, it may
 * end anywhere.
 */
static bool may_be_cut_off(const struct check *check)
{
	return check->summary.exceptions % ENTRIES_PER_SECTOR == 0 ||
	       check_count(check, SEVERITY_ERROR) > 0;
}

/* Where the list ended when an unfinished merge began: between there and here is what it has
 * merged. */
static uint64_t earlier_end(const struct check *check)
{
	const struct store *store = check->store;
	const struct summary *summary = &check->summary;

	if (store->record_presence != RECORD_PRESENT || store->record.role != RECORD_MERGING ||
	    record_is_stale(&store->record, summary->exceptions, &summary->first))
		return summary->exceptions;
	return max_u64(summary->exceptions, store->record.exceptions);
}

static void describe(const struct check *check, char *text, size_t size)
{
	uint32_t per_area = check->store->geometry.exceptions_per_area;
	const struct check_later *later = &check->later;

	snprintf(
		text, size,
		"%llu entr%s after the end of the list look%s like exceptions, for up to %llu bytes of the view; the first is at area %llu index %llu, the last at area %llu index %llu",
		(unsigned long long)later->exceptions, later->exceptions == 1 ? "y" : "ies",
		later->exceptions == 1 ? "s" : "", (unsigned long long)later->view_bytes,
		(unsigned long long)(later->first / per_area),
		(unsigned long long)(later->first % per_area),
		(unsigned long long)(later->last / per_area),
		(unsigned long long)(later->last % per_area));
}

const char *check_later_describe(const struct check *check, char text[CHECK_LATER_BYTES])
{
	struct suggestion command;
	char what[FINDING_BYTES];

	describe(check, what, sizeof(what));
	suggest(&command, "cowtool dump --stale %s", check->store->device->name);
	snprintf(
		text, CHECK_LATER_BYTES,
		"note: %s; if zeros cut the list off, as in a copy of what could not be read, they are missing; %s shows them",
		what, command.quoted);
	return text;
}

void check_later_report(struct check *check)
{
	const struct geometry *geometry = &check->store->geometry;
	uint64_t end = geometry_areas(geometry) * geometry->exceptions_per_area;
	uint64_t from = earlier_end(check);
	char text[FINDING_BYTES];

	if (!may_be_cut_off(check) || from >= end)
		return;
	check_later(check, from, false, &check->later);
	if (check->later.exceptions == 0)
		return;
	describe(check, text, sizeof(text));
	check_report(check, PROBLEM_STALE_EXCEPTIONS, TRACE_NONE, "%s", text);
}
