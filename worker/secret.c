/*
 * secret.c - see secret.h.
 */
#include "worker/secret.h"

#include "worker/cli/cli.h"
#include "worker/redis_url.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FD_VARIABLE "STOCKADE_REDIS_PASSWORD_FD"
#define SEALS       (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

extern char **environ;

static int sealed_copy(const char *password)
{
	/* NOLINTNEXTLINE(android-cloexec-memfd-create): the next self is to inherit it */
	int fd = memfd_create("redis-password", MFD_ALLOW_SEALING);

	if (fd == -1)
		return -1;
	if (stk_write_all(fd, password, strlen(password)) != STK_OK ||
	    fcntl(fd, F_ADD_SEALS, SEALS) != 0)
		stk_close(&fd);
	return fd;
}

/* The same place without user and password; the user travels in its own variable. */
static void plain_url(const struct stk_redis_url *u, char *out, size_t size)
{
	bool v6 = strchr(u->host, ':') != NULL;

	if (u->socket_path[0] != '\0')
		(void)snprintf(out, size, "unix://%s?db=%d", u->socket_path, u->db);
	else
		(void)snprintf(out, size, "redis://%s%s%s:%u/%d", v6 ? "[" : "", u->host,
		    v6 ? "]" : "", u->port, u->db);
}

/* Executes this very program again, without the password and with its descriptor. */
static int become_clean(const struct stk_redis_url *parsed, char **argv)
{
	char url[512], number[16];
	int fd = sealed_copy(parsed->password);

	if (fd == -1)
		return stk_complain(STK_EX_OS,
		    "cannot move the Redis password to a sealed memfd: %s", strerror(errno));
	plain_url(parsed, url, sizeof(url));
	(void)snprintf(number, sizeof(number), "%d", fd);
	if (setenv("REDIS_URL", url, 1) != 0 || setenv(FD_VARIABLE, number, 1) != 0 ||
	    (parsed->user[0] != '\0' && setenv("STOCKADE_REDIS_USER", parsed->user, 1) != 0))
		return stk_complain(STK_EX_OS, "out of memory");
	(void)execve("/proc/self/exe", argv - 1, environ);
	return stk_complain(
	    STK_EX_OS, "cannot execute itself again with a clean environment: %s", strerror(errno));
}

/* Believes the variable only if the descriptor is a memfd with our seals. */
static int inherited(void)
{
	const char *text = getenv(FD_VARIABLE);
	char *end;
	long fd;

	if (text == NULL)
		return -1;
	fd = strtol(text, &end, 10);
	(void)unsetenv(FD_VARIABLE);
	if (end == text || *end != '\0' || fd < 3 || fd > 1 << 20 ||
	    fcntl((int)fd, F_GET_SEALS) != SEALS || fcntl((int)fd, F_SETFD, FD_CLOEXEC) != 0)
		return -1;
	return (int)fd;
}

static bool has_password(const char *url)
{
	struct stk_redis_url parsed;
	char why[STK_REDIS_WHY_BYTES];
	bool has =
	    stk_redis_url_parse(url, &parsed, why, sizeof(why)) == STK_OK && parsed.has_password;

	stk_redis_url_clear(&parsed);
	return has;
}

/* Another setting won over a REDIS_URL with a password: nobody needs that one, so it goes. */
static int forget_url(char **argv)
{
	(void)unsetenv("REDIS_URL");
	(void)execve("/proc/self/exe", argv - 1, environ);
	return stk_complain(
	    STK_EX_OS, "cannot execute itself again with a clean environment: %s", strerror(errno));
}

int stk_secret_from_url(const struct stk_config *c, bool from_flag, char **argv, int *fd)
{
	struct stk_redis_url parsed;
	char why[STK_REDIS_WHY_BYTES];
	const char *env = getenv("REDIS_URL");
	int code = 0;

	*fd = -1;
	if (stk_redis_url_parse(c->redis, &parsed, why, sizeof(why)) != STK_OK)
		return stk_complain(STK_EX_CONFIG, "redis: %s", why);
	if (!parsed.has_password &&
	    (env == NULL || strcmp(env, c->redis) == 0 || !has_password(env)))
		*fd = inherited();
	else if (!parsed.has_password)
		code = forget_url(argv);
	else if (from_flag)
		code = stk_complain(STK_EX_USAGE,
		    "a password in --redis would show in ps; use redis_password_file in the "
		    "configuration");
	else if (env == NULL || strcmp(env, c->redis) != 0)
		code = stk_complain(STK_EX_CONFIG,
		    "the configuration holds a Redis password; move it to a file and name that in "
		    "redis_password_file");
	else
		code = become_clean(&parsed, argv);
	stk_redis_url_clear(&parsed);
	return code;
}

int stk_secret_open(const struct stk_config *c, int inherited)
{
	return c->redis_password_file == NULL ? inherited
					      : stk_open_password_file(c->redis_password_file);
}

int stk_open_password_file(const char *file)
{
	struct stat st;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd != -1 && (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))) {
		stk_close(&fd);
		errno = EINVAL;
	}
	return fd;
}
