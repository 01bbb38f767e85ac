/*
 * store_call.c - see store_call.h.
 */
#include "worker/store_call.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const verdict_texts[STK_ANSWER_COUNT] = {
#define X(id, text) [STK_ANSWER_##id] = (text),
	STK_ANSWERS(X)
#undef X
};

const char *stk_answer_text(enum stk_answer v)
{
	return verdict_texts[v];
}

/* --- words that become parts of keys ---------------------------------------------------------- */

/* Printable ASCII that needs no escape in JSON, HTML or a key: no space " \ < > & ' , # inside. */
bool stk_key_text(const char *s, size_t max, const char *also)
{
	size_t n = strnlen(s, max + 1);

	if (n == 0 || n > max)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] <= 0x20 || s[i] >= 0x7f ||
		    (strchr("\"\\<>&',#", s[i]) != NULL && strchr(also, s[i]) == NULL))
			return false;
	return true;
}

bool stk_queue_ok(const char *queue)
{
	return stk_key_text(queue, STK_QUEUE_MAX, "");
}

enum stk_err stk_queues_ok(const char *const *queues, size_t n)
{
	if (n == 0 || n > STK_STORE_QUEUES)
		return STK_E_TOOBIG;
	for (size_t i = 0; i < n; i++)
		if (!stk_queue_ok(queues[i]))
			return STK_E_FORMAT;
	return STK_OK;
}

/* --- calling a script ------------------------------------------------------------------------- */

void stk_call_add(struct stk_call *a, struct stk_span s)
{
	if (a->n < STK_ARRAY_LEN(a->v))
		a->v[a->n++] = s;
}

void stk_call_text(struct stk_call *a, const char *s)
{
	stk_call_add(a, stk_span_str(s == NULL ? "" : s));
}

void stk_call_number(struct stk_call *a, int64_t v)
{
	char *text = a->numbers[a->n_numbers++ % STK_ARRAY_LEN(a->numbers)];

	(void)snprintf(text, sizeof(a->numbers[0]), "%lld", (long long)v);
	stk_call_text(a, text);
}

void stk_call_queues(struct stk_call *a, const char *const *queues, size_t n)
{
	for (size_t i = 0; i < n; i++)
		stk_call_text(a, queues[i]);
}

/* Every script begins with namespace, instance and worker id. */
void stk_call_start(struct stk_call *a, const struct stk_store *s, enum stk_script script)
{
	*a = (struct stk_call){ .script = script };
	stk_call_text(a, "EVALSHA");
	stk_call_text(a, s->sha[script]);
	stk_call_text(a, "0");
	stk_call_text(a, s->ns);
	stk_call_text(a, s->instance);
	stk_call_text(a, s->id);
}

static enum stk_err load(struct stk_store *s, enum stk_script script)
{
	const struct stk_span argv[] = { stk_span_str("SCRIPT"), stk_span_str("LOAD"),
		stk_script_text(script) };
	struct stk_reply *r = NULL;
	enum stk_err e = stk_redis_call(s->link, argv, STK_ARRAY_LEN(argv), &r);

	_Static_assert(STK_SCRIPT_COUNT <= STK_ARRAY_LEN(((struct stk_store *)0)->sha), "room");
	if (e == STK_OK && (r->bytes.len != 40 || r->type != STK_REPLY_STRING))
		e = STK_E_FORMAT;
	if (e == STK_OK) {
		memcpy(s->sha[script], r->bytes.p, 40);
		s->sha[script][40] = '\0';
	}
	stk_reply_free(r);
	return e;
}

enum stk_err stk_call_load(struct stk_store *s, struct stk_call *a)
{
	enum stk_err e = s->sha[a->script][0] != '\0' ? STK_OK : load(s, a->script);

	a->v[1] = stk_span_str(s->sha[a->script]);
	return e;
}

static enum stk_err run(struct stk_store *s, struct stk_call *a, struct stk_reply **out)
{
	enum stk_err e = stk_call_load(s, a);

	*out = NULL;
	if (e == STK_OK)
		e = stk_redis_call(s->link, a->v, a->n, out);
	if (e != STK_E_REFUSED || stk_redis_problem(s->link) != STK_RP_NOSCRIPT)
		return e;
	if ((e = load(s, a->script)) != STK_OK)
		return e;
	return stk_redis_call(s->link, a->v, a->n, out);
}

int64_t stk_call_clock(const struct stk_store *s)
{
	struct timespec now = { 0 };

	if (s->meter != NULL)
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void stk_call_took(const struct stk_store *s, enum stk_script script, int64_t since_us)
{
	if (s->meter != NULL)
		stk_meter_observe(s->meter, STK_METRIC_COMMAND, stk_script_name(script),
		    (uint64_t)(stk_call_clock(s) - since_us));
}

/* One script call; after NOSCRIPT (a restart, a failover, SCRIPT FLUSH) loads and asks once more.
 */
enum stk_err stk_call_run(struct stk_store *s, struct stk_call *a, struct stk_reply **out)
{
	int64_t since = stk_call_clock(s);
	enum stk_err e = run(s, a, out);

	if (e == STK_OK)
		stk_call_took(s, a->script, since);
	return e;
}

/* --- reading an answer ------------------------------------------------------------------------ */

int64_t stk_answer_int(const struct stk_reply *r, size_t i)
{
	return i < r->n && r->elements[i].type == STK_REPLY_INTEGER ? r->elements[i].integer : 0;
}

struct stk_span stk_answer_span(const struct stk_reply *r, size_t i)
{
	return i < r->n && r->elements[i].type == STK_REPLY_STRING ? r->elements[i].bytes
								   : stk_span_of("", 0);
}

void stk_answer_copy(char *out, size_t cap, struct stk_span s)
{
	size_t n = s.len < cap ? s.len : cap - 1;

	if (n > 0)
		memcpy(out, s.p, n);
	out[n] = '\0';
}

/* "name:value\r\n" of INFO. */
struct stk_span stk_info_line(struct stk_span info, const char *name)
{
	const char *at = (const char *)info.p, *end;

	if (at == NULL || (at = strstr(at, name)) == NULL)
		return stk_span_of("", 0);
	at += strlen(name);
	end = strpbrk(at, "\r\n");
	return stk_span_of(at, end == NULL ? strlen(at) : (size_t)(end - at));
}

/* The answer's first word, if it is one that this script may say. */
enum stk_err stk_answer_verdict(struct stk_store *s, const struct stk_reply *r, enum stk_answer *v)
{
	if (r->type != STK_REPLY_ARRAY || r->n == 0)
		return STK_E_FORMAT;
	for (int i = 0; i < STK_ANSWER_COUNT; i++) {
		if (!stk_reply_is(&r->elements[0], verdict_texts[i]))
			continue;
		*v = (enum stk_answer)i;
		s->detail = stk_answer_int(r, 1);
		stk_answer_copy(s->bad_key, sizeof(s->bad_key),
		    *v == STK_ANSWER_STORE ? stk_answer_span(r, 1) : stk_span_of("", 0));
		/* it is printed, and a server that lies may say anything */
		for (char *p = s->bad_key; *p != '\0'; p++)
			if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
				*p = '?';
		return STK_OK;
	}
	return STK_E_FORMAT;
}

enum stk_err stk_call_plain(struct stk_store *s, struct stk_call *a, enum stk_answer *v)
{
	struct stk_reply *r = NULL;
	enum stk_err e = stk_call_run(s, a, &r);

	if (e == STK_OK)
		e = stk_answer_verdict(s, r, v);
	stk_reply_free(r);
	return e;
}
