/*
 * doctor.c - `stockade doctor`: what a worker would say to this machine, before it is let loose.
 *
 * In the worker's own order: identity, cage program, probes, and only after the last fork a secret
 * (policy, password). Looks on after each refusal, so that one run names everything.
 */
#include "worker/doctor.h"
#include "worker/cli/options.h"
#include "worker/pidfile.h"
#include "worker/privilege.h"
#include "worker/secret.h"

#include <errno.h>
#include <fcntl.h>
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

/* What a configuration alone keeps `work` from: no queue, no ledger, a setting that contradicts. */
static void look_at_config(const struct stk_config *c, struct stk_findings *f)
{
	struct stk_conf_error e = { 0 };

	if (c->queues.n == 0)
		stk_find_fix(stk_find(f, STK_GRADE_REFUSE, STK_AREA_REDIS, "queues",
				 "none was named: `work` has nothing to work on"),
		    "--queues, QUEUES or `queues`");
	if ((c->queues.n == 0 ? stk_config_check_ledger(c, &e) : stk_config_check(c, true, &e)) !=
	    STK_OK)
		(void)stk_find(f, STK_GRADE_REFUSE, STK_AREA_FILES, "config", "%s", e.sentence);
}

static void look_at_pidfile(const struct stk_config *c, struct stk_findings *f)
{
	char why[384];

	if (c->pidfile == NULL)
		return;
	stk_complain_into(why, sizeof(why));
	if (stk_pidfile_look(c->pidfile) != 0)
		(void)stk_find(f, STK_GRADE_REFUSE, STK_AREA_FILES, "pidfile", "%s", why);
	else
		(void)stk_find(
		    f, STK_GRADE_OK, STK_AREA_FILES, "pidfile", "%s can be written", c->pidfile);
	stk_complain_into(NULL, 0);
}

/* One worker's start as far as it changes nothing, and the rest of what its secrets lead to. */
struct rehearsal {
	struct stk_worker *worker;
	struct stk_findings *f;
	bool connected;
};

static void told(void *ctx, const char *step, int code, const char *sentence)
{
	static const struct {
		const char *step;
		enum stk_area area;
	} areas[] = { { "cgroup", STK_AREA_HOST }, { "policy", STK_AREA_FILES },
		{ "audit_dir", STK_AREA_FILES }, { "secrets", STK_AREA_FILES } };
	struct rehearsal *r = ctx;
	enum stk_area area = STK_AREA_REDIS;

	for (size_t i = 0; i < STK_ARRAY_LEN(areas); i++)
		if (strcmp(areas[i].step, step) == 0)
			area = areas[i].area;
	if (code != 0)
		stk_doctor_refusal(r->f, area, step, sentence);
	else if (strcmp(step, "connect") == 0)
		r->connected = true;
	else if (strcmp(step, "ledger") == 0)
		(void)stk_find(r->f, STK_GRADE_OK, area, step,
		    "believed: its epoch, its policy against eviction, its clock");
	else if (strcmp(step, "queues") == 0)
		(void)stk_find(
		    r->f, STK_GRADE_OK, area, step, "%zu covered", r->worker->queue_list.n);
	/* what a class lacks is told of the class, before the policy that grants it is refused */
	if (strcmp(step, "work_dir") == 0)
		stk_doctor_granted(r->worker, r->f);
}

static void rehearse(
    struct stk_worker *w, const struct stk_options *o, int password_fd, struct stk_findings *f)
{
	const struct stk_doctor_as as = { o->as, o->as_password };
	struct stk_config patience = *w->config; /* borrows everything; never cleared */
	const struct stk_config *config = w->config;
	struct stk_worker_start start = {
		.config = &patience, .password_fd = password_fd, .supervisor = getpid()
	};
	struct rehearsal r = { .worker = w, .f = f };
	int fd;

	/* a person is waiting: one try says what there is to say */
	patience.redis_start_wait_ms = 0;
	w->config = &patience;
	stk_worker_rehearse(w, &start, told, &r);
	w->config = config;
	if (!r.connected)
		return;
	fd = stk_secret_open(config, password_fd);
	stk_doctor_redis(
	    config, (const char *const *)w->queue_list.names, w->queue_list.n, fd, &as, f);
	if (fd != password_fd)
		stk_close(&fd);
}

static void look_at_all(
    struct stk_worker *w, const struct stk_options *o, int password_fd, struct stk_findings *f)
{
	const struct stk_config *config = w->config;
	struct stk_work_left left;
	bool may_run;

	look_at_user(config, &may_run, f);
	if (may_run)
		open_cage(config, &w->cage, f);
	stk_cage_setup_work(config, &w->cage, true, &left);
	stk_layers_plan(config, &w->cage.table, &w->cage.layers);
	stk_doctor_layers(config, &w->cage, f);
	stk_doctor_host(config, &w->cage, f);
	stk_doctor_environment(environ, password_fd != -1, f);
	look_at_config(config, f);
	look_at_pidfile(config, f);
	stk_doctor_files(config, &w->cage, f);
	if (may_run)
		rehearse(w, o, password_fd, f);
}

static int examine(const struct stk_config *config, int password_fd, const struct stk_options *o)
{
	struct stk_findings *f = calloc(1, sizeof(*f));
	struct stk_worker *w = stk_worker_new(config);
	STK_AUTO_CLOSE int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int code;

	if (f == NULL || w == NULL) {
		free(f);
		stk_worker_free(w);
		return stk_complain(STK_EX_OS, "out of memory");
	}
	/* what a worker would log is told as a finding */
	stk_log_open(nowhere, STK_LOG_JSON, STK_LOG_ERROR);
	look_at_all(w, o, password_fd, f);
	code = o->json ? stk_findings_json(f) : 0;
	if (!o->json)
		stk_findings_print(f, isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == NULL);
	if (code == 0)
		code = stk_findings_exit(f);
	stk_worker_free(w);
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
