/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of this floor. argv[0] is the command's name. */
#ifndef STORE_CLI_COMMANDS_H
#define STORE_CLI_COMMANDS_H

#include "store/cli/cli.h"

enum result cmd_scan(struct cli *cli, int argc, const char **argv, struct failure *why);
enum result cmd_inspect(struct cli *cli, int argc, const char **argv, struct failure *why);
enum result cmd_create(struct cli *cli, int argc, const char **argv, struct failure *why);
enum result cmd_dump(struct cli *cli, int argc, const char **argv, struct failure *why);
enum result cmd_save(struct cli *cli, int argc, const char **argv, struct failure *why);
enum result cmd_restore(struct cli *cli, int argc, const char **argv, struct failure *why);

#endif
