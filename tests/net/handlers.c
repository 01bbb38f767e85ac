/*
 * handlers.c - one handler under several grants: its first argument says what it does, and its
 * result is one JSON string that tells what came of it. What it does against the wall ends it, or
 * is told.
 */
#include "jobs/cage/registry.h"
#include "sandbox/entry.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BROKER (STK_SLOT_EXTRAS + STK_EXTRA_BROKER)

struct net_args {
	size_t n;
	const char *arg[8];
};

static int bind_args(const json_t *args, void *out, struct stockade_violation *v)
{
	struct net_args *a = out;

	a->n = json_array_size(args);
	for (size_t i = 0; i < a->n; i++) {
		const char *text = json_string_value(json_array_get(args, i));

		if (i >= sizeof(a->arg) / sizeof(a->arg[0]) || text == NULL) {
			(void)snprintf(v->rule, sizeof(v->rule), "up to eight strings");
			return -1;
		}
		a->arg[i] = text;
	}
	return 0;
}

static struct stockade_result say(struct stockade_job *job, const char *text)
{
	char json[1024];

	(void)snprintf(json, sizeof(json), "\"%s\"", text);
	return stockade_result_json(job, json) == 0 ? STOCKADE_DONE
						    : stockade_fail(job, 1, "result");
}

static int dial(struct stockade_job *job, const struct net_args *a)
{
	return stockade_connect(
	    job, a->arg[1], (uint16_t)atoi(a->arg[2]), a->n > 3 ? (uint32_t)atoi(a->arg[3]) : 0);
}

static struct stockade_result refused(struct stockade_job *job)
{
	int err = errno;

	return stockade_fail(job, (uint32_t)err, "%s", stockade_connect_why(job));
}

/* connect HOST PORT [MS]: a line goes out, what comes back is the result. */
static struct stockade_result do_connect(struct stockade_job *job, const struct net_args *a)
{
	char got[256] = "";
	int fd = dial(job, a), on = 1;
	ssize_t n;

	if (fd == -1)
		return refused(job);
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1 ||
	    send(fd, "hello\n", 6, MSG_NOSIGNAL) != 6)
		return stockade_fail(job, (uint32_t)errno, "send");
	n = recv(fd, got, sizeof(got) - 1, 0);
	if (n < 0)
		return stockade_fail(job, (uint32_t)errno, "recv");
	got[strcspn(got, "\r\n")] = '\0';
	return say(job, got);
}

/* many N HOST PORT: how many of them were made, and why not more. */
static struct stockade_result do_many(struct stockade_job *job, const struct net_args *a)
{
	int want = atoi(a->arg[1]), made = 0, fd = 0;
	char text[300];

	while (made < want && fd != -1) {
		fd = stockade_connect(job, a->arg[2], (uint16_t)atoi(a->arg[3]), 0);
		if (fd != -1 && a->n < 5)
			(void)close(fd);
		made += fd != -1;
	}
	(void)snprintf(text, sizeof(text), "%d %s", made, stockade_connect_why(job));
	return say(job, text);
}

/* twice HOST PORT: the second one's errno after the first one, whatever that came to. */
static struct stockade_result do_twice(struct stockade_job *job, const struct net_args *a)
{
	int first = dial(job, a), err;
	char text[300];

	err = errno;
	(void)snprintf(
	    text, sizeof(text), "%d %s; ", first == -1 ? err : 0, stockade_connect_why(job));
	first = dial(job, a);
	err = errno;
	(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d %s",
	    first == -1 ? err : 0, stockade_connect_why(job));
	return say(job, text);
}

/* malformed KIND HOST PORT: something else than a request, then a request. */
static struct stockade_result do_malformed(struct stockade_job *job, const struct net_args *a)
{
	struct stk_net_ask ask = { .magic = STK_NET_ASK_MAGIC, .seq = 9, .port = 80 };
	struct stk_terms terms = {
		.magic = STK_TERMS_MAGIC, .connects_max = 1000, .timeout_ms = 1000, .n_nets = 1
	};
	const struct net_args then = { .n = 3, .arg = { "connect", a->arg[2], a->arg[3] } };
	ssize_t n = 0;

	memset(ask.host, 'a', sizeof(ask.host));
	if (strcmp(a->arg[1], "short") == 0)
		n = send(BROKER, &ask, 7, MSG_NOSIGNAL);
	else if (strcmp(a->arg[1], "empty") == 0)
		n = send(BROKER, &ask, 0, MSG_NOSIGNAL);
	else if (strcmp(a->arg[1], "endless") == 0)
		n = send(BROKER, &ask, sizeof(ask), MSG_NOSIGNAL);
	else if (strcmp(a->arg[1], "port") == 0) {
		memset(ask.host, 0, sizeof(ask.host));
		ask.port = 0x10050;
		n = send(BROKER, &ask, sizeof(ask), MSG_NOSIGNAL);
	} else if (strcmp(a->arg[1], "terms") == 0) {
		(void)snprintf(terms.nets[0], STK_NET_MAX, "0.0.0.0/32:*");
		n = send(BROKER, &terms, sizeof(terms), MSG_NOSIGNAL);
	}
	if (n == -1)
		return stockade_fail(job, (uint32_t)errno, "cannot send");
	return do_connect(job, &then);
}

/* descriptors HOST PORT: a request with one of our descriptors beside it. */
static struct stockade_result do_descriptors(struct stockade_job *job, const struct net_args *a)
{
	struct stk_net_ask ask = { .magic = STK_NET_ASK_MAGIC, .seq = 77, .port = 80 };
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .head = { .cmsg_level = SOL_SOCKET,
			  .cmsg_type = SCM_RIGHTS,
			  .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct iovec iov = { &ask, sizeof(ask) };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	const struct net_args then = { .n = 3, .arg = { "connect", a->arg[1], a->arg[2] } };
	const int fd = STK_SLOT_REPORT;

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	strcpy(ask.host, "192.0.2.77");
	if (sendmsg(BROKER, &msg, MSG_NOSIGNAL) != (ssize_t)sizeof(ask))
		return stockade_fail(job, (uint32_t)errno, "cannot send");
	return do_connect(job, &then); /* its answer comes second, the other one's is passed over */
}

/* What the kernel tells of the sockets that a job has: of its own, and who made the broker's. */
static int look(int fd, const char *call)
{
	int value = -1;
	socklen_t size = sizeof(value);

	if (strcmp(call, "error") == 0) /* the control */
		return getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &size);
	if (strcmp(call, "mss") == 0)
		return getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &value, &size);
	/* SO_PEERPIDFD, Linux 6.5 */
	return getsockopt(BROKER, SOL_SOCKET, 77, &value, &size);
}

/* against CALL HOST PORT [PORT2]: what no connected socket is for; 0 in the result if it was done.
 */
static struct stockade_result do_against(struct stockade_job *job, const struct net_args *a)
{
	const struct net_args first = { .n = 3, .arg = { "connect", a->arg[2], a->arg[3] } };
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(a->n > 4 ? a->arg[4] : "9")) };
	const char *call = a->arg[1];
	int fd = dial(job, &first), one = 1;
	long rc = -1;
	char text[64];

	if (fd == -1)
		return refused(job);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (strcmp(call, "connect") == 0) {
		struct sockaddr_in peer = { 0 };
		socklen_t size = sizeof(peer);
		int let_go = connect(
			fd, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr)),
		    err = errno, aimed = connect(fd, (struct sockaddr *)&to, sizeof(to));

		(void)getpeername(fd, (struct sockaddr *)&peer, &size);
		(void)snprintf(text, sizeof(text), "%d %d %d, still at %d", let_go, aimed, err,
		    ntohs(peer.sin_port));
		return say(job, text);
	}
	if (strcmp(call, "sendto") == 0)
		rc = sendto(fd, "x", 1, MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof(to));
	else if (strcmp(call, "fastopen") == 0)
		rc = sendto(fd, "x", 1, MSG_FASTOPEN, NULL, 0);
	else if (strcmp(call, "fastopen-msg") == 0) {
		struct iovec iov = { text, 1 };
		struct msghdr msg = {
			.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &iov, .msg_iovlen = 1
		};

		rc = sendmsg(fd, &msg, MSG_FASTOPEN);
	} else if (strcmp(call, "socket") == 0)
		rc = socket(AF_INET, SOCK_STREAM, 0);
	else if (strcmp(call, "bind") == 0)
		rc = bind(fd, (struct sockaddr *)&to, sizeof(to));
	else if (strcmp(call, "listen") == 0)
		rc = listen(fd, 1);
	else if (strcmp(call, "sockopt") == 0)
		rc = setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 4);
	else if (strcmp(call, "async") == 0)
		rc = fcntl(fd, F_SETFL, O_ASYNC);
	else if (strcmp(call, "owner") == 0)
		rc = fcntl(fd, F_SETOWN, 1);
	else if (strcmp(call, "nodelay") == 0) /* the control: what a socket is for */
		rc = setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	else if (strcmp(call, "epoll") == 0) {
		struct epoll_event e = { .events = EPOLLOUT };
		int ep = epoll_create1(EPOLL_CLOEXEC);

		rc = ep == -1 || fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) == -1 ||
			     epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == -1 ||
			     epoll_wait(ep, &e, 1, 1000) != 1
			 ? -1
			 : 0;
	} else
		rc = look(fd, call);
	(void)snprintf(text, sizeof(text), "%d", rc == -1 ? errno : 0);
	return say(job, text);
}

/* closed HOST PORT: writes to a connection that the other side has closed. */
static struct stockade_result do_closed(struct stockade_job *job, const struct net_args *a)
{
	int fd = dial(job, a);
	char c;

	if (fd == -1 || send(fd, "x", 1, MSG_NOSIGNAL) != 1)
		return refused(job);
	while (recv(fd, &c, 1, 0) > 0)
		continue;
	while (write(fd, "x", 1) == 1)
		(void)usleep(1000);
	return say(job, errno == EPIPE || errno == ECONNRESET ? "EPIPE" : strerror(errno));
}

/* flood HOST PORT: as many requests as go into the queue at once. */
static struct stockade_result do_flood(struct stockade_job *job, const struct net_args *a)
{
	struct stk_net_ask ask = {
		.magic = STK_NET_ASK_MAGIC, .seq = 77, .port = (uint32_t)atoi(a->arg[2])
	};
	char text[64];
	int n = 0;

	(void)snprintf(ask.host, sizeof(ask.host), "%s", a->arg[1]);
	while (n < 4096 &&
	       send(BROKER, &ask, sizeof(ask), MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(ask))
		n++;
	(void)snprintf(text, sizeof(text), "%s at once", n < 64 ? "few" : "many");
	return say(job, text);
}

static const struct {
	const char *name;
	struct stockade_result (*act)(struct stockade_job *job, const struct net_args *a);
	size_t least;
} acts[] = {
	{ "connect", do_connect, 3 },
	{ "many", do_many, 4 },
	{ "twice", do_twice, 3 },
	{ "malformed", do_malformed, 4 },
	{ "descriptors", do_descriptors, 3 },
	{ "against", do_against, 4 },
	{ "closed", do_closed, 3 },
	{ "flood", do_flood, 3 },
};

static struct stockade_result act(struct stockade_job *job, const void *args)
{
	const struct net_args *a = args;

	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (a->n >= acts[i].least && strcmp(a->arg[0], acts[i].name) == 0)
			return acts[i].act(job, a);
	return stockade_fail(job, 1, "no such act");
}

#define BINDING(fn)                                                                 \
	extern const struct stockade_binding stockade_binding_net_##fn;             \
	const struct stockade_binding stockade_binding_net_##fn = {                 \
		.args_size = sizeof(struct net_args), .bind = bind_args, .run = act \
	};
BINDING(local)
BINDING(world)
BINDING(names)
BINDING(pure)
BINDING(files)
BINDING(few_fds)

#ifdef STOCKADE_HAS_CURL
#include "jobs/curl.h"

static char ca[16384];
static struct curl_blob ca_blob = { .data = ca, .flags = CURL_BLOB_NOCOPY };

int stockade_setup_net_curl(void);

/* Before the wall: TLS reads its files once, and so do we. The operator's setup_read shows them. */
int stockade_setup_net_curl(void)
{
	const char *path = getenv("TZ"); /* the one variable that reaches us; see the test */
	int fd = path == NULL || path[0] != '/' ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? 0 : read(fd, ca, sizeof(ca));

	ca_blob.len = n > 0 ? (size_t)n : 0;
	if (fd != -1)
		(void)close(fd);
	/* certificates are checked against the clock, whose zone libc would else look up in a file
	 */
	if (setenv("TZ", "UTC0", 1) == -1)
		return -1;
	tzset();
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -1;
}

static size_t keep(char *p, size_t size, size_t n, void *ctx)
{
	char *out = ctx;
	size_t room = 255 - strlen(out);

	strncat(out, p, size * n < room ? size * n : room);
	return size * n;
}

/* URL [HOST PORT]... */
static struct stockade_result fetch(struct stockade_job *job, const void *args)
{
	const struct net_args *a = args;
	CURL *curl = curl_easy_init();
	struct stockade_curl sc;
	char got[256] = "";
	CURLcode rc = curl == NULL ? CURLE_OUT_OF_MEMORY : CURLE_OK;

	if (rc != CURLE_OK)
		return stockade_fail(job, (uint32_t)rc, "curl");
	stockade_curl_init(&sc, job, curl);
	for (size_t i = 1; i + 1 < a->n && rc == CURLE_OK; i += 2)
		rc = stockade_curl_host(&sc, a->arg[i], (uint16_t)atoi(a->arg[i + 1]));
	curl_easy_setopt(curl, CURLOPT_URL, a->arg[0]);
	curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca_blob);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, got);
	if (rc == CURLE_OK)
		rc = curl_easy_perform(curl);
	curl_easy_cleanup(curl);
	stockade_curl_clear(&sc);
	if (rc != CURLE_OK)
		return stockade_fail(
		    job, (uint32_t)rc, "%s; %s", curl_easy_strerror(rc), stockade_connect_why(job));
	got[strcspn(got, "\r\n")] = '\0';
	return say(job, got);
}

extern const struct stockade_binding stockade_binding_net_curl;
const struct stockade_binding stockade_binding_net_curl = {
	.args_size = sizeof(struct net_args), .bind = bind_args, .run = fetch
};
#endif
