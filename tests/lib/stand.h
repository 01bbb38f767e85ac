/*
 * stand.h - a test bench for the wall: a nursery, a described cage program, one mapped directory,
 * and one call that runs a class. Used by the unit and escape tests.
 */
#ifndef TESTS_LIB_STAND_H
#define TESTS_LIB_STAND_H

#include "sandbox/cage.h"
#include "sandbox/program.h"

struct stk_stand {
	struct stk_cage *cage;
	struct stk_class_table table;
	int dir_fds[STK_LABELS_MAX];
	struct stk_path_fds paths;
	char dir[256]; /* mapped to every label */
	/* what a run may do besides; reset by hand */
	struct stk_run_hooks hooks;
	char log[8192]; /* lines of the last run, each "level text\n" */
	size_t log_len;
	bool check_only;
	const struct stk_limits *limits; /* NULL: what the class asks */
	struct stk_span handed;          /* sent behind the arguments */
};

/* The program `name` of the build under test: $B/name, where B defaults to build. */
const char *stand_program(const char *name, char out[512]);
/* Fails the calling cmocka test if anything fails. @dir NULL makes a fresh temporary one. */
void stand_open(struct stk_stand *s, const char *program, const char *dir);
void stand_close(struct stk_stand *s);
/* The same with the lying cage program (tests/tools/liar.c); what describe came to. */
enum stk_err stand_open_liar(struct stk_stand *s, const char *lie, const char **why);
/* Runs @class_name with @args; out is the caller's to clear. */
enum stk_err stand_run(
    struct stk_stand *s, const char *class_name, const char *args, struct stk_outcome *out);
/* Children of this process, dead or alive, that are neither the nursery nor a zygote. */
int stand_strangers(const struct stk_stand *s);
/* Writes a file into the mapped directory. */
void stand_file(struct stk_stand *s, const char *name, const void *bytes, size_t len);

#endif
