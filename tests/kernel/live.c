// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * live: what the kernel tests know of a store without asking cowtool.
 *
 *   live list STORE    prints every live exception, as `cowtool dump --format=csv` does
 *   live count STORE   prints how many there are
 *   live cut LEFT SIGNAL STORE COMMAND...
 *                      runs COMMAND and sends it SIGNAL (KILL, INT) as soon as no more than LEFT are live;
 *                      prints `<live> <exit code>`, the code 128 + n where signal n ended it; exit code 1
 *                      where COMMAND ended with more than LEFT. It is traced, and the store looked at
 *                      where it stands still, before and after each of its system calls: COMMAND cannot
 *                      run ahead of that, however fast the disk is.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECTOR_BYTES = 512, ENTRY_BYTES = 16, HEADER_BYTES = 16, MAX_CHUNK_SECTORS = 2048 };

static const char usage[] = "usage: live list|count STORE\n"
			    "       live cut LEFT KILL|INT STORE COMMAND...\n";

static uint64_t get(const unsigned char *bytes, int width)
{
	uint64_t value = 0;

	while (width-- > 0)
		value = value << 8 | bytes[width];
	return value;
}

static void read_at(int fd, unsigned char *into, size_t length, uint64_t offset)
{
	if (pread(fd, into, length, (off_t)offset) != (ssize_t)length)
		err(2, "cannot read %zu bytes of the store at %" PRIu64, length, offset);
}

static uint64_t chunk_sectors_of(int fd)
{
	unsigned char header[HEADER_BYTES];
	uint64_t sectors;

	read_at(fd, header, sizeof(header), 0);
	sectors = get(header + 12, 4);
	if (memcmp(header, "SnAp", 4) != 0 || sectors == 0 || sectors > MAX_CHUNK_SECTORS)
		errx(2, "the store has no header that the tests could have made");
	return sectors;
}

/* Prints the entries as CSV if asked to; returns their number. The first entry with new chunk 0
 * ends them. */
static uint64_t walk(int fd, bool print)
{
	static unsigned char area_bytes[MAX_CHUNK_SECTORS * SECTOR_BYTES];
	uint64_t chunk_bytes = chunk_sectors_of(fd) * SECTOR_BYTES;
	uint64_t per_area = chunk_bytes / ENTRY_BYTES, count = 0, area, i;

	for (area = 0;; area++) {
		read_at(fd, area_bytes, chunk_bytes, (1 + area * (per_area + 1)) * chunk_bytes);
		for (i = 0; i < per_area; i++, count++) {
			uint64_t old = get(area_bytes + i * ENTRY_BYTES, 8);
			uint64_t new = get(area_bytes + i * ENTRY_BYTES + 8, 8);

			if (new == 0)
				return count;
			if (print)
				printf("%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", area, i,
				       old, new);
		}
	}
}

/* The command, standing still behind its exec, traced with all threads that it will have. */
static pid_t start(char **command)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
	pid_t child = fork();
	int status;

	if (child < 0)
		err(2, "cannot fork");
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execvp(command[0], command);
		err(127, "cannot run %s", command[0]);
	}
	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, child, NULL, options) != 0)
		errx(2, "cannot trace %s", command[0]);
	return child;
}

static int code_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The signal that a thread which stopped like this goes on with. */
static long signal_of(int status)
{
	int number = WSTOPSIG(status);

	/* A system call, an event of the trace, or a new thread. */
	if (number == (SIGTRAP | 0x80) || number == SIGTRAP || number == SIGSTOP)
		return 0;
	return number;
}

static int run_cut(int fd, uint64_t left, int signal_number, char **command)
{
	pid_t child = start(command), thread = child;
	bool sent = false;
	int status = 0;

	/* A thread that was killed meanwhile does not go on: no error. */
	ptrace(PTRACE_SYSCALL, child, NULL, 0L);
	while ((thread = waitpid(-1, &status, __WALL)) > 0) {
		if (thread == child && !WIFSTOPPED(status))
			break;
		if (!WIFSTOPPED(status))
			continue;
		if (!sent && walk(fd, false) <= left)
			sent = kill(child, signal_number) == 0;
		ptrace(PTRACE_SYSCALL, thread, NULL, signal_of(status));
	}
	if (!sent)
		errx(1, "'%s' ended (%d) with %" PRIu64 " exceptions left", command[0],
		     code_of(status), walk(fd, false));
	printf("%" PRIu64 " %d\n", walk(fd, false), code_of(status));
	return 0;
}

static int open_store(const char *name)
{
	int fd = open(name, O_RDONLY);

	if (fd < 0)
		err(2, "cannot open %s", name);
	return fd;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "list") == 0) {
		puts("area,index,old_chunk,new_chunk");
		walk(open_store(argv[2]), true);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "count") == 0) {
		printf("%" PRIu64 "\n", walk(open_store(argv[2]), false));
		return 0;
	}
	if (argc >= 6 && strcmp(argv[1], "cut") == 0)
		return run_cut(open_store(argv[4]), strtoull(argv[2], NULL, 10),
			       strcmp(argv[3], "INT") == 0 ? SIGINT : SIGKILL, argv + 5);
	fputs(usage, stderr);
	return 2;
}
