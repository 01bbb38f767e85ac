/*
 * explain_gates.c - see explain_gates.h. The gates are PROTOCOL.md's "Order of checks"; a
 * verdict belongs to exactly one of them, so the gates before it passed.
 */
#include "worker/cli/explain_gates.h"

#include "worker/cli/cli.h"
#include "worker/jsonw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct gate {
	const char *name;
	enum stk_verdict first, last; /* verdicts are declared in the order of the gates */
	const char *passed;           /* what to say if it passes and there is no detail */
	void (*detail)(
	    const struct stk_explanation *x, const struct stk_envelope *e, char *out, size_t size);
};

static void size_detail(
    const struct stk_explanation *x, const struct stk_envelope *e, char *out, size_t size)
{
	(void)e;
	(void)snprintf(out, size, "%zu bytes", x->bytes.len);
}

static void key_detail(
    const struct stk_explanation *x, const struct stk_envelope *e, char *out, size_t size)
{
	(void)e;
	(void)snprintf(out, size, "%s of principal %s", x->admission->kid, x->admission->principal);
}

static void seal_detail(
    const struct stk_explanation *x, const struct stk_envelope *e, char *out, size_t size)
{
	char id[2 * STK_JOB_ID_LEN + 1];

	(void)e;
	stk_hex(x->admission->job_id, STK_JOB_ID_LEN, id);
	(void)snprintf(out, size, "genuine, job %s", id);
}

static void place_detail(
    const struct stk_explanation *x, const struct stk_envelope *e, char *out, size_t size)
{
	(void)snprintf(out, size, "class %s, audience %.*s, queue %s", x->admission->cls,
	    (int)e->aud.len, (const char *)e->aud.p, x->queue);
}

static void utc(int64_t s, char *out, size_t size)
{
	time_t t = (time_t)s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(out, size, "%lld", (long long)s);
}

static void time_detail(
    const struct stk_explanation *x, const struct stk_envelope *e, char *out, size_t size)
{
	char iat[32], exp[32];

	(void)x;
	utc(e->iat_s, iat, sizeof(iat));
	utc(e->exp_s, exp, sizeof(exp));
	(void)snprintf(out, size, "issued %s, valid until %s", iat, exp);
}

static void policy_detail(
    const struct stk_explanation *x, const struct stk_envelope *e, char *out, size_t size)
{
	(void)snprintf(out, size, "%s grants it; %u runs", x->policy, e->runs);
}

static void class_detail(
    const struct stk_explanation *x, const struct stk_envelope *e, char *out, size_t size)
{
	(void)e;
	(void)snprintf(out, size, "%s is compiled in", x->admission->cls);
}

static void due_detail(
    const struct stk_explanation *x, const struct stk_envelope *e, char *out, size_t size)
{
	char nbf[32];

	(void)x;
	utc(e->nbf_s, nbf, sizeof(nbf));
	(void)snprintf(out, size, "since %s", nbf);
}

static const struct gate gates[] = {
	{ "size", STK_V_E_TOO_LARGE, STK_V_E_TOO_LARGE, NULL, size_detail },
	{ "outer JSON", STK_V_E_OUTER_JSON, STK_V_E_OUTER_SHAPE, "one object with class and args",
	    NULL },
	{ "signed", STK_V_E_UNSIGNED, STK_V_E_VERSION, "an stk1 envelope", NULL },
	{ "envelope", STK_V_E_HEADER, STK_V_E_BODY, "header and body keep the grammar", NULL },
	{ "key", STK_V_E_KEY_UNKNOWN, STK_V_E_KEY_REVOKED, NULL, key_detail },
	{ "signature", STK_V_E_SIG_FORMAT, STK_V_E_SIGNATURE, NULL, seal_detail },
	{ "place", STK_V_E_CLASS_MISMATCH, STK_V_E_QUEUE_MISMATCH, NULL, place_detail },
	{ "time", STK_V_E_TIME_ORDER, STK_V_E_EXPIRED, NULL, time_detail },
	{ "policy", STK_V_E_POLICY_DENIED, STK_V_E_POLICY_WINDOW, NULL, policy_detail },
	{ "class", STK_V_E_CLASS_UNKNOWN, STK_V_D_CLASS_ABSENT, NULL, class_detail },
	{ "due", STK_V_D_NOT_BEFORE, STK_V_D_NOT_BEFORE, NULL, due_detail },
	{ "ledger", STK_V_R_REPLAY_DONE, STK_V_E_LEDGER_CORRUPT, NULL, NULL },
	{ "arguments", STK_V_E_ARGS_JSON, STK_V_E_SCHEMA, "they fit the class's schema", NULL },
};

#define LEDGER_GATE    (STK_ARRAY_LEN(gates) - 2)
#define ARGUMENTS_GATE (STK_ARRAY_LEN(gates) - 1)

enum result {
	PASS,
	FAIL,
	DEFER,
	NOT_REACHED,
	NOT_ASKED
};
static const char *const result_words[] = { "pass", "fail", "defer", "not_reached", "not_asked" };

/* The gate at which @v stops; past the last for ACCEPT. */
static size_t stopped_at(enum stk_verdict v)
{
	size_t i = 0;

	while (i < STK_ARRAY_LEN(gates) && (v < gates[i].first || v > gates[i].last))
		i++;
	return i;
}

static enum result result_of(const struct stk_explanation *x, size_t gate)
{
	size_t stop = stopped_at(x->verdict);

	if (gate > stop)
		return NOT_REACHED;
	if (gate == stop)
		return stk_verdict_kind(x->verdict) == STK_KIND_DEFER ? DEFER : FAIL;
	if (gate == LEDGER_GATE)
		return NOT_ASKED;
	if (gate == ARGUMENTS_GATE)
		return !x->args_asked ? NOT_ASKED : x->args_fit ? PASS : FAIL;
	return PASS;
}

static void why(const struct stk_explanation *x, size_t gate, char *out, size_t size)
{
	enum result r = result_of(x, gate);
	struct stk_envelope e = { 0 };

	out[0] = '\0';
	if (gate == ARGUMENTS_GATE && (r == FAIL || r == NOT_ASKED))
		(void)snprintf(out, size, "%s", x->args_why);
	else if (gate == LEDGER_GATE && r == NOT_ASKED)
		(void)snprintf(out, size,
		    "not asked here: only a worker's claim tells whether it ran already");
	else if (r == FAIL || r == DEFER)
		(void)snprintf(out, size, "%s: %s", stk_verdict_text(x->verdict),
		    stk_verdict_sentence(x->verdict));
	else if (r == PASS && gates[gate].passed != NULL)
		(void)snprintf(out, size, "%s", gates[gate].passed);
	else if (r == PASS && gates[gate].detail != NULL &&
		 (x->admission->header[0] == '\0' ||
		     stk_envelope_parse(stk_span_str(x->admission->header), &e) == STK_V_ACCEPT))
		gates[gate].detail(x, &e, out, size);
}

static int exit_code(const struct stk_explanation *x)
{
	if (x->args_asked && !x->args_fit)
		return 1;
	switch (stk_verdict_kind(x->verdict)) {
	case STK_KIND_ACCEPT: return 0;
	case STK_KIND_REFUSE: return 1;
	case STK_KIND_DEFER: return 2;
	}
	return 1;
}

/* --- for people
 * ------------------------------------------------------------------------------------- */

static const char *paint(enum result r, bool colour)
{
	static const char *const paints[] = { "\033[32m", "\033[31m", "\033[33m", "\033[2m",
		"\033[2m" };

	return colour ? paints[r] : "";
}

/* A refused job's header in words, to be compared with what was meant; its grammar admits no byte
 * that a terminal would obey. */
static void print_claims(const struct stk_explanation *x)
{
	char iat[32], nbf[32], exp[32];
	struct stk_envelope e;

	if (x->admission->header[0] == '\0' ||
	    stk_envelope_parse(stk_span_str(x->admission->header), &e) != STK_V_ACCEPT)
		return;
	utc(e.iat_s, iat, sizeof(iat));
	utc(e.nbf_s, nbf, sizeof(nbf));
	utc(e.exp_s, exp, sizeof(exp));
	(void)printf("Its header says: key %.*s, audience %.*s, queue", (int)e.kid.len,
	    (const char *)e.kid.p, (int)e.aud.len, (const char *)e.aud.p);
	for (size_t i = 0; i < e.n_queues; i++)
		(void)printf("%s%.*s", i == 0 ? " " : " or ", (int)e.queues[i].len,
		    (const char *)e.queues[i].p);
	(void)printf(", class %.*s,\n    issued %s, valid from %s until %s, %u runs.\n",
	    (int)e.cls.len, (const char *)e.cls.p, iat, nbf, exp, e.runs);
}

static void print_text(const struct stk_explanation *x)
{
	static const char *const words[] = { "pass", "FAIL", "wait", "-", "-" };
	bool colour = isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == NULL;
	char text[1024];

	if (x->queue[0] != '\0')
		(void)printf("queue %s%s\n", x->queue,
		    x->queue_guessed ? " (the first that the header names; --queue says another)"
				     : "");
	for (size_t i = 0; i < STK_ARRAY_LEN(gates); i++) {
		enum result r = result_of(x, i);

		why(x, i, text, sizeof(text));
		(void)printf("%2zu  %-10s  %s%-4s%s  %s\n", i + 1, gates[i].name, paint(r, colour),
		    words[r], colour ? "\033[0m" : "", r == NOT_REACHED ? "not reached" : text);
	}
	switch (exit_code(x)) {
	case 0: (void)printf("\nThis job would run.\n"); break;
	case 2: (void)printf("\nThis job would wait: %s.\n", stk_verdict_text(x->verdict)); break;
	default:
		(void)printf("\nThis job would be refused: %s.\n",
		    x->verdict != STK_V_ACCEPT ? stk_verdict_text(x->verdict) : x->args_why);
	}
	if (exit_code(x) != 0)
		print_claims(x);
}

/* --- for scripts
 * ------------------------------------------------------------------------------------ */

static void json_gates(struct stk_jw *w, const struct stk_explanation *x)
{
	char text[1024];

	stk_jw_open(w, "gates", '[');
	for (size_t i = 0; i < STK_ARRAY_LEN(gates); i++) {
		why(x, i, text, sizeof(text));
		stk_jw_open(w, NULL, '{');
		stk_jw_cstr(w, "gate", gates[i].name);
		stk_jw_cstr(w, "result", result_words[result_of(x, i)]);
		if (text[0] != '\0')
			stk_jw_cstr(w, "why", text);
		stk_jw_close(w, '}');
	}
	stk_jw_close(w, ']');
}

/* A text, or null for an empty one. */
static void json_text(struct stk_jw *w, const char *key, const char *text)
{
	if (text[0] != '\0')
		stk_jw_cstr(w, key, text);
	else
		stk_jw_null(w, key);
}

static int print_json(const struct stk_explanation *x)
{
	const struct stk_admission *a = x->admission;
	static const char *const kinds[] = { "run", "refuse", "defer" };
	char id[2 * STK_JOB_ID_LEN + 1] = "", digest[2 * STK_SHA256_LEN + 1];
	struct stk_jw w;
	int code = exit_code(x);

	if (a->signature_valid)
		stk_hex(a->job_id, STK_JOB_ID_LEN, id);
	stk_hex(x->ring->digest, STK_SHA256_LEN, digest);
	stk_jw_init(&w, 1u << 20);
	stk_jw_open(&w, NULL, '{');
	stk_jw_cstr(&w, "verdict", stk_verdict_text(x->verdict));
	stk_jw_cstr(&w, "sentence", stk_verdict_sentence(x->verdict));
	stk_jw_cstr(&w, "decision", kinds[code]);
	stk_jw_bool(&w, "authenticated", a->authenticated);
	json_text(&w, "job_id", id);
	json_text(&w, "kid", a->kid);
	json_text(&w, "principal", a->principal);
	json_text(&w, "class", a->cls);
	json_text(&w, "queue", x->queue);
	json_text(&w, "header", a->header);
	stk_jw_int(&w, "bytes", (int64_t)x->bytes.len);
	stk_jw_int(&w, "now", x->now_s);
	stk_jw_cstr(&w, "policy_digest", digest);
	if (x->verdict == STK_V_D_NOT_BEFORE)
		stk_jw_int(&w, "not_before", a->not_before_s);
	json_gates(&w, x);
	stk_jw_close(&w, '}');
	if (w.sour)
		code = stk_complain(STK_EX_BUG, "the explanation does not fit");
	else
		(void)printf("%s\n", w.buf);
	stk_jw_clear(&w);
	return code;
}

int stk_explain_print(const struct stk_explanation *x, bool json)
{
	if (json)
		return print_json(x);
	print_text(x);
	return exit_code(x);
}
