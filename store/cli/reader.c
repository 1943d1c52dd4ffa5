// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/reader.h"

#include <string.h>

#include "store/io/io_engine.h"
#include "store/cli/notes.h"
#include "store/device/usage.h"

static enum result open_saved(struct reader *reader, const struct cli *cli, const char *name,
			      struct failure *why)
{
	enum result result;

	device_close(&reader->device, why); /* it was only looked at: that cannot fail */
	result = savefile_open(&reader->saved, name, why);
	if (result != RESULT_OK)
		return result;
	cli_note(cli, "%s: note: a saved file: this is what the store was when it was saved", name);
	savefile_io_open(&reader->io, &reader->saved);
	reader->io.stop = &cli_stop_requested;
	return store_open(&reader->store, &reader->saved.device, &reader->io, why);
}

enum result reader_open(struct reader *reader, const struct cli *cli, const char *name,
			struct failure *why)
{
	enum result result;
	struct usage usage;

	memset(reader, 0, sizeof(*reader));
	result = device_open(&reader->device, name, DEVICE_LOOK, why);
	if (result != RESULT_OK)
		return result;
	if (savefile_detect(&reader->device))
		return open_saved(reader, cli, name, why);
	if (usage_find_or_lock(&reader->device, &usage))
		cli_note(cli, "%s: warning: %s; what is read here may be changing", name,
			 usage.phrase);
	note_unseen(cli, name, usage.unseen);
	result = io_engine_open(&reader->io, IO_ENGINE_AUTO, why);
	reader->io.stop = &cli_stop_requested;
	if (result == RESULT_OK)
		result = store_open(&reader->store, &reader->device, &reader->io, why);
	reader->store.gaps = &reader->gaps;
	return result;
}

bool reader_is_saved(const struct reader *reader)
{
	return reader->saved.file.open;
}

enum result reader_require_store(const struct reader *reader, struct failure *why)
{
	if (!reader_is_saved(reader))
		return RESULT_OK;
	return fail(why, RESULT_REFUSED,
		    "%s: is a saved file, which holds the metadata alone; name the store itself",
		    reader->store.device->name);
}

enum result reader_refuse_same(const struct reader *reader, const char *origin, struct failure *why)
{
	const struct device *read = reader_is_saved(reader) ? &reader->saved.file : &reader->device;

	return device_refuse_same(read, origin, "as ORIGIN and as STORE", why);
}

void reader_close(struct reader *reader)
{
	struct failure ignored; /* nothing was written: a failing close loses nothing */

	gaps_free(&reader->gaps);
	io_close(&reader->io);
	savefile_close(&reader->saved);
	device_close(&reader->device, &ignored);
}

enum result reader_open_origin(struct device *origin, const char *name, struct failure *why)
{
	enum result result = device_open(origin, name, DEVICE_LOOK, why);

	return result == RESULT_OK ? foreign_check_origin(origin, why) : result;
}
