/*
 * store.c - see store.h: arguments in, typed answers out. The rules themselves live in the scripts.
 */
#include "worker/store.h"

#include "worker/record.h"
#include "worker/scripts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define STK_RECOVERIES_MAX 3 /* RELIABILITY: "handed back more than 3 times" */
#define STK_PARK_MAX       20000
#define STK_MAX_PAYLOAD    131072
/* EVALSHA sha 0, then the script's own words, then queues */
#define STK_ARGS_MAX (24 + STK_STORE_QUEUES)

static const char *const verdict_texts[STK_ANSWER_COUNT] = {
#define X(id, text) [STK_ANSWER_##id] = text,
	STK_ANSWERS(X)
#undef X
};

const char *stk_answer_text(enum stk_answer v)
{
	return verdict_texts[v];
}

/* --- words that become parts of keys ---------------------------------------------------------- */

/* Printable ASCII that needs no escape in JSON, HTML or a key: no space " \ < > & ' , # inside. */
static bool key_text(const char *s, size_t max, const char *also)
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
	return key_text(queue, STK_QUEUE_MAX, "");
}

static enum stk_err queues_ok(const char *const *queues, size_t n)
{
	if (n == 0 || n > STK_STORE_QUEUES)
		return STK_E_TOOBIG;
	for (size_t i = 0; i < n; i++)
		if (!stk_queue_ok(queues[i]))
			return STK_E_FORMAT;
	return STK_OK;
}

enum stk_err stk_store_fresh_instance(struct stk_store *s)
{
	uint8_t bytes[STK_INSTANCE_CHARS / 2];
	ssize_t n;

	while ((n = getrandom(bytes, sizeof(bytes), 0)) == -1 && errno == EINTR)
		continue;
	if (n != (ssize_t)sizeof(bytes))
		return STK_E_SYSTEM;
	stk_hex(bytes, sizeof(bytes), s->instance);
	return STK_OK;
}

enum stk_err stk_store_init(
    struct stk_store *s, struct stk_redis *link, const char *ns, const char *id)
{
	*s = (struct stk_store){ .link = link, .max_payload_bytes = STK_MAX_PAYLOAD };
	if (strnlen(ns, STK_NS_MAX + 1) > STK_NS_MAX ||
	    strnlen(id, STK_WORKER_ID_MAX + 1) > STK_WORKER_ID_MAX)
		return STK_E_TOOBIG;
	if (!key_text(ns, STK_NS_MAX, "") || !key_text(id, STK_WORKER_ID_MAX, ","))
		return STK_E_FORMAT;
	memcpy(s->ns, ns, strlen(ns) + 1);
	memcpy(s->id, id, strlen(id) + 1);
	return stk_store_fresh_instance(s);
}

void stk_store_clear(struct stk_store *s)
{
	stk_reply_free(s->in_hand);
	*s = (struct stk_store){ 0 };
}

/* --- calling a script ------------------------------------------------------------------------- */

struct args {
	struct stk_span v[STK_ARGS_MAX];
	size_t n;
	char numbers[8][24]; /* texts of the integers among them */
	size_t n_numbers;
	enum stk_script script;
};

static void add(struct args *a, struct stk_span s)
{
	if (a->n < STK_ARRAY_LEN(a->v))
		a->v[a->n++] = s;
}

static void add_text(struct args *a, const char *s)
{
	add(a, stk_span_str(s == NULL ? "" : s));
}

static void add_number(struct args *a, int64_t v)
{
	char *text = a->numbers[a->n_numbers++ % STK_ARRAY_LEN(a->numbers)];

	(void)snprintf(text, sizeof(a->numbers[0]), "%lld", (long long)v);
	add_text(a, text);
}

static void add_queues(struct args *a, const char *const *queues, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_text(a, queues[i]);
}

/* Every script begins with namespace, instance and worker id. */
static void start(struct args *a, const struct stk_store *s, enum stk_script script)
{
	*a = (struct args){ .script = script };
	add_text(a, "EVALSHA");
	add_text(a, s->sha[script]);
	add_text(a, "0");
	add_text(a, s->ns);
	add_text(a, s->instance);
	add_text(a, s->id);
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

static enum stk_err ensure_loaded(struct stk_store *s, struct args *a)
{
	enum stk_err e = s->sha[a->script][0] != '\0' ? STK_OK : load(s, a->script);

	a->v[1] = stk_span_str(s->sha[a->script]);
	return e;
}

/* One script call; after NOSCRIPT (a restart, a failover, SCRIPT FLUSH) loads and asks once more.
 */
static enum stk_err run(struct stk_store *s, struct args *a, struct stk_reply **out)
{
	enum stk_err e = ensure_loaded(s, a);

	*out = NULL;
	if (e == STK_OK)
		e = stk_redis_call(s->link, a->v, a->n, out);
	if (e != STK_E_REFUSED || stk_redis_problem(s->link) != STK_RP_NOSCRIPT)
		return e;
	if ((e = load(s, a->script)) != STK_OK)
		return e;
	return stk_redis_call(s->link, a->v, a->n, out);
}

/* --- reading an answer ------------------------------------------------------------------------ */

static int64_t int_at(const struct stk_reply *r, size_t i)
{
	return i < r->n && r->elements[i].type == STK_REPLY_INTEGER ? r->elements[i].integer : 0;
}

static struct stk_span text_at(const struct stk_reply *r, size_t i)
{
	return i < r->n && r->elements[i].type == STK_REPLY_STRING ? r->elements[i].bytes
								   : stk_span_of("", 0);
}

static void copy_text(char *out, size_t cap, struct stk_span s)
{
	size_t n = s.len < cap ? s.len : cap - 1;

	if (n > 0)
		memcpy(out, s.p, n);
	out[n] = '\0';
}

/* The answer's first word, if it is one that this script may say. */
static enum stk_err verdict(struct stk_store *s, const struct stk_reply *r, enum stk_answer *v)
{
	if (r->type != STK_REPLY_ARRAY || r->n == 0)
		return STK_E_FORMAT;
	for (int i = 0; i < STK_ANSWER_COUNT; i++) {
		if (!stk_reply_is(&r->elements[0], verdict_texts[i]))
			continue;
		*v = (enum stk_answer)i;
		if (*v == STK_ANSWER_STORE)
			copy_text(s->bad_key, sizeof(s->bad_key), text_at(r, 1));
		return STK_OK;
	}
	return STK_E_FORMAT;
}

static enum stk_err run_plain(struct stk_store *s, struct args *a, enum stk_answer *v)
{
	struct stk_reply *r = NULL;
	enum stk_err e = run(s, a, &r);

	if (e == STK_OK)
		e = verdict(s, r, v);
	stk_reply_free(r);
	return e;
}

/* --- the scripts ------------------------------------------------------------------------------ */

enum stk_err stk_store_register(struct stk_store *s, const char *const *queues, size_t n,
    const char *started_local, enum stk_answer *v)
{
	char lines[STK_STORE_QUEUES * (STK_QUEUE_MAX + 1)];
	enum stk_err e = queues_ok(queues, n);
	size_t used = 0;
	struct args a;

	if (e != STK_OK)
		return e;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(queues[i]);

		if (i > 0)
			lines[used++] = '\n';
		memcpy(lines + used, queues[i], len);
		used += len;
	}
	start(&a, s, STK_SCRIPT_REGISTER);
	add_number(&a, STK_PROTOCOL);
	add_text(&a, started_local);
	add(&a, stk_span_of(lines, used));
	return run_plain(s, &a, v);
}

enum stk_err stk_store_beat(struct stk_store *s, const char *started_local, enum stk_answer *v)
{
	struct args a;

	start(&a, s, STK_SCRIPT_BEAT);
	add_text(&a, started_local);
	return run_plain(s, &a, v);
}

enum stk_err stk_store_unregister(struct stk_store *s, enum stk_answer *v)
{
	struct args a;

	start(&a, s, STK_SCRIPT_UNREGISTER);
	return run_plain(s, &a, v);
}

enum stk_err stk_store_show(
    struct stk_store *s, int64_t seq, struct stk_span value, enum stk_answer *v)
{
	struct args a;

	start(&a, s, STK_SCRIPT_SHOW);
	add_number(&a, seq);
	add(&a, value);
	return run_plain(s, &a, v);
}

/* Times and a ULID for the record of an element that is too large to keep. */
struct stamps {
	char iso[STK_TIME_BYTES], failed[STK_TIME_BYTES], ulid[STK_ULID_BYTES];
};

static enum stk_err reserve_args(
    struct stk_store *s, const char *const *queues, size_t n, struct stamps *t, struct args *a)
{
	enum stk_err e = queues_ok(queues, n);
	struct timespec now;

	if (e != STK_OK)
		return e;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	stk_time_iso(t->iso, now.tv_sec);
	stk_time_failed(t->failed, now.tv_sec);
	if ((e = stk_ulid(t->ulid, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000)) != STK_OK)
		return e;
	start(a, s, STK_SCRIPT_RESERVE);
	add_number(a, s->max_payload_bytes > 0 ? s->max_payload_bytes : STK_MAX_PAYLOAD);
	add_text(a, t->iso);
	add_text(a, t->failed);
	add_text(a, t->ulid);
	add_queues(a, queues, n);
	return STK_OK;
}

/* Takes @r, which becomes the owner of the parcel's bytes. */
static enum stk_err reserve_answer(
    struct stk_store *s, struct stk_reply *r, struct stk_reserved *out, enum stk_answer *v)
{
	enum stk_err e = verdict(s, r, v);

	stk_reply_free(s->in_hand);
	s->in_hand = r;
	if (e != STK_OK)
		return e;
	out->next_due_ms = -1;
	if (*v == STK_ANSWER_STORE || *v == STK_ANSWER_FENCED)
		return STK_OK;
	out->n_oversize = int_at(r, 1);
	out->n_promoted = int_at(r, 2);
	if (*v == STK_ANSWER_EMPTY)
		out->next_due_ms = int_at(r, 3);
	if (*v != STK_ANSWER_JOB)
		return STK_OK;
	if (r->n != 9 || text_at(r, 4).len == 0 || text_at(r, 4).len > STK_QUEUE_MAX)
		return STK_E_FORMAT;
	out->parcel.seq = int_at(r, 3);
	copy_text(out->parcel.queue, sizeof(out->parcel.queue), text_at(r, 4));
	out->parcel.bytes = text_at(r, 5);
	out->tries = int_at(r, 6);
	out->recoveries = int_at(r, 7);
	out->again = int_at(r, 8) != 0;
	return out->parcel.seq > 0 ? STK_OK : STK_E_FORMAT;
}

enum stk_err stk_store_reserve(struct stk_store *s, const char *const *queues, size_t n,
    struct stk_reserved *out, enum stk_answer *v)
{
	struct stk_reply *r = NULL;
	struct stamps t;
	struct args a;
	enum stk_err e;

	*out = (struct stk_reserved){ .next_due_ms = -1 };
	if ((e = reserve_args(s, queues, n, &t, &a)) != STK_OK || (e = run(s, &a, &r)) != STK_OK)
		return e;
	return reserve_answer(s, r, out, v);
}

static const char *const settle_texts[] = {
	[STK_SETTLE_OK] = "ok",
	[STK_SETTLE_FAIL] = "fail",
	[STK_SETTLE_RETRY] = "retry",
	[STK_SETTLE_HANDBACK] = "handback",
	[STK_SETTLE_PARK] = "park",
	[STK_SETTLE_QUARANTINE] = "quarantine",
	[STK_SETTLE_DROP] = "drop",
};

static bool settle_complete(const struct stk_settle *w)
{
	if (w->seq < 1 || (size_t)w->what >= STK_ARRAY_LEN(settle_texts) || w->delay_ms < 0)
		return false;
	if (w->what == STK_SETTLE_FAIL && w->record.len == 0)
		return false;
	if (w->note.len > 0 && (w->reason == NULL || !key_text(w->reason, 64, "")))
		return false;
	if (w->job_id != NULL && !key_text(w->job_id, 64, ""))
		return false;
	return w->what != STK_SETTLE_QUARANTINE ||
	       (w->area != NULL && key_text(w->area, STK_AREA_BYTES, "#") && w->entry.len > 0 &&
		   w->entry_id != NULL && key_text(w->entry_id, 64, ""));
}

static enum stk_err settle_args(struct stk_store *s, const struct stk_settle *w, struct args *a)
{
	if (!settle_complete(w))
		return STK_E_FORMAT;
	start(a, s, STK_SCRIPT_SETTLE);
	add_number(a, w->seq);
	add_text(a, settle_texts[w->what]);
	add(a, w->record);
	add_number(a, w->delay_ms);
	add_text(a, w->job_id);
	add_number(a, w->park_max > 0 ? w->park_max : STK_PARK_MAX);
	add_text(a, w->area);
	add_text(a, w->job_id != NULL ? w->job_id : w->entry_id);
	add(a, w->entry);
	add_number(a, w->max_entries > 0 ? w->max_entries : STK_UNAUTH_MAX_ENTRIES);
	add_number(a, w->max_bytes > 0 ? w->max_bytes : STK_UNAUTH_MAX_BYTES);
	add_text(a, w->reason);
	add(a, w->note);
	return STK_OK;
}

enum stk_err stk_store_settle(
    struct stk_store *s, const struct stk_settle *what, enum stk_answer *v)
{
	struct args a;
	enum stk_err e = settle_args(s, what, &a);

	return e != STK_OK ? e : run_plain(s, &a, v);
}

static bool settled_for_good(enum stk_answer v)
{
	return v == STK_ANSWER_OK || v == STK_ANSWER_ALREADY || v == STK_ANSWER_STALE;
}

enum stk_err stk_store_settle_and_reserve(struct stk_store *s, const struct stk_settle *what,
    enum stk_answer *settled, const char *const *queues, size_t n, struct stk_reserved *out,
    enum stk_answer *next)
{
	struct stk_reply *r[2] = { NULL, NULL };
	struct args settle, reserve;
	struct stamps t;
	enum stk_err e;

	*out = (struct stk_reserved){ .next_due_ms = -1 };
	*next = STK_ANSWER_AGAIN;
	if ((e = settle_args(s, what, &settle)) != STK_OK ||
	    (e = reserve_args(s, queues, n, &t, &reserve)) != STK_OK ||
	    (e = ensure_loaded(s, &settle)) != STK_OK || (e = ensure_loaded(s, &reserve)) != STK_OK)
		return e;
	const struct stk_redis_command both[2] = { { settle.v, settle.n },
		{ reserve.v, reserve.n } };

	if ((e = stk_redis_pipeline(s->link, both, 2, r)) != STK_OK)
		return e;
	/* what Redis refused (NOSCRIPT, BUSY, ...) is asked again alone; each call is safe to
	 * repeat */
	bool again = r[0]->type == STK_REPLY_ERROR || r[1]->type == STK_REPLY_ERROR;

	e = r[0]->type == STK_REPLY_ERROR ? run_plain(s, &settle, settled)
					  : verdict(s, r[0], settled);
	if (e == STK_OK && settled_for_good(*settled)) {
		if (again) {
			stk_reply_free(r[1]);
			e = run(s, &reserve, &r[1]);
		}
		if (e == STK_OK) {
			e = reserve_answer(s, r[1], out, next);
			r[1] = NULL;
		}
	}
	stk_reply_free(r[0]);
	stk_reply_free(r[1]);
	return e;
}

void stk_area_unauthenticated(char *out, const char *queue)
{
	(void)snprintf(out, STK_AREA_BYTES, "quarantine:%s", queue);
}

void stk_area_signed(char *out, const char *queue, const char *reason)
{
	(void)snprintf(out, STK_AREA_BYTES, "quarantine:%s#%s", queue, reason);
}

static bool is_instance(struct stk_span s)
{
	if (s.len != STK_INSTANCE_CHARS)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (strchr("0123456789abcdef", s.p[i]) == NULL || s.p[i] == 0)
			return false;
	return true;
}

enum stk_err stk_store_recover(struct stk_store *s, const char *victim, const char *const *queues,
    size_t n, const struct stk_lost *filed, struct stk_span record, struct stk_recovered *out,
    enum stk_answer *v)
{
	struct stk_reply *r = NULL;
	enum stk_err e = queues_ok(queues, n);
	struct args a;

	if (e == STK_OK && !is_instance(stk_span_str(victim)))
		e = STK_E_FORMAT;
	if (e != STK_OK)
		return e;
	start(&a, s, STK_SCRIPT_RECOVER);
	add_text(&a, victim);
	add_number(&a, STK_PROTOCOL);
	add_number(&a, s->max_payload_bytes > 0 ? s->max_payload_bytes : STK_MAX_PAYLOAD);
	add_number(&a, STK_RECOVERIES_MAX);
	add_text(&a, filed == NULL ? "" : filed->digest);
	add(&a, filed == NULL ? stk_span_of("", 0) : record);
	add_queues(&a, queues, n);
	e = run(s, &a, &r);
	*out = (struct stk_recovered){ 0 }; /* after the call: @filed may stand in it */
	if (e != STK_OK)
		return e;
	stk_reply_free(s->in_hand);
	s->in_hand = r;
	if ((e = verdict(s, r, v)) != STK_OK || *v == STK_ANSWER_STORE || *v == STK_ANSWER_FENCED ||
	    *v == STK_ANSWER_NEWER)
		return e;
	out->n_returned = int_at(r, 1);
	out->n_foreign_filed = int_at(r, 2);
	out->orphans = int_at(r, 3);
	if (*v != STK_ANSWER_LOST)
		return STK_OK;
	copy_text(out->lost.queue, sizeof(out->lost.queue), text_at(r, 4));
	out->lost.bytes = text_at(r, 5);
	copy_text(out->lost.digest, sizeof(out->lost.digest), text_at(r, 6));
	return out->lost.queue[0] != '\0' && out->lost.digest[0] != '\0' ? STK_OK : STK_E_FORMAT;
}

/* --- plain commands --------------------------------------------------------------------------- */

static enum stk_err peers(
    struct stk_store *s, const char *set, struct stk_peer *out, size_t max, size_t *n)
{
	char key[STK_NS_MAX + 32], last[24];
	struct stk_reply *r = NULL;
	enum stk_err e;

	*n = 0;
	if (max == 0)
		return STK_OK;
	(void)snprintf(key, sizeof(key), "%s:stockade:%s", s->ns, set);
	(void)snprintf(last, sizeof(last), "%zu", max - 1);
	e = stk_redis_words(s->link, &r, "ZRANGE", key, "0", last, "WITHSCORES", NULL);
	if (e != STK_OK)
		return e;
	for (size_t i = 0; i + 1 < r->n && *n < max; i += 2) {
		struct stk_span who = text_at(r, i), score = text_at(r, i + 1);

		if (!is_instance(who) || score.len == 0)
			continue;
		copy_text(out[*n].instance, sizeof(out[*n].instance), who);
		/* whole numbers below 2^53; p[len] is a NUL byte */
		out[(*n)++].score = strtoll((const char *)score.p, NULL, 10);
	}
	stk_reply_free(r);
	return STK_OK;
}

enum stk_err stk_store_live(struct stk_store *s, struct stk_peer *out, size_t max, size_t *n)
{
	return peers(s, "live", out, max, n);
}

enum stk_err stk_store_graves(struct stk_store *s, struct stk_peer *out, size_t max, size_t *n)
{
	return peers(s, "graves", out, max, n);
}

enum stk_err stk_store_prune_lock(struct stk_store *s, bool *won)
{
	char key[STK_NS_MAX + 48];
	struct stk_reply *r = NULL;
	enum stk_err e;

	(void)snprintf(key, sizeof(key), "%s:pruning_dead_workers_in_progress", s->ns);
	e = stk_redis_words(s->link, &r, "SET", key, s->id, "EX", "60", "NX", NULL);
	*won = e == STK_OK && stk_reply_is(r, "OK");
	stk_reply_free(r);
	return e;
}

enum stk_err stk_store_enqueue(struct stk_store *s, const char *queue, struct stk_span payload)
{
	char set[STK_NS_MAX + 8], list[STK_NS_MAX + STK_QUEUE_MAX + 8];
	const struct stk_span multi = stk_span_str("MULTI"), exec = stk_span_str("EXEC");
	struct stk_span sadd[3] = { stk_span_str("SADD"), { NULL, 0 }, stk_span_str(queue) };
	struct stk_span rpush[3] = { stk_span_str("RPUSH"), { NULL, 0 }, payload };
	struct stk_reply *r[4];
	enum stk_err e;

	if (!stk_queue_ok(queue))
		return STK_E_FORMAT;
	(void)snprintf(set, sizeof(set), "%s:queues", s->ns);
	(void)snprintf(list, sizeof(list), "%s:queue:%s", s->ns, queue);
	sadd[1] = stk_span_str(set);
	rpush[1] = stk_span_str(list);
	const struct stk_redis_command all[4] = { { &multi, 1 }, { sadd, 3 }, { rpush, 3 },
		{ &exec, 1 } };

	if ((e = stk_redis_pipeline(s->link, all, 4, r)) != STK_OK)
		return e;
	/* EXEC answers an array of two integers, or an error line (EXECABORT, OOM, WRONGTYPE
	 * inside) */
	if (r[3]->type != STK_REPLY_ARRAY || r[3]->n != 2 ||
	    r[3]->elements[0].type != STK_REPLY_INTEGER ||
	    r[3]->elements[1].type != STK_REPLY_INTEGER)
		e = STK_E_REFUSED;
	for (size_t i = 0; i < 4; i++)
		stk_reply_free(r[i]);
	return e;
}
