/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where in the origin the changes are: a row of cells for each quarter of it, the fuller the more
 * of the cell's chunks have changed. It takes the same memory for any origin.
 *
 * Order of calls: picture_begin, picture_add for each exception, picture_print.
 */
#ifndef STORE_CLI_PICTURE_H
#define STORE_CLI_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PICTURE_ROWS 4u
#define PICTURE_CELLS_MAX 250u

struct picture {
	uint64_t chunks;
	unsigned int cells; /* of a row */
	uint64_t outside;   /* exceptions that were added for chunks after the last one */
	uint64_t changed[PICTURE_ROWS * PICTURE_CELLS_MAX]; /* chunks of each cell */
};

/* Of an origin of `chunks` chunks, at least one, for a terminal of that many columns. */
void picture_begin(struct picture *picture, uint64_t chunks, size_t columns);

void picture_add(struct picture *picture, uint64_t old_chunk);

/* `blocks`: with the eighths of a block of Unicode, in UTF-8; else with " .:-=+*#". */
void picture_print(const struct picture *picture, uint64_t chunk_bytes, bool blocks, FILE *file);

#endif
