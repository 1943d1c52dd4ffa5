// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * live: what the tests know of a store without asking cowtool.
 *
 *   live list STORE    prints every live exception, as `cowtool dump --format=csv` does live count
 *   STORE   prints how many there are live stop LEFT STORE COMMAND... becomes COMMAND, which is
 *   stopped (SIGSTOP) as soon as no more than LEFT are live live mark STORE COMMAND... the same, as
 *   soon as the store has a record of cowtool's live cut LEFT SIGNAL STORE COMMAND... runs COMMAND
 *   and sends it SIGNAL (KILL, INT) there; prints `<live> <exit code>`, the code 128 + n where
 *   signal n ended it; exit code 1 where COMMAND ended before
 *
 * STORE may be FILE@OFFSET: it begins at that byte of the file. Until then COMMAND is traced, and the store looked at where it is stopped, before and after each
 * system call of its first thread: it cannot run ahead of that, however fast the disk is.
 */
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECTOR_BYTES = 512, ENTRY_BYTES = 16, HEADER_BYTES = 16, RECORD_OFFSET = 256 };

/* The exit code where a process may not trace another one. */
enum { NOT_ALLOWED = 77 };

static const char usage[] = "usage: live list|count STORE\n"
			    "       live stop LEFT STORE COMMAND...\n"
			    "       live mark STORE COMMAND...\n"
			    "       live cut LEFT KILL|INT STORE COMMAND...\n";

static uint64_t store_begin; /* in the file, in bytes */

static uint64_t get(const unsigned char *bytes, int width)
{
	uint64_t value = 0;

	while (width-- > 0)
		value = value << 8 | bytes[width];
	return value;
}

static void read_at(int fd, unsigned char *into, size_t length, uint64_t offset)
{
	if (pread(fd, into, length, (off_t)(store_begin + offset)) != (ssize_t)length)
		err(2, "cannot read %zu bytes of the store at %" PRIu64, length, offset);
}

static uint64_t chunk_sectors_of(int fd)
{
	unsigned char header[HEADER_BYTES];
	uint64_t sectors;

	read_at(fd, header, sizeof(header), 0);
	sectors = get(header + 12, 4);
	if (memcmp(header, "SnAp", 4) != 0 || sectors == 0)
		errx(2, "the store has no header that the tests could have made");
	return sectors;
}

/* Where in the store the entry with that number in the list is. */
static uint64_t entry_offset(uint64_t chunk_bytes, uint64_t number)
{
	uint64_t per_area = chunk_bytes / ENTRY_BYTES;
	uint64_t area_chunk = 1 + number / per_area * (per_area + 1);

	return area_chunk * chunk_bytes + number % per_area * ENTRY_BYTES;
}

/* Prints the entries as CSV if asked to; returns their number. The first entry with new chunk 0
 * ends them. */
static uint64_t walk(int fd, bool print)
{
	unsigned char sector[SECTOR_BYTES];
	uint64_t chunk_bytes = chunk_sectors_of(fd) * SECTOR_BYTES;
	uint64_t per_area = chunk_bytes / ENTRY_BYTES, count;

	for (count = 0;; count++) {
		const unsigned char *entry = sector + count * ENTRY_BYTES % SECTOR_BYTES;

		if (entry == sector)
			read_at(fd, sector, sizeof(sector), entry_offset(chunk_bytes, count));
		if (get(entry + 8, 8) == 0)
			return count;
		if (print)
			printf("%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
			       count / per_area, count % per_area, get(entry, 8),
			       get(entry + 8, 8));
	}
}

/* What a command is stopped at: these eight bytes are there. */
struct moment {
	int fd;
	uint64_t offset, number;
};

/* No more than `left` are live: the next entry's new chunk is zeroed. */
static struct moment moment_of_left(int fd, uint64_t left)
{
	uint64_t entry = entry_offset(chunk_sectors_of(fd) * SECTOR_BYTES, left);

	return (struct moment){fd, entry + 8, 0};
}

static struct moment moment_of_mark(int fd)
{
	return (struct moment){fd, RECORD_OFFSET, get((const unsigned char *)"cowmerge", 8)};
}

static bool has_come(const struct moment *moment)
{
	unsigned char bytes[8];

	read_at(moment->fd, bytes, sizeof(bytes), moment->offset);
	return get(bytes, 8) == moment->number;
}

/* The signal with which a process that stopped like this goes on: what is no system call, and no
 * event of the trace, is a signal of its own. */
static long signal_of(int status)
{
	return status >> 16 == 0 && WSTOPSIG(status) != (SIGTRAP | 0x80) ? WSTOPSIG(status) : 0;
}

/* Stops a process that is traced by this one and is stopped, when it is time; then it is on its
 * own. */
static void stop_in_time(pid_t process, const struct moment *moment)
{
	long signal_number = 0;
	int status;

	while (ptrace(PTRACE_SYSCALL, process, NULL, signal_number) == 0 &&
	       waitpid(process, &status, 0) == process && WIFSTOPPED(status)) {
		signal_number = signal_of(status);
		if (!has_come(moment))
			continue;
		kill(process, SIGSTOP);
		ptrace(PTRACE_DETACH, process, NULL, signal_number);
		return;
	}
}

/* What traces: neither this process's child nor its parent. Says in `ready` when it does. */
static void begin_trace(pid_t process, const struct moment *moment, int ready)
{
	int status;

	if (ptrace(PTRACE_SEIZE, process, NULL, (long)PTRACE_O_TRACESYSGOOD) != 0 ||
	    ptrace(PTRACE_INTERRUPT, process, NULL, 0L) != 0 ||
	    waitpid(process, &status, 0) != process)
		err(2, "cannot trace");
	if (write(ready, "", 1) != 1)
		err(2, "cannot begin");
	close(ready);
	stop_in_time(process, moment);
}

static void become_stopped(const struct moment *moment, char **command)
{
	pid_t process = getpid(), between;
	int ready[2];
	char byte;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0L, 0L, 0L);
	if (pipe2(ready, O_CLOEXEC) != 0 || (between = fork()) < 0)
		err(2, "cannot begin");
	if (between == 0) {
		if (fork() == 0)
			begin_trace(process, moment, ready[1]);
		_exit(0);
	}
	waitpid(between, NULL, 0);
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		exit(NOT_ALLOWED);
	execvp(command[0], command);
	err(127, "cannot run %s", command[0]);
}

static int code_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_cut(int fd, uint64_t left, int signal_number, char **command)
{
	struct moment moment = moment_of_left(fd, left);
	pid_t child = fork();
	int status;

	if (child == 0)
		become_stopped(&moment, command);
	if (child < 0 || waitpid(child, &status, WUNTRACED) != child)
		err(2, "cannot run %s", command[0]);
	if (!WIFSTOPPED(status))
		errx(1, "'%s' ended (%d) with %" PRIu64 " exceptions left", command[0],
		     code_of(status), walk(fd, false));
	if (kill(child, signal_number) != 0 || kill(child, SIGCONT) != 0 ||
	    waitpid(child, &status, 0) != child)
		err(2, "cannot go on with %s", command[0]);
	printf("%" PRIu64 " %d\n", walk(fd, false), code_of(status));
	return 0;
}

static int open_store(char *name)
{
	char *at = strrchr(name, '@');
	int fd;

	if (at && at[1 + strspn(at + 1, "0123456789")] == '\0') {
		*at = '\0';
		store_begin = strtoull(at + 1, NULL, 10);
	}
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(2, "cannot open %s", name);
	return fd;
}

int main(int argc, char **argv)
{
	struct moment moment;

	if (argc == 3 && strcmp(argv[1], "list") == 0) {
		puts("area,index,old_chunk,new_chunk");
		walk(open_store(argv[2]), true);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "count") == 0) {
		printf("%" PRIu64 "\n", walk(open_store(argv[2]), false));
		return 0;
	}
	if (argc >= 5 && strcmp(argv[1], "stop") == 0) {
		moment = moment_of_left(open_store(argv[3]), strtoull(argv[2], NULL, 10));
		become_stopped(&moment, argv + 4);
	}
	if (argc >= 4 && strcmp(argv[1], "mark") == 0) {
		moment = moment_of_mark(open_store(argv[2]));
		become_stopped(&moment, argv + 3);
	}
	if (argc >= 6 && strcmp(argv[1], "cut") == 0)
		return run_cut(open_store(argv[4]), strtoull(argv[2], NULL, 10),
			       strcmp(argv[3], "INT") == 0 ? SIGINT : SIGKILL, argv + 5);
	fputs(usage, stderr);
	return 2;
}
