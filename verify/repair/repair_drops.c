// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which exceptions go, in the order of the list:
 *
 *   1. one that is lost: its data is nowhere, or its chunk is not in the origin;
 *   2. one whose old chunk an earlier one has that stays: that is what the kernel shows;
 *   3. only where it is asked for, one whose new chunk an earlier one has that stays. Which of them
 *      the data belongs to cannot be told; the later one is what an old entry would be that came
 *      alive again after the end of the list.
 *
 * So where the first exception for a chunk is lost, the next one that is not is what is left of it,
 * and stays.
 */
#include "verify/repair/repair_drops.h"

#include <stdlib.h>

#include "store/base/breaks.h"
#include "store/base/bytes.h"

/* An exception that a finding is about, be it only as the first one of a chunk. */
struct node {
	uint64_t number;
	struct exception exception;
	bool lost;
	bool in_view, view_unknown; /* only where it goes */
	enum problem problem;	    /* why it is lost */
	bool shares_old, shares_new;
};

/* Those that have the same old, or the same new chunk. */
struct group {
	uint64_t chunk;
	bool one_stays, one_goes; /* of those that were met */
	uint64_t staying;	  /* the number of the first that stays */
};

struct groups {
	struct group *array; /* sorted by chunk */
	size_t count;
};

struct chooser {
	bool drop_shared;
	struct node *nodes; /* sorted by number */
	size_t node_count;
	struct groups old_groups, new_groups;
	struct repair_drops *drops;
};

/* ---- nodes ---- */

static int by_number(const void *a, const void *b)
{
	const struct node *left = a, *right = b;

	return compare_u64(left->number, right->number);
}

/* The node of the finding's exception, and where it is a duplicate that of the first one, of which
 * only the chunk that both have is known. */
static void add_nodes(struct chooser *chooser, const struct repair_finding *found)
{
	enum problem_data data = problem_info(found->problem)->data;
	bool shares_old = data == DATA_SHADOWED, shares_new = data == DATA_SHARED;
	struct node node = {
		.number = found->number,
		.exception = found->exception,
		.lost = problem_is_of_lost(found->problem),
		.in_view = found->in_view,
		.view_unknown = found->view_unknown,
		.problem = found->problem,
		.shares_old = shares_old,
		.shares_new = shares_new,
	};

	if (!problem_is_dropped(found->problem))
		return;
	chooser->nodes[chooser->node_count++] = node;
	if (node.lost)
		return;
	node.number = found->first;
	node.in_view = node.view_unknown = false;
	chooser->nodes[chooser->node_count++] = node;
}

/* Two nodes of one exception become one. */
static void join_node(struct node *node, const struct node *other)
{
	if (other->shares_old)
		node->exception.old_chunk = other->exception.old_chunk;
	if (other->shares_new)
		node->exception.new_chunk = other->exception.new_chunk;
	if (other->lost) {
		node->exception = other->exception;
		node->problem =
			node->lost ? min_u64(node->problem, other->problem) : other->problem;
		node->lost = true;
	}
	node->in_view |= other->in_view;
	node->view_unknown |= other->view_unknown;
	node->shares_old |= other->shares_old;
	node->shares_new |= other->shares_new;
}

static void make_nodes(struct chooser *chooser, const struct repair_finding *found, size_t count)
{
	struct node *nodes = chooser->nodes;
	size_t joined = 0;

	for (size_t i = 0; i < count; i++)
		add_nodes(chooser, &found[i]);
	qsort(nodes, chooser->node_count, sizeof(*nodes), by_number);
	for (size_t i = 0; i < chooser->node_count; i++) {
		if (joined > 0 && nodes[joined - 1].number == nodes[i].number)
			join_node(&nodes[joined - 1], &nodes[i]);
		else
			nodes[joined++] = nodes[i];
	}
	chooser->node_count = joined;
}

/* ---- groups ---- */

static int by_chunk(const void *a, const void *b)
{
	const struct group *left = a, *right = b;

	return compare_u64(left->chunk, right->chunk);
}

static void sort_groups(struct groups *groups)
{
	size_t kept = 0;

	if (groups->count == 0)
		return;
	qsort(groups->array, groups->count, sizeof(groups->array[0]), by_chunk);
	for (size_t i = 0; i < groups->count; i++)
		if (i == 0 || groups->array[i].chunk != groups->array[kept - 1].chunk)
			groups->array[kept++] = groups->array[i];
	groups->count = kept;
}

static void make_groups(struct chooser *chooser)
{
	struct groups *old_groups = &chooser->old_groups, *new_groups = &chooser->new_groups;

	for (size_t i = 0; i < chooser->node_count; i++) {
		const struct node *node = &chooser->nodes[i];

		if (node->shares_old)
			old_groups->array[old_groups->count++].chunk = node->exception.old_chunk;
		if (node->shares_new)
			new_groups->array[new_groups->count++].chunk = node->exception.new_chunk;
	}
	sort_groups(old_groups);
	sort_groups(new_groups);
}

/* NULL: no other one has this chunk. */
static struct group *find_group(const struct groups *groups, bool shares, uint64_t chunk)
{
	struct group key = {.chunk = chunk};

	if (!shares)
		return NULL;
	return bsearch(&key, groups->array, groups->count, sizeof(key), by_chunk);
}

/* ---- who goes ---- */

static void stay(struct group *group, const struct node *node)
{
	if (!group || group->one_stays)
		return;
	group->one_stays = true;
	group->staying = node->number;
}

static void go(struct chooser *chooser, const struct node *node, enum problem problem,
	       struct group *old_group, uint64_t first)
{
	struct repair_item *item = &chooser->drops->items[chooser->drops->count++];

	*item = (struct repair_item){
		.kind = problem_info(problem)->repair,
		.problem = problem,
		.accepted = true,
		.number = BROKEN(REPAIR_FIRST_DUPLICATE) && problem == PROBLEM_DUPLICATE_OLD
				  ? first
				  : node->number,
		.exception = node->exception,
		.first = first,
		.view_unknown = node->view_unknown,
		.loses_view = problem != PROBLEM_DUPLICATE_OLD && node->in_view,
	};
	if (!old_group || old_group->one_stays)
		return;
	item->is_covered = old_group->one_goes;
	old_group->one_goes = true;
}

static void decide(struct chooser *chooser, const struct node *node)
{
	struct group *old_group =
		find_group(&chooser->old_groups, node->shares_old, node->exception.old_chunk);
	struct group *new_group =
		find_group(&chooser->new_groups, node->shares_new, node->exception.new_chunk);
	bool shared = !node->lost && new_group && new_group->one_stays;

	if (node->lost) {
		go(chooser, node, node->problem, old_group, 0);
	} else if (old_group && old_group->one_stays) {
		go(chooser, node, PROBLEM_DUPLICATE_OLD, old_group, old_group->staying);
	} else if (shared && chooser->drop_shared) {
		go(chooser, node, PROBLEM_DUPLICATE_NEW, old_group, new_group->staying);
	} else {
		chooser->drops->shared += shared;
		stay(old_group, node);
		stay(new_group, node);
	}
}

/* What another exception for its chunk covers is not lost with it. */
static void find_twins(struct chooser *chooser)
{
	for (size_t i = 0; i < chooser->drops->count; i++) {
		struct repair_item *drop = &chooser->drops->items[i];
		const struct group *group =
			find_group(&chooser->old_groups, chooser->old_groups.count > 0,
				   drop->exception.old_chunk);

		drop->has_twin = group && group->one_stays;
		drop->loses_view &= !drop->has_twin;
	}
}

enum result repair_drops_choose(const struct repair_finding *found, size_t count, bool drop_shared,
				struct repair_drops *drops, struct failure *why)
{
	/* A duplicate has two nodes. */
	size_t most = 2 * count;
	struct chooser chooser = {.drop_shared = drop_shared,
				  .nodes = calloc(most + 1, sizeof(struct node)),
				  .old_groups = {.array = calloc(most + 1, sizeof(struct group))},
				  .new_groups = {.array = calloc(most + 1, sizeof(struct group))},
				  .drops = drops};
	enum result result = RESULT_OK;

	*drops = (struct repair_drops){.items = calloc(most + 1, sizeof(struct repair_item))};
	if (chooser.nodes && chooser.old_groups.array && chooser.new_groups.array && drops->items) {
		make_nodes(&chooser, found, count);
		make_groups(&chooser);
		for (size_t i = 0; i < chooser.node_count; i++)
			decide(&chooser, &chooser.nodes[i]);
		find_twins(&chooser);
	} else {
		result = fail_memory(why, "the plan", most * sizeof(struct repair_item));
	}
	free(chooser.nodes);
	free(chooser.old_groups.array);
	free(chooser.new_groups.array);
	return result;
}
