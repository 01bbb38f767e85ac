/*
 * doctor.c - `stockade doctor`: what a worker would say to this machine, before it is let loose.
 *
 * In the worker's own order: identity, cage program, probes, and only after the last fork a secret
 * (policy, password). Looks on after each refusal, so that one run names everything.
 */
#include "worker/doctor.h"
#include "worker/cli/options.h"
#include "worker/privilege.h"
#include "worker/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* The class table, or a finding that says why there is none. */
static void open_cage(
    const struct stk_config *config, struct stk_cage_setup *setup, struct stk_findings *f)
{
	struct stk_config plain = *config; /* borrows everything; never cleared */
	struct stk_probe landlock;
	char why[512];
	STK_AUTO_CLOSE int fd = stk_cage_program_open(config->cage, why, sizeof(why));

	/* without Landlock nothing would describe itself; the layer has a finding of its own */
	stk_probe_one(STK_LAYER_LANDLOCK_FS, &landlock);
	if (landlock.state != STK_PROBE_OK)
		plain.layers[STK_LAYER_LANDLOCK_FS] = STK_WISH_OFF;
	if (fd == -1 || stk_cage_setup(&plain, fd, setup, why, sizeof(why)) != 0)
		(void)stk_find(f, STK_GRADE_REFUSE, STK_AREA_FILES, "cage", "%s", why);
}

static void look_at_user(const struct stk_config *config, bool *may_run, struct stk_findings *f)
{
	char why[256];

	*may_run = stk_privilege_drop(config->user, why, sizeof(why)) == STK_OK;
	if (*may_run)
		(void)stk_find(
		    f, STK_GRADE_OK, STK_AREA_HOST, "user", "works as uid %u", (unsigned)getuid());
	else
		(void)stk_find(f, STK_GRADE_REFUSE, STK_AREA_HOST, "user", "%s", why);
}

/* The queues as the policy bounds them; without either there is nothing to bind. */
static void bind_queues(const struct stk_config *c, const struct stk_keyring *ring,
    struct stk_queues *queues, struct stk_findings *f)
{
	enum stk_err e;

	if (c->queues.n == 0) {
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, "queues",
				 "none was named: `work` would refuse to start"),
		    "--queues, QUEUES or `queues`");
		return;
	}
	if (ring == NULL)
		return;
	e = stk_queues_bind(&c->queues, &c->queues_allowed, ring, queues);
	if (e != STK_OK)
		(void)stk_find(f, STK_GRADE_REFUSE, STK_AREA_REDIS, "queues", "%s",
		    e == STK_E_ABSENT   ? "no queue that the policy grants matches the list"
		    : e == STK_E_TOOBIG ? "TooManyQueues: narrow the patterns or set queues_allowed"
					: stk_strerror(e));
	else
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_REDIS, "queues", "%zu covered", queues->n);
}

static void look_at_redis(const struct stk_config *c, const struct stk_cage_setup *setup,
    int inherited_fd, const struct stk_doctor_as *as, struct stk_findings *f)
{
	struct stk_keyring *ring = NULL;
	struct stk_queues queues = { 0 };
	int fd = stk_secret_open(c, inherited_fd);

	stk_doctor_policy(c, &ring, f);
	stk_doctor_granted(setup, ring, f);
	bind_queues(c, ring, &queues, f);
	if (c->redis_password_file != NULL && fd == -1)
		(void)stk_find(f, STK_GRADE_REFUSE, STK_AREA_FILES, "password_file",
		    "cannot read %s: %s", c->redis_password_file, strerror(errno));
	else
		stk_doctor_redis(c, (const char *const *)queues.names, queues.n, fd, as, f);
	if (fd != inherited_fd)
		stk_close(&fd);
	stk_queues_clear(&queues);
	stk_keyring_free(ring);
}

static int examine(const struct stk_config *config, int password_fd, const struct stk_options *o)
{
	struct stk_findings *f = calloc(1, sizeof(*f));
	const struct stk_doctor_as as = { o->as, o->as_password };
	struct stk_cage_setup setup = { 0 };
	bool may_run;
	int code;

	if (f == NULL)
		return stk_complain(STK_EX_OS, "out of memory");
	look_at_user(config, &may_run, f);
	if (may_run)
		open_cage(config, &setup, f);
	stk_layers_plan(config, &setup.table, &setup.layers);
	stk_doctor_layers(config, &setup, f);
	stk_doctor_host(config, &setup, f);
	stk_doctor_environment(environ, password_fd != -1, f);
	stk_doctor_files(config, &setup, f);
	if (may_run)
		look_at_redis(config, &setup, password_fd, &as, f);
	code = o->json ? stk_findings_json(f) : 0;
	if (!o->json)
		stk_findings_print(f, isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == NULL);
	if (code == 0)
		code = stk_findings_exit(f);
	stk_cage_setup_clear(&setup);
	free(f);
	return code;
}

static int run(int argc, char **argv)
{
	struct stk_config config;
	struct stk_options o;
	int password_fd = -1;
	int code = stk_options_parse(&stk_cmd_doctor, "cpgrqjaw", argc, argv, &o);

	if (code != 0)
		return code == -1 ? 0 : code;
	if (o.first_operand != argc || (o.as == NULL && o.as_password != NULL))
		return stk_usage(&stk_cmd_doctor, STK_EX_USAGE);
	if ((code = stk_options_config(&o, false, &config)) != 0)
		return code;
	code = stk_secret_from_url(&config, o.redis != NULL, argv, &password_fd);
	if (code == 0)
		code = examine(&config, password_fd, &o);
	stk_close(&password_fd);
	stk_config_clear(&config);
	return code;
}

const struct stk_command stk_cmd_doctor = {
	.name = "doctor",
	.summary = "try every layer of the wall and look at host, files and Redis before work does",
	.usage = "doctor [--json] [--config FILE] [--policy FILE] [--cage PROGRAM] [--redis URL]\n"
		 "    [--queues Q,...] [--as USER [--as-password FILE]]\n"
		 "exit: 0 all well, 3 degraded but allowed, 4 `work` refuses or must not run here",
	.run = run,
};
