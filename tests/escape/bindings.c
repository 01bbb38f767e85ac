/*
 * bindings.c - the handlers of the escape suite: look the act up, do it, tell how it went. A
 * refused act is a failure with its errno, a successful one a Done that the tests dread.
 */
#include "jobs/cage/registry.h"
#include "tests/escape/attack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int escape_setup_errno; /* what setup met when it looked where it must not */

static struct stockade_job *current;

/* The class's program does it: its status is the errno that it met. */
int escape_program(const char *code, const char *arg);
int escape_program(const char *code, const char *arg)
{
	static char output[4096];
	const char *argv[] = { "-e", code, arg, NULL };
	struct stockade_exec e = { .args = argv, .output = output, .output_size = sizeof(output) };

	if (stockade_exec(current, &e) == -1)
		return -1;
	errno = e.status;
	return e.status == 0 ? 0 : -1;
}

/* The connection that the job's broker makes. */
int escape_ask_broker(const char *host, uint16_t port);
int escape_ask_broker(const char *host, uint16_t port)
{
	return stockade_connect(current, host, port, 0);
}

int escape_own_secret(const char *label);
int escape_own_secret(const char *label)
{
	return stockade_secret(current, label, NULL) == NULL ? -1 : 0;
}

struct bound {
	const struct attack *attack;
	struct hostile_args args;
};

static int bind(const json_t *args, void *out, struct stockade_violation *v)
{
	struct bound *b = out;
	const char *name = json_string_value(json_array_get(args, 0));

	b->attack = name == NULL ? NULL : attack_find(name);
	if (b->attack == NULL) {
		(void)snprintf(v->rule, sizeof(v->rule), "no such attack");
		return -1;
	}
	b->args.arg[0] = json_string_value(json_array_get(args, 1));
	b->args.n = b->args.arg[0] != NULL;
	return 0;
}

static struct stockade_result run(struct stockade_job *job, const void *args)
{
	const struct bound *b = args;
	int did;

	current = job;
	did = b->attack->act(&b->args);

	return did == 0 ? STOCKADE_DONE
			: stockade_fail(job, (uint32_t)errno, "refused: %s", strerror(errno));
}

/* Runs in the zygote, before its filters: what it can read is the nursery's ruleset alone. */
static int look_around(void)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	escape_setup_errno = fd == -1 ? errno : 0;
	return fd == -1 ? 0 : close(fd);
}

int stockade_setup_escape_pure(void);
int stockade_setup_escape_pure(void)
{
	return look_around();
}

#define JOB_SCHEMA(fn, path, name, ...)                                     \
	extern const struct stockade_binding stockade_binding_##fn;         \
	const struct stockade_binding stockade_binding_##fn = {             \
		.args_size = sizeof(struct bound), .bind = bind, .run = run \
	};
#include "tests/escape/registry.def"
