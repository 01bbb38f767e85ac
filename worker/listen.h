/*
 * listen.h - where metrics are served: an address as an operator writes it, and its socket.
 *
 * Numbers only, no host names: what is listened on must not depend on a resolver.
 */
#ifndef WORKER_LISTEN_H
#define WORKER_LISTEN_H

#include "sandbox/base.h"

#include <sys/socket.h>

#define STK_LISTEN_WHY_BYTES 320

struct stk_listen {
	struct sockaddr_storage at;
	socklen_t at_len;
	unsigned mode; /* of a path's socket */
	bool local;    /* a path or a loopback address: nobody on another machine reaches it */
};

/*
 * "127.0.0.1:9394", "[::1]:9394", "0.0.0.0:9394", "unix:///run/stockade/metrics.sock?mode=0660".
 * STK_E_FORMAT with a sentence in @why.
 */
STK_CHECK enum stk_err stk_listen_parse(
    const char *text, struct stk_listen *out, char *why, size_t why_size);

/*
 * A listening socket, close-on-exec and non-blocking; a path's socket that nobody answers on any
 * more is replaced. STK_E_SYSTEM with errno (EADDRINUSE: somebody listens there, or the path is
 * something else than a socket).
 */
STK_CHECK enum stk_err stk_listen_open(const struct stk_listen *l, int *fd);
/* Whether that could be had, as far as it shows without taking a path's socket; one in use is fine.
 */
STK_CHECK enum stk_err stk_listen_look(const struct stk_listen *l);
/* What to do where it cannot; static storage. */
const char *stk_listen_cure(int err);

#endif
