/*
 * redis_socket.h - a nonblocking stream to Redis where every wait has a deadline.
 *
 * Only redis.c calls it. Knows sockets, not RESP. Deadlines are CLOCK_MONOTONIC milliseconds.
 */
#ifndef WORKER_REDIS_SOCKET_H
#define WORKER_REDIS_SOCKET_H

#include "worker/redis_url.h"

#include <sys/uio.h>

/*
 * Connects to @u's socket path or host (each address of the name in turn). *fd is owned by the
 * caller. STK_E_ABSENT (name unknown), STK_E_TIMEOUT, STK_E_SYSTEM (errno of the last address).
 */
STK_CHECK enum stk_err stk_socket_connect(
    const struct stk_redis_url *u, int64_t deadline_ms, int *fd);
/* Sends all of @iov, which it consumes. STK_E_TIMEOUT, STK_E_CLOSED, STK_E_SYSTEM. No SIGPIPE. */
STK_CHECK enum stk_err stk_socket_send(int fd, struct iovec *iov, size_t n, int64_t deadline_ms);
/* At least one byte into @buf. STK_E_TIMEOUT (nothing was taken), STK_E_CLOSED, STK_E_SYSTEM. */
STK_CHECK enum stk_err stk_socket_receive(
    int fd, void *buf, size_t cap, int64_t deadline_ms, size_t *got);

#endif
