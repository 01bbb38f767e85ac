/*
 * broker.c - see broker.h. Its peers are a hostile job and whatever answers on port 53; a record of
 * the job's that does not fit ends B, and with it all that the job could still reach.
 */
#include "sandbox/broker.h"

#include "sandbox/caps.h"
#include "sandbox/fds.h"
#include "sandbox/filter.h"
#include "sandbox/follow.h"
#include "sandbox/limits.h"
#include "sandbox/readonly.h"

#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

const char *stk_broker_step_name(uint32_t step)
{
	static const char *const names[STK_BROKER_STEP_COUNT] = {
		[STK_BROKER_STEP_NONE] = "no step",
#define X(id, text) [STK_BROKER_STEP_##id] = text,
		STK_BROKER_STEPS(X)
#undef X
	};

	return step < STK_BROKER_STEP_COUNT ? names[step] : "an unknown step";
}

/* --- terms ------------------------------------------------------------------------------------ */

static bool text_ends(const char *s, size_t field)
{
	return memchr(s, '\0', field) != NULL;
}

enum stk_err stk_terms_take(const struct stk_terms *t, struct stk_net_law *out)
{
	memset(out, 0, sizeof(*out));
	if (t->magic != STK_TERMS_MAGIC || t->n_nets == 0 || t->n_nets > STK_NETS_MAX ||
	    t->n_refused > STK_NET_REFUSED_MAX || t->n_redis > STK_NET_PEERS_MAX ||
	    t->timeout_ms == 0 || t->connects_max == 0)
		return STK_E_FORMAT;
	for (uint32_t i = 0; i < t->n_nets; i++)
		if (!text_ends(t->nets[i], STK_NET_MAX) ||
		    stk_net_rule_parse(t->nets[i], &out->rules[i]) != NULL)
			return STK_E_FORMAT;
	for (uint32_t i = 0; i < t->n_refused; i++)
		if (!text_ends(t->refused[i], STK_NET_RANGE_MAX) ||
		    !stk_net_range_parse(t->refused[i], &out->refused[i]))
			return STK_E_FORMAT;
	memcpy(out->redis, t->redis, sizeof(out->redis));
	out->n_rules = t->n_nets;
	out->n_refused = t->n_refused;
	out->n_redis = t->n_redis;
	return STK_OK;
}

/* --- one request ------------------------------------------------------------------------------ */

static enum stk_err tell(const struct stk_broker *b, const struct stk_net_ask *ask,
    const struct stk_dialled *d, int64_t began_ms)
{
	struct stk_net_event e = { .magic = STK_NET_EVENT_MAGIC,
		.kind = STK_NET_EVENT_REQUEST,
		.name = d->name,
		.err = d->err,
		.port = ask->port,
		.took_ms = (uint32_t)(stk_monotonic_ms() - began_ms),
		.peer = { .family = d->addr.family, .port = (uint16_t)ask->port } };

	memcpy(e.peer.bytes, d->addr.bytes, sizeof(e.peer.bytes));
	memcpy(e.host, ask->host, sizeof(e.host));
	return stk_write_all(b->events, &e, sizeof(e));
}

static enum stk_err answer(
    const struct stk_broker *b, const struct stk_net_ask *ask, const struct stk_dialled *d)
{
	const struct stk_net_answer a = {
		.magic = STK_NET_ANSWER_MAGIC, .seq = ask->seq, .name = d->name, .err = d->err
	};

	return stk_fds_send(b->sock, &a, sizeof(a), &d->fd, d->fd == -1 ? 0 : 1);
}

static bool ask_good(const struct stk_net_ask *ask)
{
	return ask->magic == STK_NET_ASK_MAGIC && ask->port >= 1 && ask->port <= UINT16_MAX &&
	       text_ends(ask->host, sizeof(ask->host));
}

enum stk_err stk_broker_serve(struct stk_broker *b)
{
	struct stk_dialled d = { .name = STK_NET_TOO_MANY, .fd = -1 };
	int64_t began, timeout_ms = b->timeout_ms;
	struct stk_net_ask ask;
	enum stk_err e = stk_fds_recv(b->sock, &ask, sizeof(ask), NULL, 0, NULL);

	if (e != STK_OK && e != STK_E_FORMAT)
		return e;
	began = stk_monotonic_ms();
	if (e == STK_E_FORMAT || !ask_good(&ask)) {
		memset(&ask, 0, sizeof(ask));
		d.name = STK_NET_REQUEST_MALFORMED;
		e = tell(b, &ask, &d, began);
		return e == STK_OK ? STK_E_FORMAT : e;
	}
	if (ask.timeout_ms > 0 && ask.timeout_ms < b->timeout_ms)
		timeout_ms = ask.timeout_ms;
	if (b->left > 0)
		stk_dial(&b->law, b->resolve, ask.host, (uint16_t)ask.port, began + timeout_ms, &d);
	/* before the answer: when the job has its socket, the worker knows of it */
	e = tell(b, &ask, &d, began);
	if (e == STK_OK)
		e = answer(b, &ask, &d);
	stk_close(&d.fd);
	/* one answer says that it was too many; who asks on is not listening */
	if (b->left == 0)
		return STK_E_REFUSED;
	b->left--;
	return e;
}

/* --- becoming B ------------------------------------------------------------------------------- */

/* Nothing here needs more. NOFILE is also what the kernel allows the whole user to have under way
 * between processes when it is B that sends, so it leaves room for others. */
static int limit(void)
{
	static const struct {
		int resource;
		rlim_t most;
	} limits[] = {
		{ RLIMIT_NOFILE, 1024 },
		{ RLIMIT_FSIZE, 0 },
		{ RLIMIT_AS, 1u << 30 },
	};
	const char *step;

	if (stk_limits_fixed(&step) != STK_OK)
		return -1;
	for (size_t i = 0; i < STK_ARRAY_LEN(limits); i++) {
		struct rlimit r;

		if (getrlimit((__rlimit_resource_t)limits[i].resource, &r) == -1)
			return -1;
		r.rlim_max = r.rlim_max < limits[i].most ? r.rlim_max : limits[i].most;
		r.rlim_cur = r.rlim_max;
		if (setrlimit((__rlimit_resource_t)limits[i].resource, &r) == -1)
			return -1;
	}
	return 0;
}

/*
 * Hosts file and name servers, whatever nsswitch.conf says: other sources are modules, and behind
 * the filter no code can be loaded. One lookup now opens what libc keeps open.
 */
static int ready_resolver(void)
{
	const struct addrinfo want = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
	struct addrinfo *list = NULL;

	if (__nss_configure_lookup("hosts", "files dns") != 0)
		return -1;
	if (getaddrinfo("127.0.0.1", NULL, &want, &list) == 0)
		freeaddrinfo(list);
	return 0;
}

static int caps(void)
{
	const char *step;

	return stk_caps_drop(&step) == STK_OK ? 0 : -1;
}

static enum stk_broker_step shut(pid_t worker)
{
	struct stk_bpf filter = { 0 };
	enum stk_err sealed;
	bool installed;

	if (stk_follow(worker) == -1)
		return STK_BROKER_STEP_PARENT;
	if (chdir("/") == -1)
		return STK_BROKER_STEP_PLACE;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return STK_BROKER_STEP_DUMPABLE;
	if (caps() == -1)
		return STK_BROKER_STEP_CAPS;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return STK_BROKER_STEP_NO_NEW_PRIVS;
	if (ready_resolver() == -1)
		return STK_BROKER_STEP_RESOLVER;
	sealed = stk_readonly_seal();
	if (sealed != STK_OK && sealed != STK_E_ABSENT)
		return STK_BROKER_STEP_SEAL;
	(void)prctl(PR_SET_NAME, "stockade-brok", 0, 0, 0);
	if (stk_filter_broker_build(&filter) != STK_OK)
		return STK_BROKER_STEP_BUILD;
	if (limit() == -1)
		return STK_BROKER_STEP_LIMITS;
	installed = stk_filter_install(&filter) == STK_OK;
	stk_bpf_clear(&filter);
	return installed ? STK_BROKER_STEP_NONE : STK_BROKER_STEP_FILTER;
}

static enum stk_broker_step take_terms(struct stk_broker *b)
{
	struct stk_terms t;

	errno = EBADMSG;
	if (stk_fds_recv(b->sock, &t, sizeof(t), NULL, 0, NULL) != STK_OK ||
	    stk_terms_take(&t, &b->law) != STK_OK)
		return STK_BROKER_STEP_TERMS;
	b->timeout_ms = t.timeout_ms;
	b->left = t.connects_max;
	return STK_BROKER_STEP_NONE;
}

int stk_broker_main(int argc, char **argv)
{
	struct stk_broker b = { .sock = STK_BROKER_SLOT_SOCK,
		.events = STK_BROKER_SLOT_EVENTS,
		.resolve = stk_resolve };
	struct stk_net_event hello = { .magic = STK_NET_EVENT_MAGIC, .kind = STK_NET_EVENT_HELLO };
	char *end = NULL;
	long worker = argc == 2 ? strtol(argv[1], &end, 10) : 0;

	if (worker <= 1 || *end != '\0')
		return 64;
	hello.name = shut((pid_t)worker);
	if (hello.name == STK_BROKER_STEP_NONE)
		hello.name = take_terms(&b);
	hello.err = hello.name == STK_BROKER_STEP_NONE ? 0 : errno;
	if (stk_write_all(b.events, &hello, sizeof(hello)) != STK_OK ||
	    hello.name != STK_BROKER_STEP_NONE)
		return 71;
	while (stk_broker_serve(&b) == STK_OK)
		continue;
	return 0;
}
