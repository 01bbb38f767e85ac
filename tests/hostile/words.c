/*
 * words.c - the words of job.h as a handler uses them, and as one misuses them that is owned by its
 * input: the first argument says which.
 */
#include "jobs/job.h"
#include "sandbox/entry.h"
#include "tests/hostile/acts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool is(const struct hostile_args *a, size_t i, const char *text)
{
	return i < a->n && strcmp(a->arg[i], text) == 0;
}

/* "for good": no attempt mends it; else the class's RETRY does what it says. */
int hostile_fail(const struct hostile_args *a)
{
	hostile_for_good = is(a, 0, "for good");
	(void)snprintf(hostile_message, sizeof(hostile_message), "it cannot be done");
	return -1;
}

/* A hundred lines of a hundred bytes, of which 4 KiB hold thirty-five; "crash": no end of its own.
 */
int hostile_log_much(const struct hostile_args *a)
{
	volatile char *nothing = NULL;

	for (int i = 0; i < 100; i++)
		stockade_log(hostile_job, STOCKADE_NOTICE, "%0100d", i);
	if (is(a, 0, "crash"))
		nothing[0] = 1;
	(void)snprintf(hostile_message, sizeof(hostile_message), "said");
	return -1;
}

/* More than there is: NULL, and what was given before still stands. */
int hostile_memory(const struct hostile_args *a)
{
	char *first = stockade_text(hostile_job, "%s", "still there");
	unsigned n = 0;

	(void)a;
	for (void *p; (p = stockade_alloc(hostile_job, 1u << 20)) != NULL; n++)
		memset(p, 0xff, 1u << 20);
	(void)snprintf(hostile_message, sizeof(hostile_message), "%s, %s after %u MiB",
	    first == NULL ? "nothing" : first, strerror(errno), n < 128 ? n : 999);
	return -1;
}

/* The first argument as it is, so many times as the second says; "none" gives nothing. */
int hostile_result(const struct hostile_args *a)
{
	static char text[128 << 10];
	size_t len = a->n > 0 ? strlen(a->arg[0]) : 0, used = 0;

	if (is(a, 0, "none"))
		return 0;
	for (int i = a->n > 1 ? atoi(a->arg[1]) : 1; i > 0 && used + len < sizeof(text); i--) {
		memcpy(text + used, a->arg[0], len);
		used += len;
	}
	return stockade_result_json(hostile_job, text);
}

/* the same in a class whose results are not kept */
int hostile_result_only(const struct hostile_args *a)
{
	return hostile_result(a);
}

/* --- signs of life ---------------------------------------------------------------------------- */

static void nap(long ms)
{
	const struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&ts, NULL);
}

/* A frame as job.h's functions would never write it. */
static int forge(uint16_t type, const void *body, uint32_t len)
{
	const struct stk_frame f = { .magic = STK_FRAME_MAGIC, .type = type, .len = len };

	return write(STK_SLOT_REPORT, &f, sizeof(f)) == -1 ||
		       (len > 0 && write(STK_SLOT_REPORT, body, len) == -1)
		   ? -1
		   : 0;
}

static int forge_head(uint16_t type, uint32_t len)
{
	const struct stk_frame f = { .magic = STK_FRAME_MAGIC, .type = type, .len = len };

	return write(STK_SLOT_REPORT, &f, sizeof(f)) == -1 ? -1 : 0;
}

/* Works for so many tenths of a second, and says so as the first argument tells. */
static int work(const struct hostile_args *a)
{
	int tenths = a->n > 1 ? atoi(a->arg[1]) : 10;
	const char *note = a->n > 2 ? a->arg[2] : "resizing";

	for (int i = 0; i < tenths; i++) {
		if (is(a, 0, "progress"))
			stockade_progress(
			    hostile_job, (uint64_t)i + 1, (uint64_t)tenths, "%s", note);
		else if (is(a, 0, "beat"))
			stockade_heartbeat(hostile_job);
		else if (is(a, 0, "log"))
			stockade_log(hostile_job, STOCKADE_INFO, "%s", note);
		nap(100);
	}
	return 0;
}

int hostile_pulse(const struct hostile_args *a)
{
	static const char body[sizeof(struct stk_progress) + STK_NOTE_MAX + 1];

	if (is(a, 0, "often"))
		for (int i = 0; i < 1000000; i++) {
			stockade_progress(hostile_job, (uint64_t)i, 1000000, "row %d", i);
			stockade_heartbeat(hostile_job);
		}
	else if (is(a, 0, "flood"))
		for (int i = 0; i < 100000; i++)
			(void)forge(STK_FRAME_BEAT, NULL, 0);
	else if (is(a, 0, "progress flood"))
		for (int i = 0; i < 100000; i++)
			(void)forge(STK_FRAME_PROGRESS, body, sizeof(body) - 1);
	else if (is(a, 0, "oversized"))
		return forge(STK_FRAME_PROGRESS, body, sizeof(body));
	else if (is(a, 0, "huge"))
		return forge_head(STK_FRAME_PROGRESS, 1u << 30);
	else if (is(a, 0, "short"))
		return forge(STK_FRAME_PROGRESS, body, 3);
	else if (is(a, 0, "beat with a body"))
		return forge(STK_FRAME_BEAT, body, 1);
	else if (is(a, 0, "unknown"))
		return forge(7, body, 1);
	else
		return work(a);
	return 0;
}

/* the same in a class that may not be silent for more than a second */
int hostile_talker(const struct hostile_args *a)
{
	return hostile_pulse(a);
}

/* --- releases -----------------------------------------------------------------------------------
 */

/* "forge N": RELEASE frames past job.h; "fail": releases, then fails; "slow": takes its time; else
 * releases each argument.
 */
int hostile_release(const struct hostile_args *a)
{
	static char big[STK_ARGS_MAX + 2];

	if (is(a, 0, "too many")) {
		for (int i = 0; i < STK_RELEASES_MAX + 1; i++)
			(void)forge(STK_FRAME_RELEASE, "{}", 2);
		return 0;
	}
	if (is(a, 0, "too long"))
		return forge_head(STK_FRAME_RELEASE, STK_ARGS_MAX + 1);
	if (is(a, 0, "empty"))
		return forge(STK_FRAME_RELEASE, "", 0);
	if (is(a, 0, "forged"))
		return forge(STK_FRAME_RELEASE, "{}", 2);
	if (is(a, 0, "words")) {
		int limit, none, size;

		memset(big, '{', sizeof(big) - 1);
		none = stockade_release(hostile_job, "none") == -1 ? errno : 0;
		size = stockade_release(hostile_job, big) == -1 ? errno : 0;
		(void)stockade_release(hostile_job, "{1}");
		(void)stockade_release(hostile_job, "{2}");
		limit = stockade_release(hostile_job, "{3}") == -1 ? errno : 0;
		(void)snprintf(hostile_message, sizeof(hostile_message), "%s, %s, %s",
		    strerrorname_np(none), strerrorname_np(size), strerrorname_np(limit));
		return -1;
	}
	if (is(a, 0, "slow"))
		nap(2000);
	for (size_t i = is(a, 0, "fail") || is(a, 0, "slow") ? 1 : 0; i < a->n; i++)
		if (stockade_release(hostile_job, a->arg[i]) == -1)
			return -1;
	if (is(a, 0, "fail"))
		(void)snprintf(hostile_message, sizeof(hostile_message), "and yet it failed");
	return 0;
}

/* the same in a class that may release nothing */
int hostile_release_none(const struct hostile_args *a)
{
	return hostile_release(a);
}

int hostile_trace(const struct hostile_args *a)
{
	(void)a;
	(void)snprintf(
	    hostile_message, sizeof(hostile_message), "trace %s", stockade_trace(hostile_job));
	return -1;
}
