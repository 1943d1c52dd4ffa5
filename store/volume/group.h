/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A volume group, as one metadata text describes it: its physical volumes, its logical volumes
 * with their segments, and which of them are the snapshots of which. Pure.
 *
 * Only what lvm2 itself writes is taken; a text that says one thing to lvm2 and another to somebody
 * else is refused. All numbers are in their ranges, all names are found, segments are in order and
 * without gaps; what an extent's bytes are is store/volume/layout's.
 */
#ifndef STORE_VOLUME_GROUP_H
#define STORE_VOLUME_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/base/fail.h"
#include "store/volume/pv.h"

#define GROUP_NAME_MAX 127u
#define GROUP_ITEMS_MAX 65536u /* volumes, physical volumes, segments: of each at most */
#define GROUP_STRIPES_MAX 128u

struct group_pv {
	const char *name; /* in the text: "pv0" */
	char id[PV_ID_BYTES];
	uint64_t start_bytes; /* of its first extent */
	uint64_t extent_count;
	uint64_t device_bytes; /* 0: the text does not say */
	bool missing;	       /* the text says that it was not there when the text was written */
};

/* The first of a segment's extents on one physical volume, or in one volume. */
struct group_area {
	bool is_volume;
	unsigned int index; /* in pvs, or in volumes */
	uint64_t extent;
};

struct group_segment {
	uint64_t start, extent_count;
	const char *type; /* "striped", "raid1", "snapshot", with its flags */
	bool is_mapped;	  /* striped (or linear), or raid0: the areas say where its bytes are */
	uint64_t stripe_bytes; /* with more than one area */
	/* Empty where it is not mapped; but of a mirror, its legs, each as long as the segment. */
	struct group_area *areas;
	unsigned int area_count;
};

#define GROUP_NO_SNAPSHOT UINT32_MAX

struct group_volume {
	const char *name;
	char id[PV_ID_BYTES];
	bool writable, visible;
	bool moving;	     /* PVMOVE or LOCKED: its bytes are being moved */
	bool is_part;	     /* another volume is made of it, mapped or not */
	const char *unknown; /* a word among its flags that is not known; NULL: none */
	uint64_t extent_count;
	struct group_segment *segments;
	unsigned int segment_count;
	/* The snapshot of which it is the store; GROUP_NO_SNAPSHOT: of none. */
	uint32_t snapshot;
	bool is_origin;
};

/* What the hidden volume snapshotN says. */
struct group_snapshot {
	const char *name;	    /* "snapshot0" */
	unsigned int origin, store; /* in volumes */
	uint64_t chunk_sectors;
	uint64_t extent_count; /* of the snapshot itself: its origin may be longer by now */
	bool merging;	       /* LVM was told to merge it */
};

struct group {
	const char *name;
	char id[PV_ID_BYTES];
	uint64_t seqno;
	uint64_t extent_bytes;
	bool exported, clustered, moving, writable;
	const char *system_id, *lock_type; /* "" where there is none */
	/* A word in its status or flags, in a physical volume's, in a volume's status, or a type of
	 * segment, that is not known; NULL: none. */
	const char *unknown;
	struct group_pv *pvs;
	unsigned int pv_count;
	struct group_volume *volumes; /* without the hidden snapshotN */
	unsigned int volume_count;
	struct group_snapshot *snapshots;
	unsigned int snapshot_count;
	void *memory; /* group's own: all of the above is in it, or in the text */
};

/*
 * Reads `bytes` bytes of a text; text[bytes] is a NUL. It takes the text over, also where it fails,
 * and changes it; its memory was malloc's. RESULT_DAMAGED: it is no metadata text, or one that
 * contradicts itself; RESULT_REFUSED: it is of a version or kind that is not known;
 * RESULT_NO_MEMORY. The sentence says where in the text ("line 12: ...").
 */
enum result group_read(struct group *group, char *text, size_t bytes, struct failure *why);

/* Harmless on a zeroed one. */
void group_free(struct group *group);

/* The index of the volume of that name; -1: there is none. Takes logarithmic time. */
int group_find_volume(const struct group *group, const char *name);

/* May a group, or a volume, have that name (lib/misc/lvm-string.c of lvm2)? */
bool group_is_name(const char *name, size_t length);

/* The name of the group, without reading all of a text: false where it does not begin as one. */
bool group_peek(const char *text, size_t bytes, char name[GROUP_NAME_MAX + 1]);

/* The same for its id and its seqno. */
bool group_peek_version(const char *text, size_t bytes, char id[PV_ID_BYTES], uint64_t *seqno);

#endif
