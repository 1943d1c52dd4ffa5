// SPDX-License-Identifier: GPL-2.0-or-later
/* The command table, and the one place where a result becomes an exit code. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "merge/cmd_merge.h"
#include "store/cli/cli.h"
#include "store/cli/commands.h"
#include "store/cli/help.h"
#include "store/cli/json.h"
#include "store/cli/remedies.h"
#include "verify/cmd_verify.h"
#include "verify/export/cmd_export.h"
#include "verify/repair/cmd_repair.h"

#ifndef COWTOOL_VERSION
#define COWTOOL_VERSION "unknown"
#endif

/* The signals that a command catches; all others end it. */
enum caught {
	CAUGHT_NONE,
	CAUGHT_PROGRESS, /* SIGUSR1: it prints its progress */
	CAUGHT_ALL,	 /* SIGINT and SIGTERM, too: it reads cli_stop_requested */
};

struct command {
	const char *name;
	enum result (*run)(struct cli *cli, int argc, const char **argv, struct failure *why);
	const char *synopsis;
	const char *summary;
	enum caught caught;
	unsigned int
		results; /* RESULT(...) of those that it may end with, but for RESULTS_OF_ALL */
	const char *example;
};

#define RESULT(name) (1u << RESULT_##name)
#define RESULTS_OF_ALL (RESULT(OK) | RESULT(IO) | RESULT(USAGE) | RESULT(NO_MEMORY))

static enum result cmd_help(struct cli *cli, int argc, const char **argv, struct failure *why);

static const struct command commands[] = {
	{"scan", cmd_scan, "[OPTION...] [DISK...]",
	 "List every COW store that is there: LVM's snapshots, devices, files.", CAUGHT_NONE,
	 RESULT(REFUSED) | RESULT(NOT_THERE), "cowtool scan disk.img"},
	{"inspect", cmd_inspect, "[OPTION...] STORE", "Show what a COW store is and how full.",
	 CAUGHT_NONE, RESULT(DAMAGED) | RESULT(REFUSED) | RESULT(NO_STORE) | RESULT(NOT_THERE),
	 "cowtool inspect /dev/mapper/vg-snap-cow"},
	{"verify", cmd_verify, "[OPTION...] [--origin=ORIGIN] STORE",
	 "Check a COW store; changes nothing.", CAUGHT_PROGRESS,
	 RESULT(PROBLEMS) | RESULT(DAMAGED) | RESULT(REFUSED) | RESULT(NO_STORE) |
		 RESULT(NOT_THERE),
	 "cowtool verify --origin=origin.img store.img"},
	{"dump", cmd_dump, "[OPTION...] [--format=FORMAT] STORE",
	 "List every live exception in the order of the store.", CAUGHT_NONE,
	 RESULT(DAMAGED) | RESULT(REFUSED) | RESULT(NO_STORE) | RESULT(NOT_THERE),
	 "cowtool dump --format=csv store.img >exceptions.csv"},
	{"merge", cmd_merge, "[OPTION...] [ORIGIN] STORE", "Merge a COW store into its origin.",
	 CAUGHT_ALL,
	 RESULT(DAMAGED) | RESULT(STOPPED) | RESULT(REFUSED) | RESULT(NO_STORE) |
		 RESULT(NOT_THERE) | RESULT(NO_SPACE),
	 "cowtool merge --undo=undo.img origin.img store.img"},
	{"export", cmd_export, "[OPTION...] [ORIGIN] STORE OUT",
	 "Write what a snapshot shows to an image.", CAUGHT_ALL,
	 RESULT(DAMAGED) | RESULT(STOPPED) | RESULT(REFUSED) | RESULT(NO_STORE) |
		 RESULT(NOT_THERE) | RESULT(NO_SPACE),
	 "cowtool export origin.img store.img snapshot.img"},
	{"save", cmd_save, "[OPTION...] STORE FILE", "Save the metadata of a COW store in a file.",
	 CAUGHT_ALL,
	 RESULT(DAMAGED) | RESULT(STOPPED) | RESULT(REFUSED) | RESULT(NO_STORE) |
		 RESULT(NOT_THERE) | RESULT(NO_SPACE),
	 "cowtool save store.img before.cow"},
	{"restore", cmd_restore, "[OPTION...] FILE STORE",
	 "Write a saved file back to a COW store's device.", CAUGHT_ALL,
	 RESULT(DAMAGED) | RESULT(STOPPED) | RESULT(REFUSED) | RESULT(NO_STORE) | RESULT(NOT_THERE),
	 "cowtool restore before.cow store.img"},
	{"repair", cmd_repair, "[OPTION...] --backup=FILE STORE",
	 "Mend what verify finds, with consent and a way back.", CAUGHT_ALL,
	 RESULT(PROBLEMS) | RESULT(DAMAGED) | RESULT(STOPPED) | RESULT(REFUSED) | RESULT(NO_STORE) |
		 RESULT(NOT_THERE) | RESULT(NO_SPACE),
	 "cowtool repair --backup=before.cow --origin=origin.img store.img"},
	{"create", cmd_create, "[OPTION...] --chunk=SIZE STORE",
	 "Make an empty COW store, as the kernel makes it.", CAUGHT_NONE,
	 RESULT(REFUSED) | RESULT(NOT_THERE) | RESULT(NO_SPACE),
	 "cowtool create --chunk=4K --size=1G store.img"},
	{"help", cmd_help, "[COMMAND]", "Print what --help prints.", CAUGHT_NONE, 0,
	 "cowtool help merge"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

/* For --help, in the order of the exit codes. A result that is not here has the code of another. */
static const struct {
	enum result result;
	const char *meaning;
} meanings[] = {
	{RESULT_OK, "done; sound; nothing is left to do"},
	{RESULT_PROBLEMS, "problems that do not change the view"},
	{RESULT_DAMAGED, "the store is damaged or invalid: see 'cowtool verify'"},
	{RESULT_STOPPED, "stopped on request; what is committed is safe"},
	{RESULT_IO, "input or output error; what is committed is safe"},
	{RESULT_REFUSED, "refused: in use, the wrong device, or an option is missing"},
	{RESULT_NO_STORE, "no COW store is there"},
	{RESULT_NO_SPACE, "no space"},
	{RESULT_NOT_THERE, "not there (yet): a name leads nowhere"},
	{RESULT_USAGE, "the command line is wrong"},
	{RESULT_NO_MEMORY, "out of memory, or a bug"},
};

static int exit_code(enum result result)
{
	switch (result) {
	case RESULT_OK:
		return 0;
	case RESULT_PROBLEMS:
		return 1;
	case RESULT_DAMAGED:
		return 2;
	case RESULT_STOPPED:
		return 3;
	case RESULT_IO:
	case RESULT_OUTPUT:
		return 4;
	case RESULT_REFUSED:
		return 5;
	case RESULT_NO_STORE:
		return 6;
	case RESULT_NOT_THERE:
		return 8;
	case RESULT_NO_SPACE:
		return 7;
	case RESULT_USAGE:
		return 64;
	case RESULT_NO_MEMORY:
	case RESULT_INTERNAL:
		return 70;
	}
	return 70;
}

/* Ends the program as the signal does, with the cursor on a line of its own. */
static void end_now(int signal_number)
{
	if (cli_bar_is_drawn && write(STDERR_FILENO, "\n", 1) < 0)
		cli_bar_is_drawn = 0;
	/* SA_RESETHAND: it comes once this function has returned. */
	raise(signal_number);
}

static const struct sigaction end_at_once = {.sa_handler = end_now, .sa_flags = (int)SA_RESETHAND};

/* The same signal a second time ends the program at once, which loses nothing that is committed. */
static void request_stop(int signal_number)
{
	cli_stop_requested = 1;
	sigaction(signal_number, &end_at_once, NULL);
}

static void request_progress(int signal_number)
{
	(void)signal_number;
	cli_progress_requested = 1;
}

/* What the caller has chosen to ignore stays ignored. */
static void catch_end(int signal_number)
{
	struct sigaction before;

	if (sigaction(signal_number, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
		sigaction(signal_number, &end_at_once, NULL);
}

/* A stop interrupts a write to a pipe that nobody reads; all else goes on after a signal. */
static void catch_signals(const struct command *command)
{
	struct sigaction stop = {.sa_handler = request_stop};
	struct sigaction progress = {.sa_handler = request_progress, .sa_flags = SA_RESTART};

	if (command->caught >= CAUGHT_PROGRESS)
		sigaction(SIGUSR1, &progress, NULL);
	if (command->caught == CAUGHT_PROGRESS) {
		catch_end(SIGINT);
		catch_end(SIGTERM);
	}
	if (command->caught < CAUGHT_ALL)
		return;
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
}

static bool has_result(const struct command *command, enum result result)
{
	return ((command->results | RESULTS_OF_ALL) & 1u << result) != 0;
}

static void print_help(FILE *file)
{
	fprintf(file,
		"Usage: cowtool COMMAND [OPTION...] ARGUMENT...\n"
		"Inspects, checks and merges the exception stores (COW devices) of device-mapper\nsnapshots, offline.\n\nCommands:\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		help_row(file, commands[i].name, 12, commands[i].summary);
	fprintf(file, "\nOptions:\n");
	help_row(file, "-h, --help", 17, "print this help");
	help_row(file, "-V, --version", 17, "print the version");
	fprintf(file,
		"\n'cowtool help COMMAND' lists the options of a command; cowtool(8) is the manual.\n");
}

static void print_json_help(void)
{
	const struct cli cli = {.version = COWTOOL_VERSION};
	struct json json;

	cli_open_json(&cli, &json);
	json_open_array(&json, "commands");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		json_open_object(&json, NULL);
		json_string(&json, "name", commands[i].name);
		json_string(&json, "summary", commands[i].summary);
		json_close_object(&json);
	}
	json_close_array(&json);
	json_close_object(&json);
	json_end_line(&json);
}

/* To the object that is open. */
static void print_json_exit_codes(const struct command *command)
{
	struct json json = {.file = stdout, .needs_comma = true};

	json_open_array(&json, "exit_codes");
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (!has_result(command, meanings[i].result))
			continue;
		json_open_object(&json, NULL);
		json_number(&json, "code", (uint64_t)exit_code(meanings[i].result));
		json_string(&json, "meaning", meanings[i].meaning);
		json_close_object(&json);
	}
	json_close_array(&json);
	json_string(&json, "example", command->example);
	json_close_object(&json);
	json_end_line(&json);
}

static void print_help_of_all(bool json)
{
	if (json)
		print_json_help();
	else
		print_help(stdout);
}

/* What the help of a command ends with. */
static void print_exit_codes(const struct cli *cli, const struct command *command)
{
	if (cli->json) {
		print_json_exit_codes(command);
		return;
	}
	printf("\nExit codes:\n");
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		char code[8];

		if (!has_result(command, meanings[i].result))
			continue;
		snprintf(code, sizeof(code), "%2d", exit_code(meanings[i].result));
		help_row(stdout, code, 6, meanings[i].meaning);
	}
	printf("\nExample:\n  %s\n", command->example);
}

/* In JSON the error is an object of its own, or the last key of the object that was begun. */
static void print_failure(const struct cli *cli, enum result result, struct failure *why)
{
	struct json json = {.file = stdout, .needs_comma = true};

	remedies_say(cli, why);
	if (why->text[0])
		cli_message(cli, "%s", why->text);
	if (!cli->json || (!why->text[0] && !cli->object_open))
		return;
	if (!cli->object_open)
		cli_open_json(cli, &json);
	json_open_object(&json, "error");
	json_number(&json, "code", (uint64_t)exit_code(result));
	json_string(&json, "message", why->text);
	json_close_object(&json);
	json_close_object(&json);
	json_end_line(&json);
}

/* Did the reader of standard output go away? By now stdio may have forgotten the EPIPE. */
static bool reader_is_gone(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

/* A closed pipe is silent: who closed it has read enough. A full disk is an error. */
static enum result finish_output(enum result result, const char *name)
{
	bool broken, gone;

	errno = 0;
	broken = fflush(stdout) != 0 || ferror(stdout);
	gone = broken && (errno == EPIPE || reader_is_gone());
	if (close(STDOUT_FILENO) != 0 && errno != EBADF)
		broken = true;
	if (!broken)
		return result;
	if (gone)
		return result == RESULT_OUTPUT ? RESULT_OK : result;
	fprintf(stderr, "%s: standard output: cannot write: %s\n", name,
		strerror(errno ? errno : EIO));
	/* A verdict that nobody could read is none. */
	return result <= RESULT_DAMAGED ? RESULT_IO : result;
}

static struct cli cli_of(const struct command *command)
{
	return (struct cli){.version = COWTOOL_VERSION,
			    .command = command->name,
			    .synopsis = command->synopsis,
			    .summary = command->summary};
}

static enum result run_command(const struct command *command, int argc, const char **argv)
{
	struct cli cli = cli_of(command);
	struct failure why = {.text = ""};
	enum result result;
	char name[64];

	catch_signals(command);
	result = command->run(&cli, argc, argv, &why);
	if (cli.helped)
		print_exit_codes(&cli, command);
	if (result != RESULT_OK && result != RESULT_OUTPUT)
		print_failure(&cli, result, &why);
	cli_free(&cli);
	snprintf(name, sizeof(name), "cowtool %s", command->name);
	return finish_output(result, name);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

static enum result fail_no_command(const char *name, struct failure *why)
{
	return fail(why, RESULT_USAGE, "no such command: '%s'; see 'cowtool --help'", name);
}

/* 'cowtool help merge' is 'cowtool merge --help'. */
static enum result cmd_help(struct cli *cli, int argc, const char **argv, struct failure *why)
{
	const char *help[] = {NULL, "--help", "--json", NULL};
	const struct command *command;
	struct cli its_cli;
	enum result result;

	result = cli_parse(cli, NULL, (struct cli_count){0, 1}, argc, argv, why);
	if (result != RESULT_OK || cli->finished)
		return result;
	if (!cli->arguments[0]) {
		print_help_of_all(cli->json);
		return RESULT_OK;
	}
	command = find_command(cli->arguments[0]);
	if (!command)
		return fail_no_command(cli->arguments[0], why);
	its_cli = cli_of(command);
	help[0] = command->name;
	result = command->run(&its_cli, cli->json ? 3 : 2, help, why);
	print_exit_codes(&its_cli, command);
	cli_free(&its_cli);
	return result;
}

static enum result no_such_command(int argc, const char **argv)
{
	struct cli cli = {.version = COWTOOL_VERSION, .json = cli_asks_for_json(argc, argv)};
	struct failure why = {.text = ""};

	fail_no_command(argv[1], &why);
	print_failure(&cli, RESULT_USAGE, &why);
	return finish_output(RESULT_USAGE, "cowtool");
}

static void print_version(bool json)
{
	const struct cli cli = {.version = COWTOOL_VERSION};
	struct json object;

	if (!json) {
		printf("cowtool %s\n", COWTOOL_VERSION);
		return;
	}
	cli_open_json(&cli, &object);
	json_close_object(&object);
	json_end_line(&object);
}

static enum result run_option(int argc, const char **argv)
{
	bool json = cli_asks_for_json(argc, argv);
	const char *option = argv[argc > 2 && strcmp(argv[1], "--json") == 0 ? 2 : 1];

	if (strcmp(option, "--help") == 0 || strcmp(option, "-h") == 0)
		print_help_of_all(json);
	else if (strcmp(option, "--version") == 0 || strcmp(option, "-V") == 0)
		print_version(json);
	else
		return no_such_command(argc, argv);
	return finish_output(RESULT_OK, "cowtool");
}

/* Read only: printing to it is an error. In a root without /dev, any folder will do. */
static int open_nothing(void)
{
	int fd = open("/dev/null", O_RDONLY);

	return fd < 0 ? open("/", O_RDONLY | O_DIRECTORY) : fd;
}

/* A standard stream that is closed would give its number to the next device that is opened, and
 * what is printed would go there. */
static bool have_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open_nothing() != fd)
			return false;
	return true;
}

/* What these signals tell comes back from the write as well (EPIPE, EFBIG): an error like others,
 * after which things are tidied up. */
static bool ignore_signals_of_writes(void)
{
	return signal(SIGPIPE, SIG_IGN) != SIG_ERR && signal(SIGXFSZ, SIG_IGN) != SIG_ERR;
}

int main(int argc, const char **argv)
{
	const struct command *command;

	/* Where one of these is set, popt takes no option after an argument, and scripts may put
	 * them there. No flag of popt's says otherwise. */
	unsetenv("POSIXLY_CORRECT");
	unsetenv("POSIX_ME_HARDER");
	if (!have_standard_streams() || !ignore_signals_of_writes())
		return exit_code(RESULT_INTERNAL);
	if (argc < 2) {
		print_help(stderr);
		return exit_code(RESULT_USAGE);
	}
	command = find_command(argv[1]);
	if (!command)
		return exit_code(run_option(argc, argv));
	return exit_code(run_command(command, argc - 1, argv + 1));
}
