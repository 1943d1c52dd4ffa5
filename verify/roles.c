// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/roles.h"

#include <stdlib.h>

#include "store/bytes.h"

/* Does a device begin with a header that the kernel would accept? */
static enum result begins_with_store(struct device *device, struct io *io, bool *begins,
				     struct failure *why)
{
	size_t bytes = (size_t)min_u64(device->bytes, BUFFER_ALIGNMENT);
	struct header header;
	enum result result;
	uint8_t *block;

	*begins = false;
	if (bytes < SECTOR_BYTES)
		return RESULT_OK;
	device_fit(device, BUFFER_ALIGNMENT);
	block = io_buffer_zeroed(BUFFER_ALIGNMENT);
	if (!block)
		return fail_memory(why, "the origin's first block", BUFFER_ALIGNMENT);
	result = io_read(io, device, 0, block, bytes, why);
	header_decode(block, &header);
	*begins = result == RESULT_OK && header_check(&header) == HEADER_GOOD;
	free(block);
	return result;
}

enum result roles_check(const struct store *store, struct device *origin, bool force,
			bool may_be_unreadable, const char *usage, struct failure *why)
{
	bool origin_is_store;
	enum result result = begins_with_store(origin, store->io, &origin_is_store, why);

	if (result != RESULT_OK && !(result == RESULT_IO && may_be_unreadable))
		return result;
	if (origin_is_store && store->header_fault != HEADER_GOOD)
		return fail(why, RESULT_REFUSED,
			    "%s: is a COW store, and %s is none: ORIGIN and STORE are swapped; %s",
			    origin->name, store->device->name, usage);
	result = store_require_header(store, why);
	if (result == RESULT_OK && origin_is_store && !force)
		result = fail(
			why, RESULT_REFUSED,
			"%s: is itself a COW store, not an origin; name the right origin, or use "
			"--force",
			origin->name);
	return result;
}

enum result roles_check_origin(struct device *origin, struct io *io, struct failure *why)
{
	bool origin_is_store = false;
	enum result result;

	if (origin->bytes == 0)
		return fail(why, RESULT_REFUSED,
			    "%s: has no bytes, so it is not the origin (a loop device may not be "
			    "attached); name the right origin",
			    origin->name);
	result = begins_with_store(origin, io, &origin_is_store, why);
	if (result == RESULT_OK && origin_is_store)
		result = fail(why, RESULT_REFUSED,
			      "%s: is itself a COW store, not an origin; name the right origin",
			      origin->name);
	return result;
}
