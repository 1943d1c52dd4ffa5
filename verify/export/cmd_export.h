/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_EXPORT_CMD_EXPORT_H
#define VERIFY_EXPORT_CMD_EXPORT_H

#include "store/cli/cli.h"

enum result cmd_export(struct cli *cli, int argc, const char **argv, struct failure *why);

#endif
