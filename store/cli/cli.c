// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/cli/cli.h"

#include <ctype.h>
#include <inttypes.h>
#include <popt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/base/suggest.h"
#include "store/cli/help.h"
#include "store/device/probe.h"
#include "store/base/text.h"

#define OPTIONS_MAX 32
#define HELP_INDENT 28
/* A message, or a line of a result, is cut where it is longer. */
#define MESSAGE_BYTES 16384

volatile sig_atomic_t cli_stop_requested;
volatile sig_atomic_t cli_progress_requested;
volatile sig_atomic_t cli_bar_is_drawn;

/* One command line while it is read. popt's table has the same order as `options`. */
struct parser {
	struct cli *cli;
	struct cli_option options[OPTIONS_MAX];
	struct poptOption table[OPTIONS_MAX + 1];
	bool given[OPTIONS_MAX];
	size_t count;
	bool help, version;
	bool json;
	poptContext context;
};

/* "-q" is "--quiet"; '\0': the option has no letter. */
static char letter_of(const char *name)
{
	static const struct {
		const char *name;
		char letter;
	} letters[] = {{"quiet", 'q'}, {"help", 'h'}, {"version", 'V'}};

	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (strcmp(name, letters[i].name) == 0)
			return letters[i].letter;
	return '\0';
}

static void add_option(struct parser *parser, const struct cli_option *option)
{
	struct poptOption *row = &parser->table[parser->count];

	parser->options[parser->count] = *option;
	row->longName = option->name;
	row->shortName = letter_of(option->name);
	row->argInfo = option->kind == CLI_FLAG ? POPT_ARG_NONE : POPT_ARG_STRING;
	row->val = (int)++parser->count;
	row->descrip = option->help;
	row->argDescrip = option->value;
}

static void add_options(struct parser *parser, const struct cli_option *options)
{
	for (; options && options->name && parser->count < OPTIONS_MAX; options++)
		add_option(parser, options);
}

bool cli_parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	uint64_t unit = 1;
	const char *letter;
	char *end;

	if (!isdigit((unsigned char)text[0]) || strlen(text) > 20)
		return false;
	*bytes = strtoull(text, &end, 10);
	if (*bytes == UINT64_MAX)
		return false;
	if (*end) {
		letter = strchr(units, toupper((unsigned char)*end));
		if (!letter || end[1])
			return false;
		unit = (uint64_t)1 << (10 * (letter - units + 1));
	}
	return checked_mul(*bytes, unit, bytes);
}

const char *const cli_engine_words[] = {"auto", "uring", "threads", "sync", NULL};

/* What comes after the word with which a text begins; NULL: it does not begin with it. */
static const char *after_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	return strncmp(text, word, length) == 0 ? text + length : NULL;
}

/* From 1 to CLI_NUMBER_MAX. */
static bool read_whole(const char *text, unsigned int *number)
{
	if (!isdigit((unsigned char)*text) || text[strspn(text, "0123456789")] ||
	    strlen(text) > strlen("999999999"))
		return false;
	*number = (unsigned int)strtoul(text, NULL, 10);
	return *number > 0;
}

/* What follows a word: nothing, or after the one that takes a number, "=" and that. */
static bool read_number(struct cli_word *word, const char *name, const char *text)
{
	word->number = 0;
	if (!*text)
		return true;
	return word->numbered && strcmp(name, word->numbered) == 0 && *text == '=' &&
	       read_whole(text + 1, &word->number);
}

bool cli_word_choose(struct cli_word *word, const char *text)
{
	for (unsigned int i = 0; word->words[i]; i++) {
		const char *rest = after_word(text, word->words[i]);

		if (!rest || !read_number(word, word->words[i], rest))
			continue;
		word->chosen = i;
		word->given = true;
		return true;
	}
	return false;
}

/* "--io: 'x' is neither auto, uring, threads nor sync", "--fill: 'x' is not zero". */
static enum result fail_word(const struct cli_option *option, const char *text, struct failure *why)
{
	const struct cli_word *word = option->target;
	const char *const *words = word->words;
	const char *number = word->numbered ? after_word(text, word->numbered) : NULL;
	char list[128] = "";
	size_t used = 0;

	if (number && *number == '=')
		return fail(why, RESULT_USAGE,
			    "--%s: '%s': after '%s=' must be a whole number from 1 to %u",
			    option->name, text, word->numbered, CLI_NUMBER_MAX);
	for (size_t i = 0; words[i] && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
					 i == 0		? ""
					 : words[i + 1] ? ", "
							: " nor ",
					 words[i]);
	return fail(why, RESULT_USAGE, "--%s: '%s' is %s %s", option->name, text,
		    words[1] ? "neither" : "not", list);
}

enum result cli_list_add(struct cli_list *list, char *item, struct failure *why)
{
	char **items = item ? realloc(list->items, (list->count + 1) * sizeof(*items)) : NULL;

	if (!items) {
		free(item);
		return fail_memory(why, "the command line", (list->count + 1) * sizeof(*items));
	}
	items[list->count++] = item;
	list->items = items;
	return RESULT_OK;
}

void cli_list_free(struct cli_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct cli_list){NULL, 0};
}

static enum result make_path(char **name, struct failure *why)
{
	char *path;

	if (!probe_is_tag(*name))
		return RESULT_OK;
	if (asprintf(&path, "./%s", *name) < 0)
		return fail_memory(why, "a name", strlen(*name));
	free(*name);
	*name = path;
	return RESULT_OK;
}

enum result cli_resolve(const struct cli *cli, char **name, struct failure *why)
{
	char *path;
	enum result result;

	if (!probe_is_tag(*name))
		return RESULT_OK;
	result = probe_resolve(*name, &path, why);
	if (result != RESULT_OK)
		return result;
	cli_note(cli, "%s: is %s", *name, path);
	free(*name);
	*name = path;
	return RESULT_OK;
}

enum result cli_argument_is_file(struct cli *cli, unsigned int i, struct failure *why)
{
	return make_path(&cli->arguments[i], why);
}

/* One that need not be kept. */
static enum result read_value(const struct cli_option *option, const char *value,
			      struct failure *why)
{
	if (option->kind == CLI_WORD)
		return cli_word_choose(option->target, value) ? RESULT_OK
							      : fail_word(option, value, why);
	if (option->kind == CLI_SECONDS)
		return read_whole(value, option->target)
			       ? RESULT_OK
			       : fail(why, RESULT_USAGE,
				      "--%s: '%s' is no whole number from 1 to %u", option->name,
				      value, CLI_NUMBER_MAX);
	if (cli_parse_size(value, option->target))
		return RESULT_OK;
	return fail(why, RESULT_USAGE, "--%s: '%s' is no size (a number, then K, M, G or T)",
		    option->name, value);
}

static enum result take_value(const struct cli_option *option, char *value, struct failure *why)
{
	enum result result;

	if (option->kind == CLI_FLAG) {
		*(bool *)option->target = true;
		return RESULT_OK;
	}
	if (option->kind != CLI_SIZE && !*value) {
		free(value);
		return fail(why, RESULT_USAGE, "--%s: its value is empty; it must be %s",
			    option->name, option->value);
	}
	if (option->kind == CLI_STRING) {
		*(char **)option->target = value;
		return RESULT_OK;
	}
	if (option->kind == CLI_FILE) {
		*(char **)option->target = value;
		return make_path(option->target, why);
	}
	if (option->kind == CLI_LIST)
		return cli_list_add(option->target, value, why);
	result = read_value(option, value, why);
	free(value);
	return result;
}

static const char *bad_option(const struct parser *parser)
{
	return poptBadOption(parser->context, POPT_BADOPTION_NOALIAS);
}

/* The number of the next option, as popt has it. --json is a flag: popt says that it may not have a
 * value, and goes on. */
static int next_option(struct parser *parser)
{
	int code = poptGetNextOpt(parser->context);

	if (code != POPT_ERROR_UNWANTEDARG || !parser->cli->may_be_lines ||
	    strcmp(bad_option(parser), "--json=lines") != 0)
		return code;
	parser->cli->lines = true;
	for (size_t i = 0; i < parser->count; i++)
		if (parser->options[i].target == &parser->json)
			code = parser->table[i].val;
	return code;
}

static enum result read_options(struct parser *parser, struct failure *why)
{
	enum result result = RESULT_OK;
	int code;

	while (result == RESULT_OK && (code = next_option(parser)) > 0) {
		size_t i = (size_t)code - 1;
		char *value = poptGetOptArg(parser->context);

		if (parser->given[i] && parser->options[i].kind != CLI_LIST) {
			free(value);
			return fail(why, RESULT_USAGE, "--%s is given twice",
				    parser->options[i].name);
		}
		parser->given[i] = true;
		result = take_value(&parser->options[i], value, why);
	}
	if (result == RESULT_OK && code < -1)
		result = fail(why, RESULT_USAGE, "%s: %s", bad_option(parser), poptStrerror(code));
	return result;
}

static enum result take_argument(struct cli *cli, const char *argument, bool is_disk,
				 struct failure *why)
{
	char *copy = strdup(argument);

	if (!copy)
		return fail_memory(why, "an argument", strlen(argument));
	if (is_disk)
		return cli_list_add(&cli->disks, copy, why);
	cli->arguments[cli->argument_count++] = copy;
	return RESULT_OK;
}

static enum result read_arguments(struct parser *parser, struct cli_count count,
				  struct failure *why)
{
	const char **arguments = poptGetArgs(parser->context);
	struct cli *cli = parser->cli;
	bool are_disks = count.most == CLI_DISKS.most;
	enum result result = RESULT_OK;
	unsigned int given = 0;

	while (arguments && arguments[given])
		given++;
	if (given < count.least || given > count.most)
		return fail(why, RESULT_USAGE, "%u argument%s given, %u needed: cowtool %s %s",
			    given, text_plural(given), count.most, cli->command, cli->synopsis);
	while (!are_disks && cli->argument_count < count.most - given)
		cli->arguments[cli->argument_count++] = NULL;
	for (unsigned int i = 0; i < given && result == RESULT_OK; i++) {
		if (!*arguments[i])
			return fail(why, RESULT_USAGE, "argument %u is empty: cowtool %s %s", i + 1,
				    cli->command, cli->synopsis);
		result = take_argument(cli, arguments[i], are_disks, why);
	}
	return result;
}

enum result cli_begin_volumes(struct cli *cli, struct failure *why)
{
	cli->volumes = calloc(1, sizeof(*cli->volumes));
	if (!cli->volumes)
		return fail_memory(why, "the volumes", sizeof(*cli->volumes));
	cli->volumes->disks = (const char *const *)cli->disks.items;
	cli->volumes->disk_count = cli->disks.count;
	suggest_always("--disk", cli->volumes->disks, cli->disks.count);
	return RESULT_OK;
}

static bool has_lines(const struct parser *parser, const struct cli_option *option)
{
	return option->target == &parser->json && parser->cli->may_be_lines;
}

static void print_text_help(const struct parser *parser)
{
	const struct cli *cli = parser->cli;

	printf("Usage: cowtool %s %s\n%s\n\nOptions:\n", cli->command, cli->synopsis, cli->summary);
	for (size_t i = 0; i < parser->count; i++) {
		const struct cli_option *option = &parser->options[i];
		char name[64], letter[] = {'-', letter_of(option->name), ',', ' ', '\0'};

		snprintf(name, sizeof(name), "%s--%s%s%s", letter[1] ? letter : "    ",
			 option->name, option->value ? "=" : "",
			 option->value		     ? option->value
			 : has_lines(parser, option) ? "[=lines]"
						     : "");
		help_row(stdout, name, HELP_INDENT, option->help);
	}
}

static void print_json_option(struct json *json, const struct parser *parser,
			      const struct cli_option *option)
{
	char letter[] = {letter_of(option->name), '\0'};

	json_open_object(json, NULL);
	json_string(json, "name", option->name);
	json_string(json, "letter", letter[0] ? letter : NULL);
	json_string(json, "value", has_lines(parser, option) ? "[lines]" : option->value);
	json_string(json, "help", option->help);
	json_close_object(json);
}

static void print_json_help(const struct parser *parser)
{
	struct cli *cli = parser->cli;
	struct json json;

	cli_open_json(cli, &json);
	json_string(&json, "synopsis", cli->synopsis);
	json_string(&json, "summary", cli->summary);
	json_open_array(&json, "options");
	for (size_t i = 0; i < parser->count; i++)
		print_json_option(&json, parser, &parser->options[i]);
	json_close_array(&json);
	cli_close_json(cli, &json, true);
}

static void print_version(struct cli *cli)
{
	struct json json;

	if (!cli->json) {
		printf("cowtool %s\n", cli->version);
		return;
	}
	cli_open_json(cli, &json);
	cli_close_json(cli, &json, false);
}

bool cli_asks_for_json(int argc, const char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--json") == 0 || strcmp(argv[i], "--json=lines") == 0)
			return true;
	return false;
}

enum result cli_parse(struct cli *cli, const struct cli_option *options, struct cli_count count,
		      int argc, const char **argv, struct failure *why)
{
	struct parser parser = {.cli = cli};
	const struct cli_option common[] = {
		{"disk", CLI_LIST, &cli->disks, "look for logical volumes only there (repeatable)",
		 "FILE"},
		{"json", CLI_FLAG, &parser.json, "print one JSON object instead of text", NULL},
		{"quiet", CLI_FLAG, &cli->quiet, "no notes, no progress, no closing line", NULL},
		{"help", CLI_FLAG, &parser.help, "print this help", NULL},
		{"version", CLI_FLAG, &parser.version, "print the version", NULL},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	enum result result;

	add_options(&parser, options);
	add_options(&parser, common);
	/* An error in an option before it is told as it asks for, too. */
	cli->json = cli_asks_for_json(argc, argv);
	parser.context = poptGetContext(NULL, argc, argv, parser.table, 0);
	if (!parser.context)
		return fail_memory(why, "the command line", 0);
	result = read_options(&parser, why);
	/* Once all options are known, so is whether it was one, and not a name. */
	if (result == RESULT_OK)
		cli->json = parser.json;
	if (result == RESULT_OK && (parser.help || parser.version)) {
		if (!parser.help)
			print_version(cli);
		else if (cli->json)
			print_json_help(&parser);
		else
			print_text_help(&parser);
		cli->helped = parser.help;
		cli->finished = true;
	} else if (result == RESULT_OK) {
		result = read_arguments(&parser, count, why);
		if (result == RESULT_OK)
			result = cli_begin_volumes(cli, why);
	}
	poptFreeContext(parser.context);
	return result;
}

void cli_open_json(const struct cli *cli, struct json *json)
{
	*json = (struct json){.file = stdout};
	json_open_result(json, cli->version, cli->command);
}

void cli_close_json(struct cli *cli, struct json *json, bool failed)
{
	cli->object_open = failed;
	if (failed)
		return;
	json_close_object(json);
	json_end_line(json);
}

const char *cli_argument_named(const struct cli *cli, const char *name)
{
	const char *word = cli->synopsis;
	size_t length = strlen(name);

	/* Its other words are options. What may be left out is in brackets. */
	for (unsigned int i = 0; i < cli->argument_count;
	     word += strcspn(word, " "), word += strspn(word, " ")) {
		const char *bare = word + strspn(word, "[");

		if (strncmp(bare, "OPTION", strlen("OPTION")) == 0 || *bare == '-')
			continue;
		if (strncmp(bare, name, length) == 0 && strchr(" ]", bare[length]))
			return cli->arguments[i] ? cli->arguments[i] : name;
		i++;
	}
	return name;
}

void cli_free(struct cli *cli)
{
	while (cli->argument_count > 0)
		free(cli->arguments[--cli->argument_count]);
	if (cli->volumes)
		volumes_end(cli->volumes);
	free(cli->volumes);
	cli_list_free(&cli->disks);
	suggest_always(NULL, NULL, 0);
}

const char *cli_format_size(uint64_t bytes, char *buffer, size_t size)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(buffer, size, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return buffer;
}

const char *cli_format_time(double seconds, char *buffer, size_t size)
{
	/* 999:59:59 */
	unsigned int whole = seconds < 3599999 ? (unsigned int)seconds : 3599999;

	whole += whole < seconds && whole < 3599999;
	if (whole < 3600)
		snprintf(buffer, size, "%u:%02u", whole / 60, whole % 60);
	else
		snprintf(buffer, size, "%u:%02u:%02u", whole / 3600, whole / 60 % 60, whole % 60);
	return buffer;
}

const char *cli_format_duration(double seconds, char *buffer, size_t size)
{
	uint64_t whole = (uint64_t)seconds;

	if (whole < 60)
		snprintf(buffer, size, "%.1f s", seconds);
	else if (whole < 3600)
		snprintf(buffer, size, "%" PRIu64 " min %" PRIu64 " s", whole / 60, whole % 60);
	else
		snprintf(buffer, size, "%" PRIu64 " h %" PRIu64 " min", whole / 3600,
			 whole / 60 % 60);
	return buffer;
}

static void time_is_over(int signal_number)
{
	(void)signal_number;
	cli_stop_requested = 1;
}

/* Who started the program may have blocked the signal. */
void cli_stop_after(unsigned int seconds)
{
	const struct sigaction stop = {.sa_handler = time_is_over};
	sigset_t only;

	if (seconds == 0)
		return;
	sigemptyset(&only);
	sigaddset(&only, SIGALRM);
	sigaction(SIGALRM, &stop, NULL);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	alarm(seconds);
}

void cli_erase_bar(void)
{
	if (!cli_bar_is_drawn)
		return;
	cli_bar_is_drawn = 0;
	fputs("\r\033[K", stderr);
	fflush(stderr);
}

void cli_print(FILE *file, const char *format, ...)
{
	char text[MESSAGE_BYTES], visible[MESSAGE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	cli_erase_bar();
	fprintf(file, "%s\n", text_visible(text, visible, sizeof(visible)));
}

static void print_message(const struct cli *cli, const char *format, va_list arguments)
{
	char text[MESSAGE_BYTES], visible[MESSAGE_BYTES];

	vsnprintf(text, sizeof(text), format, arguments);
	cli_erase_bar();
	fprintf(stderr, "cowtool%s%s: %s\n", cli->command ? " " : "",
		cli->command ? cli->command : "", text_visible(text, visible, sizeof(visible)));
}

void cli_message(const struct cli *cli, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_message(cli, format, arguments);
	va_end(arguments);
}

void cli_note(const struct cli *cli, const char *format, ...)
{
	va_list arguments;

	if (cli->quiet)
		return;
	va_start(arguments, format);
	print_message(cli, format, arguments);
	va_end(arguments);
}
