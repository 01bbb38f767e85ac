/*
 * quarantine_walk.c - the walk over areas and entries that a person's filters let through, page by
 * page and bounded; and how bytes of anybody are printed. For the `quarantine` commands.
 */
#include "worker/cli/quarantine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SCANNED_MAX  200000 /* entries looked at by one command */
#define ENTRY_AROUND 2048   /* an entry without its payload */

/* --- telling ---------------------------------------------------------------------------------- */

void stk_age_text(char out[static STK_AGE_BYTES], int64_t now_ms, int64_t at_ms)
{
	int64_t s = (now_ms - at_ms) / 1000;

	if (at_ms < 0)
		(void)snprintf(out, STK_AGE_BYTES, "?");
	else if (s < 0)
		(void)snprintf(out, STK_AGE_BYTES, "0s");
	else if (s < 60)
		(void)snprintf(out, STK_AGE_BYTES, "%" PRId64 "s", s);
	else if (s < 3600)
		(void)snprintf(out, STK_AGE_BYTES, "%" PRId64 "m", s / 60);
	else if (s < 86400)
		(void)snprintf(
		    out, STK_AGE_BYTES, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
	else
		(void)snprintf(out, STK_AGE_BYTES, "%" PRId64 "d%" PRId64 "h", s / 86400 % 1000000,
		    s / 3600 % 24);
}

void stk_print_bytes(struct stk_span bytes, size_t most)
{
	size_t n = bytes.len < most ? bytes.len : most;

	for (size_t i = 0; i < n; i++) {
		if (bytes.p[i] == '\\')
			(void)fputs("\\\\", stdout);
		else if (bytes.p[i] >= 0x20 && bytes.p[i] < 0x7f)
			(void)putchar(bytes.p[i]);
		else
			(void)printf("\\x%02x", bytes.p[i]);
	}
	if (n < bytes.len)
		(void)printf(" (%zu more bytes)", bytes.len - n);
}

int stk_quarantine_told(struct stk_quarantine *q, enum stk_err e, const enum stk_answer *v)
{
	if (e != STK_OK)
		return stk_complain(
		    STK_EX_REDIS, "Redis at %s: %s", q->config->redis, stk_redis_why(q->link));
	if (*v == STK_ANSWER_STORE)
		return stk_complain(STK_EX_REDIS,
		    "STORE: %s:%s has another type than this protocol keeps there; look at it "
		    "(TYPE), or "
		    "drop the area with `quarantine drop --area A --whole --yes`",
		    q->config->ns, q->store.bad_key);
	return 0;
}

/* --- the walk --------------------------------------------------------------------------------- */

bool stk_quarantine_filtered(const struct stk_quarantine *q)
{
	return q->area != NULL || q->queue != NULL || q->reason != NULL || q->old_kid != NULL ||
	       q->id != NULL || q->older_ms >= 0 || q->newer_ms >= 0;
}

static bool fits(const char *want, const char *have)
{
	return want == NULL || strcmp(want, have) == 0;
}

bool stk_quarantine_area_wanted(const struct stk_quarantine *q, const char *name)
{
	char queue[STK_QUEUE_MAX + 1], reason[40];

	stk_area_parts(name, queue, reason);
	return fits(q->area, name) && (queue[0] == '\0' || fits(q->queue, queue)) &&
	       (reason[0] == '\0' || fits(q->reason, reason));
}

static bool wanted(const struct stk_quarantine *q, const struct stk_quarantined *e)
{
	int64_t age_ms = e->at_ms < 0 ? -1 : q->now_ms - e->at_ms;

	if (q->id != NULL && strcmp(q->id, e->member) != 0 && strcmp(q->id, e->kept.id) != 0)
		return false;
	if (q->older_ms >= 0 && age_ms < q->older_ms)
		return false;
	if (q->newer_ms >= 0 && (age_ms < 0 || age_ms > q->newer_ms))
		return false;
	return fits(q->queue, e->kept.queue) && fits(q->reason, e->kept.reason) &&
	       fits(q->old_kid, e->kept.kid);
}

/* The page's spans die with the visitor's first call: everything is taken out of them before. */
static void take_page(const char *area, const struct stk_area_page *page,
    struct stk_quarantined out[static STK_AREA_PAGE])
{
	for (size_t i = 0; i < page->n; i++) {
		const struct stk_area_item *item = &page->items[i];

		out[i] = (struct stk_quarantined){
			.area = area, .at_ms = item->at_ms, .length = item->length
		};
		memcpy(out[i].member, item->member, sizeof(out[i].member));
		stk_kept_parse(item->head, &out[i].kept);
		out[i].kept.raw_b64 = stk_span_of("", 0);
	}
}

struct walk {
	stk_quarantine_visit *visit;
	void *ctx;
	int64_t scanned;
	bool stop;
};

static int walk_area(struct stk_quarantine *q, const char *area, struct walk *w)
{
	static struct stk_quarantined items[STK_AREA_PAGE];
	static struct stk_area_page page;
	int64_t from = 0;

	do {
		enum stk_answer v = STK_ANSWER_OK;
		int code = stk_quarantine_told(
		    q, stk_store_area_page(&q->store, area, from, &page, &v), &v);

		if (code != 0 || v != STK_ANSWER_OK)
			return code;
		q->now_ms = page.now_ms;
		take_page(area, &page, items);
		from += (int64_t)page.n;
		for (size_t i = 0; i < page.n && !w->stop; i++) {
			enum stk_walk next = STK_WALK_ON;

			if (wanted(q, &items[i])) {
				q->matched++;
				next = w->visit(q, &items[i], w->ctx);
			}
			from -= next == STK_WALK_GONE;
			w->stop = next == STK_WALK_STOP || q->matched >= q->limit;
		}
		w->scanned += (int64_t)page.n;
		q->cut =
		    q->cut || (page.n == STK_AREA_PAGE && (w->stop || w->scanned >= SCANNED_MAX));
	} while (page.n == STK_AREA_PAGE && !w->stop && w->scanned < SCANNED_MAX);
	return 0;
}

int stk_quarantine_walk(struct stk_quarantine *q, stk_quarantine_visit *visit, void *ctx)
{
	static struct stk_area areas[STK_AREAS_MAX];
	struct walk w = { .visit = visit, .ctx = ctx };
	size_t n = 0;
	int code;

	if (q->area != NULL)
		return walk_area(q, q->area, &w);
	code = stk_quarantine_areas(q, areas, &n, &q->cut);
	for (size_t i = 0; i < n && code == 0 && !w.stop; i++)
		if (areas[i].entries > 0 && stk_quarantine_area_wanted(q, areas[i].name))
			code = walk_area(q, areas[i].name, &w);
		else if (areas[i].entries < 0 && stk_quarantine_area_wanted(q, areas[i].name))
			(void)stk_complain(0,
			    "%s has another type than this protocol keeps there; left alone",
			    areas[i].name);
	return code;
}

int stk_quarantine_fetch(struct stk_quarantine *q, const struct stk_quarantined *e,
    struct stk_kept_entry *kept, char digest[static 41])
{
	int64_t most = q->config->max_payload_bytes / 3 * 4 + ENTRY_AROUND;
	enum stk_answer v = STK_ANSWER_OK;
	struct stk_area_whole whole;
	int code = stk_quarantine_told(
	    q, stk_store_area_entry(&q->store, e->area, e->member, most, &whole, &v), &v);

	if (code != 0)
		return code;
	stk_kept_parse(whole.entry, kept);
	memcpy(digest, whole.digest, sizeof(whole.digest));
	return whole.entry.len == 0 && !whole.too_long ? STK_EX_NOINPUT : 0;
}
