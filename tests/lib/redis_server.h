/*
 * redis_server.h - a private redis-server for one test program: own folder, unix socket, no port.
 *
 * Stopped by the pid we started, and only after the server itself (INFO) and its pidfile named the
 * same pid: a test never harms a Redis it did not start.
 */
#ifndef TESTS_LIB_REDIS_SERVER_H
#define TESTS_LIB_REDIS_SERVER_H

#include "worker/redis.h"

struct test_redis {
	char dir[64]; /* mkdtemp under TMPDIR or /tmp */
	char socket_path[96];
	pid_t pid; /* 0: not running */
};

/*
 * Starts and waits until it answers; @extra: more words for its command line, NULL at the end, or
 * NULL. Returns false with the reason on stderr. The server dies with the test program.
 */
bool test_redis_start(struct test_redis *t, const char *const *extra);
/* Ends it (SIGKILL: nothing of it is kept) and removes the folder. */
void test_redis_stop(struct test_redis *t);
/* A connected link with default caps, owned by the caller; NULL with the reason on stderr. */
struct stk_redis *test_redis_link(const struct test_redis *t);

/* One command of words separated by single spaces ("LRANGE r:failed 0 -1"); NULL on any error. */
struct stk_reply *test_redis_do(struct stk_redis *r, const char *words);
/* Its integer answer; INT64_MIN on any other. */
int64_t test_redis_int(struct stk_redis *r, const char *words);
/* True when it answers a string or status equal to @want; @want NULL: true when it answers nil. */
bool test_redis_says(struct stk_redis *r, const char *words, const char *want);

#endif
