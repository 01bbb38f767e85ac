/*
 * redis_link.c - the transport half of redis.h: send, wait, receive; redis_login.c connects.
 *
 * No hiredis here: redis_codec.h turns bytes into replies, redis_socket.h keeps the deadlines.
 */
#include "worker/redis_link.h"
#include "worker/redis.h"
#include "worker/redis_codec.h"
#include "worker/redis_socket.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the link --------------------------------------------------------------------------------- */

enum stk_err stk_redis_new(const struct stk_redis_config *c, struct stk_redis **out)
{
	struct stk_redis *r = calloc(1, sizeof(*r));

	*out = NULL;
	if (r == NULL)
		return STK_E_NOMEM;
	r->url = *c->url;
	explicit_bzero(r->url.password, sizeof(r->url.password));
	r->url.has_password = false;
	r->password_fd = c->password_fd;
	r->connect_timeout_ms = c->connect_timeout_ms > 0 ? c->connect_timeout_ms : 5000;
	r->command_timeout_ms = c->command_timeout_ms > 0 ? c->command_timeout_ms : 5000;
	r->caps = c->caps.reply_bytes == 0 ? STK_REDIS_CAPS_DEFAULT : c->caps;
	r->fd = -1;
	if (c->client_name != NULL)
		(void)snprintf(r->client_name, sizeof(r->client_name), "%s", c->client_name);
	*out = r;
	return STK_OK;
}

enum stk_err stk_redis_sibling(const struct stk_redis *r, const struct stk_redis_caps *caps,
    int connect_timeout_ms, struct stk_redis **out)
{
	const struct stk_redis_config c = {
		.url = &r->url,
		.password_fd = r->password_fd,
		.client_name = r->client_name,
		.connect_timeout_ms = connect_timeout_ms,
		.command_timeout_ms = r->command_timeout_ms,
		.caps = *caps,
	};

	return stk_redis_new(&c, out);
}

void stk_redis_close(struct stk_redis *r)
{
	stk_close(&r->fd);
	stk_codec_free(r->codec);
	r->codec = NULL;
}

void stk_redis_free(struct stk_redis *r)
{
	if (r == NULL)
		return;
	stk_redis_close(r);
	free(r);
}

bool stk_redis_connected(const struct stk_redis *r)
{
	return r->fd >= 0;
}

void stk_redis_bound(struct stk_redis *r, int64_t until_ms)
{
	r->bound_ms = until_ms;
}

int64_t stk_link_deadline(const struct stk_redis *r, int timeout_ms)
{
	int64_t own = stk_monotonic_ms() + timeout_ms;

	return r->bound_ms != 0 && r->bound_ms < own ? r->bound_ms : own;
}

int stk_redis_fd(const struct stk_redis *r)
{
	return r->fd;
}

int64_t stk_redis_age_ms(const struct stk_redis *r)
{
	return r->fd < 0 ? 0 : stk_monotonic_ms() - r->connected_at_ms;
}

enum stk_redis_problem stk_redis_problem(const struct stk_redis *r)
{
	return r->problem;
}

const char *stk_redis_why(const struct stk_redis *r)
{
	return r->why;
}

enum stk_err stk_link_broken(struct stk_redis *r, enum stk_err e, const char *doing)
{
	(void)snprintf(r->why, sizeof(r->why), "%s: %s", doing, stk_strerror(e));
	stk_redis_close(r);
	return e;
}

void stk_link_forget(struct stk_redis *r)
{
	r->problem = STK_RP_NONE;
	r->why[0] = '\0';
}

/* --- commands ------------------------------------------------------------------------------- */

/* Looks at least once, and past the deadline no more: a drip of bytes does not stretch it. */
static enum stk_err receive(struct stk_redis *r, int64_t deadline_ms, struct stk_reply **out)
{
	char buf[16384];
	size_t got = 0;
	enum stk_err e;

	for (bool looked = false;; looked = true) {
		if ((e = stk_codec_next(r->codec, out)) != STK_OK || *out != NULL)
			return e;
		if (looked && stk_monotonic_ms() > deadline_ms)
			return STK_E_TIMEOUT;
		if ((e = stk_socket_receive(r->fd, buf, sizeof(buf), deadline_ms, &got)) != STK_OK)
			return e;
		if ((e = stk_codec_feed(r->codec, buf, got)) != STK_OK)
			return e;
	}
}

static enum stk_err transmit(
    struct stk_redis *r, const struct stk_redis_command *c, size_t n, int64_t deadline_ms)
{
	struct iovec iov[STK_REDIS_PIPE_MAX], sending[STK_REDIS_PIPE_MAX];
	enum stk_err e = STK_OK;
	size_t made = 0;

	if (n == 0 || n > STK_REDIS_PIPE_MAX)
		return STK_E_TOOBIG;
	for (; made < n; made++) {
		char *text;
		size_t len = 0;

		if ((e = stk_codec_format(&c[made], &text, &len)) != STK_OK)
			break;
		iov[made] = (struct iovec){ .iov_base = text, .iov_len = len };
		sending[made] = iov[made];
	}
	if (e == STK_OK)
		e = stk_socket_send(r->fd, sending, n, deadline_ms);
	for (size_t i = 0; i < made; i++)
		stk_codec_wipe(iov[i].iov_base, iov[i].iov_len);
	return e;
}

static enum stk_err exchange(struct stk_redis *r, const struct stk_redis_command *c, size_t n,
    int64_t deadline_ms, struct stk_reply **out)
{
	enum stk_err e;

	for (size_t i = 0; i < n; i++)
		out[i] = NULL;
	if (r->fd < 0) {
		(void)snprintf(r->why, sizeof(r->why), "not connected to Redis");
		return STK_E_CLOSED;
	}
	if ((e = transmit(r, c, n, deadline_ms)) != STK_OK)
		return stk_link_broken(r, e, "sending to Redis");
	for (size_t i = 0; i < n; i++) {
		if ((e = receive(r, deadline_ms, &out[i])) == STK_OK)
			continue;
		for (size_t k = 0; k < i; k++) {
			stk_reply_free(out[k]);
			out[k] = NULL;
		}
		return stk_link_broken(r, e, "reading a reply of Redis");
	}
	return STK_OK;
}

/* Keeps the name and the cleaned text of an error line, @r's first since the call began. */
static void note_problem(struct stk_redis *r, const struct stk_reply *reply)
{
	size_t n = reply->bytes.len < sizeof(r->why) - 1 ? reply->bytes.len : sizeof(r->why) - 1;

	if (reply->type != STK_REPLY_ERROR || r->problem != STK_RP_NONE)
		return;
	r->problem = reply->problem;
	for (size_t i = 0; i < n; i++) {
		uint8_t b = reply->bytes.p[i];

		r->why[i] = (char)(b >= 0x20 && b < 0x7f ? b : '?');
	}
	r->why[n] = '\0';
}

/* An error line becomes STK_E_REFUSED. */
static enum stk_err judge(struct stk_redis *r, struct stk_reply **reply)
{
	if ((*reply)->type != STK_REPLY_ERROR)
		return STK_OK;
	note_problem(r, *reply);
	stk_reply_free(*reply);
	*reply = NULL;
	return STK_E_REFUSED;
}

enum stk_err stk_link_ask(struct stk_redis *r, const struct stk_span *argv, size_t argc,
    int64_t deadline_ms, struct stk_reply **out)
{
	const struct stk_redis_command c = { .argv = argv, .argc = argc };
	enum stk_err e;

	stk_link_forget(r);
	e = exchange(r, &c, 1, deadline_ms, out);
	return e != STK_OK ? e : judge(r, out);
}

enum stk_err stk_redis_call(
    struct stk_redis *r, const struct stk_span *argv, size_t argc, struct stk_reply **out)
{
	return stk_link_ask(r, argv, argc, stk_link_deadline(r, r->command_timeout_ms), out);
}

enum stk_err stk_redis_words(struct stk_redis *r, struct stk_reply **out, ...)
{
	struct stk_span argv[32];
	const char *word;
	size_t n = 0;
	va_list ap;

	va_start(ap, out);
	while ((word = va_arg(ap, const char *)) != NULL && n < STK_ARRAY_LEN(argv))
		argv[n++] = stk_span_str(word);
	va_end(ap);
	*out = NULL;
	return word != NULL ? STK_E_TOOBIG : stk_redis_call(r, argv, n, out);
}

enum stk_err stk_redis_pipeline(
    struct stk_redis *r, const struct stk_redis_command *c, size_t n, struct stk_reply **out)
{
	enum stk_err e;

	stk_link_forget(r);
	e = exchange(r, c, n, stk_link_deadline(r, r->command_timeout_ms), out);
	for (size_t i = 0; e == STK_OK && i < n; i++) {
		note_problem(r, out[i]);
		for (size_t k = 0; k < out[i]->n;
		     k++) /* EXEC answers its commands' errors inside */
			note_problem(r, &out[i]->elements[k]);
	}
	return e;
}

enum stk_err stk_redis_send(struct stk_redis *r, const struct stk_span *argv, size_t argc)
{
	const struct stk_redis_command c = { .argv = argv, .argc = argc };
	enum stk_err e;

	stk_link_forget(r);
	if (r->fd < 0)
		return STK_E_CLOSED;
	e = transmit(r, &c, 1, stk_link_deadline(r, r->command_timeout_ms));
	return e == STK_OK ? e : stk_link_broken(r, e, "sending to Redis");
}

enum stk_err stk_redis_answer(struct stk_redis *r, struct stk_reply **out)
{
	enum stk_err e = stk_redis_receive(r, r->command_timeout_ms, out);

	return e == STK_E_TIMEOUT ? stk_link_broken(r, e, "reading a reply of Redis") : e;
}

enum stk_err stk_redis_receive(struct stk_redis *r, int timeout_ms, struct stk_reply **out)
{
	enum stk_err e;

	stk_link_forget(r);
	*out = NULL;
	if (r->fd < 0)
		return STK_E_CLOSED;
	e = receive(r, stk_monotonic_ms() + timeout_ms, out);
	if (e == STK_E_TIMEOUT)
		return e;
	return e == STK_OK ? judge(r, out) : stk_link_broken(r, e, "reading a reply of Redis");
}
