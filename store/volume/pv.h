/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What LVM2 has on a physical volume: the label, and the texts in its metadata areas. Pure: it
 * reads through its caller. Reads what lvm2 writes (lib/label/label.c and lib/format_text/ of
 * lvm2), and is stricter where lvm2 believes what it should not.
 */
#ifndef STORE_VOLUME_PV_H
#define STORE_VOLUME_PV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/base/fail.h"

/* An id of LVM's: 32 of these, without dashes. */
#define PV_ID_BYTES 33u
#define PV_ID_LETTERS "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#"
#define PV_AREAS_MAX 2u
#define PV_TEXT_BYTES_MAX (64u << 20)

/* The bytes of what may be a physical volume. */
struct pv_source {
	uint64_t bytes;
	void *context;
	/* All `count` bytes, which are before its end, or RESULT_IO. */
	enum result (*read)(void *context, uint64_t offset, void *buffer, size_t count,
			    struct failure *why);
};

/* Bytes `offset` .. offset + bytes - 1, all of them before the end of the source. */
struct pv_area {
	uint64_t offset, bytes;
};

struct pv {
	bool found; /* there is a label; all else is zero where there is none */
	char id[PV_ID_BYTES];
	uint64_t label_offset;
	bool in_use;			    /* it says that a group has it */
	struct pv_area areas[PV_AREAS_MAX]; /* of metadata; those outside the source are left out */
	unsigned int area_count;
};

/* A label is in one of the first four sectors. */
#define PV_LABEL_BYTES 2048u

/* Is there anything that begins as a label does? Whether it is a good one, pv_read says. */
bool pv_may_have_label(const uint8_t beginning[PV_LABEL_BYTES]);

/* Looks for the label. RESULT_OK with or without one; RESULT_IO; RESULT_DAMAGED where there is one
 * whose lists make no sense, or none but what has a wrong checksum or is in the wrong sector. */
enum result pv_read(const struct pv_source *source, struct pv *pv, struct failure *why);

enum pv_text_state {
	PV_TEXT_NONE, /* the area has none, or is one that LVM ignores */
	PV_TEXT_FOUND,
	PV_TEXT_DAMAGED, /* there should be one: `problem` says what is wrong */
};

struct pv_text {
	enum pv_text_state state;
	char *text; /* owned, ends with a NUL of its own; NULL but for PV_TEXT_FOUND */
	size_t bytes;
	uint32_t checksum; /* as the area's header has it, and right */
	char problem[160];
};

/*
 * The committed text of metadata area `number`. RESULT_IO where it cannot be read,
 * RESULT_NO_MEMORY; all that is wrong with what is there is a state. pv_text_free it.
 */
enum result pv_read_text(const struct pv_source *source, const struct pv *pv, unsigned int number,
			 struct pv_text *text, struct failure *why);

/* Harmless on a zeroed one. */
void pv_text_free(struct pv_text *text);

/* LVM's way to write an id: with dashes after 6, 10, 14, 18, 22 and 26. Returns `text`. */
#define PV_ID_TEXT_BYTES 39u
const char *pv_id_text(const char *id, char text[PV_ID_TEXT_BYTES]);

/* The way back. False: it is not an id that is written so. */
bool pv_id_read(const char *text, char id[PV_ID_BYTES]);

#endif
