/*
 * stand.c - see stand.h.
 */
#include "tests/lib/stand.h"

#include "sandbox/parent.h"
#include "sandbox/program.h"

#include "tests/harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *stand_program(const char *name, char out[512])
{
	const char *b = getenv("B");

	(void)snprintf(out, 512, "%s/%s", b == NULL ? "build" : b, name);
	return out;
}

static void keep_log(void *ctx, uint32_t level, struct stk_span text)
{
	struct stk_stand *s = ctx;
	int n = snprintf(s->log + s->log_len, sizeof(s->log) - s->log_len, "%u %.*s\n", level,
	    (int)text.len, (const char *)text.p);

	if (n > 0 && (size_t)n < sizeof(s->log) - s->log_len)
		s->log_len += (size_t)n;
}

static void make_dir(struct stk_stand *s, const char *dir)
{
	const char *tmp = getenv("TMPDIR");

	if (dir != NULL) {
		(void)snprintf(s->dir, sizeof(s->dir), "%s", dir);
		return;
	}
	(void)snprintf(s->dir, sizeof(s->dir), "%s/stand-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(s->dir));
}

void stand_open(struct stk_stand *s, const char *program, const char *dir)
{
	int fd = open(program, O_PATH | O_CLOEXEC);
	struct stk_nursery_options o = { .cage_fd = fd, .landlock = true, .broker_fd = -1 };
	const char *step, *why;
	struct stk_paths paths;
	char broker[512];

	memset(s, 0, sizeof(*s));
	make_dir(s, dir);
	if (fd == -1)
		fail_msg("cannot open %s", program);
	o.broker_fd = open(stand_program("stockade", broker), O_PATH | O_CLOEXEC);
	if (stk_nursery_fork(&o, &s->cage, &step) != STK_OK)
		fail_msg("nursery: could not %s", step);
	(void)close(fd);
	stk_close(&o.broker_fd);
	if (stk_cage_describe(s->cage, &s->table, &why) != STK_OK)
		fail_msg("describe: %s", why);
	for (uint32_t i = 0; i < STK_LABELS_MAX; i++)
		s->dir_fds[i] = -1;
	for (uint32_t i = 0; i < s->table.head.n_labels; i++)
		s->dir_fds[i] = open(s->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!stk_paths_of(s->table.classes, s->table.head.n_classes, &paths) ||
	    stk_paths_open(&paths, &s->paths) != STK_OK)
		fail_msg("the programs of the cage cannot be opened");
	stk_cage_equip(s->cage, &s->table, s->dir_fds, &s->paths);
	s->hooks = (struct stk_run_hooks){ .ctx = s, .wake_fd = -1, .log = keep_log };
}

enum stk_err stand_open_liar(struct stk_stand *s, const char *lie, const char **why)
{
	char program[512], tz[64];
	int fd = open(stand_program("test/stockade-liar", program), O_PATH | O_CLOEXEC);
	struct stk_nursery_options o = { .cage_fd = fd, .landlock = true, .broker_fd = -1 };
	const char *step;
	enum stk_err e;

	(void)snprintf(tz, sizeof(tz), "lie=%s", lie);
	(void)setenv("TZ", tz, 1);
	memset(s, 0, sizeof(*s));
	assert_int_equal(stk_nursery_fork(&o, &s->cage, &step), STK_OK);
	(void)unsetenv("TZ");
	(void)close(fd);
	e = stk_cage_describe(s->cage, &s->table, why);
	stk_cage_equip(s->cage, &s->table, s->dir_fds, &s->paths);
	s->hooks.wake_fd = -1;
	return e;
}

void stand_close(struct stk_stand *s)
{
	stk_cage_close(s->cage);
	stk_class_table_clear(&s->table);
	for (uint32_t i = 0; i < STK_LABELS_MAX; i++)
		stk_close(&s->dir_fds[i]);
	for (uint32_t i = 0; i < STK_PATHS_MAX; i++)
		stk_close(&s->paths.fd[i]);
}

enum stk_err stand_run(
    struct stk_stand *s, const char *class_name, const char *args, struct stk_outcome *out)
{
	int index = stk_class_find(&s->table, stk_span_str(class_name));
	struct stk_run_request r = { .attempt = 1,
		.args = stk_span_str(args),
		.check_only = s->check_only,
		.handed = s->handed };

	if (index < 0)
		fail_msg("no class %s", class_name);
	r.class_index = (uint32_t)index;
	r.limits = s->limits == NULL ? s->table.classes[index].ask : *s->limits;
	memset(r.job_id, 0xab, sizeof(r.job_id));
	s->log_len = 0;
	s->log[0] = '\0';
	return stk_cage_run(s->cage, &r, &s->hooks, out);
}

void stand_file(struct stk_stand *s, const char *name, const void *bytes, size_t len)
{
	char path[600];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd != -1);
	assert_int_equal(stk_write_all(fd, bytes, len), STK_OK);
	(void)close(fd);
}

int stand_strangers(const struct stk_stand *s)
{
	char path[64], text[4096] = "", *rest = text, *word;
	int fd, n = 0;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd != -1);
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	(void)close(fd);
	while ((word = strsep(&rest, " \n")) != NULL) {
		pid_t pid = (pid_t)atoi(word);
		bool known = pid == 0 || pid == s->cage->nursery.pid;

		for (size_t i = 0; i < s->cage->n_zygotes; i++)
			known = known || s->cage->zygotes[i].child.pid == pid;
		n += !known;
	}
	return n;
}
