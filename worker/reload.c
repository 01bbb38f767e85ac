/*
 * reload.c - see reload.h.
 *
 * All or nothing: a policy that does not load leaves the one in use, with an alarm. A running job
 * keeps its ticket: nothing is swapped before it is settled. Files are watched by their identity
 * (stat), not by inotify: a mounted directory's symlink swap changes what the path leads to, and no
 * event says so.
 */
#include "worker/reload.h"

#include "worker/cli/cli.h"
#include "worker/hidden.h"
#include "worker/policy.h"
#include "worker/worker.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_granted(const struct stk_keyring *ring, const char *class_name)
{
	for (size_t p = 0; p < ring->n_principals; p++)
		for (size_t g = 0; g < ring->principals[p].n_grants; g++)
			for (size_t c = 0; c < ring->principals[p].grants[g].n_classes; c++)
				if (strcmp(ring->principals[p].grants[g].classes[c], class_name) ==
				    0)
					return true;
	return false;
}

/* Without a layer that the operator chose to do without, some classes do not run. */
static void log_unfit(const struct stk_worker *w)
{
	const char *first = NULL, *why = NULL;
	size_t n = 0;

	for (uint32_t i = 0; i < w->cage.table.head.n_classes; i++) {
		const struct stk_class_desc *d = &w->cage.table.classes[i];
		const char *fault = stk_layers_class_fault(w->config, &w->cage.layers, d);

		if (fault == NULL || !is_granted(w->ring, d->name))
			continue;
		if (n++ == 0) {
			first = d->name;
			why = fault;
		}
	}
	if (n == 0)
		return;
	(void)stk_log_start(STK_LOG_WARN, "policy.class_unfit", "unknown",
	    "the policy grants %zu classes that cannot run here, %s the first: %s; their jobs wait "
	    "for a worker that has it",
	    n, first, why);
	stk_log_end();
}

/* A grant without a handler is no error during a rolling deploy, and a slip of the pen otherwise.
 */
void stk_worker_log_absent(const struct stk_worker *w)
{
	const char *first = NULL;
	size_t n = 0;

	log_unfit(w);
	for (size_t p = 0; p < w->ring->n_principals; p++)
		for (size_t g = 0; g < w->ring->principals[p].n_grants; g++) {
			const struct stk_policy_grant *grant = &w->ring->principals[p].grants[g];

			for (size_t c = 0; c < grant->n_classes; c++) {
				if (stk_class_find(
					&w->cage.table, stk_span_str(grant->classes[c])) >= 0)
					continue;
				first = first == NULL ? grant->classes[c] : first;
				n++;
			}
		}
	if (n == 0)
		return;
	(void)stk_log_start(STK_LOG_WARN, "policy.class_absent", "unknown",
	    "the policy grants %zu classes that the cage program lacks, %s the first; their jobs "
	    "wait up to 15 minutes for a newer worker and are then refused",
	    n, first);
	stk_log_end();
}

static enum stk_err check_hidden(
    const struct stk_config *c, const char *secret, struct stk_conf_error *e)
{
	const char *path = stk_hidden_beneath(c, secret);

	if (path == NULL)
		return STK_OK;
	(void)snprintf(e->sentence, sizeof(e->sentence),
	    "%s lies beneath %s, which jobs may read; move one of them", secret, path);
	return STK_E_REFUSED;
}

/*
 * What a class asks for must be there if anybody is granted it; one that nobody is granted runs for
 * nobody. Directories and secrets are opened at the start alone, and so is what they are mapped to.
 */
static enum stk_err check_class(
    struct stk_worker *w, const struct stk_keyring *ring, uint32_t i, struct stk_conf_error *e)
{
	if (!stk_class_wanted(w->config, ring, w->cage.table.classes[i].name))
		return STK_OK;
	w->reload.lacking =
	    stk_class_unready(w->config, &w->cage, i, e->sentence, sizeof(e->sentence));
	return w->reload.lacking == 0 ? STK_OK : STK_E_REFUSED;
}

/* Everything that a ring must pass before it may judge a job. */
static enum stk_err load(struct stk_worker *w, struct stk_keyring **out, struct stk_conf_error *e)
{
	const struct stk_config *c = w->config;
	enum stk_err err = stk_policy_load(c->policy, out, e);

	if (err != STK_OK)
		return err;
	err = stk_policy_fits(
	    *out, c->policy, STK_READMIT_WINDOW_S, STK_LEDGER_RECORD, c->ledger_max_bytes, e);
	if (err == STK_OK && stk_audit_key_in(&w->trail.audit, *out)) {
		(void)snprintf(e->sentence, sizeof(e->sentence),
		    "the key of audit_key_file is in it; a key that may enqueue cannot vouch for "
		    "the "
		    "trail");
		err = STK_E_REFUSED;
	}
	for (size_t i = 0; err == STK_OK && i < (*out)->n_keys; i++)
		err = check_hidden(c, (*out)->keys[i].secret_path, e);
	for (uint32_t i = 0; err == STK_OK && i < w->cage.table.head.n_classes; i++)
		err = check_class(w, *out, i, e);
	if (err != STK_OK) {
		stk_keyring_free(*out);
		*out = NULL;
	}
	return err;
}

/* --- the start -------------------------------------------------------------------------------- */

static void log_ring(const struct stk_worker *w, const char *action)
{
	size_t n[STK_KEY_REVOKED + 1] = { 0 };
	char digest[2 * STK_SHA256_LEN + 1];
	struct stk_jw *line;

	for (size_t i = 0; i < w->ring->n_keys; i++)
		n[stk_key_state(&w->ring->keys[i], stk_worker_now_s())]++;
	stk_hex(w->ring->digest, STK_SHA256_LEN, digest);
	line = stk_log_start(STK_LOG_INFO, action, "success",
	    "policy in use: %zu principals, %zu keys active, %zu retiring, %zu revoked",
	    w->ring->n_principals, n[STK_KEY_ACTIVE], n[STK_KEY_RETIRING], n[STK_KEY_REVOKED]);
	stk_jw_cstr(line, "stockade.policy_sha256", digest);
	stk_jw_int(line, "stockade.keys_active", (int64_t)n[STK_KEY_ACTIVE]);
	stk_jw_int(line, "stockade.keys_retiring", (int64_t)n[STK_KEY_RETIRING]);
	stk_jw_int(line, "stockade.keys_revoked", (int64_t)n[STK_KEY_REVOKED]);
	stk_log_end();
}

int stk_policy_open(struct stk_worker *w, const struct stk_worker_start *start)
{
	const struct stk_config *c = w->config;
	struct stk_conf_error e = { 0 };

	(void)start;
	if (check_hidden(c, c->policy, &e) != STK_OK ||
	    check_hidden(c, c->redis_password_file, &e) != STK_OK ||
	    check_hidden(c, c->ledger_password_file, &e) != STK_OK)
		return stk_complain(STK_EX_CONFIG, "%s", e.sentence);
	if (stk_seal_init() != STK_OK)
		return stk_complain(STK_EX_OS, "libsodium did not start");
	if (access(c->policy, R_OK) != 0)
		return stk_complain(STK_EX_NOINPUT,
		    "cannot read the policy %s: %s; `stockade keys generate` prints a stanza to "
		    "start "
		    "one with",
		    c->policy, strerror(errno));
	if (load(w, &w->ring, &e) != STK_OK)
		return stk_complain(
		    w->reload.lacking != 0 ? w->reload.lacking : STK_EX_CONFIG, "%s", e.sentence);
	w->gate = (struct stk_gate){
		.ring = w->ring,
		.classes = &w->cage.table,
		.max_payload_bytes = (size_t)c->max_payload_bytes,
		.max_body_bytes = (size_t)c->max_body_bytes,
		.skew_s = c->skew_ms / 1000,
		.config = c,
		.instance = w->store.instance,
		.class_absent_defers = true,
	};
	w->reload = (struct stk_reload){ .seen = w->ring->seen, .examining = true };
	return 0;
}

/* --- the swap --------------------------------------------------------------------------------- */

/* What lacks may come by itself, like a key's file after the policy that names it: it is tried
 * again, and said again when it was asked for or is another reason. */
static void alarm_failed(struct stk_worker *w, const char *why, bool again)
{
	char digest[2 * STK_SHA256_LEN + 1];
	struct stk_jw *line;

	w->reload.retry_ms = stk_monotonic_ms() + STK_RELOAD_RETRY_MS;
	if (again && w->reload.failed && strcmp(why, w->reload.why) == 0)
		return;
	(void)snprintf(w->reload.why, sizeof(w->reload.why), "%s", why);
	w->reload.failed = true;
	w->counters.reloads_failed++;
	stk_hex(w->ring->digest, STK_SHA256_LEN, digest);
	line = stk_log_start(STK_LOG_ERROR, "policy.reload_failed", "failure",
	    "POLICY_RELOAD_FAILED: the policy before it stays in use: %s", why);
	stk_jw_cstr(line, "event.reason", "POLICY_RELOAD_FAILED");
	stk_jw_cstr(line, "stockade.policy_sha256", digest);
	stk_log_end();
}

/* A dynamic list covers what the policy grants, so it changes with it. */
static enum stk_err rebind(struct stk_worker *w, const struct stk_keyring *ring)
{
	struct stk_queues fresh = { 0 };
	enum stk_err e;

	if (!w->queue_list.dynamic)
		return STK_OK;
	e = stk_queues_bind(&w->config->queues, &w->config->queues_allowed, ring, &fresh);
	if (e != STK_OK)
		return e;
	stk_queues_clear(&w->queue_list);
	w->queue_list = fresh;
	stk_worker_part_queues(w);
	return STK_OK;
}

/* Read from the same policy text and the same secrets. */
static bool same_ring(const struct stk_keyring *a, const struct stk_keyring *b)
{
	bool same = memcmp(a->digest, b->digest, sizeof(a->digest)) == 0 && a->n_keys == b->n_keys;

	for (size_t i = 0; same && i < a->n_keys; i++)
		same = (a->keys[i].secret == NULL) == (b->keys[i].secret == NULL) &&
		       (a->keys[i].secret == NULL ||
			   stk_same_secret(a->keys[i].secret, b->keys[i].secret, STK_KEY_LEN));
	return same;
}

/* Asked for by a signal; seen to be another file, which a touch makes of it too; tried once more.
 */
enum why {
	ASKED,
	CHANGED,
	AGAIN
};

static void reload(struct stk_worker *w, enum why why)
{
	struct stk_conf_error e = { 0 };
	struct stk_keyring *fresh = NULL, *old = w->ring;

	w->reload.seen = stk_policy_seen(w->config->policy, w->ring);
	if (load(w, &fresh, &e) != STK_OK) {
		alarm_failed(w, e.sentence, why == AGAIN);
		return;
	}
	if (why == CHANGED && !w->reload.failed && same_ring(fresh, old)) {
		w->reload.seen = fresh->seen;
		stk_keyring_free(fresh);
		return;
	}
	if (rebind(w, fresh) != STK_OK) {
		alarm_failed(w,
		    "it leaves this worker's queue list without any queue, or with too many",
		    why == AGAIN);
		stk_keyring_free(fresh);
		return;
	}
	w->ring = fresh;
	w->gate.ring = fresh;
	stk_keyring_free(old);
	w->reload = (struct stk_reload){
		.seen = fresh->seen, .next_look_ms = w->reload.next_look_ms, .examining = true
	};
	w->guard = (struct stk_guard){ 0 };
	stk_breaker_clear(&w->breaker);
	memset(w->flood.skip, 0, sizeof(w->flood.skip));
	w->counters.reloads++;
	stk_meter_rows(w);
	stk_trail_policy(&w->trail, w->ring);
	/* where it cannot be written, the next decision waits for it by name */
	(void)!stk_trail_note(&w->trail, "reload", w->store.id);
	log_ring(w, "policy.reloaded");
	stk_worker_log_absent(w);
	stk_worker_log_signatures(w);
}

void stk_reload_look(struct stk_worker *w)
{
	int64_t now = stk_monotonic_ms();
	bool asked = w->life.reload;

	if (!asked && now < w->reload.next_look_ms)
		return;
	w->reload.next_look_ms = now + STK_RELOAD_LOOK_MS;
	w->life.reload = false;
	if (asked || stk_policy_seen(w->config->policy, w->ring) != w->reload.seen)
		reload(w, asked ? ASKED : CHANGED);
	else if (w->reload.failed && now >= w->reload.retry_ms)
		reload(w, AGAIN);
}

void stk_reload_pass(struct stk_worker *w)
{
	stk_reload_look(w);
	if (w->reload.examining)
		stk_reexamine(w);
}
