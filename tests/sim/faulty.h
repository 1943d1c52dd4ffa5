/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the simulator's disks do wrong on purpose, where a break is theirs (store/base/breaks.h). */
#ifndef TESTS_SIM_FAULTY_H
#define TESTS_SIM_FAULTY_H

#include "tests/sim/sim.h"

/* A write is about to be done. Its bytes may change; or write->missed is set, and the next flush
 * misses it, but not the one after that. */
void faulty_write(struct sim *sim, struct sim_write *write);

/* True: this flush is told as done, and is not done now; *late: but after the next write. */
bool faulty_flush(struct sim *sim, const struct io_request *request, bool *late);

#endif
