// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mkpv FILE KEY=VALUE...: puts LVM's label and a metadata text, whatever it says, on the beginning
 * of a file, with the right checksums. Written from the format's description alone, without
 * cowtool's own code. For little-endian machines.
 *
 *   text=FILE      the text                      id=ID        of the physical volume, 32 letters
 *   size=BYTES     of FILE, default 2 MiB        label=SECTOR where the label is, default 1
 *   at=OFFSET      of the text in its area, default 512: one near the area's end is wrapped
 *   nul=0          the text has no NUL at its end
 *   ignored=1      the area's header says that the text is to be ignored
 *   bytes=N        how long the header says that the text is
 *   start=OFFSET   where the area's header says that it is
 *   poke=OFFSET:BYTE  writes a byte, last of all (repeatable)
 *
 * The area is at 4096, of 64 KiB. A file that is there keeps what comes after.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR 512u
#define AREA_AT 4096u
#define AREA_BYTES 65536u
#define FIRST_EXTENT 69632u

static uint8_t disk[FIRST_EXTENT];
static char *text_name, *id;
static uint64_t size = 2u << 20, label = 1, at = SECTOR, nul = 1, ignored, bytes, start = AREA_AT;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint32_t checksum(const uint8_t *data, size_t length)
{
	uint32_t sum = 0xf597a6cf;

	while (length--) {
		sum ^= *data++;
		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
	}
	return sum;
}

static uint8_t *put(uint8_t *to, uint64_t value, unsigned int width)
{
	memcpy(to, &value, width);
	return to + width;
}

static uint8_t *put_area(uint8_t *to, uint64_t offset, uint64_t length)
{
	return put(put(to, offset, 8), length, 8);
}

static void make_label(void)
{
	uint8_t *sector = disk + label * SECTOR, *to = sector + 32;

	memcpy(sector, "LABELONE", 8);
	put(sector + 8, label, 8);
	put(sector + 20, 32, 4);
	memcpy(sector + 24, "LVM2 001", 8);
	memcpy(to, id, strlen(id) < 32 ? strlen(id) : 32);
	to = put(to + 32, size, 8);
	to = put_area(put_area(to, FIRST_EXTENT, 0), 0, 0);
	to = put_area(put_area(to, AREA_AT, AREA_BYTES), 0, 0);
	to = put(put(to, 2, 4), 1, 4);
	put_area(to, 0, 0);
	put(sector + 16, checksum(sector + 20, SECTOR - 20), 4);
}

/* Returns the text's length. What does not fit before the area's end goes to after its header. */
static size_t make_text(uint32_t *sum)
{
	static uint8_t text[AREA_BYTES];
	FILE *file = fopen(text_name, "r");
	size_t length;

	if (!file)
		die(text_name);
	length = fread(text, 1, sizeof(text) - 1, file) + (nul ? 1 : 0);
	fclose(file);
	for (size_t i = 0; i < length; i++) {
		uint64_t place = at + i;

		if (place >= AREA_BYTES)
			place -= AREA_BYTES - SECTOR;
		if (place < AREA_BYTES)
			disk[AREA_AT + place] = text[i];
	}
	*sum = checksum(text, length);
	return length;
}

static void make_header(size_t length, uint32_t sum)
{
	uint8_t *header = disk + AREA_AT;

	memcpy(header + 4, " LVM2 x[5A%r0N*>", 16);
	put(header + 20, 1, 4);
	put_area(header + 24, start, AREA_BYTES);
	put_area(header + 40, at, bytes ? bytes : length);
	put(header + 56, sum, 4);
	put(header + 60, ignored, 4);
	put(header, checksum(header + 4, SECTOR - 4), 4);
}

static void take(int argc, char **argv)
{
	static const struct {
		const char *key;
		uint64_t *value;
	} keys[] = {{"size=", &size},	{"label=", &label}, {"at=", &at},	   {"nul=", &nul},
		    {"bytes=", &bytes}, {"start=", &start}, {"ignored=", &ignored}};

	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], "text=", 5) == 0)
			text_name = argv[i] + 5;
		if (strncmp(argv[i], "id=", 3) == 0)
			id = argv[i] + 3;
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			if (strncmp(argv[i], keys[k].key, strlen(keys[k].key)) == 0)
				*keys[k].value = strtoull(argv[i] + strlen(keys[k].key), NULL, 0);
	}
}

static void poke(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		unsigned long long offset, byte;

		if (sscanf(argv[i], "poke=%llu:%llu", &offset, &byte) == 2 && offset < sizeof(disk))
			disk[offset] = (uint8_t)byte;
	}
}

int main(int argc, char **argv)
{
	uint32_t sum;
	size_t length;
	int fd;

	if (argc < 2)
		return 2;
	take(argc, argv);
	if (!text_name || !id || label > 7 || at >= AREA_BYTES)
		return 2;
	make_label();
	length = make_text(&sum);
	make_header(length, sum);
	poke(argc, argv);
	fd = open(argv[1], O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)size) != 0 ||
	    pwrite(fd, disk, sizeof(disk), 0) != sizeof(disk) || close(fd) != 0)
		die(argv[1]);
	return 0;
}
