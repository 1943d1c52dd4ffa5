/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What errno values mean. */
#ifndef STORE_BASE_ERROR_H
#define STORE_BASE_ERROR_H

#include <stdbool.h>

#include "store/base/fail.h"

/* Does this errno value say that a file system, a quota or a file can take no more? */
bool error_is_full(int error);

/* The result of a file or device that cannot be opened or made, for this errno value. */
enum result error_result(int error);

#endif
