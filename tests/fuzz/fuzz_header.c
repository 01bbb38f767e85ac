/*
 * fuzz_header.c - a header that parses can be written again from its parts, byte for byte: one
 * content has one encoding.
 */
#include "worker/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
	if (!claim)
		abort();
}

static void add(char *out, size_t cap, const char *before, struct stk_span s)
{
	size_t n = strlen(out);

	(void)snprintf(out + n, cap - n, "%s%.*s", before, (int)s.len, (const char *)s.p);
}

static void write_again(const struct stk_envelope *e, char *out, size_t cap)
{
	size_t n;

	out[0] = '\0';
	add(out, cap, "stk1;kid=", e->kid);
	add(out, cap, ";aud=", e->aud);
	for (size_t i = 0; i < e->n_queues; i++)
		add(out, cap, i == 0 ? ";q=" : ",", e->queues[i]);
	add(out, cap, ";cls=", e->cls);
	add(out, cap, ";jti=", e->jti);
	n = strlen(out);
	(void)snprintf(out + n, cap - n, ";iat=%lld;nbf=%lld;exp=%lld;runs=%u", (long long)e->iat_s,
	    (long long)e->nbf_s, (long long)e->exp_s, e->runs);
	add(out, cap, ";ref=", e->ref);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stk_span header = stk_span_of(data, size);
	char out[2 * STK_HEADER_MAX];
	struct stk_envelope e;
	enum stk_verdict v = stk_envelope_parse(header, &e);

	must(v == STK_V_ACCEPT || v == STK_V_E_UNSIGNED || v == STK_V_E_VERSION ||
	     v == STK_V_E_HEADER);
	if (v == STK_V_ACCEPT) {
		write_again(&e, out, sizeof(out));
		must(stk_span_eq(stk_span_str(out), header));
		must(memchr(data, '\n', size) == NULL && memchr(data, '\0', size) == NULL);
		must(e.n_queues > 0 && stk_envelope_names_queue(&e, e.queues[0]));
	}
	if (stk_envelope_body_ok(header, 65536))
		must(size >= 2 && size <= 65536 && data[0] == '[' &&
		     memchr(data, '\n', size) == NULL);
	return 0;
}
