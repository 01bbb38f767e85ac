/*
 * manager.c - a service manager's end of sd_notify(3): each datagram as a line on standard output,
 * its own line ends as blanks, until killed.
 *   stockade-manager /a/path | @abstract
 */
#include "sandbox/base.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(int argc, char **argv)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	STK_AUTO_CLOSE int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t len = argc == 2 ? strlen(argv[1]) : 0;
	char text[4096];
	ssize_t n;

	if (len == 0 || len >= sizeof(at.sun_path) || s == -1)
		return 64;
	memcpy(at.sun_path, argv[1], len);
	if (at.sun_path[0] == '@')
		at.sun_path[0] = '\0';
	if (bind(s, (const struct sockaddr *)&at,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0)
		return 69;
	while ((n = recv(s, text, sizeof(text), 0)) >= 0) {
		for (ssize_t i = 0; i < n; i++)
			(void)putchar(text[i] == '\n' ? ' ' : text[i]);
		(void)putchar('\n');
		(void)fflush(stdout);
	}
	return 71;
}
