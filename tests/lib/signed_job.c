/*
 * signed_job.c - see signed_job.h.
 */
#include "tests/lib/signed_job.h"

#include "worker/jsonw.h"

#include <stdio.h>
#include <string.h>

static const uint8_t test_secret[STK_KEY_LEN] = "a test key, of no use elsewhere";

static enum stk_err add_keys(struct stk_keyring *r, const char **why)
{
	struct stk_key k = { .kid = "k1",
		.alg = STK_ALG_ED25519,
		.iat_from_s = TEST_NOW_S - 86400,
		.iat_to_s = TEST_NOW_S + 86400 };
	enum stk_err e;

	stk_seal_public(test_secret, k.public_key);
	if ((e = stk_keyring_add_key(r, &k, why)) != STK_OK)
		return e;
	k = (struct stk_key){ .kid = "h1",
		.alg = STK_ALG_HMAC_SHA256,
		.iat_from_s = TEST_NOW_S - 86400,
		.iat_to_s = TEST_NOW_S + 86400,
		.secret = stk_secret_new() };
	if (k.secret == NULL)
		return STK_E_NOMEM;
	memcpy(k.secret, test_secret, STK_KEY_LEN);
	return stk_keyring_add_key(r, &k, why);
}

struct stk_keyring *test_ring(void)
{
	static char images[] = "images", resize[] = "Resize", ghost[] = "Ghost";
	char *const queues[] = { images }, *const classes[] = { resize, ghost };
	const struct stk_principal web = { .name = "web",
		.max_runs = 5,
		.max_delay_s = 3600,
		.max_window_s = 3600,
		.rate_per_h = 3600,
		.burst = 1,
		.park_max = 1,
		.quarantine_max = 1 };
	struct stk_keyring *r = stk_keyring_new();
	const char *why;

	if (r != NULL && stk_seal_init() == STK_OK &&
	    stk_keyring_add_audience(r, "test", &why) == STK_OK &&
	    stk_keyring_add_principal(r, &web, &why) == STK_OK &&
	    stk_keyring_add_grant(r, 0, queues, 1, classes, 2, 1024, &why) == STK_OK &&
	    add_keys(r, &why) == STK_OK)
		return r;
	stk_keyring_free(r);
	return NULL;
}

const struct stk_class_table *test_classes(void)
{
	static struct stk_class_desc classes[1] = { { .name = "Resize" } };
	static const struct stk_class_table table = { .head = { .n_classes = 1 },
		.classes = classes };

	return &table;
}

size_t test_payload(const char *outer, const char *header, const char *body, char *out, size_t cap)
{
	enum stk_alg alg = strstr(header, "kid=h1") != NULL ? STK_ALG_HMAC_SHA256 : STK_ALG_ED25519;
	uint8_t sig[STK_SIG_MAX];
	char text[STK_SIG_TEXT_MAX + 1];
	struct stk_message m;
	struct stk_jw w;
	size_t len = 0;

	if (stk_message_make(stk_span_str(header), stk_span_str(body), &m) != STK_OK)
		return 0;
	stk_seal_sign(alg, test_secret, stk_span_of(m.bytes, m.len), sig);
	stk_message_clear(&m);
	stk_b64url_encode(sig, stk_alg_sig_len(alg), text, sizeof(text));
	stk_jw_init(&w, cap - 1);
	stk_jw_open(&w, NULL, '{');
	stk_jw_cstr(&w, "class", outer);
	stk_jw_open(&w, "args", '[');
	stk_jw_cstr(&w, NULL, header);
	stk_jw_cstr(&w, NULL, body);
	stk_jw_cstr(&w, NULL, text);
	stk_jw_close(&w, ']');
	stk_jw_close(&w, '}');
	if (!w.sour) {
		memcpy(out, w.buf, w.len + 1);
		len = w.len;
	}
	stk_jw_clear(&w);
	return len;
}

void test_header(const char *kid, char out[static STK_HEADER_MAX + 1])
{
	(void)snprintf(out, STK_HEADER_MAX + 1,
	    "stk1;kid=%s;aud=test;q=images;cls=Resize;jti=0123456789abcdef;iat=%d;nbf=%d;exp=%d;"
	    "runs=3;ref=o.42",
	    kid, TEST_NOW_S, TEST_NOW_S, TEST_NOW_S + 60);
}
