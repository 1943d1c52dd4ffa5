// SPDX-License-Identifier: GPL-2.0-or-later
/* cowtool merge: what it prints, for people and in JSON. */
#include <inttypes.h>
#include <stdio.h>

#include "merge/cmd_merge.h"
#include "store/cli/json.h"
#include "store/cli/remedies.h"
#include "store/base/suggest.h"
#include "store/base/text.h"
#include "verify/check/cmd_lost.h"

/* For people: at most this many ranges that are lost are listed. */
#define LISTED_MAX 20

static const char *role_name(const struct kept *kept)
{
	return kept->role == RECORD_UNDO ? "undo" : "kept";
}

static const char *identity_text(const struct merge_session *session)
{
	switch (session->merge.identity) {
	case IDENTITY_UNKNOWN:
		break;
	case IDENTITY_COMPARED:
		return "compared, and the same";
	case IDENTITY_NOT_IN_STORE:
		return session->options.origin_is_told ? "as LVM has it; nothing in the store tells"
						       : "nothing in the store tells";
	}
	return "not known";
}

static void print_json_kept(struct json *json, const struct merge_session *session)
{
	json_open_array(json, "kept");
	for (size_t i = 0; i < session->kept_count; i++) {
		const struct kept *kept = &session->kept[i];

		json_open_object(json, NULL);
		json_string(json, "store", session->others[i].device.name);
		json_string(json, "role", role_name(kept));
		json_number(json, "exceptions_added", kept->exceptions_added);
		json_number(json, "exceptions_needed", kept->needed);
		if (kept->room != UINT64_MAX)
			json_number(json, "exceptions_possible", kept->room);
		json_boolean(json, "given_up", kept->given_up);
		json_string(json, "identity", identity_name(kept->identity));
		json_close_object(json);
	}
	json_close_array(json);
}

static void print_json_left_out(struct json *json, const struct merge *merge)
{
	const struct left_out *left_out = &merge->left_out;

	json_number(json, "left_out", left_out->exceptions);
	cmd_lost_json_ranges(json, &left_out->lost);
	json_number(json, "lost_unlisted", left_out->lost.unlisted);
	cmd_lost_json(json, &merge->check);
	json_number(json, "lost_unreadable_bytes", left_out->bytes_unreadable);
}

/* The one object, or one in a list. */
static struct json *open_json(const struct merge_session *session, struct json *alone)
{
	struct json *list = session->choice->list;

	if (list)
		json_open_object(list, NULL);
	else
		cli_open_json(session->cli, alone);
	return list ? list : alone;
}

static void print_numbers(struct json *json, const struct merge_session *session)
{
	const struct merge *merge = &session->merge;

	json_string(json, "origin", session->pair.origin.name);
	json_string(json, "store", session->pair.device.name);
	json_string(json, "identity", identity_name(merge->identity));
	json_number(json, "exceptions_before", merge->exceptions_before);
	json_number(json, "merged", merge->exceptions_before - merge->exceptions_left);
	json_number(json, "exceptions_left", merge->exceptions_left);
	json_number(json, "bytes_copied", merge->bytes_written);
	json_number(json, "commits", merge->commits);
	json_number(json, "flushes", merge->flushes);
	json_seconds(json, "seconds", progress_seconds(&session->progress));
	print_json_kept(json, session);
	if (session->choice->skip_lost)
		print_json_left_out(json, merge);
}

static void print_json_then(struct json *json, const struct merge_session *session)
{
	struct suggestion then;

	json_open_array(json, "then");
	if (cmd_merge_then(session, &then))
		json_string(json, NULL, suggest_plain(&then));
	json_close_array(json);
}

static void end_json(struct merge_session *session, struct json *json, bool failed)
{
	if (session->choice->list)
		json_close_object(json);
	else
		cli_close_json(session->cli, json, failed);
}

static void print_json(struct merge_session *session, const struct merge_estimate *plan,
		       bool failed)
{
	struct json alone;
	struct json *json = open_json(session, &alone);

	print_numbers(json, session);
	if (!plan && !failed)
		print_json_then(json, session);
	if (plan) {
		json_open_object(json, "plan");
		json_number(json, "runs", plan->runs);
		json_number(json, "windows", plan->windows);
		json_number(json, "bytes", plan->bytes);
		json_number(json, "flushes", plan->flushes);
		json_close_object(json);
	}
	end_json(session, json, failed);
}

static void print_kept_plan(const struct kept *kept, const char *name)
{
	char size[32];

	if (kept->is_new)
		cli_print(stdout, "%-12s %s: %" PRIu64 " exception%s, a file of %s", "Undo:", name,
			  kept->needed, text_plural(kept->needed),
			  cli_format_size(undo_bytes(kept), size, sizeof(size)));
	else if (kept->give_up)
		cli_print(stdout, "%-12s %s: to be marked invalid", "Given up:", name);
	else if (kept->given_up)
		cli_print(stdout,
			  "%-12s %s: to be marked invalid: %" PRIu64
			  " exception%s needed, room for %" PRIu64,
			  "Given up:", name, kept->needed, text_plural(kept->needed), kept->room);
	else
		cli_print(stdout, "%-12s %s: %" PRIu64 " exception%s to add, room for %" PRIu64,
			  kept->role == RECORD_UNDO ? "Undo:" : "Kept:", name, kept->needed,
			  text_plural(kept->needed), kept->room);
}

static void print_unknown(const struct merge_session *session)
{
	const struct check *check = &session->merge.check;
	char unknown[CHECK_UNKNOWN_BYTES];

	if (session->choice->skip_lost && check->found[PROBLEM_AREA_MISSING])
		cli_print(stdout,
			  "%s: what was in areas outside the device is lost, and cannot be listed",
			  session->pair.device.name);
	if (check->lost_unknown > 0)
		cli_print(stdout, "%s: lost: %s: there %s keeps what it has",
			  session->pair.device.name, check_describe_unknown(check, unknown),
			  session->pair.origin.name);
	if (check->summary.unreadable > 0)
		cli_print(
			stdout,
			"%s: left out: up to %" PRIu64
			" exceptions that cannot be read; where %s keeps what it has instead cannot be told",
			session->pair.device.name, check->summary.unreadable,
			session->pair.origin.name);
}

static void print_ranges(const struct lost *lost)
{
	uint64_t more = lost->unlisted;

	for (size_t i = 0; i < lost->count; i++) {
		if (i == LISTED_MAX) {
			more += lost->count - i;
			break;
		}
		printf("  bytes %" PRIu64 " to %" PRIu64 "\n", lost->ranges[i].offset,
		       lost->ranges[i].offset + lost->ranges[i].bytes - 1);
	}
	if (more > 0)
		printf("  and %" PRIu64 " more range%s\n", more, text_plural(more));
}

/* Of no range of the origin is it known that it is lost. */
static void print_no_ranges(const struct merge_session *session, uint64_t known)
{
	if (known > 0 && session->merge.check.lost_unknown > 0)
		cli_print(stdout, "%s: left out, as they are lost: %" PRIu64 " exception%s",
			  session->pair.device.name, known, text_plural(known));
	else if (known > 0)
		cli_print(
			stdout,
			"%s: left out: %" PRIu64
			" exception%s; nothing is lost by that: %s has no such chunk, or an earlier exception counts for it",
			session->pair.device.name, known, text_plural(known),
			session->pair.origin.name);
}

static void print_left_out(const struct merge_session *session)
{
	const struct left_out *left_out = &session->merge.left_out;
	uint64_t known = left_out->exceptions - left_out->unknown;
	char exceptions[64] = "", unreadable[64] = "";

	print_unknown(session);
	if (!session->choice->skip_lost)
		return;
	if (left_out->lost.count == 0 && left_out->lost.unlisted == 0) {
		print_no_ranges(session, known);
		return;
	}
	if (known > 0)
		snprintf(exceptions, sizeof(exceptions), " %" PRIu64 " exception%s", known,
			 text_plural(known));
	if (left_out->bytes_unreadable > 0)
		snprintf(unreadable, sizeof(unreadable), "%s %" PRIu64 " bytes that cannot be read",
			 known > 0 ? "," : "", left_out->bytes_unreadable);
	cli_print(stdout, "%s: left out, as they are lost:%s%s; %s keeps what it has in",
		  session->pair.device.name, exceptions, unreadable, session->pair.origin.name);
	print_ranges(&left_out->lost);
}

enum result cmd_merge_print_plan(struct merge_session *session, struct failure *why)
{
	struct merge_estimate plan;
	enum result result = merge_estimate(&session->merge, &plan, why);
	char size[32];

	if (result != RESULT_OK)
		return result;
	if (session->cli->json) {
		print_json(session, &plan, false);
		return RESULT_OK;
	}
	cli_print(stdout, "%s would be merged into %s; nothing was written",
		  session->pair.device.name, session->pair.origin.name);
	printf("%-12s %s\n", "Identity:", identity_text(session));
	printf("%-12s %" PRIu64 "\n", "Exceptions:", session->merge.exceptions_before);
	printf("%-12s %" PRIu64 "\n", "Runs:", plan.runs);
	printf("%-12s %" PRIu64 "\n", "Windows:", plan.windows);
	printf("%-12s %s (%" PRIu64 " bytes)\n",
	       "Data:", cli_format_size(plan.bytes, size, sizeof(size)), plan.bytes);
	printf("%-12s at most %" PRIu64 "\n", "Flushes:", plan.flushes);
	print_left_out(session);
	for (size_t i = 0; i < session->kept_count; i++)
		print_kept_plan(&session->kept[i], session->others[i].device.name);
	for (size_t i = 0; i < session->dropped_count; i++)
		cli_print(stdout, "%-12s %s: to be marked invalid",
			  "Given up:", session->dropped[i]->device->name);
	return RESULT_OK;
}

void cmd_merge_print_not_begun(struct merge_session *session)
{
	const struct cli *cli = session->cli;
	struct json alone, *json;

	if (cli->json) {
		json = open_json(session, &alone);
		json_string(json, "origin", cli->arguments[0]);
		json_string(json, "store", cli->arguments[1]);
		json_boolean(json, "begun", false);
		end_json(session, json, false);
	} else if (!cli->quiet) {
		cli_print(stdout, "%s: no merge of it was begun; nothing was written",
			  cli->arguments[1]);
	}
}

void cmd_merge_print_outcome(struct merge_session *session, enum result result)
{
	const struct merge *merge = &session->merge;
	uint64_t merged = merge->exceptions_before - merge->left_out.exceptions;
	char size[32], time[32];

	if (session->cli->json) {
		print_json(session, NULL, result != RESULT_OK);
		return;
	}
	/* What is lost is a result, and no closing line. */
	print_left_out(session);
	if (result != RESULT_OK || session->cli->quiet)
		return;
	if (merge->exceptions_before == 0)
		cli_print(stdout, "%s: nothing is left to merge", session->pair.device.name);
	else
		cli_print(stdout, "%s: merged %" PRIu64 " exception%s (%s) into %s in %s",
			  session->pair.device.name, merged, text_plural(merged),
			  cli_format_size(merge->bytes_written, size, sizeof(size)),
			  session->pair.origin.name,
			  cli_format_duration(progress_seconds(&session->progress), time,
					      sizeof(time)));
	for (size_t i = 0; i < session->kept_count; i++)
		if (!session->kept[i].given_up && !session->kept[i].is_new)
			cli_print(stdout, "%s: %s, %" PRIu64 " exception%s added",
				  session->others[i].device.name,
				  session->kept[i].role == RECORD_UNDO ? "holds what the origin was"
								       : "kept as it was",
				  session->kept[i].exceptions_added,
				  text_plural(session->kept[i].exceptions_added));
	cmd_merge_print_then(session);
}

/* A store that was dropped in vain must be dropped again. One that is dropped is no more of this
 * merge: its name might be taken for another's. */
static void name_dropped(const struct merge_session *session, struct suggestion *command)
{
	const struct merge *merge = &session->merge;

	for (size_t i = 0; i < session->beyond.count; i++)
		suggest_more(command, " --drop-kept %s", session->beyond.items[i]);
	if (merge->drop_is_recorded)
		return;
	for (size_t i = 0; i < merge->dropped_count; i++)
		suggest_more(command, " --drop-kept %s", merge->dropped[i]->device->name);
	for (size_t i = 0; i < merge->unseen_count; i++)
		if (!cmd_merge_is_sibling(session, merge->unseen[i]))
			suggest_more(command, " --drop-kept %s", merge->unseen[i]);
}

/* The whole command that goes on. LVM knows the origin of a volume, and its other snapshots. */
static const char *resume_command(const struct merge_session *session, struct suggestion *command)
{
	const struct merge *merge = &session->merge;

	suggest_begin(command);
	suggest_more(command, "cowtool merge --resume");
	if (merge->options->force)
		suggest_more(command, " --force");
	if (merge->options->skip_lost)
		suggest_more(command, " --skip-lost");
	for (size_t i = 0; i < merge->kept_count; i++) {
		const struct kept *kept = &merge->kept[i];

		if (!kept->given_up && kept->role == RECORD_UNDO)
			suggest_more(command, " --undo %s", kept->store->device->name);
		else if (!kept->given_up && !(session->pair.snapshot && kept->shown_bytes))
			suggest_more(command, " --keep %s", kept->store->device->name);
	}
	name_dropped(session, command);
	if (!session->pair.snapshot)
		suggest_more(command, " %s", merge->origin->name);
	suggest_more(command, " %s", merge->store->device->name);
	return suggest_end(command);
}

void cmd_merge_say_how_to_go_on(const struct merge_session *session, enum result result,
				struct failure *why)
{
	const struct merge *merge = &session->merge;
	bool failed = (result == RESULT_IO || result == RESULT_NO_SPACE) &&
		      merge->store->record_presence == RECORD_PRESENT;
	struct suggestion command;

	if (result != RESULT_STOPPED && !failed)
		return;
	remedies_say(session->cli, why);
	fail_more(why, result, "what is merged is safe, %s goes on%s",
		  resume_command(session, &command), failed ? " when that is mended" : "");
}
