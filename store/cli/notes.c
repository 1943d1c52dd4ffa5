// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/notes.h"

#include <inttypes.h>

#include "store/base/text.h"

void note_rest(const struct cli *cli, const struct device *origin)
{
	if (origin->rest_bytes > 0)
		cli_note(cli,
			 "%s: note: what is behind its last whole sector (%" PRIu32
			 " byte%s) is no "
			 "part of what the snapshot shows",
			 origin->name, origin->rest_bytes, plural(origin->rest_bytes));
}

void note_blocks(const struct cli *cli, const struct store *store, const struct device *device)
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

void note_unseen(const struct cli *cli, const char *name, bool unseen)
{
	if (unseen)
		cli_note(cli,
			 "%s: warning: whether it is attached to a loop device, and used there, "
			 "cannot be told: neither /sys nor the loop devices in /dev can be looked "
			 "at",
			 name);
}

enum result note_right(const struct cli *cli, const struct device *device, const char *what,
		       struct failure *why)
{
	enum result result = device_refuse_read_only(device, why);

	if (result == RESULT_OK)
		note_unseen(cli, device->name, device->unseen);
	if (result == RESULT_OK && !device_may_write(device))
		cli_note(cli, "%s: note: the %s itself needs the right to write to it",
			 device->name, what);
	return result;
}
