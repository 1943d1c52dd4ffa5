// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * refmerge ORIGIN STORE: what the kernel's merge leaves, made the slow and simple way on image
 * files: every exception from the last to the first, the clip at the origin's end, then all areas
 * that were live are zeroed. The judge of the tests, written without cowtool's own code. For
 * little-endian machines.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t chunk_bytes, per_area, count;
static int origin, store;

static void check(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

static uint64_t place(uint64_t index)
{
	return (1 + index / per_area * (per_area + 1)) * chunk_bytes + index % per_area * 16;
}

static void merge_one(uint64_t index, uint64_t origin_bytes, uint8_t *data)
{
	uint64_t entry[2], length = chunk_bytes;

	check(pread(store, entry, 16, (off_t)place(index)) == 16, "read entry");
	check(pread(store, data, chunk_bytes, (off_t)(entry[1] * chunk_bytes)) > 0, "read data");
	if (entry[0] * chunk_bytes + length > origin_bytes)
		length = origin_bytes - entry[0] * chunk_bytes;
	check(pwrite(origin, data, length, (off_t)(entry[0] * chunk_bytes)) == (ssize_t)length,
	      "write origin");
}

static void clear(uint8_t *data)
{
	for (uint64_t i = 0; i < chunk_bytes; i++)
		data[i] = 0;
	for (uint64_t index = 0; index < count; index += per_area)
		check(pwrite(store, data, chunk_bytes, (off_t)place(index)) == (ssize_t)chunk_bytes,
		      "clear");
}

int main(int argc, char **argv)
{
	uint32_t header[4];
	uint64_t entry[2] = {0, 1};
	struct stat status;
	uint8_t *data;

	if (argc != 3)
		return 2;
	origin = open(argv[1], O_RDWR);
	store = open(argv[2], O_RDWR);
	check(origin >= 0 && store >= 0, "open");
	check(pread(store, header, 16, 0) == 16 && fstat(origin, &status) == 0, "header");
	chunk_bytes = header[3] * 512ull;
	per_area = chunk_bytes / 16;
	data = malloc(chunk_bytes);
	check(data != NULL, "malloc");
	while (pread(store, entry, 16, (off_t)place(count)) == 16 && entry[1] != 0)
		count++;
	for (uint64_t i = count; i > 0; i--)
		merge_one(i - 1, (uint64_t)status.st_size / 512 * 512, data);
	if (count)
		clear(data);
	free(data);
	printf("%llu\n", (unsigned long long)count);
	return 0;
}
