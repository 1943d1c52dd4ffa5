// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/io/io.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "store/base/breaks.h"
#include "store/base/bytes.h"
#include "store/base/error.h"

/* Where the kernel has huge pages, of most machines. */
#define HUGE_PAGE_BYTES (2u << 20)

void io_prepare_vector(struct io_request *request, enum io_operation operation,
		       struct device *device, uint64_t offset, struct iovec *iov,
		       unsigned int iov_count)
{
	request->operation = operation;
	request->device = device;
	request->offset = offset;
	request->iov = iov;
	request->iov_count = iov_count;
	request->error = 0;
	request->flushed = request->later_count = 0;
	request->later_bytes = 0;
	request->bytes = 0;
	for (unsigned int i = 0; i < iov_count; i++)
		request->bytes += iov[i].iov_len;
	request->left = request->bytes;
}

void io_prepare(struct io_request *request, enum io_operation operation, struct device *device,
		uint64_t offset, void *buffer, size_t bytes)
{
	request->single.iov_base = buffer;
	request->single.iov_len = bytes;
	io_prepare_vector(request, operation, device, offset, &request->single, 1);
}

/* Leaves as many bytes in the buffers as are in one place. */
static void cut_buffers(struct io_request *request)
{
	unsigned int count = 0;
	uint64_t bytes = 0;

	while (bytes < request->place.bytes)
		bytes += request->iov[count++].iov_len;
	request->later_count = request->iov_count - count;
	request->later_bytes = (size_t)(bytes - request->place.bytes);
	request->iov_count = count;
	request->iov[count - 1].iov_len -= request->later_bytes;
}

static void mend_buffers(struct io_request *request)
{
	request->iov[request->iov_count - 1].iov_len += request->later_bytes;
	request->iov_count += request->later_count;
	request->later_bytes = 0;
	request->later_count = 0;
}

/*
 * O_DIRECT serves whole blocks. The first transfer of a device that is not in such blocks waits
 * until nothing is in flight, and sends all of its transfers through the page cache.
 */
static bool needs_cache(const struct io_request *request)
{
	const struct device *device = request->device;
	struct device_place place;

	if (!device->direct || !device->open || request->operation == IO_FLUSH)
		return false;
	place = device_place(device, request->offset, request->left);
	return place.offset % device->block_bytes != 0 || place.bytes % device->block_bytes != 0;
}

static void choose_place(struct io_request *request)
{
	if (request->operation == IO_FLUSH) {
		request->place = (struct device_place){
			.file = device_file(request->device, request->flushed)};
		return;
	}
	request->place = device_place(request->device, request->offset, request->left);
	assert(request->place.bytes > 0);
	if (BROKEN(EXTENT_CROSSED))
		request->place.bytes = request->left;
	if (request->place.bytes < request->left)
		cut_buffers(request);
}

static void give_to_engine(struct io *io, struct io_request *request)
{
	if (needs_cache(request))
		device_use_cache(request->device);
	choose_place(request);
	io->in_flight++;
	io->engine->submit(io, request);
}

static bool may_go(const struct io *io, const struct io_request *request)
{
	return io->in_flight == 0 || (io->in_flight < io->depth && !needs_cache(request));
}

void io_submit(struct io *io, struct io_request *request)
{
	assert(request->operation == IO_FLUSH || request->left > 0);
	assert(request->operation == IO_READ || request->device->writable);
	request->next = NULL;
	io->flushes += request->operation == IO_FLUSH;
	if (!io->waiting_first && may_go(io, request)) {
		give_to_engine(io, request);
		return;
	}
	if (io->waiting_first)
		io->waiting_last->next = request;
	else
		io->waiting_first = request;
	io->waiting_last = request;
}

static void give_waiting(struct io *io)
{
	while (io->waiting_first && may_go(io, io->waiting_first)) {
		struct io_request *request = io->waiting_first;

		io->waiting_first = request->next;
		request->next = NULL;
		give_to_engine(io, request);
	}
}

bool io_wait(struct io *io)
{
	give_waiting(io);
	if (io->in_flight == 0)
		return false;
	io->engine->reap(io);
	give_waiting(io);
	return true;
}

/* Takes `count` transferred bytes off the front of the request's buffers. */
static void advance(struct io_request *request, size_t count)
{
	request->offset += count;
	request->left -= count;
	while (count > 0) {
		size_t part = (size_t)min_u64(count, request->iov->iov_len);

		request->iov->iov_base = (uint8_t *)request->iov->iov_base + part;
		request->iov->iov_len -= part;
		count -= part;
		if (request->iov->iov_len == 0 && request->iov_count > 1) {
			request->iov++;
			request->iov_count--;
		}
	}
}

/* Is there more to do? Sets request->error. */
static bool go_on(struct io_request *request, ssize_t result)
{
	if (request->operation == IO_FLUSH) {
		request->error = result < 0 ? (int)-result : 0;
		return result >= 0 && ++request->flushed < device_file_count(request->device);
	}
	if (result == -EINTR || result == -EAGAIN)
		return true;
	if (result < 0) {
		request->error = (int)-result;
		return false;
	}
	advance(request, (size_t)result);
	if (request->left > 0 && result == 0)
		request->error = request->operation == IO_READ ? EIO : ENOSPC;
	return request->left > 0 && result > 0;
}

void io_complete(struct io *io, struct io_request *request, ssize_t result)
{
	assert(result <= (ssize_t)request->place.bytes);
	io->in_flight--;
	if (request->later_count > 0 || request->later_bytes > 0)
		mend_buffers(request);
	if (!go_on(request, result)) {
		request->done(request);
	} else if (may_go(io, request)) {
		give_to_engine(io, request);
	} else {
		request->next = io->waiting_first;
		io->waiting_first = request;
		if (!request->next)
			io->waiting_last = request;
	}
}

void io_close(struct io *io)
{
	assert(io->in_flight == 0 && !io->waiting_first);
	if (io->engine)
		io->engine->close(io);
	memset(io, 0, sizeof(*io));
}

static void set_flag(struct io_request *request)
{
	*(bool *)request->owner = true;
}

static enum result run_one(struct io *io, struct io_request *request, struct failure *why)
{
	uint64_t offset = request->offset;
	uint64_t bytes = request->left;
	bool finished = false;

	request->done = set_flag;
	/* The request does not outlive this function. */
	request->owner = &finished; // cppcheck-suppress autoVariables
	io_submit(io, request);
	while (!finished)
		io_wait(io);
	if (request->error == 0)
		return RESULT_OK;
	return io_fail(request->operation, request->device, offset, bytes, request->error, why);
}

enum result io_read(struct io *io, struct device *device, uint64_t offset, void *buffer,
		    size_t bytes, struct failure *why)
{
	struct io_request request;

	io_prepare(&request, IO_READ, device, offset, buffer, bytes);
	return run_one(io, &request, why);
}

enum result io_write(struct io *io, struct device *device, uint64_t offset, const void *buffer,
		     size_t bytes, struct failure *why)
{
	struct io_request request;

	/* A write does not change its buffer; struct iovec has no const. */
	io_prepare(&request, IO_WRITE, device, offset, (void *)(uintptr_t)buffer, bytes);
	return run_one(io, &request, why);
}

enum result io_flush(struct io *io, struct device *device, struct failure *why)
{
	struct io_request request;

	io_prepare(&request, IO_FLUSH, device, 0, NULL, 0);
	return run_one(io, &request, why);
}

enum result io_fail(enum io_operation operation, const struct device *device, uint64_t offset,
		    uint64_t bytes, int error, struct failure *why)
{
	enum result result = RESULT_IO;

	/* A sparse file grows as it is written, on a file system that others fill, too. EFBIG is a
	 * limit of the user's, and no room helps. */
	if (operation != IO_READ && !device_is_block(device) && error_is_full(error) &&
	    error != EFBIG)
		result = RESULT_NO_SPACE;
	if (operation == IO_FLUSH)
		return fail_errno(why, result, error, "%s: cannot flush", device->name);
	return fail_errno(why, result, error, "%s: cannot %s %llu bytes at %llu", device->name,
			  operation == IO_READ ? "read" : "write", (unsigned long long)bytes,
			  (unsigned long long)offset);
}

void *io_buffer(size_t bytes)
{
	void *buffer;

	if (posix_memalign(&buffer, BUFFER_ALIGNMENT, bytes ? bytes : 1) != 0)
		return NULL;
	return buffer;
}

void *io_buffer_large(size_t bytes)
{
	void *buffer;

	if (bytes < HUGE_PAGE_BYTES)
		return io_buffer(bytes);
	if (posix_memalign(&buffer, HUGE_PAGE_BYTES, bytes) != 0)
		return NULL;
	madvise(buffer, bytes, MADV_HUGEPAGE);
	return buffer;
}

void *io_buffer_zeroed(size_t bytes)
{
	void *buffer = io_buffer(bytes);

	if (buffer)
		memset(buffer, 0, bytes);
	return buffer;
}
