/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What would help after a failure (store/base/remedy.h), in the words of the command line. */
#ifndef STORE_CLI_REMEDIES_H
#define STORE_CLI_REMEDIES_H

#include "store/cli/cli.h"

/* Appends them to the sentence, if the failure has a remedy: it has none any more then. */
void remedies_say(const struct cli *cli, struct failure *why);

#endif
