/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the reading commands open a store, or a saved file in its place: no hold on it, a warning where
 * somebody else uses it. */
#ifndef STORE_CLI_READER_H
#define STORE_CLI_READER_H

#include "store/cli/cli.h"
#include "store/cow/gaps.h"
#include "store/savefile/savefile.h"
#include "store/cow/store.h"

struct reader {
	struct device device; /* fd -1 where a saved file is read: store.device is right for both */
	struct savefile saved; /* fd -1 where a store is read */
	struct io io;
	struct store store;
	struct gaps gaps; /* of the store: it is read as far as it can be */
};

/* Opens device, queue and store; see store_open for what is accepted. Close it also after an error.
 */
enum result reader_open(struct reader *reader, const struct cli *cli, const char *name,
			struct failure *why);

/* Is it a saved file that is read? */
bool reader_is_saved(const struct reader *reader);

/* RESULT_REFUSED for a saved file: it holds neither data nor what stands behind the list's end. */
enum result reader_require_store(const struct reader *reader, struct failure *why);

/* RESULT_REFUSED where ORIGIN has this name and is what is read here. */
enum result reader_refuse_same(const struct reader *reader, const char *origin,
			       struct failure *why);

void reader_close(struct reader *reader);

/* Opens the origin of a store that is read. "Not there" is said of stores only: an origin that
 * leads nowhere is RESULT_REFUSED. device_close it, also after an error. */
enum result reader_open_origin(struct device *origin, const char *name, struct failure *why);

#endif
