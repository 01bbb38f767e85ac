/*
 * slow.c - many slow askers at once: connections that send one byte of a header now and then and
 * never come to its end; whoever is turned away comes again. stockade-slow SOCKET N     until it is
 * killed; says "up" once N connections are made
 */
#include "sandbox/base.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int ask(const char *path)
{
	static const char begin[] = "GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ";
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (s != -1 && connect(s, (const struct sockaddr *)&to, sizeof(to)) == 0 &&
	    send(s, begin, sizeof(begin) - 1, MSG_NOSIGNAL) > 0)
		return s;
	stk_close(&s);
	return -1;
}

int main(int argc, char **argv)
{
	int n = argc == 3 ? atoi(argv[2]) : 0, *all;
	bool told = false;

	if (n < 1 || n > 1000 || (all = malloc((size_t)n * sizeof(*all))) == NULL)
		return 64;
	(void)alarm(120);
	for (int i = 0; i < n; i++)
		all[i] = -1;
	for (;;) {
		int up = 0;

		for (int i = 0; i < n; i++) {
			if (all[i] != -1 && send(all[i], "a", 1, MSG_NOSIGNAL) == -1)
				stk_close(&all[i]);
			if (all[i] == -1)
				all[i] = ask(argv[1]);
			up += all[i] != -1;
		}
		if (up == n && !told) {
			told = true;
			(void)puts("up");
			(void)fflush(stdout);
		}
		(void)usleep(100000);
	}
}
