// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/faulty.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/breaks.h"
#include "store/base/bytes.h"

/* Whose write. In a repair the store is the mended one. */
enum owner { ORIGIN, STORE, KEPT, MENDED };

/* A write, as a disk must see it that knows what stores are. */
struct seen {
	const struct sim *sim;
	const struct sim_write *write;
	const uint8_t *before; /* what is there */
	uint64_t chunk;
	bool is_area, clears; /* clears: an exception is there, and a zero entry comes */
};

static enum owner owner_of(const struct sim *sim, const struct device *device)
{
	ptrdiff_t number = device - sim->devices;

	if (number == 1)
		return sim->repairing ? MENDED : STORE;
	return number == 0 ? ORIGIN : KEPT;
}

static bool is_zero_entry(const uint8_t *entry)
{
	return get_le64(entry + 8) == 0;
}

static bool is_any(const struct seen *seen)
{
	(void)seen;
	return true;
}

static bool is_data(const struct seen *seen)
{
	return seen->chunk > 0 && !seen->is_area;
}

static bool is_copy(const struct seen *seen)
{
	return seen->is_area && !seen->clears;
}

static bool is_clear(const struct seen *seen)
{
	return seen->is_area && seen->clears;
}

/* The list is empty after it. */
static bool is_last_clear(const struct seen *seen)
{
	uint64_t chunk_bytes = seen->sim->chunk_bytes[seen->write->device - seen->sim->devices];

	return is_clear(seen) && seen->write->place == chunk_bytes &&
	       is_zero_entry(seen->write->data);
}

static bool is_early_clear(const struct seen *seen)
{
	return is_clear(seen) && !is_last_clear(seen);
}

static bool is_full_block(const struct seen *seen)
{
	return seen->is_area &&
	       !is_zero_entry(seen->write->data + seen->write->bytes - EXCEPTION_BYTES);
}

static bool is_end_of_list(const struct seen *seen)
{
	return seen->is_area && !is_zero_entry(seen->write->data) && !is_full_block(seen);
}

static bool has_record(const uint8_t *block, struct record *record)
{
	return record_decode(block + RECORD_OFFSET, record) == RECORD_PRESENT;
}

static bool is_record(const struct seen *seen)
{
	struct record record;

	return seen->write->place == 0 && has_record(seen->write->data, &record) &&
	       record.dropped == 0;
}

static bool is_drop(const struct seen *seen)
{
	struct record record;

	return seen->write->place == 0 && has_record(seen->write->data, &record) &&
	       record.dropped != 0;
}

static bool is_record_end(const struct seen *seen)
{
	struct record record;

	return seen->write->place == 0 && has_record(seen->before, &record) &&
	       !has_record(seen->write->data, &record);
}

static bool is_invalid(const struct seen *seen)
{
	struct header header;

	header_decode(seen->write->data, &header);
	return seen->write->place == 0 && header.valid == 0;
}

static bool is_undo(const struct sim *sim, int number)
{
	uint8_t *bytes = malloc(sim->devices[number].bytes);
	struct record record;
	bool undo;

	sim_copy(sim, number, bytes);
	undo = has_record(bytes, &record) && record.role == RECORD_UNDO;
	free(bytes);
	return undo;
}

static bool is_last_clear_with_undo(const struct seen *seen)
{
	for (int i = 2; i < SIM_DISKS && seen->sim->devices[i].name; i++)
		if (is_undo(seen->sim, i))
			return is_last_clear(seen);
	return false;
}

/* The writes that the next flush misses. */
static const struct {
	enum broken_rule rule;
	enum owner owner;
	bool (*is)(const struct seen *);
} missed[] = {
	{BREAK_NO_ORIGIN_FLUSH, ORIGIN, is_any},
	{BREAK_NO_STORE_FLUSH, STORE, is_early_clear},
	{BREAK_LATE_RECORD, STORE, is_record},
	{BREAK_EARLY_RECORD_END, STORE, is_last_clear},
	{BREAK_KEPT_DATA_NOT_FLUSHED, KEPT, is_data},
	{BREAK_KEPT_ORIGIN_EARLY, KEPT, is_end_of_list},
	{BREAK_KEPT_TORN_TAIL, KEPT, is_full_block},
	{BREAK_KEPT_RECORD_LATE, KEPT, is_record},
	{BREAK_DROP_RECORD_EARLY, KEPT, is_invalid},
	{BREAK_DROP_OWN_RECORD_EARLY, STORE, is_drop},
	{BREAK_IMPRINT_EARLY, STORE, is_last_clear_with_undo},
	{BREAK_REPAIR_HOLE, MENDED, is_copy},
	{BREAK_REPAIR_TORN_CUT, MENDED, is_clear},
	{BREAK_REPAIR_LATE_RECORD, MENDED, is_record_end},
};

static struct seen see(const struct sim *sim, const struct sim_write *write)
{
	uint64_t chunk_bytes = sim->chunk_bytes[write->device - sim->devices];
	struct seen seen = {
		.sim = sim, .write = write, .before = write->disk->current + write->offset};

	if (chunk_bytes == 0)
		return seen;
	seen.chunk = write->place / chunk_bytes;
	seen.is_area = seen.chunk % (chunk_bytes / EXCEPTION_BYTES + 1) == 1;
	for (uint32_t at = 0; seen.is_area && at < write->bytes; at += EXCEPTION_BYTES)
		seen.clears |= !is_zero_entry(seen.before + at) && is_zero_entry(write->data + at);
	return seen;
}

/* Instead of another exception the entry gets zeros. */
static void zero_changed(struct sim_write *write, const uint8_t *before)
{
	for (uint32_t at = 0; at < write->bytes; at += EXCEPTION_BYTES)
		if (memcmp(write->data + at, before + at, EXCEPTION_BYTES) != 0)
			memset(write->data + at, 0, EXCEPTION_BYTES);
}

void faulty_write(struct sim *sim, struct sim_write *write)
{
	struct seen seen;

	sim->unsettled = false;
	if (!broken_rule)
		return;
	seen = see(sim, write);
	for (size_t i = 0; i < sizeof(missed) / sizeof(missed[0]); i++)
		if (missed[i].rule == broken_rule &&
		    missed[i].owner == owner_of(sim, write->device))
			write->missed = missed[i].is(&seen);
	if (BROKEN(REPAIR_IN_PLACE) && sim->repairing && seen.is_area)
		zero_changed(write, seen.before);
}

/* The write to the origin that was done last will be missed. */
static void miss_last(struct sim *sim)
{
	for (unsigned int i = sim->completed_count; i-- > 0;)
		if (sim->writes[i]->device == &sim->devices[0]) {
			sim->writes[i]->missed = true;
			return;
		}
}

bool faulty_flush(struct sim *sim, const struct io_request *request, bool *late)
{
	bool of_origin = owner_of(sim, request->device) == ORIGIN;

	if (BROKEN(FLUSH_BEFORE_WRITES_DONE) && of_origin)
		miss_last(sim);
	if (BROKEN(ONE_FILE_FLUSHED))
		return request->flushed > 0;
	*late = BROKEN(CLEAR_BEFORE_FLUSH_DONE) && of_origin;
	if (*late)
		return true;
	if (sim->repairing ? BROKEN(REPAIR_UNSETTLED) : BROKEN(UNSETTLED))
		return sim->unsettled;
	return false;
}
