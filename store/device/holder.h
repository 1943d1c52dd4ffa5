/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which command takes a block device away from a device that is made of it. Pure. */
#ifndef STORE_DEVICE_HOLDER_H
#define STORE_DEVICE_HOLDER_H

#include <stdbool.h>

#include "store/base/suggest.h"

struct holder {
	const char *node; /* the kernel's name: "md0"; not asked for where there is the next one */
	const char *name; /* of one of the device mapper: "vg0-root"; NULL: it is none of these */
	const char *uuid; /* of the same; "": it has none */
	bool several;	  /* others hold the device, too */
};

/* The words of the command; without any where none is known. */
void holder_command(const struct holder *holder, struct suggestion *command);

#endif
