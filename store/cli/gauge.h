/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "[###--]  55%": how full, for people. Pure. */
#ifndef STORE_CLI_GAUGE_H
#define STORE_CLI_GAUGE_H

#define GAUGE_CELLS_MAX 40u
#define GAUGE_BYTES (GAUGE_CELLS_MAX + 16)

/* `cells` are at most GAUGE_CELLS_MAX. Returns `text`. */
const char *gauge(unsigned int percent, unsigned int cells, char text[GAUGE_BYTES]);

#endif
