/*
 * bindings.c - ties every hostile act to a class: arguments are up to eight strings, a refused act
 * becomes a failure that names errno, a successful one a Done that the tests dread.
 */
#include "jobs/cage/registry.h"
#include "tests/hostile/acts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct stockade_job *hostile_job;
char hostile_message[256];
bool hostile_for_good;

static int bind(const json_t *args, void *out, struct stockade_violation *v)
{
	struct hostile_args *a = out;

	a->n = json_array_size(args);
	for (size_t i = 0; i < a->n; i++) {
		const char *s = json_string_value(json_array_get(args, i));

		if (i == 8 || s == NULL) {
			(void)snprintf(v->rule, sizeof(v->rule), "up to eight strings");
			return -1;
		}
		a->arg[i] = s;
	}
	return 0;
}

static struct stockade_result attempt(
    struct stockade_job *job, int (*act)(const struct hostile_args *), const void *args)
{
	int did;

	hostile_job = job;
	did = act(args);
	if (hostile_for_good)
		return stockade_fail_for_good(job, 2, "%s", hostile_message);
	if (hostile_message[0] != '\0')
		return stockade_fail(job, 1, "%s", hostile_message);
	if (did == 0)
		return STOCKADE_DONE;
	if (did == HOSTILE_SKIPS)
		return STOCKADE_SKIP;
	if (did == HOSTILE_RETRIES)
		return stockade_retry_after(1500);
	return stockade_fail(job, (uint32_t)errno, "refused: %s%s%s", hostile_tried,
	    hostile_tried[0] == '\0' ? "" : ": ", strerror(errno));
}

#define JOB(...)
#define JOB_SCHEMA(fn, path, name, ...)                                                    \
	static struct stockade_result run_##fn(struct stockade_job *job, const void *args) \
	{                                                                                  \
		return attempt(job, fn, args);                                             \
	}                                                                                  \
	extern const struct stockade_binding stockade_binding_##fn;                        \
	const struct stockade_binding stockade_binding_##fn = {                            \
		.args_size = sizeof(struct hostile_args), .bind = bind, .run = run_##fn    \
	};
#include "tests/hostile/registry.def"
