/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stream of bytes becomes a gzip file, through zlib.
 *
 * Order of calls: gzip_open; gzip_write any number of times; gzip_finish; gzip_close.
 */
#ifndef STORE_GZIP_H
#define STORE_GZIP_H

#include <stddef.h>
#include <stdint.h>

#include "store/base/status.h"

/* Takes compressed bytes in their order; what it returns ends the stream unless it is RESULT_OK. */
typedef enum result (*gzip_put_function)(void *context, const uint8_t *bytes, size_t count,
					 struct failure *why);

struct gzip;

/* *gzip is the caller's to close. */
enum result gzip_open(struct gzip **gzip, gzip_put_function put, void *context,
		      struct failure *why);

enum result gzip_write(struct gzip *gzip, const uint8_t *bytes, size_t count, struct failure *why);

/* Hands on what is left, and the gzip file's end. */
enum result gzip_finish(struct gzip *gzip, struct failure *why);

/* Harmless on NULL. */
void gzip_close(struct gzip *gzip);

#endif
