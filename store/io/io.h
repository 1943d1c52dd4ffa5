/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The queue between everything that reads and writes, and the engine that does it. Knows bytes, not
 * what they mean.
 *
 * One thread submits; completions are delivered by io_wait on that same thread, in any order, by
 * calling request->done. A done function may submit more. Two requests that are in flight at once
 * have no order between them: who needs one waits for the first before submitting the second. A
 * flush makes durable what had been completed on its device before it was submitted, nothing else.
 *
 * Short transfers and interrupted calls are continued here, and so is a request that crosses from
 * one extent of its device to the next; a flush goes to each file of the device. So a request is
 * done wholly or has an error; a write with an error may have been done in any part. A flush with
 * an error is never repeated: the kernel may have dropped what it could not write, and a second
 * flush would then succeed.
 */
#ifndef STORE_IO_IO_H
#define STORE_IO_IO_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "store/device/device.h"
#include "store/base/fail.h"

enum io_operation { IO_READ, IO_WRITE, IO_FLUSH };

struct io;

struct io_request {
	enum io_operation operation;
	struct device *device;
	uint64_t offset;   /* bytes; moves on while in flight */
	struct iovec *iov; /* the submitter's; changed while in flight */
	unsigned int iov_count;
	void (*done)(struct io_request *request);
	void *owner; /* the submitter's own */
	int error;   /* when done: 0 or an errno value */
	/* what an engine is to do: the part that is in one place, from the first of the buffers on.
	 * It sees neither device nor offset. */
	struct device_place place;
	uint64_t bytes; /* of all of it, as prepared */
	/* the queue's and the engine's own */
	uint64_t left;
	unsigned int later_count; /* buffers after the part, and the bytes of its last one that are,
				     too */
	size_t later_bytes;
	unsigned int flushed; /* files of the device */
	struct iovec single;
	ssize_t result;
	struct io_request *next;
};

/* What an engine does. */
struct io_engine {
	const char *name;
	/* Takes one request: request->place of its iov_count buffers, or a flush of that file.
	 * Never fails: what goes wrong is told by its completion. */
	void (*submit)(struct io *io, struct io_request *request);
	/* Called with requests in flight only: waits for at least one completion and calls
	 * io_complete for every one that there is. */
	void (*reap)(struct io *io);
	/* Frees what the engine owns; nothing is in flight. */
	void (*close)(struct io *io);
};

struct io {
	const struct io_engine *engine;
	unsigned int depth;	/* as many as this are given to the engine at once */
	unsigned int in_flight; /* given to the engine */
	struct io_request *waiting_first, *waiting_last;
	uint64_t flushes; /* how many were submitted */
	void *state;	  /* the engine's */
	/* The caller's, once the engine is open: NULL, or what the user's wish to stop sets.
	 * Streams of metadata (store_stream) end then; single transfers do not. */
	const volatile sig_atomic_t *stop;
};

/* Has the user asked to stop? */
static inline bool io_stop_requested(const struct io *io)
{
	return io->stop && *io->stop;
}

/* Nothing may be in flight. Harmless on a zeroed struct. */
void io_close(struct io *io);

/* Prepares a request of one buffer. For IO_FLUSH the buffer is NULL and bytes 0. */
void io_prepare(struct io_request *request, enum io_operation operation, struct device *device,
		uint64_t offset, void *buffer, size_t bytes);

/* Prepares a request of several buffers; the iovec array stays the caller's and must live until
 * done. */
void io_prepare_vector(struct io_request *request, enum io_operation operation,
		       struct device *device, uint64_t offset, struct iovec *iov,
		       unsigned int iov_count);

/* Sends a prepared request on its way; `done` will be called once, from io_wait. */
void io_submit(struct io *io, struct io_request *request);

/* Waits for at least one completion. False where nothing is in flight. */
bool io_wait(struct io *io);

/* For engines: `result` bytes of the request's place were moved, or it failed with -errno. */
void io_complete(struct io *io, struct io_request *request, ssize_t result);

/*
 * One transfer or flush, waited for. Completions of other requests are delivered meanwhile. On an
 * error the message names the device, the bytes and the offset.
 */
enum result io_read(struct io *io, struct device *device, uint64_t offset, void *buffer,
		    size_t bytes, struct failure *why);
enum result io_write(struct io *io, struct device *device, uint64_t offset, const void *buffer,
		     size_t bytes, struct failure *why);
enum result io_flush(struct io *io, struct device *device, struct failure *why);

/* "DEVICE: cannot read 4096 bytes at 1056768: Input/output error", from what a request was.
 * RESULT_IO; RESULT_NO_SPACE where an image file cannot grow. */
enum result io_fail(enum io_operation operation, const struct device *device, uint64_t offset,
		    uint64_t bytes, int error, struct failure *why);

/* A buffer for I/O, aligned; free() it. NULL: out of memory. */
void *io_buffer(size_t bytes);
void *io_buffer_zeroed(size_t bytes);

/* The same for large transfers, in huge pages where there are any: 1 MiB is then one or two pieces
 * of memory, instead of 256, which are more than many disks take at once. What is touched of it is
 * taken 2 MiB at a time. */
void *io_buffer_large(size_t bytes);

#endif
