// SPDX-License-Identifier: GPL-2.0-or-later
/* What cowtool repair prints. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/cli/json.h"
#include "store/base/suggest.h"
#include "store/base/text.h"
#include "verify/check/cmd_lost.h"
#include "verify/repair/cmd_repair.h"

/* For people: this many of one kind are listed one by one. */
#define LISTED_MAX 20
#define TEXT_BYTES 768

const char *cmd_repair_size(uint32_t chunk_sectors, char text[REPAIR_SIZE_BYTES])
{
	static const char *const units[] = {"", "K", "M", "G"};
	uint64_t value = (uint64_t)chunk_sectors * SECTOR_BYTES;
	size_t unit = 0;

	while (value >= 1024 && value % 1024 == 0 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(text, REPAIR_SIZE_BYTES, "%" PRIu64 "%s", value, units[unit]);
	return text;
}

static const char *judgement(const struct rebuild *rebuild,
			     const struct rebuild_candidate *candidate)
{
	if (rebuild_convinces(candidate) && rebuild->convincing == 1)
		return "certain";
	return rebuild_has_evidence(candidate) ? "likely" : "nothing speaks for it";
}

const char *cmd_repair_evidence(const struct rebuild *rebuild,
				const struct rebuild_candidate *candidate, char *text, size_t size)
{
	char chunk[REPAIR_SIZE_BYTES], later[80] = "";

	if (candidate->later > 0)
		snprintf(later, sizeof(later), ", and %" PRIu64 " more in areas after the first",
			 candidate->later);
	snprintf(
		text, size,
		"chunks of %" PRIu64 " bytes (--chunk=%s): %" PRIu64 " exception%s, %" PRIu64
		" of them possible, %" PRIu64
		" where the kernel puts them%s; the list has %s end, and there is %s after it; there is %s before area 0%s: %s",
		(uint64_t)candidate->chunk_sectors * SECTOR_BYTES,
		cmd_repair_size(candidate->chunk_sectors, chunk), candidate->exceptions,
		text_plural(candidate->exceptions), candidate->possible, candidate->usual, later,
		candidate->ended ? "an" : "no", candidate->tail_is_zero ? "nothing" : "something",
		candidate->slack_is_zero ? "nothing" : "something",
		candidate->in_header ? "; what is left of the header says so" : "",
		judgement(rebuild, candidate));
	return text;
}

/* The findings that are left, or in a dry run would be, by problem. */
static const uint64_t *findings_left(const struct repair_session *session)
{
	if (session->ran)
		return session->after.found;
	return session->choice->dry_run ? session->repair.left : session->repair.check.found;
}

uint64_t cmd_repair_count_left(const struct repair_session *session, enum severity severity)
{
	const uint64_t *left = findings_left(session);
	uint64_t count = 0;

	for (int problem = 0; problem < PROBLEM_COUNT; problem++)
		if (problem_info((enum problem)problem)->severity == severity)
			count += left[problem];
	return count;
}

/* Of what is left, as the exit code. */
static enum verdict verdict_of_left(const struct repair_session *session)
{
	if (cmd_repair_count_left(session, SEVERITY_ERROR) > 0)
		return VERDICT_DAMAGED;
	return cmd_repair_count_left(session, SEVERITY_WARNING) > 0 ? VERDICT_PROBLEMS
								    : VERDICT_CLEAN;
}

const char *cmd_repair_advice(const struct repair_session *session, enum problem problem,
			      char text[CMD_ADVICE_BYTES])
{
	const struct cmd_advice_names names = {.store = &session->pair.store,
					       .summary = &session->repair.check.summary,
					       .origin = session->choice->origin};

	return cmd_advice(problem, &names, text);
}

static bool is_listed(enum problem problem, uint64_t count)
{
	return count > 0 && problem_info(problem)->severity != SEVERITY_INFO;
}

/* What is to be done, and what else could be. */
static const char *describe(const struct repair *repair, const struct repair_item *item, char *text,
			    size_t size)
{
	size_t length = strlen(repair_describe(repair, item, text, size));

	if (item->kind == REPAIR_REBUILD_HEADER && !repair->store->header.valid &&
	    !repair->options.set_valid)
		snprintf(text + length, size - length, "; --set-valid would mark it valid");
	return text;
}

/* ---- for people ---- */

void cmd_repair_print_item(const struct repair_session *session, size_t i, FILE *file)
{
	const struct repair *repair = &session->repair;
	const struct repair_item *item = &repair->items[i];
	uint32_t per_area = session->pair.store.geometry.exceptions_per_area;
	char text[TEXT_BYTES];

	fprintf(file, "%zu. %s: ", i + 1, problem_info(item->problem)->code);
	if (repair_item_drops(item))
		fprintf(file,
			"area %" PRIu64 " index %" PRIu64 " (old chunk %" PRIu64
			", new chunk %" PRIu64 "): ",
			item->number / per_area, item->number % per_area, item->exception.old_chunk,
			item->exception.new_chunk);
	fprintf(file, "%s", describe(repair, item, text, sizeof(text)));
}

static void print_items(const struct repair_session *session, FILE *file)
{
	const struct repair *repair = &session->repair;
	uint64_t listed[PROBLEM_COUNT] = {0};

	for (size_t i = 0; i < repair->count; i++)
		if (listed[repair->items[i].problem]++ < LISTED_MAX) {
			cmd_repair_print_item(session, i, file);
			fputc('\n', file);
		}
	for (int problem = 0; problem < PROBLEM_COUNT; problem++)
		if (listed[problem] > LISTED_MAX)
			fprintf(file, "%s: and %" PRIu64 " more of these (--json lists all)\n",
				problem_info((enum problem)problem)->code,
				listed[problem] - LISTED_MAX);
}

static enum result print_lost(const struct repair *repair, FILE *file, struct failure *why)
{
	struct lost lost;
	char unknown[CHECK_UNKNOWN_BYTES];
	enum result result = repair_lost(repair, &lost, why);

	if (lost.count > 0)
		fprintf(file, "Lost of the view, all together: %" PRIu64 " bytes\n",
			lost_bytes(&lost));
	for (size_t i = 0; i < lost.count; i++) {
		if (i == LISTED_MAX) {
			fprintf(file, "  and %zu more ranges (--json lists all)\n", lost.count - i);
			break;
		}
		fprintf(file, "  %" PRIu64 " to %" PRIu64 "\n", lost.ranges[i].offset,
			lost.ranges[i].offset + lost.ranges[i].bytes - 1);
	}
	lost_free(&lost);
	if (repair->check.lost_unknown > 0)
		fprintf(file, "Lost: %s\n", check_describe_unknown(&repair->check, unknown));
	return result;
}

static void print_not_planned(const struct repair_session *session, FILE *file)
{
	const uint64_t *left = session->repair.left;
	char text[CMD_ADVICE_BYTES];

	for (int problem = 0; problem < PROBLEM_COUNT; problem++)
		if (is_listed((enum problem)problem, left[problem])) {
			fprintf(file, "Not mended by this: %s (%" PRIu64 "): %s\n",
				problem_info((enum problem)problem)->code, left[problem],
				problem_info((enum problem)problem)->meaning);
			cli_print(file, "    %s",
				  cmd_repair_advice(session, (enum problem)problem, text));
		}
}

enum result cmd_repair_print_plan(const struct repair_session *session, FILE *file,
				  struct failure *why)
{
	enum result result;

	print_items(session, file);
	result = print_lost(&session->repair, file, why);
	if (result == RESULT_OK)
		print_not_planned(session, file);
	if (session->choice->dry_run)
		cli_print(file, "%s: repairs: %zu; nothing was written", session->pair.device.name,
			  session->repair.count);
	return result;
}

void cmd_repair_print_outcome(const struct repair_session *session)
{
	const char *name = session->pair.device.name, *backup = session->choice->backup;
	enum verdict verdict = verdict_of_left(session);
	struct suggestion command;

	if (session->cli->quiet)
		return;
	if (session->backed_up)
		cli_print(stdout, "%s: as it was it is saved in %s; %s brings that back", name,
			  backup, suggest(&command, "cowtool restore %s %s", backup, name));
	if (session->repair.count == 0 && verdict == VERDICT_CLEAN)
		cli_print(stdout, "%s: clean; there is nothing to mend", name);
	else
		cli_print(stdout, "%s: repairs done: %zu; now it is %s%s", name,
			  session->repair.repaired,
			  verdict == VERDICT_CLEAN ? "clean" : "not clean: see ",
			  verdict == VERDICT_CLEAN ? ""
						   : suggest(&command, "cowtool verify %s", name));
}

/* ---- JSON ---- */

static void print_json_candidates(struct json *json, const struct rebuild *rebuild)
{
	json_open_array(json, "candidates");
	for (size_t i = 0; i < rebuild->count; i++) {
		const struct rebuild_candidate *candidate = &rebuild->candidates[i];

		json_open_object(json, NULL);
		json_number(json, "chunk_sectors", candidate->chunk_sectors);
		json_number(json, "exceptions", candidate->exceptions);
		json_number(json, "possible", candidate->possible);
		json_number(json, "usual", candidate->usual);
		json_number(json, "later", candidate->later);
		json_number(json, "data_chunks", candidate->data_chunks);
		json_boolean(json, "ended", candidate->ended);
		json_boolean(json, "tail_is_zero", candidate->tail_is_zero);
		json_boolean(json, "slack_is_zero", candidate->slack_is_zero);
		json_boolean(json, "in_header", candidate->in_header);
		json_number(json, "points", candidate->points);
		json_close_object(json);
	}
	json_close_array(json);
}

static void print_json_item(struct json *json, const struct repair_session *session,
			    const struct repair_item *item)
{
	uint32_t per_area = session->pair.store.geometry.exceptions_per_area;
	char text[TEXT_BYTES];

	json_open_object(json, NULL);
	json_string(json, "code", problem_info(item->problem)->code);
	json_string(json, "repair", problem_repair_name(item->kind));
	if (repair_item_drops(item)) {
		json_number(json, "area", item->number / per_area);
		json_number(json, "index", item->number % per_area);
		json_number(json, "old_chunk", item->exception.old_chunk);
		json_number(json, "new_chunk", item->exception.new_chunk);
	}
	json_boolean(json, "consent", item->accepted && !session->choice->dry_run);
	json_string(json, "message", describe(&session->repair, item, text, sizeof(text)));
	json_close_object(json);
}

static enum result print_json_lost(struct json *json, const struct repair *repair,
				   struct failure *why)
{
	struct lost lost;
	enum result result = repair_lost(repair, &lost, why);

	cmd_lost_json_ranges(json, &lost);
	lost_free(&lost);
	return result;
}

static void print_json_left(struct json *json, const struct repair_session *session)
{
	const uint64_t *left = findings_left(session);
	char text[CMD_ADVICE_BYTES];

	json_open_array(json, "left");
	for (int problem = 0; problem < PROBLEM_COUNT; problem++) {
		if (!is_listed((enum problem)problem, left[problem]))
			continue;
		json_open_object(json, NULL);
		json_string(json, "code", problem_info((enum problem)problem)->code);
		json_number(json, "count", left[problem]);
		json_string(json, "message",
			    cmd_repair_advice(session, (enum problem)problem, text));
		json_close_object(json);
	}
	json_close_array(json);
}

static enum result print_json_plan(struct json *json, const struct repair_session *session,
				   struct failure *why)
{
	const struct repair *repair = &session->repair;
	enum result result;

	json_open_array(json, "plan");
	for (size_t i = 0; i < repair->count; i++)
		print_json_item(json, session, &repair->items[i]);
	json_close_array(json);
	result = print_json_lost(json, repair, why);
	cmd_lost_json(json, &repair->check);
	json_number(json, "repaired", repair->repaired);
	print_json_left(json, session);
	json_string(json, "backup", session->backed_up ? session->choice->backup : NULL);
	json_string(json, "verdict", check_verdict_name(verdict_of_left(session)));
	return result;
}

enum result cmd_repair_print_json(struct repair_session *session, bool failed, struct failure *why)
{
	struct json json;
	enum result result = RESULT_OK;

	cli_open_json(session->cli, &json);
	json_string(&json, "store", session->pair.device.name);
	if (session->looked_for_header)
		print_json_candidates(&json, &session->rebuild);
	if (session->planned)
		result = print_json_plan(&json, session, why);
	cli_close_json(session->cli, &json, failed || result != RESULT_OK);
	return result;
}
