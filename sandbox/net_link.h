/*
 * net_link.h - W's side of a job's broker: start it, hear what it did, end it. Internal to
 * sandbox/.
 */
#ifndef SANDBOX_NET_LINK_H
#define SANDBOX_NET_LINK_H

#include "sandbox/parent.h"

/* One job's. Zeroed by stk_net_open(); the broker itself stands in the cage, so that no zygote can
 * pass it off as a job. */
struct stk_net_link {
	int events;    /* our end of B's pipe, non-blocking; -1: none, or B has ended */
	int job_end;   /* goes to J with the spawn, then closed; -1: none */
	uint32_t left; /* records that B may still send */
	uint8_t buf[sizeof(struct stk_net_event)];
	size_t have;
};

/*
 * For a spawn of a class with net grants: has M start B, gives it its terms, waits for its hello,
 * looks at it from outside and adds the job's end of its socket to @extras; for others does
 * nothing. Before the child: a job that may connect never runs without the process that decides
 * where to. STK_E_CLOSED: M is gone; any error leaves a sentence in @why and nothing behind.
 */
STK_CHECK enum stk_err stk_net_open(struct stk_cage *c, const struct stk_spawn *s,
    struct stk_net_link *l, struct stk_extras *extras, char why[static STK_WHY_MAX]);
/* After the spawn: the job's end is the job's alone, or all of it is over. */
void stk_net_spawned(
    struct stk_cage *c, struct stk_net_link *l, struct stk_extras *extras, bool good);
/* Reads what B has to say and hands each record to hooks->net; a broker that speaks nonsense is
 * ended, one that is gone is said to be, once. */
void stk_net_hear(struct stk_cage *c, struct stk_net_link *l, const struct stk_run_hooks *hooks);
/* The same once the job has ended: B, whom it let go of, ends as well, and how is heard. */
void stk_net_hear_rest(
    struct stk_cage *c, struct stk_net_link *l, const struct stk_run_hooks *hooks);
/* Ends B. Safe where there is none. */
void stk_net_close(struct stk_cage *c, struct stk_net_link *l);

#endif
