/*
 * top.h - what the live workers are doing, for `stockade top`. All of it was read from Redis, where
 * others may have written: bounded here, and printed so that no terminal obeys it.
 */
#ifndef WORKER_CLI_TOP_H
#define WORKER_CLI_TOP_H

#include "worker/config.h"
#include "worker/redis.h"
#include "worker/store.h"

#define STK_TOP_MAX 1024 /* instances looked at; more are only counted */

struct stk_top_row {
	char instance[STK_INSTANCE_CHARS + 1];
	char worker[STK_WORKER_ID_MAX + 1];
	bool busy;
	char job[40], class_name[STK_NAME_MAX + 1], queue[STK_QUEUE_MAX + 1];
	int64_t attempt, running_ms;
	bool has_progress;
	int64_t done, total, said_ms; /* said_ms: how long ago */
	char note[STK_NOTE_MAX + 1];
};

struct stk_top {
	int64_t at_ms;  /* Redis's clock */
	int64_t n_live; /* all instances, whatever was looked at */
	size_t n;
	struct stk_top_row *rows; /* owned; sorted by worker */
};

/* top_look.c: reads them all, in a few round trips. What the link's calls say, or STK_E_NOMEM.
 * stk_top_clear() in every case. */
STK_CHECK enum stk_err stk_top_look(struct stk_redis *link, const char *ns, struct stk_top *out);
void stk_top_clear(struct stk_top *t);

/* top_print.c: a table, at most @columns wide (0: as wide as it is), with colours where @tty; or
 * one line of JSON: 0 or an exit code. */
void stk_top_print(const struct stk_top *t, size_t columns, bool tty);
STK_CHECK int stk_top_json(const struct stk_top *t);

#endif
