// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/note.h"

#include <inttypes.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/base/path.h"
#include "store/base/text.h"

void note_rest(const struct cli *cli, const struct device *origin)
{
	if (origin->rest_bytes > 0)
		cli_note(cli,
			 "%s: note: what is past its last whole sector (%" PRIu32
			 " byte%s) is no part of what the snapshot shows",
			 origin->name, origin->rest_bytes, text_plural(origin->rest_bytes));
}

static void note_blocks_of(const struct cli *cli, const struct store *store,
			   const struct device *device)
{
	uint64_t chunk_bytes = store->geometry.chunk_bytes;

	if (store->header_fault != HEADER_GOOD || !device_is_block(device) ||
	    chunk_bytes % device->block_bytes == 0)
		return;
	cli_note(cli,
		 "%s: warning: the kernel refuses to load this store: its chunks have %" PRIu64
		 " bytes, and %s has logical blocks of %" PRIu32
		 "; 'cowtool merge' can merge it all the same",
		 store->device->name, chunk_bytes, device->name, device->block_bytes);
}

void note_blocks(const struct cli *cli, const struct pair *pair)
{
	note_blocks_of(cli, &pair->store, pair->store.device);
	if (pair->origin.open)
		note_blocks_of(cli, &pair->store, &pair->origin);
}

void note_buffered(const struct cli *cli, const struct device *device, uint64_t chunk_bytes)
{
	if (!device_is_direct(device, chunk_bytes))
		cli_note(cli,
			 "%s: note: O_DIRECT cannot be used here; the page cache is in between",
			 device->name);
}

enum result note_right(const struct cli *cli, const struct device *device, const char *what,
		       struct failure *why)
{
	enum result result = device_refuse_read_only(device, why);

	if (result == RESULT_OK && !device_may_write(device))
		cli_note(cli, "%s: note: the %s itself needs the right to write to it",
			 device->name, what);
	return result;
}

void note_memory(const struct cli *cli, const char *name)
{
	bool typed_wrong = strncmp(name, "/dev/", 5) == 0 &&
			   strncmp(name, "/dev/shm/", strlen("/dev/shm/")) != 0;

	if (path_is_in_memory(name))
		cli_note(
			cli,
			"%s: warning: %sa file in memory: it is gone after a reboot or a power cut",
			name, typed_wrong ? "there is no such device; this is " : "is ");
}

void note_room(const struct cli *cli, const struct device *device, uint64_t bytes)
{
	uint64_t holes, free_bytes;

	if (!device_holes(device, &holes, &free_bytes) || min_u64(bytes, holes) <= free_bytes)
		return;
	cli_note(
		cli,
		"%s: warning: it is sparse: filling its holes may take up to %" PRIu64
		" bytes, and its file system has %" PRIu64
		" free; where it is full the merge ends, and goes on with --resume once there is room",
		device->name, min_u64(bytes, holes), free_bytes);
}
