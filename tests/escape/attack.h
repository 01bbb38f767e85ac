/*
 * attack.h - one attack as data. tests/escape/attacks.def is the table; it is compiled into the
 * cage program that runs the acts behind the wall and into the driver that runs the very same acts
 * without it.
 */
#ifndef TESTS_ESCAPE_ATTACK_H
#define TESTS_ESCAPE_ATTACK_H

#include "sandbox/outcome.h"
#include "tests/hostile/acts.h"

/* The class, and with it the sum of profiles, that an act runs in (tests/escape/registry.def). */
enum escape_class {
	ESCAPE_PURE,
	ESCAPE_READ,  /* files: reads inputs/ */
	ESCAPE_WRITE, /* files: reads inputs/, writes scratch/ */
	ESCAPE_EXEC,  /* runs perl, its libraries granted */
	ESCAPE_THREADS,
	ESCAPE_NET,    /* connects to 127.0.0.1, but not to the worker's Redis there */
	ESCAPE_WORK,   /* files: a directory of its own, 1 MiB */
	ESCAPE_SECRET, /* pure: is handed the secret alpha, and no other */
	ESCAPE_CLASSES
};
extern const char *const escape_class_names[ESCAPE_CLASSES];

/* Whether the profiles of this class have a call table in this build; until then its rows wait. */
bool escape_class_ready(enum escape_class c);

/* What arg[0] of the act is. In the cage these are the real processes; a control gets a decoy. */
enum escape_arg {
	ESCAPE_NONE,
	ESCAPE_WORKER,
	ESCAPE_NURSERY,
	ESCAPE_ZYGOTE,
	ESCAPE_SIBLING,  /* a job of another worker of the same user */
	ESCAPE_OUTSIDE,  /* a readable file outside of every grant */
	ESCAPE_NEW_FILE, /* a path outside, where the user might create a file */
	ESCAPE_INPUTS,   /* the three mapped directories, as paths */
	ESCAPE_OTHERS,
	ESCAPE_SCRATCH,
	ESCAPE_PORT,   /* a listener on the loopback, at 127.0.0.1 and at 127.0.0.2 */
	ESCAPE_REDIS,  /* the port of the worker's own Redis, at 127.0.0.1 */
	ESCAPE_BROKER, /* the broker of another worker's job */
	ESCAPE_BESIDE, /* where another worker's jobs have their own directory */
	ESCAPE_CANARY, /* the secret beta, masked: no class of the table is handed it */
	ESCAPE_ARGS
};

enum escape_kind {
	ESCAPE_ATTACK,
	ESCAPE_LEAK,  /* succeeds, and SECURITY.md says so */
	ESCAPE_LEGIT, /* must succeed: a wall that stops everything is no wall */
	ESCAPE_HELPER /* no row of its own: what other rows need to be going on */
};

/* How the act shows, without the cage, that it does what it says. */
enum escape_control {
	ESCAPE_CTL_OK,     /* returns 0 */
	ESCAPE_CTL_USERNS, /* returns 0 for root of a user namespace of its own */
	ESCAPE_CTL_DIES,   /* ends its process by that signal */
	ESCAPE_CTL_EXITS,  /* ends its process with that status */
	ESCAPE_CTL_REACHES /* no unprivileged process can do it: the kernel itself says no, and is
			      reached */
};

/* Why a control cannot succeed; each row that has one is counted apart. */
enum escape_reason {
	ESCAPE_NO_REASON,
	ESCAPE_HOST_ROOT,    /* the kernel grants it to the machine's own root alone */
	ESCAPE_NO_SUCH_CALL, /* there is no such call: that it answers, and does not trap, is all */
	ESCAPE_CPU           /* granted or refused as this machine's processor is made */
};

struct attack {
	const char *group, *name;
	enum escape_class class_index;
	enum escape_arg arg;
	enum escape_kind kind;
	enum stk_outcome_name outcome;
	const char *why; /* SyscallDenied: what the sentence begins with; else part of it */
	int err;         /* Failed: the errno that the act met */
	enum escape_control control;
	int control_value;
	enum escape_reason reason;
	int (*act)(const struct hostile_args *a);
};
extern const struct attack attacks[];
extern const size_t n_attacks;
/* NULL if there is none. */
const struct attack *attack_find(const char *name);

/* What stands where in a control's process; behind the wall these are simply not open. */
#define FIX_PIPE_R   HOSTILE_PIPE /* 50 and 51: a pipe with a byte in it */
#define FIX_PIPE_W   51
#define FIX_PIDFD    52 /* of the decoy */
#define FIX_SOCK     53 /* one end of a pair, with a byte to read */
#define FIX_MEMFD    54
#define FIX_TCP      55 /* not connected */
#define FIX_TCP2     56 /* not connected */
#define FIX_LISTENER 57 /* with a connection that waits */
#define FIX_EPOLL    58
#define FIX_PEER     59 /* the other end of FIX_SOCK */
#define FIX_TOP      60

#endif
