/*
 * record.c - see record.h. Field orders and time formats are Resque's (PROTOCOL.md).
 */
#include "worker/record.h"

#include "worker/times.h"
#include "worker/utf8.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define STK_CLASS_MAX  128
#define STK_NAME_MAX   512 /* bytes kept of a queue or worker id */
#define STK_BASE64_CUT 48  /* bytes encoded at a time: a multiple of 3 */

/* --- what may be spliced ---------------------------------------------------------------------- */

static bool word_byte(uint8_t b)
{
	return (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') ||
	       b == '_';
}

bool stk_class_safe(struct stk_span name)
{
	size_t i = 0;

	if (name.len == 0 || name.len > STK_CLASS_MAX)
		return false;
	if (name.len >= 2 && name.p[0] == ':' && name.p[1] == ':')
		i = 2;
	for (;;) {
		if (i >= name.len || name.p[i] < 'A' || name.p[i] > 'Z')
			return false;
		while (i < name.len && word_byte(name.p[i]))
			i++;
		if (i == name.len)
			return true;
		if (name.len - i < 2 || name.p[i] != ':' || name.p[i + 1] != ':')
			return false;
		i += 2;
	}
}

/* --- base64, written in pieces so that no second copy of a payload is needed ------------------ */

static size_t base64(const uint8_t *p, size_t len, char *out)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = 0;

	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;

		v |= i + 1 < len ? (uint32_t)p[i + 1] << 8 : 0;
		v |= i + 2 < len ? p[i + 2] : 0;
		out[n++] = digits[v >> 18];
		out[n++] = digits[v >> 12 & 63];
		out[n++] = digits[v >> 6 & 63];
		out[n++] = digits[v & 63];
	}
	/* what the last group lacked */
	for (size_t missing = (3 - len % 3) % 3; missing > 0; missing--)
		out[n - missing] = '=';
	return n;
}

/* One string value; base64's alphabet needs no escape, so the pieces are spliced between quotes. */
static void put_base64(struct stk_jw *w, const char *key, struct stk_span raw)
{
	char text[STK_BASE64_CUT / 3 * 4 + 1] = "\"";

	stk_jw_raw(w, key, stk_span_of(text, 1));
	for (size_t i = 0; i < raw.len; i += STK_BASE64_CUT) {
		size_t n = raw.len - i < STK_BASE64_CUT ? raw.len - i : STK_BASE64_CUT;

		w->comma = false;
		stk_jw_raw(w, NULL, stk_span_of(text, base64(raw.p + i, n, text)));
	}
	w->comma = false;
	stk_jw_raw(w, NULL, stk_span_of("\"", 1));
}

/* --- records ---------------------------------------------------------------------------------- */

/*
 * The payload itself, or an object in its place that every tool can show, requeue and parse: a
 * retry of it is refused under the same name and files the same record, so nothing nests.
 */
static void put_payload(struct stk_jw *w, const struct stk_record_job *j)
{
	struct stk_span sample = j->payload;

	if (j->recognised && stk_class_safe(j->class_name)) {
		stk_jw_raw(w, "payload", j->payload);
		return;
	}
	if (sample.len > STK_RECORD_SAMPLE_MAX)
		sample.len = STK_RECORD_SAMPLE_MAX;
	stk_jw_open(w, "payload", '{');
	stk_jw_cstr(w, "class", j->recognised ? "Stockade::Malformed" : "Stockade::Unreadable");
	stk_jw_open(w, "args", '[');
	put_base64(w, NULL, sample);
	stk_jw_cstr(w, NULL, j->sha256 == NULL ? "" : j->sha256);
	stk_jw_int(w, NULL, (int64_t)j->payload.len);
	stk_jw_close(w, ']');
	stk_jw_close(w, '}');
}

/* DEL, C1 controls, line separators and marks of text direction: no screen and no terminal needs
 * them, and JavaScript would not escape them. */
static bool unwelcome(const uint8_t *p, size_t n)
{
	return (n == 1 && p[0] == 0x7f) || (n == 2 && p[0] == 0xc2 && p[1] < 0xa0) ||
	       (n == 3 && p[0] == 0xe2 && p[1] == 0x80 &&
		   ((p[2] >= 0xa8 && p[2] <= 0xae) || p[2] == 0x8e || p[2] == 0x8f));
}

/* One character as JSON.stringify writes it; returns the bytes taken from @p. */
static size_t put_char(struct stk_jw *w, const uint8_t *p, size_t left)
{
	static const char shorts[] = { ['\b'] = 'b',
		['\t'] = 't',
		['\n'] = 'n',
		['\f'] = 'f',
		['\r'] = 'r',
		['"'] = '"',
		['\\'] = '\\' };
	size_t n = stk_utf8_len(p, left);
	char esc[8] = { '\\' };

	w->comma = false;
	if (n == 0 || unwelcome(p, n)) {
		stk_jw_raw(w, NULL, stk_span_str("\xef\xbf\xbd"));
	} else if (p[0] < sizeof(shorts) && shorts[p[0]] != 0) {
		esc[1] = shorts[p[0]];
		stk_jw_raw(w, NULL, stk_span_of(esc, 2));
	} else if (p[0] < 0x20) {
		(void)snprintf(esc, sizeof(esc), "\\u%04x", p[0]);
		stk_jw_raw(w, NULL, stk_span_of(esc, 6));
	} else {
		stk_jw_raw(w, NULL, stk_span_of(p, n));
	}
	return n == 0 ? 1 : n;
}

/*
 * Untrusted text in a record, with the very bytes JSON.stringify would choose: node-resque finds a
 * record it retries or removes by writing it again. Escaping < > & here would protect nobody, for
 * pages decode the JSON before they print it.
 */
static void put_text(struct stk_jw *w, const char *key, struct stk_span s, size_t max_bytes)
{
	size_t keep = s.len < max_bytes ? s.len : max_bytes;

	/* never cut inside a character */
	while (keep < s.len && keep > 0 && (s.p[keep] & 0xc0) == 0x80 && max_bytes - keep < 4)
		keep--;
	stk_jw_raw(w, key, stk_span_of("\"", 1));
	for (size_t i = 0; i < keep;)
		i += put_char(w, s.p + i, keep - i);
	w->comma = false;
	stk_jw_raw(w, NULL, stk_span_str(keep < s.len ? "\xe2\x80\xa6\"" : "\""));
}

static void put_name(struct stk_jw *w, const char *key, const char *name)
{
	put_text(w, key, stk_span_str(name), STK_NAME_MAX);
}

void stk_record_working(struct stk_jw *w, const struct stk_record_job *j, int64_t now_s)
{
	char at[STK_TIME_BYTES];

	stk_time_iso(at, now_s);
	stk_jw_open(w, NULL, '{');
	put_name(w, "queue", j->queue);
	stk_jw_cstr(w, "run_at", at);
	put_payload(w, j);
	stk_jw_close(w, '}');
}

void stk_record_failed(struct stk_jw *w, const struct stk_record_job *j, const char *exception,
    struct stk_span error, const char *const *backtrace, size_t n, int64_t now_s)
{
	char at[STK_TIME_BYTES];

	stk_time_failed(at, now_s);
	stk_jw_open(w, NULL, '{');
	stk_jw_cstr(w, "failed_at", at);
	put_payload(w, j);
	put_name(w, "exception", exception);
	if (error.len == 0)
		error = stk_span_str(exception); /* Ruby's default message */
	put_text(w, "error", error, STK_RECORD_ERROR_MAX);
	stk_jw_open(w, "backtrace", '[');
	for (size_t i = 0; backtrace != NULL && i < n; i++)
		put_name(w, NULL, backtrace[i]);
	stk_jw_close(w, ']');
	put_name(w, "worker", j->worker_id);
	put_name(w, "queue", j->queue);
	stk_jw_close(w, '}');
}

void stk_record_dirty_exit(char *out, size_t cap, pid_t pid, int signal)
{
	const char *name = sigabbrev_np(signal);

	(void)snprintf(out, cap,
	    "Child process received unhandled signal pid %ld SIG%s (signal %d)", (long)pid,
	    name == NULL ? "UNKNOWN" : name, signal);
}

void stk_record_refused(struct stk_jw *w, const struct stk_refusal *r)
{
	char at[STK_TIME_BYTES];

	stk_time_failed(at, r->now_s);
	stk_jw_open(w, NULL, '{');
	stk_jw_cstr(w, "failed_at", at);
	stk_jw_open(w, "payload", '{');
	stk_jw_cstr(w, "class", "Stockade::Refused");
	stk_jw_open(w, "args", '[');
	stk_jw_cstr(w, NULL, r->reason);
	stk_jw_cstr(w, NULL, r->sha256);
	stk_jw_int(w, NULL, r->bytes);
	stk_jw_close(w, ']');
	stk_jw_close(w, '}');
	stk_jw_cstr(w, "exception", "Stockade::Refused");
	if (r->quarantine_id != NULL)
		stk_jw_fmt(
		    w, "error", "%s: %s (quarantine %s)", r->reason, r->sentence, r->quarantine_id);
	else
		stk_jw_fmt(w, "error", "%s: %s", r->reason, r->sentence);
	stk_jw_open(w, "backtrace", '[');
	stk_jw_close(w, ']');
	put_name(w, "worker", r->worker_id);
	put_name(w, "queue", r->queue);
	stk_jw_close(w, '}');
}

static void put_or_null(struct stk_jw *w, const char *key, const char *text)
{
	if (text == NULL)
		stk_jw_null(w, key);
	else
		stk_jw_str(w, key, stk_span_str(text), STK_CLASS_MAX);
}

void stk_record_quarantine(struct stk_jw *w, const struct stk_quarantine_entry *e)
{
	char at[STK_TIME_BYTES];

	stk_time_iso(at, e->now_s);
	stk_jw_open(w, NULL, '{');
	stk_jw_int(w, "v", 1);
	stk_jw_cstr(w, "id", e->id);
	stk_jw_cstr(w, "reason", e->reason);
	put_name(w, "queue", e->queue);
	stk_jw_cstr(w, "at", at);
	stk_jw_int(w, "bytes", (int64_t)e->raw.len);
	stk_jw_cstr(w, "sha256", e->sha256);
	put_or_null(w, "kid", e->kid);
	put_or_null(w, "job", e->job_id);
	stk_jw_int(w, "n", 1);
	put_base64(w, "raw_b64", e->raw);
	stk_jw_close(w, '}');
}
