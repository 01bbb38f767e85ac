/*
 * signing.c - see signing.h. Flags, times and the operand on one side, the sealed payload on the
 * other; what it may look like in between is sign_request.c's to say.
 */
#include "worker/cli/signing.h"

#include "worker/jsonw.h"
#include "worker/quantity.h"
#include "worker/seal.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BODY_MAX    (64u << 10) /* what a worker accepts by default */
#define PAYLOAD_MAX (128u << 10)
#define MORE_MAX    8

enum {
	OPT_KEY = 256,
	OPT_KID,
	OPT_AUD,
	OPT_QUEUE,
	OPT_CLASS,
	OPT_RUNS,
	OPT_TTL,
	OPT_NOT_BEFORE,
	OPT_REF,
	OPT_HELP,
	OPT_MORE
};

struct flags {
	const char *key, *kid, *aud, *queue, *cls, *runs, *ttl, *not_before, *ref, *operand;
};

static const struct option shared[] = {
	{ "key", required_argument, NULL, OPT_KEY },
	{ "kid", required_argument, NULL, OPT_KID },
	{ "aud", required_argument, NULL, OPT_AUD },
	{ "queue", required_argument, NULL, OPT_QUEUE },
	{ "class", required_argument, NULL, OPT_CLASS },
	{ "runs", required_argument, NULL, OPT_RUNS },
	{ "ttl", required_argument, NULL, OPT_TTL },
	{ "not-before", required_argument, NULL, OPT_NOT_BEFORE },
	{ "ref", required_argument, NULL, OPT_REF },
	{ "help", no_argument, NULL, OPT_HELP },
};

static void take(struct flags *f, int opt, const struct stk_sign_flag *more)
{
	switch (opt) {
	case OPT_KEY: f->key = optarg; break;
	case OPT_KID: f->kid = optarg; break;
	case OPT_AUD: f->aud = optarg; break;
	case OPT_QUEUE: f->queue = optarg; break;
	case OPT_CLASS: f->cls = optarg; break;
	case OPT_RUNS: f->runs = optarg; break;
	case OPT_TTL: f->ttl = optarg; break;
	case OPT_NOT_BEFORE: f->not_before = optarg; break;
	case OPT_REF: f->ref = optarg; break;
	default: *more[opt - OPT_MORE].value = optarg; break;
	}
}

static int parse_flags(const struct stk_command *cmd, const struct stk_sign_flag *more,
    size_t n_more, int argc, char **argv, struct flags *f)
{
	struct option all[STK_ARRAY_LEN(shared) + MORE_MAX + 1] = { { 0 } };
	int opt;

	if (n_more > MORE_MAX)
		return stk_complain(STK_EX_BUG, "too many flags of its own in %s", cmd->name);
	memcpy(all, shared, sizeof(shared));
	for (size_t i = 0; i < n_more; i++)
		all[STK_ARRAY_LEN(shared) + i] =
		    (struct option){ more[i].name, required_argument, NULL, OPT_MORE + (int)i };
	optind = 1;
	while ((opt = getopt_long(argc, argv, "", all, NULL)) != -1) {
		if (opt == '?')
			return stk_usage(cmd, STK_EX_USAGE);
		if (opt == OPT_HELP) {
			(void)stk_usage(cmd, 0);
			return -1;
		}
		take(f, opt, more);
	}
	if (optind != argc - 1) {
		(void)stk_complain(STK_EX_USAGE, "%s",
		    optind == argc
			? "the job's arguments are missing: one JSON array, or - for "
			  "standard input"
			: "the job's arguments are one word: quote them, like '[\"a\",1]'");
		(void)stk_usage(cmd, STK_EX_USAGE);
		return STK_EX_USAGE;
	}
	f->operand = argv[optind];
	return 0;
}

static int need_all(const struct flags *f)
{
	const struct {
		const char *flag, *value, *what;
	} needed[] = {
		{ "--key", f->key, "the private key's file (see `stockade keys generate`)" },
		{ "--kid", f->kid, "the key's name in the policy" },
		{ "--aud", f->aud, "one of the policy's audiences" },
		{ "--queue", f->queue, "where the job may run" },
		{ "--class", f->cls, "the job's class" },
	};

	for (size_t i = 0; i < STK_ARRAY_LEN(needed); i++)
		if (needed[i].value == NULL) {
			(void)stk_complain(
			    STK_EX_USAGE, "%s is missing: %s", needed[i].flag, needed[i].what);
			return STK_EX_USAGE;
		}
	return 0;
}

/* --- signing ---------------------------------------------------------------------------------- */

static int read_times(const struct flags *f, struct stk_sign_request *r)
{
	int64_t ttl_ms;

	r->iat_s = r->nbf_s = (int64_t)time(NULL);
	if (f->not_before != NULL && !stk_quantity_count(f->not_before, &r->nbf_s) &&
	    !stk_quantity_time(f->not_before, &r->nbf_s))
		return stk_complain(STK_EX_USAGE,
		    "--not-before takes seconds since the epoch or 2027-01-01T00:00:00Z");
	if (!stk_quantity_duration_ms(f->ttl != NULL ? f->ttl : "7d", &ttl_ms))
		return stk_complain(STK_EX_USAGE, "--ttl takes a duration like 10m, 2h or 7d");
	if (!stk_quantity_count(f->runs != NULL ? f->runs : "5", &r->runs))
		return stk_complain(STK_EX_USAGE, "--runs takes a whole number, 1 to 100");
	if (__builtin_add_overflow(r->nbf_s, ttl_ms / 1000, &r->exp_s))
		return stk_complain(STK_EX_USAGE, "--ttl is too long");
	return 0;
}

static int write_payload(const struct stk_sign_request *r, const char *sig, struct stk_signed *out)
{
	struct stk_jw w;

	stk_jw_init(&w, PAYLOAD_MAX);
	stk_jw_open(&w, NULL, '{');
	stk_jw_cstr(&w, "class", r->cls);
	stk_jw_open(&w, "args", '[');
	stk_jw_cstr(&w, NULL, out->header);
	stk_jw_str(&w, NULL, r->args, SIZE_MAX);
	stk_jw_cstr(&w, NULL, sig);
	stk_jw_close(&w, ']');
	stk_jw_close(&w, '}');
	if (w.sour) {
		stk_jw_clear(&w);
		return stk_complain(
		    STK_EX_USAGE, "escaped as JSON, the payload is larger than 128K; send less");
	}
	out->payload = w.buf;
	out->payload_len = w.len;
	return 0;
}

int stk_sign_seal(enum stk_alg alg, const uint8_t secret[static STK_KEY_LEN],
    const struct stk_sign_request *r, struct stk_signed *out)
{
	uint8_t sig[STK_SIG_MAX], id[STK_JOB_ID_LEN];
	char text[STK_SIG_TEXT_MAX + 1];
	struct stk_message m;
	enum stk_err e = stk_message_make(stk_span_str(out->header), r->args, &m);

	if (e == STK_OK) {
		stk_seal_sign(alg, secret, stk_span_of(m.bytes, m.len), sig);
		stk_message_job_id(&m, id);
		stk_message_clear(&m);
	}
	if (e != STK_OK)
		return stk_complain(STK_EX_OS, "cannot sign: %s", stk_strerror(e));
	stk_hex(id, sizeof(id), out->job_id);
	stk_b64url_encode(sig, stk_alg_sig_len(alg), text, sizeof(text));
	return write_payload(r, text, out);
}

static int seal(const struct flags *f, const struct stk_sign_request *r, struct stk_signed *out)
{
	uint8_t *secret;
	enum stk_alg alg;
	const char *why;
	enum stk_err e = stk_key_file_read(NULL, f->key, &alg, &secret, &why);
	int code;

	if (e != STK_OK)
		return stk_complain(
		    e == STK_E_SYSTEM ? STK_EX_NOINPUT : STK_EX_NOPERM, "%s %s", f->key, why);
	code = stk_sign_seal(alg, secret, r, out);
	stk_secret_free(secret);
	return code;
}

/* The operand itself, or standard input without its last line end. Owned by the caller. */
static int read_args(const char *operand, uint8_t **owned, struct stk_span *args)
{
	size_t len;
	int code;

	*owned = NULL;
	*args = stk_span_str(operand);
	if (strcmp(operand, "-") != 0)
		return 0;
	if ((code = stk_read_operand("-", BODY_MAX + 2, owned, &len)) != 0)
		return code;
	while (len > 0 && ((*owned)[len - 1] == '\n' || (*owned)[len - 1] == '\r'))
		len--;
	*args = stk_span_of(*owned, len);
	return 0;
}

static int sign(const struct flags *f, struct stk_sign_request *r, struct stk_signed *out)
{
	const char *why = stk_sign_args_fault(r->args, BODY_MAX);

	if (why != NULL)
		return stk_complain(STK_EX_USAGE, "%s", why);
	if (!stk_sign_header(r, out->header, &why))
		return stk_complain(STK_EX_USAGE, "%s", why);
	(void)snprintf(
	    out->queue, sizeof(out->queue), "%.*s", (int)strcspn(r->queues, ","), r->queues);
	return seal(f, r, out);
}

int stk_sign_options(const struct stk_command *cmd, const struct stk_sign_flag *more, size_t n_more,
    int argc, char **argv, struct stk_signed *out)
{
	STK_AUTO_FREE uint8_t *owned = NULL;
	struct flags f = { 0 };
	struct stk_sign_request r;
	int code;

	*out = (struct stk_signed){ 0 };
	if ((code = parse_flags(cmd, more, n_more, argc, argv, &f)) != 0 ||
	    (code = need_all(&f)) != 0)
		return code;
	if (stk_seal_init() != STK_OK)
		return stk_complain(STK_EX_OS, "no source of randomness");
	r = (struct stk_sign_request){ .kid = f.kid,
		.aud = f.aud,
		.queues = f.queue,
		.cls = f.cls,
		.ref = f.ref != NULL ? f.ref : "-" };
	if ((code = read_times(&f, &r)) != 0 || (code = read_args(f.operand, &owned, &r.args)) != 0)
		return code;
	return sign(&f, &r, out);
}

void stk_signed_clear(struct stk_signed *s)
{
	free(s->payload);
	*s = (struct stk_signed){ 0 };
}
