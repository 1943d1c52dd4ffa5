/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_ADVICE_H
#define VERIFY_ADVICE_H

#include "verify/problem.h"

/* What can be done about a problem, and with which command; ORIGIN, STORE and FILE stand for names. */
const char *advice(enum problem problem);

#endif
