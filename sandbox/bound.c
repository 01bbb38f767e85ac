/*
 * bound.c - who set the limit that a job met: its class, the operator's ceiling, or whoever started
 * the service. Adds what to raise to an outcome's sentence; part of the pure function of verdict.h.
 */
#include "sandbox/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct quantity {
	const char *word, *ceiling; /* of a registry line; of the configuration */
	const char *service;        /* how a service is given a hard limit; NULL: it has none */
	size_t offset, size;
	uint64_t unit;
	const char *unit_name;
} quantities[STK_BOUND_COUNT] = {
#define OF(member) offsetof(struct stk_limits, member), sizeof(((struct stk_limits *)0)->member)
	[STK_BOUND_MEMORY] = { "MEM_MIB", "memory", "ulimit -Hv, LimitAS=", OF(mem_bytes), 1u << 20,
	    "MiB" },
	[STK_BOUND_CPU] = { "CPU_S", "cpu", "ulimit -Ht, LimitCPU=", OF(cpu_s), 1, "s" },
	[STK_BOUND_FILE] = { "FILE_MIB", "file", "ulimit -Hf, LimitFSIZE=", OF(file_bytes),
	    1u << 20, "MiB" },
	[STK_BOUND_STACK] = { "STACK_MIB", "stack", "ulimit -Hs, LimitSTACK=", OF(stack_bytes),
	    1u << 20, "MiB" },
	[STK_BOUND_WALL] = { "WALL_MS", "wall", NULL, OF(wall_ms), 1, "ms" },
	[STK_BOUND_TASKS] = { "TASKS", "tasks", NULL, OF(tasks), 1, "threads" },
	[STK_BOUND_WORK] = { "WORK_MIB", "work", NULL, OF(work_bytes), 1u << 20, "MiB" },
	[STK_BOUND_OUTPUT] = { "OUTPUT_KIB", "output", NULL, OF(output_bytes), 1024, "KiB" },
	[STK_BOUND_REPORT] = { "REPORT_KIB", "report", NULL, OF(report_bytes), 1024, "KiB" },
#undef OF
};

static uint64_t value(const struct stk_limits *l, const struct quantity *q)
{
	uint32_t narrow;
	uint64_t wide;

	if (q->size == sizeof(wide)) {
		memcpy(&wide, (const char *)l + q->offset, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, (const char *)l + q->offset, sizeof(narrow));
	return narrow;
}

void stk_outcome_add_bound(const struct stk_end *e, struct stk_outcome *o, enum stk_bound which)
{
	const struct quantity *q = &quantities[which];
	uint64_t ask = value(&e->class_desc->ask, q), held = value(e->limits, q);
	size_t n = strlen(o->why), room = sizeof(o->why) - n;

	if (e->granted != NULL && held < value(e->granted, q))
		(void)snprintf(o->why + n, room,
		    "; that is the hard limit that the service was started with (%s): raise it if "
		    "the work is honest",
		    q->service);
	else if (held < ask)
		(void)snprintf(o->why + n, room,
		    "; that is the operator's ceiling.%s, the class asks for %" PRIu64
		    " %s: raise the ceiling if the work is honest",
		    q->ceiling, ask / q->unit, q->unit_name);
	else
		(void)snprintf(o->why + n, room,
		    "; that is what its class asks for: raise %s, and ceiling.%s where that is "
		    "lower, if the work is honest",
		    q->word, q->ceiling);
}
