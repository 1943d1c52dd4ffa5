/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of this floor. argv[0] is the command's name. */
#ifndef VERIFY_COMMANDS_H
#define VERIFY_COMMANDS_H

#include "store/cli/cli.h"

enum result cmd_verify(struct cli *cli, int argc, const char **argv, struct failure *why);
enum result cmd_export(struct cli *cli, int argc, const char **argv, struct failure *why);
enum result cmd_repair(struct cli *cli, int argc, const char **argv, struct failure *why);

#endif
