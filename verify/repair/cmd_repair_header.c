// SPDX-License-Identifier: GPL-2.0-or-later
/* What cowtool repair does about the header before anything else. */
#include "verify/repair/cmd_repair.h"

#include <assert.h>

#include "store/base/bytes.h"
#include "store/cow/gaps.h"
#include "store/savefile/savefile.h"
#include "store/base/suggest.h"

/* A good header is only ever replaced as its chunk size is wrong. */
static enum problem header_problem(enum header_fault fault)
{
	switch (fault) {
	case HEADER_WRONG_VERSION:
		return PROBLEM_HEADER_VERSION;
	case HEADER_GOOD:
	case HEADER_WRONG_CHUNK_SIZE:
		return PROBLEM_HEADER_CHUNK_SIZE;
	case HEADER_BLANK:
	case HEADER_WRONG_MAGIC:
		break;
	}
	return PROBLEM_HEADER_MAGIC;
}

/* The failure of a store whose header is lost, with more to say. */
static enum result fail_header(const struct store *store, const char *more, struct failure *why)
{
	enum result result = store_require_header(store, why);
	struct failure header = *why;

	return fail(why, result, "%s; %s", header.text, more);
}

/* 0: no size is named. */
static uint32_t named_sectors(const struct repair_session *session)
{
	uint64_t bytes = session->choice->chunk_bytes;

	return bytes == CLI_NOT_GIVEN ? 0 : (uint32_t)(bytes / SECTOR_BYTES);
}

/* A header that is good gives way to --chunk only where the store speaks for that, and not for
 * it. */
static enum result replace_good(const struct repair_session *session, uint32_t named,
				const struct rebuild_candidate **chosen, struct failure *why)
{
	uint32_t in_header = session->pair.store.header.chunk_sectors;
	char text[REPAIR_SIZE_BYTES], header_text[REPAIR_SIZE_BYTES];

	*chosen = rebuild_find(&session->rebuild, named);
	if (*chosen && rebuild_convinces(*chosen) && rebuild_rival(&session->rebuild, in_header))
		return RESULT_OK;
	return fail(
		why, RESULT_REFUSED,
		"%s: its header is good and says chunks of %s, --chunk=%s says another size, and the store does not show that the header is wrong; nothing was written",
		session->pair.device.name, cmd_repair_size(in_header, header_text),
		cmd_repair_size(named, text));
}

/* What is known to be something else is no store whose header is lost, unless a merge's record
 * says so. */
static enum result refuse_foreign(const struct repair_session *session, struct failure *why)
{
	struct foreign foreign = {.text = ""};
	char help[FOREIGN_HELP_BYTES];
	enum result result = RESULT_OK;

	if (!session->choice->force && session->pair.store.header.magic != HEADER_MAGIC &&
	    !store_lost_header(&session->pair.store))
		result = foreign_look(&session->pair.device, &foreign, why);
	if (result != RESULT_OK || foreign.text[0] == 0)
		return result;
	return fail(
		why, RESULT_REFUSED,
		"%s: %s: a header would overwrite that; nothing was written; name the right device, or use --force%s",
		session->pair.device.name, foreign.text,
		foreign_say(&foreign, session->pair.device.name, help));
}

/* Where nothing speaks for a store with chunks of that size, a header would make an empty one of
 * whatever is there. */
static enum result require_evidence(const struct repair_session *session,
				    const struct rebuild_candidate *chosen, struct failure *why)
{
	char text[REPAIR_SIZE_BYTES];

	if (session->choice->force || rebuild_has_evidence(chosen))
		return RESULT_OK;
	return fail(
		why, RESULT_REFUSED,
		"%s: nothing shows that a store with chunks of %s was here; nothing was written; name the right device, or use --force to make a header all the same",
		session->pair.device.name, cmd_repair_size(chosen->chunk_sectors, text));
}

/* The size that --chunk names, unless the store shows another one. */
static enum result take_named(const struct repair_session *session, uint32_t named,
			      const struct rebuild_candidate **chosen, struct failure *why)
{
	const struct rebuild_candidate *rival = rebuild_rival(&session->rebuild, named);
	char text[REPAIR_SIZE_BYTES], rival_text[REPAIR_SIZE_BYTES];

	*chosen = rebuild_find(&session->rebuild, named);
	if (rival)
		return fail(
			why, RESULT_REFUSED,
			"%s: --chunk=%s is not what the store shows: nearly all speaks for --chunk=%s; nothing was written",
			session->pair.device.name, cmd_repair_size(named, text),
			cmd_repair_size(rival->chunk_sectors, rival_text));
	if (!*chosen)
		return fail_header(&session->pair.store,
				   "what is there is no store with that chunk size", why);
	return require_evidence(session, *chosen, why);
}

/* Is somebody to choose? */
static bool is_asked(const struct repair_session *session)
{
	return session->rebuild.count > 0 && session->rebuild.convincing != 1 &&
	       named_sectors(session) == 0 && !session->choice->yes && cmd_repair_can_ask();
}

static enum result choose_header(const struct repair_session *session,
				 const struct rebuild_candidate **chosen, struct failure *why)
{
	const struct rebuild *rebuild = &session->rebuild;
	uint32_t named = named_sectors(session);

	if (named && session->pair.store.header_fault == HEADER_GOOD)
		return replace_good(session, named, chosen, why);
	if (named)
		return take_named(session, named, chosen, why);
	if (rebuild->count == 0)
		return fail_header(
			&session->pair.store,
			"nothing shows what its chunk size was: if a store was there, --chunk names it, and --force makes the header",
			why);
	if (rebuild->convincing == 1)
		*chosen = &rebuild->candidates[0];
	else if (is_asked(session))
		*chosen = cmd_repair_ask_header(session);
	if (*chosen)
		return RESULT_OK;
	if (cli_stop_requested)
		return fail_stopped(why, session->pair.device.name);
	return fail(
		why, RESULT_REFUSED,
		"%s: its chunk size is not certain (%zu could be, of which %zu convince%s); name one with --chunk",
		session->pair.device.name, rebuild->count, rebuild->convincing,
		rebuild->convincing == 1 ? "s" : "");
}

static void show_evidence(const struct repair_session *session)
{
	char text[512];

	for (size_t i = 0; i < session->rebuild.count; i++)
		cli_note(session->cli, "%s: %s", session->pair.device.name,
			 cmd_repair_evidence(&session->rebuild, &session->rebuild.candidates[i],
					     text, sizeof(text)));
}

/* Zeros end the list: what is after them is there, and counts no more. */
static void note_later(const struct repair_session *session, const struct rebuild_candidate *chosen)
{
	struct suggestion command;

	if (chosen->exceptions == 0 && chosen->later > 0)
		cli_note(
			session->cli,
			"%s: note: area 0 is zeros, so that the store is empty with this header; what is in the areas after it, %s shows",
			session->pair.device.name,
			suggest(&command, "cowtool dump --stale %s", session->pair.device.name));
}

static enum result find_header(struct repair_session *session, struct failure *why)
{
	const struct rebuild_candidate *chosen = NULL;
	struct repair *repair = &session->repair;
	struct header header;
	bool given_up;
	enum result result;

	repair->header_problem = header_problem(session->pair.store.header_fault);
	result = refuse_foreign(session, why);
	if (result == RESULT_OK)
		result = repair_note(repair, why);
	if (result == RESULT_OK)
		result = repair_find_header(&session->pair.store, named_sectors(session),
					    &session->rebuild, why);
	if (result == RESULT_OK)
		result = repair_was_given_up(&session->pair.store, &given_up, why);
	if (result != RESULT_OK)
		return result;
	session->looked_for_header = true;
	/* The question shows it as well. */
	if (!is_asked(session))
		show_evidence(session);
	result = choose_header(session, &chosen, why);
	if (result == RESULT_OK)
		result = repair_confirm(repair, why);
	if (result != RESULT_OK)
		return result;
	assert(chosen);
	note_later(session, chosen);
	header = rebuild_header(&session->rebuild, chosen->chunk_sectors, given_up);
	store_assume_header(&session->pair.store, &header);
	/* Those that were met are counted by the chunk size of the header that was there. */
	gaps_free(&session->pair.gaps);
	repair->header_is_lost = true;
	return RESULT_OK;
}

enum result cmd_repair_need_header(struct repair_session *session, struct failure *why)
{
	const struct store *store = &session->pair.store;
	uint32_t named = named_sectors(session);
	char text[CMD_ADVICE_BYTES];

	if (store_is_half_restored(store))
		return fail(why, RESULT_DAMAGED, "%s: %s; nothing was written",
			    session->pair.device.name, STORE_HALF_RESTORED);
	if (store->header_fault == HEADER_GOOD && named && named != store->header.chunk_sectors)
		return find_header(session, why);
	if (store->header_fault == HEADER_GOOD)
		return RESULT_OK;
	if (savefile_detect(store->device))
		return store_require_header(store, why);
	if (session->choice->rebuild_header)
		return find_header(session, why);
	if (store->foreign.text[0])
		return store_require_header(store, why);
	return fail_header(
		store, cmd_repair_advice(session, header_problem(store->header_fault), text), why);
}

enum result cmd_repair_doubt_header(struct repair_session *session, struct failure *why)
{
	const struct store *store = &session->pair.store;
	const struct rebuild *rebuild = &session->rebuild;
	const struct rebuild_candidate *own, *rival;
	const char *name = session->pair.device.name;
	char text[REPAIR_SIZE_BYTES], own_text[REPAIR_SIZE_BYTES];
	struct suggestion command;
	enum result result;

	if (session->repair.header_is_lost || session->repair.count == 0)
		return RESULT_OK;
	result = repair_find_header(store, 0, &session->rebuild, why);
	if (result != RESULT_OK)
		return result;
	own = rebuild_find(rebuild, store->header.chunk_sectors);
	rival = rebuild_rival(rebuild, store->header.chunk_sectors);
	if (!rival || (own && rebuild_convinces(own)))
		return RESULT_OK;
	session->looked_for_header = true;
	show_evidence(session);
	cmd_repair_size(rival->chunk_sectors, text);
	return fail(
		why, RESULT_REFUSED,
		"%s: its header says chunks of %s, but nearly all speaks for chunks of %s: a repair by this header would destroy what is there; %s mends the header first; nothing was written",
		name, cmd_repair_size(store->header.chunk_sectors, own_text), text,
		suggest(&command, "cowtool repair --rebuild-header --chunk=%s --backup=FILE %s",
			text, name));
}
