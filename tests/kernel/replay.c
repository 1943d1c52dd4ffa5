// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * replay: makes the states of a disk that a power cut could leave, from a dm-log-writes log.
 *
 * On the disk is a pair (pair.h): FROM before the first write; in every state, COMMAND must come
 * to WANTED. The states are made one after the other in the pair STATE.
 *
 * The log holds every write in the order of completion, and every flush after all writes that
 * had completed before it. A flush's sector is the first one of the part that it was sent to (seen
 * with Linux 6.1, where the parts are linear targets): so origin and store count as two disks with
 * a cache each, although one log has put all in order.
 *
 * Of the writes that were not flushed, anything can be on the disk. At each flush, these states
 * are judged: all of them lost, all of them there, and some that are drawn from a seed: the writes
 * up to some place, or some of them lost, or some of their 512-byte sectors lost.
 */
#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"

enum { SECTOR_BYTES = 512, MAX_STATES = 1 << 16 };
enum { LOG_FLUSH = 1, LOG_FUA = 2, LOG_DISCARD = 4 };

static const uint64_t log_magic = 0x6a736677736872;

static const char usage[] =
	"usage: replay [OPTION...] LOG DISK FROM WANTED STATE [COMMAND...]\n"
	"  --seed=N         of what is drawn; 1 unless told\n"
	"  --random=N       states to draw before each flush; 3 unless told\n"
	"  --sample=N       runs no COMMAND, keeps N of the states as pairs STATE.1, STATE.2, ...\n"
	"  --lose=N         as if the N-th write that changes the origin was lost for good\n"
	"  --doubt-flushes  as if the flushes of the origin did nothing\n"
	"The image file DISK is what the log must end with.\n";

struct write {
	uint64_t offset, bytes;
	const uint8_t *data;
};

static struct {
	uint64_t seed, random, sample, lose;
	bool doubt;
} options = {.seed = 1, .random = 3};

static const char *pair_name;
static const uint8_t *log_bytes;
static uint64_t log_sectors, disk_bytes, random_state;
static uint8_t *durable, *state; /* of the whole disk */
static struct write *pending;	 /* completed, not flushed */
static size_t pending_count;
static uint64_t *hashes; /* of the states so far */
static uint64_t states, saved, writes, changes, flushes, all_flushes, store_flushes;

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	if (*text == '\0' || *end != '\0')
		errx(2, "'%s' is not a number", text);
	return value;
}

static uint64_t draw(uint64_t below)
{
	uint64_t z = (random_state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % below;
}

static uint64_t get_le64(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (int i = 7; i >= 0; i--)
		value = value << 8 | bytes[i];
	return value;
}

static void *allocate(uint64_t count, uint64_t bytes)
{
	void *memory = calloc(count, bytes);

	if (!memory)
		err(2, "cannot get memory");
	return memory;
}

/* ---- states ---- */

/* Whether this state was not met before. */
static bool is_new(void)
{
	uint64_t hash = 0, word;

	for (uint64_t i = 0; i < disk_bytes; i += sizeof(word)) {
		memcpy(&word, state + i, sizeof(word));
		hash = (hash ^ word) * 0x9fb21c651e98df25u;
		hash ^= hash >> 32;
	}
	for (uint64_t i = 0; i < states; i++)
		if (hashes[i] == hash)
			return false;
	if (states == MAX_STATES)
		errx(2, "more than %d states", MAX_STATES);
	hashes[states++] = hash;
	return true;
}

/* Keeps drawn states from the log's second half: the kernel takes its time for what is left. */
static void sample(void)
{
	if (pending_count > 0 && saved < options.sample &&
	    flushes * (2 * options.sample + 1) >= (options.sample + saved + 1) * all_flushes)
		pair_save(pair_name, ++saved, state);
}

static void judge(void)
{
	if (!is_new())
		return;
	if (options.sample > 0) {
		sample();
	} else if (!pair_judge(state)) {
		printf("that was state %" PRIu64 " of seed %" PRIu64 ", after %" PRIu64
		       " flushes; the pair is as the power cut left it\n",
		       states, options.seed, flushes);
		exit(1);
	}
}

static void apply(uint8_t *disk, const struct write *write)
{
	memcpy(disk + write->offset, write->data, write->bytes);
}

static void apply_torn(uint8_t *disk, const struct write *write)
{
	for (uint64_t at = 0; at < write->bytes; at += SECTOR_BYTES)
		if (draw(2))
			memcpy(disk + write->offset + at, write->data + at, SECTOR_BYTES);
}

/* Up to some write, or up to the last; in order, with writes lost, or with sectors lost. */
static void draw_state(void)
{
	size_t count = draw(2) ? pending_count : 1 + draw(pending_count);
	uint64_t manner = draw(3);

	memcpy(state, durable, disk_bytes);
	for (size_t i = 0; i < count; i++) {
		if (manner == 2)
			apply_torn(state, &pending[i]);
		else if (manner == 0 || draw(2))
			apply(state, &pending[i]);
	}
}

static void draw_states(void)
{
	for (uint64_t i = 0; i < options.random && pending_count > 0; i++) {
		draw_state();
		judge();
	}
}

/* ---- the log ---- */

static void judge_states(void)
{
	memcpy(state, durable, disk_bytes);
	judge();
	draw_states();
	memcpy(state, durable, disk_bytes);
	for (size_t i = 0; i < pending_count; i++)
		apply(state, &pending[i]);
	judge();
}

static void settle(enum pair_part which)
{
	size_t left = 0;

	for (size_t i = 0; i < pending_count; i++)
		if (pair_part_at(pending[i].offset) == which)
			apply(durable, &pending[i]);
		else
			pending[left++] = pending[i];
	pending_count = left;
}

static void take_flush(uint64_t offset)
{
	enum pair_part which = pair_part_at(offset);

	if (offset != pair_offset(which))
		errx(2, "a flush of neither part");
	judge_states();
	flushes++;
	store_flushes += which == PAIR_STORE;
	if (!options.doubt || which == PAIR_STORE)
		settle(which);
}

static bool changes_origin(const struct write *write)
{
	return pair_part_at(write->offset) == PAIR_ORIGIN &&
	       memcmp(durable + write->offset, write->data, write->bytes) != 0;
}

static void take_write(const struct write *write, uint64_t flags)
{
	writes++;
	if (write->offset + write->bytes > disk_bytes)
		errx(2, "write %" PRIu64 " of the log lies outside the disk", writes);
	if (changes_origin(write) && ++changes == options.lose)
		return;
	pending[pending_count++] = *write;
	/* With what came before it, lest that be written over it; cowtool writes none. */
	if (flags & LOG_FUA)
		settle(pair_part_at(write->offset));
}

static void take_entry(const uint8_t *entry)
{
	struct write write = {get_le64(entry) * SECTOR_BYTES, get_le64(entry + 8) * SECTOR_BYTES,
			      entry + SECTOR_BYTES};
	uint64_t flags = get_le64(entry + 16);

	if (flags & LOG_FLUSH)
		take_flush(write.offset);
	if (write.bytes > 0)
		take_write(&write, flags);
}

/* Calls `take` for each entry; the log's first sector says how many there are. */
static void walk(void (*take)(const uint8_t *entry))
{
	uint64_t entries = get_le64(log_bytes + 16), at = 1;

	for (uint64_t i = 0; i < entries; i++) {
		const uint8_t *entry = log_bytes + at * SECTOR_BYTES;
		uint64_t left = log_sectors - at;

		if (at >= log_sectors || get_le64(entry + 8) >= left)
			errx(2, "the log is too short for its entry %" PRIu64, i);
		if (get_le64(entry + 16) & LOG_DISCARD)
			errx(2, "a discard, which has no place in a merge");
		take(entry);
		at += 1 + get_le64(entry + 8);
	}
}

static void count_entry(const uint8_t *entry)
{
	all_flushes += (get_le64(entry + 16) & LOG_FLUSH) != 0;
}

static void open_log(const char *name)
{
	uint64_t bytes;

	log_bytes = pair_map(name, &bytes);
	log_sectors = bytes / SECTOR_BYTES;
	if (log_sectors == 0 || get_le64(log_bytes) != log_magic || get_le64(log_bytes + 8) != 1 ||
	    (uint32_t)get_le64(log_bytes + 24) != SECTOR_BYTES)
		errx(2, "%s is not a log of 512-byte sectors", name);
	pending = allocate(get_le64(log_bytes + 16) + 1, sizeof(*pending));
}

static void take_options(int argc, char **argv)
{
	static const struct option known[] = {
		{"seed", required_argument, NULL, 's'},	   {"random", required_argument, NULL, 'r'},
		{"sample", required_argument, NULL, 'k'},  {"lose", required_argument, NULL, 'l'},
		{"doubt-flushes", no_argument, NULL, 'd'}, {0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "+", known, NULL)) != -1) {
		if (option == 's')
			options.seed = number(optarg);
		else if (option == 'r')
			options.random = number(optarg);
		else if (option == 'k')
			options.sample = number(optarg);
		else if (option == 'l')
			options.lose = number(optarg);
		else if (option == 'd')
			options.doubt = true;
		else
			errx(2, "%s", usage);
	}
	if (argc - optind < 5 + (options.sample == 0))
		errx(2, "%s", usage);
}

int main(int argc, char **argv)
{
	const uint8_t *disk_after;

	take_options(argc, argv);
	argv += optind;
	argc -= optind;
	random_state = options.seed;
	open_log(argv[0]);
	disk_after = pair_map(argv[1], &disk_bytes);
	durable = allocate(disk_bytes, 1);
	state = allocate(disk_bytes, 1);
	hashes = allocate(MAX_STATES, sizeof(*hashes));
	pair_load(argv[2], argv[3], durable, disk_bytes);
	pair_name = argv[4];
	if (options.sample == 0)
		pair_open(pair_name, argv + 5, argc - 5);
	walk(count_entry);
	walk(take_entry);
	judge_states();
	if (options.sample == 0 && (store_flushes == 0 || store_flushes == flushes))
		errx(2, "the log does not tell flushes of the origin from those of the store");
	if (options.lose == 0 && memcmp(state, disk_after, disk_bytes) != 0)
		errx(1, "the log does not end with what is in %s", argv[1]);
	printf("%" PRIu64 " states, %" PRIu64 " flushes, %" PRIu64 " writes\n", states, flushes,
	       writes);
	return 0;
}
