/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The speed of the last ten seconds, and what time is left at that speed: the average of a whole hour
 * tells little about a disk that has become slow, the last moment jumps. Pure arithmetic. */
#ifndef STORE_CLI_PACE_H
#define STORE_CLI_PACE_H

#include <stdint.h>

#define PACE_SECONDS 10.0
/* Two of them are this far apart, or further. */
#define PACE_SAMPLE_SECONDS 0.5
/* Those of ten seconds, the one before them, and the newest. */
#define PACE_SAMPLES 22u

struct pace_sample {
	double seconds; /* since the beginning */
	uint64_t done_bytes;
};

struct pace {
	struct pace_sample samples[PACE_SAMPLES]; /* a ring */
	unsigned int oldest, count;
};

/* At the beginning, where this much is done already. */
void pace_begin(struct pace *pace, uint64_t done_bytes);

/* Now this much is done, which is no less than before. Call it as often as you like. */
void pace_add(struct pace *pace, double seconds, uint64_t done_bytes);

/* Bytes a second, until now; 0: nothing was done, or no time has gone by. After pace_begin. */
double pace_speed(const struct pace *pace, double seconds, uint64_t done_bytes);

#endif
