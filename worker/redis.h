/*
 * redis.h - one link to Redis: bounded replies, a deadline on every wait, errors by name.
 *
 * The transport is ours (nonblocking socket and poll); hiredis only formats commands and parses
 * replies, and only redis.c includes it. Called by store.c and by tools. Redis is not believed: a
 * reply beyond the caps, malformed, late or cut ends the link, never the process.
 */
#ifndef WORKER_REDIS_H
#define WORKER_REDIS_H

#include "sandbox/base.h"
#include "worker/redis_url.h"

/* What Redis's error line began with. */
#define STK_REDIS_PROBLEMS(X)       \
	X(LOADING, "LOADING")       \
	X(OOM, "OOM")               \
	X(READONLY, "READONLY")     \
	X(MISCONF, "MISCONF")       \
	X(NOSCRIPT, "NOSCRIPT")     \
	X(NOAUTH, "NOAUTH")         \
	X(WRONGPASS, "WRONGPASS")   \
	X(NOPERM, "NOPERM")         \
	X(WRONGTYPE, "WRONGTYPE")   \
	X(MASTERDOWN, "MASTERDOWN") \
	X(NOREPLICAS, "NOREPLICAS") \
	X(BUSY, "BUSY")             \
	X(UNBLOCKED, "UNBLOCKED")

enum stk_redis_problem {
	STK_RP_NONE = 0,
#define X(id, text) STK_RP_##id,
	STK_REDIS_PROBLEMS(X)
#undef X
	STK_RP_OTHER, /* an error line of another name */
};
/* "OOM", "NOPERM", … ; "" for NONE, "ERR" for OTHER. Static storage. */
const char *stk_redis_problem_text(enum stk_redis_problem p);

enum stk_reply_type {
	STK_REPLY_NIL = 0,
	STK_REPLY_STRING,
	STK_REPLY_STATUS,
	STK_REPLY_ERROR,
	STK_REPLY_INTEGER,
	STK_REPLY_ARRAY,
};

/* One reply or one element of one. Everything in it lives until stk_reply_free of the root. */
struct stk_reply {
	enum stk_reply_type type;
	enum stk_redis_problem problem; /* of STK_REPLY_ERROR, else NONE */
	int64_t integer;                /* of STK_REPLY_INTEGER, else 0 */
	struct stk_span bytes;          /* of STRING, STATUS, ERROR; p[len] is a NUL byte */
	size_t n;                       /* of STK_REPLY_ARRAY: elements */
	struct stk_reply *elements;
};
/* Frees the root that a call gave out; NULL is fine. */
void stk_reply_free(struct stk_reply *r);
/* True for a STRING or STATUS whose bytes equal @text. */
bool stk_reply_is(const struct stk_reply *r, const char *text);

struct stk_redis_caps {
	size_t reply_bytes;  /* everything one reply may bring over the wire */
	size_t string_bytes; /* one string; a longer header ends the link before its body is read */
	size_t n_elements;   /* of one array */
};
/* 1 MiB, 256 KiB and 16 Ki: a parcel of twice max_payload's default fits. */
#define STK_REDIS_CAPS_DEFAULT    \
	((struct stk_redis_caps){ \
	    .reply_bytes = 1u << 20, .string_bytes = 1u << 18, .n_elements = 1u << 14 })

struct stk_redis_config {
	const struct stk_redis_url *url; /* copied, except for its password, which is ignored */
	int password_fd;         /* sealed memfd or file, read with pread at each connect; -1: none.
				  * borrowed; one trailing newline is not part of the password */
	const char *client_name; /* CLIENT SETNAME, best effort; NULL: none; borrowed */
	int connect_timeout_ms;  /* for connect, AUTH and SELECT together; 0: 5 000 */
	int command_timeout_ms;  /* per call; 0: 5 000 */
	struct stk_redis_caps caps; /* all zero: STK_REDIS_CAPS_DEFAULT */
};

struct stk_redis; /* a link, connected or not */

/* Makes an unconnected link. STK_E_NOMEM. Owned by the caller: stk_redis_free. */
STK_CHECK enum stk_err stk_redis_new(const struct stk_redis_config *c, struct stk_redis **out);
/*
 * The same server, user, database and password as @r's, but @caps and @connect_timeout_ms of its
 * own: for blocking pops beside the main link. Unconnected. STK_E_NOMEM. Owned by the caller.
 */
STK_CHECK enum stk_err stk_redis_sibling(const struct stk_redis *r,
    const struct stk_redis_caps *caps, int connect_timeout_ms, struct stk_redis **out);
/* Closes and frees; NULL is fine. */
void stk_redis_free(struct stk_redis *r);

/*
 * Connects, logs in, selects the database; a link that is open is closed first. STK_E_SYSTEM,
 * STK_E_TIMEOUT, STK_E_CLOSED, STK_E_FORMAT, STK_E_ABSENT (the host name does not resolve; the
 * resolver is libc's and keeps its own time limits: use an address or a unix socket where that
 * matters), STK_E_REFUSED (Redis said no: see stk_redis_problem). stk_redis_why has the sentence.
 */
STK_CHECK enum stk_err stk_redis_connect(struct stk_redis *r);
void stk_redis_close(struct stk_redis *r);
bool stk_redis_connected(const struct stk_redis *r);
/*
 * No connect and no call waits past @until_ms (CLOCK_MONOTONIC), whatever its own timeout; 0 ends
 * that. A name's resolution keeps libc's own limits.
 */
void stk_redis_bound(struct stk_redis *r, int64_t until_ms);
/* The socket, for poll beside others; -1 when not connected. Borrowed. */
int stk_redis_fd(const struct stk_redis *r);
/* Milliseconds since this connection was made; 0 when not connected. */
int64_t stk_redis_age_ms(const struct stk_redis *r);
/* Of the last call: the named error (NONE when it was none) and a sentence, never a secret. */
enum stk_redis_problem stk_redis_problem(const struct stk_redis *r);
const char *stk_redis_why(const struct stk_redis *r);

struct stk_redis_command {
	const struct stk_span *argv; /* borrowed for the call */
	size_t argc;                 /* 1..STK_REDIS_ARGC_MAX */
};
#define STK_REDIS_ARGC_MAX 1024
#define STK_REDIS_PIPE_MAX 16

/*
 * One command, one reply, within the link's command timeout. STK_OK means a reply came and @out
 * owns it; an error line of Redis is STK_E_REFUSED with *out NULL and the name in
 * stk_redis_problem. Anything else (STK_E_TIMEOUT, CLOSED, FORMAT, TOOBIG, SYSTEM, NOMEM) has
 * closed the link, because what a late reply would answer is unknown. STK_E_CLOSED at once when not
 * connected.
 */
STK_CHECK enum stk_err stk_redis_call(
    struct stk_redis *r, const struct stk_span *argv, size_t argc, struct stk_reply **out);
/* The same from NUL-terminated words, the last argument NULL. */
STK_CHECK enum stk_err stk_redis_words(struct stk_redis *r, struct stk_reply **out, ...)
    __attribute__((sentinel));
/*
 * @n commands (1..STK_REDIS_PIPE_MAX) in one write, @n replies into @out. Error lines of Redis
 * arrive as replies of type ERROR, not as a return value, since each command has its own fate. On
 * failure the link is closed and every out[] is NULL.
 */
STK_CHECK enum stk_err stk_redis_pipeline(
    struct stk_redis *r, const struct stk_redis_command *c, size_t n, struct stk_reply **out);
/* Sends without waiting; stk_redis_answer or stk_redis_receive takes the reply. */
STK_CHECK enum stk_err stk_redis_send(
    struct stk_redis *r, const struct stk_span *argv, size_t argc);
/* The reply to what was sent, within the command timeout: errors and @out as stk_redis_call. */
STK_CHECK enum stk_err stk_redis_answer(struct stk_redis *r, struct stk_reply **out);
/* For blocking pops: waits at most @timeout_ms for one reply. STK_E_TIMEOUT leaves the link open
 * here, nothing is lost. */
STK_CHECK enum stk_err stk_redis_receive(
    struct stk_redis *r, int timeout_ms, struct stk_reply **out);

#endif
