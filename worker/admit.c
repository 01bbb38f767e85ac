/*
 * admit.c - see admit.h. stk_admit's tail reads top to bottom as PROTOCOL.md's "Order of checks";
 * each row is one function that returns ACCEPT to go on.
 */
#include "worker/admit.h"

#include "worker/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stk_ticket {
	struct stk_message msg; /* owns every span below */
	struct stk_envelope env;
	uint8_t job_id[STK_JOB_ID_LEN];
	char kid[STK_KID_MAX + 1];
	char cls[STK_CLASS_MAX + 1];
	const struct stk_principal *principal;
	uint32_t class_index;
	bool plain;
};

/* One judgement on its way. */
struct judge {
	const struct stk_gate *gate;
	const struct stk_parcel *parcel;
	int64_t now_s;
	struct stk_admission *out;
	struct stk_payload payload;
	struct stk_message msg;
	struct stk_envelope env;
	const struct stk_key *key;
	uint32_t class_index;
};

static void copy_text(char *out, size_t cap, struct stk_span s)
{
	size_t n = s.len < cap - 1 ? s.len : cap - 1;

	memcpy(out, s.p, n);
	out[n] = '\0';
}

/* Rows 1 to 4: only bytes and grammar. */
static enum stk_verdict judge_form(struct judge *j)
{
	enum stk_verdict v;

	if (j->parcel->bytes.len > j->gate->max_payload_bytes)
		return STK_V_E_TOO_LARGE;
	if ((v = stk_payload_scan(j->parcel->bytes, &j->payload)) != STK_V_ACCEPT)
		return v;
	v = stk_message_decode(
	    &j->payload, j->gate->max_body_bytes, &j->msg, &j->env, &j->out->nomem);
	if (v == STK_V_ACCEPT || (v == STK_V_E_BODY && j->msg.bytes != NULL)) {
		copy_text(j->out->kid, sizeof(j->out->kid), j->env.kid);
		copy_text(j->out->cls, sizeof(j->out->cls), j->env.cls);
		copy_text(j->out->header, sizeof(j->out->header), j->msg.header);
	}
	return v;
}

static enum stk_verdict judge_signature_text(const struct judge *j, uint8_t sig[static STK_SIG_MAX])
{
	uint8_t text[STK_SIG_TEXT_MAX + 1];
	size_t len = stk_json_unescape(j->payload.signature, text, sizeof(text));

	if (len > STK_SIG_TEXT_MAX ||
	    !stk_b64url_decode(stk_span_of(text, len), sig, stk_alg_sig_len(j->key->alg)))
		return STK_V_E_SIG_FORMAT;
	return STK_V_ACCEPT;
}

/* Rows 5 and 6: who signed, and did they. A revoked key is verified too, but trusted with nothing.
 */
static enum stk_verdict judge_seal(struct judge *j)
{
	uint8_t sig[STK_SIG_MAX];
	enum stk_verdict v;

	if ((j->key = stk_keyring_find(j->gate->ring, j->env.kid)) == NULL)
		return STK_V_E_KEY_UNKNOWN;
	j->out->who = &j->gate->ring->principals[j->key->principal];
	copy_text(j->out->principal, sizeof(j->out->principal), stk_span_str(j->out->who->name));
	v = judge_signature_text(j, sig);
	if (v == STK_V_ACCEPT) {
		const uint8_t *material =
		    j->key->alg == STK_ALG_HMAC_SHA256 ? j->key->secret : j->key->public_key;

		j->out->signature_valid =
		    stk_seal_verify(j->key->alg, material, stk_span_of(j->msg.bytes, j->msg.len),
			stk_span_of(sig, stk_alg_sig_len(j->key->alg)));
	}
	if (j->out->signature_valid)
		stk_message_job_id(&j->msg, j->out->job_id);
	if (j->key->revoked)
		return STK_V_E_KEY_REVOKED;
	if (v != STK_V_ACCEPT)
		return v;
	if (!j->out->signature_valid)
		return STK_V_E_SIGNATURE;
	j->out->authenticated = true;
	return STK_V_ACCEPT;
}

/* Row 7: a genuine body, but is this the place it was signed for? */
static enum stk_verdict judge_place(const struct judge *j)
{
	uint8_t cls[STK_CLASS_MAX];
	size_t len = stk_json_unescape(j->payload.class_text, cls, sizeof(cls));

	if (!stk_span_eq(stk_span_of(cls, len), j->env.cls))
		return STK_V_E_CLASS_MISMATCH;
	if (!stk_keyring_has_audience(j->gate->ring, j->env.aud))
		return STK_V_E_AUDIENCE;
	if (!stk_envelope_names_queue(&j->env, stk_span_str(j->parcel->queue)))
		return STK_V_E_QUEUE_MISMATCH;
	return STK_V_ACCEPT;
}

/* Row 8: the times it claims. */
static enum stk_verdict judge_time(const struct judge *j)
{
	const struct stk_envelope *e = &j->env;

	if (e->nbf_s < e->iat_s || e->exp_s <= e->nbf_s)
		return STK_V_E_TIME_ORDER;
	if (e->iat_s > j->now_s + j->gate->skew_s)
		return STK_V_E_IAT_FUTURE;
	if (e->iat_s < j->key->iat_from_s || e->iat_s >= j->key->iat_to_s)
		return STK_V_E_KEY_WINDOW;
	if (j->now_s >= e->exp_s)
		return STK_V_E_EXPIRED;
	return STK_V_ACCEPT;
}

/* Rows 9 to 11: what the principal may ask, whether it exists here, and whether it is due. */
static enum stk_verdict judge_policy(struct judge *j)
{
	const struct stk_principal *p = &j->gate->ring->principals[j->key->principal];
	enum stk_verdict v =
	    stk_keyring_allows(p, stk_span_str(j->parcel->queue), &j->env, j->msg.body.len);
	int index;

	if (v != STK_V_ACCEPT)
		return v;
	if ((index = stk_class_find(j->gate->classes, j->env.cls)) < 0)
		return j->gate->class_absent_defers ? STK_V_D_CLASS_ABSENT : STK_V_E_CLASS_UNKNOWN;
	j->class_index = (uint32_t)index;
	if (j->now_s < j->env.nbf_s) {
		j->out->not_before_s = j->env.nbf_s;
		return STK_V_D_NOT_BEFORE;
	}
	return STK_V_ACCEPT;
}

/* --- signatures = "off" ------------------------------------------------------------------------
 */

static bool runs_unsigned(const struct judge *j)
{
	return j->gate->config != NULL &&
	       stk_config_signatures(j->gate->config, j->parcel->queue) == STK_SIGNATURES_OFF;
}

static bool class_listed(const struct judge *j, const char *cls)
{
	const struct stk_queue_rule *r = stk_config_rule(j->gate->config, j->parcel->queue);

	for (size_t i = 0; i < r->classes.n; i++)
		if (strcmp(r->classes.v[i], cls) == 0)
			return true;
	return false;
}

/* No bytes vouch for such a job, so its id is its place: this instance, this sequence number. */
static void name_plain(struct judge *j)
{
	char text[128];
	uint8_t digest[STK_SHA256_LEN];

	(void)snprintf(text, sizeof(text), "stockade-plain-v1\n%s:%lld",
	    j->gate->instance != NULL ? j->gate->instance : "", (long long)j->parcel->seq);
	stk_sha256(stk_span_str(text), digest);
	memcpy(j->out->job_id, digest, STK_JOB_ID_LEN);
}

/* A copy of the arguments stands where a signed body would: the parcel goes before the ticket. */
static bool copy_args(struct judge *j)
{
	struct stk_span args = j->payload.args;

	if ((j->msg.bytes = malloc(args.len + 1)) == NULL)
		return false;
	memcpy(j->msg.bytes, args.p, args.len);
	j->msg.len = args.len;
	j->msg.body = stk_span_of(j->msg.bytes, args.len);
	return true;
}

/* Class list, size and registry still hold; what is not listed is an unsigned job as ever. */
static enum stk_verdict judge_plain(struct judge *j)
{
	enum stk_verdict v = stk_payload_plain(j->parcel->bytes, &j->payload);
	uint8_t cls[STK_CLASS_MAX];
	size_t len;
	int index;

	if (v != STK_V_ACCEPT)
		return v;
	len = stk_json_unescape(j->payload.class_text, cls, sizeof(cls));
	if (!stk_envelope_class_ok(stk_span_of(cls, len)))
		return STK_V_E_UNSIGNED;
	copy_text(j->out->cls, sizeof(j->out->cls), stk_span_of(cls, len));
	if (!class_listed(j, j->out->cls))
		return STK_V_E_UNSIGNED;
	if (j->payload.args.len > j->gate->max_body_bytes)
		return STK_V_E_BODY;
	j->out->plain = true;
	name_plain(j);
	if ((index = stk_class_find(j->gate->classes, stk_span_of(cls, len))) < 0)
		return j->gate->class_absent_defers ? STK_V_D_CLASS_ABSENT : STK_V_E_CLASS_UNKNOWN;
	j->class_index = (uint32_t)index;
	j->out->nomem = !copy_args(j);
	return j->out->nomem ? STK_V_E_BODY : STK_V_ACCEPT;
}

/* Moves what was judged into a ticket; NULL if memory was refused. */
static struct stk_ticket *make_ticket(struct judge *j)
{
	struct stk_ticket *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->msg = j->msg;
	t->env = j->env;
	t->plain = j->out->plain;
	t->principal = t->plain ? NULL : &j->gate->ring->principals[j->key->principal];
	t->class_index = j->class_index;
	memcpy(t->job_id, j->out->job_id, sizeof(t->job_id));
	memcpy(t->kid, j->out->kid, sizeof(t->kid));
	memcpy(t->cls, j->out->cls, sizeof(t->cls));
	j->msg = (struct stk_message){ 0 };
	return t;
}

enum stk_verdict stk_admit(const struct stk_gate *gate, const struct stk_parcel *p, int64_t now_s,
    struct stk_admission *out)
{
	struct judge j = { .gate = gate, .parcel = p, .now_s = now_s, .out = out };
	enum stk_verdict v;

	*out = (struct stk_admission){ 0 };
	v = judge_form(&j);
	if (v == STK_V_E_UNSIGNED && runs_unsigned(&j)) {
		stk_message_clear(&j.msg);
		v = judge_plain(&j);
	} else if (v == STK_V_ACCEPT && (v = judge_seal(&j)) == STK_V_ACCEPT &&
		   (v = judge_place(&j)) == STK_V_ACCEPT && (v = judge_time(&j)) == STK_V_ACCEPT) {
		v = judge_policy(&j);
	}
	if (v == STK_V_ACCEPT) {
		out->ticket = make_ticket(&j);
		out->nomem = out->ticket == NULL;
		v = out->nomem ? STK_V_E_BODY : STK_V_ACCEPT;
	}
	stk_message_clear(&j.msg);
	out->verdict = v;
	return v;
}

void stk_admission_clear(struct stk_admission *a)
{
	stk_ticket_free(a->ticket);
	*a = (struct stk_admission){ 0 };
}

void stk_ticket_free(struct stk_ticket *t)
{
	if (t == NULL)
		return;
	stk_message_clear(&t->msg);
	free(t);
}

uint32_t stk_ticket_class_index(const struct stk_ticket *t)
{
	return t->class_index;
}

const char *stk_ticket_class(const struct stk_ticket *t)
{
	return t->cls;
}

struct stk_span stk_ticket_args(const struct stk_ticket *t)
{
	return t->msg.body;
}

const uint8_t *stk_ticket_job_id(const struct stk_ticket *t)
{
	return t->job_id;
}

const char *stk_ticket_kid(const struct stk_ticket *t)
{
	return t->kid;
}

const struct stk_principal *stk_ticket_principal(const struct stk_ticket *t)
{
	return t->principal;
}

uint32_t stk_ticket_runs(const struct stk_ticket *t)
{
	return t->env.runs;
}

int64_t stk_ticket_iat_s(const struct stk_ticket *t)
{
	return t->env.iat_s;
}

int64_t stk_ticket_nbf_s(const struct stk_ticket *t)
{
	return t->env.nbf_s;
}

int64_t stk_ticket_exp_s(const struct stk_ticket *t)
{
	return t->env.exp_s;
}

struct stk_span stk_ticket_ref(const struct stk_ticket *t)
{
	return t->env.ref;
}

struct stk_span stk_ticket_header(const struct stk_ticket *t)
{
	return t->msg.header;
}

bool stk_ticket_plain(const struct stk_ticket *t)
{
	return t->plain;
}
