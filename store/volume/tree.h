/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The syntax of LVM2's metadata texts (libdm/libdm-config.c of lvm2): sections, keys, values. Pure.
 *
 * It takes what lvm2 writes, no more: what lvm2 would read, but never writes, may be read by others
 * in another way. Refused are keys in quotes or with a slash, a key twice in one section, numbers
 * with a plus sign, with leading zeros or a fraction, strings without quotes or in single ones,
 * arrays in arrays, a NUL.
 */
#ifndef STORE_VOLUME_TREE_H
#define STORE_VOLUME_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/base/fail.h"

#define TREE_DEPTH_MAX 16u
#define TREE_NODES_MAX (4u << 20)

enum tree_kind {
	TREE_SECTION,
	TREE_ARRAY,
	TREE_STRING,
	TREE_NUMBER,
	TREE_NEGATIVE,
};

/* Small, for there are many: most of the time goes into the first touch of their pages. */
struct tree_node {
	uint32_t key, value;	      /* where in the text; key: of a NUL in an array */
	uint32_t end;		      /* the node after it, and after all that is in it */
	uint32_t line : 28, kind : 4; /* an enum tree_kind */
};

/* In the order of the text: what is in a section or an array follows it. The first node is the text
 * itself, a section without a key. */
struct tree {
	char *text;
	struct tree_node *nodes;
	uint32_t count;
};

/* Of a search that found nothing: no section or array has the first node in it. */
#define TREE_NONE 0u

/* A section or an array has the nodes from the one after it, and on by tree_next, that are before
 * its end. */
static inline uint32_t tree_next(const struct tree *tree, uint32_t node)
{
	return tree->nodes[node].end;
}

/* "" in an array. */
static inline const char *tree_key(const struct tree *tree, uint32_t node)
{
	return tree->text + tree->nodes[node].key;
}

/* Of a string. */
static inline const char *tree_text(const struct tree *tree, uint32_t node)
{
	return tree->text + tree->nodes[node].value;
}

/*
 * Reads at most PV_TEXT_BYTES_MAX bytes, which it changes, and into which the tree points;
 * text[bytes] is a NUL. One more NUL may be the last of them. RESULT_DAMAGED, with a sentence that
 * begins with "line N: "; RESULT_NO_MEMORY. tree_free it.
 */
enum result tree_read(struct tree *tree, char *text, size_t bytes, struct failure *why);

/* Harmless on a zeroed one. */
void tree_free(struct tree *tree);

/* The node of that key in a section; TREE_NONE. */
uint32_t tree_find(const struct tree *tree, uint32_t section, const char *key);

/* How many nodes a section or an array has, but for what is in them. */
uint32_t tree_count(const struct tree *tree, uint32_t parent);

/* The number of a TREE_NUMBER, at most INT64_MAX. */
uint64_t tree_value(const struct tree *tree, uint32_t node);

/* "line N: " and the sentence. */
enum result tree_fail(const struct tree *tree, uint32_t node, enum result result,
		      struct failure *why, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* ---- what must be there: RESULT_DAMAGED where it is not ---- */

/* One of that kind; `node` is set. */
enum result tree_require(const struct tree *tree, uint32_t section, const char *key,
			 enum tree_kind kind, uint32_t *node, struct failure *why);

enum result tree_number(const struct tree *tree, uint32_t section, const char *key, uint64_t least,
			uint64_t most, uint64_t *number, struct failure *why);

enum result tree_string(const struct tree *tree, uint32_t section, const char *key,
			const char **string, struct failure *why);

#endif
