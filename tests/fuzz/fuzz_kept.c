/*
 * fuzz_kept.c - quarantine entries as anybody may have written them: what is taken from one is
 * printable, and a payload comes back only if its digest fits.
 */
#include "worker/kept.h"

#include "worker/seal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_plain(const char *text, size_t max)
{
	size_t n = strnlen(text, max + 1);

	if (n > max)
		abort();
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~' || text[i] == '\\' || text[i] == '"')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stk_kept_entry k;
	uint8_t *out = NULL;
	size_t len = 0;

	if (stk_seal_init() != STK_OK)
		abort();
	stk_kept_parse(stk_span_of(data, size), &k);
	must_be_plain(k.id, 26);
	must_be_plain(k.reason, 39);
	must_be_plain(k.queue, 64);
	must_be_plain(k.at, 20);
	must_be_plain(k.sha256, 64);
	must_be_plain(k.kid, 64);
	must_be_plain(k.job, 32);
	if (k.ours && (k.id[0] == '\0' || k.bytes < 0 || k.n < 1))
		abort();
	if (stk_kept_payload(&k, &out, &len) == STK_OK && (int64_t)len != k.bytes)
		abort();
	free(out);
	return 0;
}
