/*
 * base.h - the few words every file shares: error codes, spans, checked results, cleanups.
 *
 * sandbox/ is a leaf, so the common ground lives here: worker/ and jobs/cage/ include it too.
 */
#ifndef SANDBOX_BASE_H
#define SANDBOX_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STK_CHECK        __attribute__((warn_unused_result))
#define STK_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define STK_NORETURN     __attribute__((noreturn))
#define STK_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#if defined(__GNUC__) && !defined(__clang__)
#define STK_OWNS(fn) __attribute__((malloc, malloc(fn, 1)))
#else
#define STK_OWNS(fn) __attribute__((malloc))
#endif

/* Why a call failed. 0 is success; errno means something only beside STK_E_SYSTEM. */
enum stk_err {
	STK_OK = 0,
	STK_E_SYSTEM = -1,  /* a system call failed; errno is set */
	STK_E_NOMEM = -2,   /* allocation refused */
	STK_E_TOOBIG = -3,  /* input beyond its ceiling */
	STK_E_FORMAT = -4,  /* a peer or a file said something malformed */
	STK_E_CLOSED = -5,  /* the peer is gone */
	STK_E_TIMEOUT = -6, /* the deadline passed */
	STK_E_ABSENT = -7,  /* the thing asked for is not there */
	STK_E_REFUSED = -8, /* the peer, or our own rule, says no */
};

/* A sentence fragment for @e, for messages to people; static storage. */
const char *stk_strerror(enum stk_err e);

/* Borrowed bytes, not NUL-terminated; whoever made it says until when it lives. */
struct stk_span {
	const uint8_t *p;
	size_t len;
};

static inline struct stk_span stk_span_of(const void *p, size_t len)
{
	return (struct stk_span){ (const uint8_t *)p, len };
}

/* A NUL-terminated string as a span, without its NUL. */
struct stk_span stk_span_str(const char *s);
/* Byte equality; not constant time, so never for secrets. */
bool stk_span_eq(struct stk_span a, struct stk_span b);

/* Closes *@fd unless it is -1 and sets it to -1; errno is kept. */
void stk_close(int *fd);
/* free(*(void **)p) for the cleanup attribute. */
void stk_free(void *p);
#define STK_AUTO_CLOSE __attribute__((cleanup(stk_close)))
#define STK_AUTO_FREE  __attribute__((cleanup(stk_free)))

/* In milliseconds: CLOCK_MONOTONIC; CLOCK_REALTIME, which may jump. */
int64_t stk_monotonic_ms(void);
int64_t stk_realtime_ms(void);

/* Lower-case hex of @len bytes into @out, which holds 2 * @len + 1. */
void stk_hex(const uint8_t *p, size_t len, char *out);

/*
 * Reads at most @max bytes of @fd into a fresh NUL-terminated buffer (owned by the caller, free()).
 * STK_E_TOOBIG if the file has more, STK_E_SYSTEM, STK_E_NOMEM.
 */
STK_CHECK enum stk_err stk_read_all(int fd, size_t max, uint8_t **out, size_t *len);
/* Writes all of @len bytes, retrying EINTR and short writes; for blocking descriptors. */
STK_CHECK enum stk_err stk_write_all(int fd, const void *p, size_t len);

#endif
