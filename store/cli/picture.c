// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/picture.h"

#include <assert.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/cli/cli.h"

/* "1023.9 MiB |", the "|" after the cells, and the last column, which stays free. */
#define COLUMNS_BESIDE 14u
/* Products of a cell's number and a chunk's have 64 bits. */
#define CHUNKS_MAX ((uint64_t)1 << 54)

struct look {
	const char *cells[9]; /* nothing has changed, ..., all has */
	unsigned int fullest;
};

static const struct look looks[] = {
	{{" ", ".", ":", "-", "=", "+", "*", "#", NULL}, 7},
	{{" ", "\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"}, 8},
};

static uint64_t all_cells(const struct picture *picture)
{
	return (uint64_t)PICTURE_ROWS * picture->cells;
}

/* The first chunk of a cell, or of what is after the last one. */
static uint64_t first_chunk(const struct picture *picture, uint64_t cell)
{
	return divide_up(cell * picture->chunks, all_cells(picture));
}

void picture_begin(struct picture *picture, uint64_t chunks, size_t columns)
{
	uint64_t cells = columns > COLUMNS_BESIDE ? columns - COLUMNS_BESIDE : 1;

	assert(chunks > 0 && chunks <= CHUNKS_MAX);
	memset(picture, 0, sizeof(*picture));
	picture->chunks = chunks;
	/* Each cell has a chunk at least, but where there are fewer than rows. */
	cells = min_u64(cells, max_u64(chunks / PICTURE_ROWS, 1));
	picture->cells = (unsigned int)min_u64(cells, PICTURE_CELLS_MAX);
}

void picture_add(struct picture *picture, uint64_t old_chunk)
{
	if (old_chunk < picture->chunks)
		picture->changed[old_chunk * all_cells(picture) / picture->chunks]++;
	else
		picture->outside++;
}

/* Only where all of it has changed is a cell full; where anything has, it is not empty. Of two
 * exceptions for one chunk, both were counted. */
static const char *cell_text(const struct picture *picture, const struct look *look, uint64_t cell)
{
	uint64_t chunks = first_chunk(picture, cell + 1) - first_chunk(picture, cell);
	uint64_t changed = min_u64(picture->changed[cell], chunks);

	return look->cells[changed > 0 ? 1 + changed * (look->fullest - 1) / chunks : 0];
}

static void print_row(const struct picture *picture, uint64_t row, uint64_t chunk_bytes,
		      const struct look *look, FILE *file)
{
	uint64_t first = row * picture->cells;
	char size[32];

	fprintf(file, "%10s |",
		cli_format_size(first_chunk(picture, first) * chunk_bytes, size, sizeof(size)));
	for (uint64_t cell = first; cell < first + picture->cells; cell++)
		fputs(cell_text(picture, look, cell), file);
	fputs("|\n", file);
}

void picture_print(const struct picture *picture, uint64_t chunk_bytes, bool blocks, FILE *file)
{
	const struct look *look = &looks[blocks];
	double cell_bytes =
		(double)picture->chunks / (double)all_cells(picture) * (double)chunk_bytes;
	char size[32];

	for (uint64_t row = 0; row < PICTURE_ROWS; row++)
		print_row(picture, row, chunk_bytes, look, file);
	fprintf(file, "%10s a cell; %s some, %s all\n",
		cli_format_size((uint64_t)cell_bytes, size, sizeof(size)), look->cells[1],
		look->cells[look->fullest]);
}
