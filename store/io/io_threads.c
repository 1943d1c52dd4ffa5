// SPDX-License-Identifier: GPL-2.0-or-later
/* A pool of threads, each with one system call at a time: for kernels and sandboxes without
 * io_uring. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "store/io/io_engine.h"

#define THREADS 32u
/* One system call needs little. With the default of megabytes for each, a limit on memory (ulimit
 * -v) would leave room for few threads or none. */
#define STACK_BYTES (64u << 10)

struct queue {
	struct io_request *first, *last;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work_added, work_done;
	struct queue todo, done;
	bool closing;
	pthread_t threads[THREADS];
	unsigned int thread_count;
};

static void push(struct queue *queue, struct io_request *request)
{
	request->next = NULL;
	if (queue->first)
		queue->last->next = request;
	else
		queue->first = request;
	queue->last = request;
}

static struct io_request *pop(struct queue *queue)
{
	struct io_request *request = queue->first;

	if (request)
		queue->first = request->next;
	return request;
}

static void *work(void *argument)
{
	struct pool *pool = argument;
	struct io_request *request;

	pthread_mutex_lock(&pool->lock);
	while (!pool->closing) {
		request = pop(&pool->todo);
		if (!request) {
			pthread_cond_wait(&pool->work_added, &pool->lock);
			continue;
		}
		pthread_mutex_unlock(&pool->lock);
		request->result = io_engine_call(request);
		pthread_mutex_lock(&pool->lock);
		push(&pool->done, request);
		pthread_cond_signal(&pool->work_done);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static void threads_submit(struct io *io, struct io_request *request)
{
	struct pool *pool = io->state;

	pthread_mutex_lock(&pool->lock);
	push(&pool->todo, request);
	pthread_cond_signal(&pool->work_added);
	pthread_mutex_unlock(&pool->lock);
}

static void threads_reap(struct io *io)
{
	struct pool *pool = io->state;
	struct queue done;
	struct io_request *request;

	pthread_mutex_lock(&pool->lock);
	while (!pool->done.first)
		pthread_cond_wait(&pool->work_done, &pool->lock);
	done = pool->done;
	pool->done.first = NULL;
	pthread_mutex_unlock(&pool->lock);
	while ((request = pop(&done)) != NULL)
		io_complete(io, request, request->result);
}

static void stop_threads(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->closing = true;
	pthread_cond_broadcast(&pool->work_added);
	pthread_mutex_unlock(&pool->lock);
	while (pool->thread_count > 0)
		pthread_join(pool->threads[--pool->thread_count], NULL);
}

static void threads_close(struct io *io)
{
	struct pool *pool = io->state;

	stop_threads(pool);
	pthread_cond_destroy(&pool->work_done);
	pthread_cond_destroy(&pool->work_added);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

static const struct io_engine threads_engine = {
	.name = "threads",
	.submit = threads_submit,
	.reap = threads_reap,
	.close = threads_close,
};

/* Signals are for the main thread: a handler's flag is read there. */
static int start_threads(struct pool *pool)
{
	sigset_t all, before;
	pthread_attr_t attributes;
	int error = pthread_attr_init(&attributes);

	if (error)
		return error;
	pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN + STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (pool->thread_count < THREADS && error == 0) {
		error = pthread_create(&pool->threads[pool->thread_count], &attributes, work, pool);
		pool->thread_count += error == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return pool->thread_count > 0 ? 0 : error;
}

int io_threads_open(struct io *io)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	int error;

	if (!pool)
		return ENOMEM;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work_added, NULL);
	pthread_cond_init(&pool->work_done, NULL);
	*io = (struct io){.engine = &threads_engine, .depth = IO_DEPTH, .state = pool};
	error = start_threads(pool);
	if (error) {
		threads_close(io);
		*io = (struct io){0};
	}
	return error;
}
