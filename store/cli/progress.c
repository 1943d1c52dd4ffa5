// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/cli/json.h"
#include "store/cli/progress_line.h"
#include "store/cli/terminal.h"

#define BAR_INTERVAL 0.1 /* seconds */
#define JSON_INTERVAL 0.5
#define LOG_INTERVAL 10u

const char *const progress_words[] = {"auto", "bar", "json", "log", "none", NULL};

static double seconds_between(const struct timespec *from, const struct timespec *to)
{
	return (double)(to->tv_sec - from->tv_sec) + (double)(to->tv_nsec - from->tv_nsec) / 1e9;
}

/* Asked for each time, so that the next bar fits a terminal that became narrower. */
static size_t bar_columns(void)
{
	size_t columns = terminal_columns(stderr);

	return columns > 0 ? columns : TERMINAL_COLUMNS_DEFAULT;
}

static bool terminal_is_dumb(void)
{
	const char *term = getenv("TERM");

	return !term || !*term || strcmp(term, "dumb") == 0;
}

static enum progress_mode choose_mode(const struct cli *cli, enum progress_mode mode)
{
	if (mode == PROGRESS_AUTO)
		mode = isatty(STDERR_FILENO) && !cli->quiet ? PROGRESS_BAR : PROGRESS_NONE;
	return mode == PROGRESS_BAR && terminal_is_dumb() ? PROGRESS_LOG : mode;
}

static double interval_of(enum progress_mode mode, unsigned int log_seconds)
{
	switch (mode) {
	case PROGRESS_JSON:
		return JSON_INTERVAL;
	case PROGRESS_LOG:
		return log_seconds > 0 ? log_seconds : LOG_INTERVAL;
	case PROGRESS_AUTO:
	case PROGRESS_BAR:
	case PROGRESS_NONE:
		break;
	}
	return BAR_INTERVAL;
}

void progress_begin(struct progress *progress, const struct cli *cli, const char *device)
{
	*progress = (struct progress){.mode = PROGRESS_NONE, .cli = cli, .device = device};
	clock_gettime(CLOCK_MONOTONIC, &progress->start);
	progress->last = progress->start;
	pace_begin(&progress->pace, 0);
}

void progress_show(struct progress *progress, const struct cli_word *how, uint64_t done_bytes)
{
	progress_begin(progress, progress->cli, progress->device);
	progress->mode = choose_mode(progress->cli, how ? how->chosen : PROGRESS_AUTO);
	progress->interval = interval_of(progress->mode, how ? how->number : 0);
	progress->begun_bytes = done_bytes;
	pace_begin(&progress->pace, done_bytes);
}

double progress_seconds(const struct progress *progress)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return seconds_between(&progress->start, &now);
}

/* What an earlier run did counts for no speed, while it is looked at once more. */
static uint64_t paced_bytes(const struct progress *progress, uint64_t done)
{
	return max_u64(done, progress->begun_bytes);
}

static struct progress_now now_of(const struct progress *progress, uint64_t done, uint64_t total)
{
	struct progress_now now = {.done_bytes = done, .total_bytes = total};

	now.speed = pace_speed(&progress->pace, progress_seconds(progress),
			       paced_bytes(progress, done));
	if (now.speed > 0 && total > done)
		now.seconds_left = (double)(total - done) / now.speed;
	return now;
}

/*
 * The cursor goes back to the bar's beginning. Where a terminal that becomes narrower breaks the bar
 * into several lines, the cursor stays there: what is erased then are these lines, to the end of the
 * screen. The last column stays free, as some terminals begin a new line when it is filled.
 */
static void draw_bar(struct progress *progress, const struct progress_now *now)
{
	size_t columns = bar_columns();
	bool narrower = cli_bar_is_drawn && columns < progress->columns;
	char line[PROGRESS_LINE_BYTES];

	progress_line_bar(line, now, columns - 1);
	/* Set first: a signal that ends the program finds nothing, or a bar. */
	cli_bar_is_drawn = 1;
	progress->columns = columns;
	fprintf(stderr, "\r%s%s\r", narrower ? "\033[J" : "\033[K", line);
	fflush(stderr);
}

static void print_text(const struct progress *progress, const struct progress_now *now)
{
	char line[PROGRESS_LINE_BYTES];

	progress_line_text(line, now);
	cli_message(progress->cli, "%s: %s", progress->device, line);
}

static void print_decimal(struct json *json, const char *key, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	json_string(json, key, text);
}

static void print_json(const struct progress *progress, const struct progress_now *now)
{
	struct json json = {.file = stderr};

	json_open_result(&json, progress->cli->version, progress->cli->command);
	json_string(&json, "device", progress->device);
	print_decimal(&json, "done_bytes", now->done_bytes);
	print_decimal(&json, "total_bytes", now->total_bytes);
	print_decimal(&json, "speed", (uint64_t)now->speed);
	print_decimal(&json, "eta_ms", (uint64_t)(now->seconds_left * 1000));
	print_decimal(&json, "time_ms", (uint64_t)(progress_seconds(progress) * 1000));
	json_close_object(&json);
	json_end_line(&json);
	fflush(stderr);
}

static void print(struct progress *progress, uint64_t done, uint64_t total)
{
	struct progress_now now = now_of(progress, done, total);

	switch (progress->mode) {
	case PROGRESS_BAR:
		draw_bar(progress, &now);
		break;
	case PROGRESS_JSON:
		print_json(progress, &now);
		break;
	case PROGRESS_LOG:
		print_text(progress, &now);
		break;
	case PROGRESS_AUTO:
	case PROGRESS_NONE:
		break;
	}
}

void progress_update(struct progress *progress, uint64_t done_bytes, uint64_t total_bytes)
{
	struct progress_now wanted;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	pace_add(&progress->pace, seconds_between(&progress->start, &now),
		 paced_bytes(progress, done_bytes));
	if (cli_progress_requested) {
		cli_progress_requested = 0;
		wanted = now_of(progress, done_bytes, total_bytes);
		print_text(progress, &wanted);
	}
	if (progress->mode == PROGRESS_NONE || total_bytes == 0 ||
	    seconds_between(&progress->last, &now) < progress->interval)
		return;
	progress->last = now;
	print(progress, done_bytes, total_bytes);
}

void progress_end(struct progress *progress, uint64_t done_bytes, uint64_t total_bytes)
{
	if (total_bytes > 0 || progress->mode == PROGRESS_JSON)
		print(progress, done_bytes, total_bytes);
	if (!cli_bar_is_drawn)
		return;
	cli_bar_is_drawn = 0;
	fputc('\n', stderr);
}
