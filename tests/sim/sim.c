// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/sim.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/breaks.h"
#include "store/base/bytes.h"
#include "tests/sim/faulty.h"

/* What all bytes of the disks are that are on no device. */
#define NOBODYS_BYTE 0xa5

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

struct sim_disk *sim_disk_of(struct sim *sim, const struct io_request *request)
{
	for (int i = 0; i < SIM_DISKS; i++)
		if (request->place.file == &sim->files[i] ||
		    request->place.file == &sim->devices[i].file)
			return &sim->disks[i];
	abort();
}

static struct sim_write *write_of(struct sim *sim, const struct io_request *request)
{
	struct sim_write *write = calloc(1, sizeof(*write) + request->place.bytes);
	size_t done = 0;

	write->disk = sim_disk_of(sim, request);
	write->device = request->device;
	write->offset = request->place.offset;
	write->place = request->offset;
	write->bytes = (uint32_t)request->place.bytes;
	write->data = (uint8_t *)(write + 1);
	for (unsigned int i = 0; i < request->iov_count; i++) {
		memcpy(write->data + done, request->iov[i].iov_base, request->iov[i].iov_len);
		done += request->iov[i].iov_len;
	}
	return write;
}

/* Is all of that place the device's? */
static bool is_own(const struct sim *sim, const struct sim_disk *disk,
		   const struct io_request *request)
{
	uint64_t sector = request->place.offset / SECTOR_BYTES;
	uint64_t end = (request->place.offset + request->place.bytes) / SECTOR_BYTES;

	for (; sector < end; sector++)
		if (disk->owner[sector] != request->device - sim->devices)
			return false;
	return true;
}

static void check_place(struct sim *sim, const struct io_request *request)
{
	const struct sim_disk *disk = sim_disk_of(sim, request);
	uint32_t unit = request->device->direct ? disk->block_bytes : SECTOR_BYTES;

	if (request->operation == IO_FLUSH)
		return;
	if (request->place.offset % unit || request->place.bytes % unit ||
	    request->place.offset + request->place.bytes > disk->bytes ||
	    !is_own(sim, disk, request))
		sim->wrote_outside = true;
}

static bool overlap(const struct io_request *a, const struct io_request *b)
{
	return a->place.file == b->place.file && a->operation != IO_FLUSH &&
	       b->operation != IO_FLUSH && a->place.offset < b->place.offset + b->place.bytes &&
	       b->place.offset < a->place.offset + a->place.bytes;
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

/* Moves it after the completed ones. */
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
		uint32_t block = write->disk->block_bytes;
		bool covered = write->disk == disk && write->completed_at <= submitted;

		if (!covered || write->missed) {
			write->missed &= !covered;
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

/* Those that were told as done before they were. */
static void do_late_flushes(struct sim *sim)
{
	for (int i = 0; i < SIM_DISKS; i++) {
		if (sim->late_flush[i])
			do_flush(sim, &sim->disks[i], sim->moment, false);
		sim->late_flush[i] = false;
	}
}

static bool touches_unreadable(const struct sim *sim, const struct io_request *request)
{
	if (!sim->unreadable || request->device != &sim->devices[1])
		return false;
	for (uint64_t at = 0; at < request->place.bytes; at += SECTOR_BYTES)
		if (sim->unreadable[(request->offset + at) / SECTOR_BYTES])
			return true;
	return false;
}

static bool has_fault(struct sim *sim, const struct io_request *request, enum fault_kind kind)
{
	static const enum io_operation operations[] = {IO_READ, IO_READ, IO_WRITE, IO_FLUSH,
						       IO_WRITE};

	if (sim->fault.kind != kind || request->operation != operations[kind])
		return false;
	if (sim->requests < sim->fault.at || (sim->fault_happened && !sim->fault.forever))
		return false;
	sim->fault_may_pass = (!sim->fault_happened || sim->fault_may_pass) &&
			      kind == FAULT_WRITE && touches_unreadable(sim, request);
	sim->fault_happened = true;
	return true;
}

bool sim_is_unreadable(const struct sim *sim, const struct io_request *request)
{
	return request->operation == IO_READ && touches_unreadable(sim, request);
}

static ssize_t do_read(struct sim *sim, const struct io_request *request)
{
	const struct sim_disk *disk = sim_disk_of(sim, request);
	uint64_t offset = request->place.offset;

	/* With --skip-lost, a block whose read fails by chance is left out like an unreadable one,
	 * and nobody here knows which it was: one or the other. */
	if (sim->unreadable ? sim_is_unreadable(sim, request) : has_fault(sim, request, FAULT_READ))
		return -EIO;
	for (unsigned int i = 0; i < request->iov_count; i++) {
		memcpy(request->iov[i].iov_base, disk->current + offset, request->iov[i].iov_len);
		offset += request->iov[i].iov_len;
	}
	return (ssize_t)request->place.bytes;
}

/* A write that fails, or is cut short, has been done in part: that part is in the cache like any
 * other. */
static ssize_t do_write(struct sim *sim, const struct io_request *request, struct sim_write *write)
{
	bool failed = has_fault(sim, request, FAULT_WRITE);
	uint32_t block = write->disk->block_bytes, blocks = write->bytes / block;
	uint32_t done = write->bytes, wanted = done;

	if ((failed || has_fault(sim, request, FAULT_SHORT)) && blocks > 0)
		done = block * (uint32_t)random_below(&sim->random, failed ? blocks + 1 : blocks);
	if (!failed && done == 0)
		done = blocks > 1 ? block : write->bytes;
	faulty_write(sim, write);
	write->bytes = done;
	complete_write(sim, write);
	if (failed ? BROKEN(ERROR_IGNORED) : BROKEN(SHORT_WRITE))
		return wanted;
	return failed ? -EIO : (ssize_t)done;
}

static ssize_t carry_out(struct sim *sim, const struct io_request *request, struct sim_write *write,
			 uint64_t submitted)
{
	struct sim_disk *disk = sim_disk_of(sim, request);
	bool failed;
	ssize_t done;

	sim->requests++;
	if (sim->wrote_outside)
		return -EINVAL;
	if (request->operation == IO_READ)
		return do_read(sim, request);
	if (request->operation == IO_WRITE) {
		done = do_write(sim, request, write);
		do_late_flushes(sim);
		return done;
	}
	if (faulty_flush(sim, request, &sim->late_flush[disk - sim->disks]))
		return 0;
	failed = has_fault(sim, request, FAULT_FLUSH);
	do_flush(sim, disk, submitted, failed);
	return failed && !BROKEN(FLUSH_RETRIED) ? -EIO : 0;
}

/* Takes request number i out of the waiting ones. */
static struct sim_write *take(struct sim *sim, unsigned int i, uint64_t *submitted)
{
	struct sim_write *write = sim->waiting_write[i];
	size_t after = --sim->waiting_count - i;

	*submitted = sim->waiting_moment[i];
	memmove(&sim->waiting[i], &sim->waiting[i + 1], after * sizeof(sim->waiting[0]));
	memmove(&sim->waiting_write[i], &sim->waiting_write[i + 1],
		after * sizeof(sim->waiting_write[0]));
	memmove(&sim->waiting_moment[i], &sim->waiting_moment[i + 1],
		after * sizeof(sim->waiting_moment[0]));
	memmove(&sim->waiting_overlaps[i], &sim->waiting_overlaps[i + 1],
		after * sizeof(sim->waiting_overlaps[0]));
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
	const struct sim_disk *disk = sim_disk_of(sim, request);
	uint64_t offset = request->place.offset;

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
		do_flush(sim, sim_disk_of(sim, request), submitted, false);
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
	sim_add_blank(sim, number, bytes, block_bytes);
	sim->devices[number] = (struct device){.name = (char *)(uintptr_t)name,
					       .bytes = bytes,
					       .block_bytes = block_bytes,
					       .direct = true,
					       .writable = true};
	memset(sim->disks[number].owner, number, bytes / SECTOR_BYTES);
	memcpy(sim->disks[number].current, image, bytes);
	memcpy(sim->disks[number].durable, image, bytes);
}

void sim_add_blank(struct sim *sim, int number, uint64_t bytes, uint32_t block_bytes)
{
	struct sim_disk *disk = &sim->disks[number];

	disk->bytes = bytes;
	disk->block_bytes = block_bytes;
	disk->owner = malloc(bytes / SECTOR_BYTES);
	disk->current = malloc(bytes);
	disk->durable = malloc(bytes);
	memset(disk->owner, SIM_NOBODY, bytes / SECTOR_BYTES);
	memset(disk->current, NOBODYS_BYTE, bytes);
	memset(disk->durable, NOBODYS_BYTE, bytes);
}

static uint64_t map_bytes(const struct map *map)
{
	const struct map_segment *last = &map->segments[map->segment_count - 1];

	return last->start + last->bytes;
}

void sim_add_volume(struct sim *sim, int number, const char *name, const uint8_t *image,
		    const struct map *map)
{
	struct device *device = &sim->devices[number];

	sim->maps[number] = *map;
	*device = (struct device){.name = (char *)(uintptr_t)name,
				  .bytes = map_bytes(map),
				  .block_bytes = sim->disks[0].block_bytes,
				  .direct = true,
				  .writable = true,
				  .map = &sim->maps[number]};
	for (uint64_t at = 0; at < device->bytes; at += SECTOR_BYTES) {
		struct device_place place = device_place(device, at, SECTOR_BYTES);
		struct sim_disk *disk = &sim->disks[place.file - sim->files];

		assert(disk->owner[place.offset / SECTOR_BYTES] == SIM_NOBODY);
		disk->owner[place.offset / SECTOR_BYTES] = (uint8_t)number;
		memcpy(disk->current + place.offset, image + at, SECTOR_BYTES);
		memcpy(disk->durable + place.offset, image + at, SECTOR_BYTES);
	}
}

/* What device `number` holds where the disks hold `bytes`; all of it, though a merge may have to do
 * with a part of it alone, which is device->bytes then. */
static void gather(const struct sim *sim, int number, uint8_t *const bytes[SIM_DISKS], uint8_t *to)
{
	const struct device *device = &sim->devices[number];
	struct device_place place;
	uint64_t end;

	if (!device->map) {
		memcpy(to, bytes[number], sim->disks[number].bytes);
		return;
	}
	end = map_bytes(device->map);
	for (uint64_t at = 0; at < end; at += place.bytes) {
		place = device_place(device, at, end - at);
		memcpy(to + at, bytes[place.file - sim->files] + place.offset, place.bytes);
	}
}

void sim_copy(const struct sim *sim, int number, uint8_t *to)
{
	uint8_t *current[SIM_DISKS];

	for (int i = 0; i < SIM_DISKS; i++)
		current[i] = sim->disks[i].current;
	gather(sim, number, current, to);
}

static void inherit_write(struct sim *to, const struct sim *from, const struct sim_write *write)
{
	struct sim_write *copy = malloc(sizeof(*copy) + write->bytes);

	*copy = *write;
	copy->disk = &to->disks[write->disk - from->disks];
	copy->device = &to->devices[write->device - from->devices];
	copy->data = (uint8_t *)(copy + 1);
	memcpy(copy->data, write->data, write->bytes);
	copy->completed = false;
	to->writes[to->write_count++] = copy;
	complete_write(to, copy);
}

void sim_inherit(struct sim *to, const struct sim *from, struct random *random)
{
	for (int i = 0; i < SIM_DISKS && from->disks[i].current; i++) {
		memcpy(to->disks[i].current, from->disks[i].current, from->disks[i].bytes);
		memcpy(to->disks[i].durable, from->disks[i].durable, from->disks[i].bytes);
	}
	for (unsigned int i = 0; i < from->write_count; i++)
		if (from->writes[i]->completed || random_once_in(random, 2))
			inherit_write(to, from, from->writes[i]);
	to->unsettled = true;
}

void sim_close(struct sim *sim)
{
	assert(sim->waiting_count == 0);
	while (sim->write_count > 0)
		forget_write(sim, sim->write_count - 1);
	for (int i = 0; i < SIM_DISKS; i++) {
		free(sim->disks[i].current);
		free(sim->disks[i].durable);
		free(sim->disks[i].owner);
	}
	io_close(&sim->io);
}

unsigned int sim_loose_blocks(const struct sim *sim)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < sim->write_count; i++)
		count += (unsigned int)divide_up(sim->writes[i]->bytes,
						 sim->writes[i]->disk->block_bytes);
	return count;
}

static bool is_nobodys(const uint8_t *sector)
{
	return sector[0] == NOBODYS_BYTE && memcmp(sector, sector + 1, SECTOR_BYTES - 1) == 0;
}

/* What is on no device is as it was. */
static void check_rest(struct sim *sim, const struct sim_disk *disk, const uint8_t *bytes)
{
	for (uint64_t at = 0; at < disk->bytes; at += SECTOR_BYTES)
		if (disk->owner[at / SECTOR_BYTES] == SIM_NOBODY && !is_nobodys(bytes + at))
			sim->wrote_outside = true;
}

static void cut_disks(const struct sim *sim, struct random *random, const uint64_t *choice,
		      uint8_t *const bytes[SIM_DISKS])
{
	unsigned int loose = 0;

	for (int i = 0; i < SIM_DISKS && sim->disks[i].durable; i++)
		memcpy(bytes[i], sim->disks[i].durable, sim->disks[i].bytes);
	for (unsigned int i = 0; i < sim->write_count; i++) {
		const struct sim_write *write = sim->writes[i];
		uint32_t block = write->disk->block_bytes;
		uint8_t *to = bytes[write->disk - sim->disks];

		for (uint32_t at = 0; at < write->bytes; at += block, loose++)
			if (choice ? (*choice >> loose) & 1 : random_once_in(random, 2))
				memcpy(to + write->offset + at, write->data + at,
				       min_u64(block, write->bytes - at));
	}
}

void sim_power_cut(struct sim *sim, struct random *random, const uint64_t *choice,
		   uint8_t *images[SIM_DISKS])
{
	uint8_t *bytes[SIM_DISKS] = {NULL};

	for (int i = 0; i < SIM_DISKS && sim->disks[i].durable; i++)
		bytes[i] = malloc(sim->disks[i].bytes);
	cut_disks(sim, random, choice, bytes);
	for (int i = 0; i < SIM_DISKS && sim->devices[i].name; i++)
		gather(sim, i, bytes, images[i]);
	for (int i = 0; i < SIM_DISKS && sim->disks[i].durable; i++) {
		check_rest(sim, &sim->disks[i], bytes[i]);
		free(bytes[i]);
	}
}
