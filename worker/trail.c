/*
 * trail.c - see trail.h. Called by the worker's loop between judging a job and starting it.
 */
#include "worker/trail.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define COPIES_PER_MINUTE  100
#define HOLDERS_PER_MINUTE 1000 /* the breaker holds a principal long before */
#define NET_PER_MINUTE     100
#define OTHER_QUEUES       "(other queues)"

void stk_trail_policy(struct stk_trail *t, const struct stk_keyring *ring)
{
	stk_hex(ring->digest, sizeof(ring->digest), t->policy);
}

/*
 * Lines of each verdict before the rest is told in sums; 0: no bound but the policy's rates, for
 * each of them starts a job. Whoever holds a copy of one signed job can cause the others without
 * end, and who holds a key can sign what its grants refuse as fast as they like: neither may fill
 * the disk that every job waits for.
 */
static unsigned lines_a_minute(enum stk_verdict v)
{
	if (v == STK_V_ACCEPT)
		return 0;
	return stk_verdict_by_holder(v) ? HOLDERS_PER_MINUTE : COPIES_PER_MINUTE;
}

static void add_text(struct stk_jw *w, const char *key, const char *text)
{
	if (text != NULL && text[0] != '\0')
		stk_jw_cstr(w, key, text);
}

bool stk_trail_decide(struct stk_trail *t, const struct stk_decision *d)
{
	uint8_t digest[STK_SHA256_LEN];
	char hex[2 * STK_SHA256_LEN + 1];
	unsigned most = lines_a_minute(d->verdict);
	uint64_t missed;
	struct stk_jw *w;

	if (t->audit.dir == -1)
		return true;
	if (most > 0 && !stk_log_allow(&t->lines[d->verdict], most, stk_monotonic_ms(), &missed)) {
		stk_trail_count(t, d->verdict, d->queue, 1);
		return true;
	}
	w = stk_audit_start(&t->audit, "decision");
	stk_jw_cstr(w, "verdict", stk_verdict_text(d->verdict));
	stk_jw_cstr(w, "queue", d->queue);
	stk_jw_int(w, "job_seq", d->seq);
	add_text(w, "job", d->job_id);
	add_text(w, "kid", d->kid);
	add_text(w, "principal", d->principal);
	add_text(w, "class", d->class_name);
	if (d->ref.len > 0)
		stk_jw_str(w, "ref", d->ref, STK_REF_MAX);
	if (d->runs > 0)
		stk_jw_int(w, "runs", d->runs);
	if (d->run > 0)
		stk_jw_int(w, "run", d->run);
	if (d->args.len > 0) {
		stk_sha256(d->args, digest);
		stk_hex(digest, sizeof(digest), hex);
		stk_jw_cstr(w, "args_sha256", hex);
	}
	add_text(w, "payload_sha256", d->sha256);
	stk_jw_cstr(w, "policy_sha256", t->policy);
	return stk_audit_end(&t->audit);
}

void stk_trail_net(struct stk_trail *t, const struct stk_trail_refusal *r)
{
	uint64_t missed = 0;
	struct stk_jw *w;

	if (t->audit.dir == -1 ||
	    !stk_log_allow(&t->net, NET_PER_MINUTE, stk_monotonic_ms(), &missed))
		return;
	w = stk_audit_start(&t->audit, "net");
	add_text(w, "job", r->job_id);
	add_text(w, "class", r->class_name);
	stk_jw_cstr(w, "refused", r->name);
	if (r->host[0] != '\0')
		stk_jw_str(w, "host", stk_span_str(r->host), STK_NET_HOST_MAX);
	add_text(w, "ip", r->ip);
	if (r->port != 0)
		stk_jw_int(w, "port", r->port);
	if (missed > 0)
		stk_jw_int(w, "missed", (int64_t)missed);
	/* what cannot be written shows at the next decision, which waits for it */
	(void)!stk_audit_end(&t->audit);
}

void stk_trail_release(struct stk_trail *t, const struct stk_trail_release *r)
{
	struct stk_jw *w;

	if (t->audit.dir == -1)
		return;
	w = stk_audit_start(&t->audit, "release");
	stk_jw_cstr(w, "verdict", r->verdict);
	add_text(w, "job", r->job_id);
	add_text(w, "class", r->class_name);
	add_text(w, "released", r->released);
	add_text(w, "released_class", r->released_class);
	add_text(w, "queue", r->queue);
	add_text(w, "kid", r->kid);
	add_text(w, "principal", r->principal);
	stk_jw_cstr(w, "policy_sha256", t->policy);
	(void)!stk_audit_end(&t->audit);
}

/* --- sums ------------------------------------------------------------------------------------- */

static size_t find_sum(const struct stk_trail *t, enum stk_verdict v, const char *queue)
{
	size_t i = 0;

	while (i < t->n_sums && (t->sums[i].verdict != v || strcmp(t->sums[i].queue, queue) != 0))
		i++;
	return i;
}

void stk_trail_count(struct stk_trail *t, enum stk_verdict verdict, const char *queue, uint64_t n)
{
	size_t i;

	if (t->audit.dir == -1)
		return;
	stk_trail_tick(t);
	i = find_sum(t, verdict, queue);
	if (i == t->n_sums && t->n_sums >= STK_TRAIL_SUMS - STK_VERDICT_COUNT) {
		queue = OTHER_QUEUES; /* at most one a reason, for which room was kept */
		i = find_sum(t, verdict, queue);
	}
	if (i == t->n_sums) {
		t->sums[i].verdict = verdict;
		t->sums[i].count = 0;
		(void)snprintf(t->sums[i].queue, sizeof(t->sums[i].queue), "%s", queue);
		t->n_sums++;
	}
	t->sums[i].count += n;
}

/* What cannot be written now is kept and added to: it shows at the next decision that nothing can.
 */
static void write_sums(struct stk_trail *t)
{
	while (t->n_sums > 0) {
		struct stk_jw *w = stk_audit_start(&t->audit, "sum");

		stk_jw_cstr(w, "verdict", stk_verdict_text(t->sums[t->n_sums - 1].verdict));
		stk_jw_cstr(w, "queue", t->sums[t->n_sums - 1].queue);
		stk_jw_int(w, "count", (int64_t)t->sums[t->n_sums - 1].count);
		if (!stk_audit_end(&t->audit))
			return;
		t->n_sums--;
	}
}

void stk_trail_tick(struct stk_trail *t)
{
	int64_t minute = (int64_t)time(NULL) / 60;

	if (t->audit.dir == -1)
		return;
	if (minute != t->minute) {
		t->minute = minute;
		write_sums(t);
	}
	stk_audit_tick(&t->audit);
}

bool stk_trail_note(struct stk_trail *t, const char *kind, const char *worker_id)
{
	struct stk_jw *w;

	if (t->audit.dir == -1)
		return true;
	w = stk_audit_start(&t->audit, kind);
	stk_jw_cstr(w, "worker", worker_id);
	stk_jw_cstr(w, "policy_sha256", t->policy);
	return stk_audit_end(&t->audit);
}

bool stk_trail_step(struct stk_trail *t, const char *kind, const char *queue, const char *principal,
    const char *step)
{
	struct stk_jw *w;

	if (t->audit.dir == -1)
		return true;
	w = stk_audit_start(&t->audit, kind);
	stk_jw_cstr(w, "step", step);
	add_text(w, "queue", queue);
	add_text(w, "principal", principal);
	stk_jw_cstr(w, "policy_sha256", t->policy);
	return stk_audit_end(&t->audit);
}

void stk_trail_close(struct stk_trail *t)
{
	if (t->audit.dir != -1)
		write_sums(t);
	stk_audit_close(&t->audit);
}
