/*
 * memory_sum.h - do all workers' jobs together fit into the memory there is?
 *
 * Where they do not, the kernel ends something when they all take what they may; under Kubernetes
 * it ends the whole container (cgroup v2's memory.oom.group). Used at a worker's start and by the
 * commands that examine a machine. Reads files only; forks nothing, needs no privilege.
 */
#ifndef WORKER_MEMORY_SUM_H
#define WORKER_MEMORY_SUM_H

#include "sandbox/cage.h"
#include "worker/config.h"

/* What a worker, its nursery and its zygotes take beside the job: measured 14 to 20 MiB, doubled.
 */
#define STK_MEMORY_BESIDE (UINT64_C(40) << 20)

enum stk_memory_source {
	STK_MEMORY_GROUP,   /* the least memory.max (or v1 limit) of our cgroup and those above */
	STK_MEMORY_MACHINE, /* MemTotal: no cgroup limits us */
	STK_MEMORY_UNKNOWN, /* neither could be read */
};

struct stk_memory_sum {
	enum stk_memory_source source;
	char where[256]; /* the file that says so */
	uint64_t limit;  /* bytes; 0 where unknown */
	uint64_t job;    /* the largest job of any class with its program, clamped by the ceiling */
	const char *job_class; /* which; borrowed from the class table */
	uint64_t need;         /* concurrency * (job + STK_MEMORY_BESIDE) */
	bool fits;             /* true where the limit is unknown */
	bool all_end;          /* memory.oom.group of that group: one job too many ends them all */
};

/*
 * Fills *@out for @c and the classes of @t; @why gets one sentence for people, whatever the answer.
 * @root is "" but for tests, which put a tree of their own before /proc and /sys/fs/cgroup.
 */
void stk_memory_sum(const struct stk_config *c, const struct stk_class_table *t, const char *root,
    struct stk_memory_sum *out, char *why, size_t why_size);

#endif
