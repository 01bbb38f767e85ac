/*
 * store_quarantine.c - see store_quarantine.h; the rules are in worker/scripts/quarantine.lua.
 */
#include "worker/store_quarantine.h"

#include "worker/envelope.h"
#include "worker/store_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AREA_WORDS   6
#define NAMES_A_CALL 200
#define PAGES_MAX    2048 /* of the list of areas: whoever floods it with names keeps nobody busy */

static void begin(struct stk_call *a, const struct stk_store *s, const char *what)
{
	stk_call_start(a, s, STK_SCRIPT_QUARANTINE);
	stk_call_text(a, what);
}

/* The reply stays in the store's hand, so that spans into it live on. */
static enum stk_err ask(struct stk_store *s, struct stk_call *a, enum stk_answer *v)
{
	struct stk_reply *r = NULL;
	enum stk_err e = stk_call_run(s, a, &r);

	if (e == STK_OK)
		e = stk_answer_verdict(s, r, v);
	stk_reply_free(s->in_hand);
	s->in_hand = r;
	return e;
}

/* "1795416674123", or what Redis makes of a score; -1 for anything else. */
static int64_t number_of(struct stk_span text)
{
	int64_t v = 0;

	if (text.len == 0 || text.len > 15)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return -1;
		v = v * 10 + (text.p[i] - '0');
	}
	return v;
}

/* --- names ------------------------------------------------------------------------------------ */

static bool after(const char *name, const char *prefix, const char **rest)
{
	size_t n = strlen(prefix);

	*rest = name + n;
	return strncmp(name, prefix, n) == 0;
}

static bool reason_ok(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");

	return n >= 3 && n < 40 && s[n] == '\0';
}

bool stk_area_name_ok(const char *name)
{
	const char *rest, *hash;

	if (strnlen(name, STK_AREA_BYTES) >= STK_AREA_BYTES)
		return false;
	if (after(name, "revoked:", &rest))
		return stk_envelope_kid_ok(stk_span_str(rest));
	if (after(name, "unknownkey:", &rest))
		return stk_envelope_queue_ok(stk_span_str(rest));
	if (!after(name, "quarantine:", &rest))
		return false;
	hash = strchr(rest, '#');
	if (hash == NULL)
		return stk_envelope_queue_ok(stk_span_str(rest));
	return stk_envelope_queue_ok(stk_span_of(rest, (size_t)(hash - rest))) &&
	       reason_ok(hash + 1);
}

void stk_area_parts(const char *name, char queue[static STK_QUEUE_MAX + 1], char reason[static 40])
{
	const char *rest = strchr(name, ':');
	size_t n = rest == NULL ? 0 : strcspn(++rest, "#");

	queue[0] = reason[0] = '\0';
	if (rest == NULL)
		return;
	if (strncmp(name, "revoked:", strlen("revoked:")) != 0)
		(void)snprintf(queue, STK_QUEUE_MAX + 1, "%.*s", (int)n, rest);
	if (rest[n] == '#')
		(void)snprintf(reason, 40, "%s", rest + n + 1);
}

/* --- looking ---------------------------------------------------------------------------------- */

static bool take_area(const struct stk_reply *r, size_t at, struct stk_area *out)
{
	stk_answer_copy(out->name, sizeof(out->name), stk_answer_span(r, at));
	out->entries = stk_answer_int(r, at + 1);
	out->bytes = number_of(stk_answer_span(r, at + 2));
	out->dropped = number_of(stk_answer_span(r, at + 3));
	out->oldest_ms = number_of(stk_answer_span(r, at + 4));
	out->newest_ms = number_of(stk_answer_span(r, at + 5));
	return stk_area_name_ok(out->name) && out->entries != 0;
}

/* HSCAN may tell one twice. */
static bool told(const struct stk_area *out, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(out[i].name, name) == 0)
			return true;
	return false;
}

struct areas {
	struct stk_area *out;
	size_t n, max;
	bool more;
};

static void take_areas(const struct stk_reply *r, struct areas *a)
{
	for (size_t i = 3; i + AREA_WORDS <= r->n; i += AREA_WORDS) {
		struct stk_area found;

		if (!take_area(r, i, &found) || told(a->out, a->n, found.name))
			continue;
		if (a->n == a->max)
			a->more = true;
		else
			a->out[a->n++] = found;
	}
}

/* The areas under names that the caller knows. */
static enum stk_err look_at_names(
    struct stk_store *s, const char *const *names, size_t n, struct areas *a, enum stk_answer *v)
{
	enum stk_err e = STK_OK;

	for (size_t at = 0; at < n && e == STK_OK; at += NAMES_A_CALL) {
		size_t now = n - at < NAMES_A_CALL ? n - at : NAMES_A_CALL;
		struct stk_call call;

		begin(&call, s, "names");
		stk_call_queues(&call, names + at, now);
		if ((e = ask(s, &call, v)) != STK_OK || *v != STK_ANSWER_OK)
			return e;
		take_areas(s->in_hand, a);
	}
	return e;
}

/* The areas that the counts name. */
static enum stk_err look_at_counts(
    struct stk_store *s, struct areas *a, int64_t *now_ms, enum stk_answer *v)
{
	char cursor[24] = "0";

	for (int page = 0; page < PAGES_MAX && !a->more; page++) {
		struct stk_call call;
		enum stk_err e;

		begin(&call, s, "areas");
		stk_call_text(&call, cursor);
		if ((e = ask(s, &call, v)) != STK_OK || *v != STK_ANSWER_OK)
			return e;
		stk_answer_copy(cursor, sizeof(cursor), stk_answer_span(s->in_hand, 1));
		*now_ms = stk_answer_int(s->in_hand, 2);
		take_areas(s->in_hand, a);
		if (strcmp(cursor, "0") == 0)
			return STK_OK;
	}
	a->more = true;
	return STK_OK;
}

enum stk_err stk_store_areas(struct stk_store *s, const char *const *names, size_t n_names,
    struct stk_area *out, size_t max, size_t *n, bool *more, int64_t *now_ms, enum stk_answer *v)
{
	struct areas a = { .out = out, .max = max };
	enum stk_err e;

	*v = STK_ANSWER_OK;
	e = look_at_names(s, names, n_names, &a, v);
	if (e == STK_OK && *v == STK_ANSWER_OK)
		e = look_at_counts(s, &a, now_ms, v);
	*n = a.n;
	*more = a.more;
	return e;
}

enum stk_err stk_store_area_page(struct stk_store *s, const char *area, int64_t from,
    struct stk_area_page *out, enum stk_answer *v)
{
	struct stk_call a;
	enum stk_err e;

	out->n = 0;
	begin(&a, s, "page");
	stk_call_text(&a, area);
	stk_call_number(&a, from);
	stk_call_number(&a, STK_AREA_PAGE);
	if ((e = ask(s, &a, v)) != STK_OK || *v != STK_ANSWER_OK)
		return e;
	out->entries = stk_answer_int(s->in_hand, 1);
	out->now_ms = stk_answer_int(s->in_hand, 2);
	for (size_t i = 3; i + 4 <= s->in_hand->n && out->n < STK_AREA_PAGE; i += 4) {
		struct stk_area_item *item = &out->items[out->n++];

		stk_answer_copy(item->member, sizeof(item->member), stk_answer_span(s->in_hand, i));
		if (!stk_key_text(item->member, STK_AREA_MEMBER, "") ||
		    strlen(item->member) != stk_answer_span(s->in_hand, i).len)
			item->member[0] = '\0';
		item->at_ms = number_of(stk_answer_span(s->in_hand, i + 1));
		item->length = stk_answer_int(s->in_hand, i + 2);
		item->head = stk_answer_span(s->in_hand, i + 3);
	}
	return STK_OK;
}

enum stk_err stk_store_area_entry(struct stk_store *s, const char *area, const char *member,
    int64_t most, struct stk_area_whole *out, enum stk_answer *v)
{
	struct stk_call a;
	enum stk_err e;

	*out = (struct stk_area_whole){ .entry = stk_span_of("", 0) };
	begin(&a, s, "entry");
	stk_call_text(&a, area);
	stk_call_text(&a, member);
	stk_call_number(&a, most);
	if ((e = ask(s, &a, v)) != STK_OK || *v != STK_ANSWER_OK)
		return e;
	out->too_long = stk_answer_int(s->in_hand, 1) == 2;
	if (stk_answer_int(s->in_hand, 1) == 1) {
		out->entry = stk_answer_span(s->in_hand, 2);
		stk_answer_copy(out->digest, sizeof(out->digest), stk_answer_span(s->in_hand, 3));
	}
	return STK_OK;
}

/* --- doing ------------------------------------------------------------------------------------ */

enum stk_err stk_store_area_release(struct stk_store *s, const char *area, const char *member,
    const char *digest, const char *queue, struct stk_span payload, enum stk_answer *v)
{
	struct stk_call a;

	begin(&a, s, "release");
	stk_call_text(&a, area);
	stk_call_text(&a, member);
	stk_call_text(&a, digest);
	stk_call_text(&a, queue);
	stk_call_add(&a, payload);
	return stk_call_plain(s, &a, v);
}

enum stk_err stk_store_area_drop(struct stk_store *s, const char *area, const char *const *members,
    size_t n, int64_t *dropped, enum stk_answer *v)
{
	struct stk_call a;
	enum stk_err e;

	begin(&a, s, "drop");
	stk_call_text(&a, area);
	stk_call_queues(&a, members, n < STK_AREA_PAGE ? n : STK_AREA_PAGE);
	e = ask(s, &a, v);
	*dropped = e == STK_OK && *v == STK_ANSWER_OK ? stk_answer_int(s->in_hand, 1) : 0;
	return e;
}

enum stk_err stk_store_area_wipe(
    struct stk_store *s, const char *area, int64_t *dropped, enum stk_answer *v)
{
	struct stk_call a;
	enum stk_err e;

	begin(&a, s, "wipe");
	stk_call_text(&a, area);
	e = ask(s, &a, v);
	*dropped = e == STK_OK && *v == STK_ANSWER_OK ? stk_answer_int(s->in_hand, 1) : 0;
	return e;
}
