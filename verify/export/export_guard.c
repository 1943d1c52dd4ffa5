// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/export/export_guard.h"

#include <stdlib.h>

#include "store/base/bytes.h"
#include "store/device/probe.h"

/* Superblocks stand in the first MiB of a disk; some RAID formats and backup tables at its end. */
#define HEAD_BYTES (1024u << 10)
#define TAIL_BYTES (128u << 10)

enum result export_refuse_own(const struct export_output *output, struct failure *why)
{
	const struct export *export = output->export;
	enum result result =
		device_refuse_same(export->origin, output->name, "as OUT and as ORIGIN", why);

	if (result == RESULT_OK)
		result = device_refuse_same(export->store->device, output->name,
					    "as OUT and as STORE", why);
	return result;
}

enum result export_refuse_existing(const struct export_output *output, struct failure *why)
{
	if (!output->exists || output->force)
		return RESULT_OK;
	return fail(why, RESULT_REFUSED,
		    "%s: exists already; name another file, or overwrite it with --force",
		    output->name);
}

/* The beginning and the end of a device, to libblkid. */
static enum result probe(struct export *export, struct device *device,
			 struct probe_identity *identity, struct failure *why)
{
	uint64_t head = min_u64(device->bytes, HEAD_BYTES);
	uint64_t tail = max_u64(head, round_down(device->bytes - min_u64(device->bytes, TAIL_BYTES),
						 BUFFER_ALIGNMENT));
	uint8_t *bytes = io_buffer(HEAD_BYTES + TAIL_BYTES + BUFFER_ALIGNMENT);
	struct probe_range ranges[2] = {{0, head, bytes},
					{tail, device->bytes - tail, bytes + HEAD_BYTES}};
	enum result result = RESULT_OK;

	if (!bytes)
		return fail_memory(why, "the device's first block", HEAD_BYTES);
	for (int i = 0; i < 2 && result == RESULT_OK; i++)
		if (ranges[i].bytes > 0)
			result = io_read(export->io, device, ranges[i].offset,
					 bytes + i * (size_t)HEAD_BYTES, ranges[i].bytes, why);
	if (result == RESULT_OK)
		result = probe_bytes(device->bytes, ranges, 2, identity, why);
	free(bytes);
	return result;
}

enum result export_refuse_content(struct export_output *output, struct failure *why)
{
	struct probe_identity identity = {.type = ""};
	enum result result;

	if (output->force)
		return RESULT_OK;
	result = probe(output->export, &output->device, &identity, why);
	if (result == RESULT_OK && identity.type[0])
		result = fail(
			why, RESULT_REFUSED,
			"%s: holds something already (%s%s%s); name another device, or overwrite it with --force",
			output->name, identity.type, identity.uuid[0] ? ", UUID " : "",
			identity.uuid);
	return result;
}

enum result export_refuse_state(const struct export_output *output,
				enum export_state_presence presence, struct failure *why)
{
	if (presence == EXPORT_STATE_FOREIGN)
		return fail(
			why, RESULT_REFUSED,
			"%s: has the name that cowtool needs beside %s, and is not cowtool's; rename it, or name another file",
			output->state_path, output->name);
	/* Without an image nothing is lost when it begins anew. */
	if (!output->exists)
		return RESULT_OK;
	if (output->resume && presence == EXPORT_STATE_DAMAGED)
		return fail(
			why, RESULT_REFUSED,
			"%s: is damaged, or of another version of cowtool: how far the export is cannot be told; without --resume, --force begins anew",
			output->state_path);
	/* An empty one was made by an export that was killed before it could say how far it is. */
	if (output->resume && presence == EXPORT_STATE_ABSENT && output->found.st_size > 0)
		return fail(
			why, RESULT_REFUSED,
			"%s: exists, and no unfinished export of cowtool stands there (there is no %s): it may be complete already, for then that file is removed; if you know that it is not, --force without --resume overwrites it",
			output->name, output->state_path);
	if (!output->resume && !output->force && presence != EXPORT_STATE_ABSENT)
		return fail(
			why, RESULT_REFUSED,
			"%s: an unfinished export stands there; --resume goes on with it, --force begins anew",
			output->name);
	return RESULT_OK;
}

enum result export_refuse_other(const struct export_output *output,
				const struct export_state *earlier, struct failure *why)
{
	const struct export_state *state = &output->export->state;

	if (!export_state_same(state, earlier))
		return fail(
			why, RESULT_REFUSED,
			"%s: was begun with another ORIGIN or STORE, or the store was changed since; without --resume, --force begins anew",
			output->name);
	if (output->device.bytes < round_down(earlier->done_bytes, SECTOR_BYTES))
		return fail(
			why, RESULT_REFUSED,
			"%s: has %llu bytes, and %llu were exported already; without --resume, --force begins anew",
			output->name, (unsigned long long)output->device.bytes,
			(unsigned long long)earlier->done_bytes);
	return RESULT_OK;
}
