/*
 * say.c - standard input to a unix socket, what comes back to standard output, until the other end
 * closes or a few seconds passed.
 *   stockade-say SOCKET
 */
#include "sandbox/base.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	STK_AUTO_CLOSE int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd p = { .fd = s, .events = POLLIN };
	uint8_t *text, back[4096];
	size_t len;
	ssize_t n;

	if (argc != 2 || s == -1 || stk_read_all(STDIN_FILENO, 1u << 20, &text, &len) != STK_OK)
		return 64;
	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", argv[1]);
	if (connect(s, (const struct sockaddr *)&to, sizeof(to)) != 0)
		return 69;
	for (size_t at = 0; at < len; at += (size_t)n)
		if ((n = send(s, text + at, len - at, MSG_NOSIGNAL)) <= 0)
			break;
	free(text);
	(void)shutdown(s, SHUT_WR);
	while (poll(&p, 1, 5000) == 1 && (n = read(s, back, sizeof(back))) > 0)
		(void)fwrite(back, 1, (size_t)n, stdout);
	return 0;
}
