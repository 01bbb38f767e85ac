/*
 * probe.h - is the wall really there? Every layer is tried by its effect in a forked child.
 *
 * The worker runs it at start and refuses to work without a required layer; `stockade doctor` shows
 * it. A runtime's outer filter may answer EPERM or ENOSYS for anything, so return codes of "set"
 * calls are never believed alone.
 */
#ifndef SANDBOX_PROBE_H
#define SANDBOX_PROBE_H

#include "sandbox/wire.h"

/* One per row of layers.def, in its order. */
enum stk_layer {
#define LAYER(id, text, demand, profiles, without) STK_LAYER_##id,
#include "sandbox/layers.def"
#undef LAYER
	STK_LAYER_COUNT
};
/* The stable name; static storage. */
const char *stk_layer_text(enum stk_layer l);
/* What follows if it is not there, a fragment; static storage. */
const char *stk_layer_without(enum stk_layer l);

/* How much a layer is asked for; more is stronger. */
enum stk_demand {
	STK_DEMAND_OFF,     /* not asked for */
	STK_DEMAND_PREFER,  /* its absence is named and counted */
	STK_DEMAND_REQUIRE, /* nothing runs without it */
};
/* "off", "prefer", "require"; static storage. */
const char *stk_demand_text(enum stk_demand d);
/* What the table asks of @l for classes of these profiles (all ORed). */
enum stk_demand stk_layer_demand(enum stk_layer l, uint32_t profiles);
/* Whether no setting may ask less of it. */
bool stk_layer_fixed(enum stk_layer l);

enum stk_probe_state {
	STK_PROBE_OK,      /* seen to work */
	STK_PROBE_MISSING, /* the kernel does not know it or cannot do it here (ENOSYS, EINVAL,
			      EOPNOTSUPP) */
	STK_PROBE_REFUSED, /* something refuses it (EPERM, EACCES, EBUSY), or it had no effect (err
			      0) */
};

/* How a trial ended: each calls for another cure. */
enum stk_trial {
	STK_TRIAL_ANSWERED,   /* seen to work, or refused with err */
	STK_TRIAL_NO_EFFECT,  /* every step said yes and the forbidden thing still worked */
	STK_TRIAL_NO_PLACE,   /* it needs a folder that can be written, and there is none */
	STK_TRIAL_NO_PROCESS, /* it needs a process of its own, and none could be made */
	STK_TRIAL_KILLED,     /* an outer filter answered with death */
	STK_TRIAL_ODD         /* it could not be set up */
};

struct stk_probe {
	enum stk_layer layer;
	enum stk_probe_state state;
	enum stk_trial trial;
	int err;       /* errno of the deciding call, or 0 */
	int abi;       /* landlock_*: the ABI; else 0 */
	char why[192]; /* one sentence for people */
};

/*
 * Tries all layers; out[i].layer == i. Forks short-lived children and waits for them by pid (the
 * caller must not ignore SIGCHLD). Never fails: what cannot be tried is not ok and says so.
 */
void stk_probe_all(struct stk_probe out[static STK_LAYER_COUNT]);
/* Tries one. */
void stk_probe_one(enum stk_layer l, struct stk_probe *out);

#endif
