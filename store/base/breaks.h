/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deliberate breaks of the safety rules, which the crash simulator must catch, every one of them.
 * A flush that is missing or early, an error that is lost, a write that is short or comes in
 * another order: those are the work of the simulator's disks (tests/sim/faulty.c). What no disk can
 * do is one condition in the engine, compiled in for the simulator alone: BROKEN(rule) is the
 * constant 0 in the program. A rule that the command keeps is broken where the simulator does the
 * command's work (tests/sim/judge_run.c).
 */
#ifndef STORE_BASE_BREAKS_H
#define STORE_BASE_BREAKS_H

#ifdef COWTOOL_BREAKS

/* The name of a rule and what its break does. */
#define BREAKS_OF_THE_DISKS(X)                                                                     \
	X(NO_ORIGIN_FLUSH, "what is written to the origin not durable with its flush")             \
	X(CLEAR_BEFORE_FLUSH_DONE, "the origin's flush told as done before it is")                 \
	X(FLUSH_BEFORE_WRITES_DONE, "the origin's flush misses the write that was done last")      \
	X(NO_STORE_FLUSH, "a clear that leaves exceptions not durable with its flush")             \
	X(LATE_RECORD, "a record not durable with its flush")                                      \
	X(EARLY_RECORD_END, "the last clear not durable with its flush")                           \
	X(FLUSH_RETRIED, "a failed flush told as done")                                            \
	X(ERROR_IGNORED, "a failed write told as done")                                            \
	X(SHORT_WRITE, "a short write told as whole")                                              \
	X(UNSETTLED, "what a killed process wrote not flushed before the next one writes")         \
	X(KEPT_DATA_NOT_FLUSHED, "a kept store's data not durable with its flush")                 \
	X(KEPT_ORIGIN_EARLY, "the last block of kept exceptions not durable with its flush")       \
	X(KEPT_TORN_TAIL, "a full block of kept exceptions not durable with its flush")            \
	X(KEPT_RECORD_LATE, "a kept store's record not durable with its flush")                    \
	X(DROP_RECORD_EARLY, "a dropped store's invalid header not durable with its flush")        \
	X(DROP_OWN_RECORD_EARLY, "a record that tells of a drop not durable with its flush")       \
	X(ONE_FILE_FLUSHED, "of a device on several files only the first one flushed")             \
	X(IMPRINT_EARLY, "with an undo store, the last clear not durable with its flush")          \
	X(REPAIR_HOLE, "repair: copies of what stays not durable with their flush")                \
	X(REPAIR_IN_PLACE, "repair: an exception that is to be overwritten becomes zero")          \
	X(REPAIR_TORN_CUT, "repair: a cleared block not durable with its flush")                   \
	X(REPAIR_UNSETTLED, "repair: what a killed one wrote not flushed before the next writes")  \
	X(REPAIR_LATE_RECORD, "repair: removal of a record not durable with its flush")

#define BREAKS_OF_THE_ENGINE(X)                                                                    \
	X(FRONT_TO_BACK, "exceptions cleared from the front")                                      \
	X(ONE_TOO_MANY, "one exception too many cleared")                                          \
	X(EDGE_NOT_KEPT, "exceptions in the same block before the cleared ones not kept")          \
	X(REST_BEFORE_CUT, "areas after the cut cleared before the cut is durable")                \
	X(TORN_TAIL, "blocks of a store out of order cleared in one go")                           \
	X(NO_SWEEP, "tail of the area and torn clears not zeroed")                                 \
	X(NO_CLIP, "last partial chunk written past the origin's end")                             \
	X(LAST_DUPLICATE, "of two exceptions for a chunk the last one wins")                       \
	X(DUPLICATES_IN_PARALLEL, "windows with two exceptions for a chunk written in any order")  \
	X(NO_WITNESS_CHECK, "a resume does not look at the witness")                               \
	X(ORIGIN_LENGTH, "length of the origin taken for the snapshot's")                          \
	X(KEPT_LEFT_OUT, "a kept snapshot left out")                                               \
	X(KEPT_CUT_SHORT, "kept chunk read only up to the merging snapshot's end")                 \
	X(KEPT_NEXT_AREA, "next area of a kept store not zeroed")                                  \
	X(KEPT_NO_CLIP, "kept chunk read past the origin's end")                                   \
	X(KEPT_WRONG_CHUNK, "kept chunk computed with the merging store's chunk size")             \
	X(KEPT_COUNTED_TWICE, "a kept chunk counted for every chunk that touches it")              \
	X(KEPT_NOT_COUNTED, "the room that a kept store needs not counted")                        \
	X(KEPT_NOT_INVALIDATED, "a store that is given up not marked invalid before the merge")    \
	X(KEPT_CUT_OFF, "a window that is given back ends the copying for those before it")        \
	X(KEPT_NO_ORDER, "a window that lacks nothing does not wait for those before it")          \
	X(KEPT_NO_SWEEP, "dirty tail of a kept store not zeroed before it is used")                \
	X(KEPT_RECORD_UNCHECKED, "a resume takes any stores for the kept ones")                    \
	X(DROP_NOT_INVALIDATED, "a dropped store not marked invalid before the merge goes on")     \
	X(LOST_OVERWRITTEN, "chunk of a lost exception overwritten with metadata")                 \
	X(LOST_WITNESS, "lost exception taken as the witness of the origin")                       \
	X(LOST_TORN_TAIL, "blocks with lost exceptions cleared in one go")                         \
	X(EXTENT_CROSSED, "request not split where an extent of its device ends")                  \
	X(UNREADABLE_OVERWRITTEN, "what could not be read written as zeros")                       \
	X(UNREADABLE_ENDS_LIST, "list taken to end where it cannot be read")                       \
	X(UNREADABLE_UNLISTED, "what could not be read left out of the list")                      \
	X(IMPRINT_STAYS, "imprint left in an undo store that is merged itself")                    \
	X(IMPRINT_UNCHECKED, "going back without a look at the imprint")                           \
	X(REPAIR_FIRST_DUPLICATE, "repair: of two exceptions for a chunk the first one dropped")   \
	X(REPAIR_UNCOVERED, "repair: of several bad ones for a chunk the first one goes first")    \
	X(REPAIR_EARLY_HEADER, "repair: header made good before the list is")                      \
	X(REPAIR_RECORD, "repair: slack cleared with the record of an unfinished merge")

#define BREAK_LIST(X) BREAKS_OF_THE_DISKS(X) BREAKS_OF_THE_ENGINE(X)

#define BREAK_NAME(name, text) BREAK_##name,
enum broken_rule { BREAK_NONE, BREAK_LIST(BREAK_NAME) BREAK_COUNT };

extern enum broken_rule broken_rule;
#define BROKEN(rule) (broken_rule == BREAK_##rule)

/* So many requests of a batch are in flight, of `width`: fewer in some scenarios, where others then
 * wait to be sent. */
extern unsigned int batch_width_most;
#define BATCH_WIDTH(width) ((width) < batch_width_most ? (width) : batch_width_most)

#else

#define BROKEN(rule) 0
#define BATCH_WIDTH(width) (width)

#endif

#endif
