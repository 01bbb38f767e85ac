/*
 * redis_login.c - the first words on a link: connect, AUTH, SELECT, CLIENT SETNAME.
 *
 * The password is read where it is sealed, stands on this stack and in one command, and is wiped.
 */
#include "worker/redis_link.h"
#include "worker/redis_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STK_REDIS_SECRET_MAX 1024

/* The password of @fd without one trailing newline, into @buf. */
static enum stk_err read_secret(int fd, char *buf, size_t cap, size_t *len)
{
	ssize_t n;

	*len = 0;
	while ((n = pread(fd, buf + *len, cap - *len, (off_t)*len)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return STK_E_SYSTEM;
		*len += (size_t)n;
		if (*len == cap)
			return STK_E_TOOBIG;
	}
	if (*len > 0 && buf[*len - 1] == '\n')
		(*len)--;
	return *len > 0 ? STK_OK : STK_E_ABSENT;
}

/* One command of the greeting whose answer says nothing. */
static enum stk_err greet(
    struct stk_redis *r, const struct stk_span *argv, size_t argc, int64_t deadline_ms)
{
	struct stk_reply *reply = NULL;
	enum stk_err e = stk_link_ask(r, argv, argc, deadline_ms, &reply);

	stk_reply_free(reply);
	return e;
}

static enum stk_err log_in(struct stk_redis *r, int64_t deadline_ms)
{
	struct stk_span argv[3] = { stk_span_str("AUTH") };
	char secret[STK_REDIS_SECRET_MAX];
	size_t argc = 1, len = 0;
	enum stk_err e;

	if (r->password_fd < 0 && r->url.user[0] == '\0')
		return STK_OK;
	/* a user without a password (nopass) says any; who has one is refused, and not `default` */
	if (r->password_fd >= 0 &&
	    (e = read_secret(r->password_fd, secret, sizeof(secret), &len)) != STK_OK) {
		(void)snprintf(
		    r->why, sizeof(r->why), "reading the Redis password: %s", stk_strerror(e));
		goto wipe;
	}
	if (r->url.user[0] != '\0')
		argv[argc++] = stk_span_str(r->url.user);
	argv[argc++] = stk_span_of(secret, len);
	e = greet(r, argv, argc, deadline_ms);
wipe:
	explicit_bzero(secret, sizeof(secret));
	return e;
}

static enum stk_err select_db(struct stk_redis *r, int64_t deadline_ms)
{
	char db[12];
	const struct stk_span argv[2] = { stk_span_str("SELECT"),
		{ (const uint8_t *)db, (size_t)snprintf(db, sizeof(db), "%d", r->url.db) } };

	return r->url.db == 0 ? STK_OK : greet(r, argv, 2, deadline_ms);
}

/*
 * For CLIENT LIST only, so a refusal (ACL) does not matter; a broken link does. NOAUTH is the
 * answer to whatever comes first on a link that needs a login and had none: it is told here, where
 * it belongs, and not by the first command of somebody else.
 */
static enum stk_err set_name(struct stk_redis *r, int64_t deadline_ms)
{
	const struct stk_span argv[3] = { stk_span_str("CLIENT"), stk_span_str("SETNAME"),
		stk_span_str(r->client_name) };
	enum stk_err e = r->client_name[0] == '\0' ? STK_OK : greet(r, argv, 3, deadline_ms);

	if (e == STK_E_REFUSED && r->problem != STK_RP_NOAUTH) {
		stk_link_forget(r);
		return STK_OK;
	}
	return e;
}

enum stk_err stk_redis_connect(struct stk_redis *r)
{
	int64_t deadline_ms = stk_link_deadline(r, r->connect_timeout_ms);
	enum stk_err e;

	stk_redis_close(r);
	stk_link_forget(r);
	if ((e = stk_socket_connect(&r->url, deadline_ms, &r->fd)) != STK_OK)
		return stk_link_broken(
		    r, e, e == STK_E_ABSENT ? "looking up its host name" : "connecting to Redis");
	if ((e = stk_codec_new(&r->caps, &r->codec)) != STK_OK)
		return stk_link_broken(r, e, "connecting to Redis");
	r->connected_at_ms = stk_monotonic_ms();
	if ((e = log_in(r, deadline_ms)) != STK_OK || (e = select_db(r, deadline_ms)) != STK_OK ||
	    (e = set_name(r, deadline_ms)) != STK_OK)
		stk_redis_close(r); /* the sentence stands already */
	return e;
}
