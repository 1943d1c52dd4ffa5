// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/gauge.h"

#include <assert.h>
#include <stdio.h>

const char *gauge(unsigned int percent, unsigned int cells, char text[GAUGE_BYTES])
{
	unsigned int full = (percent * cells + 50) / 100;

	assert(percent <= 100 && cells <= GAUGE_CELLS_MAX);
	text[0] = '[';
	for (unsigned int i = 0; i < cells; i++)
		text[1 + i] = i < full ? '#' : '-';
	snprintf(text + 1 + cells, GAUGE_BYTES - 1 - cells, "] %3u%%", percent);
	return text;
}
