/*
 * registry.h - the compiled-in table of classes and what a job's generated or written binder gives
 * to it. Internal to cage programs; const, in read-only memory.
 */
#ifndef JOBS_CAGE_REGISTRY_H
#define JOBS_CAGE_REGISTRY_H

#include "jobs/job.h"
#include "sandbox/wire.h"

#include <jansson.h>

/* Where and why arguments break the schema; what an operator reads after E_SCHEMA. */
struct stockade_violation {
	char pointer[256]; /* JSON pointer, "" for the whole */
	char rule[256];    /* a sentence fragment: "must be a string" */
};

/*
 * One per job, named stockade_binding_<function>: turns checked JSON into the handler's struct and
 * calls it. bind() returns 0, or -1 with @v filled; what it stores may borrow from @args.
 */
struct stockade_binding {
	size_t args_size;
	int (*bind)(const json_t *args, void *out, struct stockade_violation *v);
	struct stockade_result (*run)(struct stockade_job *job, const void *args);
	const void *rules; /* the schema as a program (rules.h), for tests; NULL: there is none */
};

/* What PROFILE(...) may name; several add up, but nothing goes with pure. */
enum stockade_profile {
	STOCKADE_PROFILE_none = 0,
	STOCKADE_PROFILE_pure = 1u << 0,
	STOCKADE_PROFILE_files = 1u << 1,
	STOCKADE_PROFILE_threads = 1u << 2,
	STOCKADE_PROFILE_net = 1u << 3,
	STOCKADE_PROFILE_exec = 1u << 4,
};

struct stockade_class {
	const char *name;
	const struct stockade_binding *binding;
	int (*setup)(void); /* or NULL */
	const uint8_t *schema, *schema_end;
	uint32_t profile; /* sum of enum stockade_profile */
	const char *reads[STK_GRANTS_MAX + 1], *writes[STK_GRANTS_MAX + 1]; /* labels, NULL-ended */
	const char *nets[STK_NETS_MAX + 1];
	const char *program, *trees[STK_TREES_MAX + 1];
	uint32_t dynamic;
	const char *secrets[STK_SECRETS_MAX + 1], *settings[STK_SECRETS_MAX + 1];
	uint32_t wall_ms, cpu_s, mem_mib, file_mib, stack_mib, fds; /* 0: the default */
	uint32_t tasks, work_mib;
	uint32_t output_kib, report_kib, result_kib;
	uint32_t retry_max, retry_kind, retry_base_ms;
	uint32_t idempotent;
	uint32_t keep_result_s, silence_s, releases;
};

extern const struct stockade_class stockade_registry[];
extern const size_t stockade_registry_len;

#endif
