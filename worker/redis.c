/*
 * redis.c - replies and commands: the only includer of hiredis, its reader and formatter alone.
 *
 * hiredis believes lengths (0.14.1 reserves 7.6 GiB for "*1000000000\r\n"), so the objects it
 * builds are ours: created within a budget, or refused, which ends the link. redis_link.c is the
 * transport.
 */
#include "worker/redis.h"

#include "worker/redis_codec.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 7 /* arrays in arrays; our scripts answer with one */

#if HIREDIS_MAJOR >= 1
typedef size_t stk_hiredis_count;
#define STK_READER_TASK(r) ((r)->task[(r)->ridx])
#else
typedef int stk_hiredis_count;
#define STK_READER_TASK(r) (&(r)->rstack[(r)->ridx])
#endif

/* What the reply being read may still cost. */
struct budget {
	struct stk_redis_caps caps;
	size_t n_left; /* elements, over all arrays of this reply */
	bool exceeded;
};

struct stk_codec {
	redisReader *reader;
	size_t reply_bytes; /* received for the reply being read */
	struct budget budget;
};

static const char *const problem_texts[] = {
	[STK_RP_NONE] = "",
#define X(id, text) [STK_RP_##id] = (text),
	STK_REDIS_PROBLEMS(X)
#undef X
	    [STK_RP_OTHER] = "ERR",
};

const char *stk_redis_problem_text(enum stk_redis_problem p)
{
	return (size_t)p < STK_ARRAY_LEN(problem_texts) ? problem_texts[p] : "ERR";
}

static enum stk_redis_problem name_word(struct stk_span line)
{
	for (size_t i = STK_RP_NONE + 1; i < STK_RP_OTHER; i++) {
		size_t n = strlen(problem_texts[i]);

		if (line.len >= n && memcmp(line.p, problem_texts[i], n) == 0 &&
		    (line.len == n || line.p[n] == ' '))
			return (enum stk_redis_problem)i;
	}
	return STK_RP_OTHER;
}

/*
 * What a user's ACL refuses within a script has no name of its own: 6.0 to 7.0 say the first, later
 * ones the second. Neither says which key or command; ACL LOG does.
 */
static bool is_acl_of_script(struct stk_span line)
{
	static const char *const texts[] = { "The user executing the script can't ",
		"ACL failure in script" };

	for (size_t i = 0; i < STK_ARRAY_LEN(texts); i++)
		if (memmem(line.p, line.len, texts[i], strlen(texts[i])) != NULL)
			return true;
	return false;
}

/*
 * Redis 7 passes a script's inner error on; 6 wraps it: "ERR Error running script (call to f_..):
 * @user_script:2: @user_script: 2: -OOM command not allowed ...".
 */
static enum stk_redis_problem name_problem(struct stk_span line)
{
	static const char wrapped[] = "ERR Error running script";
	const uint8_t *inner;

	if (is_acl_of_script(line))
		return STK_RP_NOPERM;
	if (line.len < sizeof(wrapped) || memcmp(line.p, wrapped, sizeof(wrapped) - 1) != 0 ||
	    (inner = memmem(line.p, line.len, ": -", 3)) == NULL)
		return name_word(line);
	return name_word(stk_span_of(inner + 3, line.len - (size_t)(inner + 3 - line.p)));
}

/* --- replies: hiredis's builder functions ----------------------------------------------------- */

static void clear_reply(struct stk_reply *r)
{
	for (size_t i = 0; i < r->n && r->elements != NULL; i++)
		clear_reply(&r->elements[i]);
	free(r->elements);
	free((void *)(uintptr_t)r->bytes.p);
	*r = (struct stk_reply){ 0 };
}

void stk_reply_free(struct stk_reply *r)
{
	if (r == NULL)
		return;
	clear_reply(r);
	free(r);
}

static void free_object(void *p)
{
	stk_reply_free(p);
}

bool stk_reply_is(const struct stk_reply *r, const char *text)
{
	return r != NULL && (r->type == STK_REPLY_STRING || r->type == STK_REPLY_STATUS) &&
	       stk_span_eq(r->bytes, stk_span_str(text));
}

/* The root is allocated; an element lives in its parent's array. */
static struct stk_reply *place(const redisReadTask *t)
{
	struct stk_reply *parent;

	if (t->parent == NULL)
		return calloc(1, sizeof(*parent));
	parent = t->parent->obj;
	return t->idx >= 0 && (size_t)t->idx < parent->n ? &parent->elements[t->idx] : NULL;
}

static void *refuse(const redisReadTask *t)
{
	((struct budget *)t->privdata)->exceeded = true;
	return NULL;
}

/* Drops a root that could not be filled; an element's slot belongs to its parent. */
static void *give_up(const redisReadTask *t, struct stk_reply *r)
{
	if (t->parent == NULL)
		free(r);
	return NULL;
}

static void *create_string(const redisReadTask *t, char *text, size_t len)
{
	const struct budget *b = t->privdata;
	struct stk_reply *r;
	uint8_t *copy;

	if (len > b->caps.string_bytes || t->type == REDIS_REPLY_ARRAY ||
	    t->type > REDIS_REPLY_ERROR)
		return refuse(t);
	if ((r = place(t)) == NULL)
		return NULL;
	if ((copy = malloc(len + 1)) == NULL)
		return give_up(t, r);
	memcpy(copy, text, len);
	copy[len] = 0;
	r->bytes = stk_span_of(copy, len);
	r->type = t->type == REDIS_REPLY_STRING   ? STK_REPLY_STRING
		  : t->type == REDIS_REPLY_STATUS ? STK_REPLY_STATUS
						  : STK_REPLY_ERROR;
	if (r->type == STK_REPLY_ERROR)
		r->problem = name_problem(r->bytes);
	return r;
}

/* hiredis 0.14 refuses the eighth level itself; later ones grow with whatever the server sends. */
static bool too_deep(const redisReadTask *t)
{
	size_t depth = 0;

	for (; t != NULL; t = t->parent)
		if (++depth > DEPTH_MAX)
			return true;
	return false;
}

static void *create_array(const redisReadTask *t, stk_hiredis_count count)
{
	struct budget *b = t->privdata;
	size_t n = (size_t)count;
	struct stk_reply *r;

	if (t->type != REDIS_REPLY_ARRAY || n > b->n_left || too_deep(t))
		return refuse(t);
	b->n_left -= n;
	if ((r = place(t)) == NULL)
		return NULL;
	r->type = STK_REPLY_ARRAY;
	if (n > 0 && (r->elements = calloc(n, sizeof(*r->elements))) == NULL)
		return give_up(t, r);
	r->n = n;
	return r;
}

static void *create_integer(const redisReadTask *t, long long v)
{
	struct stk_reply *r = place(t);

	if (r != NULL) {
		r->type = STK_REPLY_INTEGER;
		r->integer = v;
	}
	return r;
}

static void *create_nil(const redisReadTask *t)
{
	return place(t);
}

#if HIREDIS_MAJOR >= 1
/* RESP3 was never asked for. */
static void *create_double(const redisReadTask *t, double v, char *text, size_t len)
{
	(void)v, (void)text, (void)len;
	return refuse(t);
}

static void *create_bool(const redisReadTask *t, int v)
{
	(void)v;
	return refuse(t);
}
#endif

static redisReplyObjectFunctions builders = {
	.createString = create_string,
	.createArray = create_array,
	.createInteger = create_integer,
#if HIREDIS_MAJOR >= 1
	.createDouble = create_double,
	.createBool = create_bool,
#endif
	.createNil = create_nil,
	.freeObject = free_object,
};

/* --- the codec -------------------------------------------------------------------------------- */

enum stk_err stk_codec_new(const struct stk_redis_caps *caps, struct stk_codec **out)
{
	struct stk_codec *c = calloc(1, sizeof(*c));

	*out = NULL;
	if (c == NULL)
		return STK_E_NOMEM;
	c->reader = redisReaderCreateWithFunctions(&builders);
	if (c->reader == NULL) {
		free(c);
		return STK_E_NOMEM;
	}
	c->budget.caps = *caps;
	c->budget.n_left = caps->n_elements;
	c->reader->privdata = &c->budget;
	*out = c;
	return STK_OK;
}

void stk_codec_free(struct stk_codec *c)
{
	if (c == NULL)
		return;
	redisReaderFree(c->reader);
	free(c);
}

enum stk_err stk_codec_feed(struct stk_codec *c, const void *p, size_t len)
{
	c->reply_bytes += len;
	if (c->reply_bytes > c->budget.caps.reply_bytes)
		return STK_E_TOOBIG;
	return redisReaderFeed(c->reader, p, len) == REDIS_OK ? STK_OK : STK_E_NOMEM;
}

/*
 * A string's header promises more than its cap: refused before the body is fetched. The reader has
 * eaten the '$' and stands at the digits of a string task that is not complete.
 */
static bool header_over_cap(const redisReader *rd, size_t cap)
{
	size_t v = 0;

	if (rd->ridx < 0 || STK_READER_TASK(rd)->type != REDIS_REPLY_STRING)
		return false;
	for (size_t i = rd->pos; i < rd->len && rd->buf[i] >= '0' && rd->buf[i] <= '9'; i++) {
		v = v * 10 + (size_t)(rd->buf[i] - '0');
		if (v > cap)
			return true;
	}
	return false;
}

enum stk_err stk_codec_next(struct stk_codec *c, struct stk_reply **out)
{
	void *obj = NULL;

	*out = NULL;
	if (redisReaderGetReply(c->reader, &obj) != REDIS_OK) {
		if (c->budget.exceeded)
			return STK_E_TOOBIG;
		return c->reader->err == REDIS_ERR_OOM ? STK_E_NOMEM : STK_E_FORMAT;
	}
	if (obj == NULL)
		return header_over_cap(c->reader, c->budget.caps.string_bytes) ? STK_E_TOOBIG
									       : STK_OK;
	/* what follows in the buffer belongs to the next reply of a pipeline */
	c->reply_bytes = c->reader->len - c->reader->pos;
	c->budget.n_left = c->budget.caps.n_elements;
	*out = obj;
	return STK_OK;
}

enum stk_err stk_codec_format(const struct stk_redis_command *c, char **out, size_t *len)
{
	const char **words;
	size_t *lens;
	long long n;

	*out = NULL;
	if (c->argc == 0 || c->argc > STK_REDIS_ARGC_MAX)
		return STK_E_TOOBIG;
	words = calloc(c->argc, sizeof(*words));
	lens = calloc(c->argc, sizeof(*lens));
	for (size_t i = 0; words != NULL && lens != NULL && i < c->argc; i++) {
		words[i] = c->argv[i].len == 0 ? "" : (const char *)c->argv[i].p;
		lens[i] = c->argv[i].len;
	}
	n = words == NULL || lens == NULL ? -1
					  : redisFormatCommandArgv(out, (int)c->argc, words, lens);
	free(words);
	free(lens);
	if (n < 0)
		return STK_E_NOMEM;
	*len = (size_t)n;
	return STK_OK;
}

void stk_codec_wipe(char *text, size_t len)
{
	explicit_bzero(text, len);
	redisFreeCommand(text);
}
