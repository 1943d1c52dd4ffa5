// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/reader.h"

#include <string.h>

#include "store/io_engines.h"
#include "store/usage.h"

enum result reader_open(struct reader *reader, const struct cli *cli, const char *name,
			struct failure *why)
{
	enum result result;
	char phrase[512];

	memset(reader, 0, sizeof(*reader));
	reader->device.fd = -1;
	result = device_open(&reader->device, name, DEVICE_LOOK, why);
	if (result != RESULT_OK)
		return result;
	if (usage_find(&reader->device, phrase, sizeof(phrase)))
		cli_note(cli, "%s: warning: %s; what is read here may be changing", name, phrase);
	result = io_engine_open(&reader->io, IO_ENGINE_AUTO, why);
	if (result == RESULT_OK)
		result = store_open(&reader->store, &reader->device, &reader->io, why);
	return result;
}

void reader_close(struct reader *reader)
{
	struct failure ignored; /* nothing was written: a failing close loses nothing */

	io_close(&reader->io);
	device_close(&reader->device, &ignored);
}

enum result reader_open_origin(struct device *origin, const char *name, struct failure *why)
{
	enum result result = device_open(origin, name, DEVICE_LOOK, why);

	return result == RESULT_NOT_THERE ? RESULT_REFUSED : result;
}
