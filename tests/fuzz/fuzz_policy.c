/*
 * fuzz_policy.c - any bytes as a policy file: a ring within its rules, or a sentence; nothing half.
 */
#include "worker/policy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libconfig 1.5 loses the string it was reading when a syntax error stops it: 64 bytes per bad
 * file. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so";
}

static void must(bool claim)
{
	if (!claim)
		abort();
}

static void check_ring(const struct stk_keyring *r)
{
	must(r->n_audiences > 0 && r->n_principals > 0 && r->n_keys > 0);
	for (size_t i = 0; i < r->n_principals; i++) {
		const struct stk_principal *p = &r->principals[i];

		must(p->n_grants > 0 && p->max_runs >= 1 && p->max_runs <= STK_RUNS_MAX);
		must(p->max_window_s > 0 && p->rate_per_h > 0 && p->burst > 0 && p->park_max > 0);
	}
	for (size_t i = 0; i < r->n_keys; i++) {
		must(r->keys[i].principal < r->n_principals);
		must(stk_keyring_find(r, stk_span_str(r->keys[i].kid)) == &r->keys[i]);
		must(r->keys[i].alg == STK_ALG_HMAC_SHA256 ||
		     stk_seal_public_ok(r->keys[i].public_key));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *text = malloc(size + 1);
	struct stk_conf_error e = { 0 };
	struct stk_keyring *r;

	if (text == NULL || size > STK_CONF_FILE_MAX) {
		free(text);
		return 0;
	}
	memcpy(text, data, size);
	text[size] = '\0';
	if (stk_policy_parse("fuzz.conf", "/nonexistent", text, size, &r, &e) == STK_OK) {
		check_ring(r);
		stk_keyring_free(r);
	} else {
		must(r == NULL && e.sentence[0] != '\0' && strlen(e.sentence) < sizeof(e.sentence));
	}
	free(text);
	return 0;
}
