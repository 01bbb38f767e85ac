/*
 * fds.h - moving descriptors: into fixed slots, and over a socket. Used on both sides of the wall.
 */
#ifndef SANDBOX_FDS_H
#define SANDBOX_FDS_H

#include "sandbox/base.h"

#define STK_FDS_MAX 64

/*
 * Places fds[i] at slot i for every i < n (n <= STK_FDS_MAX), without close-on-exec, and closes
 * every other descriptor of the process. fds[] may name one descriptor twice. STK_E_SYSTEM leaves
 * the process fit only for _exit.
 */
STK_CHECK enum stk_err stk_fds_arrange(const int *fds, size_t n);

/*
 * One record and its descriptors as one message of a SOCK_SEQPACKET pair. n_fds may be 0. Never
 * raises SIGPIPE; STK_E_CLOSED if the peer is gone.
 */
STK_CHECK enum stk_err stk_fds_send(
    int sock, const void *record, size_t len, const int *fds, size_t n_fds);

/*
 * Receives one record of exactly @len bytes and at most @max_fds descriptors (close-on-exec, owned
 * by the caller; *n_fds says how many). max_fds 0 receives without a control buffer, so that a
 * peer cannot push any. STK_E_FORMAT for another length or too many descriptors (all closed),
 * STK_E_CLOSED at end of file.
 */
STK_CHECK enum stk_err stk_fds_recv(
    int sock, void *record, size_t len, int *fds, size_t max_fds, size_t *n_fds);

/* Waits until @fd is readable: STK_OK, STK_E_TIMEOUT, STK_E_SYSTEM. EINTR is ridden out. */
STK_CHECK enum stk_err stk_fds_wait(int fd, int64_t deadline_ms);

#endif
