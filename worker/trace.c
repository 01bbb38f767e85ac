/*
 * trace.c - see trace.h; and how a line of the log names its job.
 */
#include "worker/trace.h"

#include "worker/envelope.h"
#include "worker/worker.h"

#include <stdio.h>
#include <string.h>

/* Where the parts of a traceparent stand (W3C Trace Context, 3.2). */
enum {
	TRACE_AT = 3,
	TRACE_LEN = 32,
	PARENT_AT = TRACE_AT + TRACE_LEN + 1,
	PARENT_LEN = 16,
	FLAGS_AT = PARENT_AT + PARENT_LEN + 1,
	WHOLE = FLAGS_AT + 2,
};
_Static_assert(WHOLE + 1 == STK_TRACE_BYTES, "with its NUL");

/* Lower-case digits, and not all of them 0 where that means none. */
static bool hex(const uint8_t *p, size_t len, bool may_be_zero)
{
	bool zero = true;

	for (size_t i = 0; i < len; i++) {
		if (!(p[i] >= '0' && p[i] <= '9') && !(p[i] >= 'a' && p[i] <= 'f'))
			return false;
		zero = zero && p[i] == '0';
	}
	return !zero || may_be_zero;
}

static bool is_traceparent(struct stk_span s)
{
	return s.len == WHOLE && memcmp(s.p, "00-", 3) == 0 && s.p[PARENT_AT - 1] == '-' &&
	       s.p[FLAGS_AT - 1] == '-' && hex(s.p + TRACE_AT, TRACE_LEN, false) &&
	       hex(s.p + PARENT_AT, PARENT_LEN, false) && hex(s.p + FLAGS_AT, 2, true);
}

void stk_trace_of(
    struct stk_span ref, const uint8_t job_id[static 16], char out[static STK_TRACE_BYTES])
{
	static const uint8_t none[16];
	uint8_t id[16];
	char text[33];

	if (is_traceparent(ref)) {
		memcpy(out, ref.p, WHOLE);
		out[WHOLE] = '\0';
		return;
	}
	/* an id of zeros is no job's, but run-job's; zeros mean that there is no trace */
	memcpy(id, job_id, sizeof(id));
	if (memcmp(id + 8, none, 8) == 0)
		id[15] = 1;
	stk_hex(id, sizeof(id), text);
	(void)snprintf(out, STK_TRACE_BYTES, "00-%s-%s-00", text, text + 16);
}

void stk_worker_trace(struct stk_worker *w, const struct stk_admission *a)
{
	struct stk_envelope e = { 0 };

	if (stk_envelope_parse(stk_span_str(a->header), &e) != STK_V_ACCEPT)
		e.ref = stk_span_of("", 0);
	stk_trace_of(e.ref, a->job_id, w->trace);
}

void stk_worker_say_job(const struct stk_worker *w, struct stk_jw *line)
{
	stk_jw_cstr(line, "stockade.job_id", w->job_id);
	if (w->trace[0] != '\0')
		stk_jw_str(
		    line, "trace.id", stk_span_of(w->trace + TRACE_AT, TRACE_LEN), TRACE_LEN);
}
