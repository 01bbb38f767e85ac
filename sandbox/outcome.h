/*
 * outcome.h - how a job ended: one stable name, what the kernel counted, what the job said.
 *
 * The name is decided by the worker from wait status, rusage and its own acts, in the precedence of
 * ARCHITECTURE.md ("How a job's end is named"); records written by the child only add detail, never
 * the verdict.
 */
#ifndef SANDBOX_OUTCOME_H
#define SANDBOX_OUTCOME_H

#include "sandbox/wire.h"

/* Order is free; names are stable API (log, metric label, record, JSON). */
#define STK_OUTCOMES(X)                          \
	X(DONE, "Done")                          \
	X(SKIPPED, "Skipped")                    \
	X(RETRY_ASKED, "RetryAsked")             \
	X(FAILED, "Failed")                      \
	X(FAILED_FOR_GOOD, "FailedForGood")      \
	X(RELEASE_REFUSED, "ReleaseRefused")     \
	X(ARGS_JSON, "E_ARGS_JSON")              \
	X(ARGS_SCHEMA, "E_SCHEMA")               \
	X(NO_RESULT, "NoResult")                 \
	X(NON_ZERO_EXIT, "NonZeroExit")          \
	X(SYSCALL_DENIED, "SyscallDenied")       \
	X(MEMORY_LIMIT, "MemoryLimit")           \
	X(CPU_LIMIT, "CpuLimit")                 \
	X(WALL_TIMEOUT, "WallTimeout")           \
	X(STALLED, "Stalled")                    \
	X(OUTPUT_LIMIT, "OutputLimit")           \
	X(REPORT_FLOOD, "ReportFlood")           \
	X(REPORT_MALFORMED, "ReportMalformed")   \
	X(TASK_LIMIT, "TaskLimit")               \
	X(FILE_SIZE_LIMIT, "FileSizeLimit")      \
	X(WORK_QUOTA, "WorkQuota")               \
	X(LEFT_PROCESSES, "LeftProcesses")       \
	X(STACK_OVERFLOW, "StackOverflow")       \
	X(CRASH, "Crash")                        \
	X(ABORT, "Abort")                        \
	X(OOM_KILLED, "OomKilled")               \
	X(KILLED_EXTERNALLY, "KilledExternally") \
	X(SHUTDOWN, "Shutdown")                  \
	X(SANDBOX_UNAVAILABLE, "SandboxUnavailable")

enum stk_outcome_name {
#define X(id, text) STK_OUT_##id,
	STK_OUTCOMES(X)
#undef X
	STK_OUT_COUNT
};
/* Static storage. */
const char *stk_outcome_text(enum stk_outcome_name n);

/* What the worker saw of the child in /proc at READY, from outside. */
struct stk_cage_proof {
	int seccomp;      /* must be 2 */
	int filters;      /* Seccomp_filters, -1 where the kernel does not say */
	int no_new_privs; /* must be 1 */
	uint64_t caps;    /* CapEff | CapPrm | CapInh; must be 0 */
};

struct stk_outcome {
	enum stk_outcome_name name;
	bool started;        /* GO was sent: the run is spent */
	pid_t pid;           /* 0: no child was made */
	int status;          /* as from waitid: exit code, or -signal; only if pid != 0 */
	const char *missing; /* SyscallDenied: the grant that it or what stands in for it
			      * needs, static; or NULL */
	uint32_t code;       /* STK_RESULT_FAIL, FAIL_FOR_GOOD: the handler's code */
	uint32_t retry_ms;   /* RetryAsked */
	int64_t wall_ms, cpu_ms, maxrss_kib;
	uint32_t tasks_seen;   /* threads: the most at a time that were seen; 0: not looked for */
	uint32_t unlogged;     /* log lines beyond its report limit, by its own count; if it
				* crashed, at least so many */
	uint32_t output_bytes; /* how much the job printed, up to the cap + 1 */
	struct stk_cage_proof proof;
	/* One sentence for a tired operator: what happened, the limit or the syscall with the grant
	 * that would allow it, what to do. Ours except for quoted handler text. */
	char why[512];
	char *message; /* handler's text, untrusted, NUL-terminated, owned; NULL if none */
	size_t message_len;
	uint8_t *result; /* handler's result bytes, untrusted, owned; NULL if none */
	size_t result_len;
	/* payloads that a job which is Done wants pushed: untrusted, owned */
	struct stk_span releases[STK_RELEASES_MAX];
	uint32_t n_releases;
	uint8_t output_tail[512]; /* last bytes the job printed, untrusted: shown by run-job */
	size_t output_tail_len;
	/* where a fault, an abort or a denied call was, as the child's handler wrote it: untrusted
	 * numbers in their ranges */
	bool has_fault;
	struct stk_fault fault;
};
/* Adds what the job printed to output_tail, which keeps the last bytes. */
void stk_outcome_printed(struct stk_outcome *o, const uint8_t *p, size_t n);
/* Frees what it owns; safe on a zeroed struct. */
void stk_outcome_clear(struct stk_outcome *o);

#endif
