// SPDX-License-Identifier: GPL-2.0-or-later
/* repair_find_header: verify/rebuild on a device. */
#include "verify/repair/repair.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/cow/gaps.h"

struct source {
	const struct store *store;
	uint8_t *buffer; /* aligned */
	size_t bytes;
};

static enum result read_source(void *context, uint64_t offset, uint8_t *buffer, size_t bytes,
			       struct failure *why)
{
	struct source *source = context;
	struct device *device = source->store->device;
	/* O_DIRECT reads whole blocks; it must not be lost here for the writes that follow. */
	uint64_t unit = device_unit(device, BUFFER_ALIGNMENT);
	uint64_t start = round_down(offset, unit);
	size_t whole = (size_t)(round_up(offset + bytes, unit) - start);
	enum result result;

	if (io_stop_requested(source->store->io))
		return fail_stopped(why, device->name);
	if (whole > source->bytes) {
		free(source->buffer);
		source->bytes = 0;
		source->buffer = io_buffer(whole);
		if (!source->buffer)
			return fail_memory(why, "looking for the header", whole);
		source->bytes = whole;
	}
	result = gaps_read_bytes(source->store, start, source->buffer, whole, why);
	if (result == RESULT_OK)
		memcpy(buffer, source->buffer + (offset - start), bytes);
	return result;
}

enum result repair_was_given_up(const struct store *store, bool *given_up, struct failure *why)
{
	struct check check = {.store = store};
	enum result result = check_header(&check, why);

	*given_up = check.first_error.trace == TRACE_HEADER_RACE;
	return result;
}

enum result repair_find_header(const struct store *store, uint32_t named, struct rebuild *rebuild,
			       struct failure *why)
{
	struct device *device = store->device;
	struct source source = {.store = store};
	struct rebuild_source device_source = {
		.bytes = device->bytes,
		.block_bytes = device_is_block(device) ? device->block_bytes : SECTOR_BYTES,
		.read = read_source,
		.context = &source,
	};
	enum result result = rebuild_infer(&device_source, named, rebuild, why);

	free(source.buffer);
	return result;
}
