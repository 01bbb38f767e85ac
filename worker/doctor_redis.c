/*
 * doctor_redis.c - see doctor.h: how exposed Redis is, asked of Redis itself. Its answers are a
 * stranger's: bounded by the link, looked at line by line, shown as cleaned text.
 */
#include "worker/doctor.h"

#include "worker/secret.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define MIB             (1 << 20)
#define FULL_PERCENT    80
#define RESERVE_CLIENTS 32 /* a web page, a scheduler, an operator */

/* The value of "@key:" in a text of "key:value\r\n" lines; an empty span if it is not there. */
static struct stk_span info_field(const struct stk_reply *r, const char *key)
{
	size_t n = strlen(key);
	const uint8_t *p, *end;

	if (r == NULL || r->type != STK_REPLY_STRING)
		return stk_span_of("", 0);
	p = r->bytes.p;
	end = p + r->bytes.len;
	while (p < end) {
		const uint8_t *eol = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((eol == NULL ? end : eol) - p);

		if (len > n && memcmp(p, key, n) == 0 && p[n] == ':') {
			len -= n + 1;
			if (len > 0 && p[n + len] == '\r')
				len--;
			return stk_span_of(p + n + 1, len);
		}
		p = eol == NULL ? end : eol + 1;
	}
	return stk_span_of("", 0);
}

/* A plain decimal of at most 18 digits, or -1. */
static int64_t number(struct stk_span s)
{
	int64_t v = 0;

	if (s.len == 0 || s.len > 18)
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		v = v * 10 + (s.p[i] - '0');
	}
	return v;
}

/* One question; NULL if it was not answered, and *@why says so in cleaned words. */
static struct stk_reply *ask(
    struct stk_redis *link, const char *a, const char *b, const char *c, char *why, size_t size)
{
	struct stk_reply *r = NULL;
	enum stk_err e = stk_redis_words(link, &r, a, b, c, NULL);

	if (e == STK_OK)
		return r;
	stk_find_clean(stk_span_str(stk_redis_why(link)), why, size);
	return NULL;
}

static void not_told(struct stk_findings *f, const char *name, const char *why, const char *allow)
{
	stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, name, "not told: %s", why),
	    "ask as a user who has %s: --as USER --as-password FILE (SECURITY.md has its ACL)",
	    allow);
}

/* --- the link --------------------------------------------------------------------------------- */

static bool loopback(const struct sockaddr_storage *a)
{
	static const uint8_t mapped[13] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127 };

	if (a->ss_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, a, sizeof(in));
		return ntohl(in.sin_addr.s_addr) >> 24 == 127;
	}
	if (a->ss_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, a, sizeof(in6));
		return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) ||
		       memcmp(&in6.sin6_addr, mapped, sizeof(mapped)) == 0;
	}
	return a->ss_family == AF_UNIX;
}

static void look_at_transport(const struct stk_doctor_redis *d, struct stk_findings *f)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t len = sizeof(peer);
	const char *name = "transport";

	if (getpeername(stk_redis_fd(d->link), (struct sockaddr *)&peer, &len) != 0)
		(void)stk_find(
		    f, STK_GRADE_WARN, STK_AREA_REDIS, name, "unknown: %s", strerror(errno));
	else if (peer.ss_family == AF_UNIX)
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_REDIS, name, "a unix socket");
	else if (loopback(&peer))
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_REDIS, name, "TCP on this host");
	else
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, name,
				 "TCP to another host without TLS: passwords and arguments can be "
				 "read on the way"),
		    "a tunnel (stunnel, WireGuard, a sidecar) or a unix socket");
}

static void look_at_user(const struct stk_doctor_redis *d, struct stk_findings *f)
{
	struct stk_reply *r = NULL;
	char user[64] = "default";

	/* who logged in by name is known: to ask would only be one more denial in Redis's log */
	if (d->config->redis_user != NULL)
		stk_find_clean(stk_span_str(d->config->redis_user), user, sizeof(user));
	else if (stk_redis_words(d->link, &r, "ACL", "WHOAMI", NULL) == STK_OK &&
		 r->type == STK_REPLY_STRING)
		stk_find_clean(r->bytes, user, sizeof(user));
	stk_reply_free(r);
	if (strcmp(user, "default") == 0)
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, "user",
				 "logged in as the user `default`, who may do everything"),
		    "an ACL user for the workers (SECURITY.md has it): redis_user, "
		    "redis_password_file");
	else
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_REDIS, "user", "logged in as %s", user);
}

/* --- INFO ------------------------------------------------------------------------------------- */

static void look_at_memory(const struct stk_reply *info, struct stk_findings *f)
{
	int64_t used = number(info_field(info, "used_memory"));
	int64_t most = number(info_field(info, "maxmemory"));
	char policy[32];

	stk_find_clean(info_field(info, "maxmemory_policy"), policy, sizeof(policy));
	if (strcmp(policy, "noeviction") == 0)
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_REDIS, "eviction", "noeviction");
	else
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, "eviction",
				 "maxmemory-policy is %s: short of memory, Redis throws jobs away",
				 policy[0] == '\0' ? "not told" : policy),
		    "CONFIG SET maxmemory-policy noeviction, and in redis.conf");
	if (most == 0)
		most = number(info_field(info, "total_system_memory"));
	if (used < 0 || most <= 0)
		(void)stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, "memory", "not told");
	else if (used / (most / 100 + 1) >= FULL_PERCENT)
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, "memory",
				 "%lld of %lld MiB used (%d %% or more)", (long long)(used / MIB),
				 (long long)(most / MIB), FULL_PERCENT),
		    "more maxmemory, or find out what fills it");
	else
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_REDIS, "memory", "%lld of %lld MiB used",
		    (long long)(used / MIB), (long long)(most / MIB));
}

static void look_at_losses(const struct stk_reply *info, struct stk_findings *f)
{
	int64_t evicted = number(info_field(info, "evicted_keys"));
	int64_t rejected = number(info_field(info, "rejected_connections"));

	if (evicted > 0)
		(void)stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, "evicted",
		    "%lld keys were thrown away since it started; jobs may be among them",
		    (long long)evicted);
	if (rejected > 0)
		(void)stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, "rejected",
		    "%lld connections were refused since it started: maxclients is too low",
		    (long long)rejected);
}

static void look_at_persistence(const struct stk_reply *info, struct stk_findings *f)
{
	if (number(info_field(info, "aof_enabled")) == 1)
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_REDIS, "persistence", "appendonly");
	else
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, "persistence",
				 "no append-only file: a crash of Redis loses jobs and what is "
				 "known of them"),
		    "appendonly yes, unless losing them is meant");
}

/* A worker has its link, one to spare, and one for each queue it waits on. */
static void look_at_clients(
    const struct stk_doctor_redis *d, const struct stk_reply *info, struct stk_findings *f)
{
	int64_t most = number(info_field(info, "maxclients"));
	int64_t need = d->config->concurrency * (2 + (int64_t)d->n_queues);

	if (most < 0)
		(void)stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, "maxclients", "not told");
	else if (need + RESERVE_CLIENTS > most)
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, "maxclients",
				 "%lld connections for %lld workers with %zu queues, and %d for "
				 "others, of at most %lld",
				 (long long)need, (long long)d->config->concurrency, d->n_queues,
				 RESERVE_CLIENTS, (long long)most),
		    "CONFIG SET maxclients %lld, or fewer workers or queues",
		    (long long)need + RESERVE_CLIENTS);
	else
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_REDIS, "maxclients",
		    "%lld connections needed of %lld", (long long)need, (long long)most);
}

static void look_at_info(const struct stk_doctor_redis *d, struct stk_findings *f)
{
	char why[128] = "an odd answer";
	struct stk_reply *r = ask(d->link, "INFO", NULL, NULL, why, sizeof(why));

	if (r == NULL || r->type != STK_REPLY_STRING) {
		not_told(f, "info", why, "+info");
	} else {
		look_at_memory(r, f);
		look_at_losses(r, f);
		look_at_persistence(r, f);
		look_at_clients(d, r, f);
	}
	stk_reply_free(r);
}

static void look_at_bulk(const struct stk_doctor_redis *d, struct stk_findings *f)
{
	char why[128] = "an odd answer";
	struct stk_reply *r = ask(d->link, "CONFIG", "GET", "proto-max-bulk-len", why, sizeof(why));
	int64_t v = r != NULL && r->type == STK_REPLY_ARRAY && r->n == 2 &&
			    r->elements[1].type == STK_REPLY_STRING
			? number(r->elements[1].bytes)
			: -1;

	if (v < 0)
		not_told(f, "proto-max-bulk-len", why, "+config|get");
	else if (v > MIB)
		stk_find_fix(stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, "proto-max-bulk-len",
				 "%lld MiB: whoever may push can store elements of that size",
				 (long long)(v / MIB)),
		    "CONFIG SET proto-max-bulk-len 1mb, unless others need more");
	else
		(void)stk_find(f, STK_GRADE_OK, STK_AREA_REDIS, "proto-max-bulk-len", "%lld bytes",
		    (long long)v);
	stk_reply_free(r);
}

/* --- the clock -------------------------------------------------------------------------------- */

void stk_doctor_clock(
    int64_t redis_us, int64_t before_us, int64_t after_us, int64_t skew_ms, struct stk_findings *f)
{
	/* between the question and the answer nothing is known: only what lies outside counts */
	int64_t off_us = redis_us < before_us  ? before_us - redis_us
			 : redis_us > after_us ? redis_us - after_us
					       : 0;
	int64_t off_ms = off_us / 1000;
	enum stk_grade g = off_ms > skew_ms       ? STK_GRADE_REFUSE
			   : off_ms > skew_ms / 2 ? STK_GRADE_WARN
						  : STK_GRADE_OK;
	struct stk_finding *v = stk_find(f, g, STK_AREA_REDIS, "clock",
	    "%lld ms from Redis's, of %lld ms that are forgiven", (long long)off_ms,
	    (long long)skew_ms);

	if (g != STK_GRADE_OK)
		stk_find_fix(v, "let chrony or ntpd run on both machines");
}

static int64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void look_at_clock(const struct stk_doctor_redis *d, struct stk_findings *f)
{
	char why[128] = "an odd answer";
	int64_t before = now_us(), after, s = -1, us = -1;
	struct stk_reply *r = ask(d->link, "TIME", NULL, NULL, why, sizeof(why));

	after = now_us();
	if (r != NULL && r->type == STK_REPLY_ARRAY && r->n == 2) {
		s = number(r->elements[0].bytes);
		us = number(r->elements[1].bytes);
	}
	stk_reply_free(r);
	if (s < 0 || us < 0 || us > 999999 || s > INT64_MAX / 2000000)
		not_told(f, "clock", why, "+time");
	else
		stk_doctor_clock(s * 1000000 + us, before, after, d->config->skew_ms, f);
}

/* --- all of it -------------------------------------------------------------------------------- */

/* NULL, and why in @why. @user: NULL for the URL's own. */
static struct stk_redis *connect_link(const struct stk_config *c, const char *user, int password_fd,
    char why[static STK_REDIS_WHY_BYTES])
{
	struct stk_redis_url url;
	struct stk_redis_config config = {
		.url = &url,
		.password_fd = password_fd,
		.client_name = "stockade-doctor",
		.connect_timeout_ms = (int)c->redis_timeout_ms,
		.command_timeout_ms = (int)c->redis_timeout_ms,
	};
	struct stk_redis *link = NULL;

	if (stk_redis_url_parse(c->redis, &url, why, STK_REDIS_WHY_BYTES) != STK_OK)
		return NULL;
	if (user != NULL)
		(void)snprintf(url.user, sizeof(url.user), "%s", user);
	if (stk_redis_new(&config, &link) != STK_OK || stk_redis_connect(link) != STK_OK) {
		(void)snprintf(why, STK_REDIS_WHY_BYTES, "%s",
		    link == NULL ? "out of memory" : stk_redis_why(link));
		stk_redis_free(link);
		link = NULL;
	}
	stk_redis_url_clear(&url);
	return link;
}

/* From here on somebody else asks, if there is one who may: the worker's link stays where not. */
static void ask_as(
    struct stk_doctor_redis *d, const struct stk_doctor_as *as, struct stk_findings *f)
{
	char why[STK_REDIS_WHY_BYTES] = "", name[64];
	STK_AUTO_CLOSE int fd = -1;
	struct stk_redis *other = NULL;

	if (as == NULL || as->user == NULL)
		return;
	stk_find_clean(stk_span_str(as->user), name, sizeof(name));
	if (as->password_file != NULL && (fd = stk_open_password_file(as->password_file)) == -1)
		(void)snprintf(why, sizeof(why), "%s: %s", as->password_file, strerror(errno));
	else
		other = connect_link(d->config, as->user, fd, why);
	if (other == NULL) {
		(void)stk_find(f, STK_GRADE_WARN, STK_AREA_REDIS, "as",
		    "cannot ask as %s: %s; the worker's user asks", name, why);
		return;
	}
	(void)stk_find(f, STK_GRADE_OK, STK_AREA_REDIS, "as", "%s asks from here on", name);
	stk_redis_free(d->link);
	d->link = other;
}

void stk_doctor_redis(const struct stk_config *c, const char *const *queues, size_t n_queues,
    int password_fd, const struct stk_doctor_as *as, struct stk_findings *f)
{
	struct stk_doctor_redis d = { .config = c, .queues = queues, .n_queues = n_queues };
	char why[STK_REDIS_WHY_BYTES];

	d.link = connect_link(c, c->redis_user, password_fd, why);
	if (d.link == NULL) {
		(void)stk_find(f, STK_GRADE_REFUSE, STK_AREA_REDIS, "connect",
		    "cannot be reached at %s: %s", c->redis, why);
		return;
	}
	look_at_transport(&d, f);
	look_at_user(&d, f);
	ask_as(&d, as, f);
	look_at_info(&d, f);
	look_at_bulk(&d, f);
	look_at_clock(&d, f);
	stk_doctor_acl(&d, f);
	if (!stk_redis_connected(d.link))
		(void)stk_find(f, STK_GRADE_REFUSE, STK_AREA_REDIS, "answers",
		    "the link broke while it was asked: %s", stk_redis_why(d.link));
	stk_redis_free(d.link);
}
