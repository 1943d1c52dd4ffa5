/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An origin and a store in memory files, for the unit tests; the view that they show, made the slow
 * and simple way; and an engine whose disks have bad places, and which answers in no order.
 */
#ifndef TESTS_UNIT_PAIR_H
#define TESTS_UNIT_PAIR_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/io/io_engine.h"
#include "store/cow/store.h"
#include "tests/unit/unit.h"

struct pair {
	struct device origin, device;
	struct store store;
	uint64_t chunk_bytes;
	uint8_t *view; /* of the origin's size; what is lost is what the origin has there */
};

static struct failure why;

static void fill_random(uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)(rand() % 255 + 1);
}

/* `bytes` may be NULL: a hole. */
static struct device memory_device(const char *name, const uint8_t *bytes, uint64_t count)
{
	struct device device = {.name = strdup(name),
				.open = true,
				.file.fd = memfd_create(name, MFD_CLOEXEC),
				.bytes = count,
				.block_bytes = 512,
				.writable = true};

	CHECK(ftruncate(device.file.fd, (off_t)count) == 0);
	if (bytes)
		CHECK(pwrite(device.file.fd, bytes, count, 0) == (ssize_t)count);
	return device;
}

static void put_bytes_at(const struct device *device, const void *bytes, size_t count,
			 uint64_t offset)
{
	CHECK(pwrite(device->file.fd, bytes, count, (off_t)offset) == (ssize_t)count);
}

static void put_exceptions(const struct pair *pair, const struct exception *exceptions,
			   size_t count)
{
	uint64_t per_area = pair->chunk_bytes / EXCEPTION_BYTES;
	uint8_t entry[EXCEPTION_BYTES];

	for (size_t i = 0; i < count; i++) {
		exception_encode(&exceptions[i], entry);
		put_bytes_at(&pair->device, entry, sizeof(entry),
			     (1 + i / per_area * (per_area + 1)) * pair->chunk_bytes +
				     i % per_area * EXCEPTION_BYTES);
	}
}

static void make_view(struct pair *pair, const uint8_t *origin, const uint8_t *store,
		      const struct exception *exceptions, size_t count)
{
	uint64_t chunk = pair->chunk_bytes;

	memcpy(pair->view, origin, pair->origin.bytes);
	for (size_t i = count; i-- > 0;) {
		uint64_t old = exceptions[i].old_chunk * chunk,
			 new = exceptions[i].new_chunk *chunk;

		if (old < pair->origin.bytes && new < pair->device.bytes)
			memcpy(pair->view + old, store + new,
			       min_u64(min_u64(chunk, pair->device.bytes - new),
				       pair->origin.bytes - old));
	}
}

/* Random data everywhere, but for holes of the origin: bytes hole_from .. hole_to - 1. */
static void pair_make(struct pair *pair, struct io *io, uint32_t chunk_sectors,
		      uint64_t origin_bytes, uint64_t store_bytes,
		      const struct exception *exceptions, size_t count, uint64_t hole_from,
		      uint64_t hole_to)
{
	uint8_t header[HEADER_BYTES], *origin = malloc(origin_bytes), *store = malloc(store_bytes);
	uint8_t zeros[32] = {0};
	struct geometry geometry = geometry_make(chunk_sectors, store_bytes);
	uint64_t chunk;

	pair->chunk_bytes = geometry.chunk_bytes;
	pair->view = malloc(origin_bytes);
	fill_random(origin, origin_bytes);
	fill_random(store, store_bytes);
	memset(origin + hole_from, 0, hole_to - hole_from);
	pair->origin = memory_device("origin", NULL, origin_bytes);
	put_bytes_at(&pair->origin, origin, hole_from, 0);
	put_bytes_at(&pair->origin, origin + hole_to, origin_bytes - hole_to, hole_to);
	for (uint64_t area = 0;
	     geometry_area_chunk(&geometry, area, &chunk) && chunk < geometry.device_chunks; area++)
		memset(store + chunk * geometry.chunk_bytes, 0, geometry.chunk_bytes);
	header_encode(&(struct header){HEADER_MAGIC, 1, HEADER_VERSION, chunk_sectors}, header);
	pair->device = memory_device("store", store, store_bytes);
	put_bytes_at(&pair->device, header, sizeof(header), 0);
	put_bytes_at(&pair->device, zeros, sizeof(zeros), RECORD_OFFSET);
	put_exceptions(pair, exceptions, count);
	make_view(pair, origin, store, exceptions, count);
	CHECK(store_open(&pair->store, &pair->device, io, &why) == RESULT_OK);
	free(origin);
	free(store);
}

static void pair_free(struct pair *pair)
{
	device_close(&pair->origin, &why);
	device_close(&pair->device, &why);
	free(pair->view);
}

/* ---- the engine ---- */

#define BAD_MAX 8

struct bad_place {
	enum io_operation operation;
	const struct device *device;
	uint64_t offset, bytes;
	int error;
};

static struct {
	struct bad_place places[BAD_MAX];
	unsigned int place_count;
	struct io_request *pending[64];
	unsigned int pending_count;
	unsigned int reads, flushes;
} bad;

static void add_bad(enum io_operation operation, const struct device *device, uint64_t offset,
		    uint64_t bytes, int error)
{
	bad.places[bad.place_count++] = (struct bad_place){operation, device, offset, bytes, error};
}

static void bad_submit(struct io *io, struct io_request *request)
{
	(void)io;
	bad.pending[bad.pending_count++] = request;
}

static ssize_t bad_call(const struct io_request *request)
{
	for (unsigned int i = 0; i < bad.place_count; i++) {
		const struct bad_place *place = &bad.places[i];

		if (place->operation == request->operation && place->device == request->device &&
		    (request->operation == IO_FLUSH ||
		     (request->offset < place->offset + place->bytes &&
		      place->offset < request->offset + request->left)))
			return -place->error;
	}
	bad.reads += request->operation == IO_READ;
	bad.flushes += request->operation == IO_FLUSH;
	return io_engine_call(request);
}

static void bad_reap(struct io *io)
{
	unsigned int i = (unsigned int)rand() % bad.pending_count;
	struct io_request *request = bad.pending[i];

	bad.pending[i] = bad.pending[--bad.pending_count];
	io_complete(io, request, bad_call(request));
}

static void bad_close(struct io *io)
{
	(void)io;
}

static const struct io_engine bad_engine = {"bad", bad_submit, bad_reap, bad_close};

static void bad_open(struct io *io)
{
	memset(&bad, 0, sizeof(bad));
	*io = (struct io){.engine = &bad_engine, .depth = 64};
}

#endif
