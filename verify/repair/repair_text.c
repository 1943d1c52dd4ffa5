// SPDX-License-Identifier: GPL-2.0-or-later
/* What repairs mean for the view: in bytes, and in words. */
#include "verify/repair/repair.h"

#include <stdio.h>

static struct lost_range view_range(const struct repair *repair, const struct repair_item *item)
{
	return check_view_range(&repair->check, item->exception.old_chunk);
}

enum result repair_lost(const struct repair *repair, struct lost *lost, struct failure *why)
{
	*lost = (struct lost){.most = repair->count};
	for (size_t i = 0; i < repair->count; i++) {
		const struct repair_item *item = &repair->items[i];
		struct lost_range range = view_range(repair, item);

		if (item->accepted && item->loses_view)
			lost_add(lost, range.offset, range.bytes);
	}
	lost_sort(lost);
	if (lost->unlisted == 0)
		return RESULT_OK;
	lost_free(lost);
	return fail_memory(why, "what is lost", repair->count * sizeof(*lost->ranges));
}

/* What the view shows without the exception. */
static void describe_view(const struct repair *repair, const struct repair_item *item, char *text,
			  size_t size)
{
	struct lost_range range = view_range(repair, item);

	if (item->problem == PROBLEM_AREA_UNREADABLE)
		snprintf(
			text, size,
			"it cannot be read: what of the view it was for is lost, and cannot be told");
	else if (item->loses_view && range.bytes > 0)
		snprintf(
			text, size,
			"bytes %llu to %llu of the view are lost: there it then shows what the origin has now",
			(unsigned long long)range.offset,
			(unsigned long long)(range.offset + range.bytes - 1));
	else if (item->view_unknown)
		snprintf(
			text, size,
			"an exception was here that is lost, and for which chunk of the view is not known");
	else if (item->has_twin)
		snprintf(text, size, "the other exception for this chunk counts");
	else if (repair->options.origin_known && range.bytes == 0)
		snprintf(text, size, "nothing of the view of an origin of %llu bytes is lost",
			 (unsigned long long)repair->options.origin_bytes);
	else
		snprintf(text, size, "nothing of the view is lost");
}

static void describe_drop(const struct repair *repair, const struct repair_item *item, char *text,
			  size_t size)
{
	uint32_t per_area = repair->store->geometry.exceptions_per_area;
	unsigned long long area = item->first / per_area, index = item->first % per_area;
	char view[200];

	describe_view(repair, item, view, sizeof(view));
	if (item->kind == REPAIR_END_LIST)
		snprintf(
			text, size,
			"drop the last exception, so that the list has an end; %s; if the device was larger before, make it so again instead, and nothing is lost",
			view);
	else if (item->kind == REPAIR_DROP_SHARED)
		snprintf(
			text, size,
			"drop it, as area %llu index %llu has the same data chunk, and it is later; which of the two is right cannot be told; %s",
			area, index, view);
	else if (item->problem == PROBLEM_DUPLICATE_OLD)
		snprintf(
			text, size,
			"drop it, as area %llu index %llu comes first, which is what the kernel shows; the view does not change",
			area, index);
	else
		snprintf(text, size, "drop it; %s", view);
}

static void describe_header(const struct repair *repair, char *text, size_t size)
{
	const struct header *header = &repair->store->header;
	int length = snprintf(text, size, "write a header: %s, chunks of %u sectors (%llu bytes)",
			      header->valid ? "valid" : "marked invalid", header->chunk_sectors,
			      (unsigned long long)repair->store->geometry.chunk_bytes);

	if (!header->valid)
		snprintf(
			text + length, size - (size_t)length,
			", as what is in its place shows that the kernel had given the snapshot up");
}

const char *repair_describe(const struct repair *repair, const struct repair_item *item, char *text,
			    size_t size)
{
	switch (item->kind) {
	case REPAIR_DROP:
	case REPAIR_DROP_SHARED:
	case REPAIR_END_LIST:
		describe_drop(repair, item, text, size);
		break;
	case REPAIR_REBUILD_HEADER:
		describe_header(repair, text, size);
		break;
	case REPAIR_SET_VALID:
		snprintf(
			text, size,
			"mark the store valid again. All that it saved before it was given up is there. What was written to the origin after that was not saved: there the view shows the origin's newer data, and nothing can tell where. So the view is right only if nothing was written to the origin since. Copy files out of it and look at them; do not merge it");
		break;
	case REPAIR_ZERO_TAIL:
		snprintf(
			text, size,
			item->problem == PROBLEM_AREA_UNREADABLE
				? "write zeros where the list seems to end and cannot be read; what was there is lost, and what of the view it was cannot be told"
				: "zero the entries after the end of the list; the view does not change");
		break;
	case REPAIR_CLEAR_SLACK:
		snprintf(text, size, "zero what is after the header in its chunk");
		break;
	case REPAIR_REMOVE_RECORD:
		snprintf(
			text, size,
			item->problem == PROBLEM_MERGE_UNFINISHED
				? "remove the record of the merge that keeps this store; if that merge is still unfinished, it cannot keep this store any more"
				: "remove the merge record, which says nothing any more");
		break;
	case REPAIR_NONE:
	case REPAIR_FOLLOWS:
		snprintf(text, size, "nothing");
		break;
	}
	return text;
}
