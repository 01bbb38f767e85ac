/*
 * resign.c - a refused job signed again with an operator's key: the same class, queues and
 * arguments, byte for byte, under a new id, with ref r.<old id>. See quarantine.h; called by
 * `quarantine readmit` for jobs whose own signature was found genuine, so that nothing is vouched
 * for that nobody ever signed.
 */
#include "worker/cli/quarantine.h"
#include "worker/keyring.h"

#include <stdio.h>
#include <string.h>

#define LEAST_WINDOW_S 3600

static bool same_material(const struct stk_resigner *r)
{
	uint8_t public_key[STK_KEY_LEN];

	if (r->alg != r->key->alg)
		return false;
	if (r->alg == STK_ALG_HMAC_SHA256)
		return stk_same_secret(r->secret, r->key->secret, STK_KEY_LEN);
	stk_seal_public(r->secret, public_key);
	return memcmp(public_key, r->key->public_key, STK_KEY_LEN) == 0;
}

int stk_resigner_open(
    struct stk_resigner *r, const struct stk_keyring *ring, const char *file, const char *kid)
{
	const char *why;
	enum stk_err e;

	r->key = stk_keyring_find(ring, stk_span_str(kid));
	if (r->key == NULL)
		return stk_complain(STK_EX_CONFIG, "the policy has no key %.64s", kid);
	r->who = &ring->principals[r->key->principal];
	if (!r->who->is_operator)
		return stk_complain(STK_EX_NOPERM,
		    "%s belongs to %s, who is no operator: workers would refuse what it signs "
		    "again "
		    "(`operator = true` in the policy)",
		    r->key->kid, r->who->name);
	if (r->key->revoked)
		return stk_complain(STK_EX_NOPERM, "%s is revoked", r->key->kid);
	e = stk_key_file_read(NULL, file, &r->alg, &r->secret, &why);
	if (e != STK_OK)
		return stk_complain(
		    e == STK_E_SYSTEM ? STK_EX_NOINPUT : STK_EX_NOPERM, "%s %s", file, why);
	if (!same_material(r))
		return stk_complain(STK_EX_CONFIG, "%s is not the key that the policy has as %s",
		    file, r->key->kid);
	return 0;
}

void stk_resigner_close(struct stk_resigner *r)
{
	stk_secret_free(r->secret);
	*r = (struct stk_resigner){ 0 };
}

/* The header's own list: signed again for no queue that its producer did not name. */
static void join_queues(const struct stk_envelope *e, char *out, size_t cap)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < e->n_queues && n < cap; i++)
		n += (size_t)snprintf(out + n, cap - n, "%s%.*s", i > 0 ? "," : "",
		    (int)e->queues[i].len, (const char *)e->queues[i].p);
}

/* As long as the old job had, but long enough for workers to come to it. */
static int64_t window_s(const struct stk_resigner *r, const struct stk_envelope *e)
{
	int64_t asked = r->ttl_s > 0 ? r->ttl_s : e->exp_s - e->nbf_s;

	if (r->ttl_s == 0 && asked < LEAST_WINDOW_S)
		asked = LEAST_WINDOW_S;
	return asked < r->who->max_window_s ? asked : r->who->max_window_s;
}

int stk_resign(const struct stk_resigner *r, const struct stk_old_job *old, int64_t now_s,
    struct stk_signed *out)
{
	char aud[STK_AUD_MAX + 1], cls[STK_CLASS_MAX + 1], queues[STK_QUEUES_MAX * 65],
	    ref[STK_REF_MAX + 1];
	const struct stk_envelope *e = &old->env;
	const char *why;

	(void)snprintf(aud, sizeof(aud), "%.*s", (int)e->aud.len, (const char *)e->aud.p);
	(void)snprintf(cls, sizeof(cls), "%.*s", (int)e->cls.len, (const char *)e->cls.p);
	(void)snprintf(ref, sizeof(ref), STK_REF_AGAIN "%s", old->job_id);
	join_queues(e, queues, sizeof(queues));
	struct stk_sign_request request = { .kid = r->key->kid,
		.aud = aud,
		.queues = queues,
		.cls = cls,
		.ref = ref,
		.runs = (int64_t)e->runs < r->who->max_runs ? (int64_t)e->runs : r->who->max_runs,
		.iat_s = now_s,
		.nbf_s = e->nbf_s > now_s ? e->nbf_s : now_s,
		.args = old->msg.body };

	request.exp_s = request.nbf_s + window_s(r, e);
	*out = (struct stk_signed){ 0 };
	if (!stk_sign_header(&request, out->header, &why))
		return stk_complain(STK_EX_BUG, "the job cannot be signed again: %s", why);
	return stk_sign_seal(r->alg, r->secret, &request, out);
}
