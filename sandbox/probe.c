/*
 * probe.c - see probe.h. Runs the trials of probe_*.c and turns their codes into words; knows which
 * layer must be there for which profile.
 */
#include "sandbox/probe.h"
#include "sandbox/landlock.h"
#include "sandbox/probe_try.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FIXED   STK_DEMAND_REQUIRE, true
#define REQUIRE STK_DEMAND_REQUIRE, false
#define PREFER  STK_DEMAND_PREFER, false
#define OFF     STK_DEMAND_OFF, false
#define EXEC    (uint32_t) STK_PROFILE_EXEC

static const struct {
	const char *name;
	enum stk_demand demand;
	bool fixed;
	uint32_t profiles;   /* preferred at least if a class uses one of these */
	const char *without; /* what follows if it is not there */
} layers[STK_LAYER_COUNT] = {
#define LAYER(id, text, demand, profiles, without) { text, demand, profiles, without },
#include "sandbox/layers.def"
#undef LAYER
};

const char *stk_layer_text(enum stk_layer l)
{
	return (unsigned)l < STK_LAYER_COUNT ? layers[l].name : "unknown";
}

const char *stk_layer_without(enum stk_layer l)
{
	return (unsigned)l < STK_LAYER_COUNT ? layers[l].without : "";
}

const char *stk_demand_text(enum stk_demand d)
{
	switch (d) {
	case STK_DEMAND_OFF: return "off";
	case STK_DEMAND_PREFER: return "prefer";
	case STK_DEMAND_REQUIRE: break;
	}
	return "require";
}

enum stk_demand stk_layer_demand(enum stk_layer l, uint32_t profiles)
{
	bool leaned_on = (layers[l].profiles & profiles) != 0;

	return leaned_on && layers[l].demand == STK_DEMAND_OFF ? STK_DEMAND_PREFER
							       : layers[l].demand;
}

bool stk_layer_fixed(enum stk_layer l)
{
	return layers[l].fixed;
}

/* ENOSYS, EINVAL and EOPNOTSUPP are a kernel's words; EPERM, EACCES and EBUSY somebody's decision.
 */
static enum stk_probe_state state_of(int err)
{
	return err == ENOSYS || err == EINVAL || err == EOPNOTSUPP ? STK_PROBE_MISSING
								   : STK_PROBE_REFUSED;
}

/* Whom an operator has to ask, by the errno. */
static const char *who_says_no(enum stk_layer l, int err)
{
	/* RLIMIT_MEMLOCK of 0, or too little */
	if ((l == STK_LAYER_MLOCK && (err == EPERM || err == ENOMEM)) ||
	    (l == STK_LAYER_MEMFD_SECRET && err == EAGAIN))
		return "this user may lock no memory";
	switch (err) {
	case ENOSYS: return "the kernel, or a runtime's filter, does not know it";
	case EINVAL: return "this kernel is older than it";
	case EOPNOTSUPP: return "it is switched off in this kernel";
	case EPERM: return "a runtime's filter, or the kernel, forbids it";
	case EACCES: return "the kernel forbids it to this user";
	case EFBIG: return "this service may write no file";
	case EBUSY: return "somebody around this process holds it already";
	default: return "the trial failed";
	}
}

static void say(struct stk_probe *p, const char *what)
{
	(void)snprintf(p->why, sizeof(p->why), "%s: %s", what, layers[p->layer].without);
}

static void say_errno(struct stk_probe *p, int err)
{
	const char *name = strerrorname_np(err);
	char what[96];

	p->state = state_of(err);
	p->err = err;
	(void)snprintf(what, sizeof(what), "%s with %s (%s)",
	    p->state == STK_PROBE_MISSING ? "missing" : "refused", name == NULL ? "?" : name,
	    who_says_no(p->layer, err));
	say(p, what);
}

/* EAGAIN is what fork says of RLIMIT_NPROC and pids.max, and elsewhere a word about locked memory.
 */
static enum stk_trial trial_of(enum stk_layer l, int code)
{
	switch (code) {
	case EAGAIN:
		return l == STK_LAYER_MLOCK || l == STK_LAYER_MEMFD_SECRET ? STK_TRIAL_ANSWERED
									   : STK_TRIAL_NO_PROCESS;
	case STK_TRY_NO_EFFECT: return STK_TRIAL_NO_EFFECT;
	case STK_TRY_NO_PLACE: return STK_TRIAL_NO_PLACE;
	case 256 + SIGSYS: return STK_TRIAL_KILLED;
	default: return code < STK_TRY_NO_EFFECT ? STK_TRIAL_ANSWERED : STK_TRIAL_ODD;
	}
}

static const char *trial_text(enum stk_trial t)
{
	switch (t) {
	case STK_TRIAL_NO_EFFECT:
		return geteuid() == 0 ? "without effect on uid 0, which it does not bind"
				      : "accepted but without effect";
	case STK_TRIAL_NO_PLACE:
		return "could not be tried, none of TMPDIR, /dev/shm and /tmp can be written";
	case STK_TRIAL_NO_PROCESS: return "could not be tried, no process could be made (EAGAIN)";
	case STK_TRIAL_KILLED: return "an outer filter ended the trial";
	case STK_TRIAL_ANSWERED:
	case STK_TRIAL_ODD: break;
	}
	return "could not be tried";
}

static void judge(struct stk_probe *p, int code)
{
	p->trial = trial_of(p->layer, code);
	p->state = code == 0 ? STK_PROBE_OK : STK_PROBE_REFUSED;
	if (code == 0) {
		(void)snprintf(p->why, sizeof(p->why), "seen to work");
	} else if (p->trial == STK_TRIAL_NO_PROCESS) {
		p->err = EAGAIN;
		say(p, trial_text(p->trial));
	} else if (p->layer == STK_LAYER_UID) {
		p->err = EPERM;
		say(p, "this is uid 0");
	} else if (p->trial == STK_TRIAL_ANSWERED) {
		say_errno(p, code);
	} else {
		say(p, trial_text(p->trial));
	}
}

#define ABI_SEEN 64 /* beside the ABI, so that an errno of fork is none: EAGAIN would be ABI 11 */

static int landlock_abi(void)
{
	int abi = stk_landlock_abi();

	return ABI_SEEN + (abi < 0 ? 0 : abi < ABI_SEEN ? abi : ABI_SEEN - 1);
}

static void probe(enum stk_layer l, int abi, struct stk_probe *out)
{
	bool landlock = l >= STK_LAYER_LANDLOCK_FS && l <= STK_LAYER_LANDLOCK_ABSTRACT;

	*out = (struct stk_probe){ .layer = l, .abi = landlock ? abi : 0 };
	judge(out, stk_probe_forked(stk_probe_try[l]));
}

/* asked in a child too: an outer filter may answer with death */
static int abi_seen(void)
{
	int code = stk_probe_forked(landlock_abi);

	return code >= ABI_SEEN && code < 2 * ABI_SEEN ? code - ABI_SEEN : 0;
}

void stk_probe_one(enum stk_layer l, struct stk_probe *out)
{
	probe(l, abi_seen(), out);
}

void stk_probe_all(struct stk_probe out[static STK_LAYER_COUNT])
{
	int abi = abi_seen();

	for (unsigned i = 0; i < STK_LAYER_COUNT; i++)
		probe((enum stk_layer)i, abi, &out[i]);
}
