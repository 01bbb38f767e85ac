/*
 * ledger.c - see ledger.h.
 */
#include "worker/ledger.h"

#include "worker/store_call.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the epoch -------------------------------------------------------------------------------- */

bool stk_epoch_follows(const struct stk_epoch *known, const struct stk_epoch *seen)
{
	if (seen->id[0] == '\0')
		return false; /* emptied, or replaced by an empty one */
	if (known->id[0] == '\0')
		return true;
	if (strcmp(known->id, seen->id) == 0) /* else claims are missing: an older copy of it */
		return seen->mark_ms >= known->mark_ms - STK_LEDGER_FORGETS_MS;
	return seen->at_ms > known->at_ms; /* begun since by an operator; else a copy from before */
}

void stk_epoch_text(const struct stk_epoch *e, char out[static STK_EPOCH_TEXT])
{
	(void)snprintf(out, STK_EPOCH_TEXT, "%s %" PRId64 " %" PRId64, e->id, e->at_ms, e->mark_ms);
}

static bool is_hex(const char *s)
{
	return strspn(s, "0123456789abcdef") == STK_INSTANCE_CHARS && s[STK_INSTANCE_CHARS] == '\0';
}

/* Decimal digits up to @end; nothing else, and not many. */
static bool number(const char **at, char end, int64_t *out)
{
	size_t n = strspn(*at, "0123456789");

	if (n == 0 || n > 15 || (*at)[n] != end)
		return false;
	*out = strtoll(*at, NULL, 10);
	*at += n + 1;
	return true;
}

bool stk_epoch_parse(struct stk_span text, struct stk_epoch *out)
{
	char copy[STK_EPOCH_TEXT];
	const char *at = copy + STK_INSTANCE_CHARS + 1;

	*out = (struct stk_epoch){ 0 };
	if (text.len < STK_INSTANCE_CHARS + 4 || text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	if (copy[STK_INSTANCE_CHARS] != ' ')
		return false;
	copy[STK_INSTANCE_CHARS] = '\0';
	if (!is_hex(copy) || !number(&at, ' ', &out->at_ms) || !number(&at, '\0', &out->mark_ms))
		return false;
	memcpy(out->id, copy, sizeof(out->id));
	return true;
}

/* --- looking ---------------------------------------------------------------------------------- */

static int64_t decimal(struct stk_span s)
{
	char text[24];

	stk_answer_copy(text, sizeof(text), s);
	return strtoll(text, NULL, 10);
}

static void read_epoch(const struct stk_reply *r, struct stk_ledger_sight *out)
{
	struct stk_span id = stk_answer_span(r, 0);

	if (r->type != STK_REPLY_ARRAY || r->n != 5 || id.len != STK_INSTANCE_CHARS)
		return;
	stk_answer_copy(out->epoch.id, sizeof(out->epoch.id), id);
	if (!is_hex(out->epoch.id))
		out->epoch.id[0] = '\0';
	out->epoch.at_ms = decimal(stk_answer_span(r, 1));
	out->epoch.mark_ms = decimal(stk_answer_span(r, 2));
	out->min_iat_s = decimal(stk_answer_span(r, 3));
	out->shards = decimal(stk_answer_span(r, 4));
}

static enum stk_err read_sight(struct stk_reply *const r[3], struct stk_ledger_sight *out)
{
	if (r[0]->type != STK_REPLY_ARRAY || r[0]->n != 2 || r[2]->type != STK_REPLY_STRING)
		return STK_E_FORMAT;
	out->now_ms =
	    decimal(stk_answer_span(r[0], 0)) * 1000 + decimal(stk_answer_span(r[0], 1)) / 1000;
	read_epoch(r[1], out);
	stk_answer_copy(
	    out->policy, sizeof(out->policy), stk_info_line(r[2]->bytes, "\nmaxmemory_policy:"));
	out->used_bytes = decimal(stk_info_line(r[2]->bytes, "\nused_memory:"));
	out->max_bytes = decimal(stk_info_line(r[2]->bytes, "\nmaxmemory:"));
	return STK_OK;
}

enum stk_err stk_ledger_look(struct stk_ledger *l, struct stk_ledger_sight *out)
{
	char key[STK_NS_MAX + 32];
	const struct stk_span time_v[] = { stk_span_str("TIME") };
	const struct stk_span info_v[] = { stk_span_str("INFO"), stk_span_str("memory") };
	struct stk_span epoch_v[7] = { stk_span_str("HMGET"), { 0 }, stk_span_str("id"),
		stk_span_str("at"), stk_span_str("mark"), stk_span_str("min_iat"),
		stk_span_str("shards") };
	const struct stk_redis_command all[3] = { { time_v, 1 }, { epoch_v, 7 }, { info_v, 2 } };
	struct stk_reply *r[3] = { NULL, NULL, NULL };
	enum stk_err e;

	*out = (struct stk_ledger_sight){ 0 };
	(void)snprintf(key, sizeof(key), "%s:stockade:epoch", l->call.ns);
	epoch_v[1] = stk_span_str(key);
	e = stk_redis_pipeline(l->call.link, all, 3, r);
	/* an error line among them: asked again alone, so that the link knows its name */
	for (size_t i = 0; e == STK_OK && i < 3; i++)
		if (r[i]->type == STK_REPLY_ERROR) {
			stk_reply_free(r[i]);
			e = stk_redis_call(l->call.link, all[i].argv, all[i].argc, &r[i]);
		}
	if (e == STK_OK)
		e = read_sight(r, out);
	for (size_t i = 0; i < 3; i++)
		stk_reply_free(r[i]);
	return e;
}

/* --- the scripts ------------------------------------------------------------------------------ */

static void add_places(struct stk_call *a, const struct stk_rates *rates, bool with_most)
{
	for (size_t i = 0; i < rates->n_places; i++) {
		stk_call_text(a, rates->places[i].name);
		if (with_most)
			stk_call_number(a, rates->places[i].most);
	}
}

static void claim_args(struct stk_ledger *l, const struct stk_claim *c, struct stk_call *a)
{
	stk_call_start(a, &l->call, STK_SCRIPT_CLAIM);
	stk_call_text(a, l->known.id);
	stk_call_number(a, l->known.mark_ms - STK_LEDGER_FORGETS_MS);
	stk_call_number(a, c->seq);
	stk_call_text(a, c->over);
	stk_call_text(a, c->job_id);
	stk_call_number(a, c->exp_s);
	stk_call_number(a, c->runs);
	stk_call_number(a, c->iat_s);
	stk_call_number(a, c->lease_ms);
	stk_call_number(a, c->keep_s);
	stk_call_number(a, c->factor);
	stk_call_number(a, (int64_t)c->rates->n_limiters);
	for (size_t i = 0; i < c->rates->n_limiters; i++) {
		stk_call_text(a, c->rates->limiters[i].name);
		stk_call_number(a, c->rates->limiters[i].per_h);
		stk_call_number(a, c->rates->limiters[i].burst);
	}
	add_places(a, c->rates, true);
}

enum stk_err stk_ledger_claim(
    struct stk_ledger *l, const struct stk_claim *c, struct stk_claimed *out, enum stk_answer *v)
{
	struct stk_reply *r = NULL;
	struct stk_call a;
	enum stk_err e;
	int64_t now_ms;

	*out = (struct stk_claimed){ 0 };
	claim_args(l, c, &a);
	if ((e = stk_call_run(&l->call, &a, &r)) == STK_OK)
		e = stk_answer_verdict(&l->call, r, v);
	if (e == STK_OK && *v != STK_ANSWER_STORE && *v != STK_ANSWER_LOST) {
		now_ms = stk_answer_int(r, 1);
		if (*v == STK_ANSWER_RUN && now_ms > l->known.mark_ms)
			l->known.mark_ms = now_ms;
		if (*v == STK_ANSWER_RUN)
			out->run = stk_answer_int(r, 2);
		else
			out->wait_ms = stk_answer_int(r, 2);
		out->interval_ms = stk_answer_int(r, 3);
		stk_answer_copy(out->limiter, sizeof(out->limiter), stk_answer_span(r, 4));
	}
	stk_reply_free(r);
	return e;
}

enum stk_err stk_ledger_finish(struct stk_ledger *l, const struct stk_claim *c, int64_t run,
    enum stk_finish what, enum stk_answer *v)
{
	static const char *const whats[] = { "D", "F", "U" };
	struct stk_call a;

	stk_call_start(&a, &l->call, STK_SCRIPT_FINISH);
	stk_call_number(&a, c->seq);
	stk_call_text(&a, c->job_id);
	stk_call_number(&a, c->exp_s);
	stk_call_number(&a, run);
	stk_call_text(&a, whats[what]);
	stk_call_number(&a, c->keep_s);
	add_places(&a, c->rates, false);
	return stk_call_plain(&l->call, &a, v);
}

enum stk_err stk_ledger_begin(
    struct stk_ledger *l, int64_t min_iat_s, int64_t shards, enum stk_answer *v)
{
	struct stk_store id = { 0 };
	struct stk_call a;
	enum stk_err e;

	if ((e = stk_store_fresh_instance(&id)) != STK_OK)
		return e;
	stk_call_start(&a, &l->call, STK_SCRIPT_EPOCH);
	stk_call_text(&a, id.instance);
	stk_call_number(&a, min_iat_s);
	stk_call_number(&a, shards);
	return stk_call_plain(&l->call, &a, v);
}

void stk_ledger_acl(const char *ns, char *out, size_t cap)
{
	(void)snprintf(out, cap,
	    "resetkeys -@all +auth +select +client|setname +evalsha +script|load +time +info +type "
	    "+get "
	    "+set +hget +hmget +hset +hdel +del +expireat +pexpire +zadd +zrem +zcard "
	    "+zremrangebyscore ~%s:stockade:l:* ~%s:stockade:rate:* ~%s:stockade:running:* "
	    "~%s:stockade:epoch",
	    ns, ns, ns, ns);
}

/* --- one job's past --------------------------------------------------------------------------- */

/* Where claim.lua keeps it: the bucket of its end time and shard. */
static bool record_place(const char *ns, const char *job_id, int64_t exp_s, int64_t shards,
    char *key, size_t cap, uint8_t field[static 16])
{
	unsigned shard = 0;

	for (size_t i = 0; i < 16; i++) {
		unsigned byte;

		if (sscanf(job_id + 2 * i, "%2x", &byte) != 1)
			return false;
		field[i] = (uint8_t)byte;
	}
	if (shards < 1 || exp_s < 0 || sscanf(job_id, "%8x", &shard) != 1)
		return false;
	(void)snprintf(key, cap, "%s:stockade:l:%" PRId64 ":%" PRId64, ns, exp_s / 600,
	    (int64_t)shard % shards);
	return true;
}

/* "D" n, "F" n, "X", or "R" n i seq:lease, as ledger.lua writes them. */
static enum stk_past record_says(struct stk_span text, int64_t runs, int64_t now_ms)
{
	const char *colon = memchr(text.p, ':', text.len);
	uint8_t kind = text.len == 0 ? '?' : text.p[0];
	char lease[24] = "";

	if (kind == 'X' || (kind == 'D' && text.len == 2))
		return STK_PAST_DONE;
	if (text.len < 2 || (kind != 'F' && kind != 'R'))
		return STK_PAST_AWAY;
	if (kind == 'R' && text.len > 18)
		colon = memchr(text.p + 18, ':', text.len - 18);
	if (kind == 'R' && colon != NULL) {
		size_t n = text.len - (size_t)(colon + 1 - (const char *)text.p);

		memcpy(lease, colon + 1, n < sizeof(lease) ? n : sizeof(lease) - 1);
		if (strtoll(lease, NULL, 10) > now_ms)
			return STK_PAST_BUSY;
	}
	return text.p[1] >= runs ? STK_PAST_SPENT : STK_PAST_NEW;
}

enum stk_past stk_ledger_past(struct stk_ledger *l, const char *job_id, int64_t exp_s, int64_t runs)
{
	struct stk_ledger_sight s;
	struct stk_reply *r = NULL;
	uint8_t field[16];
	char key[STK_NS_MAX + 128];
	enum stk_past past = STK_PAST_AWAY;

	if (stk_ledger_look(l, &s) != STK_OK || s.epoch.id[0] == '\0' ||
	    !record_place(l->call.ns, job_id, exp_s, s.shards, key, sizeof(key), field))
		return STK_PAST_AWAY;

	const struct stk_span argv[] = { stk_span_str("HGET"), stk_span_str(key),
		stk_span_of(field, sizeof(field)) };

	if (stk_redis_call(l->call.link, argv, STK_ARRAY_LEN(argv), &r) == STK_OK) {
		if (r->type == STK_REPLY_NIL)
			past = STK_PAST_NEW;
		else if (r->type == STK_REPLY_STRING)
			past = record_says(r->bytes, runs, s.now_ms);
	}
	stk_reply_free(r);
	return past;
}
