// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Merging the snapshots of LVM's volume groups, by what may be hostile metadata: found as
 * store/volume does, placed as store/device/volumes.c does it, merged as cmd_merge does, one after
 * the other. Whatever the metadata says:
 *   - no byte is read or written but those of the origin and of its snapshots' stores, as placed.h
 *     computes them; none of these is LVM's own, or of two volumes;
 *   - what is refused is not written to;
 *   - the views of all snapshots of the origin are afterwards what they were before, and after a
 *     whole merge the origin is that of the merged one.
 *
 * An input is SETTINGS_BYTES of settings, the stores, in the order of the group's snapshots, as
 * placed.h has them, and what pvs.h has.
 *
 *    0 flags (enum setting), u8                  5 the request that fails, u8 (0: none)
 *    1 windows of 512 << (n % 12) bytes, u8      6 bytes of the stores, u16
 *    2 steps until it is asked to stop, u8
 *    3 order of completions, u16
 */
#include <stdlib.h>
#include <string.h>

#include "merge/merge.h"
#include "store/base/bytes.h"
#include "store/device/map.h"
#include "store/volume/layout.h"
#include "tests/fuzz/placed.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t bytes);

enum setting {
	RESUME = 1,
	FORCE = 2,
	INVALIDATE_FULL = 4,
	GIVE_UP = 8, /* the first of the other snapshots */
};

#define SETTINGS_BYTES 8u
#define SNAPSHOTS_MAX 4u /* of a group: more take long, and are no other than these */

static uint64_t views[SNAPSHOTS_MAX][PLACED_SECTORS], view_now[PLACED_SECTORS];

/* ---- volumes, as store/device/volumes.c opens them ---- */

struct opened {
	struct device device;
	struct device_file files[FUZZ_PVS];
	struct map map;
};

static bool place_segment(const struct placed_source *source, const struct layout_segment *from,
			  struct map_segment *to)
{
	struct map_area *areas = calloc(from->area_count, sizeof(*areas));
	struct failure why;

	*to = (struct map_segment){from->start, from->bytes, from->stripe_bytes, areas,
				   from->area_count};
	for (unsigned int i = 0; i < from->area_count; i++) {
		const struct groups_place place = {from->areas[i].pv, from->areas[i].offset,
						   from->bytes / from->area_count};
		int pv = source->one->pvs[place.pv];

		if (pv < 0 || groups_check_place(source->groups, source->one, &place, true,
						 "volume", &why) != RESULT_OK)
			return false;
		areas[i].file = fuzz_pvs_number(&source->groups->pvs[pv]);
		areas[i].offset = place.offset;
	}
	return true;
}

static bool place_all(const struct placed_source *source, const struct layout *layout,
		      struct opened *opened)
{
	struct map_segment *segments = calloc(layout->segment_count + 1, sizeof(*segments));
	bool placed = true;

	opened->map.segments = segments;
	for (unsigned int i = 0; i < layout->segment_count && placed; i++) {
		opened->map.segment_count = i + 1;
		placed = place_segment(source, &layout->segments[i], &segments[i]);
	}
	return placed;
}

static bool open_volume(const struct placed_source *source, unsigned int volume,
			struct opened *opened)
{
	struct failure why = {.text = ""};
	struct layout layout;
	bool placed;

	memset(opened, 0, sizeof(*opened));
	if (groups_check_volume(source->one, volume, true, "volume", &why) != RESULT_OK ||
	    layout_make(&layout, &source->one->group, volume, &why) != RESULT_OK) {
		FUZZ_CHECK(why.text[0]);
		return false;
	}
	for (unsigned int i = 0; i < FUZZ_PVS; i++)
		opened->files[i].engine = &placed_disks[i];
	opened->map.files = opened->files;
	opened->map.file_count = FUZZ_PVS;
	opened->device = (struct device){.name = strdup(source->one->group.volumes[volume].name),
					 .bytes = layout.bytes,
					 .block_bytes = SECTOR_BYTES,
					 .writable = true,
					 .map = &opened->map};
	placed = place_all(source, &layout, opened);
	layout_free(&layout);
	return placed;
}

static void close_volume(struct opened *opened)
{
	for (unsigned int i = 0; i < opened->map.segment_count; i++)
		free((void *)opened->map.segments[i].areas);
	free((void *)opened->map.segments);
	free(opened->device.name);
	memset(opened, 0, sizeof(*opened));
}

/* ---- one merge, as merge/cmd_merge.c does it ---- */

static volatile sig_atomic_t stop;
static unsigned int steps_left;

static void on_progress(void *context, const struct merge *merge)
{
	(void)context;
	(void)merge;
	if (steps_left > 0 && --steps_left == 0)
		stop = 1;
}

struct session {
	const struct placed_source *source;
	const struct group_snapshot *snapshot;
	const uint8_t *input;
	struct fuzz_queue queue;
	struct merge_options options;
	struct merge merge;
	struct opened origin, device;
	struct store store;
	uint64_t origin_bytes;
	/* the other snapshots of the origin */
	struct opened others[SNAPSHOTS_MAX];
	struct store other_stores[SNAPSHOTS_MAX], *dropped[SNAPSHOTS_MAX];
	struct kept kept[SNAPSHOTS_MAX];
	bool is_kept[SNAPSHOTS_MAX];	     /* by the group's list */
	unsigned int kept_as[SNAPSHOTS_MAX]; /* the same: which of `kept` it is */
};

static uint64_t snapshot_bytes(const struct session *session, const struct group_snapshot *snapshot)
{
	return min_u64(snapshot->extent_count * session->source->one->group.extent_bytes,
		       session->origin_bytes);
}

static bool may_merge(const struct session *session)
{
	const struct group *group = &session->source->one->group;
	const struct group_snapshot *snapshot = session->snapshot;

	for (unsigned int i = 0; i < group->snapshot_count; i++)
		if (&group->snapshots[i] != snapshot && group->snapshots[i].merging &&
		    group->snapshots[i].origin == snapshot->origin)
			return false;
	return group->volumes[snapshot->origin].writable &&
	       snapshot->extent_count * group->extent_bytes <= session->origin_bytes;
}

/* The origin, as far as the snapshot shows it, and the store. */
static bool open_pair(struct session *session)
{
	const struct group_snapshot *snapshot = session->snapshot;
	struct failure why = {.text = ""};

	if (!open_volume(session->source, snapshot->origin, &session->origin) ||
	    !open_volume(session->source, snapshot->store, &session->device))
		return false;
	session->origin_bytes = session->origin.device.bytes;
	if (!may_merge(session))
		return false;
	session->origin.device.bytes = snapshot_bytes(session, snapshot);
	placed_give(session->source, snapshot->origin, 0, session->origin.device.bytes,
		    PLACED_WRITE);
	placed_give(session->source, snapshot->origin, session->origin.device.bytes,
		    session->origin_bytes, PLACED_READ);
	placed_give(session->source, snapshot->store, 0, session->device.device.bytes,
		    PLACED_WRITE);
	if (store_open(&session->store, &session->device.device, &session->queue.io, &why) !=
	    RESULT_OK)
		return false;
	return session->store.header_fault == HEADER_GOOD &&
	       session->store.geometry.chunk_sectors == snapshot->chunk_sectors;
}

/* One that is marked invalid is not kept; the record of an unfinished merge may name it. */
static bool open_other(struct session *session, unsigned int number)
{
	const struct group_snapshot *other = &session->source->one->group.snapshots[number];
	struct opened *opened = &session->others[number];
	struct store *store = &session->other_stores[number];
	struct merge *merge = &session->merge;
	struct failure why = {.text = ""};
	struct kept *kept = &session->kept[merge->kept_count];

	if (!open_volume(session->source, other->store, opened))
		return false;
	placed_give(session->source, other->store, 0, opened->device.bytes, PLACED_WRITE);
	if (store_open(store, &opened->device, &session->queue.io, &why) != RESULT_OK)
		return false;
	if (store->header_fault == HEADER_GOOD && !store->header.valid) {
		if (merge->record_is_current)
			session->dropped[merge->dropped_count++] = store;
		return true;
	}
	*kept = (struct kept){.store = store,
			      .role = RECORD_KEPT,
			      .give_up = (session->input[0] & GIVE_UP) && merge->kept_count == 0 &&
					 !merge->record_is_current,
			      .shown_bytes = snapshot_bytes(session, other),
			      .origin_bytes = session->origin_bytes};
	session->is_kept[number] = true;
	session->kept_as[number] = (unsigned int)merge->kept_count++;
	return true;
}

static bool open_others(struct session *session)
{
	const struct group *group = &session->source->one->group;
	bool opened = true;

	session->merge.kept = session->kept;
	session->merge.dropped = session->dropped;
	for (unsigned int i = 0; i < group->snapshot_count && opened; i++)
		if (&group->snapshots[i] != session->snapshot &&
		    group->snapshots[i].origin == session->snapshot->origin)
			opened = open_other(session, i);
	return opened;
}

/* All of them, as far as they have a view. */
static void take_views(const struct session *session, bool *have)
{
	const struct group *group = &session->source->one->group;

	for (unsigned int i = 0; i < group->snapshot_count; i++) {
		const struct group_snapshot *snapshot = &group->snapshots[i];

		have[i] = (session->is_kept[i] || snapshot == session->snapshot) &&
			  placed_view(session->source, snapshot,
				      snapshot_bytes(session, snapshot) / SECTOR_BYTES, views[i]);
	}
}

static void check_origin(const struct session *session, const uint64_t *view)
{
	uint64_t shown = session->origin.device.bytes / SECTOR_BYTES;

	for (uint64_t sector = 0; sector < shown; sector++)
		FUZZ_CHECK(placed_value(session->source, session->snapshot->origin, sector) ==
			   view[sector]);
}

static void check_views(const struct session *session, const bool *have, bool whole)
{
	const struct group *group = &session->source->one->group;

	for (unsigned int i = 0; i < group->snapshot_count; i++) {
		const struct group_snapshot *snapshot = &group->snapshots[i];
		uint64_t shown = snapshot_bytes(session, snapshot) / SECTOR_BYTES;

		if (!have[i] ||
		    (session->is_kept[i] && session->kept[session->kept_as[i]].given_up))
			continue;
		FUZZ_CHECK(placed_view(session->source, snapshot, shown, view_now));
		FUZZ_CHECK(memcmp(view_now, views[i], shown * sizeof(*view_now)) == 0);
		if (whole && snapshot == session->snapshot)
			check_origin(session, view_now);
	}
}

static enum result run(struct session *session)
{
	struct merge *merge = &session->merge;
	struct failure why = {.text = ""};
	bool have[SNAPSHOTS_MAX];
	enum result result = merge_prepare(merge, &why);

	FUZZ_CHECK(result == RESULT_OK || why.text[0]);
	if (result == RESULT_OK && merge_has_work(merge))
		result = open_others(session) ? merge_prepare_kept(merge, &why) : RESULT_REFUSED;
	FUZZ_CHECK(placed_writes() == 0);
	if (result != RESULT_OK)
		return RESULT_REFUSED;
	take_views(session, have);
	result = merge_run(merge, &why);
	FUZZ_CHECK(result == RESULT_OK || why.text[0]);
	FUZZ_CHECK(result != RESULT_INTERNAL && (result != RESULT_IO || session->queue.failed));
	check_views(session, have, result == RESULT_OK);
	return result;
}

static void close_session(struct session *session)
{
	io_close(&session->queue.io);
	for (unsigned int i = 0; i < SNAPSHOTS_MAX; i++) {
		kept_free(&session->kept[i]);
		close_volume(&session->others[i]);
	}
	left_out_free(&session->merge.left_out);
	close_volume(&session->origin);
	close_volume(&session->device);
}

/* `again`: it is resumed, and nothing disturbs it. */
static enum result merge(const struct placed_source *source, const struct group_snapshot *snapshot,
			 const uint8_t *input, bool again)
{
	struct session session = {.source = source, .snapshot = snapshot, .input = input};
	enum result result = RESULT_REFUSED;

	placed_open(source->groups);
	stop = 0;
	steps_left = again ? 0 : input[2];
	fuzz_queue_open(&session.queue, fuzz_u16(input + 3), again ? 0 : input[5]);
	session.options = (struct merge_options){
		.resume = again || (input[0] & RESUME),
		.origin_is_told = true,
		.force = input[0] & FORCE,
		.skip_identity = true,
		.invalidate_full = input[0] & INVALIDATE_FULL,
		.window_bytes = 512u << input[1] % 12,
		.stop = &stop,
		.progress = on_progress,
	};
	session.merge = (struct merge){.options = &session.options,
				       .store = &session.store,
				       .origin = &session.origin.device,
				       .io = &session.queue.io};
	if (open_pair(&session))
		result = run(&session);
	close_session(&session);
	placed_close();
	return result;
}

static void merge_group(const struct placed_source *source, const uint8_t *input)
{
	const struct group *group = &source->one->group;
	struct placed_input stores = {input + SETTINGS_BYTES,
				      input + SETTINGS_BYTES + fuzz_u16(input + 6)};

	if (source->one->obstacle[0] || group->snapshot_count > SNAPSHOTS_MAX)
		return;
	for (unsigned int i = 0; i < group->snapshot_count; i++)
		placed_put_store(source, &group->snapshots[i], &stores);
	for (unsigned int i = 0; i < group->snapshot_count; i++) {
		enum result result = merge(source, &group->snapshots[i], input, false);

		if (result == RESULT_STOPPED || result == RESULT_IO)
			merge(source, &group->snapshots[i], input, true);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t bytes)
{
	struct groups groups = {.count = 0};
	size_t before;

	if (bytes < SETTINGS_BYTES)
		return 0;
	before = SETTINGS_BYTES + fuzz_u16(input + 6);
	if (bytes < before + 1 + FUZZ_PV_HEADERS_BYTES)
		return 0;
	placed_clean();
	fuzz_pvs_read(input + before, bytes - before, &groups);
	for (size_t i = 0; i < groups.count; i++) {
		const struct placed_source source = {&groups, &groups.groups[i]};

		merge_group(&source, input);
	}
	groups_free(&groups);
	return 0;
}
