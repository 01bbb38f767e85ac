/*
 * keyring_ask.c - what a finished ring answers: which key, which state, which grants, and how many
 * records its principals may make in the ledger. Linear searches: rings have tens of keys, and a
 * scan of kids costs less than the hash of the shortest message.
 */
#include "worker/keyring.h"

#include <string.h>

int64_t stk_keyring_ledger_records(const struct stk_keyring *r, int64_t keep_s, size_t *worst)
{
	int64_t sum = 0, most = -1;

	for (size_t i = 0; i < r->n_principals; i++) {
		const struct stk_principal *p = &r->principals[i];
		int64_t seconds = p->max_delay_s + p->max_window_s + keep_s;
		int64_t n;

		/* hours are short and rates bounded, but their product need not fit */
		if (p->rate_per_h > (INT64_MAX >> 8) / seconds)
			n = INT64_MAX >> 8;
		else
			n = p->rate_per_h * seconds / 3600 + p->burst;
		if (n > most) {
			most = n;
			*worst = i;
		}
		sum = sum + n < INT64_MAX >> 7 ? sum + n : INT64_MAX >> 7;
	}
	return sum;
}

enum stk_key_state stk_key_state(const struct stk_key *k, int64_t now_s)
{
	return k->revoked             ? STK_KEY_REVOKED
	       : now_s >= k->iat_to_s ? STK_KEY_RETIRING
				      : STK_KEY_ACTIVE;
}

static bool listed(char *const *v, size_t n, struct stk_span name)
{
	for (size_t i = 0; i < n; i++)
		if (stk_span_eq(stk_span_str(v[i]), name))
			return true;
	return false;
}

const struct stk_key *stk_keyring_find(const struct stk_keyring *r, struct stk_span kid)
{
	for (size_t i = 0; i < r->n_keys; i++)
		if (stk_span_eq(stk_span_str(r->keys[i].kid), kid))
			return &r->keys[i];
	return NULL;
}

bool stk_keyring_has_audience(const struct stk_keyring *r, struct stk_span aud)
{
	return listed(r->audiences, r->n_audiences, aud);
}

/* Does it claim to be another job, signed again? The audit trail would believe it. */
static bool says_again(const struct stk_envelope *e)
{
	return e->ref.len >= strlen(STK_REF_AGAIN) &&
	       memcmp(e->ref.p, STK_REF_AGAIN, strlen(STK_REF_AGAIN)) == 0;
}

enum stk_verdict stk_keyring_allows(const struct stk_principal *p, struct stk_span queue,
    const struct stk_envelope *e, size_t body_len)
{
	enum stk_verdict best = STK_V_E_POLICY_DENIED;

	for (size_t i = 0; i < p->n_grants && best != STK_V_ACCEPT; i++) {
		const struct stk_policy_grant *g = &p->grants[i];

		if (listed(g->queues, g->n_queues, queue) &&
		    listed(g->classes, g->n_classes, e->cls))
			best = (int64_t)body_len <= g->max_body_bytes ? STK_V_ACCEPT
								      : STK_V_E_POLICY_SIZE;
	}
	if (best != STK_V_ACCEPT)
		return best;
	if (says_again(e) && !p->is_operator)
		return STK_V_E_POLICY_DENIED;
	if (e->runs > p->max_runs)
		return STK_V_E_POLICY_RUNS;
	if (e->nbf_s - e->iat_s > p->max_delay_s)
		return STK_V_E_POLICY_DELAY;
	if (e->exp_s - e->nbf_s > p->max_window_s)
		return STK_V_E_POLICY_WINDOW;
	return STK_V_ACCEPT;
}

bool stk_keyring_grants(const struct stk_keyring *r, const char *class_name)
{
	for (size_t p = 0; p < r->n_principals; p++)
		for (size_t g = 0; g < r->principals[p].n_grants; g++) {
			const struct stk_policy_grant *grant = &r->principals[p].grants[g];

			for (size_t c = 0; c < grant->n_classes; c++)
				if (strcmp(grant->classes[c], class_name) == 0)
					return true;
		}
	return false;
}
