/*
 * result.c - `stockade result`: what a job gave back, while Redis keeps it. What stands there is a
 * handler's word, and anybody's who can write to Redis: it is printed so that no terminal obeys it.
 */
#include "worker/cli/options.h"
#include "worker/cli/safe.h"
#include "worker/scan.h"
#include "worker/store.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID_CHARS   32
#define RESULT_CAP (65u << 20)

/* Where the handler's own value begins: the members before it are ours, and hold no such text. */
static bool find_value(struct stk_span record, const char *job, struct stk_span *out)
{
	static const char key[] = ",\"result\":";
	char begin[80];
	const uint8_t *at;
	int n = snprintf(begin, sizeof(begin), "{\"v\":1,\"job\":\"%s\",\"class\":\"", job);

	if (record.len < (size_t)n || memcmp(record.p, begin, (size_t)n) != 0 ||
	    stk_json_recognise(record, STK_JSON_DEPTH_MAX, STK_JSON_OBJECT, NULL) != STK_OK)
		return false;
	at = memmem(record.p, record.len, key, sizeof(key) - 1);
	if (at == NULL)
		return false;
	at += sizeof(key) - 1;
	*out = stk_span_of(at, (size_t)(record.p + record.len - 1 - at));
	return true;
}

static void print(struct stk_span text)
{
	char *safe = isatty(STDOUT_FILENO) == 1 ? malloc(text.len * 6 + 8) : NULL;

	/* in a pipe the very bytes; a terminal gets the same JSON in a spelling that it cannot obey
	 */
	if (safe != NULL) {
		(void)stk_safe_text(text, SIZE_MAX, safe, text.len * 6 + 8);
		(void)puts(safe);
	} else if (isatty(STDOUT_FILENO) != 1) {
		(void)fwrite(text.p, 1, text.len, stdout);
		(void)putchar('\n');
	}
	free(safe);
}

static int show(struct stk_redis *link, const struct stk_config *config, const char *job, bool json)
{
	struct stk_reply *r = NULL;
	struct stk_span value;
	char key[STK_NS_MAX + 64];
	int code = 0;

	(void)snprintf(key, sizeof(key), "%s:stockade:result:%s", config->ns, job);
	if (stk_redis_words(link, &r, "GET", key, NULL) != STK_OK)
		code = stk_complain(STK_EX_REDIS, "Redis: %s", stk_redis_why(link));
	else if (r->type != STK_REPLY_STRING)
		code = stk_complain(STK_EX_NOINPUT,
		    "no result of job %s: it is not done, its class does not keep results, or its "
		    "time is over",
		    job);
	else if (!find_value(r->bytes, job, &value))
		code = stk_complain(
		    STK_EX_REDIS, "what stands under %s is no result that a worker wrote", key);
	else
		print(json ? r->bytes : value);
	stk_reply_free(r);
	return code;
}

static int run(int argc, char **argv)
{
	const struct stk_redis_caps caps = {
		.reply_bytes = RESULT_CAP, .string_bytes = RESULT_CAP, .n_elements = 16
	};
	struct stk_config config;
	struct stk_redis *link = NULL;
	struct stk_options o;
	const char *job;
	int code = stk_options_parse(&stk_cmd_result, "crj", argc, argv, &o);

	if (code != 0)
		return code == -1 ? 0 : code;
	if (o.first_operand != argc - 1)
		return stk_usage(&stk_cmd_result, STK_EX_USAGE);
	job = argv[o.first_operand];
	if (strlen(job) != ID_CHARS || strspn(job, "0123456789abcdef") != ID_CHARS)
		return stk_complain(
		    STK_EX_USAGE, "a job id is 32 hexadecimal digits, as `enqueue` prints it");
	if ((code = stk_options_config(&o, false, &config)) != 0)
		return code;
	code = stk_options_redis(&config, "stockade-result", &caps, &link);
	if (code == 0)
		code = show(link, &config, job, o.json);
	stk_redis_free(link);
	stk_config_clear(&config);
	return code;
}

const struct stk_command stk_cmd_result = {
	.name = "result",
	.summary = "print what a job gave back, while Redis keeps it",
	.usage = "result [--redis URL] [--config FILE] [--json] JOB-ID\n"
		 "--json prints the whole record: class, queue, attempt, time and result",
	.run = run,
};
