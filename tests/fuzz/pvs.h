/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Physical volumes in memory. An input for them is a byte of flags, the label and the header of a
 * metadata area, a sector each, and the text.
 */
#ifndef TESTS_FUZZ_PVS_H
#define TESTS_FUZZ_PVS_H

#include "store/cow/format.h"
#include "store/volume/groups.h"

enum fuzz_pv_flag {
	FUZZ_MEND_CHECKSUMS = 1,
	FUZZ_MAKE_HEADERS = 2, /* those of the input are not looked at */
	FUZZ_TWO_PVS = 4,      /* a second disk, with another id: its text follows the first NUL */
	FUZZ_ONE_TEXT = 8,     /* a second disk with the text of the first */
};

#define FUZZ_PVS 2u
#define FUZZ_PV_HEADERS_BYTES (2 * SECTOR_BYTES)
#define FUZZ_PV_BYTES (2u << 20)
#define FUZZ_PV_SECTORS (FUZZ_PV_BYTES / SECTOR_BYTES)
/* Where the label and the metadata area end that are made of an input. */
#define FUZZ_PV_OWN_BYTES (4096u + 65536u)

struct fuzz_pv {
	uint8_t bytes[FUZZ_PV_BYTES];
};

extern struct fuzz_pv fuzz_pvs[FUZZ_PVS];

/* Makes the disks of an input of at least 1 + FUZZ_PV_HEADERS_BYTES bytes, and reads their groups;
 * what is after FUZZ_PV_OWN_BYTES on them stays. The caller frees the groups. */
void fuzz_pvs_read(const uint8_t *input, size_t bytes, struct groups *groups);

/* Which of them it is. */
unsigned int fuzz_pvs_number(const struct groups_pv *pv);

#endif
