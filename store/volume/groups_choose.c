// SPDX-License-Identifier: GPL-2.0-or-later
/* Which text of each group counts, which physical volumes are its, and what is in the way of
 * writing to them. */
#include "store/volume/groups.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/volume/groups_copies.h"
#include "store/volume/layout.h"

/* ---- obstacles ---- */

/* The first one counts, but what makes the maps uncertain is before all else. */
__attribute__((format(printf, 3, 4))) static void obstruct(struct groups_one *one, bool uncertain,
							   const char *format, ...)
{
	va_list arguments;

	if (one->obstacle[0] && (one->is_uncertain || !uncertain))
		return;
	one->is_uncertain = uncertain;
	va_start(arguments, format);
	vsnprintf(one->obstacle, sizeof(one->obstacle), format, arguments);
	va_end(arguments);
}

static void check_state(struct groups_one *one)
{
	const struct group *group = &one->group;

	if (group->exported)
		obstruct(one, false, "is exported; 'vgimport %s' ends that", group->name);
	if (group->clustered)
		obstruct(one, false, "is clustered: another machine may be using it");
	if (group->lock_type[0] && strcmp(group->lock_type, "none") != 0)
		obstruct(one, false,
			 "is shared, with locks of type %.64s: another machine may be using it",
			 group->lock_type);
	if (group->system_id[0])
		obstruct(one, false, "belongs to the machine with the system id %.128s",
			 group->system_id);
	if (!group->writable)
		obstruct(one, false, "is not to be written to, as its metadata has it");
	if (group->moving)
		obstruct(one, false, "is in the middle of a pvmove; 'pvmove --abort' ends that");
	if (group->unknown)
		obstruct(one, false, "has %.64s in its metadata, which is not known",
			 group->unknown);
}

/* The sentence is without the group's name. */
static enum result check_layout(struct groups_one *one, struct failure *why)
{
	struct failure problem;
	enum result result = layout_check_group(&one->group, &problem);

	if (result == RESULT_REFUSED) {
		const char *sentence = strstr(problem.text, ": ");

		obstruct(one, false, "has metadata that contradicts itself: %s",
			 sentence ? sentence + 2 : problem.text);
		return RESULT_OK;
	}
	if (result != RESULT_OK)
		*why = problem;
	return result;
}

/* LVM's own bytes on a physical volume are not those of its extents. */
static void check_areas(const struct groups *groups, struct groups_one *one)
{
	for (unsigned int i = 0; i < one->group.pv_count; i++) {
		const struct group_pv *listed = &one->group.pvs[i];
		uint64_t end = listed->start_bytes + listed->extent_count * one->group.extent_bytes;
		const struct groups_pv *pv = one->pvs[i] >= 0 ? &groups->pvs[one->pvs[i]] : NULL;

		for (unsigned int k = 0; pv && k < pv->pv.area_count; k++) {
			const struct pv_area *area = &pv->pv.areas[k];

			if (area->offset < end && area->offset + area->bytes > listed->start_bytes)
				obstruct(one, false, "has extents on %s where its metadata is",
					 pv->name);
		}
	}
}

/* ---- texts ---- */

/* By id; the newest first, and of those the one that was found first. */
static int compare_texts(const void *a, const void *b)
{
	const struct groups_text *one = *(const struct groups_text *const *)a;
	const struct groups_text *other = *(const struct groups_text *const *)b;
	int order = strcmp(one->id, other->id);

	if (order == 0)
		order = compare_u64(other->seqno, one->seqno);
	return order ? order : (one > other) - (one < other);
}

static void take_group(struct groups *groups, struct groups_text *const *texts, size_t count)
{
	struct groups_one *one = &groups->groups[groups->count++];
	struct groups_text *text = texts[0];

	memset(one, 0, sizeof(*one));
	one->group = text->group;
	memset(&text->group, 0, sizeof(text->group));
	if (count > 1 && texts[1]->seqno == text->seqno)
		obstruct(one, true,
			 "has two different metadata texts with seqno %" PRIu64 ", on %s and %s",
			 text->seqno, groups->pvs[text->pv].name, groups->pvs[texts[1]->pv].name);
}

static enum result choose_texts(struct groups *groups, struct failure *why)
{
	const struct groups_memory *memory = groups->memory;
	size_t count = memory->text_count, end;
	struct groups_text **texts = calloc(count + 1, sizeof(struct groups_text *));

	groups->count = 0;
	groups->groups = calloc(count + 1, sizeof(*groups->groups));
	if (!texts || !groups->groups) {
		free(texts);
		fail_memory(why, "the list of volume groups", count * sizeof(*groups->groups));
		return RESULT_NO_MEMORY;
	}
	for (size_t i = 0; i < count; i++)
		texts[i] = &memory->texts[i];
	qsort(texts, count, sizeof(struct groups_text *), compare_texts);
	for (size_t i = 0; i < count; i = end) {
		for (end = i + 1; end < count && strcmp(texts[i]->id, texts[end]->id) == 0; end++)
			;
		take_group(groups, texts + i, end - i);
	}
	free(texts);
	return RESULT_OK;
}

/* ---- physical volumes ---- */

/* What a physical volume says itself: the newest of its texts; NULL: it has none. */
static const struct groups_copy *own_copy(const struct groups *groups, size_t pv)
{
	const struct groups_memory *memory = groups->memory;
	const struct groups_copy *own = NULL;

	for (size_t i = 0; i < memory->copy_count; i++)
		if (memory->copies[i].pv == pv && memory->copies[i].text != GROUPS_UNREADABLE &&
		    (!own || memory->copies[i].seqno > own->seqno))
			own = &memory->copies[i];
	return own;
}

static int find_group(const struct groups *groups, const char *id)
{
	for (size_t i = 0; i < groups->count; i++)
		if (strcmp(groups->groups[i].group.id, id) == 0)
			return (int)i;
	return -1;
}

/* The group has it in its list. */
static void claim(struct groups *groups, size_t number, size_t pv)
{
	const struct groups_copy *own = own_copy(groups, pv);
	struct groups_one *one = &groups->groups[number];
	struct groups_pv *found = &groups->pvs[pv];
	int other = found->chosen;

	if (own)
		other = find_group(groups, own->id);
	if (other < 0 || other == (int)number) {
		found->chosen = (int)number;
		return;
	}
	obstruct(one, true, "has %s in its list, which group %s has, too", found->name,
		 groups->groups[other].group.name);
	if (!own)
		obstruct(&groups->groups[other], true,
			 "has %s in its list, which group %s has, too", found->name,
			 one->group.name);
}

static int compare_pvs(const void *a, const void *b)
{
	const struct groups_pv *one = *(const struct groups_pv *const *)a;
	const struct groups_pv *other = *(const struct groups_pv *const *)b;
	int order = strcmp(one->pv.id, other->pv.id);

	return order ? order : (one > other) - (one < other);
}

/* The first of that id in the sorted list; `count` where there is none. */
static size_t find_pv(struct groups_pv *const *sorted, size_t count, const char *id)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(sorted[middle]->pv.id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && strcmp(sorted[low]->pv.id, id) == 0 ? low : count;
}

static enum result match_pvs(struct groups *groups, size_t number, struct groups_pv *const *sorted,
			     struct failure *why)
{
	struct groups_one *one = &groups->groups[number];

	one->pvs = calloc((size_t)one->group.pv_count + 1, sizeof(*one->pvs));
	if (!one->pvs)
		return fail_memory(why, "the list of volume groups",
				   one->group.pv_count * sizeof(*one->pvs));
	for (unsigned int i = 0; i < one->group.pv_count; i++) {
		const char *id = one->group.pvs[i].id;
		size_t at = find_pv(sorted, groups->pv_count, id);

		one->pvs[i] = -1;
		if (at == groups->pv_count)
			continue;
		one->pvs[i] = (int)(sorted[at] - groups->pvs);
		claim(groups, number, (size_t)one->pvs[i]);
		for (at++; at < groups->pv_count && strcmp(sorted[at]->pv.id, id) == 0; at++) {
			sorted[at]->chosen = (int)number;
			obstruct(one, true, "has a physical volume that is there twice: %s and %s",
				 groups->pvs[one->pvs[i]].name, sorted[at]->name);
		}
	}
	return RESULT_OK;
}

static enum result match_all(struct groups *groups, struct failure *why)
{
	struct groups_pv **sorted = calloc(groups->pv_count + 1, sizeof(struct groups_pv *));
	enum result result = RESULT_OK;

	if (!sorted)
		return fail_memory(why, "the list of volume groups",
				   groups->pv_count * sizeof(struct groups_pv *));
	for (size_t i = 0; i < groups->pv_count; i++)
		sorted[i] = &groups->pvs[i];
	qsort(sorted, groups->pv_count, sizeof(struct groups_pv *), compare_pvs);
	for (size_t i = 0; i < groups->count && result == RESULT_OK; i++)
		result = match_pvs(groups, i, sorted, why);
	free(sorted);
	return result;
}

/* ---- copies that could not be read ---- */

/* An older copy is no loss. A newer one may have another map, and what does not say what it is may
 * be newer, or another group's. */
static void check_copy(struct groups *groups, const struct groups_copy *copy)
{
	const struct groups_pv *pv = &groups->pvs[copy->pv];
	int number = copy->id[0] ? find_group(groups, copy->id) : -1;

	if (number >= 0 && copy->seqno >= groups->groups[number].group.seqno)
		obstruct(&groups->groups[number], true,
			 "has metadata on %s, with seqno %" PRIu64
			 ", that cannot be read; what could be read has %" PRIu64,
			 pv->name, copy->seqno, groups->groups[number].group.seqno);
	if (pv->chosen >= 0 && pv->chosen != number)
		obstruct(
			&groups->groups[pv->chosen], true,
			"has metadata on %s that cannot be read, and may be newer than what could be read",
			pv->name);
}

static bool has_copies(const struct groups *groups, size_t pv)
{
	const struct groups_memory *memory = groups->memory;

	for (size_t i = 0; i < memory->copy_count; i++)
		if (memory->copies[i].pv == pv)
			return true;
	return false;
}

static enum result check_alone(struct groups *groups, struct failure *why)
{
	enum result result = RESULT_OK;

	for (size_t i = 0; i < groups->pv_count && result == RESULT_OK; i++)
		if (groups->pvs[i].pv.in_use && groups->pvs[i].chosen < 0 && !has_copies(groups, i))
			result = groups_problem(
				groups, why,
				"%s: it is of a volume group whose metadata is not there; it may be on a disk that is missing",
				groups->pvs[i].name);
	return result;
}

enum result groups_choose(struct groups *groups, struct failure *why)
{
	const struct groups_memory *memory = groups->memory;
	enum result result;

	if (!memory)
		return RESULT_OK;
	result = choose_texts(groups, why);
	if (result == RESULT_OK)
		result = match_all(groups, why);
	if (result != RESULT_OK)
		return result;
	for (size_t i = 0; i < memory->copy_count; i++)
		if (memory->copies[i].text == GROUPS_UNREADABLE)
			check_copy(groups, &memory->copies[i]);
	for (size_t i = 0; i < groups->count && result == RESULT_OK; i++) {
		check_state(&groups->groups[i]);
		check_areas(groups, &groups->groups[i]);
		result = check_layout(&groups->groups[i], why);
	}
	return result == RESULT_OK ? check_alone(groups, why) : result;
}
