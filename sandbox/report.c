/*
 * report.c - see report.h. Called by the run loop with whatever bytes the pipe gave; trusts none of
 * them: an error ends the job, never the worker.
 */
#include "sandbox/report.h"

#include <stdlib.h>
#include <string.h>

#define HEAD sizeof(struct stk_frame)

enum stk_err stk_report_init(struct stk_report *r, const struct stk_limits *limits,
    void (*log)(void *ctx, uint32_t level, struct stk_span text), void *ctx)
{
	size_t result = sizeof(struct stk_result) + STK_MESSAGE_MAX + limits->result_bytes;
	size_t other = limits->report_bytes;

	memset(r, 0, sizeof(*r));
	r->report_max = limits->report_bytes;
	r->result_max = limits->result_bytes;
	r->began_ms = stk_monotonic_ms();
	r->log = log;
	r->ctx = ctx;
	_Static_assert(sizeof(struct stk_progress) + STK_NOTE_MAX < STK_MESSAGE_MAX, "it has room");
	r->cap = HEAD + (result > other ? result : other);
	r->buf = malloc(r->cap);
	return r->buf == NULL ? STK_E_NOMEM : STK_OK;
}

void stk_report_clear(struct stk_report *r)
{
	free(r->buf);
	free(r->body);
	for (uint32_t i = 0; i < r->n_releases; i++)
		free((void *)(uintptr_t)r->releases[i].p);
	memset(r, 0, sizeof(*r));
}

enum stk_err stk_report_may_release(struct stk_report *r, uint32_t n)
{
	size_t cap = HEAD + STK_ARGS_MAX;
	uint8_t *buf;

	if (n == 0)
		return STK_OK;
	if (r->cap < cap) {
		if ((buf = realloc(r->buf, cap)) == NULL)
			return STK_E_NOMEM;
		r->buf = buf;
		r->cap = cap;
	}
	r->may_release = n < STK_RELEASES_MAX ? n : STK_RELEASES_MAX;
	return STK_OK;
}

bool stk_report_torn(const struct stk_report *r)
{
	return r->have > 0;
}

static enum stk_err on_setup(struct stk_report *r, const uint8_t *body, size_t len)
{
	if (r->ready || r->has_setup || len != sizeof(r->setup))
		return STK_E_FORMAT;
	memcpy(&r->setup, body, len);
	r->has_setup = true;
	return STK_OK;
}

static enum stk_err on_ready(struct stk_report *r, const uint8_t *body, size_t len)
{
	(void)body;
	if (r->ready || r->has_setup || len != 0)
		return STK_E_FORMAT;
	r->ready = true;
	return STK_OK;
}

/* The first record counts; a child that forges more only meets its report limit. */
static enum stk_err on_denied(struct stk_report *r, const uint8_t *body, size_t len)
{
	if (len != sizeof(r->denied))
		return STK_E_FORMAT;
	if (!r->has_denied)
		memcpy(&r->denied, body, len);
	r->has_denied = true;
	return STK_OK;
}

/* Numbers only; each that is used as one is in its range before anybody sees it. */
static bool fault_sound(const struct stk_fault *f)
{
	if (f->n_frames > STK_FAULT_FRAMES || f->n_modules > STK_FAULT_MODULES)
		return false;
	for (uint32_t i = 0; i < f->n_modules; i++)
		if (f->modules[i].len > sizeof(f->modules[i].bytes))
			return false;
	for (uint32_t i = 0; i < f->n_frames; i++)
		if ((f->frames[i].module >= f->n_modules &&
			f->frames[i].module != STK_FAULT_NOWHERE) ||
		    f->frames[i].how > STK_FAULT_FOUND)
			return false;
	return true;
}

static enum stk_err on_fault(struct stk_report *r, const uint8_t *body, size_t len)
{
	struct stk_fault f;

	if (len != sizeof(f))
		return STK_E_FORMAT;
	memcpy(&f, body, sizeof(f));
	if (!fault_sound(&f))
		return STK_E_FORMAT;
	if (!r->has_fault)
		r->fault = f;
	r->has_fault = true;
	return STK_OK;
}

static enum stk_err on_log(struct stk_report *r, const uint8_t *body, size_t len)
{
	uint32_t level;

	if (!r->ready || r->has_result || len < sizeof(level))
		return STK_E_FORMAT;
	memcpy(&level, body, sizeof(level));
	r->words++;
	if (r->log != NULL)
		r->log(r->ctx, level, stk_span_of(body + sizeof(level), len - sizeof(level)));
	return STK_OK;
}

/* It only grows, so that few of them say anything. */
static enum stk_err on_unlogged(struct stk_report *r, const uint8_t *body, size_t len)
{
	uint32_t n;

	if (!r->ready || r->has_result || len != sizeof(n))
		return STK_E_FORMAT;
	memcpy(&n, body, sizeof(n));
	if (n <= r->unlogged)
		return STK_E_FORMAT;
	r->unlogged = n;
	return STK_OK;
}

/* Counted against the job's age: an honest one that is read late is late as a whole. */
static enum stk_err pulse(struct stk_report *r)
{
	uint64_t age = (uint64_t)(stk_monotonic_ms() - r->began_ms);

	if (!r->ready || r->has_result)
		return STK_E_FORMAT;
	r->words++;
	return ++r->pulses > STK_PULSES_AT_ONCE + age / STK_PULSE_EVERY_MS ? STK_E_TOOBIG : STK_OK;
}

static enum stk_err on_progress(struct stk_report *r, const uint8_t *body, size_t len)
{
	struct stk_progress p;
	enum stk_err e;

	if (len < sizeof(p) || len > sizeof(p) + STK_NOTE_MAX)
		return STK_E_FORMAT;
	if ((e = pulse(r)) != STK_OK)
		return e;
	memcpy(&p, body, sizeof(p));
	if (r->progress != NULL)
		r->progress(r->ctx, &p, stk_span_of(body + sizeof(p), len - sizeof(p)));
	return STK_OK;
}

static enum stk_err on_beat(struct stk_report *r, const uint8_t *body, size_t len)
{
	(void)body;
	return len != 0 ? STK_E_FORMAT : pulse(r);
}

static enum stk_err on_release(struct stk_report *r, const uint8_t *body, size_t len)
{
	uint8_t *copy;

	if (!r->ready || r->has_result || r->may_release == 0 || len == 0)
		return STK_E_FORMAT;
	if (r->n_releases == r->may_release || len > STK_ARGS_MAX - r->release_bytes)
		return STK_E_TOOBIG;
	if ((copy = malloc(len)) == NULL)
		return STK_E_NOMEM;
	memcpy(copy, body, len);
	r->releases[r->n_releases++] = stk_span_of(copy, len);
	r->release_bytes += len;
	return STK_OK;
}

static enum stk_err on_result(struct stk_report *r, const uint8_t *body, size_t len)
{
	struct stk_result res;

	if (!r->ready || r->has_result || len < sizeof(res))
		return STK_E_FORMAT;
	memcpy(&res, body, sizeof(res));
	if (res.kind < STK_RESULT_DONE || res.kind > STK_RESULT_LAST ||
	    res.message_len > STK_MESSAGE_MAX || res.result_len > r->result_max ||
	    len != sizeof(res) + (size_t)res.message_len + res.result_len)
		return STK_E_FORMAT;
	r->body = malloc(len - sizeof(res) + 1);
	if (r->body == NULL)
		return STK_E_NOMEM;
	memcpy(r->body, body + sizeof(res), len - sizeof(res));
	r->result = res;
	r->has_result = true;
	return STK_OK;
}

static const struct {
	enum stk_err (*take)(struct stk_report *r, const uint8_t *body, size_t len);
} frames[] = {
	[STK_FRAME_SETUP] = { on_setup },
	[STK_FRAME_READY] = { on_ready },
	[STK_FRAME_DENIED] = { on_denied },
	[STK_FRAME_FAULT] = { on_fault },
	[STK_FRAME_LOG] = { on_log },
	[STK_FRAME_RESULT] = { on_result },
	[STK_FRAME_UNLOGGED] = { on_unlogged },
	[STK_FRAME_PROGRESS] = { on_progress },
	[STK_FRAME_BEAT] = { on_beat },
	[STK_FRAME_RELEASE] = { on_release },
};

/* Checks the head as soon as it is whole, so that no body is waited for that may not come. */
static enum stk_err check_head(struct stk_report *r, const struct stk_frame *f)
{
	if (f->magic != STK_FRAME_MAGIC || f->pad != 0 || f->type == 0 ||
	    f->type >= STK_ARRAY_LEN(frames) || frames[f->type].take == NULL)
		return STK_E_FORMAT;
	if (f->type == STK_FRAME_PROGRESS || f->type == STK_FRAME_BEAT)
		return f->len > sizeof(struct stk_progress) + STK_NOTE_MAX ? STK_E_FORMAT : STK_OK;
	if (f->type == STK_FRAME_RESULT)
		return f->len > r->cap - HEAD ? STK_E_FORMAT : STK_OK;
	if (f->type == STK_FRAME_RELEASE)
		return r->may_release == 0     ? STK_E_FORMAT
		       : f->len > STK_ARGS_MAX ? STK_E_TOOBIG
					       : STK_OK;
	r->counted += HEAD + (uint64_t)f->len;
	/* READY, SETUP, DENIED, FAULT and UNLOGGED of an honest job fit beside its whole allowance
	 */
	if (r->counted > (uint64_t)r->report_max + STK_REPORT_BESIDE)
		return STK_E_TOOBIG;
	return f->len > r->cap - HEAD ? STK_E_TOOBIG : STK_OK;
}

/* Moves bytes into the buffer until it holds @want; returns how many were taken. */
static size_t fill(struct stk_report *r, const uint8_t *p, size_t len, size_t want)
{
	size_t n = want - r->have;

	if (n > len)
		n = len;
	memcpy(r->buf + r->have, p, n);
	r->have += n;
	return n;
}

enum stk_err stk_report_feed(struct stk_report *r, const uint8_t *p, size_t len)
{
	while (len > 0) {
		struct stk_frame f;
		enum stk_err e;
		size_t n;

		if (r->have < HEAD) {
			n = fill(r, p, len, HEAD);
			p += n;
			len -= n;
			if (r->have < HEAD)
				return STK_OK;
			memcpy(&f, r->buf, HEAD);
			if ((e = check_head(r, &f)) != STK_OK)
				return e;
		}
		memcpy(&f, r->buf, HEAD);
		n = fill(r, p, len, HEAD + f.len);
		p += n;
		len -= n;
		if (r->have < HEAD + f.len)
			return STK_OK;
		if ((e = frames[f.type].take(r, r->buf + HEAD, f.len)) != STK_OK)
			return e;
		r->have = 0;
	}
	return STK_OK;
}
