/*
 * config.c - see config.h. The table is the grammar; what follows it is only the order of strength.
 */
#include "worker/config.h"

#include "worker/layers.h"
#include "worker/log.h"
#include "worker/net_setup.h"
#include "worker/queues.h"
#include "worker/redis_url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_NAMESPACE "resque"
#define AT(member)        offsetof(struct stk_config, member)

static const char *const wishes[] = { "default", "off", "prefer", "require", NULL };
static const char *const memory_checks[] = { "refuse", "warn", "off", NULL };
static const char *const pass_or_hold[] = { "pass", "hold", NULL };
static const char *const log_formats[] = { "json", "text", "verbose", "vverbose", NULL };
static const char *const failure_backends[] = { "redis", "redis_multi_queue", NULL };
static const char *const signatures[] = { "required", "report", "off", NULL };
static const char *const breaker_modes[] = { "enforce", "observe", NULL };
static const char *const log_levels[] = { "debug", "info", "warn", "error", NULL };

// clang-format off
static const struct stk_setting ceiling_table[] = {
	{ .name = "wall", .type = STK_SET_DURATION_MS, .offset = AT(ceiling.wall_ms) - AT(ceiling), .min = 1, .max = 7 * 86400000LL, .def = "1h", .doc = "longest wall-clock time of a job" },
	{ .name = "cpu", .type = STK_SET_DURATION_MS, .offset = AT(ceiling.cpu_ms) - AT(ceiling), .min = 1000, .max = 7 * 86400000LL, .def = "10m", .doc = "most CPU time of a job" },
	{ .name = "memory", .type = STK_SET_BYTES, .offset = AT(ceiling.memory_bytes) - AT(ceiling), .min = 16 << 20, .max = 1LL << 40, .def = "1G", .doc = "largest address space of a job" },
	{ .name = "file", .type = STK_SET_BYTES, .offset = AT(ceiling.file_bytes) - AT(ceiling), .min = 1, .max = 1LL << 40, .def = "1G", .doc = "largest file a job may write" },
	{ .name = "stack", .type = STK_SET_BYTES, .offset = AT(ceiling.stack_bytes) - AT(ceiling), .min = 64 << 10, .max = 1LL << 32, .def = "64M", .doc = "largest stack of a job" },
	{ .name = "fds", .type = STK_SET_COUNT, .offset = AT(ceiling.fds) - AT(ceiling), .min = 8, .max = 65536, .def = "256", .doc = "most descriptors a job may hold" },
	{ .name = "work", .type = STK_SET_BYTES, .offset = AT(ceiling.work_bytes) - AT(ceiling), .min = 1, .max = 1LL << 40, .def = "1G", .doc = "largest work directory of a job" },
	{ .name = "tasks", .type = STK_SET_COUNT, .offset = AT(ceiling.tasks) - AT(ceiling), .min = 1, .max = 4096, .def = "64", .doc = "most threads and processes of a job" },
	{ .name = "output", .type = STK_SET_BYTES, .offset = AT(ceiling.output_bytes) - AT(ceiling), .min = 1, .max = 64 << 20, .def = "1M", .doc = "most bytes a job may print" },
	{ .name = "report", .type = STK_SET_BYTES, .offset = AT(ceiling.report_bytes) - AT(ceiling), .min = 256, .max = 64 << 20, .def = "64K", .doc = "most bytes of log records of a job" },
	{ .name = "result", .type = STK_SET_BYTES, .offset = AT(ceiling.result_bytes) - AT(ceiling), .min = 1, .max = 64 << 20, .def = "1M", .doc = "largest result of a job" },
};

/* One setting per layer, named as the layer is. */
static const struct stk_setting layers_table[] = {
#define LAYER(id, text, demand, profiles, without) \
	{ .name = (text), .type = STK_SET_CHOICE, .offset = sizeof(int) * STK_LAYER_##id, .choices = wishes, .def = "default", .doc = "require, prefer or off; without it " without },
#include "sandbox/layers.def"
#undef LAYER
};

#define OF_CLASS(member) offsetof(struct stk_class_layers, member)
static const struct stk_setting class_layers_table[] = {
	{ .name = "class", .type = STK_SET_STRING, .required = true, .offset = OF_CLASS(name), .min = 1, .max = STK_NAME_MAX, .doc = "the class that these demands are for" },
	{ .name = "require", .type = STK_SET_STRINGS, .offset = OF_CLASS(require), .max = STK_LAYER_COUNT, .doc = "layers without which the worker does not start" },
	{ .name = "prefer", .type = STK_SET_STRINGS, .offset = OF_CLASS(prefer), .max = STK_LAYER_COUNT, .doc = "layers whose absence is named" },
	{ .name = "off", .type = STK_SET_STRINGS, .offset = OF_CLASS(off), .max = STK_LAYER_COUNT, .doc = "layers that this class does not ask for" },
};

#define RULE(member) offsetof(struct stk_queue_rule, member)
static const struct stk_setting rule_table[] = {
	{ .name = "queues", .type = STK_SET_STRINGS, .required = true, .offset = RULE(queues), .min = 1, .max = 64, .doc = "exact names, each in one rule only" },
	{ .name = "signatures", .type = STK_SET_CHOICE, .offset = RULE(signatures), .choices = signatures, .def = "required", .doc = "required, report (never popped, only told of) or off (plain jobs of `classes` run)" },
	{ .name = "breaker", .type = STK_SET_CHOICE, .offset = RULE(breaker), .choices = breaker_modes, .def = "enforce", .doc = "enforce, or observe: jobs of a held principal start and are only told of" },
	{ .name = "classes", .type = STK_SET_STRINGS, .offset = RULE(classes), .max = 64, .doc = "classes that may run unsigned, with signatures = \"off\" only" },
};

static const struct stk_setting breaker_table[] = {
	{ .name = "violations", .type = STK_SET_COUNT, .offset = AT(breaker.violations) - AT(breaker), .min = 1, .max = 5000, .def = "50", .doc = "so many in a window hold a principal" },
	{ .name = "ratio", .type = STK_SET_COUNT, .offset = AT(breaker.ratio) - AT(breaker), .min = 1, .max = 100, .def = "20", .doc = "or so many in a hundred of its jobs" },
	{ .name = "least", .type = STK_SET_COUNT, .offset = AT(breaker.least) - AT(breaker), .min = 1, .max = 1000000, .def = "100", .doc = "of at least so many in a window" },
	{ .name = "window", .type = STK_SET_DURATION_MS, .offset = AT(breaker.window_ms) - AT(breaker), .min = 600, .max = 3600000, .def = "60s", .doc = "over which is counted" },
	{ .name = "hold", .type = STK_SET_DURATION_MS, .offset = AT(breaker.hold_ms) - AT(breaker), .min = 100, .max = 86400000, .def = "5m", .doc = "how long its jobs wait before one a second is tried" },
	{ .name = "trial", .type = STK_SET_DURATION_MS, .offset = AT(breaker.trial_ms) - AT(breaker), .min = 100, .max = 86400000, .def = "60s", .doc = "how long one a second is tried; without a violation it is over then" },
};

const struct stk_setting stk_config_table[] = {
	{ .name = "redis", .type = STK_SET_STRING, .offset = AT(redis), .def = "redis://localhost:6379/0", .doc = "Redis URL: redis://host:port/db or unix:///path?db=n, without a password" },
	{ .name = "redis_user", .type = STK_SET_STRING, .offset = AT(redis_user), .doc = "Redis ACL user" },
	{ .name = "redis_password_file", .type = STK_SET_STRING, .offset = AT(redis_password_file), .doc = "file that holds the Redis password" },
	{ .name = "namespace", .type = STK_SET_STRING, .offset = AT(ns), .min = 1, .max = 64, .def = DEFAULT_NAMESPACE, .doc = "Resque's key prefix, without the colon" },
	{ .name = "ledger_url", .type = STK_SET_STRING, .offset = AT(ledger_url), .doc = "Redis URL of the run ledger, without a password; may be that of `redis`" },
	{ .name = "ledger_user", .type = STK_SET_STRING, .offset = AT(ledger_user), .doc = "the ledger's own Redis ACL user" },
	{ .name = "ledger_password_file", .type = STK_SET_STRING, .offset = AT(ledger_password_file), .doc = "file that holds that user's password" },
	{ .name = "ledger_max", .type = STK_SET_BYTES, .offset = AT(ledger_max_bytes), .min = 1 << 20, .max = 1LL << 46, .def = "1G", .doc = "most memory that the policy's rates and times may ask of the ledger" },
	{ .name = "adaptive_rates", .type = STK_SET_BOOL, .offset = AT(adaptive_rates), .def = "true", .doc = "halve the rates while this machine is short of memory or CPU" },
	{ .name = "queues", .type = STK_SET_STRINGS, .offset = AT(queues), .max = 64, .doc = "queues in strict order of priority; * ? [ ] are patterns, !x excludes" },
	{ .name = "queues_allowed", .type = STK_SET_STRINGS, .offset = AT(queues_allowed), .max = 256, .doc = "the only queues that patterns may cover; default: those the policy grants" },
	{ .name = "queue_rules", .type = STK_SET_LIST, .offset = AT(queue_rules), .sub = rule_table, .n_sub = STK_ARRAY_LEN(rule_table), .item_size = sizeof(struct stk_queue_rule), .max = 64, .doc = "what single queues do otherwise" },
	{ .name = "report_every", .type = STK_SET_DURATION_MS, .offset = AT(report_every_ms), .min = 100, .max = 86400000, .def = "60s", .doc = "how often a queue with signatures = \"report\" is looked at" },
	{ .name = "policy", .type = STK_SET_STRING, .offset = AT(policy), .def = STK_POLICY_PATH, .doc = "policy file: who may enqueue what" },
	{ .name = "audit_dir", .type = STK_SET_STRING, .offset = AT(audit_dir), .doc = "directory of the audit trail, this service's alone; default: none is kept" },
	{ .name = "audit_key_file", .type = STK_SET_STRING, .offset = AT(audit_key_file), .doc = "ed25519 key file that signs the trail's heads; its key must not be in the policy" },
	{ .name = "audit_file_max", .type = STK_SET_BYTES, .offset = AT(audit_file_max_bytes), .min = 4096, .max = 1LL << 40, .def = "64M", .doc = "size at which the trail goes on in a new file" },
	{ .name = "cage", .type = STK_SET_STRING, .offset = AT(cage), .doc = "the cage program with the compiled-in handlers" },
	{ .name = "user", .type = STK_SET_STRING, .offset = AT(user), .doc = "whom to become when started as root" },
	{ .name = "host", .type = STK_SET_STRING, .offset = AT(host), .max = 64, .doc = "host part of the worker id; default: the host's name" },
	{ .name = "directories", .type = STK_SET_MAP, .offset = AT(directories), .max = STK_LABELS_MAX, .doc = "grant label = directory" },
	{ .name = "cgroup", .type = STK_SET_STRING, .offset = AT(cgroup), .def = "auto", .doc = "auto, off, require, or the path of a delegated cgroup v2: where jobs are placed" },
	{ .name = "work_dir", .type = STK_SET_STRING, .offset = AT(work_dir), .doc = "directory beneath which each worker keeps one for its jobs" },
	{ .name = "secrets", .type = STK_SET_MAP, .offset = AT(secrets), .max = 256, .doc = "a class's secret = file that holds it" },
	{ .name = "settings", .type = STK_SET_MAP, .offset = AT(settings), .max = 256, .doc = "a class's setting = its text" },
	{ .name = "setup_read", .type = STK_SET_STRINGS, .offset = AT(setup_read), .max = 32, .doc = "further paths that a handler's setup() may read" },
	{ .name = "ceiling", .type = STK_SET_GROUP, .offset = AT(ceiling), .sub = ceiling_table, .n_sub = STK_ARRAY_LEN(ceiling_table), .doc = "what no class may exceed" },
	{ .name = "zygote_jobs", .type = STK_SET_COUNT, .offset = AT(zygote_jobs), .max = 1000000000, .def = "1000", .doc = "jobs of one zygote before it is replaced by one with a fresh address layout; 0: only suspicion replaces it" },
	{ .name = "breaker", .type = STK_SET_GROUP, .offset = AT(breaker), .sub = breaker_table, .n_sub = STK_ARRAY_LEN(breaker_table), .doc = "when a principal is held for what only its key's holder can cause" },
	{ .name = "concurrency", .type = STK_SET_COUNT, .offset = AT(concurrency), .min = 1, .max = 256, .def = "1", .doc = "worker processes" },
	{ .name = "drain_batch", .type = STK_SET_COUNT, .offset = AT(drain_batch), .min = 1, .max = 64, .def = "64", .doc = "elements judged in one look while junk floods a queue; 1: always one by one" },
	{ .name = "results_max", .type = STK_SET_BYTES, .offset = AT(results_max_bytes), .max = 1LL << 40, .def = "64M", .doc = "all results together that Redis keeps for classes with KEEP_RESULT_S" },
	{ .name = "max_payload", .type = STK_SET_BYTES, .offset = AT(max_payload_bytes), .min = 1024, .max = 1 << 20, .def = "128K", .doc = "largest queue element" },
	{ .name = "max_body", .type = STK_SET_BYTES, .offset = AT(max_body_bytes), .min = 2, .max = STK_ARGS_MAX, .def = "64K", .doc = "largest argument text" },
	{ .name = "skew", .type = STK_SET_DURATION_MS, .offset = AT(skew_ms), .max = 3600000, .def = "60s", .doc = "clock difference that is forgiven" },
	{ .name = "drain_timeout", .type = STK_SET_DURATION_MS, .offset = AT(drain_timeout_ms), .max = 86400000, .def = "25s", .doc = "how long a running job may finish after TERM" },
	{ .name = "term_timeout", .type = STK_SET_DURATION_MS, .offset = AT(term_timeout_ms), .max = 600000, .def = "4s", .doc = "from TERM to KILL of the job's child" },
	{ .name = "beat", .type = STK_SET_DURATION_MS, .offset = AT(beat_ms), .min = 100, .max = 30000, .def = "10s", .doc = "proof of life in Redis" },
	{ .name = "dead_after", .type = STK_SET_DURATION_MS, .offset = AT(dead_after_ms), .min = 300, .max = 3600000, .def = "90s", .doc = "a worker whose beat stands still that long is dead to the others" },
	{ .name = "stuck_after", .type = STK_SET_DURATION_MS, .offset = AT(stuck_after_ms), .min = 300, .max = 3600000, .def = "30s", .doc = "a worker that does not tick that long is killed by its supervisor" },
	{ .name = "prune_after", .type = STK_SET_DURATION_MS, .offset = AT(prune_after_ms), .min = 1000, .max = 7 * 86400000LL, .def = "300s", .doc = "a Ruby worker whose heartbeat is older is pruned, as Resque does" },
	{ .name = "prune_lock", .type = STK_SET_CHOICE, .offset = AT(prune_lock), .choices = pass_or_hold, .def = "pass", .doc = "hold renews Resque's prune lock: Ruby workers then prune nothing, these prune in their stead" },
	{ .name = "poll", .type = STK_SET_DURATION_MS, .offset = AT(poll_ms), .min = 5, .max = 60000, .def = "100ms", .doc = "longest pause between looks at empty queues" },
	{ .name = "redis_timeout", .type = STK_SET_DURATION_MS, .offset = AT(redis_timeout_ms), .min = 10, .max = 60000, .def = "5s", .doc = "deadline of one Redis command" },
	{ .name = "redis_start_wait", .type = STK_SET_DURATION_MS, .offset = AT(redis_start_wait_ms), .max = 7 * 86400000LL, .def = "0s", .doc = "how long to wait for Redis at start" },
	{ .name = "net_refuse", .type = STK_SET_STRINGS, .offset = AT(net_refuse), .max = STK_NET_REFUSED_MAX, .doc = "further ranges of addresses that jobs with net grants are not connected to" },
	{ .name = "net_timeout", .type = STK_SET_DURATION_MS, .offset = AT(net_timeout_ms), .min = 100, .max = 600000, .def = "10s", .doc = "longest time of one connection of a job, its name included" },
	{ .name = "net_connections", .type = STK_SET_COUNT, .offset = AT(net_connections), .min = 1, .max = 4096, .def = "64", .doc = "connections that one job may ask for, refused ones included" },
	{ .name = "layers", .type = STK_SET_GROUP, .offset = AT(layers), .sub = layers_table, .n_sub = STK_ARRAY_LEN(layers_table), .doc = "layer of the wall = require, prefer or off; `stockade doctor` lists them" },
	{ .name = "class_layers", .type = STK_SET_LIST, .offset = AT(class_layers), .sub = class_layers_table, .n_sub = STK_ARRAY_LEN(class_layers_table), .item_size = sizeof(struct stk_class_layers), .max = STK_CLASSES_MAX, .doc = "what single classes ask of the layers" },
	{ .name = "memory_check", .type = STK_SET_CHOICE, .offset = AT(memory_check), .choices = memory_checks, .def = "refuse", .doc = "what happens at start when all workers' jobs together could take more memory than there is" },
	{ .name = "log_format", .type = STK_SET_CHOICE, .offset = AT(log_format), .choices = log_formats, .def = "json", .doc = "json (ECS), text, or Resque's verbose and vverbose" },
	{ .name = "log_level", .type = STK_SET_CHOICE, .offset = AT(log_level), .choices = log_levels, .def = "info", .doc = "least level that is written" },
	{ .name = "failure_backend", .type = STK_SET_CHOICE, .offset = AT(failure_backend), .choices = failure_backends, .def = "redis", .doc = "redis (one list `failed`) or redis_multi_queue (<queue>_failed)" },
	{ .name = "metrics_listen", .type = STK_SET_STRING, .offset = AT(metrics_listen), .min = 1, .max = 160, .doc = "where /metrics, /livez and /readyz are served: 127.0.0.1:9394, [::1]:9394 or unix:///path?mode=0660; default: nowhere" },
	{ .name = "metrics_public", .type = STK_SET_BOOL, .offset = AT(metrics_public), .def = "false", .doc = "metrics_listen is meant to be reached from other machines: doctor does not warn" },
	{ .name = "pidfile", .type = STK_SET_STRING, .offset = AT(pidfile), .doc = "file that gets the supervisor's pid" },
	{ .name = "background", .type = STK_SET_BOOL, .offset = AT(background), .def = "false", .doc = "leave the terminal and work in the background" },
	{ .name = "graceful_term", .type = STK_SET_BOOL, .offset = AT(graceful_term), .def = "false", .doc = "TERM waits for the running job as QUIT does, without drain_timeout" },
	{ .name = "drain_and_exit", .type = STK_SET_BOOL, .offset = AT(drain_and_exit), .def = "false", .doc = "run until the queues are empty, then end (INTERVAL=0)" },
};
// clang-format on
const size_t stk_config_table_len = STK_ARRAY_LEN(stk_config_table);

/* Resque's own variables; ours (STOCKADE_<NAME>) come after and win. */
static const struct {
	const char *variable, *setting;
} resque_variables[] = {
	{ "REDIS_URL", "redis" },
	{ "RESQUE_NAMESPACE", "namespace" },
	{ "QUEUE", "queues" },
	{ "QUEUES", "queues" },
	{ "COUNT", "concurrency" },
	{ "PIDFILE", "pidfile" },
	{ "FAILURE_BACKEND", "failure_backend" },
};

/* Resque's switches: set to anything at all, they mean this. */
static const struct {
	const char *variable, *setting, *text;
} resque_switches[] = {
	{ "BACKGROUND", "background", "true" },
	{ "GRACEFUL_TERM", "graceful_term", "true" },
	{ "LOGGING", "log_format", "verbose" },
	{ "VERBOSE", "log_format", "verbose" },
	{ "VVERBOSE", "log_format", "vverbose" },
	{ "TERM_CHILD", "drain_timeout", "0s" },
};

static enum stk_err set(struct stk_config *c, const char *name, const char *text, const char *where,
    struct stk_conf_error *e)
{
	return stk_conf_set(stk_config_table, stk_config_table_len, c, name, text, where, e);
}

/* Resque writes seconds as decimal numbers. */
static enum stk_err seconds_of(
    const char *variable, const char *text, double most, int *ms, struct stk_conf_error *e)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end != '\0' || !(seconds >= 0 && seconds <= most))
		return stk_conf_blame(e, variable, 0,
		    "'%.64s' is not a number of seconds from 0 to %.0f", text, most);
	*ms = (int)(seconds * 1000);
	return STK_OK;
}

static enum stk_err set_ms(
    struct stk_config *c, const char *name, int ms, const char *where, struct stk_conf_error *e)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%dms", ms);
	return set(c, name, text, where, e);
}

/* 0 means: drain and end. */
static enum stk_err take_interval(struct stk_config *c, const char *text, struct stk_conf_error *e)
{
	int ms = 0;
	enum stk_err err = seconds_of("INTERVAL", text, 60, &ms, e);

	if (err != STK_OK)
		return err;
	if (ms == 0 && strtod(text, NULL) == 0)
		return set(c, "drain_and_exit", "true", "INTERVAL", e);
	return set_ms(c, "poll", ms < 5 ? 5 : ms, "INTERVAL", e);
}

/* As in Ruby: PRE_SHUTDOWN counts only where TERM_CHILD is set, TERM_TIMEOUT always. */
static enum stk_err take_timeouts(struct stk_config *c, struct stk_conf_error *e)
{
	const char *pre = getenv("RESQUE_PRE_SHUTDOWN_TIMEOUT");
	const char *term = getenv("RESQUE_TERM_TIMEOUT");
	enum stk_err err = STK_OK;
	int ms = 0;

	if (pre != NULL && getenv("TERM_CHILD") != NULL &&
	    (err = seconds_of("RESQUE_PRE_SHUTDOWN_TIMEOUT", pre, 86400, &ms, e)) == STK_OK)
		err = set_ms(c, "drain_timeout", ms, "RESQUE_PRE_SHUTDOWN_TIMEOUT", e);
	if (err == STK_OK && term != NULL &&
	    (err = seconds_of("RESQUE_TERM_TIMEOUT", term, 600, &ms, e)) == STK_OK)
		err = set_ms(c, "term_timeout", ms, "RESQUE_TERM_TIMEOUT", e);
	return err;
}

static enum stk_err take_environment(struct stk_config *c, struct stk_conf_error *e)
{
	const char *text;
	enum stk_err err;

	for (size_t i = 0; i < STK_ARRAY_LEN(resque_variables); i++) {
		text = getenv(resque_variables[i].variable);
		if (text != NULL && *text != '\0' &&
		    (err = set(c, resque_variables[i].setting, text, resque_variables[i].variable,
			 e)) != STK_OK)
			return err;
	}
	for (size_t i = 0; i < STK_ARRAY_LEN(resque_switches); i++)
		if (getenv(resque_switches[i].variable) != NULL &&
		    (err = set(c, resque_switches[i].setting, resque_switches[i].text,
			 resque_switches[i].variable, e)) != STK_OK)
			return err;
	text = getenv("INTERVAL");
	if (text != NULL && (err = take_interval(c, text, e)) != STK_OK)
		return err;
	if ((err = take_timeouts(c, e)) != STK_OK)
		return err;
	for (size_t i = 0; i < stk_config_table_len; i++) {
		const struct stk_setting *s = &stk_config_table[i];
		char name[64] = "STOCKADE_";
		size_t n = strlen(name);

		for (const char *p = s->name; *p != '\0' && n < sizeof(name) - 1; p++)
			name[n++] = (char)toupper((unsigned char)*p);
		name[n] = '\0';
		text = getenv(name);
		if (text != NULL && (err = set(c, s->name, text, name, e)) != STK_OK)
			return err;
	}
	return STK_OK;
}

/* Below everything that anybody says: the one that was installed with this program. */
static enum stk_err take_cage(struct stk_config *c, struct stk_conf_error *e)
{
	char path[STK_CAGE_PATH_MAX];
	enum stk_err err;

	stk_config_cage_default(path);
	if ((err = set(c, "cage", path, "the default", e)) != STK_OK)
		stk_config_clear(c);
	return err;
}

enum stk_err stk_config_load(struct stk_config *c, const char *path, struct stk_conf_error *e)
{
	bool named = true;
	enum stk_err err;

	memset(c, 0, sizeof(*c));
	if (path == NULL)
		path = getenv("STOCKADE_CONFIG");
	if (path == NULL) {
		path = STK_CONFIG_PATH;
		named = false;
	}
	if (named || access(path, F_OK) == 0)
		err = stk_conf_load(path, stk_config_table, stk_config_table_len, c, e);
	else
		err = stk_conf_defaults(stk_config_table, stk_config_table_len, c, e);
	if (err == STK_OK && (err = take_environment(c, e)) != STK_OK)
		stk_config_clear(c);
	return err == STK_OK && c->cage == NULL ? take_cage(c, e) : err;
}

enum stk_err stk_config_url_namespace(struct stk_config *c, struct stk_conf_error *e)
{
	struct stk_redis_url url;
	char why[STK_REDIS_WHY_BYTES];
	enum stk_err err = STK_OK;

	if (stk_redis_url_parse(c->redis, &url, why, sizeof(why)) != STK_OK)
		return stk_conf_blame(e, "redis", 0, "%s", why);
	if (url.ns[0] != '\0' && strcmp(c->ns, DEFAULT_NAMESPACE) == 0)
		err = set(c, "namespace", url.ns, "redis", e);
	stk_redis_url_clear(&url);
	return err;
}

void stk_config_clear(struct stk_config *c)
{
	stk_conf_clear(stk_config_table, stk_config_table_len, c);
}

enum stk_err stk_config_check(const struct stk_config *c, bool for_work, struct stk_conf_error *e)
{
	enum stk_err err;

	if (for_work && c->queues.n == 0)
		return stk_conf_blame(e, "queues", 0,
		    "no queue to work on: give --queues NAME, QUEUES=NAME or `queues` in the "
		    "configuration");
	if ((err = stk_queues_check(&c->queues, &c->queues_allowed, e)) != STK_OK ||
	    (err = stk_layers_check(c, e)) != STK_OK)
		return err;
	if ((err = stk_config_check_rules(c, e)) != STK_OK)
		return err;
	if (for_work && (err = stk_config_check_ledger(c, e)) != STK_OK)
		return err;
	if (c->redis_timeout_ms >= c->stuck_after_ms)
		return stk_conf_blame(e, "redis_timeout", 0,
		    "a worker that waits for Redis would be held for stuck: redis_timeout must be "
		    "shorter than stuck_after");
	if (c->dead_after_ms < 3 * c->beat_ms)
		return stk_conf_blame(e, "dead_after", 0,
		    "one late beat would make a worker look dead: dead_after must be at least "
		    "three beats");
	if (c->host != NULL && strpbrk(c->host, ":/, \t") != NULL)
		return stk_conf_blame(e, "host", 0,
		    "the host part of a worker id has no colon, slash, comma or blank");
	if ((err = stk_config_check_metrics(c, e)) != STK_OK)
		return err;
	if (stk_net_refuse_wrong(&c->net_refuse) != NULL)
		return stk_conf_blame(
		    e, "net_refuse", 0, "%s", stk_net_refuse_wrong(&c->net_refuse));
	for (size_t i = 0; i < c->directories.n; i++)
		if (c->directories.v[i].value[0] != '/')
			return stk_conf_blame(e, "directories", 0,
			    "'%s' = \"%s\" is not an absolute path", c->directories.v[i].name,
			    c->directories.v[i].value);
	if (c->cgroup[0] != '/' && strcmp(c->cgroup, "auto") != 0 &&
	    strcmp(c->cgroup, "off") != 0 && strcmp(c->cgroup, "require") != 0)
		return stk_conf_blame(e, "cgroup", 0,
		    "\"%s\" is neither auto, off, require nor an absolute path", c->cgroup);
	if (c->work_dir != NULL && c->work_dir[0] != '/')
		return stk_conf_blame(
		    e, "work_dir", 0, "\"%s\" is not an absolute path", c->work_dir);
	for (size_t i = 0; i < c->secrets.n; i++)
		if (c->secrets.v[i].value[0] != '/')
			return stk_conf_blame(e, "secrets", 0,
			    "'%s' is not mapped to an absolute path", c->secrets.v[i].name);
	return STK_OK;
}

const char *stk_config_directory(const struct stk_config *c, const char *label)
{
	for (size_t i = 0; i < c->directories.n; i++)
		if (strcmp(c->directories.v[i].name, label) == 0)
			return c->directories.v[i].value;
	return NULL;
}

static uint64_t least(uint64_t a, int64_t b)
{
	return a < (uint64_t)b ? a : (uint64_t)b;
}

struct stk_limits stk_config_clamp(const struct stk_config *c, const struct stk_limits *ask)
{
	struct stk_limits l = *ask;

	l.wall_ms = (uint32_t)least(ask->wall_ms, c->ceiling.wall_ms);
	l.cpu_s = (uint32_t)least(ask->cpu_s, c->ceiling.cpu_ms / 1000);
	l.mem_bytes = least(ask->mem_bytes, c->ceiling.memory_bytes);
	l.file_bytes = least(ask->file_bytes, c->ceiling.file_bytes);
	l.stack_bytes = least(ask->stack_bytes, c->ceiling.stack_bytes);
	l.fds = (uint32_t)least(ask->fds, c->ceiling.fds);
	l.work_bytes = least(ask->work_bytes, c->ceiling.work_bytes);
	l.tasks = (uint32_t)least(ask->tasks, c->ceiling.tasks);
	l.output_bytes = (uint32_t)least(ask->output_bytes, c->ceiling.output_bytes);
	l.report_bytes = (uint32_t)least(ask->report_bytes, c->ceiling.report_bytes);
	l.result_bytes = (uint32_t)least(ask->result_bytes, c->ceiling.result_bytes);
	return l;
}
