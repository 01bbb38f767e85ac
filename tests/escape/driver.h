/*
 * driver.h - what the files of the escape driver share: variants, lanes that run rows of the table
 * in cages of their own, controls, and the attacks that need more than a job.
 */
#ifndef TESTS_ESCAPE_DRIVER_H
#define TESTS_ESCAPE_DRIVER_H

#include "sandbox/cage.h"
#include "sandbox/program.h"
#include "sandbox/work.h"
#include "tests/escape/attack.h"

/* How one row went. */
enum verdict {
	V_NOT_RUN,
	V_HELD,    /* exactly as the table says, the filters seen on */
	V_OTHER,   /* refused, but in another way than the table says */
	V_REFUSED, /* not run at all: the cage could not be shut */
	V_THROUGH  /* the attacker got what he wanted */
};

struct seen {
	enum verdict verdict;
	unsigned runs;
	char text[200];
};

/* What a row's process sees around it. */
struct scene {
	char dir[256]; /* its inputs/, others/, scratch/, outside, new */
	pid_t worker, nursery, zygote, sibling, broker;
	int port, redis_port;
	char beside[256];
};

/* What a class of nobody's row is handed; a worker holds it, and so does a control. */
#define CANARY_LEN 16
extern char canary[CANARY_LEN + 1];

/* One way to run the rows. */
struct variant {
	const char *name;
	const char *outer; /* NULL: none; "default"; else the call that answers outer_errno */
	int outer_errno;
	const char *mutation; /* tests/escape/mutate.c; NULL: none */
	bool caps;            /* in a user namespace of its own, holding every capability of it */
	bool no_landlock;     /* as an operator may say */
	bool quick;           /* without the rows that wait for a limit of time */
	bool pure_only;
};

/* Rows beyond the table, each a function: attacks from beside the cage and lies from within. */
struct special {
	const char *group, *name, *what;
	/* 0 held, 1 got through, -1 not as expected; says how in @text */
	int (*run)(const struct variant *v, const char *arg, const struct scene *s, char text[200]);
	const char *arg;
	int (*control)(const char *arg, char text[200]); /* 0: succeeds without the cage */
};
extern const struct special specials[];
extern const size_t n_specials;

/* Everything that is numbered: the table, then the specials. */
#define N_ROWS   (n_attacks + n_specials)
#define ROWS_MAX 720

/* scene.c */
void scene_make(struct scene *s, const char *base, const char *name);
void scene_restore(const struct scene *s); /* the files as they were */
void scene_remove(const char *base);
const char *scene_argument(const struct scene *s, enum escape_arg arg, char text[300]);
int scene_listener(int *port);
/* Answers at 127.0.0.1 and 127.0.0.2 on one port, and at 127.0.0.1 on another; until it is killed.
 */
pid_t scene_serve(struct scene *s);

/* control.c: 0 as the table says; 1 not to be had on this machine; -1 failed. */
int control_run(const struct attack *a, const struct scene *base, char text[200]);
bool userns_enter(bool as_root);
pid_t decoy_start(void);
void decoy_stop(pid_t pid);

/* lane.c */
struct bench {
	struct stk_cage *cage;
	struct stk_class_table table;
	int dir_fds[STK_LABELS_MAX];
	struct stk_path_fds paths;
	struct stk_net_terms terms;
	struct stk_work *work;
	struct stk_run_hooks hooks;
	int base_filters; /* of this process, before any of ours */
	char refused[200];
};
/* False with the reason in refused. */
bool bench_open(
    struct bench *b, const struct variant *v, const struct scene *s, const char *program);
void bench_close(struct bench *b);
void bench_run(struct bench *b, const char *class_name, const char *args, uint32_t wall_ms,
    struct stk_outcome *o);
bool bench_proven(const struct bench *b, const struct stk_outcome *o);
pid_t bench_zygote(const struct bench *b);
/* Puts this process where the variant wants it: filter, namespace, mutation. */
bool variant_enter(const struct variant *v);

/* Runs every row, split over @lanes or each by each, @rounds times; adds to @seen. */
void phase_run(const struct variant *v, const struct scene *base, int lanes, bool split, int rounds,
    struct seen seen[static ROWS_MAX]);

/* Only these rows, by name; NULL: all. */
extern const char *only;
const char *program_path(const char *name, char out[512]);

/* mutation.c: the table of layers and what got through without each; how many were not as wanted */
int mutations_run(const struct scene *base);
int missing_layers_run(const struct scene *base);

#endif
