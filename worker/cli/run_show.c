/*
 * run_show.c - see run_show.h.
 */
#include "worker/cli/run_show.h"

#include "worker/cli/trace.h"
#include "worker/jsonw.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JSON_MAX (1u << 20)

static const struct {
	const char *word, *key, *unit;
} took_names[STK_TOOK_COUNT] = {
	[STK_TOOK_WALL] = { "wall", "wall_ms", "ms" },
	[STK_TOOK_CPU] = { "cpu", "cpu_ms", "ms" },
	[STK_TOOK_PEAK] = { "peak", "maxrss_kib", "KiB" },
};

/* --- the series ------------------------------------------------------------------------------- */

enum stk_err stk_series_init(struct stk_series *s, uint32_t asked)
{
	memset(s, 0, sizeof(*s));
	s->asked = asked;
	for (int i = 0; i < STK_TOOK_COUNT; i++)
		if ((s->took[i] = calloc(asked, sizeof(int64_t))) == NULL)
			return STK_E_NOMEM;
	return STK_OK;
}

void stk_series_add(struct stk_series *s, struct stk_outcome *o, const struct stk_run_progress *p)
{
	s->took[STK_TOOK_WALL][s->ran] = o->wall_ms;
	s->took[STK_TOOK_CPU][s->ran] = o->cpu_ms;
	s->took[STK_TOOK_PEAK][s->ran] = o->maxrss_kib;
	s->ran++;
	s->ends[o->name]++;
	if (s->first_bad == 0) {
		stk_outcome_clear(&s->shown);
		s->shown = *o;
		s->progress = *p;
		memset(o, 0, sizeof(*o));
		s->first_bad = s->shown.name == STK_OUT_DONE ? 0 : s->ran;
	}
	stk_outcome_clear(o);
}

void stk_series_clear(struct stk_series *s)
{
	for (int i = 0; i < STK_TOOK_COUNT; i++)
		free(s->took[i]);
	stk_outcome_clear(&s->shown);
	memset(s, 0, sizeof(*s));
}

static int by_size(const void *a, const void *b)
{
	int64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

/* Least, median (the lower of two) and most. */
static void spread(const struct stk_series *s, int which, int64_t out[3])
{
	qsort(s->took[which], s->ran, sizeof(int64_t), by_size);
	out[0] = s->took[which][0];
	out[1] = s->took[which][(s->ran - 1) / 2];
	out[2] = s->took[which][s->ran - 1];
}

/* --- for programs ----------------------------------------------------------------------------- */

static void write_trace(
    struct stk_jw *w, const struct stk_outcome *o, const struct stk_trace *trace)
{
	if (trace == NULL)
		return;
	stk_jw_open(w, "trace", '{');
	stk_jw_int(w, "signal", o->fault.signal);
	stk_jw_fmt(w, "address", "0x%" PRIx64, o->fault.addr);
	if (trace->note[0] != '\0')
		stk_jw_cstr(w, "note", trace->note);
	stk_jw_open(w, "frames", '[');
	for (size_t i = 0; i < trace->n; i++) {
		const struct stk_trace_frame *f = &trace->frames[i];

		stk_jw_open(w, NULL, '{');
		stk_jw_cstr(w, "module", f->module);
		stk_jw_fmt(w, "offset", "%#" PRIx64, f->offset);
		if (f->function[0] != '\0')
			stk_jw_cstr(w, "function", f->function);
		if (f->file[0] != '\0') {
			stk_jw_cstr(w, "file", f->file);
			stk_jw_int(w, "line", f->line);
		}
		stk_jw_bool(w, "guessed", f->guessed);
		stk_jw_close(w, '}');
	}
	stk_jw_close(w, ']');
	stk_jw_close(w, '}');
}

static int64_t as_signed(uint64_t n)
{
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

static void write_progress(struct stk_jw *w, const struct stk_run_progress *p)
{
	if (!p->any)
		return;
	stk_jw_open(w, "progress", '{');
	stk_jw_int(w, "done", as_signed(p->done));
	if (p->total > 0)
		stk_jw_int(w, "total", as_signed(p->total));
	stk_jw_str(w, "note", stk_span_of(p->note, p->note_len), sizeof(p->note));
	stk_jw_close(w, '}');
}

static void write_series(struct stk_jw *w, const struct stk_series *s)
{
	int64_t v[3];

	stk_jw_open(w, "runs", '{');
	stk_jw_int(w, "asked", s->asked);
	stk_jw_int(w, "ran", s->ran);
	if (s->first_bad == 0)
		stk_jw_null(w, "first_not_done");
	else
		stk_jw_int(w, "first_not_done", s->first_bad);
	stk_jw_open(w, "outcomes", '{');
	for (int i = 0; i < STK_OUT_COUNT; i++)
		if (s->ends[i] > 0)
			stk_jw_int(
			    w, stk_outcome_text((enum stk_outcome_name)i), (int64_t)s->ends[i]);
	stk_jw_close(w, '}');
	for (int i = 0; i < STK_TOOK_COUNT; i++) {
		spread(s, i, v);
		stk_jw_open(w, took_names[i].key, '{');
		stk_jw_int(w, "min", v[0]);
		stk_jw_int(w, "median", v[1]);
		stk_jw_int(w, "max", v[2]);
		stk_jw_close(w, '}');
	}
	stk_jw_close(w, '}');
}

enum stk_err stk_series_print_json(
    const struct stk_series *s, const char *class_name, bool timed, const struct stk_trace *trace)
{
	const struct stk_outcome *o = &s->shown;
	enum stk_err e = STK_OK;
	struct stk_jw w;

	/* a byte is six characters at most; a result that was cut would be no JSON any more */
	stk_jw_init(&w, JSON_MAX + 6 * o->result_len);
	stk_jw_open(&w, NULL, '{');
	stk_jw_cstr(&w, "class", class_name);
	stk_jw_cstr(&w, "outcome", stk_outcome_text(o->name));
	stk_jw_cstr(&w, "why", o->why);
	stk_jw_int(&w, "wall_ms", o->wall_ms);
	stk_jw_int(&w, "cpu_ms", o->cpu_ms);
	stk_jw_int(&w, "maxrss_kib", o->maxrss_kib);
	stk_jw_int(&w, "output_bytes", o->output_bytes);
	stk_jw_int(&w, "unlogged", o->unlogged);
	if (o->message != NULL)
		stk_jw_str(&w, "message", stk_span_of(o->message, o->message_len), 4096);
	if (o->result != NULL)
		stk_jw_str(&w, "result", stk_span_of(o->result, o->result_len), o->result_len);
	stk_jw_str(&w, "output_tail", stk_span_of(o->output_tail, o->output_tail_len), 512);
	write_progress(&w, &s->progress);
	stk_jw_open(&w, "cage", '{');
	stk_jw_int(&w, "seccomp", o->proof.seccomp);
	stk_jw_int(&w, "filters", o->proof.filters);
	stk_jw_int(&w, "no_new_privs", o->proof.no_new_privs);
	stk_jw_fmt(&w, "caps", "%016llx", (unsigned long long)o->proof.caps);
	stk_jw_close(&w, '}');
	write_trace(&w, o, trace);
	if (timed || s->asked > 1)
		write_series(&w, s);
	stk_jw_close(&w, '}');
	if (w.sour)
		e = STK_E_TOOBIG;
	else
		(void)printf("%s\n", w.buf);
	stk_jw_clear(&w);
	return e;
}

/* --- for people ------------------------------------------------------------------------------- */

/* Untrusted bytes for a person: one JSON string per field is safe on any terminal. */
static void print_field(const char *label, const void *p, size_t len, size_t max)
{
	struct stk_jw w;

	if (len == 0)
		return;
	stk_jw_init(&w, max * 6 + 16);
	stk_jw_str(&w, NULL, stk_span_of(p, len), max);
	(void)printf("%-9s %s\n", label, w.sour ? "(too long)" : w.buf);
	stk_jw_clear(&w);
}

static void print_trace(const struct stk_trace *trace)
{
	for (size_t i = 0; i < trace->n; i++) {
		const struct stk_trace_frame *f = &trace->frames[i];

		(void)printf("%-9s %s%s", i == 0 ? "in" : "from",
		    f->function[0] == '\0' ? "?" : f->function, f->guessed ? " (likely)" : "");
		if (f->file[0] != '\0')
			(void)printf(" at %s:%d", f->file, f->line);
		(void)printf(", %s+%#" PRIx64 "\n", f->module, f->offset);
	}
	if (trace->note[0] != '\0')
		(void)printf("%-9s %s\n", "note", trace->note);
}

static void print_series(const struct stk_series *s)
{
	int64_t v[3];

	if (s->first_bad == 0) {
		(void)printf("%-9s %" PRIu32 " of %" PRIu32 " done\n", "runs", s->ran, s->asked);
	} else {
		(void)printf("%-9s run %" PRIu32 " of %" PRIu32 " was not done; %" PRIu32 " ran:",
		    "runs", s->first_bad, s->asked, s->ran);
		for (int i = 0; i < STK_OUT_COUNT; i++)
			if (s->ends[i] > 0)
				(void)printf(" %" PRIu32 " %s", s->ends[i],
				    stk_outcome_text((enum stk_outcome_name)i));
		(void)printf("\n");
	}
	for (int i = 0; i < STK_TOOK_COUNT; i++) {
		spread(s, i, v);
		(void)printf("%-9s min %" PRId64 ", median %" PRId64 ", max %" PRId64 " %s\n",
		    took_names[i].word, v[0], v[1], v[2], took_names[i].unit);
	}
}

void stk_series_print(
    const struct stk_series *s, const char *class_name, bool timed, const struct stk_trace *trace)
{
	const struct stk_outcome *o = &s->shown;
	bool tty = isatty(STDOUT_FILENO) == 1;
	char text[1024];
	const char *colour = !tty ? "" : o->name == STK_OUT_DONE ? "\033[32m" : "\033[31m";

	(void)printf("%-9s %s\n", "class", class_name);
	(void)printf(
	    "%-9s %s%s%s\n", "outcome", colour, stk_outcome_text(o->name), tty ? "\033[0m" : "");
	if (o->why[0] != '\0')
		print_field("why", o->why, strlen(o->why), sizeof(o->why));
	if (trace != NULL)
		print_trace(trace);
	/* of a job that is done the last word sent is behind the truth: not every one is sent */
	if (s->progress.any && o->name != STK_OUT_DONE) {
		stk_run_progress_text(&s->progress, sizeof(text), text);
		(void)printf("%-9s %s\n", "progress", text);
	}
	print_field("message", o->message, o->message_len, 4096);
	print_field("result", o->result, o->result_len, 64 << 10);
	print_field("output", o->output_tail, o->output_tail_len, 512);
	if (o->unlogged > 0)
		(void)printf("%-9s %s%" PRIu32 " line%s did not fit into what it may log: raise "
			     "REPORT_KIB, and ceiling.report where that is lower, or log less\n",
		    "log", o->status < 0 ? "at least " : "", o->unlogged,
		    o->unlogged == 1 ? "" : "s");
	(void)printf("%-9s %lld ms wall, %lld ms cpu, %lld KiB peak\n", "used",
	    (long long)o->wall_ms, (long long)o->cpu_ms, (long long)o->maxrss_kib);
	(void)printf("%-9s seccomp %d (%d filters), no_new_privs %d, capabilities %016llx\n",
	    "cage", o->proof.seccomp, o->proof.filters, o->proof.no_new_privs,
	    (unsigned long long)o->proof.caps);
	if (timed || s->asked > 1)
		print_series(s);
}
