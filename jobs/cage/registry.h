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
};

enum stockade_profile {
	STOCKADE_PROFILE_pure = 1,
	STOCKADE_PROFILE_files
};

struct stockade_class {
	const char *name;
	const struct stockade_binding *binding;
	int (*setup)(void); /* or NULL */
	const uint8_t *schema, *schema_end;
	enum stockade_profile profile;
	const char *reads[STK_GRANTS_MAX + 1], *writes[STK_GRANTS_MAX + 1]; /* labels, NULL-ended */
	uint32_t wall_ms, cpu_s, mem_mib, file_mib, stack_mib, fds;         /* 0: the default */
	uint32_t output_kib, report_kib, result_kib;
	uint32_t retry_max, retry_kind, retry_base_ms;
	uint32_t idempotent;
};

extern const struct stockade_class stockade_registry[];
extern const size_t stockade_registry_len;

#endif
