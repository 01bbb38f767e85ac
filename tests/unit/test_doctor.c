/*
 * test_doctor.c - doctor's judgement where no real machine or Redis can be made to show it: another
 * clock, a cgroup's limit, a server that lies.
 */
#include "tests/harness.h"
#include "worker/doctor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct stk_findings f;

static const struct stk_finding *named(const char *name)
{
	for (size_t i = 0; i < f.n; i++)
		if (strcmp(f.v[i].name, name) == 0)
			return &f.v[i];
	fail_msg("no finding %s", name);
	return NULL;
}

static enum stk_grade clock_grade(int64_t redis_us, int64_t before_us, int64_t after_us)
{
	f = (struct stk_findings){ 0 };
	stk_doctor_clock(redis_us, before_us, after_us, 60000, &f);
	return f.v[0].grade;
}

static void a_clock_counts_only_outside_of_the_question(void **state)
{
	const int64_t t = 1700000000000000;

	(void)state;
	assert_int_equal(clock_grade(t, t - 5, t + 5), STK_GRADE_OK);
	assert_int_equal(clock_grade(t, t - 200000000, t + 5), STK_GRADE_OK); /* a slow answer */
	assert_int_equal(clock_grade(t + 20000000, t, t), STK_GRADE_OK);
	assert_int_equal(clock_grade(t + 40000000, t, t), STK_GRADE_WARN);
	assert_int_equal(clock_grade(t - 40000000, t, t), STK_GRADE_WARN);
	assert_int_equal(clock_grade(t + 61000000, t, t), STK_GRADE_REFUSE);
	assert_int_equal(clock_grade(t - 61000000, t, t), STK_GRADE_REFUSE);
	assert_int_equal(clock_grade(0, t, t), STK_GRADE_REFUSE);
	assert_int_equal(stk_findings_exit(&f), 4);
}

static void foreign_bytes_become_plain_text(void **state)
{
	char out[16];

	(void)state;
	stk_find_clean(stk_span_of("a\033[31m\xc3\xa9\n", 9), out, sizeof(out));
	assert_string_equal(out, "a?[31m???");
	stk_find_clean(stk_span_str("0123456789abcdef0"), out, sizeof(out));
	assert_string_equal(out, "0123456789ab...");
	stk_find_clean(stk_span_of("", 0), out, sizeof(out));
	assert_string_equal(out, "");
}

static void a_full_list_still_counts_the_worst(void **state)
{
	(void)state;
	f = (struct stk_findings){ 0 };
	for (size_t i = 0; i < STK_FINDINGS_MAX; i++)
		(void)stk_find(&f, STK_GRADE_OK, STK_AREA_HOST, "x", "y");
	assert_int_equal(stk_findings_exit(&f), 0);
	stk_find_fix(stk_find(&f, STK_GRADE_REFUSE, STK_AREA_HOST, "x", "y"), "z");
	assert_int_equal(f.n, STK_FINDINGS_MAX);
	assert_int_equal(f.dropped, 1);
	assert_int_equal(stk_findings_exit(&f), 4);
}

static const char *cure(enum stk_layer l, enum stk_trial trial, int err)
{
	static const struct stk_config c;
	struct stk_cage_setup s = { 0 };

	f = (struct stk_findings){ 0 };
	for (unsigned i = 0; i < STK_LAYER_COUNT; i++) {
		s.layers.probes[i].layer = (enum stk_layer)i;
		s.layers.demand[i] = STK_DEMAND_PREFER;
	}
	s.layers.probes[l].state = STK_PROBE_REFUSED;
	s.layers.probes[l].trial = trial;
	s.layers.probes[l].err = err;
	stk_doctor_layers(&c, &s, &f);
	assert_int_equal(named(stk_layer_text(l))->grade, STK_GRADE_MISS);
	return named(stk_layer_text(l))->fix;
}

static void each_way_a_trial_ends_has_its_own_cure(void **state)
{
	const char *profile = "ask for a container profile that allows it";
	const enum stk_layer l = STK_LAYER_LANDLOCK_REFER;

	(void)state;
	assert_string_equal(cure(l, STK_TRIAL_ANSWERED, EPERM), profile);
	assert_string_equal(cure(l, STK_TRIAL_KILLED, 0), profile);
	assert_string_equal(
	    cure(l, STK_TRIAL_ANSWERED, ENOSYS), "a newer kernel, or a newer container runtime");
	assert_non_null(strstr(cure(l, STK_TRIAL_ANSWERED, EOPNOTSUPP), "lsm=landlock"));
	assert_string_equal(
	    cure(l, STK_TRIAL_NO_PLACE, 0), "set TMPDIR to a folder that this user can write");
	assert_non_null(strstr(
	    cure(l, STK_TRIAL_NO_EFFECT, 0), geteuid() == 0 ? "another user" : "an emulated one"));
	assert_string_equal(cure(l, STK_TRIAL_ODD, 0), "");
	assert_non_null(strstr(cure(STK_LAYER_MLOCK, STK_TRIAL_ANSWERED, ENOMEM), "MEMLOCK"));
	assert_non_null(strstr(cure(STK_LAYER_UID, STK_TRIAL_ANSWERED, EPERM), "another user"));
	assert_non_null(strstr(cure(STK_LAYER_UID, STK_TRIAL_NO_PROCESS, EAGAIN), "ulimit -u"));
	assert_non_null(
	    strstr(cure(STK_LAYER_MEMFD_SECRET, STK_TRIAL_ANSWERED, EAGAIN), "MEMLOCK"));
	assert_non_null(strstr(cure(STK_LAYER_CGROUP, STK_TRIAL_ANSWERED, EACCES), "Delegate"));
}

/* --- a server that lies ------------------------------------------------------------------------
 */

static const char endless_users[] = "*100000\r\n";
static const char odd_users[] =
    "*5\r\n$4\r\nuser\r\n$9\r\nuser a on\r\n:7\r\n$17\r\nuser \033[31m on x y\r\n$0\r\n\r\n";
static const char odd_info[] = "$125\r\nmaxmemory_policy:\033]0;x\007\r\nused_memory:"
			       "99999999999999999999999\r\nmaxmemory:-5\r\n"
			       "maxclients:12x\r\naof_enabled:yes\r\nevicted_keys:\r\nx\r\n";

/* Answers the n-th command with the n-th line of @answers (the last for all that follow). */
static void serve(int listener, const char *const *answers)
{
	char chunk[4096];
	int fd = accept(listener, NULL, NULL);
	size_t i = 0;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (fd != -1 && read(fd, chunk, sizeof(chunk)) > 0) {
		if (write(fd, answers[i], strlen(answers[i])) == -1)
			break;
		if (answers[i + 1] != NULL)
			i++;
	}
	_exit(0);
}

static void examine(const char *const *answers)
{
	static const char *const queues[] = { "files" };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct stk_config c = { .ns = (char[]){ "resque" },
		.concurrency = 1,
		.skew_ms = 60000,
		.redis_timeout_ms = 1000 };
	char dir[] = "/tmp/stk-doctor-XXXXXX", url[160];
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), status;
	pid_t pid;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/sock", dir);
	(void)snprintf(url, sizeof(url), "unix://%s", at.sun_path);
	c.redis = url;
	assert_int_equal(bind(s, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(s, 1), 0);
	pid = fork();
	if (pid == 0)
		serve(s, answers);
	(void)close(s);
	f = (struct stk_findings){ 0 };
	stk_doctor_redis(&c, queues, 1, -1, NULL, &f);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)unlink(at.sun_path);
	(void)rmdir(dir);
	for (size_t i = 0; i < f.n; i++)
		for (const char *p = f.v[i].text; *p != '\0'; p++)
			assert_true(*p >= ' ' && *p <= '~');
}

static void a_lying_server_is_named_and_bounded(void **state)
{
	static const char *const nonsense[] = { "+OK\r\n", NULL };
	static const char *const junk[] = { "junk\r\n", NULL };
	/* set name, whoami, info, config, time, list, then dry runs */
	static const char *const odd[] = { "+OK\r\n", "$6\r\nwo\033rk!\r\n", odd_info,
		"*2\r\n$1\r\nx\r\n$3\r\n-12\r\n", "*2\r\n$1\r\n5\r\n$7\r\n9999999\r\n", odd_users,
		"*0\r\n", NULL };
	static const char *const endless[] = { "+OK\r\n", "+OK\r\n", "+OK\r\n", "+OK\r\n",
		"+OK\r\n", endless_users, NULL };

	(void)state;
	examine(nonsense);
	assert_string_equal(named("info")->text, "not told: an odd answer");
	assert_int_equal(named("clock")->grade, STK_GRADE_WARN);
	assert_int_equal(named("users")->grade, STK_GRADE_WARN);
	examine(junk);
	assert_int_equal(stk_findings_exit(&f), 4);
	examine(odd);
	assert_non_null(strstr(named("user")->text, "wo?rk!"));
	assert_int_equal(named("eviction")->grade, STK_GRADE_WARN);
	assert_int_equal(named("memory")->grade, STK_GRADE_WARN);
	assert_int_equal(named("maxclients")->grade, STK_GRADE_WARN);
	assert_int_equal(named("persistence")->grade, STK_GRADE_WARN);
	assert_int_equal(named("proto-max-bulk-len")->grade, STK_GRADE_WARN);
	assert_int_equal(named("clock")->grade, STK_GRADE_WARN);
	assert_int_equal(named("users")->grade, STK_GRADE_WARN);
	examine(endless);
	assert_int_equal(named("answers")->grade, STK_GRADE_REFUSE);
}

static void secrets_in_the_environment_are_named_without_their_value(void **state)
{
	char *env[] = { (char[]){ "PATH=/bin" }, (char[]){ "REDIS_PASSWORD_FILE=/x" },
		(char[]){ "API_TOKEN=" }, (char[]){ "A_SECRET\033=geheim" },
		(char[]){ "DB=postgres://u:geheim@h/d" }, (char[]){ "SITE=https://h/a@b" }, NULL };

	(void)state;
	f = (struct stk_findings){ 0 };
	stk_doctor_environment(env, false, &f);
	assert_int_equal(f.n, 2);
	assert_non_null(strstr(f.v[0].text, "A_SECRET?"));
	assert_non_null(strstr(f.v[1].text, "DB "));
	for (size_t i = 0; i < f.n; i++)
		assert_null(strstr(f.v[i].text, "geheim"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_counts_only_outside_of_the_question),
		cmocka_unit_test(foreign_bytes_become_plain_text),
		cmocka_unit_test(a_full_list_still_counts_the_worst),
		cmocka_unit_test(each_way_a_trial_ends_has_its_own_cure),
		cmocka_unit_test(a_lying_server_is_named_and_bounded),
		cmocka_unit_test(secrets_in_the_environment_are_named_without_their_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
