/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engines of store/io, and which of them is used. */
#ifndef STORE_IO_IO_ENGINE_H
#define STORE_IO_IO_ENGINE_H

#include <stdbool.h>

#include "store/io/io.h"

enum io_engine_choice { IO_ENGINE_AUTO, IO_ENGINE_URING, IO_ENGINE_THREADS, IO_ENGINE_SYNC };

/* Requests given to an engine at once. */
#define IO_DEPTH 128u

/*
 * Opens the chosen engine. IO_ENGINE_AUTO takes io_uring where the kernel and the build have it,
 * else the threads, else plain calls; who knows the devices asks io_engine_for before. An engine asked for by name
 * that is not to be had is RESULT_USAGE with the reason.
 */
enum result io_engine_open(struct io *io, enum io_engine_choice choice, struct failure *why);

/* For devices that are in memory, where a queue only costs, IO_ENGINE_AUTO becomes IO_ENGINE_SYNC.
 * `other` may be one that is not open, or NULL. */
enum io_engine_choice io_engine_for(enum io_engine_choice choice, const struct device *device,
				    const struct device *other);

/* The engine that is the readable specification: one request after the other, pread and pwrite. */
void io_engine_open_sync(struct io *io);

/* A request as one system call, for the engines that make them: bytes moved, or -errno. */
ssize_t io_engine_call(const struct io_request *request);

/* io_uring, by liburing. Returns an errno value: ENOSYS where it was not built in, or what the
 * kernel says. */
int io_uring_engine_open(struct io *io);

/* A pool of threads that make plain system calls. Returns an errno value. */
int io_threads_open(struct io *io);

#endif
