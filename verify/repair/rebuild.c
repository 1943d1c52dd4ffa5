// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/repair/rebuild.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

#define PIECE_BYTES (64u << 10)
/* How much in front of area 0, and how much after the list's end, is looked at. */
#define MARGIN_BYTES (1024u << 10)
/* Where area 0 is zeros: this many areas after it are looked at. */
#define LATER_AREAS_MAX 64u
/* This many entries of theirs must be where the kernel puts them. */
#define LATER_MIN 8u
/* This many impossible exceptions are borne with before their share counts. */
#define IMPOSSIBLE_MIN 8u

/* One chunk size while it is looked at. */
struct examination {
	const struct rebuild_source *source;
	struct rebuild_candidate *candidate;
	struct geometry geometry;
	uint64_t margin_left; /* bytes of the tail that are still to be looked at */
	uint64_t highest_new;
	bool hopeless;
	uint8_t *piece;
};

static bool has_old_chunk(const struct geometry *geometry, const struct exception *exception)
{
	return exception->old_chunk <= ORIGIN_BYTES_MAX / geometry->chunk_bytes;
}

/* More than one in eight: these are no exceptions. */
static bool mostly_possible(const struct rebuild_candidate *candidate)
{
	return (candidate->exceptions - candidate->possible) * 8 <= candidate->exceptions;
}

static void count_exception(struct examination *examination, const struct exception *exception)
{
	struct rebuild_candidate *candidate = examination->candidate;
	uint64_t index = candidate->exceptions++;
	bool usual = exception->new_chunk == geometry_usual_chunk(&examination->geometry, index);

	/* What is in its usual place may be outside a device that was cut off. */
	if (has_old_chunk(&examination->geometry, exception) &&
	    (usual || geometry_holds_data(&examination->geometry, exception->new_chunk))) {
		candidate->possible++;
		candidate->usual += usual;
		examination->highest_new = max_u64(examination->highest_new, exception->new_chunk);
	}
	examination->hopeless = candidate->exceptions - candidate->possible > IMPOSSIBLE_MIN &&
				!mostly_possible(candidate);
}

static void look_at_tail(struct examination *examination, const uint8_t *bytes, size_t count)
{
	count = (size_t)min_u64(count, examination->margin_left);
	examination->margin_left -= count;
	examination->candidate->tail_is_zero &= bytes_are_zero(bytes, count);
}

static void look_at_piece(struct examination *examination, const uint8_t *bytes, size_t count)
{
	struct rebuild_candidate *candidate = examination->candidate;
	struct exception exception;
	size_t at = 0;

	while (at < count && !candidate->ended && !examination->hopeless) {
		exception_decode(bytes + at, &exception);
		candidate->ended =
			exception.new_chunk == 0 || candidate->exceptions == REBUILD_EXCEPTIONS_MAX;
		if (!candidate->ended) {
			count_exception(examination, &exception);
			at += EXCEPTION_BYTES;
		}
	}
	if (candidate->ended && candidate->exceptions < REBUILD_EXCEPTIONS_MAX)
		look_at_tail(examination, bytes + at, count - at);
}

static bool is_done(const struct examination *examination)
{
	return examination->hopeless ||
	       (examination->candidate->ended &&
		(examination->margin_left == 0 ||
		 examination->candidate->exceptions == REBUILD_EXCEPTIONS_MAX));
}

static enum result look_at_area(struct examination *examination, uint64_t area, struct failure *why)
{
	uint64_t chunk_bytes = examination->geometry.chunk_bytes, chunk = 0;
	enum result result = RESULT_OK;

	geometry_area_chunk(&examination->geometry, area, &chunk);
	for (uint64_t at = 0; at < chunk_bytes && result == RESULT_OK && !is_done(examination);
	     at += PIECE_BYTES) {
		size_t bytes = (size_t)min_u64(PIECE_BYTES, chunk_bytes - at);

		result = examination->source->read(examination->source->context,
						   chunk * chunk_bytes + at, examination->piece,
						   bytes, why);
		if (result == RESULT_OK)
			look_at_piece(examination, examination->piece, bytes);
	}
	return result;
}

static enum result look_at_areas(struct examination *examination, struct failure *why)
{
	uint64_t areas = geometry_areas(&examination->geometry);
	enum result result = RESULT_OK;

	/* The tail is that of the area in which the list ends. */
	for (uint64_t area = 0; area < areas && result == RESULT_OK; area++) {
		if (examination->candidate->ended || examination->hopeless)
			break;
		result = look_at_area(examination, area, why);
	}
	return result;
}

/* How many of the entries are where the kernel puts them, of an area whose first has number
 * `index`; 0 where fewer than seven of eight are. */
static uint64_t count_usual(const struct geometry *geometry, uint64_t index, const uint8_t *bytes,
			    size_t count)
{
	uint64_t usual = 0, seen = 0;
	struct exception exception;

	for (; seen < count / EXCEPTION_BYTES; seen++) {
		exception_decode(bytes + seen * EXCEPTION_BYTES, &exception);
		if (exception.new_chunk == 0)
			break;
		usual += has_old_chunk(geometry, &exception) &&
			 exception.new_chunk == geometry_usual_chunk(geometry, index + seen);
	}
	return usual < seen * 7 / 8 ? 0 : usual;
}

/* Who zeroes the beginning of a store by mistake leaves the areas after that. */
static enum result look_at_later_areas(struct examination *examination, struct failure *why)
{
	const struct geometry *geometry = &examination->geometry;
	uint64_t areas = min_u64(geometry_areas(geometry), LATER_AREAS_MAX), chunk = 0;
	size_t bytes = (size_t)min_u64(geometry->chunk_bytes, PIECE_BYTES);
	enum result result = RESULT_OK;

	for (uint64_t area = 1; area < areas && result == RESULT_OK; area++) {
		uint64_t usual;

		geometry_area_chunk(geometry, area, &chunk);
		result = examination->source->read(examination->source->context,
						   chunk * geometry->chunk_bytes,
						   examination->piece, bytes, why);
		if (result != RESULT_OK || bytes_are_zero(examination->piece, bytes))
			continue;
		usual = count_usual(geometry, area * geometry->exceptions_per_area,
				    examination->piece, bytes);
		if (usual == 0)
			break;
		examination->candidate->later += usual;
	}
	return result;
}

/* What is cowtool's own in the first sector is taken away. */
static void forget_own(uint8_t *sector)
{
	struct record record;
	struct imprint imprint;

	memset(sector, 0, HEADER_BYTES);
	if (record_decode(sector + RECORD_OFFSET, &record) != RECORD_ABSENT)
		memset(sector + RECORD_OFFSET, 0, RECORD_BYTES);
	if (imprint_decode(sector + IMPRINT_OFFSET, &imprint) != RECORD_ABSENT)
		memset(sector + IMPRINT_OFFSET, 0, IMPRINT_BYTES);
}

/* Is nothing in the header's chunk but a header, a merge record and an imprint? */
static enum result look_at_slack(struct examination *examination, struct failure *why)
{
	struct rebuild_candidate *candidate = examination->candidate;
	uint64_t end = min_u64(examination->geometry.chunk_bytes, MARGIN_BYTES);
	enum result result = RESULT_OK;

	candidate->slack_is_zero = true;
	for (uint64_t at = 0; at < end && candidate->slack_is_zero; at += PIECE_BYTES) {
		size_t bytes = (size_t)min_u64(PIECE_BYTES, end - at);

		result = examination->source->read(examination->source->context, at,
						   examination->piece, bytes, why);
		if (result != RESULT_OK)
			return result;
		if (at == 0)
			forget_own(examination->piece);
		candidate->slack_is_zero = bytes_are_zero(examination->piece, bytes);
	}
	return result;
}

static unsigned int share(uint64_t part, uint64_t whole, unsigned int most)
{
	return whole == 0 ? 0 : (unsigned int)(part * most / whole);
}

static bool names_size(const struct header *remains, uint32_t chunk_sectors)
{
	return remains->chunk_sectors == chunk_sectors &&
	       (remains->magic == HEADER_MAGIC || remains->version == HEADER_VERSION);
}

static void give_points(const struct examination *examination, const struct header *remains)
{
	struct rebuild_candidate *candidate = examination->candidate;
	uint64_t stride = (uint64_t)examination->geometry.exceptions_per_area + 1;
	uint64_t highest = examination->highest_new;

	if (highest > 0)
		candidate->data_chunks = highest - ((highest - 1) / stride + 1);
	candidate->in_header = names_size(remains, candidate->chunk_sectors);
	/* Whatever the order: n exceptions fill n chunks, and few more. */
	candidate->points = share(candidate->usual, candidate->exceptions, 30) +
			    share(min_u64(candidate->exceptions, candidate->data_chunks),
				  max_u64(candidate->exceptions, candidate->data_chunks), 25) +
			    share(candidate->possible, candidate->exceptions, 15) +
			    10 * candidate->ended + 5 * candidate->tail_is_zero +
			    10 * candidate->slack_is_zero + 5 * candidate->in_header;
	/* No exceptions show nothing: then the header must say it, and all else agree. */
	if (candidate->exceptions == 0 && candidate->in_header && candidate->slack_is_zero &&
	    candidate->tail_is_zero)
		candidate->points = REBUILD_CONVINCING;
	if (candidate->exceptions == 0 && candidate->later >= LATER_MIN)
		candidate->points += REBUILD_CONVINCING;
	candidate->points = (unsigned int)min_u64(candidate->points, 100);
}

/* False in *possible: no store with this chunk size can be there. */
static enum result examine(const struct rebuild_source *source, const struct header *remains,
			   struct rebuild_candidate *candidate, bool *possible, struct failure *why)
{
	struct examination examination = {
		.source = source,
		.candidate = candidate,
		.geometry = geometry_make(candidate->chunk_sectors, source->bytes),
		.margin_left = MARGIN_BYTES};
	enum result result;

	*possible = examination.geometry.chunk_bytes >= source->block_bytes &&
		    geometry_areas(&examination.geometry) > 0;
	if (!*possible)
		return RESULT_OK;
	examination.piece = malloc(PIECE_BYTES);
	if (!examination.piece)
		return fail_memory(why, "looking for the header", PIECE_BYTES);
	result = look_at_areas(&examination, why);
	if (result == RESULT_OK && candidate->exceptions == 0)
		result = look_at_later_areas(&examination, why);
	if (result == RESULT_OK && !examination.hopeless)
		result = look_at_slack(&examination, why);
	*possible = !examination.hopeless && mostly_possible(candidate);
	if (result == RESULT_OK && *possible)
		give_points(&examination, remains);
	free(examination.piece);
	return result;
}

static enum result read_remains(const struct rebuild_source *source, struct header *remains,
				struct failure *why)
{
	uint8_t sector[SECTOR_BYTES];
	enum result result = source->read(source->context, 0, sector, sizeof(sector), why);

	if (result == RESULT_OK)
		header_decode(sector, remains);
	return result;
}

bool rebuild_convinces(const struct rebuild_candidate *candidate)
{
	return candidate->points >= REBUILD_CONVINCING;
}

static int by_points(const void *a, const void *b)
{
	const struct rebuild_candidate *left = a, *right = b;

	if (left->points != right->points)
		return left->points < right->points ? 1 : -1;
	return left->chunk_sectors < right->chunk_sectors ? -1 : 1;
}

enum result rebuild_infer(const struct rebuild_source *source, uint32_t named,
			  struct rebuild *rebuild, struct failure *why)
{
	enum result result;

	memset(rebuild, 0, sizeof(*rebuild));
	if (source->bytes < SECTOR_BYTES)
		return RESULT_OK;
	result = read_remains(source, &rebuild->remains, why);
	for (unsigned int i = 0; i < REBUILD_SIZES && result == RESULT_OK; i++) {
		struct rebuild_candidate *candidate = &rebuild->candidates[rebuild->count];
		bool possible;

		*candidate =
			(struct rebuild_candidate){.chunk_sectors = 1u << i, .tail_is_zero = true};
		result = examine(source, &rebuild->remains, candidate, &possible, why);
		if (result != RESULT_OK || !possible)
			continue;
		if (candidate->exceptions == 0 && candidate->later == 0 && !candidate->in_header &&
		    candidate->chunk_sectors != named)
			continue;
		rebuild->count++;
		rebuild->convincing += rebuild_convinces(candidate);
	}
	qsort(rebuild->candidates, rebuild->count, sizeof(rebuild->candidates[0]), by_points);
	return result;
}

bool rebuild_has_evidence(const struct rebuild_candidate *candidate)
{
	return rebuild_convinces(candidate) || candidate->in_header;
}

const struct rebuild_candidate *rebuild_find(const struct rebuild *rebuild, uint32_t chunk_sectors)
{
	for (size_t i = 0; i < rebuild->count; i++)
		if (rebuild->candidates[i].chunk_sectors == chunk_sectors)
			return &rebuild->candidates[i];
	return NULL;
}

const struct rebuild_candidate *rebuild_rival(const struct rebuild *rebuild, uint32_t chunk_sectors)
{
	const struct rebuild_candidate *best = &rebuild->candidates[0];
	const struct rebuild_candidate *candidate = rebuild_find(rebuild, chunk_sectors);

	if (rebuild->convincing == 0)
		return NULL;
	if (candidate && rebuild_convinces(candidate) &&
	    (candidate->exceptions > 0 || best->exceptions == 0))
		return NULL;
	return best;
}

struct header rebuild_header(const struct rebuild *rebuild, uint32_t chunk_sectors, bool given_up)
{
	const struct header *remains = &rebuild->remains;
	struct header header = {HEADER_MAGIC, 1, HEADER_VERSION, chunk_sectors};
	bool says_invalid = remains->valid == 0 &&
			    (remains->magic == HEADER_MAGIC || remains->version == HEADER_VERSION);

	if (says_invalid || given_up)
		header.valid = 0;
	return header;
}
