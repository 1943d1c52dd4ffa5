/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of group share while they read a text. For nobody else. */
#ifndef STORE_VOLUME_GROUP_READER_H
#define STORE_VOLUME_GROUP_READER_H

#include "store/volume/group.h"
#include "store/volume/tree.h"

/* ---- names, sorted ---- */

struct group_name {
	const char *name;
	unsigned int index;
};

struct group_names {
	struct group_name *sorted;
	unsigned int count;
};

/* `sorted` has the names in any order. */
void group_names_sort(struct group_names *names);

/* -1: it is none of them. */
int group_names_find(const struct group_names *names, const char *name);

/* ---- words: status and flags ---- */

struct group_word {
	const char *word;
	unsigned int bit; /* 0: it is known, and means nothing here */
};

/* What `status` and `flags` say: the bits of their words, and the first word that is not known; that
 * of `status` alone, too, where LVM itself reads nothing of what it does not know. */
struct group_status {
	unsigned int bits;
	const char *unknown, *unknown_status;
};

/* ---- one text ---- */

struct group_memory {
	char *text;
	struct group_names pvs, volumes;
	struct group_segment *segments;
	struct group_area *areas;
};

struct group_reader {
	struct tree tree;
	struct group *group;
	struct group_memory *memory;
	unsigned int segments_used, areas_used; /* of memory's */
	uint32_t *nodes;			/* of each volume */
	uint32_t *snapshot_nodes;		/* of each snapshot */
	struct failure *why;
};

/* An id, with its dashes. */
enum result group_id_read(const struct group_reader *reader, uint32_t section,
			  char id[PV_ID_BYTES]);

/* A table of words ends with a NULL. There may be no `flags`. */
enum result group_status_read(const struct group_reader *reader, uint32_t section,
			      const struct group_word *status_words,
			      const struct group_word *flag_words, struct group_status *status);

enum result group_pvs_read(struct group_reader *reader, uint32_t section);

/* The volumes, their segments, and the snapshots in the group's section. */
enum result group_volumes_read(struct group_reader *reader, uint32_t section);

/* Memory for the segments and areas of all volumes; before all else about them. */
enum result group_segments_reserve(struct group_reader *reader, uint32_t section);

/* Start, length and type of each of a volume's segments. */
enum result group_segments_read(struct group_reader *reader, uint32_t section,
				struct group_volume *volume);

/* After that, of all volumes: their areas. */
enum result group_areas_read(struct group_reader *reader, uint32_t section,
			     const struct group_volume *volume);

#endif
