/*
 * doctor.h - `stockade doctor`: what stands between this machine and a good worker, as a list.
 *
 * One finding is one line for a person and one object for a script. Each area below looks at its
 * part and adds findings; nothing is changed anywhere. Redis's words are bounded by the link's caps
 * and printed as plain ASCII only.
 */
#ifndef WORKER_DOCTOR_H
#define WORKER_DOCTOR_H

#include "worker/cage_setup.h"
#include "worker/policy.h"
#include "worker/queues.h"
#include "worker/redis.h"
#include "worker/worker.h"

/* More is worse. */
enum stk_grade {
	STK_GRADE_OK,
	STK_GRADE_OFF,    /* not there and not asked for */
	STK_GRADE_MISS,   /* a preferred layer is not there, or a class does not run */
	STK_GRADE_WARN,   /* allowed, and somebody should look at it */
	STK_GRADE_REFUSE, /* `work` refuses, or must not be let loose here */
};
/* "ok", "off", "MISS", "WARN", "REFUSE"; static storage. */
const char *stk_grade_text(enum stk_grade g);

/* Where a finding belongs; the order of the output. */
enum stk_area {
	STK_AREA_LAYER,
	STK_AREA_CLASS,
	STK_AREA_HOST,
	STK_AREA_FILES,
	STK_AREA_REDIS,
	STK_AREA_COUNT
};
const char *stk_area_text(enum stk_area a);

struct stk_finding {
	enum stk_grade grade;
	enum stk_area area;
	char name[STK_NAME_MAX + 1];
	char text[384];
	char fix[384];      /* what to do, or empty */
	const char *demand; /* of a layer: off, prefer, require; else NULL; static */
	int err;            /* of a layer: the deciding errno, or 0 */
};

#define STK_FINDINGS_MAX 512
struct stk_findings {
	struct stk_finding v[STK_FINDINGS_MAX];
	size_t n;
	size_t dropped;       /* beyond the room; their grades count all the same */
	enum stk_grade worst; /* of all */
	int landlock_abi;     /* 0: none */
};

/* Adds one; never NULL (a full list gives out a spare that is not shown). @name: ours or cleaned.
 */
struct stk_finding *stk_find(struct stk_findings *f, enum stk_grade grade, enum stk_area area,
    const char *name, const char *fmt, ...) STK_PRINTF(5, 6);
/* Says what to do about it. */
void stk_find_fix(struct stk_finding *v, const char *fmt, ...) STK_PRINTF(2, 3);
/* Foreign bytes as printable ASCII, cut with "..." to fit. */
void stk_find_clean(struct stk_span s, char *out, size_t size);
/* 0 all well, 3 degraded but allowed, 4 refuse. */
int stk_findings_exit(const struct stk_findings *f);

/* --- the areas; each adds its findings ---------------------------------------------------------
 */

/* Layers and classes, from a plan of the same table. */
void stk_doctor_layers(
    const struct stk_config *c, const struct stk_cage_setup *s, struct stk_findings *f);

/* The machine. @layers: what is known to work. */
void stk_doctor_host(
    const struct stk_config *c, const struct stk_cage_setup *s, struct stk_findings *f);
/* Passwords in @env (as environ); names are shown, values never. @moved: one came in REDIS_URL. */
void stk_doctor_environment(char *const *env, bool moved, struct stk_findings *f);

/* Cage program, policy, keys, directories. @program: what stk_cage_program_open said, or NULL. */
void stk_doctor_files(
    const struct stk_config *c, const struct stk_cage_setup *s, struct stk_findings *f);
/*
 * Loads the policy (secrets are in memory from here on). A class that lacks what it asks for is
 * refused if the policy (or nobody knows it) makes anybody run it, as at a worker's start.
 */
void stk_doctor_granted(const struct stk_worker *w, struct stk_findings *f);
/* `work` refuses with @sentence; not told twice. */
void stk_doctor_refusal(
    struct stk_findings *f, enum stk_area area, const char *name, const char *sentence);

/* What is asked of Redis, or what was heard. */
struct stk_doctor_redis {
	const struct stk_config *config;
	const char *const *queues; /* ours, as far as known */
	size_t n_queues;
	struct stk_redis *link; /* connected */
	bool remote;            /* another host at the other end */
};
/* Somebody who may ask more than a worker (SECURITY.md); NULL: nobody, the worker's link asks. */
struct stk_doctor_as {
	const char *user, *password_file;
};
/* Connects as the worker would, then asks. @password_fd: sealed memfd or -1, borrowed. */
void stk_doctor_redis(const struct stk_config *c, const char *const *queues, size_t n_queues,
    int password_fd, const struct stk_doctor_as *as, struct stk_findings *f);
/* Other users' rights over the queues. */
void stk_doctor_acl(const struct stk_doctor_redis *d, struct stk_findings *f);
/* @redis_us: its TIME; @before_us, @after_us: ours around the question. */
void stk_doctor_clock(
    int64_t redis_us, int64_t before_us, int64_t after_us, int64_t skew_ms, struct stk_findings *f);

/* Prints to stdout. */
void stk_findings_print(const struct stk_findings *f, bool colour);
STK_CHECK int stk_findings_json(const struct stk_findings *f);

#endif
