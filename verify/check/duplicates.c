// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/duplicates.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

#define FIRST_CAPACITY 4096u
#define FOUND_SHARE 64 /* bytes of the limit for each repeated number that is told */
#define SMALL_BITMAP_BYTES (1024u << 10)
#define NOT_MET (UINT64_MAX >> 1)

/* A number that occurs more than once, with the first exception that has it. */
struct repeated {
	uint64_t number;	   /* the first member: it is searched by that */
	uint64_t first_index : 63; /* NOT_MET until it is met */
	/* Are the bytes of the view that the first exception is for counted already? */
	uint64_t counted : 1;
};

/* 24 bytes for each number. */
struct repeated_numbers {
	struct repeated *repeated; /* sorted */
	uint64_t *others;	   /* for each of them, the other chunk of the first exception */
	size_t count;
};

struct telling {
	struct check *check;
	const struct repeated_numbers *numbers;
	enum chunk_side side;
	enum trace piece_trace; /* what the piece in hand looks like */
};

struct search {
	struct check *check;
	struct duplicates *duplicates;
	uint64_t lowest, highest; /* of all numbers */
	uint8_t *bitmap;
	uint64_t shares, share; /* passes over the store, and the one in hand */
	uint64_t share_most;	/* numbers of the share in hand before equal ones are thrown out */
	/* The repeated numbers, in any order, some of them more than once. Where all numbers are in
	 * memory, they take the places in front of the number that is being looked at. */
	bool in_place;
	uint64_t *found;
	size_t found_count, found_capacity;
	uint64_t found_most; /* with a limit on memory, no more of them are told */
};

/* The one of an exception's two numbers that is looked at. */
static uint64_t number_of(enum chunk_side side, const struct exception *exception)
{
	return side == OLD_CHUNK ? exception->old_chunk : exception->new_chunk;
}

/* ---- finding ---- */

void duplicates_begin(struct duplicates *duplicates, enum chunk_side side, uint64_t memory_bytes)
{
	memset(duplicates, 0, sizeof(*duplicates));
	duplicates->side = side;
	duplicates->memory_bytes = memory_bytes;
}

void duplicates_free(struct duplicates *duplicates)
{
	free(duplicates->numbers);
	duplicates->numbers = NULL;
	duplicates->count = duplicates->capacity = 0;
}

static enum result append(struct duplicates *duplicates, uint64_t number, struct failure *why)
{
	if (duplicates->count == duplicates->capacity) {
		size_t capacity = duplicates->capacity ? duplicates->capacity * 2 : FIRST_CAPACITY;
		uint64_t *numbers = realloc(duplicates->numbers, capacity * sizeof(*numbers));

		if (!numbers)
			return fail_memory(why, "the search of duplicates",
					   capacity * sizeof(*numbers));
		duplicates->numbers = numbers;
		duplicates->capacity = capacity;
	}
	duplicates->numbers[duplicates->count++] = number;
	return RESULT_OK;
}

enum result duplicates_add(struct duplicates *duplicates, const struct exception *exception,
			   struct failure *why)
{
	/* Half for the numbers, half for the bitmap or for sorting them. */
	uint64_t most = duplicates->memory_bytes / (2 * sizeof(uint64_t));

	if (duplicates->count >= most && !duplicates->overflowed) {
		duplicates_free(duplicates);
		duplicates->overflowed = true;
	}
	if (duplicates->overflowed)
		return RESULT_OK;
	return append(duplicates, number_of(duplicates->side, exception), why);
}

static void sort_numbers(uint64_t *numbers, size_t count)
{
	if (count > 1)
		qsort(numbers, count, sizeof(*numbers), compare_u64_at);
}

/* How many are left when each is there only once. */
static size_t sort_found(struct search *search)
{
	size_t kept = 0;

	sort_numbers(search->found, search->found_count);
	for (size_t i = 0; i < search->found_count; i++)
		if (i == 0 || search->found[i] != search->found[i - 1])
			search->found[kept++] = search->found[i];
	return kept;
}

static enum result grow_found(struct search *search, struct failure *why)
{
	size_t capacity = search->found_capacity ? search->found_capacity * 2 : FIRST_CAPACITY;
	uint64_t *found;

	search->found_count = sort_found(search);
	if (search->found_count < search->found_capacity / 2)
		return RESULT_OK;
	found = realloc(search->found, capacity * sizeof(*found));
	if (!found)
		return fail_memory(why, "the list of duplicates", capacity * sizeof(*found));
	search->found = found;
	search->found_capacity = capacity;
	return RESULT_OK;
}

static enum result add_found(struct search *search, uint64_t number, struct failure *why)
{
	enum result result = RESULT_OK;

	if (!search->in_place && search->found_count == search->found_capacity) {
		if (search->found_count >= search->found_most)
			return RESULT_OK;
		result = grow_found(search, why);
	}
	if (result == RESULT_OK)
		search->found[search->found_count++] = number;
	return result;
}

static enum result search_sorted(struct search *search, struct failure *why)
{
	const uint64_t *numbers = search->duplicates->numbers;
	size_t count = search->duplicates->count;
	enum result result = RESULT_OK;

	sort_numbers(search->duplicates->numbers, count);
	for (size_t i = 1; i < count && result == RESULT_OK; i++)
		if (numbers[i] == numbers[i - 1])
			result = add_found(search, numbers[i], why);
	return result;
}

static enum result mark(struct search *search, uint64_t number, struct failure *why)
{
	uint64_t bit = number - search->lowest;
	uint8_t mask = (uint8_t)(1u << (bit % 8));

	if (search->bitmap[bit / 8] & mask)
		return add_found(search, number, why);
	search->bitmap[bit / 8] |= mask;
	return RESULT_OK;
}

static enum result mark_one(void *context, uint64_t index, const struct exception *exception,
			    struct failure *why)
{
	struct search *search = context;

	(void)index;
	return mark(search, number_of(search->duplicates->side, exception), why);
}

/* A bit for every number between the lowest and the highest. */
static enum result search_bitmap(struct search *search, struct failure *why)
{
	const struct duplicates *duplicates = search->duplicates;
	struct store_scan scan = {.each = mark_one, .context = search};
	uint64_t bytes = (search->highest - search->lowest) / 8 + 1;
	enum result result = RESULT_OK;

	search->bitmap = calloc(bytes, 1);
	if (!search->bitmap)
		return fail_memory(why, "the search of duplicates", bytes);
	if (duplicates->overflowed)
		result =
			store_scan_again(search->check->store, &scan, &search->check->summary, why);
	else
		for (size_t i = 0; i < duplicates->count && result == RESULT_OK; i++)
			result = mark(search, duplicates->numbers[i], why);
	free(search->bitmap);
	return result;
}

/* Spreads numbers that are alike over the shares (the finalizer of SplitMix64). */
static uint64_t share_of(const struct search *search, uint64_t number)
{
	number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9u;
	number = (number ^ (number >> 27)) * 0x94d049bb133111ebu;
	return (number ^ (number >> 31)) % search->shares;
}

/* A share that is larger than it should be mostly repeats itself: of equal numbers one stays. */
static enum result thin_out_share(struct search *search, struct failure *why)
{
	struct duplicates *duplicates = search->duplicates;
	enum result result = search_sorted(search, why);
	size_t kept = 0;

	for (size_t i = 0; i < duplicates->count; i++)
		if (i == 0 || duplicates->numbers[i] != duplicates->numbers[i - 1])
			duplicates->numbers[kept++] = duplicates->numbers[i];
	duplicates->count = kept;
	search->share_most = max_u64(search->share_most, 2 * (uint64_t)kept);
	return result;
}

static enum result add_to_share(void *context, uint64_t index, const struct exception *exception,
				struct failure *why)
{
	struct search *search = context;
	uint64_t number = number_of(search->duplicates->side, exception);
	enum result result = RESULT_OK;

	(void)index;
	if (share_of(search, number) == search->share)
		result = append(search->duplicates, number, why);
	if (result == RESULT_OK && search->duplicates->count >= search->share_most)
		result = thin_out_share(search, why);
	return result;
}

/* Numbers far apart, and more of them than the memory holds: a share at a time. */
static enum result search_shares(struct search *search, struct failure *why)
{
	struct store_scan scan = {.each = add_to_share, .context = search};
	uint64_t bytes = search->check->summary.exceptions * 2 * sizeof(uint64_t);
	enum result result = RESULT_OK;

	search->shares = divide_up(bytes, search->duplicates->memory_bytes);
	for (; search->share < search->shares && result == RESULT_OK; search->share++) {
		duplicates_free(search->duplicates);
		search->share_most = search->duplicates->memory_bytes / (2 * sizeof(uint64_t));
		result =
			store_scan_again(search->check->store, &scan, &search->check->summary, why);
		if (result == RESULT_OK)
			result = search_sorted(search, why);
	}
	return result;
}

static enum result find_repeated(struct search *search, struct failure *why)
{
	const struct duplicates *duplicates = search->duplicates;
	uint64_t bitmap_bytes = (search->highest - search->lowest) / 8 + 1;
	uint64_t most = duplicates->memory_bytes;

	if (!duplicates->overflowed)
		most = max_u64(duplicates->count * sizeof(uint64_t), SMALL_BITMAP_BYTES);
	if (bitmap_bytes <= most)
		return search_bitmap(search, why);
	return duplicates->overflowed ? search_shares(search, why) : search_sorted(search, why);
}

/* ---- telling of them ---- */

/* Two copies of one chunk: either may be the wrong one. */
static void count_old(struct check *check, struct repeated *repeated, bool same,
		      const struct exception *exception)
{
	if (same || repeated->counted || check_is_lost(check, exception))
		return;
	check->view_bytes_doubtful += check_view_bytes(check, exception->old_chunk);
	repeated->counted = 1;
}

/* One copy for two chunks: either may be the wrong one. */
static void count_new(struct check *check, struct repeated *repeated, uint64_t first_old,
		      const struct exception *exception)
{
	if (exception->old_chunk == first_old || check_is_lost(check, exception))
		return;
	check->view_bytes_doubtful += check_view_bytes(check, exception->old_chunk);
	if (!repeated->counted)
		check->view_bytes_doubtful += check_view_bytes(check, first_old);
	repeated->counted = 1;
}

static void report_one(struct telling *telling, struct repeated *repeated, uint64_t index,
		       const struct exception *exception)
{
	bool old = telling->side == OLD_CHUNK;
	const char *side = old ? "old" : "new", *other_side = old ? "new" : "old";
	bool lost = check_is_lost(telling->check, exception);
	uint64_t *other = &telling->numbers->others[repeated - telling->numbers->repeated];
	uint32_t per_area = telling->check->store->geometry.exceptions_per_area;
	enum trace trace = telling->piece_trace;
	bool same;

	if (repeated->first_index == NOT_MET) {
		repeated->first_index = index;
		repeated->counted = lost;
		*other = old ? exception->new_chunk : exception->old_chunk;
		return;
	}
	same = *other == (old ? exception->new_chunk : exception->old_chunk);
	if (trace == TRACE_NONE && old && !same && !lost)
		trace = TRACE_TWO_EXCEPTIONS;
	check_report_duplicate(
		telling->check, old ? PROBLEM_DUPLICATE_OLD : PROBLEM_DUPLICATE_NEW, trace, index,
		exception, repeated->first_index,
		"%s chunk %llu is already at area %llu index %llu, with %s %s chunk%s", side,
		(unsigned long long)repeated->number,
		(unsigned long long)(repeated->first_index / per_area),
		(unsigned long long)(repeated->first_index % per_area),
		same ? "the same" : "another", other_side,
		same ? ": the view is not affected" : "");
	if (trace_is_of_junk(trace))
		return;
	if (old)
		count_old(telling->check, repeated, same, exception);
	else
		count_new(telling->check, repeated, *other, exception);
}

static enum result report_piece(void *context, uint64_t index, const uint8_t *entries,
				uint32_t count, struct failure *why)
{
	struct telling *telling = context;
	struct exception exception;

	(void)why;
	telling->piece_trace =
		trace_of_area(&telling->check->store->geometry, index, entries, count);
	for (uint32_t i = 0; i < count; i++) {
		struct repeated *repeated;
		uint64_t number;

		exception_decode(entries + (size_t)i * EXCEPTION_BYTES, &exception);
		number = number_of(telling->side, &exception);
		repeated = bsearch(&number, telling->numbers->repeated, telling->numbers->count,
				   sizeof(*repeated), compare_u64_at);
		if (repeated)
			report_one(telling, repeated, index + i, &exception);
	}
	return RESULT_OK;
}

/* Takes a copy of `count` numbers, which are sorted and different. Freed by repeated_free, also
 * after a failure, which is one of memory. */
static enum result repeated_begin(struct repeated_numbers *numbers, const uint64_t *sorted,
				  size_t count, struct failure *why)
{
	*numbers = (struct repeated_numbers){
		.repeated = calloc(count, sizeof(*numbers->repeated)),
		.count = count,
	};
	if (!numbers->repeated)
		return fail_memory(why, "the list of duplicates",
				   count * sizeof(*numbers->repeated));
	for (size_t i = 0; i < count; i++)
		numbers->repeated[i] = (struct repeated){sorted[i], NOT_MET, 0};
	return RESULT_OK;
}

/* Reads the metadata once more and reports every exception whose number an earlier one has; counts
 * in the check what of the view is doubtful for that. Memory for the other chunks is taken here. */
static enum result repeated_report(struct repeated_numbers *numbers, struct check *check,
				   enum chunk_side side, struct failure *why)
{
	struct telling telling = {.check = check, .numbers = numbers, .side = side};
	struct store_scan scan = {.live = report_piece, .context = &telling};

	numbers->others = calloc(numbers->count, sizeof(*numbers->others));
	if (!numbers->others)
		return fail_memory(why, "the list of duplicates",
				   numbers->count * sizeof(*numbers->others));
	return store_scan_again(check->store, &scan, &check->summary, why);
}

static void repeated_free(struct repeated_numbers *numbers)
{
	free(numbers->others);
	free(numbers->repeated);
}

static enum result report_found(struct search *search, struct failure *why)
{
	struct repeated_numbers repeated;
	enum result result = repeated_begin(&repeated, search->found, sort_found(search), why);

	/* What takes their place is larger. */
	if (search->in_place)
		duplicates_free(search->duplicates);
	if (result == RESULT_OK)
		result = repeated_report(&repeated, search->check, search->duplicates->side, why);
	repeated_free(&repeated);
	return result;
}

enum result duplicates_report(struct duplicates *duplicates, struct check *check,
			      struct failure *why)
{
	const struct summary *summary = &check->summary;
	bool old = duplicates->side == OLD_CHUNK;
	struct search search = {
		.check = check,
		.duplicates = duplicates,
		.highest = old ? summary->highest_old : summary->highest_new,
		.lowest = old ? summary->lowest_old : 0,
		.in_place = !duplicates->overflowed,
		.found = duplicates->overflowed ? NULL : duplicates->numbers,
		.found_most = duplicates->memory_bytes / FOUND_SHARE,
	};
	enum result result = RESULT_OK;

	if (summary->exceptions > 1)
		result = find_repeated(&search, why);
	if (result == RESULT_OK && search.found_count > 0)
		result = report_found(&search, why);
	if (!search.in_place)
		free(search.found);
	duplicates_free(duplicates);
	return result;
}
