/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is a device a snapshot itself, or on top of one? Then it is not the origin of a store: what is
 * written to it goes into the store of that snapshot. */
#ifndef VERIFY_STACKED_H
#define VERIFY_STACKED_H

#include "store/device/device.h"
#include "store/base/fail.h"

/*
 * RESULT_REFUSED where a device below this one, at any depth, is a COW store, as sysfs has them
 * (slaves) and as they can be read. Only looks.
 */
enum result stacked_check(const struct device *origin, enum remedy remedy, struct failure *why);

#endif
