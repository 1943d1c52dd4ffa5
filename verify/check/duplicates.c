// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/duplicates.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

#define FIRST_CAPACITY 4096u
/* One number in a share of 64 MiB is noted for each 128 bytes: 12 MiB. */
#define SHARE_BYTES_EACH 128u
/* The bitmap has 2^12 bits, or more. */
#define SHIFT_MIN 12u
/* This many bits for each exception that the store has room for: few of them share one. */
#define BITS_EACH 64u
#define BATCH 64u
#define NOT_MET (UINT64_MAX >> 1)

struct telling {
	struct duplicates *duplicates;
	/* the piece in hand, and what it looks like once that was asked */
	uint64_t index;
	const uint8_t *entries;
	uint32_t count;
	bool judged;
	enum trace trace;
};

/* The one of an exception's two numbers that is looked at. */
static uint64_t number_at(const struct duplicates *duplicates, const uint8_t *entries, uint32_t i)
{
	struct exception exception;

	exception_decode(entries + (size_t)i * EXCEPTION_BYTES, &exception);
	return duplicates->side == OLD_CHUNK ? exception.old_chunk : exception.new_chunk;
}

static uint64_t other_of(const struct duplicates *duplicates, const struct exception *exception)
{
	return duplicates->side == OLD_CHUNK ? exception->new_chunk : exception->old_chunk;
}

/* ---- finding ---- */

static uint64_t share_bytes(const struct check *check)
{
	return check->options.share_bytes ? check->options.share_bytes : CHECK_SHARE_BYTES;
}

/* As large as there is use for, within a share. */
static unsigned int choose_shift(const struct check *check)
{
	uint64_t most = share_bytes(check) * 8, chunks = check->store->geometry.device_chunks;
	unsigned int shift = SHIFT_MIN;

	while (UINT64_C(2) << shift <= most && (UINT64_C(1) << shift) / BITS_EACH < chunks)
		shift++;
	return shift;
}

enum result duplicates_begin(struct duplicates *duplicates, struct check *check,
			     enum chunk_side side, struct failure *why)
{
	*duplicates = (struct duplicates){
		.check = check,
		.side = side,
		.shift = choose_shift(check),
		.shares = 1,
		.most = share_bytes(check) / SHARE_BYTES_EACH,
		.until = UINT64_MAX,
	};
	duplicates->bitmap = calloc((size_t)1 << duplicates->shift >> 3, 1);
	/* Where memory is short, more passes do. */
	while (!duplicates->bitmap && duplicates->shift > SHIFT_MIN)
		duplicates->bitmap = calloc((size_t)1 << --duplicates->shift >> 3, 1);
	return duplicates->bitmap
		       ? RESULT_OK
		       : fail_memory(why, "the search of duplicates", 1u << SHIFT_MIN >> 3);
}

void duplicates_free(struct duplicates *duplicates)
{
	free(duplicates->bitmap);
	free(duplicates->noted);
	duplicates->bitmap = NULL;
	duplicates->noted = NULL;
}

/* The number of its bit. Numbers that differ in their last `shift` bits alone never share one. */
static uint64_t bit_of(const struct duplicates *duplicates, uint64_t number)
{
	uint64_t high = number >> duplicates->shift;
	uint64_t spread = (high * 0x9e3779b97f4a7c15u) >> (64 - duplicates->shift);

	return (number ^ spread) & ((UINT64_C(1) << duplicates->shift) - 1);
}

/* Was it set already? */
static bool set_bit(struct duplicates *duplicates, uint64_t number)
{
	uint64_t bit = bit_of(duplicates, number);
	uint8_t mask = (uint8_t)(1u << (bit % 8)), *byte = &duplicates->bitmap[bit / 8];
	bool was_set = *byte & mask;

	*byte |= mask;
	return was_set;
}

void duplicates_add_usual(struct duplicates *duplicates, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		set_bit(duplicates, geometry_usual_chunk(&duplicates->check->store->geometry, i));
}

static int compare_repeated(const void *a, const void *b)
{
	const struct repeated *one = a, *other = b;
	int order = compare_u64(one->number, other->number);

	return order ? order : compare_u64(one->index, other->index);
}

static int compare_indexes(const void *a, const void *b)
{
	return compare_u64(((const struct repeated *)a)->index,
			   ((const struct repeated *)b)->index);
}

/* By number, each of them once, as it was noted first. */
static void sort_noted(struct duplicates *duplicates)
{
	struct repeated *noted = duplicates->noted;
	size_t kept = 0;

	if (duplicates->count > 1)
		qsort(noted, duplicates->count, sizeof(*noted), compare_repeated);
	for (size_t i = 0; i < duplicates->count; i++)
		if (kept == 0 || noted[i].number != noted[kept - 1].number)
			noted[kept++] = noted[i];
	duplicates->count = kept;
}

static enum result grow_noted(struct duplicates *duplicates, struct failure *why)
{
	size_t capacity =
		min_u64(max_u64(duplicates->capacity * 2, FIRST_CAPACITY), duplicates->most);
	struct repeated *noted = realloc(duplicates->noted, capacity * sizeof(*noted));

	if (!noted)
		return fail_memory(why, "the list of duplicates", capacity * sizeof(*noted));
	duplicates->noted = noted;
	duplicates->capacity = capacity;
	return RESULT_OK;
}

/* What is found last is left for the next time. */
static void forget_last(struct duplicates *duplicates)
{
	size_t kept = duplicates->count - duplicates->count / 4 - 1;

	qsort(duplicates->noted, duplicates->count, sizeof(*duplicates->noted), compare_indexes);
	duplicates->until = duplicates->noted[kept].index;
	duplicates->count = kept;
}

static enum result make_room(struct duplicates *duplicates, struct failure *why)
{
	sort_noted(duplicates);
	if (duplicates->count < duplicates->capacity / 2)
		return RESULT_OK;
	if (duplicates->capacity < duplicates->most)
		return grow_noted(duplicates, why);
	forget_last(duplicates);
	return RESULT_OK;
}

static enum result note(struct duplicates *duplicates, uint64_t index, uint64_t number,
			struct failure *why)
{
	enum result result = RESULT_OK;

	if (index < duplicates->from || index >= duplicates->until)
		return RESULT_OK;
	if (duplicates->count == duplicates->capacity)
		result = make_room(duplicates, why);
	if (result == RESULT_OK && index < duplicates->until)
		duplicates->noted[duplicates->count++] =
			(struct repeated){.number = number, .index = index};
	return result;
}

static uint64_t lowest(const struct duplicates *duplicates)
{
	return duplicates->side == OLD_CHUNK ? duplicates->check->summary.lowest_old : 0;
}

static uint64_t highest(const struct duplicates *duplicates)
{
	const struct summary *summary = &duplicates->check->summary;

	return duplicates->side == OLD_CHUNK ? summary->highest_old : summary->highest_new;
}

/* Numbers of one share have each a bit of their own, where there is more than one. */
static uint64_t share_of(const struct duplicates *duplicates, uint64_t number)
{
	return (number >> duplicates->shift) - (lowest(duplicates) >> duplicates->shift);
}

static bool is_wanted(const struct duplicates *duplicates, uint64_t number)
{
	return duplicates->shares == 1 || share_of(duplicates, number) == duplicates->share;
}

/* At most BATCH of them: the memory for all their bits is on its way before one is looked at. */
static enum result add_batch(struct duplicates *duplicates, uint64_t index, const uint8_t *entries,
			     uint32_t count, struct failure *why)
{
	enum result result = RESULT_OK;
	uint64_t numbers[BATCH];

	for (uint32_t i = 0; i < count; i++) {
		numbers[i] = number_at(duplicates, entries, i);
		__builtin_prefetch(&duplicates->bitmap[bit_of(duplicates, numbers[i]) / 8], 1);
	}
	for (uint32_t i = 0; i < count && result == RESULT_OK; i++)
		if (is_wanted(duplicates, numbers[i]) && set_bit(duplicates, numbers[i]))
			result = note(duplicates, index + i, numbers[i], why);
	return result;
}

enum result duplicates_add(struct duplicates *duplicates, uint64_t index, const uint8_t *entries,
			   uint32_t count, struct failure *why)
{
	enum result result = RESULT_OK;

	for (uint32_t i = 0; i < count && result == RESULT_OK; i += BATCH)
		result = add_batch(duplicates, index + i, entries + (size_t)i * EXCEPTION_BYTES,
				   (uint32_t)min_u64(count - i, BATCH), why);
	return result;
}

static enum result add_again(void *context, uint64_t index, const uint8_t *entries, uint32_t count,
			     struct failure *why)
{
	return duplicates_add(context, index, entries, count, why);
}

/* All numbers at once, time after time, cost about as many passes as this; shares may be fewer. */
static uint64_t choose_shares(const struct duplicates *duplicates)
{
	uint64_t exceptions = duplicates->check->summary.exceptions;
	uint64_t shares = share_of(duplicates, highest(duplicates)) + 1;
	uint64_t times = divide_up(exceptions, duplicates->most);

	return shares / divide_up(exceptions, UINT64_C(1) << duplicates->shift) > times ? 1
											: shares;
}

/* The bits that numbers can have: what none has is never touched, and takes no memory. */
static size_t bitmap_bytes(const struct duplicates *duplicates)
{
	return min_u64(highest(duplicates), (UINT64_C(1) << duplicates->shift) - 1) / 8 + 1;
}

/* What is found from number `until` on, which was left for this time. */
static enum result find_again(struct duplicates *duplicates, struct failure *why)
{
	const struct check *check = duplicates->check;
	struct store_scan scan = {.live = add_again, .context = duplicates};
	enum result result = RESULT_OK;

	duplicates->from = duplicates->until;
	duplicates->until = UINT64_MAX;
	duplicates->count = 0;
	duplicates->shares = choose_shares(duplicates);
	for (duplicates->share = 0; duplicates->share < duplicates->shares && result == RESULT_OK;
	     duplicates->share++) {
		memset(duplicates->bitmap, 0, bitmap_bytes(duplicates));
		result = store_scan_again(check->store, &scan, &check->summary, why);
	}
	return result;
}

/* ---- telling of them ---- */

/* Two copies of one chunk: either may be the wrong one. How many bytes are doubtful for it. */
static uint64_t count_old(const struct check *check, struct repeated *repeated,
			  const struct exception *exception)
{
	if (exception->new_chunk == repeated->other || repeated->counted ||
	    check_is_lost(check, exception))
		return 0;
	repeated->counted = 1;
	return check_view_bytes(check, exception->old_chunk);
}

/* One copy for two chunks: either may be the wrong one. */
static uint64_t count_new(const struct check *check, struct repeated *repeated,
			  const struct exception *exception)
{
	uint64_t bytes;

	if (exception->old_chunk == repeated->other || check_is_lost(check, exception))
		return 0;
	bytes = check_view_bytes(check, exception->old_chunk);
	if (!repeated->counted)
		bytes += check_view_bytes(check, repeated->other);
	repeated->counted = 1;
	return bytes;
}

static void report_one(const struct duplicates *duplicates, const struct repeated *repeated,
		       enum trace trace, uint64_t index, const struct exception *exception)
{
	struct check *check = duplicates->check;
	bool old = duplicates->side == OLD_CHUNK;
	bool same = repeated->other == other_of(duplicates, exception);
	uint32_t per_area = check->store->geometry.exceptions_per_area;

	if (trace == TRACE_NONE && old && !same && !check_is_lost(check, exception))
		trace = TRACE_TWO_EXCEPTIONS;
	check_report_duplicate(
		check, old ? PROBLEM_DUPLICATE_OLD : PROBLEM_DUPLICATE_NEW, trace, index, exception,
		repeated->index,
		"%s chunk %llu is already at area %llu index %llu, with %s %s chunk%s",
		old ? "old" : "new", (unsigned long long)repeated->number,
		(unsigned long long)(repeated->index / per_area),
		(unsigned long long)(repeated->index % per_area), same ? "the same" : "another",
		old ? "new" : "old", same ? ": the view is not affected" : "");
}

static enum trace judge_piece(struct telling *telling)
{
	if (!telling->judged)
		telling->trace = trace_of_area(&telling->duplicates->check->store->geometry,
					       telling->index, telling->entries, telling->count);
	telling->judged = true;
	return telling->trace;
}

/* Of those before number `from`, it was told before: they are the first ones of what follows. */
static void meet(struct telling *telling, struct repeated *repeated, uint64_t index,
		 const struct exception *exception)
{
	struct duplicates *duplicates = telling->duplicates;
	struct check *check = duplicates->check;
	bool is_told = index < duplicates->from;
	uint64_t bytes = 0;
	enum trace trace;

	if (repeated->index == NOT_MET) {
		repeated->index = index;
		repeated->counted = check_is_lost(check, exception);
		repeated->other = other_of(duplicates, exception);
		return;
	}
	trace = judge_piece(telling);
	if (!is_told)
		report_one(duplicates, repeated, trace, index, exception);
	if (!trace_is_of_junk(trace))
		bytes = duplicates->side == OLD_CHUNK ? count_old(check, repeated, exception)
						      : count_new(check, repeated, exception);
	if (!is_told)
		check->view_bytes_doubtful += bytes;
}

static enum result meet_piece(void *context, uint64_t index, const uint8_t *entries, uint32_t count,
			      struct failure *why)
{
	struct duplicates *duplicates = context;
	struct telling telling = {
		.duplicates = duplicates, .index = index, .entries = entries, .count = count};

	(void)why;
	for (uint32_t i = 0; i < count && index + i < duplicates->until; i++) {
		uint64_t number = number_at(duplicates, entries, i);
		struct repeated *repeated = bsearch(&number, duplicates->noted, duplicates->count,
						    sizeof(*repeated), compare_u64_at);
		struct exception exception;

		if (!repeated)
			continue;
		exception_decode(entries + (size_t)i * EXCEPTION_BYTES, &exception);
		meet(&telling, repeated, index + i, &exception);
	}
	return RESULT_OK;
}

static enum result tell_noted(struct duplicates *duplicates, struct failure *why)
{
	const struct check *check = duplicates->check;
	struct store_scan scan = {.live = meet_piece, .context = duplicates};

	sort_noted(duplicates);
	for (size_t i = 0; i < duplicates->count; i++)
		duplicates->noted[i].index = NOT_MET;
	return store_scan_again(check->store, &scan, &check->summary, why);
}

enum result duplicates_report(struct duplicates *duplicates, struct failure *why)
{
	enum result result = RESULT_OK;

	while (result == RESULT_OK && duplicates->count > 0) {
		result = tell_noted(duplicates, why);
		if (duplicates->until == UINT64_MAX)
			break;
		if (result == RESULT_OK)
			result = find_again(duplicates, why);
	}
	return result;
}
