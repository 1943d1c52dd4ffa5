/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Can everything be read that a merge would read (the store's data chunks) and overwrite (the
 * origin's chunks)? Media errors are found before the merge then, not in it. Writes nothing, prints
 * nothing.
 *
 * Many requests are in flight, on both devices, in bounded memory. Where one fails, it is repeated
 * in smaller and smaller parts until it is known which blocks are unreadable.
 */
#ifndef VERIFY_CHECK_DATA_H
#define VERIFY_CHECK_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "store/cow/store.h"

/* Bytes that cannot be read, as far as they are neighbours, on the device and in the view. */
struct data_place {
	bool in_origin;	 /* else in the store */
	uint64_t offset; /* on the device, bytes */
	uint64_t bytes;
	/* The part of the view that is affected. In the origin it is these bytes themselves: the
	 * view has them from the store, and a merge would write them. view_bytes 0: past the
	 * origin's end. */
	uint64_t view_offset, view_bytes;
	int error; /* an errno value */
};

/* What is looked at, and who wants to be told. */
struct data_options {
	const struct store *store;
	struct device *origin; /* read through the store's queue */
	const struct summary
		*before; /* of the exceptions, when they were read first; NULL: not known */
	/* Called for every place, those of each device in no particular order. */
	void (*report)(void *context, const struct data_place *place);
	/* NULL, or called now and then; counts the bytes of both devices. */
	void (*progress)(void *context, uint64_t done_bytes);
	void *context;
};

/* In bytes but for the places. */
struct data_results {
	uint64_t store_bytes, origin_bytes; /* looked at */
	uint64_t places;
	uint64_t store_unreadable, origin_unreadable;
	uint64_t view_unreadable; /* of the view, for what is unreadable in the store */
};

/*
 * Looks at all data of the live exceptions; those without data on the device or outside the origin
 * are left out. RESULT_OK also where places are unreadable; RESULT_IO: the metadata could not be
 * read; RESULT_REFUSED: it is not what it was before. The results are as far as it came then. Needs
 * a good header.
 */
enum result data_check(const struct data_options *options, struct data_results *results,
		       struct failure *why);

#endif
