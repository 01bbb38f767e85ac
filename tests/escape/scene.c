/*
 * scene.c - the files, the listener and the names that an attack finds.
 */
#include "tests/escape/driver.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void file(const char *dir, const char *name, mode_t mode)
{
	char path[400];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd == -1)
		return;
	(void)!write(fd, "plain text\n", 11);
	(void)fchmod(fd, mode);
	(void)close(fd);
}

static void clear(const char *dir, const char *const *names, size_t n)
{
	char path[400];

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
}

char canary[CANARY_LEN + 1];

void scene_restore(const struct scene *s)
{
	static const char *const made[] = { "inputs/new", "others/new", "new", "scratch/big",
		"scratch/sparse", "scratch/long", "scratch/reserved", "scratch/stolen",
		"scratch/three", "scratch/one", "scratch/two", "scratch/linked",
		"scratch/made-link", "scratch/fifo", "scratch/device", "scratch/suid",
		"scratch/script", "scratch/moved", "/dev/shm/stockade-escape" };
	char path[400];

	clear(s->dir, made, STK_ARRAY_LEN(made) - 1);
	(void)snprintf(path, sizeof(path), "%s/new", s->beside);
	(void)unlink(path);
	(void)unlink("/dev/shm/stockade-escape");
	(void)snprintf(path, sizeof(path), "%s/scratch/made-dir", s->dir);
	(void)rmdir(path);
	(void)snprintf(path, sizeof(path), "%s/scratch/empty", s->dir);
	(void)mkdir(path, 0700);
	file(s->dir, "inputs/plain", 0600);
	file(s->dir, "inputs/victim", 0600);
	file(s->dir, "inputs/mode-zero", 0);
	file(s->dir, "others/plain", 0600);
	file(s->dir, "scratch/one", 0600);
	file(s->dir, "scratch/two", 0600);
	file(s->dir, "work/left", 0600); /* what a control finds where a job finds nothing */
	file(s->dir, "outside", 0600);
}

void scene_make(struct scene *s, const char *base, const char *name)
{
	static const char *const dirs[] = { "", "/inputs", "/others", "/scratch", "/work" };
	char path[400];

	(void)snprintf(s->dir, sizeof(s->dir), "%s/%s", base, name);
	for (size_t i = 0; i < STK_ARRAY_LEN(dirs); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", s->dir, dirs[i]);
		(void)mkdir(path, 0700);
	}
	(void)snprintf(path, sizeof(path), "%s/inputs/link-to-passwd", s->dir);
	(void)!symlink("/etc/passwd", path);
	(void)snprintf(path, sizeof(path), "%s/inputs/link-to-root", s->dir);
	(void)!symlink("/", path);
	scene_restore(s);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	(void)remove(path);
	return 0;
}

void scene_remove(const char *base)
{
	(void)nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* As tests/hostile/find_secret.c wants it: what is searched for is not to find itself. */
static void mask_canary(char text[300])
{
	for (size_t i = 0; i < CANARY_LEN; i++)
		(void)snprintf(text + 2 * i, 300 - 2 * i, "%02x", (unsigned char)canary[i] ^ 0x5a);
}

const char *scene_argument(const struct scene *s, enum escape_arg arg, char text[300])
{
	const int numbers[] = { [ESCAPE_WORKER] = (int)s->worker,
		[ESCAPE_NURSERY] = (int)s->nursery,
		[ESCAPE_ZYGOTE] = (int)s->zygote,
		[ESCAPE_SIBLING] = (int)s->sibling,
		[ESCAPE_PORT] = s->port,
		[ESCAPE_REDIS] = s->redis_port,
		[ESCAPE_BROKER] = (int)s->broker };

	switch (arg) {
	case ESCAPE_NONE:
	case ESCAPE_ARGS: return NULL;
	case ESCAPE_WORKER:
	case ESCAPE_NURSERY:
	case ESCAPE_ZYGOTE:
	case ESCAPE_SIBLING:
	case ESCAPE_PORT:
	case ESCAPE_REDIS:
	case ESCAPE_BROKER: (void)snprintf(text, 300, "%d", numbers[arg]); break;
	case ESCAPE_BESIDE: (void)snprintf(text, 300, "%s/new", s->beside); break;
	case ESCAPE_CANARY: mask_canary(text); break;
	case ESCAPE_OUTSIDE: (void)snprintf(text, 300, "%s/outside", s->dir); break;
	case ESCAPE_NEW_FILE: (void)snprintf(text, 300, "%s/new", s->dir); break;
	case ESCAPE_INPUTS: (void)snprintf(text, 300, "%s/inputs", s->dir); break;
	case ESCAPE_OTHERS: (void)snprintf(text, 300, "%s/others", s->dir); break;
	case ESCAPE_SCRATCH: (void)snprintf(text, 300, "%s/scratch", s->dir); break;
	}
	return text;
}

int scene_listener(int *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) == -1 ||
	    listen(fd, 512) == -1 || getsockname(fd, (struct sockaddr *)&at, &len) == -1)
		return -1;
	*port = ntohs(at.sin_port);
	return fd;
}

/* --- who answers -------------------------------------------------------------------------------
 */

#define KEPT 128 /* connections that stay open, so that an act finds its socket connected */

static int listen_at(const char *addr, int *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)*port) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || inet_pton(AF_INET, addr, &at.sin_addr) != 1 ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at)) == -1 || listen(fd, 512) == -1 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) == -1)
		return -1;
	*port = ntohs(at.sin_port);
	return fd;
}

STK_NORETURN static void answer(struct pollfd fds[3])
{
	static int kept[KEPT];
	size_t next = 0;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		(void)poll(fds, 3, -1);
		for (int i = 0; i < 3; i++) {
			int one;

			if (fds[i].revents == 0 || (one = accept(fds[i].fd, NULL, NULL)) == -1)
				continue;
			(void)send(one, "xy", 2, MSG_NOSIGNAL);
			if (kept[next] > 0)
				(void)close(kept[next]);
			kept[next] = one;
			next = (next + 1) % KEPT;
		}
	}
}

pid_t scene_serve(struct scene *s)
{
	struct pollfd fds[3] = { { .events = POLLIN }, { .events = POLLIN }, { .events = POLLIN } };
	pid_t pid;

	fds[0].fd = listen_at("127.0.0.1", &s->port);
	fds[1].fd = listen_at("127.0.0.2", &s->port);
	fds[2].fd = listen_at("127.0.0.1", &s->redis_port);
	if (fds[0].fd == -1 || fds[1].fd == -1 || fds[2].fd == -1)
		return -1;
	pid = fork();
	if (pid == 0)
		answer(fds);
	for (int i = 0; i < 3; i++)
		(void)close(fds[i].fd);
	return pid;
}
