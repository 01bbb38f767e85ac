/*
 * probe.c - see probe.h. Runs the trials of probe_try.c and turns their codes into words; knows
 * which layer must be there for which profile.
 */
#include "sandbox/probe.h"
#include "sandbox/landlock.h"
#include "sandbox/probe_try.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define FILES_NET_EXEC                                                                  \
	((uint32_t)STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE | STK_PROFILE_NET | \
	    STK_PROFILE_EXEC)
#define EVERY UINT32_MAX

static const struct {
	uint32_t profiles;   /* required if a class uses one of these; EVERY: in any case */
	const char *without; /* what follows if it is not there */
} layers[STK_LAYER_COUNT] = {
	[STK_LAYER_UID] = { EVERY, "run as a user of its own: limits do not bind uid 0" },
	[STK_LAYER_NO_NEW_PRIVS] = { EVERY, "no filter can be installed" },
	[STK_LAYER_CAPABILITIES] = { EVERY, "jobs would keep capabilities" },
	[STK_LAYER_SECCOMP_TRAP] = { EVERY, "no call can be denied by name" },
	[STK_LAYER_SECCOMP_ARCH] = { EVERY, "foreign calls would not be deadly" },
	[STK_LAYER_SECCOMP_STACK] = { EVERY, "a job's own filter could not stand on the zygote's" },
	[STK_LAYER_LANDLOCK_FS] = { FILES_NET_EXEC, "no class with files, net or exec can run" },
	[STK_LAYER_LANDLOCK_NET] = { 0, "the filter alone keeps jobs off the network" },
	[STK_LAYER_LANDLOCK_SCOPES] = { 0, "the filter alone keeps jobs from signalling others" },
	[STK_LAYER_MDWE] = { 0, "the filter alone forbids executable memory" },
	[STK_LAYER_DUMPABLE] = { EVERY, "processes of this uid could read each other's memory" },
	[STK_LAYER_RLIMITS] = { EVERY, "a job could take all memory and descriptors" },
	[STK_LAYER_CLOSE_RANGE] = { EVERY, "jobs could inherit descriptors" },
	[STK_LAYER_PIDFD] = { EVERY, "a job could not be killed without a race" },
	[STK_LAYER_PDEATHSIG] = { EVERY, "jobs could outlive their worker" },
	[STK_LAYER_PROC] = { EVERY, "no cage could be looked at from outside (hidepid?)" },
};

const char *stk_layer_text(enum stk_layer l)
{
	static const char *const names[STK_LAYER_COUNT] = {
#define X(id, text) [STK_LAYER_##id] = (text),
		STK_LAYERS(X)
#undef X
	};

	return (unsigned)l < STK_LAYER_COUNT ? names[l] : "unknown";
}

/* ENOSYS, EINVAL and EOPNOTSUPP are a kernel's words; EPERM and EACCES somebody's decision. */
static enum stk_probe_state state_of(int err)
{
	return err == ENOSYS || err == EINVAL || err == EOPNOTSUPP ? STK_PROBE_MISSING
								   : STK_PROBE_REFUSED;
}

static void say(struct stk_probe *p, const char *what)
{
	(void)snprintf(p->why, sizeof(p->why), "%s: %s", what, layers[p->layer].without);
}

static void judge(struct stk_probe *p, int code)
{
	char what[48];
	const char *name;

	p->state = code == 0 ? STK_PROBE_OK : STK_PROBE_REFUSED;
	if (code == 0) {
		(void)snprintf(p->why, sizeof(p->why), "seen to work");
	} else if (p->layer == STK_LAYER_UID) {
		p->err = EPERM;
		say(p, "this is uid 0");
	} else if (code < STK_TRY_NO_EFFECT) {
		p->state = state_of(code);
		p->err = code;
		name = strerrorname_np(code);
		(void)snprintf(what, sizeof(what), "%s with %s",
		    p->state == STK_PROBE_MISSING ? "missing" : "refused",
		    name == NULL ? "?" : name);
		say(p, what);
	} else if (code == STK_TRY_NO_EFFECT) {
		say(p, "accepted but without effect");
	} else {
		say(p, code == 256 + SIGSYS ? "an outer filter ended the trial"
					    : "could not be tried");
	}
}

static int landlock_abi(void)
{
	int abi = stk_landlock_abi();

	return abi < 0 ? 0 : abi;
}

void stk_probe_all(struct stk_probe out[static STK_LAYER_COUNT])
{
	/* asked in a child too: an outer filter may answer with death */
	int code = stk_probe_forked(landlock_abi), abi = code < STK_TRY_NO_EFFECT ? code : 0;

	for (unsigned i = 0; i < STK_LAYER_COUNT; i++) {
		enum stk_layer l = (enum stk_layer)i;
		bool landlock = l == STK_LAYER_LANDLOCK_FS || l == STK_LAYER_LANDLOCK_NET ||
				l == STK_LAYER_LANDLOCK_SCOPES;

		out[i] = (struct stk_probe){ .layer = l, .abi = landlock ? abi : 0 };
		judge(&out[i], stk_probe_forked(stk_probe_try[i]));
	}
}

bool stk_layer_required(enum stk_layer l, uint32_t profiles_in_use)
{
	return layers[l].profiles == EVERY || (layers[l].profiles & profiles_in_use) != 0;
}

size_t stk_probe_required(uint32_t profiles_in_use,
    const struct stk_probe all[static STK_LAYER_COUNT],
    enum stk_layer missing[static STK_LAYER_COUNT])
{
	size_t n = 0;

	for (unsigned i = 0; i < STK_LAYER_COUNT; i++)
		if (all[i].state != STK_PROBE_OK &&
		    stk_layer_required(all[i].layer, profiles_in_use))
			missing[n++] = all[i].layer;
	return n;
}
