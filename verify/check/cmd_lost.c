// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/cmd_lost.h"

#include <inttypes.h>

#include "store/base/suggest.h"

void cmd_lost_json(struct json *json, const struct check *check)
{
	bool missing = check->found[PROBLEM_AREA_MISSING] > 0;
	uint64_t unknown = check->lost_unknown + check->summary.unreadable;

	json_boolean(json, "lost_unknown", missing || unknown > 0);
	json_known_number(json, "lost_unknown_chunks", !missing, unknown);
}

void cmd_lost_note_later(const struct cli *cli, const struct check *check)
{
	const char *name = check->store->device->name;
	struct suggestion command;
	char text[CHECK_LATER_BYTES];

	if (check->later.exceptions > 0)
		cli_note(cli, "%s: note: %s; %s shows them", name,
			 check_later_describe(check, text),
			 suggest(&command, "cowtool dump --stale %s", name));
}

void cmd_lost_warn_unknown(const struct cli *cli, const struct check *check)
{
	const char *name = check->store->device->name;
	char unknown[CHECK_UNKNOWN_BYTES];

	if (check->found[PROBLEM_AREA_MISSING])
		cli_message(
			cli,
			"%s: what was in areas outside the device is lost: the image is not complete, and where it is not cannot be told",
			name);
	if (check->summary.unreadable > 0)
		cli_message(
			cli,
			"%s: up to %" PRIu64
			" exceptions cannot be read: the image is not complete, and where it is not cannot be told",
			name, check->summary.unreadable);
	if (check->lost_unknown > 0)
		cli_message(cli, "%s: lost: %s: there the image has what the origin has now", name,
			    check_describe_unknown(check, unknown));
}

void cmd_lost_json_ranges(struct json *json, const struct lost *lost)
{
	json_open_array(json, "lost");
	for (size_t i = 0; i < lost->count; i++) {
		json_open_object(json, NULL);
		json_number(json, "offset", lost->ranges[i].offset);
		json_number(json, "bytes", lost->ranges[i].bytes);
		json_close_object(json);
	}
	json_close_array(json);
}
