/*
 * registry.c - turns the registry file named by STOCKADE_REGISTRY into one const table. A class or
 * function that stands twice, a handler, binder or schema that is not there: each is a build error.
 */
#include "jobs/cage/registry.h"

#ifndef STOCKADE_SCHEMA_DIR
#define STOCKADE_SCHEMA_DIR "jobs/"
#endif

#define JOB(fn, name, ...) JOB_SCHEMA(fn, STOCKADE_SCHEMA_DIR #fn ".schema.json", name, __VA_ARGS__)

/* What each line promises to exist. setup is weak: a job need not have one. */
#define JOB_SCHEMA(fn, path, name, ...)                                          \
	extern const struct stockade_binding stockade_binding_##fn;              \
	extern const uint8_t stockade_schema_##fn[], stockade_schema_end_##fn[]; \
	extern int stockade_setup_##fn(void) __attribute__((weak));
#include STOCKADE_REGISTRY
#undef JOB_SCHEMA

/* A function that stands twice is an enumerator that stands twice. */
enum {
#define JOB_SCHEMA(fn, path, name, ...) stockade_index_##fn,
#include STOCKADE_REGISTRY
#undef JOB_SCHEMA
	stockade_count
};
_Static_assert(stockade_count >= 1 && stockade_count <= STK_CLASSES_MAX, "1 to 256 classes");

/* The schema's bytes ride along; a class name that stands twice is a label that stands twice. */
#define JOB_SCHEMA(fn, path, name, ...)                                                         \
	_Static_assert(sizeof(name) - 1 <= STK_NAME_MAX, "class names have at most 128 bytes"); \
	__asm__(".pushsection .rodata\n"                                                        \
		"\"stockade class " name "\":\n"                                                \
		"stockade_schema_" #fn ":\n"                                                    \
		".incbin \"" path "\"\n"                                                        \
		"stockade_schema_end_" #fn ":\n"                                                \
		".byte 0\n"                                                                     \
		".popsection\n");
#include STOCKADE_REGISTRY
#undef JOB_SCHEMA

#define SUM(a, b, c, d, ...)                                                            \
	((uint32_t)STOCKADE_PROFILE_##a | STOCKADE_PROFILE_##b | STOCKADE_PROFILE_##c | \
	    STOCKADE_PROFILE_##d)
#define PROFILE(...)            .profile = SUM(__VA_ARGS__, none, none, none, none)
#define READ(...)               .reads = { __VA_ARGS__, NULL }
#define WRITE(...)              .writes = { __VA_ARGS__, NULL }
#define CONNECT(...)            .nets = { __VA_ARGS__, NULL }
#define EXEC(path)              .program = (path)
#define EXEC_DYNAMIC(path, ...) .program = (path), .dynamic = 1, .trees = { __VA_ARGS__, NULL }
#define SECRETS(...)            .secrets = { __VA_ARGS__, NULL }
#define SETTINGS(...)           .settings = { __VA_ARGS__, NULL }
#define TASKS(n)                .tasks = (n)
#define WORK_MIB(n)             .work_mib = (n)
#define WALL_MS(n)              .wall_ms = (n)
#define CPU_S(n)                .cpu_s = (n)
#define MEM_MIB(n)              .mem_mib = (n)
#define FILE_MIB(n)             .file_mib = (n)
#define STACK_MIB(n)            .stack_mib = (n)
#define FDS(n)                  .fds = (n)
#define OUTPUT_KIB(n)           .output_kib = (n)
#define REPORT_KIB(n)           .report_kib = (n)
#define RESULT_KIB(n)           .result_kib = (n)
#define RELEASE(n)              .releases = (n)
#define SILENCE_S(n)            .silence_s = (n)
#define RETRY(n, rule)          .retry_max = (n), rule
#define EXPONENTIAL_S(s)        .retry_kind = STK_RETRY_EXPONENTIAL, .retry_base_ms = 1000 * (s)
#define FIXED_S(s)              .retry_kind = STK_RETRY_FIXED, .retry_base_ms = 1000 * (s)
#define KEEP_RESULT_S(n)        .keep_result_s = (n)
#define IDEMPOTENT              .idempotent = 1
#define JOB_SCHEMA(fn, path, class_name, ...)           \
	{ .name = (class_name),                         \
		.binding = &stockade_binding_##fn,      \
		.setup = stockade_setup_##fn,           \
		.schema = stockade_schema_##fn,         \
		.schema_end = stockade_schema_end_##fn, \
		__VA_ARGS__ },

const struct stockade_class stockade_registry[] = {
#include STOCKADE_REGISTRY
};
const size_t stockade_registry_len = sizeof(stockade_registry) / sizeof(stockade_registry[0]);
