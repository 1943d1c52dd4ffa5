// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/base/text.h"

bool check_is_lost(const struct check *check, const struct exception *exception)
{
	return !geometry_holds_data(&check->store->geometry, exception->new_chunk);
}

struct lost_range check_view_range(const struct check *check, uint64_t old_chunk)
{
	return lost_chunk(&check->store->geometry,
			  check->options.origin_known ? check->options.origin_bytes
						      : ORIGIN_BYTES_MAX,
			  old_chunk);
}

uint64_t check_view_bytes(const struct check *check, uint64_t old_chunk)
{
	return check_view_range(check, old_chunk).bytes;
}

const char *check_describe_unknown(const struct check *check, char text[CHECK_UNKNOWN_BYTES])
{
	snprintf(text, CHECK_UNKNOWN_BYTES,
		 "up to %llu chunk%s of %llu bytes of the view, where is not known",
		 (unsigned long long)check->lost_unknown, text_plural(check->lost_unknown),
		 (unsigned long long)check->store->geometry.chunk_bytes);
	return text;
}

/* The part of the view that an entry speaks of: none where it was written over, or never was an
 * exception. */
static struct lost_range view_range_of(const struct check *check, enum trace trace,
				       uint64_t old_chunk)
{
	if (trace_is_of_junk(trace) || trace == TRACE_AREA_OVERWRITTEN)
		return (struct lost_range){0, 0};
	return check_view_range(check, old_chunk);
}

bool check_is_unknown(const struct check *check, enum trace trace,
		      const struct exception *exception)
{
	if (trace_is_of_junk(trace) || view_range_of(check, trace, exception->old_chunk).bytes > 0)
		return false;
	if (trace == TRACE_AREA_OVERWRITTEN || trace == TRACE_AREA_NOT_READ)
		return true;
	return exception->new_chunk >= NEW_CHUNK_LIMIT ||
	       geometry_clip(&check->store->geometry, exception->old_chunk, ORIGIN_BYTES_MAX) == 0;
}

static void add_likeness(struct finding *finding)
{
	size_t length = strlen(finding->message);

	if (finding->trace != TRACE_NONE)
		snprintf(finding->message + length, sizeof(finding->message) - length,
			 "; this looks like %s", trace_info(finding->trace)->brief);
}

static void count_and_report(struct check *check, struct finding *finding, const char *format,
			     va_list arguments)
{
	vsnprintf(finding->message, sizeof(finding->message), format, arguments);
	add_likeness(finding);
	if (problem_info(finding->problem)->severity == SEVERITY_ERROR &&
	    check_count(check, SEVERITY_ERROR) == 0)
		check->first_error = *finding;
	check->found[finding->problem]++;
	lost_count(&check->view_bytes_lost, &check->store->geometry, finding);
	if (check->options.report)
		check->options.report(check->options.context, finding);
}

__attribute__((format(printf, 3, 4))) static void
report_with(struct check *check, struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	count_and_report(check, finding, format, arguments);
	va_end(arguments);
}

void check_report(struct check *check, enum problem problem, enum trace trace, const char *format,
		  ...)
{
	struct finding finding = {.problem = problem, .trace = trace};
	va_list arguments;

	va_start(arguments, format);
	count_and_report(check, &finding, format, arguments);
	va_end(arguments);
}

static void find_view_range(const struct check *check, struct finding *finding)
{
	struct exception exception = {finding->old_chunk, finding->new_chunk};
	struct lost_range view = view_range_of(check, finding->trace, finding->old_chunk);

	finding->view_unknown = check_is_unknown(check, finding->trace, &exception);
	finding->view_offset = view.offset;
	finding->view_bytes = view.bytes;
}

static struct finding finding_at(const struct check *check, enum problem problem, enum trace trace,
				 uint64_t index, const struct exception *exception)
{
	uint32_t per_area = check->store->geometry.exceptions_per_area;
	struct finding finding = {
		.problem = problem,
		.has_exception = true,
		.area = index / per_area,
		.index = (uint32_t)(index % per_area),
		.old_chunk = exception->old_chunk,
		.new_chunk = exception->new_chunk,
		.trace = trace,
	};

	find_view_range(check, &finding);
	return finding;
}

void check_report_exception(struct check *check, enum problem problem, enum trace trace,
			    uint64_t index, const struct exception *exception, const char *format,
			    ...)
{
	struct finding finding = finding_at(check, problem, trace, index, exception);
	va_list arguments;

	va_start(arguments, format);
	count_and_report(check, &finding, format, arguments);
	va_end(arguments);
}

void check_report_gap(struct check *check, uint64_t first, uint64_t count, bool goes_on)
{
	const struct geometry *geometry = &check->store->geometry;
	uint64_t area = first / geometry->exceptions_per_area, chunk = 0;
	unsigned long long offset;

	geometry_area_chunk(geometry, area, &chunk);
	offset = chunk * geometry->chunk_bytes +
		 first % geometry->exceptions_per_area * EXCEPTION_BYTES;
	check->summary.unreadable += count;
	check->summary.ends_in_gap |= !goes_on;
	report_with(
		check,
		&(struct finding){.problem = PROBLEM_AREA_UNREADABLE,
				  .gap_first = first,
				  .gap_count = goes_on ? count : 0},
		goes_on ? "area %llu cannot be read at %llu: %llu exceptions are lost; the list goes on after them"
			: "area %llu cannot be read at %llu: up to %llu exceptions are lost; nothing shows that the list went on after them",
		(unsigned long long)area, offset, (unsigned long long)count);
}

void check_report_duplicate(struct check *check, enum problem problem, enum trace trace,
			    uint64_t index, const struct exception *exception, uint64_t first,
			    const char *format, ...)
{
	struct finding finding = finding_at(check, problem, trace, index, exception);
	va_list arguments;

	finding.first = first;
	va_start(arguments, format);
	count_and_report(check, &finding, format, arguments);
	va_end(arguments);
}

enum result check_run(struct check *check, struct failure *why)
{
	enum result result;

	memset(check->found, 0, sizeof(check->found));
	check->tail_is_dirty = false;
	check->view_bytes_lost = check->view_bytes_doubtful = check->lost_unknown = 0;
	check->later = (struct check_later){0};
	summary_begin(&check->summary, &check->store->geometry);
	result = check_header(check, why);
	if (result == RESULT_OK && check->store->header_fault == HEADER_GOOD)
		result = check_entries(check, why);
	return result;
}

uint64_t check_count(const struct check *check, enum severity severity)
{
	uint64_t count = 0;

	for (int problem = 0; problem < PROBLEM_COUNT; problem++)
		if (problem_info(problem)->severity == severity)
			count += check->found[problem];
	return count;
}

enum result check_refuse_errors(const struct check *check, uint64_t errors, enum remedy remedy,
				struct failure *why)
{
	const struct finding *first = &check->first_error;
	const char *store = check->store->device->name;

	return fail_remedy(why, RESULT_DAMAGED, remedy, store,
			   "%s: has %llu error%s, the first: %s: %s", store,
			   (unsigned long long)errors, text_plural(errors),
			   problem_info(first->problem)->code, first->message);
}

enum result check_refuse_origin(const struct check *check, const char *origin, enum remedy remedy,
				struct failure *why)
{
	return fail_remedy(
		why, RESULT_REFUSED, remedy, NULL,
		"%s: is too small to be the origin of %s: old chunk %llu of %llu bytes is outside it",
		origin, check->store->device->name, (unsigned long long)check->summary.highest_old,
		(unsigned long long)check->store->geometry.chunk_bytes);
}

enum verdict check_verdict(const struct check *check)
{
	if (check_count(check, SEVERITY_ERROR) > 0)
		return VERDICT_DAMAGED;
	if (check_count(check, SEVERITY_WARNING) > 0)
		return VERDICT_PROBLEMS;
	return VERDICT_CLEAN;
}

const char *check_verdict_name(enum verdict verdict)
{
	static const char *const names[] = {"clean", "problems", "damaged"};

	return names[verdict];
}
