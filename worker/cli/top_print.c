/*
 * top_print.c - see top.h: rows for people, or JSON.
 */
#include "worker/cli/cli.h"
#include "worker/cli/safe.h"
#include "worker/cli/top.h"
#include "worker/jsonw.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum column {
	WORKER,
	QUEUE,
	CLASS,
	JOB,
	ATTEMPT,
	RUNNING,
	PROGRESS,
	COLUMNS
};

static const struct {
	const char *title;
	size_t most; /* characters */
} columns[COLUMNS] = {
	[WORKER] = { "WORKER", 32 },
	[QUEUE] = { "QUEUE", 20 },
	[CLASS] = { "CLASS", 28 },
	[JOB] = { "JOB", 8 },
	[ATTEMPT] = { "TRY", 3 },
	[RUNNING] = { "RUNNING", 8 },
	[PROGRESS] = { "PROGRESS", 200 },
};

#define CELL 1300 /* bytes: 200 characters, each of which may stand there as \uXXXX */

struct cells {
	char text[COLUMNS][CELL];
	size_t wide[COLUMNS];
};

/* "12s", "3m07s", "2h05m", "4d03h" */
static void age_text(int64_t ms, char *out, size_t size)
{
	int64_t s = ms / 1000;

	if (s < 60)
		(void)snprintf(out, size, "%" PRId64 "s", s);
	else if (s < 3600)
		(void)snprintf(out, size, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(out, size, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
	else
		(void)snprintf(out, size, "%" PRId64 "d%02" PRId64 "h", s / 86400, s / 3600 % 24);
}

static void progress_text(const struct stk_top_row *r, char *out, size_t size)
{
	char age[24];
	int n = 0;

	out[0] = '\0';
	if (!r->has_progress)
		return;
	if (r->total > 0)
		/* as a fraction, because a handler may say anything */
		n = snprintf(out, size, "%3.0f%% %" PRId64 "/%" PRId64,
		    100.0 * (double)(r->done < r->total ? r->done : r->total) / (double)r->total,
		    r->done, r->total);
	else
		n = snprintf(out, size, "%" PRId64, r->done);
	if (r->note[0] != '\0')
		n += snprintf(out + n, size - (size_t)n, " %s", r->note);
	if (r->said_ms >= 60000) {
		age_text(r->said_ms, age, sizeof(age));
		(void)snprintf(out + n, size - (size_t)n, " (%s ago)", age);
	}
}

static void put(struct cells *c, enum column at, const char *text)
{
	c->wide[at] =
	    stk_safe_text(stk_span_str(text), columns[at].most, c->text[at], sizeof(c->text[at]));
}

/* The worker id without its queues: the last colon's part may be long, and stands in QUEUE. */
static void worker_text(const struct stk_top_row *r, char *out, size_t size)
{
	size_t len = strcspn(r->worker, ":");

	if (r->worker[len] == ':')
		len += 1 + strcspn(r->worker + len + 1, ":");
	(void)snprintf(out, size, "%.*s", (int)len, r->worker);
	if (out[0] == '\0')
		(void)snprintf(out, size, "%.12s", r->instance);
}

static void fill(const struct stk_top_row *r, struct cells *c)
{
	char text[512];

	memset(c, 0, sizeof(*c));
	worker_text(r, text, sizeof(text));
	put(c, WORKER, text);
	if (!r->busy) {
		put(c, QUEUE, "-");
		put(c, CLASS, "idle");
		return;
	}
	put(c, QUEUE, r->queue);
	put(c, CLASS, r->class_name);
	(void)snprintf(text, sizeof(text), "%.8s", r->job);
	put(c, JOB, text);
	(void)snprintf(text, sizeof(text), "%" PRId64, r->attempt);
	put(c, ATTEMPT, text);
	age_text(r->running_ms, text, sizeof(text));
	put(c, RUNNING, text);
	progress_text(r, text, sizeof(text));
	put(c, PROGRESS, text);
}

static void line(const struct cells *c, const size_t *wide, size_t room, const char *colour)
{
	char out[COLUMNS * CELL], cut[COLUMNS * CELL];
	size_t n = 0;

	for (int i = 0; i < COLUMNS; i++) {
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s", c->text[i]);
		for (size_t pad = c->wide[i]; i + 1 < COLUMNS && pad < wide[i] + 2; pad++)
			if (n + 1 < sizeof(out))
				out[n++] = ' ';
		out[n] = '\0';
	}
	while (n > 0 && out[n - 1] == ' ')
		out[--n] = '\0';
	(void)stk_safe_text(stk_span_of(out, n), room == 0 ? sizeof(out) : room, cut, sizeof(cut));
	(void)printf("%s%s%s\n", colour, cut, colour[0] == '\0' ? "" : "\033[0m");
}

static void print_row(
    const struct stk_top_row *r, const size_t *wide, size_t room, bool tty, struct cells *c)
{
	fill(r, c);
	line(c, wide, room, !tty ? "" : r->busy ? "\033[32m" : "\033[2m");
}

void stk_top_print(const struct stk_top *t, size_t room, bool tty)
{
	static struct cells c;
	size_t wide[COLUMNS], busy = 0;

	for (int i = 0; i < COLUMNS; i++)
		wide[i] = strlen(columns[i].title);
	for (size_t i = 0; i < t->n; i++) {
		busy += t->rows[i].busy;
		fill(&t->rows[i], &c);
		for (int k = 0; k < COLUMNS; k++)
			if (c.wide[k] > wide[k])
				wide[k] = c.wide[k];
	}
	memset(&c, 0, sizeof(c));
	for (int i = 0; i < COLUMNS; i++)
		put(&c, (enum column)i, columns[i].title);
	line(&c, wide, room, tty ? "\033[1m" : "");
	for (size_t i = 0; i < t->n; i++)
		print_row(&t->rows[i], wide, room, tty, &c);
	(void)printf("%zu workers, %zu busy", t->n, busy);
	if (t->n_live > (int64_t)t->n)
		(void)printf(" (%" PRId64 " more were not looked at)", t->n_live - (int64_t)t->n);
	(void)puts("");
}

static void json_row(struct stk_jw *w, const struct stk_top_row *r)
{
	stk_jw_open(w, NULL, '{');
	stk_jw_str(w, "worker", stk_span_str(r->worker), STK_WORKER_ID_MAX);
	stk_jw_cstr(w, "instance", r->instance);
	stk_jw_bool(w, "busy", r->busy);
	if (r->busy) {
		stk_jw_str(w, "job", stk_span_str(r->job), sizeof(r->job));
		stk_jw_str(w, "class", stk_span_str(r->class_name), sizeof(r->class_name));
		stk_jw_str(w, "queue", stk_span_str(r->queue), sizeof(r->queue));
		stk_jw_int(w, "attempt", r->attempt);
		stk_jw_int(w, "running_ms", r->running_ms);
	}
	if (r->has_progress) {
		stk_jw_open(w, "progress", '{');
		stk_jw_int(w, "done", r->done);
		stk_jw_int(w, "total", r->total);
		stk_jw_str(w, "note", stk_span_str(r->note), sizeof(r->note));
		stk_jw_int(w, "said_ms_ago", r->said_ms);
		stk_jw_close(w, '}');
	}
	stk_jw_close(w, '}');
}

int stk_top_json(const struct stk_top *t)
{
	struct stk_jw w;
	bool bad;

	stk_jw_init(&w, 8u << 20);
	stk_jw_open(&w, NULL, '{');
	stk_jw_int(&w, "at_ms", t->at_ms);
	stk_jw_int(&w, "live", t->n_live);
	stk_jw_open(&w, "workers", '[');
	for (size_t i = 0; i < t->n; i++)
		json_row(&w, &t->rows[i]);
	stk_jw_close(&w, ']');
	stk_jw_close(&w, '}');
	bad = w.sour;
	if (!bad)
		(void)puts(w.buf);
	stk_jw_clear(&w);
	return bad ? stk_complain(STK_EX_OS, "no memory for the listing") : 0;
}
