/*
 * quarantine_drop.c - `stockade quarantine drop`: entries that nobody needs any more. Without --yes
 * it only counts.
 */
#include "worker/cli/quarantine.h"
#include "worker/jsonw.h"

#include <inttypes.h>
#include <stdio.h>

struct drop {
	int64_t n, n_left;
	int code;
};

static enum stk_walk count_one(struct stk_quarantine *q, const struct stk_quarantined *e, void *ctx)
{
	(void)q;
	(void)e;
	(void)ctx;
	return STK_WALK_ON;
}

static enum stk_walk drop_one(struct stk_quarantine *q, const struct stk_quarantined *e, void *ctx)
{
	const char *const member[] = { e->member };
	enum stk_answer v = STK_ANSWER_OK;
	struct drop *d = ctx;
	int64_t n = 0;

	if (e->member[0] == '\0') {
		d->n_left++;
		return STK_WALK_ON;
	}
	(void)stk_quarantine_record(q, "drop", e);
	if (!stk_quarantine_recorded(q)) {
		d->code = STK_EX_OS;
		return STK_WALK_STOP;
	}
	d->code =
	    stk_quarantine_told(q, stk_store_area_drop(&q->store, e->area, member, 1, &n, &v), &v);
	if (d->code != 0)
		return STK_WALK_STOP;
	d->n += n;
	return STK_WALK_GONE; /* by us or by somebody else meanwhile */
}

static int wipe(struct stk_quarantine *q, struct drop *d)
{
	const struct stk_quarantined all = { .area = q->area };
	enum stk_answer v = STK_ANSWER_OK;
	struct stk_jw *w = stk_quarantine_record(q, "drop", &all);

	stk_jw_bool(w, "whole", true);
	if (!stk_quarantine_recorded(q))
		return STK_EX_OS;
	return stk_quarantine_told(q, stk_store_area_wipe(&q->store, q->area, &d->n, &v), &v);
}

static void tell(const struct stk_quarantine *q, const struct drop *d)
{
	char text[160];
	struct stk_jw w;

	(void)snprintf(text, sizeof(text), "%" PRId64 " entries dropped, %" PRId64 " left%s", d->n,
	    d->n_left, q->cut ? "; there may be more" : "");
	if (q->shared.json) {
		stk_jw_init(&w, 1024);
		stk_jw_open(&w, NULL, '{');
		stk_jw_int(&w, "dropped", d->n);
		stk_jw_int(&w, "left", d->n_left);
		stk_jw_bool(&w, "more", q->cut);
		stk_jw_close(&w, '}');
		(void)puts(w.buf);
		stk_jw_clear(&w);
	} else {
		(void)puts(text);
	}
	if (d->n_left > 0)
		(void)stk_complain(
		    0, "what is left has names that no worker gives; only --whole takes them away");
	stk_quarantine_log(q, "quarantine.dropped", text, d->n, d->n_left);
}

static int only_count(struct stk_quarantine *q)
{
	int code = q->whole ? 0 : stk_quarantine_walk(q, count_one, NULL);

	if (code != 0)
		return code;
	if (q->whole)
		return stk_complain(
		    STK_EX_USAGE, "nothing was dropped: say --yes to drop all of %s", q->area);
	if (q->matched == 0 && q->id != NULL)
		return stk_complain(
		    STK_EX_NOINPUT, "no such entry; `quarantine list` has the areas");
	return stk_complain(STK_EX_USAGE,
	    "nothing was dropped: %" PRId64 " entries%s fit; say --yes to drop them", q->matched,
	    q->cut ? " or more" : "");
}

int stk_quarantine_drop(struct stk_quarantine *q)
{
	struct drop d = { 0 };
	int code;

	if (q->whole &&
	    (q->area == NULL || q->queue != NULL || q->reason != NULL || q->old_kid != NULL ||
		q->id != NULL || q->older_ms >= 0 || q->newer_ms >= 0))
		return stk_complain(STK_EX_USAGE,
		    "--whole drops one area, all of it: --area A and no other filter");
	if (!q->yes)
		return only_count(q);
	if ((code = stk_quarantine_trail_open(q, NULL)) != 0)
		return code;
	code = q->whole ? wipe(q, &d) : stk_quarantine_walk(q, drop_one, &d);
	if (code != 0 || d.code != 0)
		return code != 0 ? code : d.code;
	if (q->matched == 0 && q->id != NULL)
		return stk_complain(
		    STK_EX_NOINPUT, "no such entry; `quarantine list` has the areas");
	tell(q, &d);
	return 0;
}
