/*
 * dial.h - from a name to a connected socket, by a deadline and only to what the law admits.
 *
 * B's work, apart from its records. The address that was judged is the address that is connected
 * to: nothing looks a name up twice.
 */
#ifndef SANDBOX_DIAL_H
#define SANDBOX_DIAL_H

#include "sandbox/net_addr.h"

#define STK_DIAL_ADDRS_MAX 16 /* of one name; further ones are not looked at */
/* Lookups that libc has not come back from; more are not begun. */
#define STK_DIAL_LOST_MAX 4

/*
 * Looks @host up until @deadline_ms (CLOCK_MONOTONIC): STK_NET_OK with 1 to STK_DIAL_ADDRS_MAX
 * addresses, NAME_UNKNOWN, NAME_FAILED or NAME_TIMEOUT. The default asks libc in a thread of its
 * own, because getaddrinfo knows no deadline.
 */
typedef enum stk_net_name (*stk_resolver)(const char *host, int64_t deadline_ms,
    struct stk_net_addr addrs[static STK_DIAL_ADDRS_MAX], size_t *n);
enum stk_net_name stk_resolve(const char *host, int64_t deadline_ms,
    struct stk_net_addr addrs[static STK_DIAL_ADDRS_MAX], size_t *n);

struct stk_dialled {
	enum stk_net_name name;
	int fd;  /* connected and blocking, the caller's; -1 unless name is STK_NET_OK */
	int err; /* errno of the connect, else 0 */
	struct stk_net_addr addr; /* reached, refused or failed; family 0: none was come to */
};
/* Always comes back about @deadline_ms at the latest. */
void stk_dial(const struct stk_net_law *law, stk_resolver resolve, const char *host, uint16_t port,
    int64_t deadline_ms, struct stk_dialled *out);

#endif
