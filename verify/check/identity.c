// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/cow/ends.h"
#include "verify/check/plausible.h"

/* Where nothing can be compared, what plausible_learn knows by is in less, and nothing of it at
 * the end. */
#define PLAUSIBLE_BYTES (72u << 10)

static enum result probe(const struct device *origin, const struct view_range *ranges,
			 struct probe_identity *identity, struct failure *why)
{
	struct failure probing;
	enum result result = ends_probe(origin->bytes, ranges, identity, &probing);

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

/* What is found in the origin as it is, in the view, and in the store alone. */
struct identities {
	struct probe_identity before, after, alone;
};

static enum result refuse_other(const struct store *store, const struct device *origin,
				const struct identities *found, struct failure *why)
{
	char origin_text[128], store_text[128];

	return fail_remedy(
		why, RESULT_REFUSED, REMEDY_ACCEPT_ORIGIN, NULL,
		"%s: may be another device than the origin of %s: it holds %s, and the store %s; that is as it should be where the UUID was changed in the snapshot, or a file system was made in one of them since (mkfs)",
		origin->name, store->device->name,
		describe(&found->before, origin_text, sizeof(origin_text)),
		describe(&found->after, store_text, sizeof(store_text)));
}

/* ---- what speaks against an origin that cannot be compared ---- */

struct objecting {
	const struct geometry *geometry;
	uint64_t origin_bytes;
	struct plausible plausible;
};

static enum result look(void *context, uint64_t index, const struct exception *exception,
			struct failure *why)
{
	struct objecting *objecting = context;
	uint64_t chunk = exception->old_chunk;
	uint64_t clip = geometry_clip(objecting->geometry, chunk, objecting->origin_bytes), from;

	(void)index;
	(void)why;
	if (clip > 0) {
		from = chunk * objecting->geometry->chunk_bytes;
		plausible_look(&objecting->plausible, chunk, from, from + clip);
	}
	return RESULT_OK;
}

/* `head`: what the view begins with. */
static enum result check_plausible(const struct store *store, const struct device *origin,
				   const struct probe_identity *identity,
				   const struct view_range *head, struct failure *why)
{
	struct objecting objecting = {.geometry = &store->geometry, .origin_bytes = origin->bytes};
	struct store_scan scan = {.each = look, .context = &objecting};
	const struct plausible_range *objection;
	enum result result = RESULT_OK;
	char text[128];

	plausible_learn(&objecting.plausible, identity, head->buffer, head->bytes, origin->bytes);
	if (objecting.plausible.end > origin->bytes)
		return fail_remedy(
			why, RESULT_REFUSED, REMEDY_ACCEPT_ORIGIN, NULL,
			"%s: is smaller than what it holds, %s, which has %llu bytes: it may be another device than the origin of %s, and nothing in the store tells",
			origin->name, describe(identity, text, sizeof(text)),
			(unsigned long long)objecting.plausible.end, store->device->name);
	if (objecting.plausible.count > 0)
		result = store_scan(store, &scan, why);
	objection = plausible_objection(&objecting.plausible);
	if (result != RESULT_OK || !objection)
		return result;
	return fail_remedy(
		why, RESULT_REFUSED, REMEDY_ACCEPT_ORIGIN, NULL,
		"%s: may be another device than the origin of %s: it holds %s, and old chunk %llu of the store is %s, where nobody writes",
		origin->name, store->device->name, describe(identity, text, sizeof(text)),
		(unsigned long long)objection->old_chunk, objection->what);
}

/* ---- the check ---- */

static enum result find_alone(const struct view_overlay *overlay, const struct device *origin,
			      struct probe_identity *alone, struct failure *why)
{
	enum result result;

	for (int i = 0; i < ENDS_COUNT; i++)
		memset(overlay->ranges[i].buffer, 0, overlay->ranges[i].bytes);
	result = view_overlay_apply(overlay, why);
	return result == RESULT_OK ? probe(origin, overlay->ranges, alone, why) : result;
}

/* `found` comes zeroed, and the ranges hold the view's bytes then. */
static enum result find_identities(const struct view_overlay *overlay, struct device *origin,
				   struct identities *found, struct failure *why)
{
	enum result result = RESULT_OK;

	if (overlay->found > 0)
		result = find_alone(overlay, origin, &found->alone, why);
	if (result != RESULT_OK)
		return result;
	result = view_read(overlay->store->io, origin, overlay->ranges, ENDS_COUNT, why);
	if (result == RESULT_IO)
		return fail_more(why, result, "a file system is looked for there");
	if (result == RESULT_OK)
		result = probe(origin, overlay->ranges, &found->before, why);
	found->after = found->before;
	if (result != RESULT_OK || overlay->found == 0)
		return result;
	result = view_overlay_apply(overlay, why);
	return result == RESULT_OK ? probe(origin, overlay->ranges, &found->after, why) : result;
}

static enum result check(const struct view_overlay *overlay, struct device *origin, bool resuming,
			 enum identity *identity, struct failure *why)
{
	struct identities found = {.before = {.type = ""}};
	bool torn;
	enum result result = find_identities(overlay, origin, &found, why);

	/* What cannot be looked at, and could prove nothing, is only not known. */
	if (result == RESULT_IO && overlay->found == 0)
		return RESULT_OK;
	if (result != RESULT_OK)
		return result;
	torn = resuming && (found.before.type[0] == 0 || found.before.ambiguous);
	if (!torn && !probe_same(&found.before, &found.after))
		return refuse_other(overlay->store, origin, &found, why);
	*identity = found.after.type[0] && probe_same(&found.alone, &found.after)
			    ? IDENTITY_COMPARED
			    : IDENTITY_NOT_IN_STORE;
	if (*identity == IDENTITY_COMPARED || resuming)
		return RESULT_OK;
	return check_plausible(overlay->store, origin, &found.after, &overlay->ranges[0], why);
}

const char *identity_name(enum identity identity)
{
	switch (identity) {
	case IDENTITY_UNKNOWN:
		break;
	case IDENTITY_COMPARED:
		return "compared";
	case IDENTITY_NOT_IN_STORE:
		return "not-in-store";
	}
	return "unknown";
}

enum result identity_check(const struct store *store, struct device *origin, bool resuming,
			   enum identity *identity, struct failure *why)
{
	struct view_range ends[ENDS_COUNT];
	struct view_overlay overlay = {.new_chunks = NULL};
	enum result result = ends_make(origin->bytes, ends, why);

	*identity = IDENTITY_UNKNOWN;
	if (result == RESULT_OK)
		result = view_overlay_find(&overlay, store, origin->bytes, ends, ENDS_COUNT, why);
	if (overlay.found == 0) {
		ends[0].bytes = min_u64(ends[0].bytes, PLAUSIBLE_BYTES);
		ends[1].bytes = 0;
	}
	if (result == RESULT_OK && resuming && overlay.found == 0)
		*identity = IDENTITY_NOT_IN_STORE;
	else if (result == RESULT_OK)
		result = check(&overlay, origin, resuming, identity, why);
	view_overlay_free(&overlay);
	ends_free(ends);
	return result;
}
