// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The trace check: a real engine works on real files, and the simulator's disks follow it, request
 * by request. What they say a power cut could leave is judged like any simulated state. So an
 * engine that reordered, repeated or forgot something is found out, however it is made.
 */
#include "tests/sim/sim.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/io/io_engines.h"

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
	io_complete(&sim->io, outer, outer->operation == IO_FLUSH ? 0 : (ssize_t)outer->left);
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
	io_prepare_vector(&carried->request, outer->operation, outer->device, outer->offset,
			  carried->iov, outer->iov_count);
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

static bool open_file(struct sim_disk *disk)
{
	const char *folder = getenv("TMPDIR");
	char path[4096];
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/cowtool-trace-XXXXXX",
			     folder && *folder ? folder : "/var/tmp") >= sizeof(path))
		return false;
	fd = mkstemp(path);
	if (fd < 0)
		return false;
	disk->device.fd = open(path, O_RDWR | O_DIRECT);
	if (disk->device.fd < 0)
		disk->device.fd = open(path, O_RDWR);
	unlink(path);
	if (pwrite(fd, disk->current, disk->device.bytes, 0) != (ssize_t)disk->device.bytes)
		return false;
	return close(fd) == 0 && disk->device.fd >= 0;
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
		if (!open_file(&sim->disks[i]))
			abort();
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
		uint8_t *bytes = io_buffer(disk->device.bytes);

		same &= pread(disk->device.fd, bytes, disk->device.bytes, 0) ==
				(ssize_t)disk->device.bytes &&
			memcmp(bytes, disk->current, disk->device.bytes) == 0;
		free(bytes);
		close(disk->device.fd);
	}
	return same;
}
