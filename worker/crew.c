/*
 * crew.c - see crew.h. Who takes the next element is decided under one lock; the work itself is
 * done without.
 */
#include "worker/crew.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#define STACK_BYTES (256 << 10)

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wanted, finished;
	stk_crew_act *act;
	void *ctx;
	size_t n, next; /* next == n: nothing is left to begin */
	size_t at_work; /* how many are at it */
	bool done[STK_CREW_MOST];
	bool two, stands;
} crew = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.wanted = PTHREAD_COND_INITIALIZER,
	.finished = PTHREAD_COND_INITIALIZER,
};

/* The next element, done by the caller, who holds the lock before and after. */
static void take_one(void)
{
	size_t i = crew.next++;

	crew.at_work++;
	(void)pthread_mutex_unlock(&crew.lock);
	crew.act(crew.ctx, i);
	(void)pthread_mutex_lock(&crew.lock);
	crew.at_work--;
	crew.done[i] = true;
	(void)pthread_cond_signal(&crew.finished);
}

static void *stand_by(void *arg)
{
	(void)pthread_mutex_lock(&crew.lock);
	crew.stands = true;
	(void)pthread_cond_signal(&crew.finished);
	for (;;) {
		while (crew.next == crew.n)
			(void)pthread_cond_wait(&crew.wanted, &crew.lock);
		take_one();
	}
	return arg;
}

static bool one_processor(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) < 2;
}

static bool start(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool good;

	if (pthread_attr_init(&attr) != 0)
		return false;
	good = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0 &&
	       pthread_attr_setstacksize(&attr, STACK_BYTES) == 0 &&
	       pthread_create(&thread, &attr, stand_by, NULL) == 0;
	(void)pthread_attr_destroy(&attr);
	return good;
}

bool stk_crew_open(void)
{
	sigset_t all, before;

	if (crew.two || one_processor())
		return crew.two;
	(void)mallopt(
	    M_ARENA_MAX, 1); /* one heap: a second one would be memory that never shrinks */
	/* signals are the worker's, which reads them from a descriptor */
	(void)sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		return false;
	crew.two = start();
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	/* libc's own first calls in a new thread (rseq) are none that the filter knows */
	(void)pthread_mutex_lock(&crew.lock);
	while (crew.two && !crew.stands)
		(void)pthread_cond_wait(&crew.finished, &crew.lock);
	(void)pthread_mutex_unlock(&crew.lock);
	return crew.two;
}

void stk_crew_begin(stk_crew_act *act, void *ctx, size_t n)
{
	(void)pthread_mutex_lock(&crew.lock);
	crew.act = act;
	crew.ctx = ctx;
	crew.n = n < STK_CREW_MOST ? n : STK_CREW_MOST;
	crew.next = 0;
	for (size_t i = 0; i < crew.n; i++)
		crew.done[i] = false;
	if (crew.two && crew.n > 1)
		(void)pthread_cond_signal(&crew.wanted);
	(void)pthread_mutex_unlock(&crew.lock);
}

void stk_crew_need(size_t i)
{
	(void)pthread_mutex_lock(&crew.lock);
	while (!crew.done[i]) {
		if (crew.next < crew.n)
			take_one();
		else
			(void)pthread_cond_wait(&crew.finished, &crew.lock);
	}
	(void)pthread_mutex_unlock(&crew.lock);
}

size_t stk_crew_end(void)
{
	size_t begun;

	(void)pthread_mutex_lock(&crew.lock);
	begun = crew.next;
	crew.next = crew.n;
	while (crew.at_work > 0)
		(void)pthread_cond_wait(&crew.finished, &crew.lock);
	(void)pthread_mutex_unlock(&crew.lock);
	return begun;
}
