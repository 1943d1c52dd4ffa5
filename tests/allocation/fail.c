// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For a cowtool whose own allocations can fail (linked with --wrap): of those that $FAIL_ALLOCATION
 * counts, from 1 on, that one does; with a + after the number, all from that one on. How many there
 * were in all goes to the file $COUNT_ALLOCATIONS.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__real_reallocarray(void *old, size_t count, size_t bytes);
char *__real_strdup(const char *text);
int __real_posix_memalign(void **pointer, size_t alignment, size_t bytes);

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_reallocarray(void *old, size_t count, size_t bytes);
char *__wrap_strdup(const char *text);
int __wrap_posix_memalign(void **pointer, size_t alignment, size_t bytes);
int __wrap_asprintf(char **text, const char *format, ...);

static atomic_long allocations;
static long chosen;
static char all_after;

__attribute__((constructor)) static void choose(void)
{
	const char *number = getenv("FAIL_ALLOCATION");

	if (number)
		sscanf(number, "%ld%c", &chosen, &all_after);
}

__attribute__((destructor)) static void tell(void)
{
	const char *path = getenv("COUNT_ALLOCATIONS");
	FILE *file = path ? fopen(path, "we") : NULL;

	if (!file)
		return;
	fprintf(file, "%ld\n", (long)allocations);
	fclose(file);
}

static int fails(void)
{
	long number = ++allocations;
	int failed = number == chosen || (all_after && number > chosen);

	if (failed)
		errno = ENOMEM;
	return failed;
}

void *__wrap_malloc(size_t bytes)
{
	return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return fails() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
	return fails() ? NULL : __real_realloc(old, bytes);
}

void *__wrap_reallocarray(void *old, size_t count, size_t bytes)
{
	return fails() ? NULL : __real_reallocarray(old, count, bytes);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

int __wrap_posix_memalign(void **pointer, size_t alignment, size_t bytes)
{
	return fails() ? ENOMEM : __real_posix_memalign(pointer, alignment, bytes);
}

int __wrap_asprintf(char **text, const char *format, ...)
{
	va_list arguments;
	int length;

	if (fails())
		return -1;
	va_start(arguments, format);
	length = vasprintf(text, format, arguments);
	va_end(arguments);
	return length;
}
