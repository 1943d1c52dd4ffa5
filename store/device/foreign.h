/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device or file holds that is neither a store nor the bytes of a disk as they are: a
 * container (qcow2, VMDK, gzip and the like), told by a table of magic numbers, or what libblkid
 * knows, by its name and its label. Only reads.
 */
#ifndef STORE_DEVICE_FOREIGN_H
#define STORE_DEVICE_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/device/device.h"
#include "store/base/fail.h"

/* `before` NAME `after` is a command that looks further, and `does` says what it does; all NULL
 * where there is none. */
struct foreign_help {
	const char *before, *after, *does;
};

/* A format whose files have a disk in them, but at other places, or compressed. */
struct foreign_format {
	size_t offset, length; /* where its magic number is */
	const char *magic;
	const char *text; /* "is a qcow2 image" */
	struct foreign_help help;
};

/* This many bytes of the beginning show all formats. */
#define FOREIGN_BYTES 4096u

/* The format of a file that begins with these bytes; NULL: none of them. Pure. */
const struct foreign_format *foreign_format(const uint8_t beginning[FOREIGN_BYTES]);

struct foreign {
	char text[256];	 /* "is a qcow2 image", "holds ext4, LABEL root"; "": nothing is recognised
			  */
	char group[128]; /* of a physical volume: what `help` is about in its place; "" else */
	struct foreign_help help;
};

/*
 * Looks at an open device on which nothing is in flight (see probe_device). A COW store is nothing
 * foreign. A device without a file descriptor holds nothing. RESULT_IO: libblkid could not look.
 */
enum result foreign_look(const struct device *device, struct foreign *foreign, struct failure *why);

/* "; 'COMMAND' DOES", or "" where nothing helps. Returns `text`. */
#define FOREIGN_HELP_BYTES 1200u
const char *foreign_say(const struct foreign *foreign, const char *name,
			char text[FOREIGN_HELP_BYTES]);

/* "NAME: is a qcow2 image, not the disk in it; ...", RESULT_REFUSED; with `consent`, that is
 * a remedy. */
enum result foreign_refuse_origin(const struct foreign_format *format, const char *name,
				  bool consent, struct failure *why);

/* The same for an open device; RESULT_OK where it is none of these formats, or cannot be read. */
enum result foreign_check_origin(const struct device *device, struct failure *why);

#endif
