/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every command shares: options, arguments, sizes, messages. The only user of <popt.h>. */
#ifndef STORE_CLI_CLI_H
#define STORE_CLI_CLI_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "store/cli/json.h"
#include "store/device/volumes.h"
#include "store/io/io_engine.h"
#include "store/base/fail.h"

#define CLI_ARGUMENTS_MAX 3

struct cli_list {
	char **items; /* owned (cli_list_free) */
	size_t count;
};

struct cli {
	const char *version;  /* of the program */
	const char *command;  /* "inspect"; NULL: there is none of that name */
	const char *synopsis; /* "[OPTION...] STORE" */
	const char *summary;  /* one line */
	bool json, quiet;
	bool may_be_lines; /* set by the command: --json=lines is one of its options */
	bool lines;	   /* --json=lines; `json` is set, too */
	bool object_open;  /* the one JSON object was begun and not ended: an error becomes its last
			     key */
	bool finished;	   /* --help or --version was answered: nothing is left to do */
	bool helped; /* it was --help: cowtool.c adds what only it knows; in JSON, to the object
			     that is open */
	char *arguments[CLI_ARGUMENTS_MAX]; /* owned; NULL in the place of one that is left out */
	unsigned int argument_count;
	struct volumes *volumes; /* owned; where names of logical volumes lead */
	struct cli_list disks;	 /* --disk */
};

/* Set by the signal handlers of cowtool.c, and cli_stop_after; read between windows. */
extern volatile sig_atomic_t cli_stop_requested;
extern volatile sig_atomic_t cli_progress_requested;

/* A bar is on the line of the terminal in which the cursor is. What is printed erases it first; who
 * ends the program, or the bar, begins a new line. */
extern volatile sig_atomic_t cli_bar_is_drawn;

/* No size that can be given has this value: those without a letter are smaller, the others are
 * multiples of 1024. */
#define CLI_NOT_GIVEN UINT64_MAX

enum cli_kind {
	CLI_FLAG,    /* target: bool */
	CLI_STRING,  /* target: char *, owned by the command (free) */
	CLI_FILE,    /* the same, of a file, as cli_argument_is_file makes it */
	CLI_SIZE,    /* target: uint64_t, in bytes, with K, M, G or T after the number */
	CLI_SECONDS, /* target: unsigned int, 1 .. CLI_NUMBER_MAX */
	CLI_LIST,    /* target: struct cli_list; the option may be given again and again */
	CLI_WORD,    /* target: struct cli_word, of which the command has set the words */
};

/* A value that is one of a few words, in the order of an enum. */
struct cli_word {
	const char *const *words; /* NULL ends them */
	const char *numbered;	  /* NULL, or that of them which "=NUMBER" may follow */
	unsigned int chosen;	  /* which of them; 0, the first, until it is given */
	unsigned int number;	  /* 1 .. CLI_NUMBER_MAX; 0: none is given */
	bool given;
};

#define CLI_NUMBER_MAX 999999999u

struct cli_option {
	const char *name; /* without dashes; NULL ends the table */
	enum cli_kind kind;
	void *target;
	const char *help;
	const char *value; /* what the help calls the value, NULL for a flag */
};

/* How many arguments a command takes; fewer than `most`: the first ones are left out. */
struct cli_count {
	unsigned int least, most;
};

#define CLI_EXACTLY(count) ((struct cli_count){count, count})
/* Any number: each is one more --disk. */
#define CLI_DISKS ((struct cli_count){0, UINT32_MAX})

/*
 * Reads a command's own options and the common ones, and its arguments into cli->arguments. An
 * option given twice (but a CLI_LIST), an unknown one, too few or too many arguments: RESULT_USAGE.
 * So is an empty value or argument: nothing has such a name. --help and --version print what they
 * are asked for and set cli->finished; in JSON, the object of --help stays open.
 */
enum result cli_parse(struct cli *cli, const struct cli_option *options, struct cli_count count,
		      int argc, const char **argv, struct failure *why);

/* The argument that the synopsis calls so ("ORIGIN"), or that name itself where there is none: of
 * the commands that take it as an option, for one, or where the arguments were not read. */
const char *cli_argument_named(const struct cli *cli, const char *name);

/*
 * Argument number `i` names a file, never a device by a tag: one that looks like TAG=value becomes
 * ./TAG=value, for all that opens it, and for the commands that messages suggest. RESULT_NO_MEMORY.
 */
enum result cli_argument_is_file(struct cli *cli, unsigned int i, struct failure *why);

/* *name, an owned one: a TAG=value becomes the path of the device that has it, and that is said. As
 * probe_resolve fails. */
enum result cli_resolve(const struct cli *cli, char **name, struct failure *why);

/* Begins the one object of --json on standard output: all of *json is set. */
void cli_open_json(const struct cli *cli, struct json *json);

/* Ends it; of a command that failed it stays open, and the error becomes its last key. */
void cli_close_json(struct cli *cli, struct json *json, bool failed);

/* Is --json among the arguments, whatever else is wrong with them? argv[0] is none. */
bool cli_asks_for_json(int argc, const char **argv);

/* What cli_parse does with --disk, for who has no command line: cli->volumes look in cli->disks, and
 * so do commands that are suggested. */
enum result cli_begin_volumes(struct cli *cli, struct failure *why);

void cli_free(struct cli *cli);
void cli_list_free(struct cli_list *list);

/* Takes over a string that was malloc's; NULL: RESULT_NO_MEMORY. */
enum result cli_list_add(struct cli_list *list, char *item, struct failure *why);

/* "64K" and the like to bytes; false where it is no size or does not fit. */
bool cli_parse_size(const char *text, uint64_t *bytes);

/* Chooses it; false: it is none of the words, or the number after it is none. */
bool cli_word_choose(struct cli_word *word, const char *text);

/* What --io may be, in the order of enum io_engine_choice. */
extern const char *const cli_engine_words[];

/* "512.0 MiB", for people. Returns `buffer`. */
const char *cli_format_size(uint64_t bytes, char *buffer, size_t size);

/* "0:07", "1:05:00": a time to come, for people, rounded up. Returns `buffer`. */
const char *cli_format_time(double seconds, char *buffer, size_t size);

/* "0.4 s", "3 min 12 s", "2 h 5 min": a time that something took. Returns `buffer`. */
const char *cli_format_duration(double seconds, char *buffer, size_t size);

/* A line of a result, on stdout mostly: the newline is added, and what a terminal must not get
 * (store/base/text.h) is escaped. Every line of text that a name may be in goes through it; JSON
 * has its own escapes. */
void cli_print(FILE *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* After this time a stop is requested, as by a signal. 0: never. */
void cli_stop_after(unsigned int seconds);

/* Before something else is printed on the terminal. */
void cli_erase_bar(void);

/* "cowtool COMMAND: ..." on stderr, with what a terminal must not get (store/base/text.h) escaped;
 * cli_note is silenced by --quiet. */
void cli_message(const struct cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void cli_note(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
