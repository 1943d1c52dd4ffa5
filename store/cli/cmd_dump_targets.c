// SPDX-License-Identifier: GPL-2.0-or-later
/* What cowtool dump --map --format=table prints: a table for dmsetup(8), of the targets linear and
 * zero alone. */
#include "store/cli/cmd_dump.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "store/base/bytes.h"
#include "store/base/suggest.h"
#include "store/cow/view_map.h"

struct targets {
	struct dump *dump;
	uint64_t lost_bytes;
};

/* A path that has no blank, and nothing that is to be escaped, is one word of a table. */
static bool is_word(const char *path)
{
	for (; *path; path++)
		if (*path <= ' ' || *path == '\\' || *path > '~')
			return false;
	return true;
}

static enum result print_linear(uint64_t offset, const struct device_place *place)
{
	const struct device_file *file = place->file;
	uint64_t sector = offset / SECTOR_BYTES, sectors = place->bytes / SECTOR_BYTES;

	if (file->is_block && !(*file->path == '/' && is_word(file->path)))
		printf("%" PRIu64 " %" PRIu64 " linear %u:%u %" PRIu64 "\n", sector, sectors,
		       major(file->number), minor(file->number), place->offset / SECTOR_BYTES);
	else
		cli_print(stdout, "%" PRIu64 " %" PRIu64 " linear %s %" PRIu64, sector, sectors,
			  file->path, place->offset / SECTOR_BYTES);
	return ferror(stdout) ? RESULT_OUTPUT : RESULT_OK;
}

static enum result print_extent(void *context, const struct view_extent *extent,
				struct failure *why)
{
	struct targets *targets = context;
	const struct dump *dump = targets->dump;
	const struct device *source =
		extent->source == VIEW_ORIGIN ? dump->origin : dump->store->device;
	enum result result = RESULT_OK;
	struct device_place place;

	(void)why;
	if (extent->source == VIEW_LOST) {
		targets->lost_bytes += extent->bytes;
		printf("%" PRIu64 " %" PRIu64 " zero\n", extent->offset / SECTOR_BYTES,
		       extent->bytes / SECTOR_BYTES);
		return ferror(stdout) ? RESULT_OUTPUT : RESULT_OK;
	}
	for (uint64_t done = 0; done < extent->bytes && result == RESULT_OK; done += place.bytes) {
		place = device_place(source, extent->source_offset + done, extent->bytes - done);
		result = print_linear(extent->offset + done, &place);
	}
	return result;
}

static bool has_file(const struct device *device, const char *path)
{
	for (unsigned int i = 0; i < device_file_count(device); i++)
		if (strcmp(device_file(device, i)->path, path) == 0)
			return true;
	return false;
}

/* The device mapper takes block devices alone. */
static void tell_files(const struct dump *dump, const struct device *device,
		       const struct device *told)
{
	struct suggestion command;

	for (unsigned int i = 0; i < device_file_count(device); i++) {
		const struct device_file *file = device_file(device, i);

		if (file->is_block || (told && has_file(told, file->path)))
			continue;
		cli_note(dump->cli,
			 "%s: is a file: attach it with %s, and name the loop device in its place",
			 file->path,
			 suggest(&command, "losetup --find --show --read-only %s", file->path));
	}
}

enum result dump_targets(struct dump *dump, bool *area_missing, struct failure *why)
{
	struct targets targets = {.dump = dump};
	struct view_map_walk walk = {.store = dump->store,
				     .origin_bytes = dump->origin->bytes,
				     .found = print_extent,
				     .context = &targets};
	enum result result;

	tell_files(dump, dump->origin, NULL);
	tell_files(dump, dump->store->device, dump->origin);
	result = dump_walk(dump, &walk, why);
	*area_missing = walk.area_missing;
	if (targets.lost_bytes > 0)
		cli_message(
			dump->cli,
			"%s: warning: %" PRIu64
			" bytes of the view are lost, and are zeros in the table; --map without --format=table lists them",
			dump->store->device->name, targets.lost_bytes);
	return result;
}
