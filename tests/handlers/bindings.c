/*
 * bindings.c - ties every handler to its class; there are no arguments.
 */
#include "jobs/cage/registry.h"
#include "tests/handlers/handlers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int bind(const json_t *args, void *out, struct stockade_violation *v)
{
	(void)out;
	if (json_array_size(args) == 0)
		return 0;
	(void)snprintf(v->rule, sizeof(v->rule), "no arguments");
	return -1;
}

static struct stockade_result attempt(
    struct stockade_job *job, const char *(*handler)(struct stockade_job *))
{
	const char *wrong;

	errno = 0;
	wrong = handler(job);
	return wrong == NULL ? STOCKADE_DONE
			     : stockade_fail(job, 1, "%s: %s", wrong, strerror(errno));
}

#define JOB(...)
#define JOB_SCHEMA(fn, path, name, ...)                                                    \
	static struct stockade_result run_##fn(struct stockade_job *job, const void *args) \
	{                                                                                  \
		(void)args;                                                                \
		return attempt(job, fn);                                                   \
	}                                                                                  \
	extern const struct stockade_binding stockade_binding_##fn;                        \
	const struct stockade_binding stockade_binding_##fn = {                            \
		.args_size = 1, .bind = bind, .run = run_##fn                              \
	};
#include "tests/handlers/registry.def"
