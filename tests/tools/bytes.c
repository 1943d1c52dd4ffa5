// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bytes: writes and reads a few bytes of a file, for the tests, in one process.
 *
 *   bytes fill FILE BYTES FIRST     makes FILE of that many bytes: the numbers from FIRST on, one a
 *                                   line, the last one cut
 *   bytes put FILE OFFSET FORMAT    writes there what printf(1) makes of FORMAT: \ooo, \xhh, \n, \\
 *                                   and %%; the rest of FILE stays
 *   bytes number FILE OFFSET        prints the 64-bit little-endian number there
 *   bytes join                      prints the bytes that the lines of stdin name: FILE, OFFSET and
 *                                   BYTES, with commas between them
 *   bytes copy FROM TO UNIT         of each number on stdin, copies that part of UNIT bytes from
 *                                   FROM to its place in TO, whose rest stays
 *   bytes crc FILE                  prints the CRC-32 of FILE that gzip has, as eight hexadecimal
 *                                   digits
 */
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "usage: bytes fill FILE BYTES FIRST\n"
			    "       bytes put FILE OFFSET FORMAT\n"
			    "       bytes number FILE OFFSET\n"
			    "       bytes join\n"
			    "       bytes copy FROM TO UNIT\n"
			    "       bytes crc FILE\n";

static void fill(const char *name, uint64_t bytes, uint64_t number)
{
	FILE *file = fopen(name, "w");
	char line[32];

	if (!file)
		err(1, "cannot make %s", name);
	while (bytes > 0) {
		uint64_t length = (uint64_t)snprintf(line, sizeof(line), "%" PRIu64 "\n", number++);

		if (length > bytes)
			length = bytes;
		if (fwrite(line, 1, length, file) != length)
			err(1, "cannot write %s", name);
		bytes -= length;
	}
	if (fclose(file) != 0)
		err(1, "cannot write %s", name);
}

/* The byte that up to `most` digits after *text are, which is moved to the last of them. */
static char digits(const char **text, const char *allowed, int base, int most)
{
	char word[4] = "";
	size_t length = strspn(*text + 1, allowed);

	if (length > (size_t)most)
		length = (size_t)most;
	memcpy(word, *text + 1, length);
	*text += length;
	return (char)strtol(word, NULL, base);
}

/* One character of the format, which may be several there: *text is moved to its last one. */
static char unescape(const char **text)
{
	char first = **text, second = first ? (*text)[1] : '\0';

	if (first == '%' && second != '%')
		errx(2, "a %% in a format must be two");
	if (first != '\\' && first != '%')
		return first;
	if (first == '\\' && second >= '0' && second <= '7')
		return digits(text, "01234567", 8, 3);
	++*text;
	switch (second) {
	case 'x':
		return digits(text, "0123456789abcdefABCDEF", 16, 2);
	case 'n':
		return '\n';
	case '\\':
	case '%':
		return second;
	default:
		errx(2, "unknown in a format: \\%c", second);
	}
}

static void put(const char *name, off_t offset, const char *format)
{
	char *bytes = malloc(strlen(format) + 1);
	size_t count = 0;
	int fd = open(name, O_WRONLY | O_CREAT, 0666);

	if (!bytes || fd < 0)
		err(1, "cannot open %s", name);
	for (; *format; format++)
		bytes[count++] = unescape(&format);
	if (pwrite(fd, bytes, count, offset) != (ssize_t)count || close(fd) != 0)
		err(1, "cannot write %s", name);
	free(bytes);
}

static void print_number(const char *name, off_t offset)
{
	unsigned char bytes[8];
	uint64_t number = 0;
	int fd = open(name, O_RDONLY);

	if (fd < 0 || pread(fd, bytes, sizeof(bytes), offset) != (ssize_t)sizeof(bytes))
		err(1, "cannot read %s", name);
	for (size_t i = sizeof(bytes); i > 0; i--)
		number = number << 8 | bytes[i - 1];
	printf("%" PRIu64 "\n", number);
	close(fd);
}

static void print_part(const char *name, uint64_t offset, uint64_t bytes)
{
	char block[4096];
	FILE *file = fopen(name, "r");

	if (!file || fseeko(file, (off_t)offset, SEEK_SET) != 0)
		err(1, "cannot open %s", name);
	while (bytes > 0) {
		size_t length = bytes < sizeof(block) ? (size_t)bytes : sizeof(block);

		if (fread(block, 1, length, file) != length)
			errx(1, "%s has no byte %" PRIu64, name, offset + bytes - 1);
		fwrite(block, 1, length, stdout);
		bytes -= length;
	}
	fclose(file);
}

static void join(void)
{
	char name[256];
	uint64_t offset, bytes;

	while (scanf(" %255[^,],%" SCNu64 ",%" SCNu64, name, &offset, &bytes) == 3)
		print_part(name, offset, bytes);
	if (!feof(stdin) || fflush(stdout) != 0)
		errx(1, "cannot join what is on stdin");
}

static void copy(const char *from, const char *to, size_t unit)
{
	int source = open(from, O_RDONLY), target = open(to, O_WRONLY);
	char *block = malloc(unit);
	uint64_t number;

	if (source < 0 || target < 0 || !block)
		err(1, "cannot copy from %s to %s", from, to);
	while (scanf("%" SCNu64, &number) == 1) {
		ssize_t length = pread(source, block, unit, (off_t)(number * unit));

		if (length <= 0 ||
		    pwrite(target, block, (size_t)length, (off_t)(number * unit)) != length)
			err(1, "cannot copy number %" PRIu64, number);
	}
	if (!feof(stdin))
		errx(1, "what is on stdin is no number");
	free(block);
	close(source);
	close(target);
}

/* The polynomial alone: nothing of it is cowtool's, or zlib's. */
static void print_crc(const char *name)
{
	FILE *file = fopen(name, "r");
	uint32_t table[256], crc = UINT32_MAX;

	if (!file)
		err(1, "cannot open %s", name);
	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
	}
	for (int byte; (byte = getc(file)) != EOF;)
		crc = crc >> 8 ^ table[(crc ^ (uint32_t)byte) & 255];
	printf("%08" PRIx32 "\n", ~crc);
	fclose(file);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	uint64_t place = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;

	if (argc == 5 && strcmp(what, "fill") == 0)
		fill(argv[2], place, strtoull(argv[4], NULL, 0));
	else if (argc == 5 && strcmp(what, "put") == 0)
		put(argv[2], (off_t)place, argv[4]);
	else if (argc == 4 && strcmp(what, "number") == 0)
		print_number(argv[2], (off_t)place);
	else if (argc == 2 && strcmp(what, "join") == 0)
		join();
	else if (argc == 5 && strcmp(what, "copy") == 0)
		copy(argv[2], argv[3], strtoull(argv[4], NULL, 0));
	else if (argc == 3 && strcmp(what, "crc") == 0)
		print_crc(argv[2]);
	else
		errx(2, "%s", usage);
	return 0;
}
