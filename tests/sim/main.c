// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sim [--states=N] [--jobs=N] [--seed=N]     judges N distinct states of the real engine
 *     --breaks                               shows that every deliberate break is caught
 *     --break=NAME                           with one break in place
 *     --trace=N                              judges N merges by each real engine on files
 *     --one [--seed=N] [--exceptions=N] ...  one scenario, as a failure's report names it
 *
 * Scenarios are numbered: scenario k has the seed SEED + k, whatever process runs it.
 */
#include "tests/sim/sim.h"

#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/base/breaks.h"
#include "store/base/bytes.h"
#include "store/io/io_engine.h"

#define TABLE_SIZE ((uint64_t)1 << 24) /* a power of two, a few times the states of a run */
#define JOBS_MAX 16
#define STATES_OF_ONE_SCENARIO 4000 /* fewer where its disks are large */
#define BYTES_OF_ONE_SCENARIO ((uint64_t)64 << 20)
#define STATES_OF_ONE_TRACE 100
#define STATES_UNTIL_CAUGHT 400000
/* Every fourth scenario is a repair. */
#define REPAIR_EVERY 4

enum broken_rule broken_rule;
unsigned int batch_width_most = SIM_REQUESTS;

/* What all processes see. */
struct shared {
	uint64_t next_scenario;
	uint64_t failed; /* a failure was found: all stop */
	uint64_t failed_seed;
	uint64_t distinct; /* so far, all together */
	struct counts counts[JOBS_MAX];
	uint64_t seed_in_hand[JOBS_MAX];
	uint64_t seen[TABLE_SIZE];
};

static struct shared *shared;
static struct limits no_limits = {0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1, -1};

bool seen_add(uint64_t hash)
{
	hash |= hash == 0;
	for (uint64_t i = hash % TABLE_SIZE;; i = (i + 1) % TABLE_SIZE) {
		uint64_t found = 0;

		if (__atomic_compare_exchange_n(&shared->seen[i], &found, hash, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			__atomic_add_fetch(&shared->distinct, 1, __ATOMIC_RELAXED);
			return true;
		}
		if (found == hash)
			return false;
	}
}

static bool run_scenario(uint64_t seed, const struct limits *limits, struct counts *counts,
			 FILE *report)
{
	struct scenario *scenario;
	uint64_t budget, bytes = 0;
	bool good;

	if (seed % REPAIR_EVERY == 0)
		return judge_repair(seed, counts, STATES_OF_ONE_SCENARIO, report);
	scenario = malloc(sizeof(*scenario));
	scenario_make(scenario, seed, limits);
	for (unsigned int i = 0; i < scenario_disks(scenario); i++)
		bytes += scenario_bytes(scenario, i);
	budget = BYTES_OF_ONE_SCENARIO / bytes;
	good = judge_scenario(scenario, counts, min_u64(budget, STATES_OF_ONE_SCENARIO), report);
	scenario_free(scenario);
	free(scenario);
	return good;
}

static void work(unsigned int job, uint64_t seed, uint64_t states)
{
	struct counts *counts = &shared->counts[job];

	while (!__atomic_load_n(&shared->failed, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&shared->distinct, __ATOMIC_RELAXED) < states) {
		uint64_t number = __atomic_fetch_add(&shared->next_scenario, 1, __ATOMIC_RELAXED);

		shared->seed_in_hand[job] = seed + number;
		if (!run_scenario(seed + number, &no_limits, counts, NULL)) {
			shared->failed_seed = seed + number;
			__atomic_store_n(&shared->failed, 1, __ATOMIC_RELAXED);
		}
	}
}

/* An assertion that fails ends a worker: that is a failure of the scenario that it had in hand. */
static void wait_for_workers(const pid_t *workers, unsigned int jobs)
{
	for (unsigned int job = 0; job < jobs; job++) {
		int status = 0;

		waitpid(workers[job], &status, 0);
		if (status == 0 || shared->failed)
			continue;
		shared->failed_seed = shared->seed_in_hand[job];
		shared->failed = 1;
	}
}

static void give_up(const pid_t *workers, unsigned int jobs)
{
	perror("sim: fork");
	shared->failed = 1;
	wait_for_workers(workers, jobs);
	exit(2);
}

/* Forgets all states and counts. */
static void start_afresh(void)
{
	if (shared)
		munmap(shared, sizeof(*shared));
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED) {
		perror("sim: mmap");
		exit(2);
	}
}

static bool run_many(uint64_t seed, uint64_t states, unsigned int jobs)
{
	pid_t workers[JOBS_MAX];

	start_afresh();
	fflush(NULL);
	for (unsigned int job = 0; job < jobs; job++) {
		workers[job] = fork();
		if (workers[job] < 0)
			give_up(workers, job);
		if (workers[job] == 0) {
			work(job, seed, states);
			_exit(0);
		}
	}
	wait_for_workers(workers, jobs);
	return !shared->failed;
}

/* In a process of its own, for an assertion may end it. True: it still fails. */
static bool still_fails(uint64_t seed, const struct limits *limits, FILE *report)
{
	struct counts counts = {0};
	int status = 0;
	pid_t child;

	start_afresh();
	fflush(NULL);
	child = fork();
	if (child < 0)
		give_up(NULL, 0);
	if (child == 0) {
		bool good = run_scenario(seed, limits, &counts, report);

		fflush(NULL);
		_exit(good ? 0 : 1);
	}
	waitpid(child, &status, 0);
	return status != 0;
}

/* Takes away one thing after the other, as long as it still fails. */
static struct limits shrink(uint64_t seed)
{
	struct limits best = no_limits;

	/* Repairs have no limits. */
	if (seed % REPAIR_EVERY == 0)
		return best;
	for (int i = 0; i < 11; i++) {
		struct limits smaller = best;
		int *const flags[] = {&smaller.faults,	&smaller.duplicates,  &smaller.dirty_tail,
				      &smaller.lost,	&smaller.unreadable,  &smaller.volumes,
				      &smaller.lengths, &smaller.usual_order, &smaller.kept,
				      &smaller.kept,	&smaller.kept};

		/* Kept stores: two, then one, then none. */
		*flags[i] = i < 8 ? i == 7 : 10 - i;
		if (still_fails(seed, &smaller, NULL))
			best = smaller;
	}
	for (uint64_t exceptions = 1; exceptions <= 200; exceptions += 1 + exceptions / 4) {
		struct limits smaller = best;

		smaller.exceptions = exceptions;
		if (!still_fails(seed, &smaller, NULL))
			continue;
		return smaller;
	}
	return best;
}

static const struct {
	const char *name, *text;
} breaks[BREAK_COUNT] = {{"NONE", ""},
#define BREAK_TEXT(name, text) {#name, text},
			 BREAK_LIST(BREAK_TEXT)};

static void print_command(uint64_t seed, const struct limits *limits)
{
	printf("repeat with: build/sim/tests/sim/sim --one --seed=%llu", (unsigned long long)seed);
	if (broken_rule)
		printf(" --break=%s", breaks[broken_rule].name);
	if (limits->exceptions)
		printf(" --exceptions=%llu", (unsigned long long)limits->exceptions);
	if (limits->faults >= 0)
		printf(" --faults=%d", limits->faults);
	if (limits->duplicates >= 0)
		printf(" --duplicates=%d", limits->duplicates);
	if (limits->dirty_tail >= 0)
		printf(" --dirty-tail=%d", limits->dirty_tail);
	if (limits->usual_order >= 0)
		printf(" --usual-order=%d", limits->usual_order);
	if (limits->kept >= 0)
		printf(" --kept=%d", limits->kept);
	if (limits->lost >= 0)
		printf(" --lost=%d", limits->lost);
	if (limits->volumes >= 0)
		printf(" --volumes=%d", limits->volumes);
	if (limits->lengths >= 0)
		printf(" --lengths=%d", limits->lengths);
	if (limits->unreadable >= 0)
		printf(" --unreadable=%d", limits->unreadable);
	printf("\n");
}

static void report_failure(void)
{
	uint64_t seed = shared->failed_seed;
	struct limits limits;

	print_command(seed, &no_limits);
	limits = shrink(seed);
	print_command(seed, &limits);
	still_fails(seed, &limits, stdout);
}

static struct counts sum_counts(unsigned int jobs)
{
	struct counts sum = {0};

	for (unsigned int job = 0; job < jobs; job++) {
		const uint64_t *from = (const uint64_t *)&shared->counts[job];
		uint64_t *to = (uint64_t *)&sum;

		for (size_t i = 0; i < sizeof(sum) / sizeof(*to); i++)
			to[i] += from[i];
	}
	return sum;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void print_counts(const struct counts *counts, double seconds)
{
	printf("sim: %llu power cuts of %llu scenarios left %llu distinct states, %llu of them in a resume, in %.0f s\n",
	       (unsigned long long)counts->states, (unsigned long long)counts->scenarios,
	       (unsigned long long)counts->distinct, (unsigned long long)counts->nested, seconds);
	printf("sim: each was resumed and compared; the kernel's model finished %llu merges and used %llu stores again; %llu faults; %llu wrong origins; %llu states with kept stores; %llu wrong kept stores; %llu states with losses; %llu on volumes; %llu with lengths of their own; %llu kept stores dropped; %llu processes killed, and cut off in the next\n",
	       (unsigned long long)counts->kernel_merges, (unsigned long long)counts->kernel_uses,
	       (unsigned long long)counts->faults, (unsigned long long)counts->wrong_origins,
	       (unsigned long long)counts->kept_states, (unsigned long long)counts->wrong_kept,
	       (unsigned long long)counts->lost_states, (unsigned long long)counts->volume_states,
	       (unsigned long long)counts->length_states, (unsigned long long)counts->drops,
	       (unsigned long long)counts->kills);
}

static int check_engine(uint64_t seed, uint64_t states, unsigned int jobs)
{
	double start = now();
	bool good = run_many(seed, states, jobs);
	struct counts counts = sum_counts(jobs);
	bool enough = shared->distinct >= states;

	print_counts(&counts, now() - start);
	if (!good)
		report_failure();
	else if (!enough)
		printf("sim: %llu states were wanted\n", (unsigned long long)states);
	good = good && enough;
	printf("%llu passed, %d failed\n", (unsigned long long)counts.distinct, !good);
	return !good;
}

static int check_breaks(uint64_t seed, unsigned int jobs)
{
	int missed = 0;

	printf("%-26s %10s  %s\n", "deliberate break", "caught", "what it does");
	for (int i = 1; i < BREAK_COUNT; i++) {
		bool caught;

		broken_rule = (enum broken_rule)i;
		caught = !run_many(seed, STATES_UNTIL_CAUGHT, jobs);
		missed += !caught;
		if (caught)
			printf("%-26s %10llu  %s\n", breaks[i].name,
			       (unsigned long long)shared->distinct, breaks[i].text);
		else
			printf("%-26s %10s  %s\n", breaks[i].name, "NOT", breaks[i].text);
	}
	printf("%d passed, %d failed\n", BREAK_COUNT - 1 - missed, missed);
	return missed > 0;
}

/* Returns how many failed; that none was traced is a failure, too. */
static uint64_t trace_engine(uint64_t seed, uint64_t merges, int engine, const char *name,
			     uint64_t *passed)
{
	struct scenario *scenario = malloc(sizeof(*scenario));
	struct counts counts = {0};
	uint64_t failed = 0;

	for (uint64_t i = 0; i < merges; i++) {
		scenario_make(scenario, seed + i, &no_limits);
		failed += !judge_trace(scenario, engine, &counts, STATES_OF_ONE_TRACE, stdout);
		scenario_free(scenario);
	}
	free(scenario);
	printf("sim: %s: %llu merges traced, %llu distinct states judged\n", name,
	       (unsigned long long)counts.scenarios, (unsigned long long)counts.distinct);
	*passed += counts.scenarios - failed;
	return counts.scenarios > 0 ? failed : 1;
}

/* Every engine: the states that its requests, in the order in which it completed them, could leave.
 */
static int check_traces(uint64_t seed, uint64_t merges)
{
	static const char *const names[] = {"auto", "uring", "threads", "sync"};
	uint64_t passed = 0, failed = 0;

	start_afresh();
	for (int engine = IO_ENGINE_URING; engine <= IO_ENGINE_SYNC; engine++) {
		/* The others need nothing of the kernel that may be forbidden. */
		if (engine == IO_ENGINE_URING && !trace_has(engine))
			printf("sim: %s: not to be had here: skipped\n", names[engine]);
		else
			failed += trace_engine(seed, merges, engine, names[engine], &passed);
	}
	printf("%llu passed, %llu failed\n", (unsigned long long)passed,
	       (unsigned long long)failed);
	return failed > 0;
}

static void choose_break(const char *name)
{
	for (int i = 0; i < BREAK_COUNT; i++)
		if (strcmp(breaks[i].name, name) == 0)
			broken_rule = (enum broken_rule)i;
	if (broken_rule == BREAK_NONE) {
		fprintf(stderr, "sim: no such break: %s\n", name);
		exit(2);
	}
}

static unsigned int jobs_of(const char *text)
{
	char *end;
	unsigned long jobs = strtoul(text, &end, 10);

	if (*end || jobs < 1 || jobs > JOBS_MAX) {
		fprintf(stderr, "sim: --jobs must be a number from 1 to %d\n", JOBS_MAX);
		exit(2);
	}
	return (unsigned int)jobs;
}

static int check_one(uint64_t seed, const struct limits *limits)
{
	struct counts counts = {0};
	bool good;

	start_afresh();
	good = run_scenario(seed, limits, &counts, stdout);
	print_counts(&counts, 0);
	printf("%llu passed, %d failed\n", (unsigned long long)counts.distinct, !good);
	return !good;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"states", 1, NULL, 'n'},     {"jobs", 1, NULL, 'j'},
		{"seed", 1, NULL, 's'},	      {"breaks", 0, NULL, 'b'},
		{"break", 1, NULL, 'B'},      {"trace", 1, NULL, 'T'},
		{"one", 0, NULL, '1'},	      {"exceptions", 1, NULL, 'e'},
		{"faults", 1, NULL, 'f'},     {"duplicates", 1, NULL, 'd'},
		{"dirty-tail", 1, NULL, 't'}, {"usual-order", 1, NULL, 'u'},
		{"kept", 1, NULL, 'k'},	      {"lost", 1, NULL, 'l'},
		{"volumes", 1, NULL, 'v'},    {"lengths", 1, NULL, 'L'},
		{"unreadable", 1, NULL, 'r'}, {NULL, 0, NULL, 0}};
	uint64_t states = 100000, seed = 1, traces = 0;
	unsigned int jobs = 2;
	bool all_breaks = false, one = false;
	struct limits limits = no_limits;
	int option;

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* The engine's buffers come and go a million times: keep their pages. */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'n':
			states = strtoull(optarg, NULL, 10);
			break;
		case 'j':
			jobs = jobs_of(optarg);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 10);
			break;
		case 'T':
			traces = strtoull(optarg, NULL, 10);
			break;
		case 'b':
			all_breaks = true;
			break;
		case 'B':
			choose_break(optarg);
			break;
		case '1':
			one = true;
			break;
		case 'e':
			limits.exceptions = strtoull(optarg, NULL, 10);
			break;
		case 'f':
			limits.faults = atoi(optarg);
			break;
		case 'd':
			limits.duplicates = atoi(optarg);
			break;
		case 't':
			limits.dirty_tail = atoi(optarg);
			break;
		case 'u':
			limits.usual_order = atoi(optarg);
			break;
		case 'k':
			limits.kept = atoi(optarg) % (SIM_KEPT_MAX + 1);
			break;
		case 'l':
			limits.lost = atoi(optarg);
			break;
		case 'v':
			limits.volumes = atoi(optarg);
			break;
		case 'L':
			limits.lengths = atoi(optarg);
			break;
		case 'r':
			limits.unreadable = atoi(optarg);
			break;
		default:
			return 2;
		}
	}
	if (traces)
		return check_traces(seed, traces);
	if (one)
		return check_one(seed, &limits);
	return all_breaks ? check_breaks(seed, jobs) : check_engine(seed, states, jobs);
}
