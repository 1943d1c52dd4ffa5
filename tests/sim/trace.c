// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The trace check: a real engine works on real files, and the simulator's disks follow it, request
 * by request. What they say a power cut could leave is judged like any simulated state. So an
 * engine that reordered, repeated or forgot something is found out, however it is made.
 */
#include "tests/sim/sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/io/io_engine.h"

/* A request on its way through the real engine. */
struct carried {
	struct io_request request;
	struct io_request *outer; /* of the merge */
	struct sim *sim;
	struct iovec iov[];
};

static void carried_done(struct io_request *request)
{
	struct carried *carried = request->owner;
	struct io_request *outer = carried->outer;
	struct sim *sim = carried->sim;
	int error = request->error;

	free(carried);
	if (error == 0)
		sim_follow(sim, outer);
	else
		abort(); /* the files are sound: no request may fail */
	/* The files have no block that cannot be read. */
	io_complete(&sim->io, outer,
		    sim_is_unreadable(sim, outer) ? -EIO : (ssize_t)outer->place.bytes);
}

static void trace_submit(struct io *io, struct io_request *outer)
{
	struct sim *sim = io->state;
	struct carried *carried =
		malloc(sizeof(*carried) + outer->iov_count * sizeof(carried->iov[0]));

	sim_remember(sim, outer);
	carried->outer = outer;
	carried->sim = sim;
	memcpy(carried->iov, outer->iov, outer->iov_count * sizeof(carried->iov[0]));
	io_prepare_vector(&carried->request, outer->operation,
			  &sim->real_disks[sim_disk_of(sim, outer) - sim->disks],
			  outer->place.offset, carried->iov, outer->iov_count);
	carried->request.done = carried_done;
	carried->request.owner = carried;
	io_submit(&sim->real, &carried->request);
}

static void trace_reap(struct io *io)
{
	struct sim *sim = io->state;

	io_wait(&sim->real);
}

static void trace_close_engine(struct io *io)
{
	io->state = NULL;
}

static const struct io_engine trace_engine = {"trace", trace_submit, trace_reap,
					      trace_close_engine};

static int open_file(const struct sim_disk *disk)
{
	const char *folder = getenv("TMPDIR");
	char path[4096];
	int fd, written;

	if ((size_t)snprintf(path, sizeof(path), "%s/cowtool-trace-XXXXXX",
			     folder && *folder ? folder : "/var/tmp") >= sizeof(path))
		abort();
	written = mkstemp(path);
	if (written < 0)
		abort();
	fd = open(path, O_RDWR | O_DIRECT);
	if (fd < 0)
		fd = open(path, O_RDWR);
	unlink(path);
	if (pwrite(written, disk->current, disk->bytes, 0) != (ssize_t)disk->bytes)
		abort();
	close(written);
	return fd;
}

/* The real file of a simulated disk. */
static void open_disk(struct device *device, const struct sim_disk *disk)
{
	*device = (struct device){.bytes = disk->bytes,
				  .block_bytes = disk->block_bytes,
				  .writable = true,
				  .file.fd = open_file(disk)};
	if (device->file.fd < 0)
		abort();
}

bool trace_has(int engine)
{
	struct failure why;
	struct io io;

	if (io_engine_open(&io, (enum io_engine_choice)engine, &why) != RESULT_OK)
		return false;
	io_close(&io);
	return true;
}

void trace_open(struct sim *sim, int engine)
{
	struct failure why;

	for (int i = 0; i < SIM_DISKS && sim->disks[i].current; i++)
		open_disk(&sim->real_disks[i], &sim->disks[i]);
	if (io_engine_open(&sim->real, (enum io_engine_choice)engine, &why) != RESULT_OK)
		abort();
	sim->io.engine = &trace_engine;
}

bool trace_close(struct sim *sim)
{
	bool same = true;

	io_close(&sim->real);
	for (int i = 0; i < SIM_DISKS && sim->disks[i].current; i++) {
		const struct sim_disk *disk = &sim->disks[i];
		uint8_t *bytes = io_buffer(disk->bytes);

		same &= pread(sim->real_disks[i].file.fd, bytes, disk->bytes, 0) ==
				(ssize_t)disk->bytes &&
			memcmp(bytes, disk->current, disk->bytes) == 0;
		free(bytes);
		close(sim->real_disks[i].file.fd);
	}
	return same;
}
