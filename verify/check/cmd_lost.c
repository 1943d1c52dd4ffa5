// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/check/cmd_lost.h"

void cmd_lost_json(struct json *json, const struct check *check)
{
	bool missing = check->found[PROBLEM_AREA_MISSING] > 0;

	json_boolean(json, "lost_unknown", missing || check->lost_unknown > 0);
	if (missing)
		json_null(json, "lost_unknown_chunks");
	else
		json_number(json, "lost_unknown_chunks", check->lost_unknown);
}
