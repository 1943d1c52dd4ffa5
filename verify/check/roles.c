// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/roles.h"

#include <stdlib.h>

#include "store/base/bytes.h"
#include "store/device/foreign.h"
#include "store/device/probe.h"
#include "store/savefile/savefile.h"
#include "verify/check/stacked.h"

/* What can be no origin. */
struct beginning {
	bool of_store; /* a header that the kernel would accept */
	bool of_saved_file;
	const struct foreign_format *format; /* of a container; NULL: of none */
};

static enum result look(struct device *device, struct io *io, struct beginning *beginning,
			struct failure *why)
{
	size_t bytes = (size_t)min_u64(device->bytes, BUFFER_ALIGNMENT);
	struct header header;
	enum result result;
	uint8_t *block;

	*beginning = (struct beginning){.of_store = false};
	if (bytes < SECTOR_BYTES)
		return RESULT_OK;
	block = io_buffer_zeroed(BUFFER_ALIGNMENT);
	if (!block)
		return fail_memory(why, "the origin's first block", BUFFER_ALIGNMENT);
	result = io_read(io, device, 0, block, bytes, why);
	header_decode(block, &header);
	if (result == RESULT_OK)
		*beginning = (struct beginning){.of_store = header_check(&header) == HEADER_GOOD,
						.of_saved_file = probe_is_saved_file(block),
						.format = foreign_format(block)};
	free(block);
	return result;
}

static enum result refuse_beginning(const struct device *origin, const struct beginning *beginning,
				    bool consent, struct failure *why)
{
	enum remedy remedy = consent ? REMEDY_RIGHT_ORIGIN : REMEDY_NAME_RIGHT_ORIGIN;

	if (beginning->of_store)
		return fail_remedy(why, RESULT_REFUSED, remedy, NULL,
				   "%s: is itself a COW store, not an origin", origin->name);
	if (beginning->of_saved_file)
		return fail_remedy(
			why, RESULT_REFUSED, remedy, NULL,
			"%s: is a saved file, with the metadata of a store, not an origin",
			origin->name);
	if (beginning->format)
		return foreign_refuse_origin(beginning->format, origin->name, consent, why);
	return stacked_check(origin, remedy, why);
}

enum result roles_check(const struct store *store, struct device *origin, bool force,
			bool may_be_unreadable, struct failure *why)
{
	struct beginning beginning;
	enum result result = look(origin, store->io, &beginning, why);

	if (result != RESULT_OK && !(result == RESULT_IO && may_be_unreadable))
		return result;
	if (beginning.of_store && store->header_fault != HEADER_GOOD)
		return fail_remedy(
			why, RESULT_REFUSED, REMEDY_USAGE, NULL,
			"%s: is a COW store, and %s is none: ORIGIN and STORE are swapped",
			origin->name, store->device->name);
	result = store_require_header(store, why);
	if (result == RESULT_OK && !force)
		result = refuse_beginning(origin, &beginning, true, why);
	return result;
}

enum result roles_check_origin(struct device *origin, struct io *io, struct failure *why)
{
	struct beginning beginning;
	enum result result;

	if (origin->bytes == 0)
		return fail_remedy(
			why, RESULT_REFUSED, REMEDY_NAME_RIGHT_ORIGIN, NULL,
			"%s: has no bytes, so it is not the origin (a loop device may not be attached)",
			origin->name);
	result = look(origin, io, &beginning, why);
	if (result == RESULT_OK)
		result = refuse_beginning(origin, &beginning, false, why);
	return result;
}
