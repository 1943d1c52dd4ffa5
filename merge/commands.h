/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of this floor. argv[0] is the command's name. */
#ifndef MERGE_COMMANDS_H
#define MERGE_COMMANDS_H

#include "store/cli/cli.h"

enum result cmd_merge(struct cli *cli, int argc, const char **argv, struct failure *why);

#endif
