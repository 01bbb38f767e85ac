/*
 * sign_request.c - what would be refused later, said now: the part of signing.h that looks at
 * arguments and header fields by the worker's own rules. Called before any key is touched.
 */
#include "worker/cli/signing.h"

#include "worker/scan.h"
#include "worker/seal.h"

#include <stdio.h>

const char *stk_sign_args_fault(struct stk_span args, size_t max)
{
	if (args.len > max)
		return "the arguments are larger than a worker's max_body; pass a reference to the "
		       "data";
	for (size_t i = 0; i < args.len; i++)
		if (args.p[i] < 0x20)
			return "the arguments contain a line break or another control character; "
			       "write "
			       "them on one line, for example with `jq -c .`";
	if (args.len < 2 || args.p[0] != '[' || args.p[args.len - 1] != ']')
		return "the arguments must be one JSON array, from [ to ], like [\"a\",1]";
	switch (stk_json_recognise(args, STK_JSON_DEPTH, STK_JSON_ARRAY, NULL)) {
	case STK_OK: return NULL;
	case STK_E_TOOBIG: return "the arguments are nested deeper than 64 levels; flatten them";
	case STK_E_SYSTEM:
	case STK_E_NOMEM:
	case STK_E_FORMAT:
	case STK_E_CLOSED:
	case STK_E_TIMEOUT:
	case STK_E_ABSENT:
	case STK_E_REFUSED: break;
	}
	return "the arguments are not valid JSON; check quotes and commas, for example with `jq .`";
}

/* The first field that breaks the grammar, as a sentence. */
static const char *field_fault(const struct stk_sign_request *r)
{
	if (!stk_envelope_kid_ok(stk_span_str(r->kid)))
		return "--kid takes 1 to 64 of A-Z a-z 0-9 _ . -";
	if (!stk_envelope_aud_ok(stk_span_str(r->aud)))
		return "--aud takes 1 to 64 of A-Z a-z 0-9 _ . - + : /";
	if (!stk_envelope_class_ok(stk_span_str(r->cls)))
		return "--class takes 1 to 128 of A-Z a-z 0-9 _ :, not beginning with a digit or :";
	if (!stk_envelope_ref_ok(stk_span_str(r->ref)))
		return "--ref takes 1 to 64 of A-Z a-z 0-9 _ . - + : /";
	if (r->runs < 1 || r->runs > STK_RUNS_MAX)
		return "--runs takes 1 to 100";
	if (r->exp_s > 99999999999)
		return "--ttl and --not-before end beyond what eleven digits of seconds can say";
	if (r->nbf_s < r->iat_s)
		return "--not-before lies in the past; leave it out to start at once";
	if (r->exp_s <= r->nbf_s)
		return "--ttl must be at least one second";
	return "--queue takes 1 to 8 names of 1 to 64 of A-Z a-z 0-9 _ . : -, joined by commas";
}

bool stk_sign_header(
    const struct stk_sign_request *r, char out[static STK_HEADER_MAX + 1], const char **why)
{
	uint8_t random[16];
	char jti[32];
	struct stk_envelope e;
	int n;

	stk_random(random, sizeof(random));
	stk_b64url_encode(random, sizeof(random), jti, sizeof(jti));
	n = snprintf(out, STK_HEADER_MAX + 1,
	    "stk1;kid=%s;aud=%s;q=%s;cls=%s;jti=%s;iat=%lld;nbf=%lld;exp=%lld;runs=%lld;ref=%s",
	    r->kid, r->aud, r->queues, r->cls, jti, (long long)r->iat_s, (long long)r->nbf_s,
	    (long long)r->exp_s, (long long)r->runs, r->ref);
	*why = NULL;
	if (n < 0 || n > STK_HEADER_MAX ||
	    stk_envelope_parse(stk_span_of(out, (size_t)n), &e) != STK_V_ACCEPT ||
	    r->nbf_s < r->iat_s || r->exp_s <= r->nbf_s)
		*why = field_fault(r);
	return *why == NULL;
}
