/*
 * nursery.h - M's side of the wall: what it is asked and what it answers. Internal to sandbox/.
 *
 * M is forked by W before W holds a secret, and makes every later process: it clones with
 * CLONE_PARENT, so the new process is W's child, and execs the cage program in it.
 */
#ifndef SANDBOX_NURSERY_H
#define SANDBOX_NURSERY_H

#include "sandbox/cage.h"

enum stk_role {
	STK_ROLE_DESCRIBE = 1,
	STK_ROLE_ZYGOTE = 2,
	STK_ROLE_BROKER = 3, /* executes options.broker_fd */
	STK_ROLE_SCHEMA = 4
};

/* W -> M, with 1 descriptor (the new process's output or socket; a broker's socket and pipe), one
 * per bit of labels, one per program and library tree, and the work directory if work is 1. */
#define STK_ASK_MAGIC 0x314b5341u /* "ASK1" */
struct stk_ask {
	uint32_t magic;
	uint32_t role;
	uint32_t profiles;
	uint32_t n_labels; /* slots that are kept for directories */
	uint32_t labels;   /* bit i: a directory for label i rides along */
	uint32_t writable; /* bit i: some class may write there */
	uint32_t n_paths;  /* programs and library trees (program.h), for a program's zygote */
	uint32_t programs; /* bit i: path i is a program */
	uint32_t work;     /* 1: the jobs' own directory rides along, last */
};

/* M -> W. A pid of 0 or less: nothing was started. err != 0: the process ended before its exec. */
#define STK_BORN_MAGIC 0x314e5242u /* "BRN1" */
enum stk_birth_step {
	STK_BIRTH_OK,
	STK_BIRTH_CLONE,
	STK_BIRTH_FDS,
	STK_BIRTH_LANDLOCK,
	STK_BIRTH_READABLE, /* a path of options.readable cannot be opened */
	STK_BIRTH_PARENT,
	STK_BIRTH_EXEC,
	STK_BIRTH_ALONE, /* of M itself: it exits with the step that it could not do */
	STK_BIRTH_COUNT
};
struct stk_born {
	uint32_t magic;
	int32_t pid;
	uint32_t step;
	int32_t err;
};
/* Static storage. */
const char *stk_birth_step_name(uint32_t step);

/*
 * In the new process that is to be a broker: Landlock, descriptors (@fds: socket, pipe) and the
 * exec of @program with @env; comes back only with what failed. @abi as in struct nursery.
 */
enum stk_birth_step stk_birth_broker(
    int program, int abi, pid_t worker, const int *fds, int *telltale, char *const env[]);

/*
 * M's whole life; runs in the forked process. @sock is its end of the pair, @worker W's pid. A
 * malformed request or W's end of the socket closing ends it.
 */
STK_NORETURN void stk_nursery_main(const struct stk_nursery_options *o, int sock, pid_t worker);

#endif
