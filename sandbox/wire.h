/*
 * wire.h - every fixed record that crosses the wall, and nothing else.
 *
 * W = worker, M = nursery, Z = zygote, J = job child (ARCHITECTURE.md, "Processes"). Both programs
 * are built for one machine, so records are plain structs of fixed-width members without padding;
 * each receiver checks magic, sizes and bounds and returns an error: nobody aborts on a peer's
 * word.
 */
#ifndef SANDBOX_WIRE_H
#define SANDBOX_WIRE_H

#include "sandbox/base.h"

#define STK_ABI          2u /* job.h's contract; a described table with another number is refused */
#define STK_WALL_VERSION 3u /* what the entry sequence promises */

#define STK_NAME_MAX        128 /* class name, as STK1 allows (PROTOCOL.md, STK1) */
#define STK_LABEL_MAX       32  /* grant label such as "inputs" */
#define STK_CLASSES_MAX     256
#define STK_GRANTS_MAX      8   /* per class */
#define STK_LABELS_MAX      32  /* distinct directory labels of one cage program */
#define STK_NETS_MAX        8   /* destinations of one class */
#define STK_NET_MAX         96  /* "api.example.com:443", "10.1.0.0/16:*", "*:443" */
#define STK_NET_HOST_MAX    256 /* a host name with its NUL (RFC 1035: 253) */
#define STK_NET_RANGE_MAX   48  /* "ffff:...:ffff/128" with its NUL */
#define STK_NET_REFUSED_MAX 32  /* ranges of the operator's net_refuse */
#define STK_NET_PEERS_MAX   16  /* addresses of the worker's own Redis */
#define STK_TREES_MAX       4   /* library trees of an exec(dynamic) class */
#define STK_PATH_MAX        128
#define STK_PATHS_MAX       16    /* distinct programs and library trees of one cage program */
#define STK_RELEASES_MAX    8     /* pre-signed jobs that one job may release */
#define STK_SECRETS_MAX     8     /* secrets, and settings, of one class */
#define STK_HANDED_EACH     4096u /* bytes of one secret or setting */
#define STK_HANDED_MAX      (2 * STK_SECRETS_MAX * (4 + STK_HANDED_EACH + 1))
#define STK_TITLE_QUEUE_MAX 72
#define STK_TITLE_ROOM      256         /* bytes of padding behind a zygote's arguments */
#define STK_ARGS_MAX        (64u << 10) /* max_body */

/* Profiles add up per class; a zygote serves one sum. */
enum stk_profile {
	STK_PROFILE_PURE = 0,
	STK_PROFILE_FILES_READ = 1u << 0,
	STK_PROFILE_FILES_WRITE = 1u << 1,
	STK_PROFILE_THREADS = 1u << 2,
	STK_PROFILE_NET = 1u << 3,
	STK_PROFILE_EXEC = 1u << 4,
	STK_PROFILE_EXEC_DYNAMIC = 1u << 5, /* beside EXEC: its loader and library trees too */
	/* never a class's: of the zygote whose children become a class's program */
	STK_PROFILE_PROGRAM = 1u << 6,
	STK_PROFILE_PROGRAM_DYNAMIC = 1u << 7,
};

/* What a job may use. A class asks; the operator's ceiling clamps (worker/run.c); the kernel
 * enforces. */
struct stk_limits {
	uint64_t mem_bytes;    /* RLIMIT_AS of the child */
	uint64_t file_bytes;   /* RLIMIT_FSIZE */
	uint64_t stack_bytes;  /* RLIMIT_STACK */
	uint64_t work_bytes;   /* the job's own directory, emptied after it; 0: it has none */
	uint32_t wall_ms;      /* the worker kills at this age, counted from the spawn */
	uint32_t cpu_s;        /* RLIMIT_CPU soft; hard is one more */
	uint32_t fds;          /* RLIMIT_NOFILE */
	uint32_t output_bytes; /* stdout and stderr together; the worker counts and kills */
	uint32_t report_bytes; /* log and denial records together */
	uint32_t result_bytes; /* the one result frame */
	uint32_t tasks;        /* threads and processes at a time, the first included */
	uint32_t silence_ms;   /* the worker kills after so long without a word of the handler's; 0:
				  it may be silent */
};
_Static_assert(sizeof(struct stk_limits) == 64, "no padding");

enum stk_retry {
	STK_RETRY_NONE = 0,
	STK_RETRY_EXPONENTIAL = 1,
	STK_RETRY_FIXED = 2
};

/* One grant of a class: a label that the operator maps to a directory. */
struct stk_grant {
	char label[STK_LABEL_MAX]; /* NUL-padded [a-z0-9_-]+ */
	uint32_t kind;             /* one bit of enum stk_profile */
	uint32_t label_index;      /* position among the program's labels: which directory fd */
};

/* One class as `stockade-cage describe` prints it. */
struct stk_class_desc {
	char name[STK_NAME_MAX + 8]; /* NUL-padded */
	uint8_t schema_digest[32];   /* SHA-256 of the schema text */
	struct stk_limits ask;
	uint32_t profiles; /* sum of enum stk_profile */
	uint32_t idempotent;
	uint32_t retry_max; /* automatic attempts after the first */
	uint32_t retry_kind;
	uint32_t retry_base_ms;
	uint32_t n_grants;
	uint32_t n_nets, n_trees, n_secrets, n_settings;
	uint32_t keep_result_s; /* how long its results are kept; 0: they are not */
	uint32_t releases;      /* how many pre-signed jobs one of it may release; 0: none */
	struct stk_grant grants[STK_GRANTS_MAX];
	/* All NUL-padded; what lies beyond a count is zero. */
	char program[STK_PATH_MAX];                    /* exec: absolute path; else empty */
	char trees[STK_TREES_MAX][STK_PATH_MAX];       /* exec(dynamic): absolute paths */
	char nets[STK_NETS_MAX][STK_NET_MAX];          /* net: host, address or range, and port */
	char secrets[STK_SECRETS_MAX][STK_LABEL_MAX];  /* labels the operator maps to files */
	char settings[STK_SECRETS_MAX][STK_LABEL_MAX]; /* names the operator gives values */
};

#define STK_DESC_MAGIC 0x31435344u /* "DSC1" */
/* The description: this header, then n_classes records, then end of file. */
struct stk_desc_header {
	uint32_t magic;
	uint32_t abi;
	uint32_t wall_version;
	uint32_t n_classes;
	uint32_t n_labels;
	uint32_t class_size; /* sizeof(struct stk_class_desc): a stale build is caught here */
	uint8_t registry_digest[32]; /* SHA-256 over the class records that follow, as sent */
	char labels[STK_LABELS_MAX][STK_LABEL_MAX];
};

/* Z -> W, once, after its filter is installed and setup() of every handler is done. */
#define STK_HELLO_MAGIC 0x314f4c48u /* "HLO1" */
struct stk_hello {
	uint32_t magic;
	uint32_t profiles;
	uint8_t registry_digest[32];
	uint32_t
	    failed_step; /* 0, or the step (sandbox/entry.h) that Z could not do; it then exits */
	int32_t err;     /* errno of that step */
	uint32_t listening; /* 1: the filter's notification descriptor rides along (PROGRAM) */
	uint32_t pad;
};

/* What a job may be handed beside its three pipes, by its grants; each has its own slot in J. */
enum stk_extra {
	STK_EXTRA_BROKER,      /* net: SOCK_SEQPACKET, to ask for connections */
	STK_EXTRA_WORK_DIR,    /* the job's own directory */
	STK_EXTRA_PROGRAM_SAY, /* exec: where the program's arguments are written to */
	STK_EXTRA_PROGRAM_IN,  /* its standard input, the end to write */
	STK_EXTRA_PROGRAM_OUT, /* its standard output, the end to read */
	STK_EXTRA_PROGRAM_END, /* how it ended, told by W */
	STK_EXTRA_COUNT
};

/* W -> Z: clone one child. Carries report pipe (write end), output pipe (write end), argument pipe
 * (read end), then one descriptor per bit of extras, in their order. */
#define STK_SPAWN_MAGIC 0x314e5053u /* "SPN1" */
struct stk_spawn {
	uint32_t magic;
	uint32_t class_index;
	struct stk_limits limits; /* already clamped by W */
	uint32_t attempt;         /* 1 for the first */
	uint32_t extras;          /* bit per enum stk_extra */
	uint32_t nproc;           /* threads: RLIMIT_NPROC (sandbox/tasks.h); else 0 */
	uint32_t pad;
	int64_t deadline_ms;             /* CLOCK_MONOTONIC when the worker will kill it */
	int64_t since_s;                 /* for the child's title: seconds since the epoch */
	char queue[STK_TITLE_QUEUE_MAX]; /* for the child's title; NUL-padded, printable or not */
};
/* Z -> W: the pid that CLONE_PARENT made W's child, or -errno. W believes it only if waitid knows
 * it. */
#define STK_SPAWNED_MAGIC 0x31445053u /* "SPD1" */
struct stk_spawned {
	uint32_t magic;
	int32_t pid;
};

/* J -> the process that becomes its program, once: then len bytes, n strings each ended by NUL. */
#define STK_SAY_MAGIC    0x31594153u /* "SAY1" */
#define STK_SAY_ARGS_MAX 64
#define STK_SAY_MAX      (16u << 10)
struct stk_say {
	uint32_t magic;
	uint32_t n;
	uint32_t len;
};
/* W -> J: how the program ended. */
#define STK_PROGRAM_END_MAGIC 0x31444e45u /* "END1" */
struct stk_program_end {
	uint32_t magic;
	int32_t status; /* exit code, or -signal */
};

/* W -> J on the argument pipe, after READY: this is the GO. Then args_len bytes of JSON text,
 * then handed_len bytes: for each of the class's secrets and then of its settings, in the order of
 * its record, a uint32 length, that many bytes and a NUL. */
#define STK_TRACE_BYTES 56          /* "00-<32 hex>-<16 hex>-<2 hex>" with its NUL */
#define STK_GO_MAGIC    0x31304f47u /* "GO01" */
struct stk_go {
	uint32_t magic;
	uint32_t args_len;
	uint32_t flags;
	uint32_t handed_len;         /* <= STK_HANDED_MAX */
	uint8_t job_id[16];          /* idempotency key */
	char trace[STK_TRACE_BYTES]; /* W3C traceparent, NUL-terminated */
};
#define STK_GO_CHECK_ONLY \
	1u /* parse, validate and bind the arguments, then report Done: `explain` */

/* J -> W on the report pipe: header, then len bytes. */
#define STK_FRAME_MAGIC 0x4b545346u /* "FSTK" */
enum stk_frame_type {
	STK_FRAME_SETUP = 1,  /* struct stk_setup_failed: the cage could not be shut; then exit */
	STK_FRAME_READY = 2,  /* no body: the cage is shut, nothing of the payload was read */
	STK_FRAME_DENIED = 3, /* struct stk_denied, written by the SIGSYS handler */
	STK_FRAME_FAULT = 4,  /* struct stk_fault, written by the SEGV/BUS/ILL/FPE/ABRT handler */
	STK_FRAME_LOG = 5,    /* uint32 level, then text */
	STK_FRAME_RESULT = 6, /* struct stk_result, then message bytes, then result bytes */
	STK_FRAME_UNLOGGED =
	    7, /* uint32: log lines that did not fit, so far; at the first, at the end */
	STK_FRAME_PROGRESS = 8, /* struct stk_progress, then at most STK_NOTE_MAX bytes of text */
	STK_FRAME_BEAT = 9,     /* no body: the handler is alive */
	STK_FRAME_RELEASE = 10, /* a payload from among the arguments, to be pushed when done */
	STK_FRAME_LAST = STK_FRAME_RELEASE
};
struct stk_frame {
	uint32_t magic;
	uint16_t type;
	uint16_t pad;
	uint32_t len;
};

/* What J logs of a label that its class was not granted: then READ("label") or WRITE("label"). */
#define STK_LACKS_GRANT "the class has no grant "

#define STK_NOTE_MAX 160
struct stk_progress {
	uint64_t done;
	uint64_t total; /* 0: not known */
};

/* The steps of the entry sequence, in their order; stk_step_name() in entry.h names them. */
struct stk_setup_failed {
	uint32_t step;
	int32_t err; /* errno */
};
struct stk_denied {
	uint64_t ip;
	uint64_t args[6];
	int32_t nr;
	uint32_t arch; /* AUDIT_ARCH_* */
};
#define STK_FAULT_FRAMES  16u
#define STK_FAULT_MODULES 4u
#define STK_FAULT_NOWHERE UINT32_MAX /* code of no module that was noted */
enum stk_fault_how {
	STK_FAULT_HERE = 0,  /* where it was; the others are return addresses */
	STK_FAULT_CHAIN = 1, /* of the chain of frame pointers */
	STK_FAULT_FOUND = 2, /* that lay on the stack: likely, not certain */
};
struct stk_fault_frame {
	uint64_t offset; /* from the module's beginning; the address itself if nowhere */
	uint32_t module; /* number among the modules, or STK_FAULT_NOWHERE */
	uint32_t how;    /* enum stk_fault_how */
};
struct stk_fault_module {
	uint8_t bytes[20]; /* the linker's build id */
	uint32_t len;      /* of it; 0: it has none */
};
struct stk_fault {
	uint64_t addr;
	int32_t signal;
	uint32_t near_sp; /* 1: within a page range of the stack pointer, so a stack overflow */
	uint32_t n_frames, n_modules;
	uint64_t room; /* address space that was still to be had then, at least 1; 0: not known */
	int32_t err;   /* errno of the thread then */
	uint32_t pad;
	struct stk_fault_module modules[STK_FAULT_MODULES]; /* the cage program is the first */
	struct stk_fault_frame frames[STK_FAULT_FRAMES];    /* from the inside to the outside */
};
_Static_assert(sizeof(struct stk_fault) == 392, "no padding");

/*
 * The broker B (ARCHITECTURE.md, "The broker"). One socket per job, its other end in J; the first
 * record on it is W's, sent before J exists, and no second of its kind is taken. One pipe to W.
 */
#define STK_TERMS_MAGIC 0x314d5254u /* "TRM1" */
struct stk_net_peer {               /* an address of the worker's own Redis */
	uint8_t family;             /* 4 or 6 */
	uint8_t pad;
	uint16_t port;     /* host byte order */
	uint8_t bytes[16]; /* IPv4 in the first four, the rest zero */
};
struct stk_terms { /* W -> B */
	uint32_t magic;
	uint32_t connects_max; /* requests that this job may make, refused ones included */
	uint32_t timeout_ms;   /* longest time of one request, name and connection together */
	uint32_t n_nets, n_refused, n_redis;
	char nets[STK_NETS_MAX][STK_NET_MAX]; /* the class's, as described */
	char refused[STK_NET_REFUSED_MAX][STK_NET_RANGE_MAX];
	struct stk_net_peer redis[STK_NET_PEERS_MAX];
};
#define STK_NET_ASK_MAGIC 0x3151454eu /* "NEQ1" */
struct stk_net_ask {                  /* J -> B; with descriptors beside it, it is malformed */
	uint32_t magic;
	uint32_t seq; /* comes back in the answer */
	uint32_t timeout_ms;
	uint32_t port;               /* 1 to 65535 */
	char host[STK_NET_HOST_MAX]; /* NUL-padded */
};
#define STK_NET_ANSWER_MAGIC 0x3141454eu /* "NEA1" */
struct stk_net_answer {                  /* B -> J, with the connected socket if name is 0 */
	uint32_t magic;
	uint32_t seq;
	uint32_t name; /* enum stk_net_name */
	int32_t err;   /* errno of a failed connect, else 0 */
};
#define STK_NET_EVENT_MAGIC 0x3156454eu /* "NEV1" */
struct stk_net_event {                  /* B -> W, one per request; the first is B's hello */
	uint32_t magic;
	uint32_t kind; /* enum stk_net_event_kind */
	uint32_t name; /* enum stk_net_name; of a hello: the step that failed, or 0 */
	int32_t err;
	uint32_t port;
	uint32_t took_ms;
	struct stk_net_peer peer;    /* family 0: no address was come to */
	char host[STK_NET_HOST_MAX]; /* NUL-padded, as J wrote it */
};
_Static_assert(sizeof(struct stk_net_event) <= 4096, "one write into a pipe is whole");
enum stk_net_event_kind {
	STK_NET_EVENT_HELLO = 1,
	STK_NET_EVENT_REQUEST = 2,
};

enum stk_result_kind {
	STK_RESULT_DONE = 1,
	STK_RESULT_SKIP = 2,
	STK_RESULT_RETRY = 3,         /* retry_ms says when */
	STK_RESULT_FAIL = 4,          /* code and message */
	STK_RESULT_ARGS_JSON = 5,     /* arguments are not what RFC 8259 and our bounds allow */
	STK_RESULT_ARGS_SCHEMA = 6,   /* arguments break the schema: message is "pointer: rule" */
	STK_RESULT_FAIL_FOR_GOOD = 7, /* as FAIL, and no further attempt can mend it */
	STK_RESULT_LAST = STK_RESULT_FAIL_FOR_GOOD
};
struct stk_result {
	uint32_t kind;
	uint32_t code;
	uint32_t retry_ms;
	uint32_t message_len; /* <= 1024, untrusted text */
	uint32_t result_len; /* <= limits.result_bytes, one JSON value by the handler's word only */
};

#endif
