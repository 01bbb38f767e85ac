/*
 * policy_fits.c - what a policy's rates could make the ledger hold, shown as arithmetic. See
 * policy.h.
 */
#include "worker/policy.h"

#include <inttypes.h>
#include <stdio.h>

/* "7d", "36h", "90s": the largest unit that leaves nothing over. */
static void short_time(char *out, size_t cap, int64_t s)
{
	static const struct {
		int64_t s;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i = 0;

	while (s % units[i].s != 0)
		i++;
	(void)snprintf(out, cap, "%" PRId64 "%c", s / units[i].s, units[i].unit);
}

enum stk_err stk_policy_fits(const struct stk_keyring *ring, const char *path, int64_t keep_s,
    int64_t record_bytes, int64_t max_bytes, struct stk_conf_error *e)
{
	char delay[32], window[32], keep[32];
	size_t worst = 0;
	int64_t n = stk_keyring_ledger_records(ring, keep_s, &worst);
	const struct stk_principal *p = &ring->principals[worst];

	if (n <= max_bytes / record_bytes)
		return STK_OK;
	short_time(delay, sizeof(delay), p->max_delay_s);
	short_time(window, sizeof(window), p->max_window_s);
	short_time(keep, sizeof(keep), keep_s);
	return stk_conf_blame(e, path, 0,
	    "the ledger could grow to %" PRId64 " records of %" PRId64 " bytes, %" PRId64
	    " MiB, and ledger_max is %" PRId64 " MiB; most for principal \"%.64s\": %" PRId64
	    ".%03" PRId64 "/s x (max_delay %s + max_window %s + %s to readmit) + burst %" PRId64
	    "; lower rate or times, or raise ledger_max",
	    n, record_bytes,
	    n > INT64_MAX / record_bytes ? INT64_MAX >> 20 : (n * record_bytes) >> 20,
	    max_bytes >> 20, p->name, p->rate_per_h / 3600, p->rate_per_h % 3600 * 1000 / 3600,
	    delay, window, keep, p->burst);
}
