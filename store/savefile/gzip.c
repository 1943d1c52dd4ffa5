// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/savefile/gzip.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "store/base/bytes.h"

#define OUTPUT_BYTES (256u << 10)
/* zlib: the largest window, and the gzip format by 16. */
#define WINDOW_BITS (15 + 16)
#define MEMORY_LEVEL 8

struct gzip {
	z_stream stream;
	gzip_put_function put;
	void *context;
	uint8_t output[OUTPUT_BYTES];
};

enum result gzip_open(struct gzip **gzip, gzip_put_function put, void *context, struct failure *why)
{
	struct gzip *made = calloc(1, sizeof(*made));

	if (!made || deflateInit2(&made->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS,
				  MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(made);
		return fail_memory(why, "compressing", sizeof(*made));
	}
	made->put = put;
	made->context = context;
	*gzip = made;
	return RESULT_OK;
}

/* Compresses until zlib wants no more of it. */
static enum result compress_input(struct gzip *gzip, int flush, struct failure *why)
{
	enum result result = RESULT_OK;
	int code = Z_OK;

	do {
		gzip->stream.next_out = gzip->output;
		gzip->stream.avail_out = OUTPUT_BYTES;
		code = deflate(&gzip->stream, flush);
		if (code == Z_STREAM_ERROR)
			return fail(why, RESULT_INTERNAL, "zlib's state is not what it should be");
		if (gzip->stream.avail_out < OUTPUT_BYTES)
			result = gzip->put(gzip->context, gzip->output,
					   OUTPUT_BYTES - gzip->stream.avail_out, why);
	} while (result == RESULT_OK && gzip->stream.avail_out == 0);
	return result;
}

enum result gzip_write(struct gzip *gzip, const uint8_t *bytes, size_t count, struct failure *why)
{
	enum result result = RESULT_OK;

	while (count > 0 && result == RESULT_OK) {
		uInt part = (uInt)min_u64(count, UINT_MAX);

		/* zlib does not change its input; its field has no const without ZLIB_CONST. */
		gzip->stream.next_in = (Bytef *)(uintptr_t)bytes;
		gzip->stream.avail_in = part;
		result = compress_input(gzip, Z_NO_FLUSH, why);
		bytes += part;
		count -= part;
	}
	return result;
}

enum result gzip_finish(struct gzip *gzip, struct failure *why)
{
	gzip->stream.next_in = NULL;
	gzip->stream.avail_in = 0;
	return compress_input(gzip, Z_FINISH, why);
}

void gzip_close(struct gzip *gzip)
{
	if (gzip)
		deflateEnd(&gzip->stream);
	free(gzip);
}
