// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/volume/pv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/base/checksum.h"

/* LVM's checksum begins with a number of its own, and inverts neither that nor the result. */
static uint32_t weak_checksum(const uint8_t *bytes, size_t count)
{
	return ~checksum_crc32(~0xf597a6cfu, bytes, count);
}

/* ---- the label, and the header of the physical volume after it ---- */

#define LABEL_HEADER_BYTES 32u
#define ID_LENGTH (PV_ID_BYTES - 1)
#define EXTENSION_BYTES 8u
#define EXTENSION_IN_USE 1u

static bool has_words(const uint8_t *sector)
{
	return memcmp(sector, "LABELONE", 8) == 0 && memcmp(sector + 24, "LVM2 001", 8) == 0;
}

static bool is_label(const uint8_t *sector, unsigned int number)
{
	return has_words(sector) && get_le64(sector + 8) == number &&
	       get_le32(sector + 16) == weak_checksum(sector + 20, SECTOR_BYTES - 20);
}

bool pv_may_have_label(const uint8_t beginning[PV_LABEL_BYTES])
{
	for (size_t at = 0; at < PV_LABEL_BYTES; at += SECTOR_BYTES)
		if (has_words(beginning + at))
			return true;
	return false;
}

/* The entry at *at of a list in the sector: 16 bytes, the last one's offset is 0. False: it is not
 * all in the sector. */
static bool next_entry(const uint8_t *sector, size_t *at, struct pv_area *area)
{
	if (*at + 16 > SECTOR_BYTES)
		return false;
	area->offset = get_le64(sector + *at);
	area->bytes = get_le64(sector + *at + 8);
	*at += 16;
	return true;
}

static bool skip_list(const uint8_t *sector, size_t *at)
{
	struct pv_area area;

	while (next_entry(sector, at, &area))
		if (area.offset == 0)
			return true;
	return false;
}

static bool is_inside(const struct pv_source *source, const struct pv_area *area)
{
	uint64_t end;

	return checked_add(area->offset, area->bytes, &end) && end <= source->bytes;
}

/* LVM looks at the first PV_AREAS_MAX of the list, too. */
static bool read_areas(const struct pv_source *source, const uint8_t *sector, size_t *at,
		       struct pv *pv)
{
	struct pv_area area;

	for (unsigned int number = 0; next_entry(sector, at, &area); number++) {
		if (area.offset == 0)
			return true;
		if (area.offset % SECTOR_BYTES != 0 || area.bytes % SECTOR_BYTES != 0)
			return false;
		if (number < PV_AREAS_MAX && area.bytes > 0 && is_inside(source, &area))
			pv->areas[pv->area_count++] = area;
	}
	return false;
}

/* Old versions of LVM write none; its version is 0 then. */
static bool read_extension(const uint8_t *sector, size_t at, struct pv *pv)
{
	if (at + EXTENSION_BYTES > SECTOR_BYTES || get_le32(sector + at) == 0)
		return true;
	pv->in_use = get_le32(sector + at + 4) & EXTENSION_IN_USE;
	at += EXTENSION_BYTES;
	return skip_list(sector, &at);
}

static bool take_id(const uint8_t *bytes, char *id)
{
	memcpy(id, bytes, ID_LENGTH);
	id[ID_LENGTH] = '\0';
	return strspn(id, PV_ID_LETTERS) == ID_LENGTH;
}

static const char *read_header(const struct pv_source *source, const uint8_t *sector, struct pv *pv)
{
	size_t at = LABEL_HEADER_BYTES + ID_LENGTH + 8;

	if (get_le32(sector + 20) != LABEL_HEADER_BYTES)
		return "its header is at another place than any version of LVM has it";
	if (!take_id(sector + LABEL_HEADER_BYTES, pv->id))
		return "its id is not one of LVM's";
	if (!skip_list(sector, &at))
		return "the list of its data areas has no end";
	if (!read_areas(source, sector, &at, pv))
		return "the list of its metadata areas makes no sense";
	if (!read_extension(sector, at, pv))
		return "the list of its boot loader areas has no end";
	return NULL;
}

enum result pv_read(const struct pv_source *source, struct pv *pv, struct failure *why)
{
	uint8_t beginning[PV_LABEL_BYTES] = {0};
	size_t count = (size_t)min_u64(sizeof(beginning), round_down(source->bytes, SECTOR_BYTES));
	const char *problem = NULL;

	memset(pv, 0, sizeof(*pv));
	if (count > 0) {
		enum result result = source->read(source->context, 0, beginning, count, why);

		if (result != RESULT_OK)
			return result;
	}
	for (unsigned int i = 0; i < PV_LABEL_BYTES / SECTOR_BYTES && !pv->found; i++) {
		const uint8_t *sector = beginning + (size_t)i * SECTOR_BYTES;

		pv->found = is_label(sector, i);
		pv->label_offset = pv->found ? (uint64_t)i * SECTOR_BYTES : 0;
		if (pv->found)
			problem = read_header(source, sector, pv);
	}
	if (!pv->found && pv_may_have_label(beginning))
		return fail(
			why, RESULT_DAMAGED,
			"the label of a physical volume has a wrong checksum, or is in another sector than it says");
	if (problem)
		return fail(why, RESULT_DAMAGED,
			    "the label of a physical volume in sector %" PRIu64 ": %s",
			    pv->label_offset / SECTOR_BYTES, problem);
	return RESULT_OK;
}

/* ---- the header of a metadata area, and the text that it leads to ---- */

#define AREA_HEADER_BYTES 512u
#define AREA_MAGIC " LVM2 x[5A%r0N*>"
#define AREA_VERSION 1u
#define SLOT_PLACE 40u /* of the committed text; the next one is for clusters */
#define SLOT_IGNORED 1u

struct slot {
	uint64_t offset, bytes;
	uint32_t checksum, flags;
};

static enum result damaged(struct pv_text *text, const char *problem)
{
	text->state = PV_TEXT_DAMAGED;
	snprintf(text->problem, sizeof(text->problem), "%s", problem);
	return RESULT_OK;
}

static const char *check_header(const uint8_t *header, const struct pv_area *area)
{
	if (get_le32(header) != weak_checksum(header + 4, AREA_HEADER_BYTES - 4))
		return "the checksum of its header is wrong";
	if (memcmp(header + 4, AREA_MAGIC, strlen(AREA_MAGIC)) != 0)
		return "its header is not one of LVM's";
	if (get_le32(header + 20) != AREA_VERSION)
		return "the version of its header is not known";
	if (get_le64(header + 24) != area->offset || get_le64(header + 32) != area->bytes)
		return "its header is that of another area";
	return NULL;
}

static const char *check_slot(const struct slot *slot, const struct pv_area *area)
{
	if (slot->flags != 0)
		return "its header has flags that are not known";
	if (slot->offset < AREA_HEADER_BYTES || slot->offset >= area->bytes)
		return "its text begins outside of it";
	if (slot->bytes == 0)
		return "its text is empty";
	if (slot->bytes > area->bytes - AREA_HEADER_BYTES)
		return "its text is longer than the area";
	if (slot->bytes > PV_TEXT_BYTES_MAX)
		return "its text is longer than 64 MiB";
	return NULL;
}

/* A text that reaches the area's end goes on after the area's header. */
static enum result read_bytes(const struct pv_source *source, const struct pv_area *area,
			      const struct slot *slot, char *bytes, struct failure *why)
{
	uint64_t first = min_u64(slot->bytes, area->bytes - slot->offset);
	enum result result = source->read(source->context, area->offset + slot->offset, bytes,
					  (size_t)first, why);

	if (result != RESULT_OK || first == slot->bytes)
		return result;
	return source->read(source->context, area->offset + AREA_HEADER_BYTES, bytes + first,
			    (size_t)(slot->bytes - first), why);
}

static enum result read_slot(const struct pv_source *source, const struct pv_area *area,
			     const struct slot *slot, struct pv_text *text, struct failure *why)
{
	size_t count = (size_t)slot->bytes;
	enum result result;

	text->text = malloc(count + 1);
	if (!text->text)
		return fail_memory(why, "a metadata text", count + 1);
	result = read_bytes(source, area, slot, text->text, why);
	if (result == RESULT_OK &&
	    weak_checksum((const uint8_t *)text->text, count) == slot->checksum) {
		text->text[count] = '\0';
		text->bytes = count;
		text->checksum = slot->checksum;
		text->state = PV_TEXT_FOUND;
		return RESULT_OK;
	}
	pv_text_free(text);
	return result == RESULT_OK ? damaged(text, "the checksum of its text is wrong") : result;
}

enum result pv_read_text(const struct pv_source *source, const struct pv *pv, unsigned int number,
			 struct pv_text *text, struct failure *why)
{
	const struct pv_area *area = &pv->areas[number];
	uint8_t header[AREA_HEADER_BYTES];
	const char *problem;
	struct slot slot;
	enum result result;

	memset(text, 0, sizeof(*text));
	if (area->bytes < AREA_HEADER_BYTES)
		return damaged(text, "it is too short for its header");
	result = source->read(source->context, area->offset, header, sizeof(header), why);
	if (result != RESULT_OK)
		return result;
	problem = check_header(header, area);
	if (problem)
		return damaged(text, problem);
	slot = (struct slot){.offset = get_le64(header + SLOT_PLACE),
			     .bytes = get_le64(header + SLOT_PLACE + 8),
			     .checksum = get_le32(header + SLOT_PLACE + 16),
			     .flags = get_le32(header + SLOT_PLACE + 20)};
	if (slot.offset == 0 || slot.flags == SLOT_IGNORED)
		return RESULT_OK;
	problem = check_slot(&slot, area);
	return problem ? damaged(text, problem) : read_slot(source, area, &slot, text, why);
}

void pv_text_free(struct pv_text *text)
{
	free(text->text);
	memset(text, 0, sizeof(*text));
}

/* ---- ids ---- */

/* After this many letters there is a dash. */
static bool has_dash(unsigned int letters)
{
	return letters >= 6 && letters <= 26 && (letters - 6) % 4 == 0;
}

const char *pv_id_text(const char *id, char text[PV_ID_TEXT_BYTES])
{
	char *at = text;

	for (unsigned int i = 0; i < ID_LENGTH && id[i]; i++) {
		if (has_dash(i))
			*at++ = '-';
		*at++ = id[i];
	}
	*at = '\0';
	return text;
}

bool pv_id_read(const char *text, char id[PV_ID_BYTES])
{
	for (unsigned int i = 0; i < ID_LENGTH; i++) {
		if (has_dash(i) && *text++ != '-')
			return false;
		if (*text == '\0' || !strchr(PV_ID_LETTERS, *text))
			return false;
		id[i] = *text++;
	}
	id[ID_LENGTH] = '\0';
	return *text == '\0';
}
