/*
 * entry.h - how the cage is shut: an ordered list of steps, none of which may fail.
 *
 * Z does the first part once and its children inherit it; J does the second part after the clone
 * and says READY last. A step that fails ends the process with the step's name; there is no
 * half-shut cage. Nothing of a payload is in the process until READY.
 */
#ifndef SANDBOX_ENTRY_H
#define SANDBOX_ENTRY_H

#include "sandbox/filter.h"
#include "sandbox/program.h"
#include "sandbox/wire.h"

/* In the order they are done. Names are for people and tests. */
#define STK_STEPS(X)                                   \
	X(Z_PARENT, "follow the worker's death")       \
	X(Z_PLACE, "leave the folder and the umask")   \
	X(Z_DUMPABLE, "forbid dumps and peers' eyes")  \
	X(Z_SETUP, "run a handler's setup")            \
	X(Z_SIGNALS, "install the signal handlers")    \
	X(Z_CAPS, "drop capabilities")                 \
	X(Z_NO_NEW_PRIVS, "set no_new_privs")          \
	X(Z_MDWE, "deny writable code")                \
	X(Z_HUGE_PAGES, "switch huge pages off")       \
	X(Z_SEAL, "seal what is read-only")            \
	X(Z_LIMITS, "set the fixed limits")            \
	X(Z_RULESETS, "make the Landlock rules")       \
	X(Z_BUILD, "build the filters")                \
	X(Z_FILTER, "install the big filter")          \
	X(PARENT, "follow the worker's death (child)") \
	X(FDS, "place the descriptors")                \
	X(CAPS, "verify that no capability is left")   \
	X(DUMPABLE, "forbid dumps (child)")            \
	X(LIMITS, "set the class's limits")            \
	X(LANDLOCK, "enter the Landlock rules")        \
	X(SHUT, "see that the big filter is on")       \
	X(FILTER, "install the tiny filter")

enum stk_step {
	STK_STEP_NONE,
#define X(id, text) STK_STEP_##id,
	STK_STEPS(X)
#undef X
	STK_STEP_COUNT
};
/* Static storage; "an unknown step" for a number that is none. */
const char *stk_step_name(uint32_t step);

/* Where everything stands in J; Z uses the same numbers, with W's socket at STK_SLOT_ARGS. */
#define STK_SLOT_NULL    0 /* 1 and 2 too, in Z; in J the pipe of STK_SLOT_ARGS */
#define STK_SLOT_OUTPUT  1 /* and 2 */
#define STK_SLOT_REPORT  3 /* in Z: /dev/null */
#define STK_SLOT_ARGS    4
#define STK_SLOT_EXTRAS  5 /* + enum stk_extra; only those of the spawn are open in J */
#define STK_SLOT_PROGRAM STK_SLOT_EXTRAS /* the program's file, in the process that becomes it */
#define STK_SLOT_DIRS    (STK_SLOT_EXTRAS + STK_EXTRA_COUNT) /* + label index; the class's own */

/* How a process ends that could not shut its cage; the verdict comes from the record, not from it.
 */
#define STK_EXIT_SETUP 99

/* What Z prepares once and every child uses. */
struct stk_cell {
	uint32_t profiles;
	uint32_t n_labels;
	uint32_t n_paths;              /* PROGRAM: programs and trees, behind the rules' slot */
	const struct stk_paths *paths; /* which; borrowed */
	int listener;                  /* PROGRAM: the big filter's notifications, or -1 */
	pid_t worker;
	int landlock_abi; /* 0: the operator switched Landlock off */
	struct stk_bpf big, tiny;
	/* one ruleset per distinct set of grants among this zygote's classes */
	struct stk_ruleset {
		uint32_t labels;  /* bit per label index */
		uint32_t written; /* those of them that may be written */
		bool work;        /* and the job's own directory */
		uint32_t paths;   /* bit per program and tree */
		int fd;
	} rulesets[STK_CLASSES_MAX];
	size_t n_rulesets;
};

/* One child to be shut in. */
struct stk_entry {
	struct stk_cell *cell;
	const struct stk_class_desc *class_desc;
	const struct stk_spawn *spawn;
	int report, output, args;    /* as received */
	int extras[STK_EXTRA_COUNT]; /* those of spawn->extras; the others are not looked at */
};

/*
 * Each does one step in Z; 0, or -1 with errno. stk_cell_shut() runs the steps of Z from
 * STK_STEP_Z_SIGNALS on, with the rules for @classes (those of this zygote are picked by profile
 * sum); it returns STK_STEP_NONE, or the failed step with errno.
 */
enum stk_step stk_cell_open(struct stk_cell *c);
enum stk_step stk_cell_shut(struct stk_cell *c, const struct stk_class_desc *classes, size_t n);

/*
 * J, first thing after the clone: all child steps in order, then READY on the report pipe. On a
 * failure writes a STK_FRAME_SETUP and ends the process.
 */
void stk_entry_shut(const struct stk_entry *e);
/* The same for one step: 0, or -1 with errno. For tests that make one layer impossible. */
int stk_entry_step(enum stk_step step, const struct stk_entry *e);

/* Whether jobs of this class are children of this cell's zygote. */
bool stk_cell_serves(const struct stk_cell *c, const struct stk_class_desc *d);
/* Whether its children become programs (program.h) rather than run handlers. */
bool stk_cell_is_program(const struct stk_cell *c);
/* The ruleset for each class that this cell serves; errors as from landlock.h, EOPNOTSUPP for a
 * program's cell without Landlock. */
STK_CHECK enum stk_err stk_cell_rules(
    struct stk_cell *c, const struct stk_class_desc *classes, size_t n);
/* The ruleset's descriptor of one class, or -1. */
int stk_cell_ruleset(const struct stk_cell *c, const struct stk_class_desc *d);
/* Slots behind the directories: a child's ruleset, then programs and trees. */
int stk_slot_rules(const struct stk_cell *c);
int stk_slot_path(const struct stk_cell *c, uint32_t i);

/* The labels a class may use, as bits. */
uint32_t stk_class_labels(const struct stk_class_desc *d);

/* One frame in one write (<= PIPE_BUF unless the body is a result); false if it could not go. */
bool stk_frame_write(int fd, enum stk_frame_type type, const void *body, size_t len);

#endif
