/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The volume groups that some physical volumes are of: which text of each counts, and which
 * physical volumes are there. Pure: it reads through its caller.
 *
 * Order of calls: groups_add for each, groups_choose once, then look.
 */
#ifndef STORE_VOLUME_GROUPS_H
#define STORE_VOLUME_GROUPS_H

#include "store/volume/group.h"

/* A physical volume that was found. */
struct groups_pv {
	struct pv pv;
	const char *name; /* of the device, for messages; the caller's */
	uint64_t bytes;	  /* its size */
	int chosen;	  /* the group that has it; -1: none */
};

struct groups_one {
	struct group group;
	/* By the group's own list: which of groups->pvs each is; -1: it is not there. */
	int *pvs;
	/*
	 * Why nothing may be written by its maps, a sentence without a name; "": nothing is in the
	 * way. A physical volume that is there twice, or that another group has, too; two texts
	 * with one seqno; a text that could not be read, and may be newer; a group that is
	 * exported, shared, clustered, another machine's, not to be written to, or of a kind that
	 * is not known; what layout_check_group says.
	 */
	char obstacle[512];
	/* With that, the maps are not certain either: what is read by them may be wrong. So it is
	 * with the first four. */
	bool is_uncertain;
};

struct groups {
	struct groups_pv *pvs;
	size_t pv_count;
	struct groups_one *groups;
	size_t count;
	/* Texts that belong to no group that could be read, one sentence each, with the device's
	 * name: to be told, never to hide the other groups. */
	char **problems;
	size_t problem_count;
	void *memory; /* its own */
};

/*
 * Looks at one device. *found: it is a physical volume, and groups->pvs has it. `source` is only
 * used in the call. What is wrong with it is one of `problems`; RESULT_IO where it cannot be read
 * at all, RESULT_NO_MEMORY.
 */
enum result groups_add(struct groups *groups, const struct pv_source *source, const char *name,
		       bool *found, struct failure *why);

/* Chooses the text of each group. RESULT_NO_MEMORY. */
enum result groups_choose(struct groups *groups, struct failure *why);

/*
 * The group of that name, or of that id (with or without dashes). RESULT_NOT_THERE;
 * RESULT_REFUSED where several have the name: the sentence has the ids.
 */
enum result groups_find(const struct groups *groups, const char *name, size_t *index,
			struct failure *why);

/*
 * May a volume of the group be read, or with `writes` written, as far as the metadata tells?
 * RESULT_REFUSED, with `name` in the sentence. Where its bytes are is layout_make's to say, and of
 * each place, groups_check_place.
 */
enum result groups_check_volume(const struct groups_one *one, unsigned int volume, bool writes,
				const char *name, struct failure *why);

/* Bytes of a physical volume of the group, counted as in struct layout_area. */
struct groups_place {
	unsigned int pv; /* in the group's list; it is there */
	uint64_t offset, bytes;
};

/* The same of a place that a volume is on: is all of it on the device, and what was written last?
 * RESULT_REFUSED. */
enum result groups_check_place(const struct groups *groups, const struct groups_one *one,
			       const struct groups_place *place, bool writes, const char *name,
			       struct failure *why);

/* Harmless on a zeroed one. */
void groups_free(struct groups *groups);

#endif
