// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/export/export_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/base/error.h"
#include "store/base/checksum.h"
#include "store/base/path.h"
#include "store/base/replace.h"
#include "store/base/whole.h"

/*
 *   0   magic, 32 bytes: a line that people can read
 *  32   view_bytes          40   store_bytes         48   exceptions (64 bits each)
 *  56   chunk_sectors       60   metadata_crc32      64   crc32 (32 bits each), 4 bytes zero
 *  72   done_bytes          80   bytes_from_store    88   bytes_from_origin
 *  96   bytes_written      104   gap_count (64 bits each)
 * 112   the origin: inode, changed_ns; 128   the store: the same (64 bits each)
 * 144   the gaps: offset, bytes, source (64 bits each)
 *       CRC-32 of all before it
 */
#define MAGIC_BYTES 32
#define CHECKSUM_BYTES 4u

static const char magic[MAGIC_BYTES] = "cowtool export, unfinished, v2\n";
/* Up to the version. */
#define MAGIC_COMMON_BYTES 28

static bool follows(const struct export_gap *last, const struct export_gap *gap)
{
	return last->source == gap->source && last->offset + last->bytes == gap->offset;
}

enum result export_state_add_gap(struct export_state *state, const struct export_gap *gap,
				 struct failure *why)
{
	if (state->gap_count > 0 && follows(&state->gaps[state->gap_count - 1], gap)) {
		state->gaps[state->gap_count - 1].bytes += gap->bytes;
		return RESULT_OK;
	}
	if (state->gap_count == EXPORT_GAPS_MAX)
		return fail(why, RESULT_IO,
			    "more than %u places of the view cannot be read; the next is at %llu",
			    EXPORT_GAPS_MAX, (unsigned long long)gap->offset);
	if (state->gap_count == state->gap_capacity) {
		size_t capacity = state->gap_capacity ? state->gap_capacity * 2 : 64;
		struct export_gap *gaps = realloc(state->gaps, capacity * sizeof(*gaps));

		if (!gaps)
			return fail_memory(why, "the places that cannot be read",
					   capacity * sizeof(*gaps));
		state->gaps = gaps;
		state->gap_capacity = capacity;
	}
	state->gaps[state->gap_count++] = *gap;
	return RESULT_OK;
}

static size_t gaps_done(const struct export_state *state)
{
	size_t count = state->gap_count;

	while (count > 0 && state->gaps[count - 1].offset >= state->done_bytes)
		count--;
	return count;
}

/* How much of it lies in what is done. */
static uint64_t gap_bytes_done(const struct export_state *state, const struct export_gap *gap)
{
	return min_u64(gap->bytes, state->done_bytes - gap->offset);
}

void export_state_cut_gaps(struct export_state *state)
{
	struct export_gap *last;

	state->gap_count = gaps_done(state);
	if (state->gap_count == 0)
		return;
	last = &state->gaps[state->gap_count - 1];
	last->bytes = gap_bytes_done(state, last);
}

bool export_state_same(const struct export_state *state, const struct export_state *other)
{
	return state->view_bytes == other->view_bytes && state->store_bytes == other->store_bytes &&
	       state->exceptions == other->exceptions &&
	       state->chunk_sectors == other->chunk_sectors &&
	       state->metadata_crc32 == other->metadata_crc32;
}

struct export_source export_state_source(const struct device *device)
{
	struct export_source source = {.changed_ns = device_changed_ns(device)};

	source.inode = source.changed_ns ? device_file(device, 0)->inode : 0;
	return source;
}

bool export_state_same_source(const struct export_source *a, const struct export_source *b)
{
	return a->inode == b->inode && a->changed_ns == b->changed_ns;
}

void export_state_free(struct export_state *state)
{
	free(state->gaps);
	memset(state, 0, sizeof(*state));
}

/* ---- bytes ---- */

size_t export_state_bytes(const struct export_state *state)
{
	return EXPORT_STATE_HEAD_BYTES + gaps_done(state) * EXPORT_STATE_GAP_BYTES + CHECKSUM_BYTES;
}

void export_state_encode(const struct export_state *state, uint8_t *bytes)
{
	size_t gaps = gaps_done(state), count = export_state_bytes(state);

	memset(bytes, 0, count);
	memcpy(bytes, magic, MAGIC_BYTES);
	put_le64(bytes + 32, state->view_bytes);
	put_le64(bytes + 40, state->store_bytes);
	put_le64(bytes + 48, state->exceptions);
	put_le32(bytes + 56, state->chunk_sectors);
	put_le32(bytes + 60, state->metadata_crc32);
	put_le32(bytes + 64, state->crc32);
	put_le64(bytes + 72, state->done_bytes);
	put_le64(bytes + 80, state->bytes_from_store);
	put_le64(bytes + 88, state->bytes_from_origin);
	put_le64(bytes + 96, state->bytes_written);
	put_le64(bytes + 104, gaps);
	put_le64(bytes + 112, state->origin.inode);
	put_le64(bytes + 120, state->origin.changed_ns);
	put_le64(bytes + 128, state->store.inode);
	put_le64(bytes + 136, state->store.changed_ns);
	for (size_t i = 0; i < gaps; i++) {
		const struct export_gap *gap = &state->gaps[i];
		uint8_t *place = bytes + EXPORT_STATE_HEAD_BYTES + i * EXPORT_STATE_GAP_BYTES;

		put_le64(place, gap->offset);
		put_le64(place + 8, gap_bytes_done(state, gap));
		put_le64(place + 16, (uint64_t)gap->source);
	}
	count -= CHECKSUM_BYTES;
	put_le32(bytes + count, checksum_crc32(0, bytes, count));
}

static void decode_head(const uint8_t *bytes, struct export_state *state)
{
	state->view_bytes = get_le64(bytes + 32);
	state->store_bytes = get_le64(bytes + 40);
	state->exceptions = get_le64(bytes + 48);
	state->chunk_sectors = get_le32(bytes + 56);
	state->metadata_crc32 = get_le32(bytes + 60);
	state->crc32 = get_le32(bytes + 64);
	state->done_bytes = get_le64(bytes + 72);
	state->bytes_from_store = get_le64(bytes + 80);
	state->bytes_from_origin = get_le64(bytes + 88);
	state->bytes_written = get_le64(bytes + 96);
	state->origin = (struct export_source){get_le64(bytes + 112), get_le64(bytes + 120)};
	state->store = (struct export_source){get_le64(bytes + 128), get_le64(bytes + 136)};
}

static bool decode_gap(const uint8_t *bytes, uint64_t from, struct export_state *state)
{
	struct export_gap gap = {get_le64(bytes), get_le64(bytes + 8), VIEW_ORIGIN};
	uint64_t source = get_le64(bytes + 16), end;
	struct failure ignored;

	if (source > VIEW_LOST || gap.bytes == 0 || gap.offset < from ||
	    !checked_add(gap.offset, gap.bytes, &end) || end > state->done_bytes)
		return false;
	gap.source = (enum view_source)source;
	return export_state_add_gap(state, &gap, &ignored) == RESULT_OK;
}

static bool decode_gaps(const uint8_t *bytes, uint64_t count, struct export_state *state)
{
	uint64_t from = 0;

	for (uint64_t i = 0; i < count; i++) {
		if (!decode_gap(bytes + i * EXPORT_STATE_GAP_BYTES, from, state))
			return false;
		from = state->gaps[state->gap_count - 1].offset +
		       state->gaps[state->gap_count - 1].bytes;
	}
	return true;
}

/* Do the numbers make sense together? */
static bool is_plausible(const struct export_state *state)
{
	uint64_t done;

	return state->view_bytes <= INT64_MAX && state->done_bytes <= state->view_bytes &&
	       (state->done_bytes % BUFFER_ALIGNMENT == 0 ||
		state->done_bytes == state->view_bytes) &&
	       checked_add(state->bytes_from_store, state->bytes_from_origin, &done) &&
	       done == state->done_bytes && state->bytes_written <= done;
}

bool export_state_decode(const uint8_t *bytes, size_t count, struct export_state *state)
{
	size_t body = count - CHECKSUM_BYTES;
	uint64_t gaps;

	memset(state, 0, sizeof(*state));
	if (count < EXPORT_STATE_HEAD_BYTES + CHECKSUM_BYTES ||
	    memcmp(bytes, magic, MAGIC_BYTES) != 0 ||
	    get_le32(bytes + body) != checksum_crc32(0, bytes, body))
		return false;
	gaps = get_le64(bytes + 104);
	if (gaps > EXPORT_GAPS_MAX ||
	    body != EXPORT_STATE_HEAD_BYTES + gaps * EXPORT_STATE_GAP_BYTES)
		return false;
	decode_head(bytes, state);
	if (is_plausible(state) && decode_gaps(bytes + EXPORT_STATE_HEAD_BYTES, gaps, state))
		return true;
	export_state_free(state);
	return false;
}

/* ---- file ---- */

static int replace_file(const char *path, const uint8_t *bytes, size_t count)
{
	struct replacement file;
	int error = replace_begin(&file, path);
	const char *step;

	if (error == 0)
		error = whole_write_at(file.fd, bytes, count, 0);
	if (error == 0)
		error = replace_publish(&file, true, &step);
	replace_end(&file);
	return error;
}

enum result export_state_save(const struct export_state *state, const char *path,
			      struct failure *why)
{
	size_t count = export_state_bytes(state);
	uint8_t *bytes = malloc(count);
	int error = ENOMEM;

	if (bytes) {
		export_state_encode(state, bytes);
		error = replace_file(path, bytes, count);
	}
	free(bytes);
	if (error == ENOMEM)
		return fail_memory(why, "how far the export is", count);
	if (error != 0)
		return fail_errno(why, error_is_full(error) ? RESULT_NO_SPACE : RESULT_IO, error,
				  "%s: cannot write how far the export is", path);
	return path_flush_folder(path, why);
}

static enum result load(int fd, const char *path, struct export_state *state,
			enum export_state_presence *presence, struct failure *why)
{
	const size_t most = EXPORT_STATE_HEAD_BYTES +
			    (size_t)EXPORT_GAPS_MAX * EXPORT_STATE_GAP_BYTES + CHECKSUM_BYTES;
	uint8_t *bytes;
	struct stat status;
	enum result result;
	size_t count;
	ssize_t got;

	*presence = EXPORT_STATE_FOREIGN;
	if (fstat(fd, &status) != 0)
		return fail_errno(why, RESULT_IO, errno, "%s: cannot tell what it is", path);
	if (!S_ISREG(status.st_mode) || status.st_size < MAGIC_BYTES)
		return RESULT_OK;
	result = path_refuse_foreign(path, &status, why);
	if (result != RESULT_OK)
		return result;
	count = min_u64((uint64_t)status.st_size, most);
	bytes = malloc(count);
	if (!bytes)
		return fail_memory(why, "how far the export is", count);
	got = whole_read_at(fd, bytes, count, 0);
	if (got < 0)
		result = fail_errno(why, RESULT_IO, (int)-got, "%s: cannot read", path);
	if (got >= MAGIC_BYTES && memcmp(bytes, magic, MAGIC_COMMON_BYTES) == 0)
		*presence = (uint64_t)status.st_size <= most &&
					    export_state_decode(bytes, (size_t)got, state)
				    ? EXPORT_STATE_PRESENT
				    : EXPORT_STATE_DAMAGED;
	free(bytes);
	return result;
}

enum result export_state_load(struct export_state *state, const char *path,
			      enum export_state_presence *presence, struct failure *why)
{
	enum result result;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	memset(state, 0, sizeof(*state));
	*presence = EXPORT_STATE_ABSENT;
	if (fd < 0 && errno == ENOENT)
		return RESULT_OK;
	if (fd < 0 && errno == ELOOP) {
		*presence = EXPORT_STATE_FOREIGN;
		return RESULT_OK;
	}
	if (fd < 0)
		return fail_errno(why, RESULT_IO, errno, "%s: cannot open", path);
	result = load(fd, path, state, presence, why);
	close(fd);
	return result;
}
