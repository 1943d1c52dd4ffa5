// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/identity.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/base/bytes.h"
#include "store/device/probe.h"
#include "store/cow/view.h"

/* Superblocks stand in the first MiB of a disk; some RAID formats and backup tables at its end. */
#define HEAD_BYTES (1024u << 10)
#define TAIL_BYTES (128u << 10)
#define RANGES 2

static enum result probe(const struct device *origin, const struct view_range *ranges,
			 struct probe_identity *identity, struct failure *why)
{
	struct probe_range bytes[RANGES];
	struct failure probing;
	enum result result;

	for (int i = 0; i < RANGES; i++)
		bytes[i] =
			(struct probe_range){ranges[i].offset, ranges[i].bytes, ranges[i].buffer};
	result = probe_bytes(origin->bytes, bytes, RANGES, identity, &probing);
	if (result == RESULT_OK)
		return result;
	return fail(why, result, "%s: which file system it holds cannot be told: %s", origin->name,
		    probing.text);
}

static const char *describe(const struct probe_identity *identity, char *text, size_t size)
{
	if (identity->type[0] == 0)
		snprintf(text, size, "nothing that libblkid knows");
	else
		snprintf(text, size, "%s%s%s", identity->type, identity->uuid[0] ? ", UUID " : "",
			 identity->uuid);
	return text;
}

static enum result compare(const struct store *store, const struct device *origin,
			   const struct probe_identity *before, const struct probe_identity *after,
			   bool resuming, struct failure *why)
{
	char origin_text[128], store_text[128];

	if (probe_same(before, after) || (resuming && (before->type[0] == 0 || before->ambiguous)))
		return RESULT_OK;
	return fail(why, RESULT_REFUSED,
		    "%s: is not the origin of %s: it holds %s, and the store %s; name the right "
		    "origin, or use --force",
		    origin->name, store->device->name,
		    describe(before, origin_text, sizeof(origin_text)),
		    describe(after, store_text, sizeof(store_text)));
}

/* `overlay`: of these ranges, and not empty. */
static enum result check(const struct view_overlay *overlay, struct device *origin, bool resuming,
			 struct failure *why)
{
	struct probe_identity before, after;
	enum result result = view_read_origin(overlay->store, origin, overlay->ranges, RANGES, why);
	struct failure reading = *why;

	if (result == RESULT_IO)
		return fail(why, result, "%s; a file system is looked for there", reading.text);
	if (result == RESULT_OK)
		result = probe(origin, overlay->ranges, &before, why);
	if (result == RESULT_OK)
		result = view_overlay_apply(overlay, why);
	if (result == RESULT_OK)
		result = probe(origin, overlay->ranges, &after, why);
	if (result == RESULT_OK)
		result = compare(overlay->store, origin, &before, &after, resuming, why);
	return result;
}

static enum result check_with_buffers(const struct view_overlay *overlay, struct view_range *ranges,
				      struct device *origin, bool resuming, struct failure *why)
{
	enum result result;

	ranges[0].buffer = io_buffer(HEAD_BYTES);
	ranges[1].buffer = io_buffer(TAIL_BYTES + 2ull * BUFFER_ALIGNMENT);
	if (ranges[0].buffer && ranges[1].buffer)
		result = check(overlay, origin, resuming, why);
	else
		result = fail_memory(why, "the file system's superblock", HEAD_BYTES);
	free(ranges[0].buffer);
	free(ranges[1].buffer);
	return result;
}

enum result identity_check(const struct store *store, struct device *origin, bool resuming,
			   struct failure *why)
{
	uint64_t head = min_u64(origin->bytes, HEAD_BYTES);
	uint64_t tail_from =
		round_down(origin->bytes - min_u64(origin->bytes, TAIL_BYTES), BUFFER_ALIGNMENT);
	struct view_range ranges[RANGES] = {{.offset = 0, .bytes = head}};
	struct view_overlay overlay;
	enum result result;

	ranges[1].offset = max_u64(head, tail_from);
	ranges[1].bytes = origin->bytes - ranges[1].offset;
	result = view_overlay_find(&overlay, store, origin->bytes, ranges, RANGES, why);
	if (result == RESULT_OK && overlay.found > 0)
		result = check_with_buffers(&overlay, ranges, origin, resuming, why);
	view_overlay_free(&overlay);
	return result;
}
