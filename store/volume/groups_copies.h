/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of groups share: the texts that were found, and where. For nobody else. */
#ifndef STORE_VOLUME_GROUPS_COPIES_H
#define STORE_VOLUME_GROUPS_COPIES_H

#include "store/volume/groups.h"

/* A text that could be read, however many copies of it there are. */
struct groups_text {
	struct group group; /* zero after it was chosen */
	uint64_t seqno;
	uint32_t checksum;
	size_t bytes;
	char id[PV_ID_BYTES];
	size_t pv; /* in groups->pvs, the first that has it */
};

#define GROUPS_UNREADABLE SIZE_MAX

/* A text in one metadata area. */
struct groups_copy {
	size_t pv;   /* in groups->pvs */
	size_t text; /* in texts; GROUPS_UNREADABLE */
	/* What it is of; "" and 0, where it cannot be read, and its beginning does not say. */
	char id[PV_ID_BYTES];
	uint64_t seqno;
};

struct groups_memory {
	struct groups_text *texts;
	struct groups_copy *copies;
	size_t text_count, copy_count;
};

/* One more sentence of groups->problems. RESULT_NO_MEMORY. */
enum result groups_problem(struct groups *groups, struct failure *why, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
