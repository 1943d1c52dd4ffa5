// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/progress_line.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/cli/cli.h"

/* Columns. A part has two before it, which set it apart. */
#define BAR_WIDTH 30u
#define BAR_WIDTH_MIN 5u
#define BRACKETS 3u	 /* and the space after them */
#define PERCENT_WIDTH 4u /* "100%" */
#define BYTES_WIDTH 10u	 /* "1023.9 MiB" */
#define LEFT_WIDTH 15u	 /* "  9:59:59 to go" */
#define NUMBER_BYTES 32u

struct parts {
	char percent[8], sizes[2 * NUMBER_BYTES + 16], speed[NUMBER_BYTES + 8],
		left[NUMBER_BYTES + 8];
};

static unsigned int percent_of(const struct progress_now *now)
{
	if (now->done_bytes >= now->total_bytes)
		return 100;
	return (unsigned int)min_u64(
		(uint64_t)((double)now->done_bytes / (double)now->total_bytes * 100), 99);
}

static bool is_left_known(const struct progress_now *now)
{
	return now->speed > 0 && now->done_bytes < now->total_bytes;
}

/* Numbers that change while a command runs are right-aligned: what follows stays where it is. */
static void write_parts(struct parts *parts, const struct progress_now *now)
{
	char done[NUMBER_BYTES], total[NUMBER_BYTES], speed[NUMBER_BYTES], left[NUMBER_BYTES];

	snprintf(parts->percent, sizeof(parts->percent), "%3u%%", percent_of(now));
	snprintf(parts->sizes, sizeof(parts->sizes), "  %*s of %s", (int)BYTES_WIDTH,
		 cli_format_size(now->done_bytes, done, sizeof(done)),
		 cli_format_size(now->total_bytes, total, sizeof(total)));
	snprintf(parts->speed, sizeof(parts->speed), "  %*s/s", (int)BYTES_WIDTH,
		 cli_format_size((uint64_t)now->speed, speed, sizeof(speed)));
	parts->left[0] = '\0';
	if (is_left_known(now))
		snprintf(parts->left, sizeof(parts->left), "  %s to go",
			 cli_format_time(now->seconds_left, left, sizeof(left)));
}

static void write_bar(char *text, size_t width, unsigned int percent)
{
	size_t filled = width * percent / 100;

	*text++ = '[';
	memset(text, '#', filled);
	memset(text + filled, '.', width - filled);
	memcpy(text + width, "] ", sizeof("] "));
}

/* Those that do not fit become empty. Returns how wide the bar may be; 0: there is no room for one. */
static size_t choose_parts(struct parts *parts, size_t columns)
{
	size_t left = max_u64(strlen(parts->left), LEFT_WIDTH);
	size_t rest = PERCENT_WIDTH + left, bar = BRACKETS + BAR_WIDTH;

	if (bar + rest + strlen(parts->sizes) + strlen(parts->speed) > columns)
		parts->speed[0] = '\0';
	if (bar + rest + strlen(parts->sizes) + strlen(parts->speed) > columns)
		parts->sizes[0] = '\0';
	rest += strlen(parts->sizes) + strlen(parts->speed);
	if (rest > columns)
		parts->left[0] = '\0';
	if (rest + BRACKETS + BAR_WIDTH_MIN > columns)
		return 0;
	return min_u64(BAR_WIDTH, columns - rest - BRACKETS);
}

void progress_line_bar(char line[PROGRESS_LINE_BYTES], const struct progress_now *now,
		       size_t columns)
{
	char bar[BRACKETS + BAR_WIDTH + 1] = "";
	struct parts parts;
	size_t width;

	write_parts(&parts, now);
	width = choose_parts(&parts, columns);
	if (width > 0)
		write_bar(bar, width, percent_of(now));
	snprintf(line, min_u64(PROGRESS_LINE_BYTES, columns + 1), "%s%s%s%s%s", bar, parts.percent,
		 parts.sizes, parts.speed, parts.left);
}

void progress_line_text(char line[PROGRESS_LINE_BYTES], const struct progress_now *now)
{
	char done[NUMBER_BYTES], total[NUMBER_BYTES], speed[NUMBER_BYTES], left[NUMBER_BYTES];
	int length = snprintf(line, PROGRESS_LINE_BYTES, "%u%%, %s of %s, %s/s", percent_of(now),
			      cli_format_size(now->done_bytes, done, sizeof(done)),
			      cli_format_size(now->total_bytes, total, sizeof(total)),
			      cli_format_size((uint64_t)now->speed, speed, sizeof(speed)));

	if (is_left_known(now))
		snprintf(line + length, PROGRESS_LINE_BYTES - (size_t)length, ", %s to go",
			 cli_format_time(now->seconds_left, left, sizeof(left)));
}
