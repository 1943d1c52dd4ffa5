// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/pace.h"

/* So that it is a 64-bit number, however short the time was. */
#define PACE_SPEED_MAX 1e18

static const struct pace_sample *sample_at(const struct pace *pace, unsigned int position)
{
	return &pace->samples[(pace->oldest + position) % PACE_SAMPLES];
}

static void append(struct pace *pace, double seconds, uint64_t done_bytes)
{
	pace->samples[(pace->oldest + pace->count) % PACE_SAMPLES] =
		(struct pace_sample){seconds, done_bytes};
	pace->count++;
}

void pace_begin(struct pace *pace, uint64_t done_bytes)
{
	pace->oldest = pace->count = 0;
	append(pace, 0, done_bytes);
}

/* The oldest one may be older than ten seconds, the second one not: so there is one to compare with,
 * also after a pause. */
void pace_add(struct pace *pace, double seconds, uint64_t done_bytes)
{
	if (seconds - sample_at(pace, pace->count - 1)->seconds < PACE_SAMPLE_SECONDS)
		return;
	while (pace->count > 1 && seconds - sample_at(pace, 1)->seconds >= PACE_SECONDS) {
		pace->oldest = (pace->oldest + 1) % PACE_SAMPLES;
		pace->count--;
	}
	append(pace, seconds, done_bytes);
}

double pace_speed(const struct pace *pace, double seconds, uint64_t done_bytes)
{
	const struct pace_sample *oldest = sample_at(pace, 0);
	double speed;

	if (seconds <= oldest->seconds || done_bytes <= oldest->done_bytes)
		return 0;
	speed = (double)(done_bytes - oldest->done_bytes) / (seconds - oldest->seconds);
	return speed < PACE_SPEED_MAX ? speed : PACE_SPEED_MAX;
}
