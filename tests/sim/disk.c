// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/sim.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

uint64_t random_next(struct random *random)
{
	uint64_t z = (random->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t random_below(struct random *random, uint64_t limit)
{
	return random_next(random) % limit;
}

bool random_once_in(struct random *random, uint64_t times)
{
	return random_below(random, times) == 0;
}

static struct sim_disk *disk_of(struct sim *sim, const struct device *device)
{
	for (int i = 0; i < SIM_DISKS; i++)
		if (device == &sim->disks[i].device)
			return &sim->disks[i];
	abort();
}

static struct sim_write *write_of(struct sim *sim, const struct io_request *request)
{
	struct sim_write *write = calloc(1, sizeof(*write) + request->left);
	size_t done = 0;

	write->disk = disk_of(sim, request->device);
	write->offset = request->offset;
	write->bytes = (uint32_t)request->left;
	write->data = (uint8_t *)(write + 1);
	for (unsigned int i = 0; i < request->iov_count; i++) {
		memcpy(write->data + done, request->iov[i].iov_base, request->iov[i].iov_len);
		done += request->iov[i].iov_len;
	}
	return write;
}

static void check_place(struct sim *sim, const struct io_request *request)
{
	const struct sim_disk *disk = disk_of(sim, request->device);
	uint32_t unit = disk->device.direct ? disk->device.block_bytes : SECTOR_BYTES;

	if (request->operation == IO_FLUSH)
		return;
	if (request->offset % unit || request->left % unit ||
	    request->offset + request->left > disk->device.bytes)
		sim->wrote_outside = true;
}

static bool overlap(const struct io_request *a, const struct io_request *b)
{
	return a->device == b->device && a->operation != IO_FLUSH && b->operation != IO_FLUSH &&
	       a->offset < b->offset + b->left && b->offset < a->offset + a->left;
}

/* A read beside a write of the same place may see the old or the new bytes. */
static void note_overlaps(struct sim *sim, const struct io_request *request)
{
	sim->waiting_overlaps[sim->waiting_count] = false;
	for (unsigned int i = 0; i < sim->waiting_count; i++) {
		if (!overlap(sim->waiting[i], request))
			continue;
		sim->waiting_overlaps[i] = true;
		sim->waiting_overlaps[sim->waiting_count] = true;
	}
}

void sim_remember(struct sim *sim, struct io_request *request)
{
	struct sim_write *write = NULL;

	check_place(sim, request);
	if (request->operation == IO_WRITE && !sim->wrote_outside) {
		assert(sim->write_count < sizeof(sim->writes) / sizeof(sim->writes[0]));
		write = write_of(sim, request);
		sim->writes[sim->write_count++] = write;
	}
	note_overlaps(sim, request);
	sim->waiting[sim->waiting_count] = request;
	sim->waiting_write[sim->waiting_count] = write;
	sim->waiting_moment[sim->waiting_count++] = ++sim->moment;
}

static void sim_submit(struct io *io, struct io_request *request)
{
	sim_remember(io->state, request);
}

static void forget_write(struct sim *sim, unsigned int i)
{
	sim->completed_count -= sim->writes[i]->completed;
	free(sim->writes[i]);
	sim->write_count--;
	memmove(&sim->writes[i], &sim->writes[i + 1],
		(sim->write_count - i) * sizeof(sim->writes[0]));
}

/* Moves it behind the completed ones. */
static void complete_write(struct sim *sim, struct sim_write *write)
{
	unsigned int i = 0;

	while (sim->writes[i] != write)
		i++;
	memmove(&sim->writes[sim->completed_count + 1], &sim->writes[sim->completed_count],
		(i - sim->completed_count) * sizeof(sim->writes[0]));
	sim->writes[sim->completed_count++] = write;
	write->completed = true;
	write->completed_at = ++sim->moment;
	memcpy(write->disk->current + write->offset, write->data, write->bytes);
}

/* What was completed before the flush was submitted is durable now; or, where the flush failed,
 * durable or lost for good, block by block. */
static void do_flush(struct sim *sim, const struct sim_disk *disk, uint64_t submitted, bool failed)
{
	for (unsigned int i = 0; i < sim->completed_count;) {
		struct sim_write *write = sim->writes[i];
		uint32_t block = write->disk->device.block_bytes;

		if (write->disk != disk || write->completed_at > submitted) {
			i++;
			continue;
		}
		for (uint32_t at = 0; at < write->bytes; at += block)
			if (!failed || random_once_in(&sim->random, 2))
				memcpy(write->disk->durable + write->offset + at, write->data + at,
				       min_u64(block, write->bytes - at));
		forget_write(sim, i);
	}
}

static bool has_fault(struct sim *sim, const struct io_request *request, enum fault_kind kind)
{
	static const enum io_operation operations[] = {IO_READ, IO_READ, IO_WRITE, IO_FLUSH,
						       IO_WRITE};

	if (sim->fault.kind != kind || request->operation != operations[kind])
		return false;
	if (sim->requests < sim->fault.at || (sim->fault_happened && !sim->fault.forever))
		return false;
	sim->fault_happened = true;
	return true;
}

static bool is_unreadable(const struct sim_disk *disk, const struct io_request *request)
{
	for (uint64_t at = 0; disk->unreadable && at < request->left; at += SECTOR_BYTES)
		if (disk->unreadable[(request->offset + at) / SECTOR_BYTES])
			return true;
	return false;
}

static ssize_t do_read(struct sim *sim, const struct io_request *request)
{
	const struct sim_disk *disk = disk_of(sim, request->device);
	uint64_t offset = request->offset;

	if (has_fault(sim, request, FAULT_READ) || is_unreadable(disk, request))
		return -EIO;
	for (unsigned int i = 0; i < request->iov_count; i++) {
		memcpy(request->iov[i].iov_base, disk->current + offset, request->iov[i].iov_len);
		offset += request->iov[i].iov_len;
	}
	return (ssize_t)request->left;
}

/* A write that fails, or is cut short, has been done in part: that part is in the cache like any
 * other. */
static ssize_t do_write(struct sim *sim, const struct io_request *request, struct sim_write *write)
{
	bool failed = has_fault(sim, request, FAULT_WRITE);
	uint32_t block = write->disk->device.block_bytes, blocks = write->bytes / block;
	uint32_t done = write->bytes;

	if ((failed || has_fault(sim, request, FAULT_SHORT)) && blocks > 0)
		done = block * (uint32_t)random_below(&sim->random, failed ? blocks + 1 : blocks);
	if (!failed && done == 0)
		done = blocks > 1 ? block : write->bytes;
	write->bytes = done;
	complete_write(sim, write);
	return failed ? -EIO : (ssize_t)done;
}

static ssize_t carry_out(struct sim *sim, const struct io_request *request, struct sim_write *write,
			 uint64_t submitted)
{
	bool failed;

	sim->requests++;
	if (sim->wrote_outside)
		return -EINVAL;
	if (request->operation == IO_READ)
		return do_read(sim, request);
	if (request->operation == IO_WRITE)
		return do_write(sim, request, write);
	failed = has_fault(sim, request, FAULT_FLUSH);
	do_flush(sim, disk_of(sim, request->device), submitted, failed);
	return failed ? -EIO : 0;
}

/* Takes request number i out of the waiting ones. */
static struct sim_write *take(struct sim *sim, unsigned int i, uint64_t *submitted)
{
	struct sim_write *write = sim->waiting_write[i];
	size_t behind = --sim->waiting_count - i;

	*submitted = sim->waiting_moment[i];
	memmove(&sim->waiting[i], &sim->waiting[i + 1], behind * sizeof(sim->waiting[0]));
	memmove(&sim->waiting_write[i], &sim->waiting_write[i + 1],
		behind * sizeof(sim->waiting_write[0]));
	memmove(&sim->waiting_moment[i], &sim->waiting_moment[i + 1],
		behind * sizeof(sim->waiting_moment[0]));
	memmove(&sim->waiting_overlaps[i], &sim->waiting_overlaps[i + 1],
		behind * sizeof(sim->waiting_overlaps[0]));
	return write;
}

static void sim_reap(struct io *io)
{
	struct sim *sim = io->state;
	unsigned int i =
		sim->in_order ? 0 : (unsigned int)random_below(&sim->random, sim->waiting_count);
	struct io_request *request = sim->waiting[i];
	struct sim_write *write;
	uint64_t submitted;

	if (sim->observer && request->operation != IO_READ)
		sim->observer(sim, sim->context);
	write = take(sim, i, &submitted);
	io_complete(io, request, carry_out(sim, request, write, submitted));
}

/* The bytes that were read must be those of the disk. */
static void compare_read(struct sim *sim, const struct io_request *request)
{
	const struct sim_disk *disk = disk_of(sim, request->device);
	uint64_t offset = request->offset;

	for (unsigned int i = 0; i < request->iov_count; i++) {
		if (memcmp(request->iov[i].iov_base, disk->current + offset,
			   request->iov[i].iov_len) != 0)
			sim->read_differs = true;
		offset += request->iov[i].iov_len;
	}
}

void sim_follow(struct sim *sim, struct io_request *request)
{
	struct sim_write *write;
	uint64_t submitted;
	unsigned int i = 0;
	bool overlaps;

	if (sim->observer && request->operation != IO_READ)
		sim->observer(sim, sim->context);
	while (sim->waiting[i] != request)
		i++;
	overlaps = sim->waiting_overlaps[i];
	write = take(sim, i, &submitted);
	if (request->operation == IO_READ && !overlaps)
		compare_read(sim, request);
	else if (request->operation == IO_READ)
		return;
	else if (request->operation == IO_WRITE)
		complete_write(sim, write);
	else
		do_flush(sim, disk_of(sim, request->device), submitted, false);
}

static void sim_close_engine(struct io *io)
{
	io->state = NULL;
}

static const struct io_engine sim_engine = {"simulator", sim_submit, sim_reap, sim_close_engine};

void sim_open(struct sim *sim, uint64_t seed)
{
	memset(sim, 0, sizeof(*sim));
	sim->random.state = seed;
	sim->io = (struct io){.engine = &sim_engine, .depth = SIM_REQUESTS, .state = sim};
}

void sim_add_disk(struct sim *sim, int number, const char *name, const uint8_t *image,
		  uint64_t bytes, uint32_t block_bytes)
{
	struct sim_disk *disk = &sim->disks[number];

	disk->device = (struct device){.name = (char *)(uintptr_t)name,
				       .fd = -1,
				       .bytes = bytes,
				       .block_bytes = block_bytes,
				       .direct = true,
				       .writable = true};
	disk->current = malloc(bytes);
	disk->durable = malloc(bytes);
	memcpy(disk->current, image, bytes);
	memcpy(disk->durable, image, bytes);
}

static void inherit_write(struct sim *to, const struct sim *from, const struct sim_write *write)
{
	struct sim_write *copy = malloc(sizeof(*copy) + write->bytes);

	*copy = *write;
	copy->disk = &to->disks[write->disk - from->disks];
	copy->data = (uint8_t *)(copy + 1);
	memcpy(copy->data, write->data, write->bytes);
	copy->completed = false;
	to->writes[to->write_count++] = copy;
	complete_write(to, copy);
}

void sim_inherit(struct sim *to, const struct sim *from, struct random *random)
{
	for (int i = 0; i < SIM_DISKS && from->disks[i].current; i++) {
		memcpy(to->disks[i].current, from->disks[i].current, from->disks[i].device.bytes);
		memcpy(to->disks[i].durable, from->disks[i].durable, from->disks[i].device.bytes);
	}
	for (unsigned int i = 0; i < from->write_count; i++)
		if (from->writes[i]->completed || random_once_in(random, 2))
			inherit_write(to, from, from->writes[i]);
}

void sim_close(struct sim *sim)
{
	assert(sim->waiting_count == 0);
	while (sim->write_count > 0)
		forget_write(sim, sim->write_count - 1);
	for (int i = 0; i < SIM_DISKS; i++) {
		free(sim->disks[i].current);
		free(sim->disks[i].durable);
	}
	io_close(&sim->io);
}

unsigned int sim_loose_blocks(const struct sim *sim)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < sim->write_count; i++)
		count += (unsigned int)divide_up(sim->writes[i]->bytes,
						 sim->writes[i]->disk->device.block_bytes);
	return count;
}

void sim_power_cut(struct sim *sim, struct random *random, const uint64_t *choice,
		   uint8_t *images[SIM_DISKS])
{
	unsigned int loose = 0;

	for (int i = 0; i < SIM_DISKS && sim->disks[i].durable; i++)
		memcpy(images[i], sim->disks[i].durable, sim->disks[i].device.bytes);
	for (unsigned int i = 0; i < sim->write_count; i++) {
		const struct sim_write *write = sim->writes[i];
		uint32_t block = write->disk->device.block_bytes;
		uint8_t *image = images[write->disk - sim->disks];

		for (uint32_t at = 0; at < write->bytes; at += block, loose++)
			if (choice ? (*choice >> loose) & 1 : random_once_in(random, 2))
				memcpy(image + write->offset + at, write->data + at,
				       min_u64(block, write->bytes - at));
	}
}
