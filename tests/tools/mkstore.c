// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mkstore STORE KEY=VALUE...: makes a COW store, sound or with a defect, for the tests. Written
 * from the format's description alone, without cowtool's own code, so that an error there is not
 * repeated here. For little-endian machines.
 *
 *   chunk=SECTORS     chunk size, default 8 size=BYTES        of STORE, default: what is needed
 *   random=N          N exceptions for distinct random old chunks below origin_chunks=, in random
 *   order sequential=N      N exceptions for the old chunks from= (default 0) and up, every=
 *   (default 1) apart, modulo= (default: none) the old chunk origin_chunks=N   how many chunks the
 *   origin has (for random=) seed=N            of the random numbers and of the data reversed=1
 *   the new chunks are handed out from the last to the first data=0            no data is written:
 *   a store of holes keep=1            an existing file is not emptied first: with data=0, a merged
 *   store is filled again junk=AREA         fills an area with random bytes, as a device has where
 *   nothing was ever zeroed (repeatable) entry=I:OLD:NEW   puts an exception at number I, after all
 *   others (repeatable) magic=N valid=N version=N header_chunk=N   what the header says
 *   poke=OFFSET:BYTE  writes a byte, last of all (repeatable)
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct entry {
	uint64_t old_chunk, new_chunk;
};

static uint64_t chunk = 8, size, count, from, origin_chunks, seed = 1, with_data = 1, reversed,
		keep;
static uint64_t is_random, every = 1, modulo = UINT64_MAX;
static uint64_t magic = 0x70416e53, valid = 1, version = 1, header_chunk;
static int fd;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void put(const void *bytes, size_t length, uint64_t offset)
{
	if (pwrite(fd, bytes, length, (off_t)offset) != (ssize_t)length)
		die("mkstore: write");
}

/* Where the area begins that has exception number `index`. */
static uint64_t area_place(uint64_t index)
{
	uint64_t per_area = chunk * 32;

	return (1 + index / per_area * (per_area + 1)) * chunk * 512;
}

static void put_entry(uint64_t index, uint64_t old_chunk, uint64_t new_chunk)
{
	struct entry entry = {old_chunk, new_chunk};

	put(&entry, sizeof(entry), area_place(index) + index % (chunk * 32) * 16);
}

static uint64_t usual_chunk(uint64_t index)
{
	return 2 + index + index / (chunk * 32);
}

static void put_data(uint64_t index, uint64_t new_chunk)
{
	uint64_t state = seed * 1000003 + index, *words = malloc(chunk * 512);

	if (!words)
		die("mkstore");
	for (uint64_t i = 0; i < chunk * 64; i++)
		words[i] = next_random(&state);
	put(words, chunk * 512, new_chunk * chunk * 512);
	free(words);
}

/* The first `count` numbers of a random permutation of 0 .. origin_chunks - 1 (Fisher and Yates).
 */
static uint64_t *choose(void)
{
	uint64_t state = seed, *numbers = malloc(origin_chunks * sizeof(*numbers));

	if (!numbers || count > origin_chunks)
		die("mkstore: random= needs an origin_chunks= at least as large");
	for (uint64_t i = 0; i < origin_chunks; i++)
		numbers[i] = i;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t j = i + next_random(&state) % (origin_chunks - i), swap = numbers[i];

		numbers[i] = numbers[j];
		numbers[j] = swap;
	}
	return numbers;
}

static void put_exceptions(void)
{
	uint64_t *numbers = is_random ? choose() : NULL;
	uint64_t per_area = chunk * 32;
	struct entry *area = malloc(per_area * sizeof(*area));

	if (!area)
		die("mkstore");
	for (uint64_t i = 0; i < count; i++) {
		uint64_t new_chunk = usual_chunk(reversed ? count - 1 - i : i), k = i % per_area;

		area[k].old_chunk = numbers ? numbers[i] : (from + i * every) % modulo;
		area[k].new_chunk = new_chunk;
		if (k == per_area - 1 || i == count - 1)
			put(area, (k + 1) * sizeof(*area), area_place(i));
		if (with_data)
			put_data(i, new_chunk);
	}
	free(area);
	free(numbers);
}

static void put_header(void)
{
	uint32_t header[4] = {(uint32_t)magic, (uint32_t)valid, (uint32_t)version,
			      (uint32_t)(header_chunk ? header_chunk : chunk)};

	put(header, sizeof(header), 0);
}

static void take_numbers(int argc, char **argv)
{
	static const struct {
		const char *key;
		uint64_t *value;
	} keys[] = {{"chunk", &chunk},	    {"size", &size},
		    {"random", &is_random}, {"from", &from},
		    {"sequential", &count}, {"origin_chunks", &origin_chunks},
		    {"seed", &seed},	    {"reversed", &reversed},
		    {"data", &with_data},   {"keep", &keep},
		    {"magic", &magic},	    {"valid", &valid},
		    {"version", &version},  {"header_chunk", &header_chunk},
		    {"every", &every},	    {"modulo", &modulo}};

	for (int i = 2; i < argc; i++)
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
			size_t length = strlen(keys[k].key);

			if (strncmp(argv[i], keys[k].key, length) == 0 && argv[i][length] == '=')
				*keys[k].value = strtoull(argv[i] + length + 1, NULL, 0);
		}
	if (is_random)
		count = is_random;
}

/* A random number has no zero byte where it counts: no entry of it is the end of the list. */
static void put_junk(uint64_t area)
{
	uint64_t state = seed * 1000003 + area, *words = malloc(chunk * 512);

	if (!words)
		die("mkstore");
	for (uint64_t i = 0; i < chunk * 64; i++)
		words[i] = next_random(&state) | (uint64_t)1 << 63;
	put(words, chunk * 512, area_place(area * chunk * 32));
	free(words);
}

static void take_edits(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		unsigned long long area;

		if (sscanf(argv[i], "junk=%llu", &area) == 1)
			put_junk(area);
	}
	for (int i = 2; i < argc; i++) {
		unsigned long long a, b, c;

		if (sscanf(argv[i], "entry=%llu:%llu:%llu", &a, &b, &c) == 3)
			put_entry(a, b, c);
		if (sscanf(argv[i], "poke=%llu:%llu", &a, &b) == 2)
			put(&(uint8_t){(uint8_t)b}, 1, a);
	}
}

int main(int argc, char **argv)
{
	uint64_t per_area, areas, needed;

	if (argc < 2)
		return 2;
	take_numbers(argc, argv);
	per_area = chunk * 32;
	areas = count / per_area + 1;
	needed = (1 + (areas - 1) * (per_area + 1) + 1) * chunk * 512; /* up to the last area */
	if (count && (usual_chunk(count - 1) + 1) * chunk * 512 > needed)
		needed = (usual_chunk(count - 1) + 1) * chunk * 512;
	fd = open(argv[1], O_RDWR | O_CREAT | (keep ? 0 : O_TRUNC), 0600);
	if (fd < 0 || ftruncate(fd, (off_t)(size ? size : needed)) != 0)
		die("mkstore: open");
	put_header();
	put_exceptions();
	take_edits(argc, argv);
	if (size && ftruncate(fd, (off_t)size) != 0)
		die("mkstore: truncate");
	return close(fd) != 0;
}
