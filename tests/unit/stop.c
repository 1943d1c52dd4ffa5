// SPDX-License-Identifier: GPL-2.0-or-later
/* The user's wish to stop ends what reads the metadata, however much of it there seems to be. */
#include "tests/unit/unit.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "merge/commit.h"
#include "store/base/bytes.h"
#include "store/savefile/savefile.h"
#include "verify/check/check.h"

/* ---- a disk of any size that has the same exception in every place, or zeros ---- */

static struct device device = {.name = (char[]){"store"}, .block_bytes = 512, .writable = true};
static struct io vast_io;
static struct store store;
static struct failure why;
static struct io_request *queue;
static volatile sig_atomic_t stop;
static unsigned int reads, stop_at; /* stop_at: with this read the user asks to stop */
static uint8_t fill;

static void vast_submit(struct io *io, struct io_request *request)
{
	(void)io;
	request->next = queue;
	queue = request;
}

static void vast_reap(struct io *io)
{
	struct io_request *request = queue;

	queue = request->next;
	stop = ++reads >= stop_at;
	memset(request->iov[0].iov_base, fill, request->place.bytes);
	if (request->place.offset == 0)
		header_encode(&store.header, request->iov[0].iov_base);
	io_complete(io, request, (ssize_t)request->place.bytes);
}

static void vast_close(struct io *io)
{
	(void)io;
}

static const struct io_engine vast_engine = {"vast", vast_submit, vast_reap, vast_close};

static void make_vast(uint32_t chunk_sectors, uint64_t bytes, uint8_t every_byte, unsigned int at)
{
	struct header header = {HEADER_MAGIC, 1, HEADER_VERSION, chunk_sectors};

	device.bytes = bytes;
	vast_io = (struct io){.engine = &vast_engine, .depth = 16};
	store = (struct store){.device = &device, .io = &vast_io};
	store_assume_header(&store, &header);
	fill = every_byte;
	stop = 0;
	reads = 0;
	stop_at = at;
}

/* ---- tests ---- */

static const uint64_t large = (uint64_t)1 << 60;

static void a_sweep_stops(void)
{
	make_vast(1, large, 0, 100);
	vast_io.stop = &stop;
	CHECK(commit_sweep(&store, 0, geometry_areas(&store.geometry) * 32, &why) ==
	      RESULT_STOPPED);
	CHECK(reads < 1000);
}

static void so_does_a_check(void)
{
	struct check check = {.store = &store};

	make_vast(1, large, 1, 100);
	vast_io.stop = &stop;
	CHECK(check_run(&check, &why) == RESULT_STOPPED);
	CHECK(strcmp(why.text, "store: stopped on request; nothing was written") == 0);
	CHECK(reads < 1000);
}

static bool there_is(const char *pattern)
{
	glob_t found;
	bool any = glob(pattern, 0, NULL, &found) == 0;

	globfree(&found);
	return any;
}

/* Wherever the stop comes, also in the middle of an area: a stop is no end of the list. */
static void a_save_stops(void)
{
	char folder[] = "/tmp/cowtool-stop.XXXXXX", path[64], pattern[64];

	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/saved", folder);
	snprintf(pattern, sizeof(pattern), "%s/*", folder);
	for (uint32_t sectors = 1; sectors <= 8192; sectors *= 2)
		for (unsigned int at = 1; at <= 8; at++) {
			make_vast(sectors, large, 1, at);
			CHECK(savefile_write(&store, path, false, &stop, &why) == RESULT_STOPPED);
			CHECK(strstr(why.text, "stopped on request; nothing was written") != NULL);
			CHECK(!there_is(pattern));
		}
	CHECK(rmdir(folder) == 0);
}

int main(void)
{
	unit_run("stop: a sweep of areas that a record counts stops", a_sweep_stops);
	unit_run("stop: so does a check of a list that does not end", so_does_a_check);
	unit_run("stop: so does a save, with chunks of every size, and leaves nothing",
		 a_save_stops);
	return unit_end();
}
