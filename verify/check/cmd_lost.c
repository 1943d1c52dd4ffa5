// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/cmd_lost.h"

void cmd_lost_json(struct json *json, const struct check *check)
{
	bool missing = check->found[PROBLEM_AREA_MISSING] > 0;
	uint64_t unknown = check->lost_unknown + check->summary.unreadable;

	json_boolean(json, "lost_unknown", missing || unknown > 0);
	if (missing)
		json_null(json, "lost_unknown_chunks");
	else
		json_number(json, "lost_unknown_chunks", unknown);
}
