// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cow/ends.h"

#include <stdlib.h>

#include "store/base/bytes.h"

enum result ends_make(uint64_t disk_bytes, struct view_range ends[ENDS_COUNT], struct failure *why)
{
	uint64_t head = min_u64(disk_bytes, PROBE_HEAD_BYTES), tail = probe_tail(disk_bytes);

	ends[0] = (struct view_range){0, head, io_buffer(PROBE_HEAD_BYTES)};
	ends[1] = (struct view_range){tail, disk_bytes - tail,
				      io_buffer(PROBE_TAIL_BYTES + 2ull * BUFFER_ALIGNMENT)};
	return ends[0].buffer && ends[1].buffer
		       ? RESULT_OK
		       : fail_memory(why, "what the disk begins with", PROBE_HEAD_BYTES);
}

void ends_free(struct view_range ends[ENDS_COUNT])
{
	for (int i = 0; i < ENDS_COUNT; i++)
		free(ends[i].buffer);
}

enum result ends_probe(uint64_t disk_bytes, const struct view_range ends[ENDS_COUNT],
		       struct probe_identity *identity, struct failure *why)
{
	struct probe_range bytes[ENDS_COUNT];

	for (int i = 0; i < ENDS_COUNT; i++)
		bytes[i] = (struct probe_range){ends[i].offset, ends[i].bytes, ends[i].buffer};
	return probe_bytes(disk_bytes, bytes, ENDS_COUNT, identity, why);
}

enum result ends_probe_device(struct io *io, struct device *device, struct probe_identity *identity,
			      struct failure *why)
{
	struct view_range ends[ENDS_COUNT];
	enum result result = ends_make(device->bytes, ends, why);

	if (result == RESULT_OK)
		result = view_read(io, device, ends, ENDS_COUNT, why);
	if (result == RESULT_OK)
		result = ends_probe(device->bytes, ends, identity, why);
	ends_free(ends);
	return result;
}
