/*
 * scene.c - the files, the listener and the names that an attack finds.
 */
#include "tests/escape/driver.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

void scene_restore(const struct scene *s)
{
	static const char *const made[] = { "inputs/new", "others/new", "new", "scratch/big",
		"scratch/sparse", "scratch/long", "scratch/reserved", "scratch/stolen",
		"scratch/three", "scratch/one", "scratch/two", "scratch/linked",
		"scratch/made-link", "scratch/fifo", "scratch/device", "scratch/suid",
		"scratch/script", "scratch/moved", "/dev/shm/stockade-escape" };
	char path[400];

	clear(s->dir, made, STK_ARRAY_LEN(made) - 1);
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
	file(s->dir, "outside", 0600);
}

void scene_make(struct scene *s, const char *base, const char *name)
{
	static const char *const dirs[] = { "", "/inputs", "/others", "/scratch" };
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

const char *scene_argument(const struct scene *s, enum escape_arg arg, char text[300])
{
	const int pids[] = { [ESCAPE_WORKER] = (int)s->worker,
		[ESCAPE_NURSERY] = (int)s->nursery,
		[ESCAPE_ZYGOTE] = (int)s->zygote,
		[ESCAPE_SIBLING] = (int)s->sibling };

	switch (arg) {
	case ESCAPE_NONE:
	case ESCAPE_ARGS: return NULL;
	case ESCAPE_WORKER:
	case ESCAPE_NURSERY:
	case ESCAPE_ZYGOTE:
	case ESCAPE_SIBLING: (void)snprintf(text, 300, "%d", pids[arg]); break;
	case ESCAPE_OUTSIDE: (void)snprintf(text, 300, "%s/outside", s->dir); break;
	case ESCAPE_NEW_FILE: (void)snprintf(text, 300, "%s/new", s->dir); break;
	case ESCAPE_INPUTS: (void)snprintf(text, 300, "%s/inputs", s->dir); break;
	case ESCAPE_OTHERS: (void)snprintf(text, 300, "%s/others", s->dir); break;
	case ESCAPE_SCRATCH: (void)snprintf(text, 300, "%s/scratch", s->dir); break;
	case ESCAPE_PORT: (void)snprintf(text, 300, "%d", s->port); break;
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
