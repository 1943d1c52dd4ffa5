// SPDX-License-Identifier: GPL-2.0-or-later
#include "pair.h"

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PARTS = 2, BLOCK_BYTES = 4096 };

struct part {
	uint64_t offset, bytes; /* on the disk */
	const uint8_t *wanted;
	char *file;
	int fd;
	bool settled; /* the file holds the wanted bytes */
};

static struct part parts[PARTS];
static char **command;

const uint8_t *pair_map(const char *file, uint64_t *bytes)
{
	int fd = open(file, O_RDONLY);
	struct stat status;
	void *memory;

	if (fd < 0 || fstat(fd, &status) != 0)
		err(2, "cannot open %s", file);
	memory = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		err(2, "cannot map %s", file);
	close(fd);
	*bytes = (uint64_t)status.st_size;
	return memory;
}

static char *file_of(const char *name, int which)
{
	char *file;

	if (asprintf(&file, "%s.%s", name, which == 0 ? "origin" : "store") < 0)
		err(2, "cannot name %s", name);
	return file;
}

void pair_load(const char *from, const char *wanted, uint8_t *disk, uint64_t disk_bytes)
{
	for (int i = 0; i < PARTS; i++) {
		struct part *part = &parts[i];
		uint64_t bytes;
		const uint8_t *before = pair_map(file_of(from, i), &bytes);

		part->wanted = pair_map(file_of(wanted, i), &part->bytes);
		if (bytes != part->bytes || bytes > disk_bytes)
			errx(2, "%s, %s and the disk: sizes that cannot be", from, wanted);
		part->offset = i == 0 ? 0 : disk_bytes - bytes;
		memcpy(disk + part->offset, before, bytes);
	}
}

enum pair_part pair_part_at(uint64_t offset)
{
	return offset < parts[PAIR_STORE].offset ? PAIR_ORIGIN : PAIR_STORE;
}

uint64_t pair_offset(enum pair_part which)
{
	return parts[which].offset;
}

static void open_part(struct part *part, const char *name, int which)
{
	part->file = file_of(name, which);
	part->fd = open(part->file, O_RDWR | O_CREAT | O_TRUNC, 0666);
	part->settled = false;
	if (part->fd < 0)
		err(2, "cannot make %s", part->file);
}

/* Only the blocks that differ, where it is known what the file holds. */
static void put_part(struct part *part, const uint8_t *disk)
{
	for (uint64_t at = 0; at < part->bytes; at += BLOCK_BYTES) {
		uint64_t left = part->bytes - at, length = left < BLOCK_BYTES ? left : BLOCK_BYTES;
		const uint8_t *from = disk + part->offset + at;

		if (part->settled && memcmp(from, part->wanted + at, length) == 0)
			continue;
		if (pwrite(part->fd, from, length, (off_t)at) != (ssize_t)length)
			err(2, "cannot write %s", part->file);
	}
	part->settled = false;
}

void pair_save(const char *name, uint64_t number, const uint8_t *disk)
{
	char *numbered;

	if (asprintf(&numbered, "%s.%" PRIu64, name, number) < 0)
		err(2, "cannot name a state of %s", name);
	for (int i = 0; i < PARTS; i++) {
		struct part copy = parts[i];

		open_part(&copy, numbered, i);
		put_part(&copy, disk);
		close(copy.fd);
		free(copy.file);
	}
	free(numbered);
}

void pair_open(const char *name, char **words, int count)
{
	command = calloc((size_t)count + PARTS + 1, sizeof(*command));
	if (!command)
		err(2, "cannot get memory");
	memcpy(command, words, (size_t)count * sizeof(*command));
	for (int i = 0; i < PARTS; i++) {
		open_part(&parts[i], name, i);
		command[count + i] = parts[i].file;
	}
}

static bool run_command(void)
{
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	if (child < 0)
		err(2, "cannot fork");
	if (child == 0) {
		execvp(command[0], command);
		err(127, "cannot run %s", command[0]);
	}
	if (waitpid(child, &status, 0) != child)
		err(2, "cannot wait for %s", command[0]);
	if (status != 0)
		printf("%s failed on %s\n", command[0], parts[0].file);
	return status == 0;
}

static bool compare_part(struct part *part)
{
	uint64_t bytes, at = 0;
	const uint8_t *now = pair_map(part->file, &bytes);

	part->settled = bytes == part->bytes && memcmp(now, part->wanted, bytes) == 0;
	if (!part->settled) {
		while (at < bytes && at < part->bytes && now[at] == part->wanted[at])
			at++;
		printf("%s is not what it must be: byte %" PRIu64 "\n", part->file, at);
	}
	munmap((void *)(uintptr_t)now, bytes);
	return part->settled;
}

bool pair_judge(const uint8_t *disk)
{
	bool good;

	put_part(&parts[0], disk);
	put_part(&parts[1], disk);
	good = run_command() && compare_part(&parts[0]) && compare_part(&parts[1]);
	if (!good) {
		put_part(&parts[0], disk);
		put_part(&parts[1], disk);
	}
	return good;
}
