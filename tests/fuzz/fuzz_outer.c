/*
 * fuzz_outer.c - admit on raw bytes: never authenticated unless the signature verified, a ticket
 * exactly on ACCEPT, and a verdict that fits how far it came. The keys are the published test keys.
 */
#include "worker/admit.h"

#include "worker/scan.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
	if (!claim)
		abort();
}

static struct stk_keyring *make_ring(void)
{
	static char images[] = "images", resize[] = "ResizeImage";
	char *const queues[] = { images }, *const classes[] = { resize };
	const struct stk_principal p = { .name = "web",
		.max_runs = 5,
		.max_delay_s = 604800,
		.max_window_s = 86400,
		.rate_per_h = 1,
		.burst = 1,
		.park_max = 1,
		.quarantine_max = 1 };
	struct stk_key k = { .kid = "web-2026a", .iat_from_s = 1700000000, .iat_to_s = 1900000000 };
	struct stk_key h = k;
	struct stk_keyring *r = stk_keyring_new();
	const char *why;

	must(r != NULL && stk_seal_init() == STK_OK);
	must(stk_b64url_decode(stk_span_str("9atclDjI3V3CoqOlzWi2XJR-GYXJ1BnY2IF17bi7r4Q"),
	    k.public_key, STK_KEY_LEN));
	memcpy(h.kid, "cron-1", sizeof("cron-1"));
	h.alg = STK_ALG_HMAC_SHA256;
	must((h.secret = stk_secret_new()) != NULL);
	must(stk_b64url_decode(
	    stk_span_str("N6gRDT8KOxS5yjk5DqYA0wn74cgUJZTjj06200D4fjM"), h.secret, STK_KEY_LEN));
	must(stk_keyring_add_audience(r, "prod-eu/images", &why) == STK_OK &&
	     stk_keyring_add_principal(r, &p, &why) == STK_OK &&
	     stk_keyring_add_grant(r, 0, queues, 1, classes, 1, 4096, &why) == STK_OK &&
	     stk_keyring_add_key(r, &k, &why) == STK_OK &&
	     stk_keyring_add_key(r, &h, &why) == STK_OK);
	return r;
}

/* Takes the payload apart once more, by hand: is there a key whose signature fits these bytes? */
static bool really_signed(const struct stk_keyring *r, struct stk_span bytes)
{
	struct stk_payload p;
	struct stk_envelope e;
	struct stk_message m;
	uint8_t text[STK_SIG_TEXT_MAX], sig[STK_SIG_MAX];
	const struct stk_key *k;
	bool nomem, ok;
	size_t len;

	if (stk_payload_scan(bytes, &p) != STK_V_ACCEPT)
		return false;
	ok = stk_message_decode(&p, 65536, &m, &e, &nomem) == STK_V_ACCEPT &&
	     (k = stk_keyring_find(r, e.kid)) != NULL &&
	     (len = stk_json_unescape(p.signature, text, sizeof(text))) <= sizeof(text) &&
	     stk_b64url_decode(stk_span_of(text, len), sig, stk_alg_sig_len(k->alg)) &&
	     stk_seal_verify(k->alg, k->secret != NULL ? k->secret : k->public_key,
		 stk_span_of(m.bytes, m.len), stk_span_of(sig, stk_alg_sig_len(k->alg)));
	stk_message_clear(&m);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stk_keyring *ring;
	static struct stk_class_desc classes[1] = { { .name = "ResizeImage" } };
	static const struct stk_class_table table = { .head = { .n_classes = 1 },
		.classes = classes };
	struct stk_parcel parcel = { .queue = "images", .bytes = stk_span_of(data, size) };
	struct stk_gate gate = { .classes = &table,
		.max_payload_bytes = 131072,
		.max_body_bytes = 65536,
		.skew_s = 60 };
	struct stk_admission a, again;

	if (ring == NULL)
		ring = make_ring();
	gate.ring = ring;
	must(stk_admit(&gate, &parcel, 1800000000, &a) == a.verdict &&
	     a.verdict < STK_VERDICT_COUNT);
	must((a.ticket != NULL) == (a.verdict == STK_V_ACCEPT));
	must(stk_verdict_authenticated(a.verdict) == a.authenticated);
	must(!a.authenticated || a.signature_valid);
	must(a.signature_valid ==
	     (size <= gate.max_payload_bytes && really_signed(ring, parcel.bytes)));
	must(a.header[0] == '\0' || a.kid[0] != '\0');
	must(stk_admit(&gate, &parcel, 1800000000, &again) == a.verdict);
	must(memcmp(a.job_id, again.job_id, sizeof(a.job_id)) == 0);
	stk_admission_clear(&a);
	stk_admission_clear(&again);
	return 0;
}
