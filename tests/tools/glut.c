/*
 * glut.c - asks for /metrics, reads nothing of the answer, and sends on: how much does whoever
 * answers take?   stockade-glut PORT MEGABYTES     prints the bytes that it got rid of
 */
#include "sandbox/base.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int ask(unsigned port)
{
	static const char question[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
	const int little = 2304, segment = 100; /* so the answer waits in the server */
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (s == -1 || setsockopt(s, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little)) == -1 ||
	    setsockopt(s, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment)) == -1 ||
	    connect(s, (const struct sockaddr *)&to, sizeof(to)) == -1 ||
	    send(s, question, sizeof(question) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(question) - 1)
		stk_close(&s);
	return s;
}

int main(int argc, char **argv)
{
	static const char much[65536];
	size_t sent = 0, most;
	struct pollfd p = { .events = POLLOUT };
	ssize_t n;

	if (argc != 3)
		return 64;
	most = strtoul(argv[2], NULL, 10) << 20;
	p.fd = ask((unsigned)strtoul(argv[1], NULL, 10));
	if (p.fd == -1)
		return 69;
	(void)poll(NULL, 0, 200); /* the question is read by itself */
	while (sent < most && poll(&p, 1, 3000) == 1 &&
	       (n = send(p.fd, much, sizeof(much), MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
		sent += (size_t)n;
	stk_close(&p.fd);
	(void)printf("%zu\n", sent);
	return 0;
}
