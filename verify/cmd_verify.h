/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_CMD_VERIFY_H
#define VERIFY_CMD_VERIFY_H

#include "store/cli/cli.h"

enum result cmd_verify(struct cli *cli, int argc, const char **argv, struct failure *why);

#endif
