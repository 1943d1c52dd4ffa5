// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/imprint.h"

#include <stdlib.h>
#include <string.h>

#include "store/io/batch.h"
#include "store/base/breaks.h"
#include "store/base/bytes.h"
#include "store/base/checksum.h"

/* Of a larger chunk, its first bytes count. */
#define SAMPLE_BYTES_MAX (1024u << 10)
/* All samples together, about. */
#define SAMPLED_BYTES (4096u << 10)
#define SAMPLES_MIN 4u
#define SAMPLES_MAX 256u

/* Superblocks: of most file systems, and of btrfs. */
#define PLACE_BYTES 4096u
static const uint64_t places[] = {0, 65536};
#define SUPERBLOCKS_MAX (2 * PLACE_BYTES / SECTOR_BYTES)

/* Chunks of the origin on their way into memory. */
struct sampling {
	const struct store *store;
	struct device *origin;
	uint64_t exceptions;
	uint32_t samples;
	struct exception first;
	/* old chunks: the samples, then those of superblocks */
	uint64_t chunks[SAMPLES_MAX + SUPERBLOCKS_MAX];
	uint32_t count, superblocks, next;
	size_t slot_bytes; /* of the buffer, for each */
	uint8_t *buffer;
};

static uint32_t count_samples(const struct sampling *sampling)
{
	uint64_t fit =
		SAMPLED_BYTES / min_u64(sampling->store->geometry.chunk_bytes, SAMPLE_BYTES_MAX);

	fit = min_u64(max_u64(fit, SAMPLES_MIN), SAMPLES_MAX);
	return (uint32_t)min_u64(sampling->exceptions, fit);
}

/* The exception that is sample `i`. */
static uint64_t sample_index(const struct sampling *sampling, uint32_t i)
{
	uint64_t gaps = max_u64(sampling->samples, 2) - 1, last = sampling->exceptions - 1;

	/* last * i could overflow. */
	return last / gaps * i + last % gaps * i / gaps;
}

static bool holds_superblock(const struct geometry *geometry, uint64_t old_chunk)
{
	bool holds = false;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		holds |= old_chunk >= places[i] / geometry->chunk_bytes &&
			 old_chunk <= (places[i] + PLACE_BYTES - 1) / geometry->chunk_bytes;
	return holds;
}

static enum result gather(void *context, uint64_t index, const struct exception *exception,
			  struct failure *why)
{
	struct sampling *sampling = context;
	uint64_t *superblocks = sampling->chunks + sampling->samples;

	(void)why;
	if (index == 0)
		sampling->first = *exception;
	if (sampling->count < sampling->samples && index == sample_index(sampling, sampling->count))
		sampling->chunks[sampling->count++] = exception->old_chunk;
	if (sampling->superblocks < SUPERBLOCKS_MAX &&
	    holds_superblock(&sampling->store->geometry, exception->old_chunk))
		superblocks[sampling->superblocks++] = exception->old_chunk;
	return RESULT_OK;
}

/* How much of a chunk counts. */
static size_t sample_bytes(const struct sampling *sampling, uint64_t chunk)
{
	return (size_t)min_u64(
		geometry_clip(&sampling->store->geometry, chunk, sampling->origin->bytes),
		SAMPLE_BYTES_MAX);
}

static bool prepare_next(struct batch *batch, struct io_request *request)
{
	struct sampling *sampling = batch->owner;

	while (sampling->next < sampling->count + sampling->superblocks) {
		uint32_t i = sampling->next++;
		uint64_t chunk = sampling->chunks[i];
		size_t bytes = sample_bytes(sampling, chunk);

		if (bytes == 0)
			continue;
		io_prepare(request, IO_READ, sampling->origin,
			   chunk * sampling->store->geometry.chunk_bytes,
			   sampling->buffer + i * sampling->slot_bytes, bytes);
		return true;
	}
	return false;
}

static enum result read_samples(struct sampling *sampling, struct failure *why)
{
	struct io *io = sampling->store->io;
	struct batch batch;
	enum result result = batch_init(&batch, io, io->depth, why);

	if (result == RESULT_OK) {
		batch_start(&batch, prepare_next, sampling);
		while (!batch_finished(&batch))
			io_wait(io);
		result = batch_result(&batch, why);
	}
	batch_free(&batch);
	return result;
}

static uint32_t continue_crc(const struct sampling *sampling, uint32_t i, uint32_t crc)
{
	return checksum_crc32(crc, sampling->buffer + i * sampling->slot_bytes,
			      sample_bytes(sampling, sampling->chunks[i]));
}

static void fill_in(const struct sampling *sampling, struct imprint *imprint)
{
	*imprint = (struct imprint){.origin_bytes = sampling->origin->bytes,
				    .exceptions = sampling->exceptions,
				    .first = sampling->first,
				    .samples = sampling->samples};
	for (uint32_t i = 0; i < sampling->samples; i++) {
		uint32_t *crc = &imprint->checksums[i * IMPRINT_CHECKSUMS / sampling->samples];

		*crc = continue_crc(sampling, i, *crc);
	}
	for (uint32_t i = 0; i < sampling->superblocks; i++)
		imprint->superblock_crc =
			continue_crc(sampling, sampling->samples + i, imprint->superblock_crc);
}

enum result imprint_make(const struct store *store, uint64_t exceptions, struct device *origin,
			 struct imprint *imprint, struct failure *why)
{
	struct sampling sampling = {.store = store, .origin = origin, .exceptions = exceptions};
	struct store_scan scan = {.each = gather, .context = &sampling};
	uint64_t chunk_bytes = store->geometry.chunk_bytes;
	size_t bytes;
	enum result result;

	sampling.samples = count_samples(&sampling);
	result = store_scan(store, &scan, why);
	if (result != RESULT_OK)
		return result;
	if (scan.exceptions != exceptions)
		return store_refuse_changed(store, why);
	sampling.slot_bytes = round_up(min_u64(chunk_bytes, SAMPLE_BYTES_MAX), BUFFER_ALIGNMENT);
	bytes = (sampling.count + sampling.superblocks) * sampling.slot_bytes;
	sampling.buffer = io_buffer(bytes);
	if (!sampling.buffer)
		return fail_memory(why, "what the origin holds", bytes);
	result = read_samples(&sampling, why);
	if (result == RESULT_OK)
		fill_in(&sampling, imprint);
	free(sampling.buffer);
	return result;
}

static enum result refuse(const struct store *store, const struct device *origin,
			  struct failure *why)
{
	return fail_remedy(
		why, RESULT_REFUSED, REMEDY_RIGHT_ORIGIN, NULL,
		"%s: is not what it was when %s became its undo store: somebody wrote to it since, or another merge must be taken back first, or it is another device; going back would leave a mixture",
		origin->name, store->device->name);
}

enum result imprint_match(const struct store *store, const struct summary *summary,
			  struct device *origin, bool *known, struct failure *why)
{
	const struct imprint *imprint = &store->imprint;
	struct imprint now = {0};
	enum result result;

	*known = store->imprint_presence == RECORD_PRESENT &&
		 !imprint_is_stale(imprint, summary->exceptions, &summary->first) &&
		 !BROKEN(IMPRINT_UNCHECKED);
	if (!*known)
		return RESULT_OK;
	if (origin->bytes != imprint->origin_bytes)
		return refuse(store, origin, why);
	result = imprint_make(store, summary->exceptions, origin, &now, why);
	if (result != RESULT_OK)
		return result;
	if (now.samples != imprint->samples || now.superblock_crc != imprint->superblock_crc ||
	    memcmp(now.checksums, imprint->checksums, sizeof(now.checksums)) != 0)
		return refuse(store, origin, why);
	return RESULT_OK;
}
