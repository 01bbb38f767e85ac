/*
 * fuzz_json.c - the recogniser agrees with itself: on limits, on roots, on white space, on its
 * tokens.
 */
#include "worker/scan.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
	if (!claim)
		abort();
}

/* Every token of recognised bytes is a token, and a decoded string is never longer than its text.
 */
static void walk(struct stk_span bytes)
{
	struct stk_scan s = { .bytes = bytes };
	struct stk_span text = { 0 };
	enum stk_token t;

	while ((t = stk_scan_next(&s, &text)) != STK_TOKEN_END) {
		must(t != STK_TOKEN_BAD && s.at <= bytes.len);
		if (t == STK_TOKEN_STRING) {
			must(stk_json_unescape(text, NULL, 0) <= text.len);
			must(stk_json_same_string(text, text));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stk_span bytes = stk_span_of(data, size);
	size_t at;
	enum stk_err e = stk_json_recognise(bytes, STK_JSON_DEPTH, STK_JSON_ANY, &at);
	bool object = stk_json_recognise(bytes, STK_JSON_DEPTH, STK_JSON_OBJECT, NULL) == STK_OK;
	bool array = stk_json_recognise(bytes, STK_JSON_DEPTH, STK_JSON_ARRAY, NULL) == STK_OK;
	uint8_t *padded = malloc(size + 2);

	must(at <= size && (e == STK_OK || e == STK_E_FORMAT || e == STK_E_TOOBIG));
	must(!(object && array) && (e == STK_OK || (!object && !array)));
	if (e == STK_OK) {
		must(at == size);
		must(stk_json_recognise(bytes, STK_JSON_DEPTH + 1, STK_JSON_ANY, NULL) == STK_OK);
		walk(bytes);
	}
	if (padded != NULL) {
		padded[0] = '\n';
		memcpy(padded + 1, data, size);
		padded[size + 1] = ' ';
		must(stk_json_recognise(
			 stk_span_of(padded, size + 2), STK_JSON_DEPTH, STK_JSON_ANY, NULL) == e);
		/* two values are never one */
		padded[size + 1] = ']';
		if (e == STK_OK)
			must(stk_json_recognise(stk_span_of(padded, size + 2), STK_JSON_DEPTH,
				 STK_JSON_ANY, NULL) != STK_OK);
	}
	free(padded);
	return 0;
}
