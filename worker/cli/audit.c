/*
 * audit.c - `stockade audit verify|show`: is a trail whole, and what does it say. Reads files that
 * anybody may have written; prints nothing of them unescaped.
 */
#include "worker/audit_check.h"
#include "worker/cli/cli.h"
#include "worker/jsonw.h"
#include "worker/scan.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct request {
	const char *dir, *key;
	bool json;
	/* show: what a line must say; NULL: anything */
	const char *kind, *verdict, *principal, *queue, *class_name, *job;
	const char *since;
	uint64_t shown;
};

enum {
	OPT_PUBLIC = 256,
	OPT_JSON,
	OPT_KIND,
	OPT_VERDICT,
	OPT_PRINCIPAL,
	OPT_QUEUE,
	OPT_CLASS,
	OPT_JOB,
	OPT_SINCE,
	OPT_HELP
};

static const struct option options[] = {
	{ "public", required_argument, NULL, OPT_PUBLIC },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "kind", required_argument, NULL, OPT_KIND },
	{ "verdict", required_argument, NULL, OPT_VERDICT },
	{ "principal", required_argument, NULL, OPT_PRINCIPAL },
	{ "queue", required_argument, NULL, OPT_QUEUE },
	{ "class", required_argument, NULL, OPT_CLASS },
	{ "job", required_argument, NULL, OPT_JOB },
	{ "since", required_argument, NULL, OPT_SINCE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

static bool flag(struct request *r, int opt)
{
	switch (opt) {
	case OPT_PUBLIC: r->key = optarg; return true;
	case OPT_JSON: r->json = true; return true;
	case OPT_KIND: r->kind = optarg; return true;
	case OPT_VERDICT: r->verdict = optarg; return true;
	case OPT_PRINCIPAL: r->principal = optarg; return true;
	case OPT_QUEUE: r->queue = optarg; return true;
	case OPT_CLASS: r->class_name = optarg; return true;
	case OPT_JOB: r->job = optarg; return true;
	case OPT_SINCE: r->since = optarg; return true;
	default: return false;
	}
}

/* --- show ------------------------------------------------------------------------------------- */

/* Decodes the string or number member @key of @text; "" if there is none. */
static const char *member(struct stk_span text, const char *key, char *out, size_t size)
{
	struct stk_scan s = { .bytes = text };
	enum stk_token t = stk_scan_next(&s, NULL);

	out[0] = '\0';
	while (t != STK_TOKEN_END && t != STK_TOKEN_BAD && t != STK_TOKEN_OBJECT_END) {
		struct stk_span name, value;
		size_t n;

		if (stk_scan_next(&s, &name) != STK_TOKEN_STRING ||
		    stk_scan_next(&s, NULL) != STK_TOKEN_COLON)
			break;
		t = stk_scan_next(&s, &value);
		if (stk_json_string_is(name, key)) {
			n = stk_json_unescape(value, (uint8_t *)out, size - 1);
			out[n < size ? n : size - 1] = '\0';
			break;
		}
		t = stk_scan_next(&s, NULL);
	}
	return out;
}

/* A terminal must not obey what a trail quotes. */
static void print_safe(const char *text, int width)
{
	int n = 0;

	for (; *text != '\0'; text++, n++)
		(void)putchar(*text >= ' ' && *text <= '~' ? *text : '?');
	for (; n < width; n++)
		(void)putchar(' ');
	(void)putchar(' ');
}

static bool wanted(const struct request *r, struct stk_span text)
{
	const struct {
		const char *key, *want;
	} filters[] = {
		{ "kind", r->kind },
		{ "verdict", r->verdict },
		{ "principal", r->principal },
		{ "queue", r->queue },
		{ "class", r->class_name },
		{ "job", r->job },
	};
	char have[STK_AUDIT_LINE_MAX];

	for (size_t i = 0; i < STK_ARRAY_LEN(filters); i++)
		if (filters[i].want != NULL &&
		    strcmp(member(text, filters[i].key, have, sizeof(have)), filters[i].want) != 0)
			return false;
	/* both are UTC with the same fixed places, so text order is time order */
	return r->since == NULL || strcmp(member(text, "at", have, sizeof(have)), r->since) >= 0;
}

/* Of which only some kinds have any: where to, how many, which other job. */
static void show_rest(struct stk_span text)
{
	static const struct {
		const char *key, *word;
	} rest[] = { { "host", "" }, { "ip", "" }, { "port", "port " }, { "missed", "missed " },
		{ "count", "count " }, { "released", "released " }, { "area", "area " },
		{ "new_job", "new job " }, { "lost", "lost " } };
	char value[STK_AUDIT_LINE_MAX];

	for (size_t i = 0; i < STK_ARRAY_LEN(rest); i++)
		if (member(text, rest[i].key, value, sizeof(value))[0] != '\0') {
			(void)printf("%s", rest[i].word);
			print_safe(value, 0);
		}
}

static void show_line(
    void *ctx, unsigned slot, const struct stk_audit_line *l, struct stk_span text)
{
	static const struct {
		const char *key;
		int width;
	} columns[] = { { "at", 24 }, { "kind", 9 }, { "verdict", 17 }, { "queue", 14 },
		{ "class", 22 }, { "principal", 12 }, { "job", 32 } };
	struct request *r = ctx;
	char value[STK_AUDIT_LINE_MAX];

	(void)l;
	if (!wanted(r, text))
		return;
	r->shown++;
	if (r->json) {
		(void)fwrite(text.p, 1, text.len, stdout);
		(void)putchar('\n');
		return;
	}
	(void)printf("%4u ", slot);
	for (size_t i = 0; i < STK_ARRAY_LEN(columns); i++) {
		(void)member(text, columns[i].key, value, sizeof(value));
		/* what was decided, by whatever name its kind has for that */
		if (value[0] == '\0' && strcmp(columns[i].key, "verdict") == 0)
			(void)member(text, "refused", value, sizeof(value));
		if (value[0] == '\0' && strcmp(columns[i].key, "verdict") == 0)
			(void)member(text, "step", value, sizeof(value));
		print_safe(value, columns[i].width);
	}
	show_rest(text);
	(void)putchar('\n');
}

static void show_title(void)
{
	bool bold = isatty(STDOUT_FILENO) == 1;

	(void)printf("%s%4s %-24s %-9s %-17s %-14s %-22s %-12s %s%s\n", bold ? "\033[1m" : "",
	    "slot", "at", "kind", "verdict", "queue", "class", "principal", "job",
	    bold ? "\033[0m" : "");
}

/* --- verify ----------------------------------------------------------------------------------- */

static void print_found(const struct stk_audit_found *f)
{
	char hash[2 * STK_SHA256_LEN + 1];

	stk_hex(f->last_hash, sizeof(f->last_hash), hash);
	(void)printf("%-6s slot %u: %" PRId64 " lines (%" PRId64 " to %" PRId64 ") in %" PRId64
		     " files, %" PRId64 " heads, %" PRId64 " signed%s%s, last line %s\n",
	    f->broken ? "BROKEN" : "ok", f->slot, f->n_lines, f->first_seq, f->last_seq, f->n_files,
	    f->n_heads, f->n_signed, f->key[0] == '\0' ? "" : " with ", f->key, hash);
	if (f->first_seq > 1)
		(void)printf("       what came before line %" PRId64 " is not in this directory\n",
		    f->first_seq);
	if (f->n_torn > 0)
		(void)printf(
		    "       %" PRId64 " lines were torn by a crash and said so\n", f->n_torn);
	if (f->broken)
		(void)printf("       %s, line %" PRId64 ": %s\n", f->where, f->line, f->why);
}

static void json_found(struct stk_jw *w, const struct stk_audit_found *f)
{
	char hash[2 * STK_SHA256_LEN + 1];

	stk_hex(f->last_hash, sizeof(f->last_hash), hash);
	stk_jw_open(w, NULL, '{');
	stk_jw_int(w, "slot", f->slot);
	stk_jw_bool(w, "whole", !f->broken);
	stk_jw_int(w, "files", f->n_files);
	stk_jw_int(w, "lines", f->n_lines);
	stk_jw_int(w, "first_seq", f->first_seq);
	stk_jw_int(w, "last_seq", f->last_seq);
	stk_jw_int(w, "heads", f->n_heads);
	stk_jw_int(w, "signed_heads", f->n_signed);
	stk_jw_int(w, "torn", f->n_torn);
	stk_jw_cstr(w, "last_sha256", hash);
	if (f->key[0] != '\0')
		stk_jw_cstr(w, "key", f->key);
	if (f->broken) {
		stk_jw_cstr(w, "file", f->where);
		stk_jw_int(w, "line", f->line);
		stk_jw_cstr(w, "why", f->why);
	}
	stk_jw_close(w, '}');
}

static void print_json(const struct stk_audit_found *found, size_t n)
{
	struct stk_jw w;

	stk_jw_init(&w, 1 << 20);
	stk_jw_open(&w, NULL, '[');
	for (size_t i = 0; i < n; i++)
		json_found(&w, &found[i]);
	stk_jw_close(&w, ']');
	(void)puts(w.buf);
	stk_jw_clear(&w);
}

static int tell(const struct request *r, bool verify, const struct stk_audit_found *found, size_t n)
{
	bool broken = false;

	for (size_t i = 0; i < n; i++) {
		broken = broken || found[i].broken;
		if (verify && !r->json)
			print_found(&found[i]);
		else if (found[i].broken && !verify)
			(void)fprintf(stderr,
			    "stockade: slot %u is broken at %s, line %" PRId64 ": %s\n",
			    found[i].slot, found[i].where, found[i].line, found[i].why);
	}
	if (verify && r->json)
		print_json(found, n);
	if (fflush(stdout) != 0)
		return stk_complain(STK_EX_OS, "standard output: %s", strerror(errno));
	return broken ? 1 : 0;
}

static int run(int argc, char **argv)
{
	static struct stk_audit_found found[STK_AUDIT_SLOTS_MAX];
	struct request r = { 0 };
	struct stk_audit_wanted wanted_lines = { .ctx = &r };
	bool verify;
	size_t n;
	enum stk_err e;
	int opt;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == OPT_HELP)
			return stk_usage(&stk_cmd_audit, 0);
		if (!flag(&r, opt))
			return stk_usage(&stk_cmd_audit, STK_EX_USAGE);
	}
	if (optind != argc - 2)
		return stk_usage(&stk_cmd_audit, STK_EX_USAGE);
	verify = strcmp(argv[optind], "verify") == 0;
	if (!verify && strcmp(argv[optind], "show") != 0)
		return stk_usage(&stk_cmd_audit, STK_EX_USAGE);
	r.dir = argv[optind + 1];
	if (stk_seal_init() != STK_OK)
		return stk_complain(STK_EX_OS, "libsodium did not start");
	wanted_lines.key = r.key;
	if (!verify)
		wanted_lines.line = show_line;
	if (!verify && !r.json)
		show_title();
	e = stk_audit_check(r.dir, &wanted_lines, found, &n);
	if (e != STK_OK)
		return stk_complain(STK_EX_NOINPUT, "%s: %s", r.dir,
		    e == STK_E_SYSTEM ? strerror(errno) : stk_strerror(e));
	if (n == 0)
		return stk_complain(STK_EX_NOINPUT, "%s holds no audit-<slot>-<line>.jsonl", r.dir);
	return tell(&r, verify, found, n);
}

const struct stk_command stk_cmd_audit = {
	.name = "audit",
	.summary = "check that an audit trail is whole; show what it says",
	.usage =
	    "audit verify [--public KEY] [--json] DIR\n"
	    "       stockade audit show [--kind K] [--verdict V] [--principal P] [--queue Q]\n"
	    "                           [--class C] [--job ID] [--since TIME] [--json] DIR\n"
	    "\n"
	    "DIR is audit_dir. verify ends with 0 if every slot's chain is whole and its heads\n"
	    "are genuine, 1 if not; --public is the base64url public key they must be signed "
	    "with.\n",
	.run = run,
};
