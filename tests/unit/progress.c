// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <stdint.h>
#include <string.h>

#include "store/cli/cli.h"
#include "store/cli/pace.h"
#include "store/cli/progress.h"
#include "store/cli/progress_line.h"

static const struct progress_now half = {.done_bytes = 512ull << 20,
					 .total_bytes = 1ull << 30,
					 .speed = 100 << 20,
					 .seconds_left = 5.1};
/* Every number as wide as it may become. */
static const struct progress_now widest = {.done_bytes = (1ull << 40) - (1ull << 27),
					   .total_bytes = (1ull << 40) - (1ull << 26),
					   .speed = (double)((1ull << 30) - (1 << 17)),
					   .seconds_left = 35999};

static bool bar_is(const struct progress_now *now, size_t columns, const char *wanted)
{
	char line[PROGRESS_LINE_BYTES];

	progress_line_bar(line, now, columns);
	if (strcmp(line, wanted) == 0)
		return true;
	printf("# %zu columns: '%s'\n", columns, line);
	return false;
}

static void parts_are_left_out(void)
{
	CHECK(bar_is(
		&half, 199,
		"[###############...............]  50%   512.0 MiB of 1.0 GiB   100.0 MiB/s  0:06 to go"));
	CHECK(bar_is(
		&half, 90,
		"[###############...............]  50%   512.0 MiB of 1.0 GiB   100.0 MiB/s  0:06 to go"));
	CHECK(bar_is(&half, 79,
		     "[###############...............]  50%   512.0 MiB of 1.0 GiB  0:06 to go"));
	CHECK(bar_is(&half, 60, "[###############...............]  50%  0:06 to go"));
	CHECK(bar_is(&half, 39, "[########.........]  50%  0:06 to go"));
	CHECK(bar_is(&half, 27, "[##...]  50%  0:06 to go"));
	CHECK(bar_is(&half, 26, " 50%  0:06 to go"));
	CHECK(bar_is(&half, 18, " 50%"));
	CHECK(bar_is(&half, 2, " 5"));
	CHECK(bar_is(&half, 0, ""));
}

/* Of every width, with the widest numbers and without any. */
static void no_line_is_wider(void)
{
	static const struct progress_now none = {0, 1, 0, 0}, all = {1, 1, 1, 0},
					 most = {UINT64_MAX - 1, UINT64_MAX, 1e18, 1e30};
	const struct progress_now *const nows[] = {&half, &widest, &none, &all, &most};
	char line[PROGRESS_LINE_BYTES];

	for (size_t i = 0; i < sizeof(nows) / sizeof(nows[0]); i++)
		for (size_t columns = 0; columns < 300; columns++) {
			memset(line, 'x', sizeof(line));
			progress_line_bar(line, nows[i], columns);
			CHECK(memchr(line, '\0', sizeof(line)) && strlen(line) <= columns);
		}
}

/* What is left out depends on the width alone: the same parts at the beginning and at the end. */
static void parts_stay(void)
{
	for (size_t columns = 10; columns < 120; columns++) {
		struct progress_now now = widest;
		char first[PROGRESS_LINE_BYTES], last[PROGRESS_LINE_BYTES];

		progress_line_bar(first, &now, columns);
		now.done_bytes = 1;
		now.speed = 1;
		now.seconds_left = 1;
		progress_line_bar(last, &now, columns);
		CHECK(!strchr(first, '[') == !strchr(last, '['));
		CHECK(!strstr(first, " of ") == !strstr(last, " of "));
		CHECK(!strstr(first, "/s") == !strstr(last, "/s"));
		CHECK(!strstr(first, "to go") == !strstr(last, "to go"));
	}
}

static void text_is_plain(void)
{
	const struct progress_now done = {.done_bytes = 7, .total_bytes = 7, .speed = 1};
	char line[PROGRESS_LINE_BYTES];

	progress_line_text(line, &half);
	CHECK(strcmp(line, "50%, 512.0 MiB of 1.0 GiB, 100.0 MiB/s, 0:06 to go") == 0);
	progress_line_text(line, &done);
	CHECK(strcmp(line, "100%, 7 bytes of 7 bytes, 1 bytes/s") == 0);
}

static void percent_is_100_at_the_end_only(void)
{
	struct progress_now now = {.done_bytes = UINT64_MAX - 1, .total_bytes = UINT64_MAX};

	CHECK(bar_is(&now, 10, " 99%"));
	now.done_bytes++;
	CHECK(bar_is(&now, 10, "100%"));
}

/* A hundred seconds at 1000 bytes a second, then at 10: ten seconds later nothing is left of it. */
static void speed_is_of_ten_seconds(void)
{
	struct pace pace;
	uint64_t done = 0;
	double now = 0;

	pace_begin(&pace, 0);
	CHECK(pace_speed(&pace, 0, 0) == 0);
	for (; now < 100; now += 0.125) {
		pace_add(&pace, now, done);
		done += 125;
	}
	CHECK(pace_speed(&pace, now, done) > 999 && pace_speed(&pace, now, done) < 1001);
	for (int i = 0; i < 11; i++) {
		pace_add(&pace, now, done);
		now++;
		done += 10;
	}
	CHECK(pace_speed(&pace, now, done) == 10);
}

/* Nothing at all for a minute: what there is to compare with is of before. */
static void a_pause_lowers_the_speed(void)
{
	struct pace pace;

	pace_begin(&pace, 500);
	pace_add(&pace, 1, 1500);
	CHECK(pace_speed(&pace, 1, 1500) == 1000);
	CHECK(pace_speed(&pace, 10, 1500) == 100);
	pace_add(&pace, 61, 2100);
	CHECK(pace_speed(&pace, 61, 2100) == 10);
	CHECK(pace_speed(&pace, 61, 100) == 0);
	CHECK(pace_speed(&pace, 61.0000000001, UINT64_MAX) <= 1e18);
}

static void modes_have_names(void)
{
	static const char *const bad[] = {"",	    "jso",    "log=",	"log=0",	  "log=00",
					  "log=-1", "log=+1", "log= 1", "log=0.5",	  "log=1s",
					  "logs",   "log1",   "log==1", "log=1000000000", "json=1",
					  "bar=",   "none=10"};
	struct cli_word word = PROGRESS_WORD;

	CHECK(cli_word_choose(&word, "json") && word.given && word.chosen == PROGRESS_JSON);
	CHECK(cli_word_choose(&word, "none") && word.chosen == PROGRESS_NONE);
	CHECK(cli_word_choose(&word, "bar") && word.chosen == PROGRESS_BAR);
	CHECK(cli_word_choose(&word, "log=999999999") && word.chosen == PROGRESS_LOG);
	CHECK(word.number == CLI_NUMBER_MAX);
	CHECK(cli_word_choose(&word, "log=010") && word.number == 10);
	CHECK(cli_word_choose(&word, "log") && word.chosen == PROGRESS_LOG && word.number == 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!cli_word_choose(&word, bad[i]));
}

static void times_are_printed(void)
{
	char text[32];

	CHECK(strcmp(cli_format_time(0, text, sizeof(text)), "0:00") == 0);
	CHECK(strcmp(cli_format_time(59.01, text, sizeof(text)), "1:00") == 0);
	CHECK(strcmp(cli_format_time(3599, text, sizeof(text)), "59:59") == 0);
	CHECK(strcmp(cli_format_time(3600, text, sizeof(text)), "1:00:00") == 0);
	CHECK(strcmp(cli_format_time(1e300, text, sizeof(text)), "999:59:59") == 0);
	CHECK(strcmp(cli_format_duration(0.44, text, sizeof(text)), "0.4 s") == 0);
	CHECK(strcmp(cli_format_duration(192, text, sizeof(text)), "3 min 12 s") == 0);
	CHECK(strcmp(cli_format_duration(7500, text, sizeof(text)), "2 h 5 min") == 0);
}

int main(void)
{
	unit_run("progress: speed, then sizes, then bar make room", parts_are_left_out);
	unit_run("progress: no line is wider than it may be", no_line_is_wider);
	unit_run("progress: the numbers do not change what is shown", parts_stay);
	unit_run("progress: a line of a log", text_is_plain);
	unit_run("progress: 100% is the end, and nothing before", percent_is_100_at_the_end_only);
	unit_run("progress: the speed is of the last ten seconds", speed_is_of_ten_seconds);
	unit_run("progress: a pause lowers the speed", a_pause_lowers_the_speed);
	unit_run("progress: modes are known by name, log may have a number", modes_have_names);
	unit_run("progress: times are printed for people", times_are_printed);
	return unit_end();
}
