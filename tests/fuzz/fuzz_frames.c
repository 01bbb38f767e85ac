/*
 * fuzz_frames.c - the report decoder over anything a job could write. The first byte says in which
 * pieces the rest arrives.
 */
#include "sandbox/report.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_log(void *ctx, uint32_t level, struct stk_span text)
{
	size_t *sum = ctx;

	*sum += level;
	for (size_t i = 0; i < text.len; i++)
		*sum += text.p[i];
}

static void on_progress(void *ctx, const struct stk_progress *p, struct stk_span note)
{
	size_t *sum = ctx;

	if (note.len > STK_NOTE_MAX)
		abort();
	*sum += (size_t)p->done + (size_t)p->total;
	for (size_t i = 0; i < note.len; i++)
		*sum += note.p[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct stk_limits limits = { .report_bytes = 512, .result_bytes = 256 };
	struct stk_report r;
	size_t piece, sum = 0;
	enum stk_err e = STK_OK;

	if (size == 0 || stk_report_init(&r, &limits, on_log, &sum) != STK_OK)
		return 0;
	r.progress = on_progress;
	if ((size & 1) != 0 && stk_report_may_release(&r, 3) != STK_OK) {
		stk_report_clear(&r);
		return 0;
	}
	piece = (size_t)data[0] + 1;
	for (size_t at = 1; at < size && e == STK_OK; at += piece)
		e = stk_report_feed(&r, data + at, size - at < piece ? size - at : piece);
	if (r.has_result && (!r.ready || r.body == NULL || r.result.result_len > 256))
		abort();
	if (r.n_releases > ((size & 1) != 0 ? 3u : 0u) || r.release_bytes > STK_ARGS_MAX)
		abort();
	if (r.counted > 512 + 512 + (1u << 20) && e == STK_OK)
		abort();
	stk_report_clear(&r);
	return 0;
}
