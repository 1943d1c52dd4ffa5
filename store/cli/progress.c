// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/cli/json.h"

#define BAR_INTERVAL 0.1 /* seconds */
#define JSON_INTERVAL 0.5
#define BAR_WIDTH 30

const char *const progress_words[] = {"auto", "bar", "json", "none", NULL};

static double seconds_between(const struct timespec *from, const struct timespec *to)
{
	return (double)(to->tv_sec - from->tv_sec) + (double)(to->tv_nsec - from->tv_nsec) / 1e9;
}

void progress_begin(struct progress *progress, const struct cli *cli, enum progress_mode mode,
		    const char *device)
{
	if (mode == PROGRESS_AUTO)
		mode = isatty(STDERR_FILENO) && !cli->quiet ? PROGRESS_BAR : PROGRESS_NONE;
	*progress = (struct progress){.mode = mode, .device = device};
	clock_gettime(CLOCK_MONOTONIC, &progress->start);
	progress->last = progress->start;
}

double progress_seconds(const struct progress *progress)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return seconds_between(&progress->start, &now);
}

/* Bytes a second, and seconds to go; 0 where nothing can be told yet. */
struct pace {
	double seconds, speed, to_go;
};

static struct pace pace_of(const struct progress *progress, uint64_t done, uint64_t total)
{
	struct pace pace = {.seconds = progress_seconds(progress)};

	if (pace.seconds > 0)
		pace.speed = (double)done / pace.seconds;
	if (pace.speed > 0 && total > done)
		pace.to_go = (double)(total - done) / pace.speed;
	return pace;
}

static void print_text(const struct progress *progress, uint64_t done, uint64_t total)
{
	struct pace pace = pace_of(progress, done, total);
	unsigned int percent = total ? (unsigned int)((double)done / (double)total * 100) : 100;
	unsigned int filled = percent * BAR_WIDTH / 100;
	char done_text[32], total_text[32], speed_text[32];

	fprintf(stderr, "[%.*s%.*s] %3u%%  %s of %s  %s/s", (int)filled,
		"##############################", (int)(BAR_WIDTH - filled),
		"..............................", percent,
		cli_format_size(done, done_text, sizeof(done_text)),
		cli_format_size(total, total_text, sizeof(total_text)),
		cli_format_size((uint64_t)pace.speed, speed_text, sizeof(speed_text)));
	if (pace.speed > 0)
		fprintf(stderr, "  %" PRIu64 ":%02" PRIu64 " to go", (uint64_t)pace.to_go / 60,
			(uint64_t)pace.to_go % 60);
}

/* To the end of the line: what a longer line before it has left there. */
static void draw_bar(struct progress *progress, uint64_t done, uint64_t total)
{
	fputc('\r', stderr);
	print_text(progress, done, total);
	fputs("\033[K", stderr);
	fflush(stderr);
	progress->bar_is_drawn = true;
}

static void print_decimal(struct json *json, const char *key, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	json_string(json, key, text);
}

static void print_json(const struct progress *progress, uint64_t done, uint64_t total)
{
	struct pace pace = pace_of(progress, done, total);
	struct json json = {.file = stderr};

	json_open_object(&json, NULL);
	json_string(&json, "device", progress->device);
	print_decimal(&json, "done_bytes", done);
	print_decimal(&json, "total_bytes", total);
	print_decimal(&json, "speed", (uint64_t)pace.speed);
	print_decimal(&json, "eta_ms", (uint64_t)(pace.to_go * 1000));
	print_decimal(&json, "time_ms", (uint64_t)(pace.seconds * 1000));
	json_close_object(&json);
	json_end_line(&json);
	fflush(stderr);
}

static void print(struct progress *progress, uint64_t done, uint64_t total)
{
	if (progress->mode == PROGRESS_BAR)
		draw_bar(progress, done, total);
	else if (progress->mode == PROGRESS_JSON)
		print_json(progress, done, total);
}

void progress_update(struct progress *progress, uint64_t done_bytes, uint64_t total_bytes)
{
	double interval = progress->mode == PROGRESS_BAR ? BAR_INTERVAL : JSON_INTERVAL;
	struct timespec now;

	if (cli_progress_requested) {
		cli_progress_requested = 0;
		if (progress->bar_is_drawn)
			fputc('\r', stderr);
		print_text(progress, done_bytes, total_bytes);
		fputc('\n', stderr);
	}
	if (progress->mode == PROGRESS_NONE)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (seconds_between(&progress->last, &now) < interval)
		return;
	progress->last = now;
	print(progress, done_bytes, total_bytes);
}

void progress_end(struct progress *progress, uint64_t done_bytes, uint64_t total_bytes)
{
	print(progress, done_bytes, total_bytes);
	if (progress->bar_is_drawn)
		fputc('\n', stderr);
}
