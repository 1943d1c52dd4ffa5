/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deliberate breaks of the safety rules, compiled in only for the crash simulator, which must catch
 * every one of them: BROKEN(rule) is the constant 0 in the program.
 */
#ifndef STORE_BASE_BREAKS_H
#define STORE_BASE_BREAKS_H

#ifdef COWTOOL_BREAKS

/* The name of a rule and what its break does. */
#define BREAK_LIST(X)                                                                              \
	X(NO_ORIGIN_FLUSH, "no origin flush before the clear")                                     \
	X(CLEAR_BEFORE_FLUSH_DONE, "clear submitted before the origin's flush completed")          \
	X(FLUSH_BEFORE_WRITES_DONE, "origin flush submitted before the last write completed")      \
	X(FRONT_TO_BACK, "exceptions cleared from the front")                                      \
	X(ONE_TOO_MANY, "one exception too many cleared")                                          \
	X(EDGE_NOT_KEPT, "exceptions in the same block before the cleared ones not kept")          \
	X(NO_STORE_FLUSH, "store not flushed before a window is forgotten")                        \
	X(REST_BEFORE_CUT, "areas after the cut cleared before the cut is durable")                \
	X(TORN_TAIL, "blocks of a store out of order cleared in one go")                           \
	X(NO_SWEEP, "tail of the area and torn clears not zeroed")                                 \
	X(LATE_RECORD, "record written after the first origin write")                              \
	X(EARLY_RECORD_END, "record removed before the last clear is durable")                     \
	X(FLUSH_RETRIED, "failed flush retried and believed")                                      \
	X(ERROR_IGNORED, "failed write taken as done")                                             \
	X(SHORT_WRITE, "short write taken as whole")                                               \
	X(NO_CLIP, "last partial chunk written past the origin's end")                             \
	X(LAST_DUPLICATE, "of two exceptions for a chunk the last one wins")                       \
	X(DUPLICATES_IN_PARALLEL, "windows with two exceptions for a chunk written in any order")  \
	X(NO_WITNESS_CHECK, "a resume does not look at the witness")                               \
	X(UNSETTLED, "what a killed process wrote and did not flush taken as durable")             \
	X(KEPT_DATA_NOT_FLUSHED, "kept exceptions published before their data is flushed")         \
	X(KEPT_ORIGIN_EARLY, "origin written before the kept exceptions are flushed")              \
	X(KEPT_NEXT_AREA, "next area of a kept store not zeroed")                                  \
	X(KEPT_TORN_TAIL, "kept exceptions of one area published in one go")                       \
	X(KEPT_NO_CLIP, "kept chunk read past the origin's end")                                   \
	X(KEPT_WRONG_CHUNK, "kept chunk computed with the merging store's chunk size")             \
	X(KEPT_COUNTED_TWICE, "a kept chunk counted for every chunk that touches it")              \
	X(KEPT_NOT_COUNTED, "the room that a kept store needs not counted")                        \
	X(KEPT_NOT_INVALIDATED, "a store that is given up not marked invalid before the merge")    \
	X(KEPT_NO_ORDER, "a window that lacks nothing does not wait for those before it")          \
	X(KEPT_NO_SWEEP, "dirty tail of a kept store not zeroed before it is used")                \
	X(KEPT_RECORD_LATE, "records of the kept stores written after that of the merging one")    \
	X(KEPT_RECORD_UNCHECKED, "a resume takes any stores for the kept ones")                    \
	X(DROP_AFTER_MERGE, "origin written before a dropped store is marked invalid")             \
	X(DROP_RECORD_EARLY, "record says that a store is dropped before it is marked invalid")    \
	X(DROP_OWN_RECORD_EARLY, "dropped store's record gone before the merging one's tells it")  \
	X(LOST_OVERWRITTEN, "chunk of a lost exception overwritten with metadata")                 \
	X(LOST_WITNESS, "lost exception taken as the witness of the origin")                       \
	X(LOST_TORN_TAIL, "blocks with lost exceptions cleared in one go")                         \
	X(EXTENT_CROSSED, "request not split where an extent of its device ends")                  \
	X(ONE_FILE_FLUSHED, "of a device on several files only the first one flushed")             \
	X(UNREADABLE_OVERWRITTEN, "what could not be read written as zeros")                       \
	X(UNREADABLE_ENDS_LIST, "list taken to end where it cannot be read")                       \
	X(UNREADABLE_UNLISTED, "what could not be read left out of the list")                      \
	X(IMPRINT_EARLY, "undo store's imprint written before the merge is done")                  \
	X(IMPRINT_STAYS, "imprint left in an undo store that is merged itself")                    \
	X(IMPRINT_UNCHECKED, "going back without a look at the imprint")                           \
	X(REPAIR_HOLE, "repair: list cut before the copies of what stays are durable")             \
	X(REPAIR_IN_PLACE, "repair: a dropped exception zeroed where it is")                       \
	X(REPAIR_TORN_CUT, "repair: blocks of a cut list cleared in one go")                       \
	X(REPAIR_FIRST_DUPLICATE, "repair: of two exceptions for a chunk the first one dropped")   \
	X(REPAIR_UNCOVERED, "repair: of several bad ones for a chunk the first one goes first")    \
	X(REPAIR_UNSETTLED, "repair: what a killed one wrote and did not flush taken as durable")  \
	X(REPAIR_LATE_RECORD, "repair: a stale record still there when exceptions go")             \
	X(REPAIR_EARLY_HEADER, "repair: header made good before the list is")                      \
	X(REPAIR_RECORD, "repair: slack cleared with the record of an unfinished merge")

#define BREAK_NAME(name, text) BREAK_##name,
enum broken_rule { BREAK_NONE, BREAK_LIST(BREAK_NAME) BREAK_COUNT };

extern enum broken_rule broken_rule;
#define BROKEN(rule) (broken_rule == BREAK_##rule)

#else

#define BROKEN(rule) 0

#endif

#endif
