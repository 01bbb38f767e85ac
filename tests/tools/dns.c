/*
 * dns.c - a name server for one test, in a network namespace of its own: brings loopback up with
 * the addresses 10.0.0.5 and 198.41.0.4, answers on 127.0.0.1:53, and serves "world" on port 8080.
 *
 * Names say what is answered: "a-10-0-0-5.beneath.example" is that address, "turns-A-B" first A and
 * then B, "mixed-A-B" both, "slow..." nothing ever, anything else that there is no such name.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int add_address(int fd, const char *name, const char *address)
{
	struct ifreq ifr = { .ifr_flags = 0 };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr(address) };

	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	memcpy(&ifr.ifr_addr, &in, sizeof(in));
	return ioctl(fd, SIOCSIFADDR, &ifr);
}

static int loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd == -1 || ioctl(fd, SIOCSIFFLAGS, &ifr) == -1 ||
	    add_address(fd, "lo:0", "10.0.0.5") == -1 ||
	    add_address(fd, "lo:1", "198.41.0.4") == -1)
		return -1;
	return close(fd);
}

static int serve_on(int type, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, type, 0), on = 1;

	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&in, sizeof(in)) == -1 ||
	    (type == SOCK_STREAM && listen(fd, 16) == -1))
		return -1;
	return fd;
}

/* The first label, its length, or -1 for what is no question. */
static int first_label(const uint8_t *q, ssize_t n, char out[64])
{
	if (n < 17 || q[12] == 0 || q[12] > 63 || 13 + q[12] >= n)
		return -1;
	memcpy(out, q + 13, q[12]);
	out[q[12]] = '\0';
	return q[12];
}

static ssize_t question_end(const uint8_t *q, ssize_t n)
{
	ssize_t at = 12;

	while (at < n && q[at] != 0)
		at += q[at] + 1;
	return at + 5 <= n ? at + 5 : -1;
}

/* Which addresses the label stands for; each call is one lookup of it. */
static int addresses(const char *label, uint8_t out[2][4])
{
	static int turned;
	unsigned a[8];

	if (sscanf(label, "a-%u-%u-%u-%u", &a[0], &a[1], &a[2], &a[3]) == 4) {
		for (int i = 0; i < 4; i++)
			out[0][i] = (uint8_t)a[i];
		return 1;
	}
	if (sscanf(label, "turns-%u-%u-%u-%u-%u-%u-%u-%u", &a[0], &a[1], &a[2], &a[3], &a[4], &a[5],
		&a[6], &a[7]) == 8) {
		int base = turned++ == 0 ? 0 : 4;

		for (int i = 0; i < 4; i++)
			out[0][i] = (uint8_t)a[base + i];
		return 1;
	}
	if (sscanf(label, "mixed-%u-%u-%u-%u-%u-%u-%u-%u", &a[0], &a[1], &a[2], &a[3], &a[4], &a[5],
		&a[6], &a[7]) == 8) {
		for (int i = 0; i < 8; i++)
			out[i / 4][i % 4] = (uint8_t)a[i];
		return 2;
	}
	return 0;
}

static void reply(int fd)
{
	uint8_t q[512 + 64], addrs[2][4];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(fd, q, 512, 0, (struct sockaddr *)&from, &size), end;
	char label[64];
	int k = 0, type;

	if (n < 0 || first_label(q, n, label) == -1 || (end = question_end(q, n)) == -1 ||
	    strncmp(label, "slow", 4) == 0)
		return;
	type = q[end - 3];
	/* AAAA of a name that exists: an empty answer */
	if (type == 1 || (label[0] != 'a' && label[0] != 't' && label[0] != 'm'))
		k = addresses(label, addrs);
	q[2] = 0x81;
	q[3] = strchr(label, '-') == NULL ? 0x83 : 0x80;
	q[6] = 0;
	q[7] = (uint8_t)k;
	memset(q + 8, 0, 4);
	for (int i = 0; i < k; i++) {
		static const uint8_t head[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4 };

		memcpy(q + end, head, sizeof(head));
		memcpy(q + end + sizeof(head), addrs[i], 4);
		end += 16;
	}
	(void)sendto(fd, q, (size_t)end, 0, (struct sockaddr *)&from, size);
}

int main(void)
{
	struct pollfd p[2] = { { .events = POLLIN }, { .events = POLLIN } };

	if (loopback_up() == -1 || (p[0].fd = serve_on(SOCK_DGRAM, 53)) == -1 ||
	    (p[1].fd = serve_on(SOCK_STREAM, 8080)) == -1) {
		perror("dns");
		return 1;
	}
	(void)alarm(160);
	(void)puts("ready");
	(void)fflush(stdout);
	while (poll(p, 2, -1) > 0) {
		int one;

		if (p[0].revents != 0)
			reply(p[0].fd);
		if (p[1].revents == 0 || (one = accept(p[1].fd, NULL, NULL)) == -1)
			continue;
		(void)send(one, "world\n", 6, MSG_NOSIGNAL);
		(void)close(one);
	}
	return 0;
}
