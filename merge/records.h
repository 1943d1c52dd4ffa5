/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a merge record is written, and what it must match. Its bytes are store/format's. */
#ifndef MERGE_RECORDS_H
#define MERGE_RECORDS_H

#include "merge/merge.h"

/* Of the record of a merging store: bit i says that it still keeps store i. */
uint64_t records_kept_numbers(const struct record *record);

/* Is this store's record one of a store that this merge keeps? */
bool records_is_kept(const struct merge *merge, const struct store *store);

/* The bit of that store's number. */
uint64_t records_number_bit(const struct store *store);

/* Puts the kept stores' names into a record, in the order of their numbers, as many as fit. */
void records_put_names(const struct merge *merge, struct record *record);

/* May a store of this name, without its folder, be or have been one of those that it keeps? Names
 * that had no room may be any. */
bool records_may_name(const struct record *record, const char *name);

/* "snap2-cow, undo": their names, as far as the record has them. */
void records_describe_kept(const struct record *record, uint64_t numbers, char *text, size_t size);

/*
 * Are merge->kept and merge->dropped what the records say? With merge->record_is_current they must
 * be the stores of that merge, all of them and no other one; else none of them may belong to an
 * unfinished merge, its own or another's. RESULT_REFUSED, with what is needed.
 */
enum result records_match_kept(const struct merge *merge, struct failure *why);

/* Makes the record of a merge that begins now; writes nothing. Where a chunk has two exceptions, no
 * witness can be named. */
enum result records_make(const struct merge *merge, struct record *record, struct failure *why);

/*
 * Writes the records of that merge, flushed: those of the kept stores (a new undo store is made
 * with its record), then that of the merging one. *merge->store then holds its record. Takes no
 * memory, nor does anything below that writes a record.
 */
enum result records_begin(struct merge *merge, const struct record *record, struct failure *why);

/*
 * Marks invalid what was dropped, then says in the merging store's record that it is kept no more,
 * then takes the dropped stores' records away; each flushed. All of it before the origin is written
 * to. In brackets, the deliberate breaks (store/base/breaks.h): [DROP_NOT_INVALIDATED,
 * DROP_RECORD_EARLY, DROP_OWN_RECORD_EARLY]
 */
enum result records_drop(struct merge *merge, struct failure *why);

/* Removes a store's record, flushed; harmless where there is none. */
enum result records_end(struct store *store, struct failure *why);

/* The records of all stores: the merging one's last, which names the others as long as it is
 * there; an undo store gets its imprint (verify/check/imprint.h) with that. */
enum result records_end_all(struct merge *merge, struct failure *why);

#endif
