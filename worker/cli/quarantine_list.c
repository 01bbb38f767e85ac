/*
 * quarantine_list.c - `stockade quarantine list` and `show`: areas, entries and one entry, for
 * people or as one JSON object a line. Changes nothing. All that is printed was checked field by
 * field (kept.h) or is escaped byte by byte.
 */
#include "worker/cli/quarantine.h"
#include "worker/jsonw.h"
#include "worker/scan.h"
#include "worker/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGS_SHOWN 2048

static void title(const char *text)
{
	bool bold = isatty(STDOUT_FILENO) == 1;

	(void)printf("%s%s%s\n", bold ? "\033[1m" : "", text, bold ? "\033[0m" : "");
}

/* Nothing of the record is left in the buffer; one line each, so a script need not hold them all.
 */
static void print_line(struct stk_jw *w)
{
	stk_jw_close(w, '}');
	if (!w->sour)
		(void)puts(w->buf);
	stk_jw_clear(w);
}

static void json_begin(struct stk_jw *w)
{
	stk_jw_init(w, 1 << 22);
	stk_jw_open(w, NULL, '{');
}

static void add_age(struct stk_jw *w, const char *key, int64_t now_ms, int64_t at_ms)
{
	if (at_ms >= 0)
		stk_jw_int(w, key, (now_ms - at_ms) / 1000);
	else
		stk_jw_null(w, key);
}

/* --- areas ------------------------------------------------------------------------------------ */

static void print_area(const struct stk_quarantine *q, const struct stk_area *a)
{
	char oldest[STK_AGE_BYTES], newest[STK_AGE_BYTES];
	struct stk_jw w;

	if (q->shared.json) {
		json_begin(&w);
		stk_jw_cstr(&w, "area", a->name);
		stk_jw_bool(&w, "wrong_type", a->entries < 0);
		stk_jw_int(&w, "entries", a->entries < 0 ? 0 : a->entries);
		stk_jw_int(&w, "bytes", a->bytes < 0 ? 0 : a->bytes);
		stk_jw_int(&w, "dropped", a->dropped < 0 ? 0 : a->dropped);
		add_age(&w, "oldest_s", q->now_ms, a->oldest_ms);
		add_age(&w, "newest_s", q->now_ms, a->newest_ms);
		print_line(&w);
		return;
	}
	stk_age_text(oldest, q->now_ms, a->oldest_ms);
	stk_age_text(newest, q->now_ms, a->newest_ms);
	if (a->entries < 0)
		(void)printf("%9s %10s %9s %8s %8s  %s\n", "-", "-", "-", "-", "-", a->name);
	else
		(void)printf("%9" PRId64 " %10" PRId64 " %9" PRId64 " %8s %8s  %s\n", a->entries,
		    a->bytes < 0 ? 0 : a->bytes, a->dropped < 0 ? 0 : a->dropped, oldest, newest,
		    a->name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct stk_area *)a)->name, ((const struct stk_area *)b)->name);
}

static int list_areas(struct stk_quarantine *q)
{
	static struct stk_area areas[STK_AREAS_MAX];
	int64_t entries = 0;
	size_t n = 0;
	bool more = false;
	int code = stk_quarantine_areas(q, areas, &n, &more);

	if (code != 0)
		return code;
	qsort(areas, n, sizeof(areas[0]), by_name);
	if (!q->shared.json)
		title("  entries      bytes   dropped   oldest   newest  area");
	for (size_t i = 0; i < n; i++) {
		print_area(q, &areas[i]);
		entries += areas[i].entries > 0 ? areas[i].entries : 0;
		if (areas[i].entries < 0)
			(void)stk_complain(0,
			    "%s has another type than this protocol keeps there; workers wait for "
			    "it (TYPE, "
			    "then rename it, or `quarantine drop --area A --whole --yes`)",
			    areas[i].name);
	}
	if (!q->shared.json)
		(void)printf("%" PRId64 " entries in %zu areas\n", entries, n);
	if (more)
		(void)stk_complain(0,
		    "there are more areas than the %d looked at; name one with --area",
		    STK_AREAS_MAX);
	return 0;
}

/* --- entries ---------------------------------------------------------------------------------- */

static const char *or_dash(const char *text)
{
	return text[0] == '\0' ? "-" : text;
}

static void add_or_null(struct stk_jw *w, const char *key, const char *text)
{
	if (text[0] == '\0')
		stk_jw_null(w, key);
	else
		stk_jw_cstr(w, key, text);
}

static void add_entry(
    struct stk_jw *w, const struct stk_quarantine *q, const struct stk_quarantined *e)
{
	stk_jw_cstr(w, "area", e->area);
	add_or_null(w, "member", e->member);
	stk_jw_bool(w, "readable", e->kept.ours);
	add_or_null(w, "id", e->kept.id);
	add_or_null(w, "reason", e->kept.reason);
	add_or_null(w, "queue", e->kept.queue);
	add_or_null(w, "at", e->kept.at);
	add_age(w, "age_s", q->now_ms, e->at_ms);
	stk_jw_int(w, "bytes", e->kept.bytes);
	stk_jw_int(w, "n", e->kept.n);
	add_or_null(w, "kid", e->kept.kid);
	add_or_null(w, "job", e->kept.job);
	add_or_null(w, "sha256", e->kept.sha256);
}

static enum stk_walk print_entry(
    struct stk_quarantine *q, const struct stk_quarantined *e, void *ctx)
{
	const char *id = e->kept.job[0] != '\0' ? e->kept.job : e->member;
	char age[STK_AGE_BYTES];
	struct stk_jw w;

	(void)ctx;
	if (q->shared.json) {
		json_begin(&w);
		add_entry(&w, q, e);
		print_line(&w);
		return STK_WALK_ON;
	}
	stk_age_text(age, q->now_ms, e->at_ms);
	(void)printf("%8s %-17s %-20s %-20s %8" PRId64 " %6" PRId64 "  %s%s\n", age,
	    or_dash(e->kept.reason), or_dash(e->kept.queue), or_dash(e->kept.kid), e->kept.bytes,
	    e->kept.n, or_dash(id), e->kept.ours ? "" : "  (not an entry of ours)");
	return STK_WALK_ON;
}

int stk_quarantine_list(struct stk_quarantine *q)
{
	int code;

	if (!stk_quarantine_filtered(q))
		return list_areas(q);
	if (!q->shared.json)
		title("     age reason            queue                kid                     "
		      "bytes  times  id");
	code = stk_quarantine_walk(q, print_entry, NULL);
	if (code == 0 && !q->shared.json)
		(void)printf("%" PRId64 " entries%s\n", q->matched,
		    q->cut ? ", and there may be more: --limit" : "");
	return code;
}

/* --- one entry -------------------------------------------------------------------------------- */

/* A string of the payload, decoded, printed under @name. */
static void print_text(const char *name, struct stk_span escaped, size_t most)
{
	STK_AUTO_FREE uint8_t *text = malloc(escaped.len + 1);
	size_t n;

	if (text == NULL)
		return;
	n = stk_json_unescape(escaped, text, escaped.len);
	(void)printf("%-10s ", name);
	stk_print_bytes(stk_span_of(text, n < escaped.len ? n : escaped.len), most);
	(void)putchar('\n');
}

static void print_payload(struct stk_span raw)
{
	struct stk_payload p = { 0 };

	if (stk_payload_scan(raw, &p) != STK_V_ACCEPT) {
		(void)printf("%-10s ", "payload");
		stk_print_bytes(raw, ARGS_SHOWN);
		(void)putchar('\n');
		return;
	}
	print_text("class", p.class_text, STK_CLASS_MAX);
	print_text("header", p.header, STK_HEADER_MAX);
	print_text("arguments", p.body, ARGS_SHOWN);
}

static void print_fields(const struct stk_quarantine *q, const struct stk_quarantined *e)
{
	enum stk_verdict v = stk_verdict_find(e->kept.reason);
	char age[STK_AGE_BYTES];

	stk_age_text(age, q->now_ms, e->at_ms);
	(void)printf("area       %s\nid         %s\nreason     %s%s%s\nqueue      %s\nsince      "
		     "%s (%s ago)\n",
	    e->area, or_dash(e->kept.id), or_dash(e->kept.reason),
	    v < STK_VERDICT_COUNT ? ": " : "", v < STK_VERDICT_COUNT ? stk_verdict_sentence(v) : "",
	    or_dash(e->kept.queue), or_dash(e->kept.at), age);
	(void)printf("came       %" PRId64 " times\nbytes      %" PRId64
		     "\nkid        %s\njob        %s\nsha256     %s\n",
	    e->kept.n, e->kept.bytes, or_dash(e->kept.kid), or_dash(e->kept.job),
	    or_dash(e->kept.sha256));
}

struct shown {
	int code;
	bool found;
};

static int show_raw(struct stk_span raw)
{
	if (isatty(STDOUT_FILENO) == 1)
		return stk_complain(STK_EX_USAGE, "--raw writes bytes of anybody; send them to a "
						  "file or to `stockade explain -`");
	(void)fwrite(raw.p, 1, raw.len, stdout);
	return 0;
}

static void show_whole(const struct stk_quarantine *q, const struct stk_quarantined *e,
    const struct stk_kept_entry *kept, enum stk_err have, struct stk_span raw)
{
	struct stk_jw w;

	if (q->shared.json) {
		json_begin(&w);
		add_entry(&w, q, e);
		if (have == STK_OK)
			stk_jw_str(&w, "raw_b64", kept->raw_b64, SIZE_MAX);
		print_line(&w);
		return;
	}
	print_fields(q, e);
	if (have == STK_OK)
		print_payload(raw);
	else
		(void)printf("payload    %s\n",
		    have == STK_E_ABSENT ? "larger than max_payload: not kept"
					 : "damaged: what is kept is not what was refused");
}

static enum stk_walk show_entry(
    struct stk_quarantine *q, const struct stk_quarantined *e, void *ctx)
{
	STK_AUTO_FREE uint8_t *raw = NULL;
	struct stk_quarantined now = *e;
	struct shown *s = ctx;
	struct stk_kept_entry kept;
	char digest[41];
	enum stk_err have;
	size_t len = 0;

	s->found = true;
	s->code = stk_quarantine_fetch(q, e, &kept, digest);
	if (s->code != 0)
		return STK_WALK_STOP;
	now.kept = kept;
	have = stk_kept_payload(&kept, &raw, &len);
	if (!q->raw)
		show_whole(q, &now, &kept, have, stk_span_of(raw, len));
	else if (have == STK_OK)
		s->code = show_raw(stk_span_of(raw, len));
	else
		s->code = stk_complain(STK_EX_NOINPUT, "the payload was not kept whole");
	return STK_WALK_STOP;
}

int stk_quarantine_show(struct stk_quarantine *q)
{
	struct shown s = { 0 };
	int code = stk_quarantine_walk(q, show_entry, &s);

	if (code != 0 || s.code != 0)
		return code != 0 ? code : s.code;
	return s.found
		   ? 0
		   : stk_complain(STK_EX_NOINPUT, "no such entry; `quarantine list` has the areas");
}
