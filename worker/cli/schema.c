/*
 * schema.c - `stockade schema`: the cage program, shut in, looks into JSON; this process hands
 * bytes over and prints what comes back. Samples of a queue are read with LINDEX and nothing else.
 */
#include "worker/cli/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAMPLES_MAX   200
#define SAMPLES_BYTES (8u << 20)
#define SCHEMA_BYTES  (1u << 20)

/* A request being put together; text owned. */
struct request {
	char *text;
	size_t len;
	FILE *out;
};

static bool begin(struct request *r)
{
	*r = (struct request){ 0 };
	r->out = open_memstream(&r->text, &r->len);
	return r->out != NULL;
}

static bool seal(struct request *r)
{
	bool good = r->out != NULL && ferror(r->out) == 0 && fclose(r->out) == 0;

	r->out = NULL;
	return good;
}

static void discard(struct request *r)
{
	if (r->out != NULL)
		(void)fclose(r->out);
	free(r->text);
}

/* --- samples -----------------------------------------------------------------------------------
 */

static enum stk_err take_sample(
    struct stk_redis *link, const char *key, int64_t at, struct request *r, size_t *bytes)
{
	struct stk_reply *reply = NULL;
	char index[24];
	enum stk_err e;

	(void)snprintf(index, sizeof(index), "%" PRId64, at);
	e = stk_redis_words(link, &reply, "LINDEX", key, index, NULL);
	if (e == STK_OK && reply->type == STK_REPLY_STRING && reply->bytes.len <= SAMPLES_BYTES) {
		uint32_t n = (uint32_t)reply->bytes.len;

		(void)fwrite(&n, sizeof(n), 1, r->out);
		(void)fwrite(reply->bytes.p, 1, n, r->out);
		*bytes += n;
	}
	stk_reply_free(reply);
	return e;
}

/* One that is too large ended the link; anybody may have pushed it, so the others still count. */
static enum stk_err pass_over(struct stk_redis *link, size_t *too_large)
{
	++*too_large;
	return stk_redis_connect(link);
}

/* Spread evenly over the queue, so that yesterday's jobs are among them. */
static int take_samples(const struct stk_config *config, const char *queue, struct request *r)
{
	struct stk_redis *link = NULL;
	struct stk_reply *reply = NULL;
	size_t bytes = 0, too_large = 0;
	char key[512];
	int64_t len = 0, n;
	int code = 0;
	enum stk_err e;

	if (snprintf(key, sizeof(key), "%s%squeue:%s", config->ns, config->ns[0] == '\0' ? "" : ":",
		queue) >= (int)sizeof(key))
		return stk_complain(STK_EX_USAGE, "a queue's name is shorter than this one");
	if ((code = stk_options_redis(config, "stockade-schema", NULL, &link)) != 0)
		return code;
	e = stk_redis_words(link, &reply, "LLEN", key, NULL);
	if (e == STK_OK && reply->type == STK_REPLY_INTEGER)
		len = reply->integer;
	stk_reply_free(reply);
	n = len < SAMPLES_MAX ? len : SAMPLES_MAX;
	for (int64_t i = 0; e == STK_OK && i < n && bytes < SAMPLES_BYTES; i++) {
		e = take_sample(link, key, i * len / n, r, &bytes);
		if (e == STK_E_TOOBIG)
			e = pass_over(link, &too_large);
	}
	if (too_large > 0)
		(void)fprintf(stderr,
		    "stockade: %zu of %" PRId64
		    " samples of queue %s are larger than 256 KiB; passed over\n",
		    too_large, n, queue);
	if (e != STK_OK)
		code = stk_complain(
		    STK_EX_REDIS, "Redis at %s: %s", config->redis, stk_redis_why(link));
	else if (len == 0)
		code = stk_complain(STK_EX_NOINPUT, "the queue %s is empty", queue);
	stk_redis_free(link);
	return code;
}

/* --- requests ----------------------------------------------------------------------------------
 */

struct work {
	const struct stk_config *config;
	const struct stk_options *o;
	char **operands;
	int n;
	const char *file; /* of check: what the reply's places are in */
};

static int ask_export(struct work *w, struct request *r)
{
	(void)fprintf(r->out, "export%s%s\n", w->n > 0 ? " " : "", w->n > 0 ? w->operands[0] : "");
	return 0;
}

static int ask_docs(struct work *w, struct request *r)
{
	(void)fprintf(r->out, "docs %s%s%s\n", w->o->markdown ? "markdown" : "text",
	    w->n > 0 ? " " : "", w->n > 0 ? w->operands[0] : "");
	return 0;
}

static int ask_infer(struct work *w, struct request *r)
{
	(void)fprintf(r->out, "infer%s%s\n", w->n > 1 ? " " : "", w->n > 1 ? w->operands[1] : "");
	return take_samples(w->config, w->operands[0], r);
}

/* The handler's name is the file's, as the build takes it. */
static int ask_check(struct work *w, struct request *r)
{
	const char *slash = strrchr(w->operands[0], '/');
	const char *base = slash == NULL ? w->operands[0] : slash + 1, *dot = strchr(base, '.');
	STK_AUTO_FREE uint8_t *text = NULL;
	size_t len;
	int code = stk_read_operand(w->operands[0], SCHEMA_BYTES, &text, &len);

	if (code != 0)
		return code;
	w->file = w->operands[0];
	if (dot == NULL || strcmp(dot, ".schema.json") != 0)
		(void)fprintf(r->out, "check args\n");
	else
		(void)fprintf(r->out, "check %.*s\n", (int)(dot - base), base);
	(void)fwrite(text, 1, len, r->out);
	return 0;
}

static const struct {
	const char *name;
	int least, most;
	int (*ask)(struct work *w, struct request *r);
} asks[] = {
	{ "check", 1, 1, ask_check },
	{ "infer", 1, 2, ask_infer },
	{ "export", 0, 1, ask_export },
	{ "docs", 0, 1, ask_docs },
};

/* --- the command -------------------------------------------------------------------------------
 */

static int converse(
    struct work *w, struct stk_cage *cage, int (*ask)(struct work *, struct request *))
{
	STK_AUTO_FREE char *reply = NULL;
	const char *why = NULL;
	struct request r;
	bool good = false;
	int code = begin(&r) ? ask(w, &r) : stk_complain(STK_EX_OS, "out of memory");

	if (code == 0 && !seal(&r))
		code = stk_complain(STK_EX_OS, "out of memory");
	if (code == 0 &&
	    stk_cage_schema(cage, stk_span_of(r.text, r.len), &reply, &good, &why) != STK_OK)
		code = stk_complain(STK_EX_OS, "%s", why);
	discard(&r);
	if (code != 0)
		return code;
	if (good)
		(void)fputs(reply, stdout);
	else
		(void)fprintf(stderr, "%s%s%s", w->file != NULL ? w->file : "stockade",
		    w->file != NULL ? ":" : ": ", reply);
	return good ? 0 : w->file != NULL ? 1 : STK_EX_NOINPUT;
}

static bool one_line(char *const *operands, int n)
{
	for (int i = 0; i < n; i++)
		if (strpbrk(operands[i], " \n") != NULL || operands[i][0] == '\0')
			return false;
	return true;
}

static int run(int argc, char **argv)
{
	struct stk_cage_setup setup = { 0 };
	struct stk_config config;
	struct stk_options o;
	struct work w = { .config = &config, .o = &o };
	size_t which = 0;
	int code;

	while (argc > 1 && which < STK_ARRAY_LEN(asks) && strcmp(asks[which].name, argv[1]) != 0)
		which++;
	if (argc > 1 && which < STK_ARRAY_LEN(asks)) {
		argc--;
		argv++;
	}
	code = stk_options_parse(&stk_cmd_schema, "cgrm", argc, argv, &o);
	if (code != 0)
		return code == -1 ? 0 : code;
	w.operands = argv + o.first_operand;
	w.n = argc - o.first_operand;
	if (which == STK_ARRAY_LEN(asks) || argv[0] == NULL ||
	    strcmp(argv[0], asks[which].name) != 0 || w.n < asks[which].least ||
	    w.n > asks[which].most || !one_line(w.operands, w.n))
		return stk_usage(&stk_cmd_schema, STK_EX_USAGE);
	code = stk_options_config(&o, false, &config);
	if (code != 0)
		return code;
	/* the nursery is forked in here, before a password is opened */
	code = stk_options_cage(&config, &setup);
	if (code == 0)
		code = converse(&w, setup.cage, asks[which].ask);
	stk_cage_setup_clear(&setup);
	stk_config_clear(&config);
	return code;
}

const struct stk_command stk_cmd_schema = {
	.name = "schema",
	.summary = "check, infer, export or document the schemas of arguments",
	.usage =
	    "schema check [--cage PROGRAM] [--config FILE] FILE|-\n"
	    "       stockade schema infer [--redis URL] [--config FILE] [--cage PROGRAM]\n"
	    "                             QUEUE [CLASS]\n"
	    "       stockade schema export [--cage PROGRAM] [--config FILE] [CLASS]\n"
	    "       stockade schema docs [--markdown] [--cage PROGRAM] [--config FILE] [CLASS]",
	.run = run,
};
