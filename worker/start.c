/*
 * start.c - how a worker comes to life, in the order that is the security; ARCHITECTURE.md has it
 * with its reasons ("A worker's start").
 *
 * Parent watched, nursery forked, cage described, layers probed - all before a secret is opened.
 * Then policy and keys, the Redis link, the predecessor's jobs, the registration, and last the
 * worker's own filter. Nothing is popped before all of it stands.
 */
#include "worker/worker.h"

#include "worker/cli/cli.h"
#include "worker/hidden.h"
#include "worker/secret.h"
#include "worker/title.h"
#include "worker/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int watch_parent(struct stk_worker *w, const struct stk_worker_start *start)
{
	(void)w;
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0)
		return stk_complain(STK_EX_OS,
		    "layer pdeathsig is missing: %s: jobs could outlive their worker",
		    strerror(errno));
	if (getppid() != start->supervisor)
		return stk_complain(STK_EX_OS, "the supervisor is gone");
	return 0;
}

static int set_cage_up(struct stk_worker *w, const struct stk_worker_start *start)
{
	char why[512];
	int code = stk_cage_setup(w->config, start->cage_fd, &w->cage, why, sizeof(why));

	if (code == 0)
		code = stk_cage_setup_probe(w->config, &w->cage, why, sizeof(why));
	if (code != 0)
		return stk_complain(code, "%s", why);
	w->counters.layers_missing = stk_layers_log(&w->cage.layers);
	stk_cage_lend_group(w->cage.cage, w->group);
	return 0;
}

static int open_signals(struct stk_worker *w, const struct stk_worker_start *start)
{
	(void)start;
	if (stk_life_open(&w->life, w->config) != STK_OK)
		return stk_complain(STK_EX_OS, "signals: %s", strerror(errno));
	return 0;
}

/* The list as this policy bounds it; what cannot be bounded is refused. */
static int bind_queues(struct stk_worker *w, const struct stk_worker_start *start)
{
	const struct stk_config *c = w->config;
	enum stk_err e = stk_queues_bind(&c->queues, &c->queues_allowed, w->ring, &w->queue_list);

	(void)start;
	if (e == STK_E_ABSENT)
		return stk_complain(STK_EX_CONFIG,
		    "queues: no queue that %s matches the list, and patterns cover no other",
		    c->queues_allowed.n > 0 ? "`queues_allowed` names" : "the policy grants");
	if (e == STK_E_TOOBIG)
		return stk_complain(STK_EX_CONFIG,
		    "queues: TooManyQueues: the list covers more than %d; narrow the patterns or "
		    "set "
		    "queues_allowed",
		    STK_WORKER_QUEUES_MAX);
	if (e != STK_OK)
		return stk_complain(STK_EX_OS, "queues: %s", stk_strerror(e));
	stk_worker_part_queues(w);
	return 0;
}

/* Before anything ever worked, a person may have mistyped: redis_start_wait is the patience. */
static bool wait_at_start(struct stk_worker *w, int64_t give_up_ms)
{
	if (stk_monotonic_ms() >= give_up_ms || w->life.stop != STK_STOP_NO)
		return false;
	stk_life_wait(&w->life, 250);
	return w->life.stop == STK_STOP_NO;
}

static int connect_redis(struct stk_worker *w, const struct stk_worker_start *start)
{
	struct stk_redis_url url;
	char why[STK_REDIS_WHY_BYTES], name[64];
	struct stk_redis_config config = {
		.url = &url,
		.client_name = name,
		.connect_timeout_ms = (int)w->config->redis_timeout_ms,
		.command_timeout_ms = (int)w->config->redis_timeout_ms,
		/* a parcel is never larger than max_payload; the rest of a reply is small */
		.caps = { .reply_bytes = (size_t)w->config->max_payload_bytes * 2 + (1u << 20),
		    .string_bytes = (size_t)w->config->max_payload_bytes + (1u << 17),
		    .n_elements = 1u << 14 },
	};
	int64_t give_up = stk_monotonic_ms() + w->config->redis_start_wait_ms;
	enum stk_err e;

	if (stk_redis_url_parse(w->config->redis, &url, why, sizeof(why)) != STK_OK)
		return stk_complain(STK_EX_CONFIG, "redis: %s", why);
	if (w->config->redis_user != NULL)
		(void)snprintf(url.user, sizeof(url.user), "%s", w->config->redis_user);
	config.password_fd = stk_secret_open(w->config, start->password_fd);
	if (w->config->redis_password_file != NULL && config.password_fd == -1)
		return stk_complain(STK_EX_NOINPUT, "cannot read redis_password_file %s: %s",
		    w->config->redis_password_file, strerror(errno));
	(void)snprintf(name, sizeof(name), "stockade-%d", (int)getpid());
	if (stk_redis_new(&config, &w->link) != STK_OK)
		return stk_complain(STK_EX_OS, "out of memory");
	w->life.outage.link = w->link;
	w->patient = start->again;
	do {
		stk_pulse_patience(w->life.pulse, 60000);
		e = stk_redis_connect(w->link);
	} while (w->patient ? stk_life_again(&w->life, e, false)
			    : e != STK_OK && wait_at_start(w, give_up));
	stk_redis_url_clear(&url);
	if (e != STK_OK)
		return stk_complain(STK_EX_REDIS, "Redis at %s: %s%s", w->config->redis,
		    stk_redis_why(w->link), stk_outage_advice(stk_redis_problem(w->link), false));
	return 0;
}

int stk_worker_register(struct stk_worker *w)
{
	enum stk_answer answer;
	enum stk_err e;

	do
		/* a worker that only reports has lists of those queues, for ever empty */
		e = stk_store_register(&w->store, w->queues,
		    w->n_queues > 0 ? w->n_queues : w->n_reported, w->life.started, &answer);
	while (w->patient && (stk_life_again(&w->life, e, false) ||
				 stk_worker_wait_for_type(w, e, answer, false)));
	if (e != STK_OK)
		return stk_complain(
		    STK_EX_REDIS, "cannot register in Redis: %s", stk_redis_why(w->link));
	if (answer == STK_ANSWER_STORE)
		return stk_complain(STK_EX_REDIS,
		    "STORE_%s: that key is not what this protocol keeps there; see PROTOCOL.md",
		    w->store.bad_key);
	if (answer == STK_ANSWER_NEWER)
		return stk_complain(STK_EX_CONFIG, "a newer stockade with an incompatible protocol "
						   "works on this Redis; upgrade this "
						   "one");
	if (answer == STK_ANSWER_ID_SHARED) {
		(void)stk_log_start(STK_LOG_WARN, "worker.id_shared", "unknown",
		    "the worker id %s was registered by a worker that may still live", w->store.id);
		stk_log_end();
	} else if (answer != STK_ANSWER_OK) {
		return stk_complain(
		    STK_EX_REDIS, "registration was answered with %s", stk_answer_text(answer));
	}
	w->life.beat_ok_ms = stk_monotonic_ms();
	w->life.next_beat_ms = w->life.beat_ok_ms + w->config->beat_ms;
	return 0;
}

static int open_store(struct stk_worker *w, const struct stk_worker_start *start)
{
	char id[STK_WORKER_ID_MAX + 1];
	size_t n = 0;
	enum stk_err e = stk_life_worker_id(w->config, id, sizeof(id), &n);

	if (e == STK_E_TOOBIG)
		return stk_complain(STK_EX_CONFIG,
		    "queues: the worker id <host>:<pid>:<queues> would have %zu bytes and may have "
		    "%d, because every tool of Resque shows it; name fewer queues, or a pattern",
		    n, STK_WORKER_ID_MAX);
	if (e != STK_OK || stk_store_init(&w->store, w->link, w->config->ns, id) != STK_OK)
		return stk_complain(
		    STK_EX_CONFIG, "host, queue names and namespace make no usable worker id");
	stk_hex(start->instance, sizeof(start->instance), w->store.instance);
	w->store.meter = w->metering.sheet;
	w->store.max_payload_bytes = w->config->max_payload_bytes;
	w->store.failed_per_queue = w->config->failure_backend == 1;
	w->store.dynamic_queues = w->queue_list.dynamic;
	return 0;
}

static int register_worker(struct stk_worker *w, const struct stk_worker_start *start)
{
	int code = stk_worker_register(w);

	(void)start;
	if (code == 0)
		w->life.store = &w->store; /* from here on it beats */
	w->patient = true;
	return code;
}

/* The supervisor saw the predecessor die: its job goes back to the front of its queue first. */
static int recover(struct stk_worker *w, const struct stk_worker_start *start)
{
	char victim[STK_INSTANCE_CHARS + 1];
	enum stk_err e;

	if (!start->has_over || w->n_queues == 0)
		return 0;
	stk_hex(start->over, sizeof(start->over), victim);
	memcpy(w->over, victim, sizeof(w->over)); /* its leases in the ledger have ended */
	do
		e = stk_recover_one(w, victim);
	while (w->patient && stk_life_again(&w->life, e, false));
	if (e != STK_OK)
		return stk_complain(STK_EX_REDIS, "cannot recover the predecessor's job: %s",
		    stk_redis_why(w->link));
	(void)stk_log_start(STK_LOG_WARN, "worker.recovered", "success",
	    "the worker before this one died; %llu of its jobs went back to the front of their "
	    "queues",
	    (unsigned long long)w->counters.recovered);
	stk_log_end();
	return 0;
}

static int begin_trail(struct stk_worker *w, const struct stk_worker_start *start)
{
	(void)start;
	return stk_worker_trail_begin(w);
}

static int enter_walls(struct stk_worker *w, const struct stk_worker_start *start)
{
	const char *step = "?";
	enum stk_err e = stk_walls_worker(w->config, w->ring, stk_group_base(w->group), &step);

	(void)start;
	if (e != STK_OK)
		return stk_complain(STK_EX_OS, "the worker cannot %s: %s", step, strerror(errno));
	return 0;
}

static void ticked(void *ctx)
{
	stk_meter_tick(ctx);
}

/* After the nursery's fork and the probes' forks: none of them holds this page (ARCHITECTURE.md,
 * Decisions 1). */
static int open_pulse(struct stk_worker *w, const struct stk_worker_start *start)
{
	int fd = start->pulse_fd;
	int code;

	w->life.pulse = stk_pulse_open(fd);
	if (w->life.pulse == NULL)
		return stk_complain(STK_EX_OS, "the pulse page: %s", strerror(errno));
	code = stk_meter_begin(w, start);
	stk_close(&fd);
	stk_pulse_tick(w->life.pulse);
	w->life.ticked = ticked;
	w->life.ctx = w;
	return code;
}

/* Everything that can be counted stands there at 0 before anything is. */
static int begin_rows(struct stk_worker *w, const struct stk_worker_start *start)
{
	(void)start;
	w->metering.told_audit = w->trail.audit.seq;
	stk_meter_rows(w);
	return 0;
}

/* What an operator wants to see first: it works, on what, and by which rules. */
static void log_started(const struct stk_worker *w)
{
	char registry[2 * 32 + 1], policy[2 * STK_SHA256_LEN + 1];
	struct stk_jw *line = stk_log_start(STK_LOG_INFO, "worker.started", "success",
	    "%s works on %s: %u classes, %zu keys", w->store.id, w->config->redis,
	    w->cage.table.head.n_classes, w->ring->n_keys);

	stk_hex(w->cage.table.head.registry_digest, 32, registry);
	stk_hex(w->ring->digest, STK_SHA256_LEN, policy);
	stk_jw_cstr(line, "stockade.worker", w->store.id);
	stk_jw_cstr(line, "stockade.registry_sha256", registry);
	stk_jw_cstr(line, "stockade.policy_sha256", policy);
	stk_log_end();
}

/*
 * All that may refuse a start, in the order that is the security; doctor rehearses those that can
 * be had without changing anything, so that the two cannot say different things.
 */
static const struct step {
	const char *name;
	int (*run)(struct stk_worker *w, const struct stk_worker_start *start);
	bool rehearsed;
	const char
	    *ground; /* an earlier step without which this one has nothing of its own to say */
} steps[] = {
	{ "parent", watch_parent, false, NULL },
	{ "cgroup", stk_worker_open_group, true, NULL },
	{ "cage", set_cage_up, false, NULL },
	{ "memory", stk_worker_check_memory, false, NULL }, /* doctor has a finding of its own */
	{ "work_dir", stk_worker_make_work, true, NULL },
	{ "signals", open_signals, false, NULL },
	{ "pulse", open_pulse, false, NULL },
	{ "policy", stk_policy_open, true, NULL },
	{ "audit_dir", stk_worker_trail_open, true, "policy" },
	{ "secrets", stk_worker_load_handed, true, NULL },
	{ "queues", bind_queues, true, "policy" },
	{ "rows", begin_rows, false, NULL },
	{ "connect", connect_redis, true, NULL },
	{ "ledger", stk_ledger_open, true, "connect" },
	{ "worker_id", open_store, true, "connect" },
	{ "register", register_worker, false, NULL },
	{ "recover", recover, false, NULL },
	{ "trail", begin_trail, false, NULL },
	{ "walls", enter_walls, false, NULL },
};

static bool lacks_ground(const struct step *s, const bool *refused)
{
	for (size_t i = 0; s->ground != NULL && i < STK_ARRAY_LEN(steps); i++)
		if (refused[i] && strcmp(steps[i].name, s->ground) == 0)
			return true;
	return false;
}

void stk_worker_rehearse(
    struct stk_worker *w, const struct stk_worker_start *start, stk_rehearsed *told, void *ctx)
{
	bool refused[STK_ARRAY_LEN(steps)] = { false };

	w->rehearsal = true;
	for (size_t i = 0; i < STK_ARRAY_LEN(steps); i++) {
		char sentence[1024];
		int code;

		if (!steps[i].rehearsed || lacks_ground(&steps[i], refused))
			continue;
		stk_complain_into(sentence, sizeof(sentence));
		code = steps[i].run(w, start);
		stk_complain_into(NULL, 0);
		refused[i] = code != 0;
		told(ctx, steps[i].name, code, sentence);
	}
}

int stk_worker_come_alive(struct stk_worker *w, const struct stk_worker_start *start)
{
	int code = 0;

	stk_title_set("Starting");
	tzset();
	for (size_t i = 0; i < STK_ARRAY_LEN(steps) && code == 0; i++)
		code = steps[i].run(w, start);
	if (code != 0)
		return code;
	if (write(start->ready_fd, "R", 1) != 1)
		return stk_complain(STK_EX_OS, "the supervisor is gone");
	stk_worker_log_absent(w);
	stk_worker_log_signatures(w);
	log_started(w);
	stk_worker_log_group(w);
	return 0;
}
