/*
 * redis_server.c - see redis_server.h.
 */
#include "tests/lib/redis_server.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void serve(const struct test_redis *t, const char *const *extra, pid_t parent)
{
	char pidfile[96], log[96];
	const char *other = getenv("REDIS_SERVER");
	const char *argv[64] = { other != NULL ? other : "redis-server", "--port", "0",
		"--unixsocket", t->socket_path, "--save", "", "--appendonly", "no", "--dir", t->dir,
		"--daemonize", "no", "--pidfile", pidfile, "--logfile", log };
	size_t n = 17;

	(void)snprintf(pidfile, sizeof(pidfile), "%s/pid", t->dir);
	(void)snprintf(log, sizeof(log), "%s/log", t->dir);
	for (size_t i = 0; extra != NULL && extra[i] != NULL && n < 62; i++)
		argv[n++] = extra[i];
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

struct stk_redis *test_redis_link(const struct test_redis *t)
{
	struct stk_redis_url url = { .port = 0 };
	struct stk_redis *r = NULL;
	const struct stk_redis_config c = { .url = &url, .password_fd = -1 };

	(void)snprintf(url.socket_path, sizeof(url.socket_path), "%s", t->socket_path);
	if (stk_redis_new(&c, &r) != STK_OK)
		return NULL;
	if (stk_redis_connect(r) == STK_OK)
		return r;
	stk_redis_free(r);
	return NULL;
}

struct stk_reply *test_redis_do(struct stk_redis *r, const char *words)
{
	struct stk_span argv[32];
	struct stk_reply *out = NULL;
	size_t n = 0;

	while (n < STK_ARRAY_LEN(argv)) {
		size_t len = strcspn(words, " ");

		argv[n++] = stk_span_of(words, len);
		if (words[len] == '\0')
			break;
		words += len + 1;
	}
	return stk_redis_call(r, argv, n, &out) == STK_OK ? out : NULL;
}

int64_t test_redis_int(struct stk_redis *r, const char *words)
{
	struct stk_reply *reply = test_redis_do(r, words);
	int64_t v = reply != NULL && reply->type == STK_REPLY_INTEGER ? reply->integer : INT64_MIN;

	stk_reply_free(reply);
	return v;
}

bool test_redis_says(struct stk_redis *r, const char *words, const char *want)
{
	struct stk_reply *reply = test_redis_do(r, words);
	bool same = reply != NULL &&
		    (want == NULL ? reply->type == STK_REPLY_NIL : stk_reply_is(reply, want));

	if (!same)
		(void)fprintf(stderr, "# %s: got %s, not %s\n", words,
		    reply == NULL || reply->bytes.p == NULL ? "nothing"
							    : (const char *)reply->bytes.p,
		    want == NULL ? "nil" : want);
	stk_reply_free(reply);
	return same;
}

/* The server that answers on our socket says it is the process that we started. */
static bool is_ours(const struct test_redis *t)
{
	struct stk_redis *r = test_redis_link(t);
	struct stk_reply *info = r == NULL ? NULL : test_redis_do(r, "INFO server");
	const char *at = info == NULL || info->bytes.p == NULL
			     ? NULL
			     : strstr((const char *)info->bytes.p, "process_id:");
	char path[96], text[32] = "";
	bool same = at != NULL && strtol(at + strlen("process_id:"), NULL, 10) == t->pid;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/pid", t->dir);
	f = fopen(path, "re");
	same = same && f != NULL && fgets(text, sizeof(text), f) != NULL &&
	       strtol(text, NULL, 10) == t->pid;
	if (f != NULL)
		(void)fclose(f);
	stk_reply_free(info);
	stk_redis_free(r);
	return same;
}

static void pause_ms(long ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

bool test_redis_start(struct test_redis *t, const char *const *extra)
{
	const char *tmp = getenv("TMPDIR");
	pid_t parent = getpid();

	*t = (struct test_redis){ .pid = 0 };
	/* sun_path has 108 bytes: a deep TMPDIR gives way to /tmp */
	(void)snprintf(t->dir, sizeof(t->dir), "%s/stk-redis-XXXXXX",
	    tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
	if (mkdtemp(t->dir) == NULL) {
		perror("mkdtemp");
		return false;
	}
	(void)snprintf(t->socket_path, sizeof(t->socket_path), "%s/sock", t->dir);
	t->pid = fork();
	if (t->pid == 0)
		serve(t, extra, parent);
	for (int i = 0; t->pid > 0 && i < 3000; i++) {
		if (waitpid(t->pid, NULL, WNOHANG) == t->pid)
			break;
		if (access(t->socket_path, F_OK) == 0 && is_ours(t))
			return true;
		pause_ms(20);
	}
	(void)fprintf(stderr, "redis-server did not start in %s\n", t->dir);
	test_redis_stop(t);
	return false;
}

static void remove_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
	(void)rmdir(path);
}

void test_redis_stop(struct test_redis *t)
{
	/* our own unreaped child, so the pid cannot have become anybody else's */
	if (t->pid > 0 && kill(t->pid, SIGKILL) == 0)
		(void)waitpid(t->pid, NULL, 0);
	t->pid = 0;
	if (t->dir[0] != '\0')
		remove_folder(t->dir);
	t->dir[0] = '\0';
}
