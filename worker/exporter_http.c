/*
 * exporter_http.c - see exporter.h: HTTP, by libevent's evhttp, which is used here and nowhere
 * else.
 *
 * Who asks is anybody. RLIMIT_NOFILE bounds the connections; a connection that does not ask in
 * time, or does not read its answer, is ended; and where all are taken, the oldest make room, so
 * that whoever holds many of them open keeps nobody else out. Each connection gets one answer.
 */
#include "worker/exporter.h"

#include "worker/log.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_MAX  8192
#define BODY_MAX    0
#define UNREAD_MAX  (2 * HEADER_MAX) /* what evhttp has not looked at, while it answers */
#define ASK_MS      2000             /* from the connection to the whole of the request */
#define READ_MS     10000            /* from there to the end of the answer */
#define LOOK_MS     500
#define ROOM_MS     50  /* how long nobody is let in when there is no room */
#define YOUNG_MS    250 /* so young a connection is not ended to make room */
#define ROOM_FOR    8
#define LINES_A_MIN 2

struct connection {
	ino_t is; /* 0: none; a descriptor's number is used again, its socket's is not */
	int64_t since_ms;
	bool answered, ended;
};

struct stk_http {
	struct stk_exporter *e;
	struct event_base *base;
	struct evhttp *http;
	struct evconnlistener *listener;
	struct event *look, *resume;
	int first; /* descriptor that a connection can have */
	struct connection connections[STK_EXPORTER_CONNECTIONS];
};

/* libevent gives two of its callbacks no context of ours: the log's, and that of the listener's
 * errors, which gets evhttp's. There is one of each in a process. */
static struct stk_log_budget lines;
static struct stk_http *served;

static void heard(int severity, const char *text)
{
	uint64_t missed;

	if (severity < EVENT_LOG_WARN ||
	    !stk_log_allow(&lines, LINES_A_MIN, stk_monotonic_ms(), &missed))
		return;
	(void)stk_log_start(STK_LOG_WARN, "exporter.trouble", "unknown", "libevent: %.200s", text);
	stk_log_end();
}

/* --- whose time is up ----------------------------------------------------------------------------
 */

/* What stands at descriptor first + @i now. */
static struct connection *see(struct stk_http *h, int i)
{
	struct connection *c = &h->connections[i];
	struct stat st;

	if (fstat(h->first + i, &st) != 0 || !S_ISSOCK(st.st_mode)) {
		*c = (struct connection){ 0 };
		return c;
	}
	if (c->is != st.st_ino)
		*c = (struct connection){ .is = st.st_ino, .since_ms = stk_monotonic_ms() };
	return c;
}

/* evhttp sees its end and closes it. */
static void end(struct stk_http *h, int i)
{
	(void)shutdown(h->first + i, SHUT_RDWR);
	h->connections[i].ended = true;
	stk_exporter_note_cut(h->e);
}

static void look(evutil_socket_t fd, short what, void *ctx)
{
	struct stk_http *h = ctx;
	int64_t now = stk_monotonic_ms();

	(void)fd;
	(void)what;
	for (int i = 0; i < STK_EXPORTER_CONNECTIONS; i++) {
		const struct connection *c = see(h, i);

		if (c->is != 0 && !c->ended && now - c->since_ms > (c->answered ? READ_MS : ASK_MS))
			end(h, i);
	}
}

static int oldest(struct stk_http *h)
{
	int64_t before = stk_monotonic_ms() - YOUNG_MS;
	int found = -1;

	for (int i = 0; i < STK_EXPORTER_CONNECTIONS; i++) {
		const struct connection *c = see(h, i);

		if (c->is == 0 || c->ended || c->since_ms > before)
			continue;
		if (found == -1 || c->since_ms < h->connections[found].since_ms)
			found = i;
	}
	return found;
}

/* accept() found no descriptor; or no memory. */
static void no_room(struct evconnlistener *l, void *ctx)
{
	static const struct timeval pause = { 0, ROOM_MS * 1000 };
	struct stk_http *h = served;
	int i;

	(void)ctx;
	for (int n = 0; n < ROOM_FOR && (i = oldest(h)) != -1; n++)
		end(h, i);
	(void)evconnlistener_disable(l);
	(void)evtimer_add(h->resume, &pause);
}

static void resume(evutil_socket_t fd, short what, void *ctx)
{
	struct stk_http *h = ctx;

	(void)fd;
	(void)what;
	(void)evconnlistener_enable(h->listener);
}

/* --- requests ------------------------------------------------------------------------------------
 */

static void note_answered(struct stk_http *h, struct evhttp_request *r)
{
	struct evhttp_connection *c = evhttp_request_get_connection(r);
	int i = c == NULL ? -1 : bufferevent_getfd(evhttp_connection_get_bufferevent(c)) - h->first;

	if (i < 0 || i >= STK_EXPORTER_CONNECTIONS || see(h, i)->is == 0)
		return;
	h->connections[i].answered = true;
	h->connections[i].since_ms = stk_monotonic_ms();
}

static const char *reason_of(int status)
{
	switch (status) {
	case 200: return "OK";
	case 404: return "Not Found";
	case 503: return "Service Unavailable";
	default: return "Internal Server Error";
	}
}

static void answer(struct evhttp_request *r, void *ctx)
{
	struct stk_http *h = ctx;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r);
	struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
	struct evbuffer *out = evhttp_request_get_output_buffer(r);
	struct stk_page page;
	char length[24];

	stk_exporter_answer(h->e, uri == NULL ? NULL : evhttp_uri_get_path(uri), &page);
	note_answered(h, r);
	(void)snprintf(length, sizeof(length), "%zu", page.body.len);
	if (evhttp_add_header(headers, "Content-Type", page.type) != 0 ||
	    evhttp_add_header(headers, "Content-Length", length) != 0 ||
	    evhttp_add_header(headers, "Connection", "close") != 0 ||
	    (evhttp_request_get_command(r) != EVHTTP_REQ_HEAD &&
		evbuffer_add(out, page.body.p, page.body.len) != 0)) {
		evhttp_send_error(r, 500, NULL);
		return;
	}
	evhttp_send_reply(r, page.status, reason_of(page.status), NULL);
}

/* While an answer waits to be read evhttp still takes what comes, and would keep all of it. */
static struct bufferevent *new_buffer(struct event_base *base, void *ctx)
{
	struct bufferevent *b = bufferevent_socket_new(base, -1, 0);

	(void)ctx;
	if (b != NULL)
		bufferevent_setwatermark(b, EV_READ, 0, UNREAD_MAX);
	return b;
}

/* --- life ----------------------------------------------------------------------------------------
 */

/* poll() needs no descriptor and no further call. */
static struct event_base *new_base(void)
{
	struct event_config *c = event_config_new();
	struct event_base *b = NULL;

	if (c != NULL && event_config_avoid_method(c, "epoll") == 0 &&
	    event_config_avoid_method(c, "select") == 0 &&
	    event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0)
		b = event_base_new_with_config(c);
	if (c != NULL)
		event_config_free(c);
	return b;
}

static bool serve(struct stk_http *h, int listener)
{
	static const struct timeval every = { 0, LOOK_MS * 1000 };
	struct evhttp_bound_socket *bound = evhttp_accept_socket_with_handle(h->http, listener);

	if (bound == NULL)
		return false;
	h->listener = evhttp_bound_socket_get_listener(bound);
	served = h;
	evconnlistener_set_error_cb(h->listener, no_room);
	evhttp_set_allowed_methods(h->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(h->http, HEADER_MAX);
	evhttp_set_max_body_size(h->http, BODY_MAX);
	evhttp_set_timeout(h->http, READ_MS / 1000);
	evhttp_set_bevcb(h->http, new_buffer, NULL);
	evhttp_set_gencb(h->http, answer, h);
	h->look = event_new(h->base, -1, EV_PERSIST, look, h);
	h->resume = evtimer_new(h->base, resume, h);
	return h->look != NULL && h->resume != NULL && evtimer_add(h->look, &every) == 0;
}

enum stk_err stk_http_open(struct stk_exporter *e, int listener, struct stk_http **out)
{
	struct stk_http *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return STK_E_NOMEM;
	h->e = e;
	event_set_log_callback(heard);
	h->base = new_base();
	h->http = h->base == NULL ? NULL : evhttp_new(h->base);
	if (h->http == NULL || !serve(h, listener)) {
		free(h); /* the process ends with it */
		return STK_E_SYSTEM;
	}
	h->first = fcntl(listener, F_DUPFD_CLOEXEC, 0);
	if (h->first == -1 || close(h->first) == -1) {
		free(h);
		return STK_E_SYSTEM;
	}
	*out = h;
	return STK_OK;
}

void stk_http_run(struct stk_http *h)
{
	(void)event_base_dispatch(h->base);
	_exit(70); /* there is always the next look to wait for */
}
