/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all commands say of exceptions that are lost without a trace of which they were. */
#ifndef VERIFY_CMD_LOST_H
#define VERIFY_CMD_LOST_H

#include "store/cli/cli.h"
#include "store/cli/json.h"
#include "verify/check/check.h"

/*
 * lost_unknown: are there any? lost_unknown_chunks: at most this many chunks of the view; null
 * where an area is missing, and nothing tells how many it held.
 */
void cmd_lost_json(struct json *json, const struct check *check);

/* Before anything is written: a list that was cut off lacks what no merge and no export brings
 * back. */
void cmd_lost_note_later(const struct cli *cli, const struct check *check);

/* With --quiet, too: there the image has what the origin has, and nobody can tell where. */
void cmd_lost_warn_unknown(const struct cli *cli, const struct check *check);

/* The array "lost": these ranges of the view. */
void cmd_lost_json_ranges(struct json *json, const struct lost *lost);

#endif
