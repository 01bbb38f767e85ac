/*
 * store.c - see store.h: who we are, and the scripts about the worker itself. store_job.c has those
 * about a job, store_peers.c those about others; the rules themselves live in the scripts.
 */
#include "worker/store.h"

#include "sandbox/wire.h"
#include "worker/store_call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

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
	if (!stk_key_text(ns, STK_NS_MAX, "") || !stk_key_text(id, STK_WORKER_ID_MAX, ","))
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

/* --- the scripts ------------------------------------------------------------------------------ */

enum stk_err stk_store_register(struct stk_store *s, const char *const *queues, size_t n,
    const char *started_local, enum stk_answer *v)
{
	char lines[STK_STORE_QUEUES * (STK_QUEUE_MAX + 1)];
	enum stk_err e = stk_queues_ok(queues, n);
	size_t used = 0;
	struct stk_call a;

	if (e != STK_OK)
		return e;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(queues[i]);

		if (i > 0)
			lines[used++] = '\n';
		memcpy(lines + used, queues[i], len);
		used += len;
	}
	stk_call_start(&a, s, STK_SCRIPT_REGISTER);
	stk_call_number(&a, STK_PROTOCOL);
	stk_call_text(&a, started_local);
	stk_call_add(&a, stk_span_of(lines, used));
	stk_call_text(&a, s->failed_per_queue ? "multi" : "one");
	return stk_call_plain(s, &a, v);
}

enum stk_err stk_store_beat(struct stk_store *s, const char *started_local, enum stk_answer *v)
{
	struct stk_call a;

	stk_call_start(&a, s, STK_SCRIPT_BEAT);
	stk_call_text(&a, started_local);
	return stk_call_plain(s, &a, v);
}

enum stk_err stk_store_unregister(struct stk_store *s, enum stk_answer *v)
{
	struct stk_call a;

	stk_call_start(&a, s, STK_SCRIPT_UNREGISTER);
	return stk_call_plain(s, &a, v);
}

enum stk_err stk_store_show(
    struct stk_store *s, int64_t seq, struct stk_span value, enum stk_answer *v)
{
	const struct stk_doing nothing = { 0 };

	return stk_store_show_doing(s, seq, value, &nothing, v);
}

enum stk_err stk_store_show_doing(struct stk_store *s, int64_t seq, struct stk_span value,
    const struct stk_doing *doing, enum stk_answer *v)
{
	struct stk_call a;

	stk_call_start(&a, s, STK_SCRIPT_SHOW);
	stk_call_number(&a, seq);
	stk_call_add(&a, value);
	stk_call_text(&a, doing->job_id);
	stk_call_text(&a, doing->class_name);
	stk_call_number(&a, doing->attempt);
	stk_call_number(&a, doing->ms);
	return stk_call_plain(s, &a, v);
}

static int64_t whole(uint64_t n)
{
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

enum stk_err stk_store_stage(struct stk_store *s, int64_t seq, const char *job_id, int64_t ms,
    const struct stk_staged *what, size_t n, enum stk_answer *v)
{
	struct stk_call a;

	if (n == 0 || n > STK_RELEASES_MAX || !stk_key_text(job_id, 64, ""))
		return STK_E_FORMAT;
	stk_call_start(&a, s, STK_SCRIPT_RELEASE);
	stk_call_number(&a, seq);
	stk_call_text(&a, job_id);
	stk_call_number(&a, ms < 1 ? 1 : ms);
	for (size_t i = 0; i < n; i++) {
		if (!stk_queue_ok(what[i].queue))
			return STK_E_FORMAT;
		stk_call_text(&a, what[i].queue);
		stk_call_add(&a, what[i].payload);
	}
	return stk_call_plain(s, &a, v);
}

enum stk_err stk_store_progress(struct stk_store *s, int64_t seq, uint64_t done, uint64_t total,
    struct stk_span note, enum stk_answer *v)
{
	struct stk_call a;

	stk_call_start(&a, s, STK_SCRIPT_PROGRESS);
	stk_call_number(&a, seq);
	stk_call_number(&a, whole(done));
	stk_call_number(&a, whole(total));
	stk_call_add(&a, note);
	return stk_call_plain(s, &a, v);
}
