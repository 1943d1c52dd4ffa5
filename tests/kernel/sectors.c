// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sectors: fills, writes and compares image files and devices, sector by sector, for the kernel
 * tests.
 *
 * Every sector's content follows from its number and a seed, so that the host can tell what must
 * are where without asking the kernel or cowtool. It is linked statically: the same program runs
 * on the host and in the guest.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR_BYTES = 512, MAX_SECTORS = 2048, LABEL_EVERY = 8 };

static const char usage[] = "usage: sectors fill FILE START COUNT SEED\n"
			    "       sectors write LIST ORIGIN|- SNAPSHOT|-\n"
			    "       sectors compare FILE FILE [FROM TO]...\n";

static char buffer[MAX_SECTORS * SECTOR_BYTES] __attribute__((aligned(4096)));

/* A letter that neighbours, and the same sector under another seed, most likely do not share. */
static char letter_of(uint64_t sector, uint64_t seed)
{
	uint64_t x = (sector + 1) * 0x9e3779b97f4a7c15u ^ (seed + 1) * 0xc2b2ae3d27d4eb4fu;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return (char)('a' + (x >> 40) % 26);
}

/* Letters compress to almost nothing; the label in each eighth sector is unique. */
static void make_sector(char *bytes, uint64_t sector, uint64_t seed)
{
	char label[64];
	int length;

	memset(bytes, letter_of(sector, seed), SECTOR_BYTES);
	if (sector % LABEL_EVERY != 0)
		return;
	length = snprintf(label, sizeof(label), "sector %" PRIu64 " seed %" PRIu64 "\n", sector,
			  seed);
	memcpy(bytes, label, (size_t)length);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *text == '\0' || *end != '\0')
		errx(2, "'%s' is not a number", text);
	return value;
}

/* Writes past the device's cache of pages, so that each write is one request to the target, in the
 * order of the list. */
static int open_for_writing(const char *name)
{
	struct stat st;
	int direct = stat(name, &st) == 0 && S_ISBLK(st.st_mode) ? O_DIRECT : 0;
	int fd = open(name, O_WRONLY | O_CREAT | direct, 0666);

	if (fd < 0)
		err(1, "cannot open %s", name);
	return fd;
}

static void close_written(int fd, const char *name)
{
	if (fsync(fd) != 0 || close(fd) != 0)
		err(1, "cannot flush %s", name);
}

static void write_sectors(int fd, const char *name, uint64_t start, uint64_t count, uint64_t seed)
{
	uint64_t i;

	if (count > MAX_SECTORS)
		errx(2, "a write of more than %d sectors", MAX_SECTORS);
	for (i = 0; i < count; i++)
		make_sector(buffer + i * SECTOR_BYTES, start + i, seed);
	if (pwrite(fd, buffer, count * SECTOR_BYTES, (off_t)(start * SECTOR_BYTES)) !=
	    (ssize_t)(count * SECTOR_BYTES))
		err(1, "cannot write %" PRIu64 " sectors at %" PRIu64 " of %s", count, start, name);
}

static int run_fill(char **args)
{
	uint64_t start = number(args[1]), left = number(args[2]), seed = number(args[3]);
	int fd = open_for_writing(args[0]);

	while (left > 0) {
		uint64_t count = left < MAX_SECTORS ? left : MAX_SECTORS;

		write_sectors(fd, args[0], start, count, seed);
		start += count;
		left -= count;
	}
	close_written(fd, args[0]);
	return 0;
}

/* The list's lines: `o START COUNT SEED` writes through the origin, `s START COUNT SEED` through
 * the snapshot. */
static int run_write(char **args)
{
	bool has_origin = strcmp(args[1], "-") != 0, has_snapshot = strcmp(args[2], "-") != 0;
	int origin = has_origin ? open_for_writing(args[1]) : -1;
	int snapshot = has_snapshot ? open_for_writing(args[2]) : -1;
	FILE *list = fopen(args[0], "r");
	uint64_t start, count, seed;
	char where;

	if (list == NULL)
		err(1, "cannot open %s", args[0]);
	while (fscanf(list, " %c %" SCNu64 " %" SCNu64 " %" SCNu64, &where, &start, &count,
		      &seed) == 4) {
		if (where == 'o' && has_origin)
			write_sectors(origin, args[1], start, count, seed);
		if (where == 's' && has_snapshot)
			write_sectors(snapshot, args[2], start, count, seed);
	}
	if (!feof(list))
		errx(2, "%s: a line that is not `o|s START COUNT SEED`", args[0]);
	fclose(list);
	if (has_origin)
		close_written(origin, args[1]);
	if (has_snapshot)
		close_written(snapshot, args[2]);
	return 0;
}

static int open_for_reading(const char *name, off_t *size)
{
	int fd = open(name, O_RDONLY);

	if (fd < 0)
		err(2, "cannot open %s", name);
	*size = lseek(fd, 0, SEEK_END);
	return fd;
}

/* Where data begins at or after offset in either file: both are holes, that is zeros, before it. */
static off_t next_data(int a, int b, off_t offset, off_t size)
{
	off_t in_a = lseek(a, offset, SEEK_DATA), in_b = lseek(b, offset, SEEK_DATA);

	in_a = in_a < 0 ? size : in_a;
	in_b = in_b < 0 ? size : in_b;
	return in_a < in_b ? in_a : in_b;
}

static size_t read_piece(int fd, char *into, off_t offset)
{
	ssize_t got = pread(fd, into, sizeof(buffer), offset);

	if (got <= 0)
		err(2, "cannot read at %jd", (intmax_t)offset);
	return (size_t)got;
}

/* Whether the byte lies in one of the ranges FROM TO, of which the second is after the last byte.
 */
static bool may_differ(uint64_t at, char **ranges)
{
	for (; ranges[0]; ranges += 2) {
		if (at >= number(ranges[0]) && at < number(ranges[1]))
			return true;
	}
	return false;
}

/* Holes are skipped: an origin of 4 TiB is compared in a moment. */
static int run_compare(char **args)
{
	static char other[sizeof(buffer)];
	off_t size, other_size, offset = 0;
	int a = open_for_reading(args[0], &size), b = open_for_reading(args[1], &other_size);

	if (size != other_size) {
		printf("sizes differ: %jd and %jd\n", (intmax_t)size, (intmax_t)other_size);
		return 1;
	}
	while ((offset = next_data(a, b, offset, size)) < size) {
		size_t length = read_piece(a, buffer, offset), i;

		if (read_piece(b, other, offset) != length)
			errx(2, "short read of %s", args[1]);
		for (i = 0; i < length; i++) {
			uint64_t at = (uint64_t)offset + i;

			if (buffer[i] != other[i] && !may_differ(at, args + 2)) {
				printf("%s %s differ: byte %" PRIu64 "\n", args[0], args[1], at);
				return 1;
			}
		}
		offset += (off_t)length;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "fill") == 0)
		return run_fill(argv + 2);
	if (argc == 5 && strcmp(argv[1], "write") == 0)
		return run_write(argv + 2);
	if (argc >= 4 && argc % 2 == 0 && strcmp(argv[1], "compare") == 0)
		return run_compare(argv + 2);
	fputs(usage, stderr);
	return 2;
}
