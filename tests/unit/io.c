// SPDX-License-Identifier: GPL-2.0-or-later
/* The same tests for every engine, on a file. And an engine that does all wrong, for store/io
 * itself. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/io/batch.h"
#include "store/base/bytes.h"
#include "store/io/io_engine.h"

#define FILE_BYTES (1u << 20)
#define BLOCK 4096u
#define BLOCKS (FILE_BYTES / BLOCK)

static struct device device = {
	.name = (char[]){"file"}, .bytes = FILE_BYTES, .block_bytes = 512, .writable = true};
static struct io io;
static struct failure why;
static uint8_t *memory;

/* A batch that writes or reads all blocks, the last first. */
static enum io_operation batch_operation;
static uint32_t batch_next;

static bool next_block(struct batch *batch, struct io_request *request)
{
	(void)batch;
	if (batch_next == 0)
		return false;
	batch_next--;
	io_prepare(request, batch_operation, &device, (uint64_t)batch_next * BLOCK,
		   memory + (size_t)batch_next * BLOCK, BLOCK);
	return true;
}

static void run_batch(enum io_operation operation)
{
	struct batch batch;

	CHECK(batch_init(&batch, &io, 300, &why) == RESULT_OK);
	batch_operation = operation;
	batch_next = BLOCKS;
	batch_start(&batch, next_block, NULL);
	while (!batch_finished(&batch))
		io_wait(&io);
	CHECK(batch_result(&batch, &why) == RESULT_OK);
	batch_free(&batch);
}

static void writes_arrive(void)
{
	uint8_t *wanted = malloc(FILE_BYTES);

	for (uint32_t i = 0; i < FILE_BYTES; i++)
		memory[i] = wanted[i] = (uint8_t)rand();
	run_batch(IO_WRITE);
	CHECK(io_flush(&io, &device, &why) == RESULT_OK);
	memset(memory, 0, FILE_BYTES);
	CHECK(pread(device.file.fd, memory, FILE_BYTES, 0) == FILE_BYTES);
	CHECK(memcmp(memory, wanted, FILE_BYTES) == 0);
	memset(memory, 0, FILE_BYTES);
	run_batch(IO_READ);
	CHECK(memcmp(memory, wanted, FILE_BYTES) == 0);
	free(wanted);
}

static void set_done(struct io_request *request)
{
	*(bool *)request->owner = true;
}

static void vectors_are_gathered(void)
{
	struct iovec iov[3] = {{memory + 8192, 512}, {memory, 1024}, {memory + 4096, 512}};
	struct io_request request;
	uint8_t got[2048];
	bool done = false;

	memset(memory + 8192, 'a', 512);
	memset(memory, 'b', 1024);
	memset(memory + 4096, 'c', 512);
	io_prepare_vector(&request, IO_WRITE, &device, 512, iov, 3);
	request.done = set_done;
	request.owner = &done;
	io_submit(&io, &request);
	while (!done)
		io_wait(&io);
	CHECK(request.error == 0);
	CHECK(pread(device.file.fd, got, sizeof(got), 512) == sizeof(got));
	CHECK(got[0] == 'a' && got[511] == 'a' && got[512] == 'b' && got[1535] == 'b');
	CHECK(got[1536] == 'c' && got[2047] == 'c');
	CHECK(!io_wait(&io));
}

static void reading_past_the_end_fails(void)
{
	CHECK(io_read(&io, &device, FILE_BYTES - 512, memory, 1024, &why) == RESULT_IO);
	CHECK(strstr(why.text, "file: cannot read 1024 bytes at 1048064: ") == why.text);
	CHECK(io_read(&io, &device, FILE_BYTES - 512, memory, 512, &why) == RESULT_OK);
}

static void errors_are_told(void)
{
	int fd = device.file.fd;

	device.file.fd = -1;
	CHECK(io_read(&io, &device, 0, memory, 512, &why) == RESULT_IO);
	CHECK(io_write(&io, &device, 0, memory, 512, &why) == RESULT_IO);
	CHECK(io_flush(&io, &device, &why) == RESULT_IO);
	CHECK(strcmp(why.text, "file: cannot flush: Bad file descriptor") == 0);
	device.file.fd = fd;
}

/* ---- an engine that moves 512 bytes at a time, is interrupted, and fails flushes ---- */

static unsigned int calls, flush_calls;
static int flush_error;

static void odd_submit(struct io *queue, struct io_request *request)
{
	queue->state = request;
}

static void odd_reap(struct io *queue)
{
	struct io_request *request = queue->state;
	size_t bytes = min_u64(request->iov[0].iov_len, 512);
	ssize_t result;

	calls++;
	if (request->operation == IO_FLUSH) {
		flush_calls++;
		result = flush_error;
	} else if (calls % 3 == 0) {
		result = calls % 2 ? -EINTR : -EAGAIN;
	} else if (request->operation == IO_READ) {
		result = pread(device.file.fd, request->iov[0].iov_base, bytes,
			       (off_t)request->place.offset);
	} else {
		result = pwrite(device.file.fd, request->iov[0].iov_base, bytes,
				(off_t)request->place.offset);
	}
	io_complete(queue, request, result);
}

static void odd_close(struct io *queue)
{
	queue->state = NULL;
}

static const struct io_engine odd_engine = {"odd", odd_submit, odd_reap, odd_close};

static void failed_flush_is_final(void)
{
	static const int errors[] = {-EIO, -EINTR, -EAGAIN, -ENOSPC};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		flush_error = errors[i];
		flush_calls = 0;
		CHECK(io_flush(&io, &device, &why) ==
		      (errors[i] == -ENOSPC ? RESULT_NO_SPACE : RESULT_IO));
		CHECK(flush_calls == 1);
	}
	flush_error = 0;
}

/* ---- an engine that carries nothing out before it must ---- */

static struct io_request *late[4];
static unsigned int late_count, late_most;

static void late_submit(struct io *queue, struct io_request *request)
{
	(void)queue;
	late[late_count++] = request;
	late_most = (unsigned int)max_u64(late_most, late_count);
	/* The two kinds are never in flight together. */
	CHECK(device.direct || late_count == 1 || late[0]->place.bytes % BLOCK != 0);
}

static void late_reap(struct io *queue)
{
	struct io_request *request = late[--late_count];

	io_complete(queue, request, (ssize_t)request->place.bytes);
}

static const struct io_engine late_engine = {"late", late_submit, late_reap, odd_close};

static void blocks_go_past_the_cache_until_one_is_cut(void)
{
	static const size_t bytes[4] = {BLOCK, BLOCK, 512, BLOCK};
	struct io queue = {.engine = &late_engine, .depth = 4};
	struct io_request requests[4];
	bool done[4] = {false};

	device.open = device.direct = true;
	device.block_bytes = BLOCK;
	for (int i = 0; i < 4; i++) {
		io_prepare(&requests[i], IO_READ, &device, (uint64_t)i * BLOCK, memory, bytes[i]);
		requests[i].done = set_done;
		requests[i].owner = &done[i];
		io_submit(&queue, &requests[i]);
	}
	CHECK(late_count == 2 && device.direct);
	while (io_wait(&queue))
		CHECK(device.direct == !(done[0] && done[1]));
	CHECK(done[2] && done[3] && late_most == 2);
	device.open = device.direct = false;
	device.block_bytes = 512;
}

static void the_unit_is_the_block_where_chunks_are_blocks(void)
{
	struct device disk = {.bytes = 1 << 20, .block_bytes = BLOCK, .direct = true};

	CHECK(device_unit(&disk, BLOCK) == BLOCK && device_unit(&disk, 4 * BLOCK) == BLOCK);
	CHECK(!device_is_direct(&disk, 2048) && device_unit(&disk, 2048) == SECTOR_BYTES);
	disk.bytes -= SECTOR_BYTES;
	CHECK(!device_is_direct(&disk, BLOCK) && device_unit(&disk, BLOCK) == SECTOR_BYTES);
	disk = (struct device){.bytes = 1 << 20, .block_bytes = BLOCK};
	CHECK(!device_is_direct(&disk, BLOCK) && device_unit(&disk, BLOCK) == SECTOR_BYTES);
}

static void common_tests(const char *engine)
{
	char name[128];
	static const struct {
		const char *name;
		void (*test)(void);
	} tests[] = {
		{"what is written arrives, in any number", writes_arrive},
		{"a vector is written as one", vectors_are_gathered},
		{"reading past the end is an error with its place", reading_past_the_end_fails},
		{"errors are told with what, where and why", errors_are_told},
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		snprintf(name, sizeof(name), "io %s: %s", engine, tests[i].name);
		if (tests[i].test != errors_are_told || strcmp(engine, "odd") != 0)
			unit_run(name, tests[i].test);
	}
}

int main(void)
{
	static const char *const names[] = {"auto", "uring", "threads", "sync"};
	char path[] = "/tmp/cowtool-unit-XXXXXX";

	device.file.fd = mkstemp(path);
	if (device.file.fd < 0 || unlink(path) != 0 || ftruncate(device.file.fd, FILE_BYTES) != 0)
		return 1;
	memory = io_buffer(FILE_BYTES);
	for (int i = IO_ENGINE_AUTO; i <= IO_ENGINE_SYNC; i++) {
		if (io_engine_open(&io, (enum io_engine_choice)i, &why) != RESULT_OK) {
			printf("# %s is not to be had here: %s\n", names[i], why.text);
			continue;
		}
		common_tests(names[i]);
		io_close(&io);
	}
	io = (struct io){.engine = &odd_engine, .depth = 1};
	common_tests("odd");
	unit_run("io: a failed flush is never repeated", failed_flush_is_final);
	unit_run("io: all is direct until a transfer is no whole block, and nothing after it is",
		 blocks_go_past_the_cache_until_one_is_cut);
	unit_run("device: the unit of a transfer is a block where O_DIRECT serves, else a sector",
		 the_unit_is_the_block_where_chunks_are_blocks);
	io_close(&io);
	free(memory);
	close(device.file.fd);
	return unit_end();
}
