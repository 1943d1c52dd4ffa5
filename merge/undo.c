// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/undo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "merge/records.h"
#include "store/base/error.h"
#include "store/base/path.h"
#include "store/cow/store_create.h"
#include "verify/check/imprint.h"

enum result undo_look(struct undo *undo, const char *name, bool resume, struct failure *why)
{
	struct stat status;
	enum result result;

	*undo = (struct undo){.name = name, .is_there = lstat(name, &status) == 0};
	result = path_refuse_dangling(name, why);
	if (result == RESULT_OK && undo->is_there && !resume)
		result = fail_remedy(why, RESULT_REFUSED, REMEDY_NEW_UNDO, NULL,
				     "%s: exists already", name);
	undo->is_left = undo->is_there && path_is_hole(name, &undo->left_bytes);
	return result;
}

static enum result refuse_other(const char *name, struct failure *why)
{
	return fail(
		why, RESULT_REFUSED,
		"%s: exists already, and is not the undo store of this merge; remove it, or name a file that does not exist",
		name);
}

enum result undo_match_begun(const struct store *store, bool never_began, struct failure *why)
{
	if (store->record_presence == RECORD_PRESENT && store->record.role == RECORD_UNDO &&
	    never_began)
		return RESULT_OK;
	return refuse_other(store->device->name, why);
}

enum result undo_begin(const struct undo *undo, struct kept *kept, struct device *device,
		       struct io *io, struct failure *why)
{
	kept->is_new = true;
	kept->store->io = io;
	kept->store->device = device;
	device->name = strdup(undo->name);
	return device->name ? RESULT_OK : fail_memory(why, "a name", strlen(undo->name));
}

uint64_t undo_bytes(const struct kept *kept)
{
	return geometry_bytes_for(kept->store->geometry.chunk_sectors, kept->needed);
}

enum result undo_check(const struct undo *undo, const struct kept *kept, bool force,
		       struct failure *why)
{
	uint64_t bytes = undo_bytes(kept), free_bytes = 0;
	int error;

	if (undo->is_left && undo->left_bytes != 0 && undo->left_bytes != bytes)
		return refuse_other(undo->name, why);
	if (path_is_in_memory(undo->name) && !force)
		return fail_remedy(
			why, RESULT_REFUSED, REMEDY_FILE_ON_DISK, NULL,
			"%s: would be a file in memory: a reboot or a power cut loses it, and with it the way back, and the way on of a merge that is unfinished then",
			undo->name);
	error = path_look_beside(undo->name, &free_bytes);
	if (error)
		return fail_errno(why, error_result(error), error, "%s: cannot make this file",
				  undo->name);
	if (bytes < free_bytes)
		return RESULT_OK;
	return fail(why, RESULT_NO_SPACE,
		    "%s: there is no space for it: it may grow to %llu bytes, and %llu are free",
		    undo->name, (unsigned long long)bytes, (unsigned long long)free_bytes);
}

enum result undo_require_whole(const struct kept *kept, uint64_t unreadable, struct failure *why)
{
	if (kept->role != RECORD_UNDO || kept->is_new || kept->needed + unreadable >= kept->room)
		return RESULT_OK;
	return fail_remedy(
		why, RESULT_REFUSED, REMEDY_DROP_KEPT, kept->store->device->name,
		"%s: does not hold all of what the origin was: something else has merged %llu chunks since (the kernel?)",
		kept->store->device->name, (unsigned long long)(kept->room - kept->needed));
}

enum result undo_make(const struct undo *undo, struct kept *kept, struct failure *why)
{
	struct device *device = kept->store->device;
	uint64_t bytes = 0;

	/* Somebody may have written to it meanwhile. */
	if (undo->is_left && (!path_is_hole(undo->name, &bytes) || bytes != undo->left_bytes))
		return refuse_other(undo->name, why);
	if (undo->is_left && unlink(undo->name) != 0)
		return fail_errno(why, RESULT_IO, errno, "%s: cannot remove this empty file",
				  undo->name);
	free(device->name);
	return device_create(device, undo->name, undo_bytes(kept), why);
}

enum result undo_write(struct kept *kept, const struct record *record, struct failure *why)
{
	struct store *store = kept->store;
	struct device *device = store->device;
	struct io *io = store->io;
	enum result result = store_create(device, io, record->store_chunk_sectors, record, why);

	if (result == RESULT_OK)
		result = store_open(store, device, io, why);
	kept->is_new = result != RESULT_OK;
	return result;
}

void undo_forget(const struct kept *kept)
{
	if (kept->is_new && kept->store->device->open)
		device_unlink(kept->store->device);
}

enum result undo_end(const struct kept *kept, struct device *origin, struct failure *why)
{
	struct store *store = kept->store;
	uint64_t exceptions = kept->check.summary.exceptions + kept->exceptions_added;
	uint64_t merged_bytes = origin->bytes;
	struct imprint imprint;
	struct failure ignored;
	enum result result = RESULT_REFUSED;

	/* It will be merged into all of it. */
	if (kept->origin_bytes)
		origin->bytes = kept->origin_bytes;
	if (store->record_presence != RECORD_ABSENT && exceptions > 0)
		result = imprint_make(store, exceptions, origin, &imprint, &ignored);
	origin->bytes = merged_bytes;
	if (result != RESULT_OK)
		return records_end(store, why);
	result = store_write_imprint(store, &imprint, why);
	if (result == RESULT_OK)
		store->record_presence = RECORD_ABSENT;
	return result;
}
