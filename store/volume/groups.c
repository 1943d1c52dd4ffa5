// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/volume/groups.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/volume/groups_copies.h"

/* ---- lists ---- */

/* The array with room for one more, zeroed; it is enlarged where the count is a power of two. */
static void *extend(void *array, size_t count, size_t size, struct failure *why)
{
	size_t wanted = count ? count * 2 : 1;

	if ((count & (count - 1)) == 0) {
		void *larger = realloc(array, wanted * size);

		if (!larger) {
			fail_memory(why, "the list of volume groups", wanted * size);
			return NULL;
		}
		array = larger;
	}
	memset((char *)array + count * size, 0, size);
	return array;
}

enum result groups_problem(struct groups *groups, struct failure *why, const char *format, ...)
{
	char **problems = extend(groups->problems, groups->problem_count, sizeof(*problems), why);
	va_list arguments;
	char text[1024];

	if (!problems)
		return RESULT_NO_MEMORY;
	groups->problems = problems;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	problems[groups->problem_count] = strdup(text);
	if (!problems[groups->problem_count])
		return fail_memory(why, "the list of volume groups", sizeof(text));
	groups->problem_count++;
	return RESULT_OK;
}

/* ---- texts ---- */

/* LVM, too, tells copies apart by these. */
static size_t find_same(const struct groups_memory *memory, const struct groups_copy *copy,
			const struct pv_text *text)
{
	for (size_t i = 0; i < memory->text_count; i++)
		if (memory->texts[i].checksum == text->checksum &&
		    memory->texts[i].bytes == text->bytes &&
		    memory->texts[i].seqno == copy->seqno &&
		    strcmp(memory->texts[i].id, copy->id) == 0)
			return i;
	return GROUPS_UNREADABLE;
}

/* Takes text->text over. The id and the seqno of a text may be seen only now. */
static enum result add_text(struct groups *groups, struct groups_copy *copy, struct pv_text *text,
			    struct failure *why)
{
	struct groups_memory *memory = groups->memory;
	struct groups_text *texts = extend(memory->texts, memory->text_count, sizeof(*texts), why),
			   *added;
	enum result result;

	if (!texts)
		return RESULT_NO_MEMORY;
	memory->texts = texts;
	added = &texts[memory->text_count];
	result = group_read(&added->group, text->text, text->bytes, why);
	text->text = NULL;
	if (result != RESULT_OK)
		return result;
	copy->seqno = added->group.seqno;
	memcpy(copy->id, added->group.id, sizeof(copy->id));
	copy->text = find_same(memory, copy, text);
	if (copy->text != GROUPS_UNREADABLE) {
		group_free(&added->group);
		return RESULT_OK;
	}
	added->seqno = copy->seqno;
	memcpy(added->id, added->group.id, sizeof(added->id));
	added->checksum = text->checksum;
	added->bytes = text->bytes;
	added->pv = copy->pv;
	copy->text = memory->text_count++;
	return RESULT_OK;
}

static struct groups_copy *add_copy(struct groups *groups, struct failure *why)
{
	struct groups_memory *memory = groups->memory;
	struct groups_copy *copies =
				   extend(memory->copies, memory->copy_count, sizeof(*copies), why),
			   *copy;

	if (!copies)
		return NULL;
	memory->copies = copies;
	copy = &copies[memory->copy_count++];
	copy->pv = groups->pv_count - 1;
	copy->text = GROUPS_UNREADABLE;
	return copy;
}

static enum result take_text(struct groups *groups, unsigned int number, struct pv_text *text,
			     struct failure *why)
{
	struct groups_copy *copy = add_copy(groups, why);
	const char *device = groups->pvs[groups->pv_count - 1].name;
	struct failure problem;
	enum result result;

	if (!copy)
		return RESULT_NO_MEMORY;
	if (text->state != PV_TEXT_FOUND)
		return groups_problem(groups, why, "%s: metadata area %u: %s", device, number + 1,
				      text->problem);
	if (group_peek_version(text->text, text->bytes, copy->id, &copy->seqno))
		copy->text = find_same(groups->memory, copy, text);
	if (copy->text != GROUPS_UNREADABLE)
		return RESULT_OK;
	result = add_text(groups, copy, text, &problem);
	if (result == RESULT_NO_MEMORY) {
		*why = problem;
		return result;
	}
	return result == RESULT_OK ? RESULT_OK
				   : groups_problem(groups, why, "%s: metadata area %u: %s", device,
						    number + 1, problem.text);
}

/* What cannot be read is as what is damaged. */
static enum result add_area(struct groups *groups, const struct pv_source *source,
			    unsigned int number, struct failure *why)
{
	const struct pv *pv = &groups->pvs[groups->pv_count - 1].pv;
	struct pv_text text;
	enum result result = pv_read_text(source, pv, number, &text, why);

	if (result == RESULT_IO) {
		text.state = PV_TEXT_DAMAGED;
		snprintf(text.problem, sizeof(text.problem), "%s", "it cannot be read");
		result = RESULT_OK;
	}
	if (result == RESULT_OK && text.state != PV_TEXT_NONE)
		result = take_text(groups, number, &text, why);
	pv_text_free(&text);
	return result;
}

/* ---- physical volumes ---- */

static enum result add_pv(struct groups *groups, const struct pv *pv, const char *name,
			  uint64_t bytes, struct failure *why)
{
	struct groups_pv *pvs;

	if (!groups->memory)
		groups->memory = calloc(1, sizeof(struct groups_memory));
	if (!groups->memory)
		return fail_memory(why, "the list of volume groups", sizeof(struct groups_memory));
	pvs = extend(groups->pvs, groups->pv_count, sizeof(*pvs), why);
	if (!pvs)
		return RESULT_NO_MEMORY;
	groups->pvs = pvs;
	pvs[groups->pv_count++] =
		(struct groups_pv){.pv = *pv, .name = name, .bytes = bytes, .chosen = -1};
	return RESULT_OK;
}

enum result groups_add(struct groups *groups, const struct pv_source *source, const char *name,
		       bool *found, struct failure *why)
{
	struct failure problem;
	enum result result;
	struct pv pv;

	*found = false;
	result = pv_read(source, &pv, &problem);
	if (result == RESULT_DAMAGED)
		return groups_problem(groups, why, "%s: %s", name, problem.text);
	if (result != RESULT_OK)
		*why = problem;
	if (result != RESULT_OK || !pv.found)
		return result;
	result = add_pv(groups, &pv, name, source->bytes, why);
	*found = result == RESULT_OK;
	for (unsigned int i = 0; i < pv.area_count && result == RESULT_OK; i++)
		result = add_area(groups, source, i, why);
	return result;
}

/* ---- finding ---- */

static enum result refuse_several(const struct groups *groups, const char *name,
				  struct failure *why)
{
	char id[PV_ID_TEXT_BYTES];

	fail(why, RESULT_REFUSED, "%s: several volume groups have this name; their ids are", name);
	for (size_t i = 0; i < groups->count; i++) {
		size_t length = strlen(why->text);

		if (strcmp(groups->groups[i].group.name, name) == 0)
			snprintf(why->text + length, sizeof(why->text) - length, " %s",
				 pv_id_text(groups->groups[i].group.id, id));
	}
	return RESULT_REFUSED;
}

enum result groups_find(const struct groups *groups, const char *name, size_t *index,
			struct failure *why)
{
	char id[PV_ID_BYTES] = "";
	size_t count = 0;

	for (size_t i = 0; i < groups->count; i++)
		if (strcmp(groups->groups[i].group.name, name) == 0) {
			count++;
			*index = i;
		}
	if (count > 1)
		return refuse_several(groups, name, why);
	if (!pv_id_read(name, id))
		snprintf(id, sizeof(id), "%s", strlen(name) < sizeof(id) ? name : "");
	for (size_t i = 0; i < groups->count && count == 0; i++)
		if (strcmp(groups->groups[i].group.id, id) == 0) {
			count++;
			*index = i;
		}
	if (count > 0)
		return RESULT_OK;
	return fail(why, RESULT_NOT_THERE, "there is no volume group %s", name);
}

void groups_free(struct groups *groups)
{
	struct groups_memory *memory = groups->memory;

	for (size_t i = 0; memory && i < memory->text_count; i++)
		group_free(&memory->texts[i].group);
	if (memory) {
		free(memory->texts);
		free(memory->copies);
	}
	free(memory);
	for (size_t i = 0; i < groups->count; i++) {
		group_free(&groups->groups[i].group);
		free(groups->groups[i].pvs);
	}
	free(groups->groups);
	for (size_t i = 0; i < groups->problem_count; i++)
		free(groups->problems[i]);
	free(groups->problems);
	free(groups->pvs);
	memset(groups, 0, sizeof(*groups));
}
