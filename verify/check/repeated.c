// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/repeated.h"

#include <stdlib.h>

#define NOT_MET (UINT64_MAX >> 1)

/* A number that occurs more than once, with the first exception that has it. */
struct repeated {
	uint64_t number;	   /* the first member: it is searched by that */
	uint64_t first_index : 63; /* NOT_MET until it is met */
	/* Are the bytes of the view that the first exception stands for counted already? */
	uint64_t counted : 1;
};

struct telling {
	struct check *check;
	const struct repeated_numbers *numbers;
	enum chunk_side side;
	enum trace piece_trace; /* what the piece in hand looks like */
};

/* What the view has for this chunk is that of the first exception: of a later one nothing is lost,
 * which was counted when it was met. */
static void count_old(struct check *check, struct repeated *repeated, bool same,
		      const struct exception *exception)
{
	uint64_t bytes = check_view_bytes(check, exception->old_chunk);

	if (check_is_lost(check, exception)) {
		check->view_bytes_lost -= bytes;
	} else if (!same && !repeated->counted) {
		check->view_bytes_doubtful += bytes;
		repeated->counted = 1;
	}
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
	check_report_duplicate(telling->check, old ? PROBLEM_DUPLICATE_OLD : PROBLEM_DUPLICATE_NEW,
			       trace, index, exception, repeated->first_index,
			       "%s chunk %llu stands already at area %llu index %llu, with %s %s "
			       "chunk%s",
			       side, (unsigned long long)repeated->number,
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
		const uint8_t *entry = entries + (size_t)i * EXCEPTION_BYTES;
		uint64_t number = chunk_number_of(telling->side, entry);
		struct repeated *repeated =
			bsearch(&number, telling->numbers->repeated, telling->numbers->count,
				sizeof(*repeated), compare_u64_at);

		exception_decode(entry, &exception);
		if (repeated)
			report_one(telling, repeated, index + i, &exception);
	}
	return RESULT_OK;
}

enum result repeated_begin(struct repeated_numbers *numbers, const uint64_t *sorted, size_t count,
			   struct failure *why)
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

enum result repeated_report(struct repeated_numbers *numbers, struct check *check,
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

void repeated_free(struct repeated_numbers *numbers)
{
	free(numbers->others);
	free(numbers->repeated);
}
