/*
 * config.h - what the operator says: built-in default < file < environment < flag.
 *
 * One table (config.c) is the whole grammar: file, STOCKADE_* variables and flags mean the same. No
 * secret stands here, only the names of files that hold one.
 */
#ifndef WORKER_CONFIG_H
#define WORKER_CONFIG_H

#include "sandbox/probe.h"
#include "worker/conf.h"

#define STK_CONFIG_PATH "/etc/stockade/stockade.conf"
#define STK_POLICY_PATH "/etc/stockade/policy.conf"
/* Where no place can be told from this program's own. */
#define STK_CAGE_PATH     "/usr/local/libexec/stockade/cage"
#define STK_CAGE_PATH_MAX 4096

/* What one queue does otherwise than the rest. */
enum stk_signatures {
	STK_SIGNATURES_REQUIRED,
	STK_SIGNATURES_REPORT, /* never popped: looked at, and told what would become of its jobs */
	STK_SIGNATURES_OFF     /* plain Resque jobs of .classes run too */
};
enum stk_breaker_mode {
	STK_BREAKER_ENFORCE,
	STK_BREAKER_OBSERVE
};
struct stk_queue_rule {
	struct stk_strings queues;
	int signatures;             /* enum stk_signatures */
	struct stk_strings classes; /* OFF only: what may run unsigned */
	int breaker;                /* enum stk_breaker_mode */
};

struct stk_config {
	char *redis;                /* URL without a password */
	char *redis_user;           /* ACL user, or NULL */
	char *redis_password_file;  /* or NULL */
	char *ns;                   /* key prefix without its colon */
	char *ledger_url;           /* of the ledger's Redis, possibly the same; never a default */
	char *ledger_user;          /* its ACL user, never the queues' */
	char *ledger_password_file; /* or NULL */
	int64_t ledger_max_bytes;   /* what the policy's rates may make of it */
	bool adaptive_rates; /* lower every rate while this machine is short of memory or CPU */
	struct stk_strings
	    queues; /* strict priority order; names, patterns, exclusions (queues.h) */
	struct stk_strings
	    queues_allowed; /* the only queues that patterns may cover; empty: the policy's */
	struct stk_conf_list queue_rules; /* of struct stk_queue_rule */
	int64_t report_every_ms;
	char *policy;         /* path */
	char *audit_dir;      /* where the audit trail is kept, or NULL: none */
	char *audit_key_file; /* signs its heads, or NULL */
	int64_t audit_file_max_bytes;
	char *cage;                    /* path of the cage program */
	char *user;                    /* whom to become when started as root, or NULL */
	char *host;                    /* host part of the worker id, or NULL: gethostname() */
	struct stk_map directories;    /* grant label -> directory */
	char *cgroup;                  /* auto, off, require, or a delegated group's path */
	char *work_dir;                /* where jobs have a directory of their own, or NULL */
	struct stk_map secrets;        /* class secret's label -> file */
	struct stk_map settings;       /* name -> text for classes that ask for it */
	struct stk_strings setup_read; /* further paths that a handler's setup() may read */
	struct {
		int64_t wall_ms, cpu_ms, memory_bytes;
		int64_t file_bytes, stack_bytes, work_bytes, fds, tasks;
		int64_t output_bytes, report_bytes, result_bytes;
	} ceiling;
	int64_t zygote_jobs; /* jobs of one zygote before it is replaced; 0: it grows old */
	struct {
		int64_t violations, ratio, least, window_ms, hold_ms, trial_ms;
	} breaker;
	int64_t concurrency;
	int64_t drain_batch; /* elements judged in one look while junk floods a queue; 1: never */
	int64_t results_max_bytes; /* of all kept results together */
	int64_t max_payload_bytes, max_body_bytes;
	int64_t skew_ms, drain_timeout_ms, term_timeout_ms, beat_ms, poll_ms;
	int64_t redis_timeout_ms, redis_start_wait_ms;
	int64_t dead_after_ms, stuck_after_ms, prune_after_ms;
	int64_t net_timeout_ms, net_connections;
	struct stk_strings net_refuse;     /* ranges that no broker connects to */
	int prune_lock;                    /* index into pass, hold */
	int layers[STK_LAYER_COUNT];       /* enum stk_layer_wish each */
	struct stk_conf_list class_layers; /* of struct stk_class_layers */
	int memory_check;                  /* index into refuse, warn, off */
	int log_format;                    /* enum stk_log_format */
	int log_level;                     /* enum stk_log_level */
	int failure_backend;               /* 0: redis, 1: redis_multi_queue */
	char *metrics_listen; /* where metrics are served (listen.h), or NULL: nowhere */
	bool metrics_public;  /* others than this machine may ask, and the operator means it */
	char *pidfile;        /* the supervisor's pid without a newline, never removed; or NULL */
	bool background;      /* leave the terminal, standard descriptors to /dev/null */
	bool graceful_term;   /* TERM lets the job finish however long it takes, as QUIT does */
	bool drain_and_exit;  /* INTERVAL=0: run until the queues are empty, then end */
};

/* What the operator says of a layer: nothing, or a demand (enum stk_demand) and one. */
enum stk_layer_wish {
	STK_WISH_NONE,
	STK_WISH_OFF,
	STK_WISH_PREFER,
	STK_WISH_REQUIRE,
};

/* What one class asks of the layers, whatever the rest does; names as in sandbox/layers.def. */
struct stk_class_layers {
	char *name;
	struct stk_strings require, prefer, off;
};

/* The table, for --help and the manual. */
extern const struct stk_setting stk_config_table[];
extern const size_t stk_config_table_len;

/*
 * installed.c: the cage program that was installed with this one, PREFIX/libexec/stockade/cage of
 * PREFIX/bin/stockade; or built with it, stockade-cage in its folder; else STK_CAGE_PATH. The first
 * two tell it of one program's path: false if that is no such place.
 */
STK_CHECK bool stk_config_cage_beside(const char *program, char *out, size_t size);
STK_CHECK bool stk_config_cage_built(const char *program, char *out, size_t size);
void stk_config_cage_default(char out[static STK_CAGE_PATH_MAX]);

/*
 * Fills *@c from defaults, @path (NULL: STOCKADE_CONFIG, else the default path if it exists) and
 * the environment. Flags are the caller's: stk_conf_set() on the same table, then
 * stk_config_check().
 */
STK_CHECK enum stk_err stk_config_load(
    struct stk_config *c, const char *path, struct stk_conf_error *e);
/*
 * Resque's host:port/namespace form: the namespace in `redis` counts where none was set elsewhere.
 * STK_E_FORMAT for a URL that cannot be parsed.
 */
STK_CHECK enum stk_err stk_config_url_namespace(struct stk_config *c, struct stk_conf_error *e);
/* What needs several settings at once: queue names, host part, labels. */
STK_CHECK enum stk_err stk_config_check(
    const struct stk_config *c, bool for_work, struct stk_conf_error *e);
/* config_rules.c: the rules of single queues, together. */
STK_CHECK enum stk_err stk_config_check_rules(const struct stk_config *c, struct stk_conf_error *e);
STK_CHECK enum stk_err stk_config_check_ledger(
    const struct stk_config *c, struct stk_conf_error *e);
STK_CHECK enum stk_err stk_config_check_metrics(
    const struct stk_config *c, struct stk_conf_error *e);
void stk_config_clear(struct stk_config *c);

/* The rule that names @queue, or NULL: signatures are required. Borrowed from @c. */
const struct stk_queue_rule *stk_config_rule(const struct stk_config *c, const char *queue);
enum stk_signatures stk_config_signatures(const struct stk_config *c, const char *queue);

/* The directory of @label, or NULL. Borrowed from @c. */
const char *stk_config_directory(const struct stk_config *c, const char *label);

/* The class's ask, clamped by the operator's ceiling. */
struct stk_limits stk_config_clamp(const struct stk_config *c, const struct stk_limits *ask);

#endif
