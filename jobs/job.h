/*
 * job.h - what a job author writes against. Installed as <stockade/job.h>; C11 and C++17.
 *
 * A handler is one function in a program of its own, the cage program. It runs in a fresh process
 * for each job, behind a wall: no new files but those of its grants, no network, no other process,
 * bounded memory, CPU, time and output. Its arguments were signed, checked against the schema and
 * turned into a struct before it is called. It returns one result; the process then ends.
 *
 *	struct stockade_result resize(struct stockade_job *job, const struct resize_args *args)
 *	{
 *		if (args->width > 8192)
 *			return stockade_fail(job, 1, "width %d is beyond 8192", args->width);
 *		...
 *		return STOCKADE_DONE;
 *	}
 *
 * and one line in jobs/registry.def:
 *
 *	JOB(resize, "Images::Resize", PROFILE(files), READ("inputs"), WALL_MS(5000), CPU_S(2))
 *
 * Delivery is at least once: a handler may be run again after a crash of the machine, so what it
 * does must bear repetition; stockade_job_id() is the same each time. Nothing here may be called
 * from a second thread.
 */
#ifndef STOCKADE_JOB_H
#define STOCKADE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "names.h" /* part of this; beside it, wherever it is installed */

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The contract between handlers, their library and the worker, as a number. An object that was
 * compiled with the header of another number does not link ("undefined reference to
 * stockade_abi_<number>": compile it again), and a cage program of another number is refused by the
 * worker as CAGE_ABI.
 */
#define STOCKADE_ABI 2
extern const char stockade_abi_2;
#if defined(__GNUC__)
static const char *const stockade_abi_of_this_object __attribute__((used)) = &stockade_abi_2;
#endif

/* The job being run; borrowed by the handler until it returns. Opaque. */
struct stockade_job;

/* What a handler returns. Make it only with the words below. */
struct stockade_result {
	uint32_t kind;
	uint32_t code;
	uint32_t retry_ms;
};

static inline struct stockade_result stockade_result_make(
    uint32_t kind, uint32_t code, uint32_t retry_ms)
{
	struct stockade_result r;

	r.kind = kind;
	r.code = code;
	r.retry_ms = retry_ms;
	return r;
}

/* The work is done. The job leaves the queue for good. */
#define STOCKADE_DONE stockade_result_make(1, 0, 0)
/* There was nothing to do, and that is fine; counted apart from DONE, never retried. */
#define STOCKADE_SKIP stockade_result_make(2, 0, 0)

/*
 * Not now: run me again in @ms milliseconds (or a little later), with the next attempt number. The
 * worker bounds the delay and the number of attempts by the class's RETRY and the job's signature.
 */
static inline struct stockade_result stockade_retry_after(uint32_t ms)
{
	return stockade_result_make(3, 0, ms);
}

#if defined(__GNUC__)
#define STOCKADE_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define STOCKADE_PRINTF(f, a)
#endif

/*
 * It cannot be done. @code is the handler's own number (0 is allowed), shown to operators beside
 * the message: at most 1024 bytes of UTF-8, cut beyond that; do not put secrets in it. The job goes
 * to the failed list, or is retried if its class says RETRY.
 */
struct stockade_result stockade_fail(struct stockade_job *job, uint32_t code, const char *fmt, ...)
    STOCKADE_PRINTF(3, 4);

/*
 * The same, and no further attempt can mend it: never retried, whatever the class's RETRY says.
 * Counted and recorded apart, as FailedForGood.
 */
struct stockade_result stockade_fail_for_good(
    struct stockade_job *job, uint32_t code, const char *fmt, ...) STOCKADE_PRINTF(3, 4);

enum stockade_level {
	STOCKADE_DEBUG = 7,
	STOCKADE_INFO = 6,
	STOCKADE_NOTICE = 5,
	STOCKADE_WARNING = 4,
	STOCKADE_ERROR = 3
};

/*
 * One line for the worker's log, with the job's id beside it; cut at 1024 bytes. All lines of one
 * job share the class's report limit (4 KiB unless it asks for more); the line that would go over
 * it is not sent, and neither is any after it: the worker logs how many (job.unlogged). What is
 * printed to stdout or stderr is not logged.
 */
void stockade_log(struct stockade_job *job, enum stockade_level level, const char *fmt, ...)
    STOCKADE_PRINTF(3, 4);

/*
 * How far the work is: @done of @total (0: not known), and a few words on what is being done, at
 * most 160 bytes, cut beyond that. For `stockade top`; it decides nothing. Cheap: call it as often
 * as you like, at most four a second are sent, the others are dropped. No secrets in it.
 */
void stockade_progress(struct stockade_job *job, uint64_t done, uint64_t total, const char *fmt,
    ...) STOCKADE_PRINTF(4, 5);

/*
 * The handler is alive. A class with SILENCE_S(n) in its registry line is ended, as Stalled, when
 * its handler has said nothing for n seconds; log lines and progress that are sent count as well,
 * and so does what its program prints while stockade_exec() waits for it. As cheap as progress.
 */
void stockade_heartbeat(struct stockade_job *job);

/* 32 lower-case hex digits, the same for every attempt of this job: an idempotency key. Borrowed.
 */
const char *stockade_job_id(const struct stockade_job *job);
/*
 * The job's place in a trace: a W3C traceparent of version 00, 55 characters, borrowed, for the
 * header of what the handler asks of others. The one that the producer signed as the job's ref, or
 * else one made of the job's id, which is also the trace.id of the worker's log lines.
 */
const char *stockade_trace(const struct stockade_job *job);
/* 1 for the first run, 2 for the first retry, ... */
uint32_t stockade_attempt(const struct stockade_job *job);
/* Milliseconds until the worker kills this process; 0 when it is due. */
int64_t stockade_deadline_left_ms(const struct stockade_job *job);

/*
 * The descriptor of the directory that the operator mapped to @label (an O_PATH descriptor for the
 * *at() calls; never close it), or -1 with errno ENOENT if the class has no grant of that label,
 * which is then logged once.
 */
int stockade_dir(const struct stockade_job *job, const char *label);

/*
 * Opens the regular file @name beneath the directory of @label for reading. @name is a relative
 * path without empty, "." and ".." parts, at most 1024 bytes; its last part is not followed if it
 * is a symbolic link. Returns a descriptor, the caller's to close, or -1 with errno:
 *	EINVAL  @name is not such a path
 *	ENOENT  no such file, or no such label in the class's grants
 *	ELOOP   it is a symbolic link
 *	EISDIR  it is not a regular file
 *	EACCES  the file's mode, or the wall, says no
 */
int stockade_open(const struct stockade_job *job, const char *label, const char *name);

/* What the class's program (EXEC or EXEC_DYNAMIC in the registry) is to do, and what came of it. */
struct stockade_exec {
	const char *const *args; /* NULL-ended, without the program's name; NULL: none. At most 64,
				    and 16 KiB together */
	const void *input;       /* its standard input, input_len bytes, then end of file */
	size_t input_len;
	int input_fd;       /* instead, if not 0: a descriptor whose bytes are its standard input */
	char *output;       /* receives its standard output; the handler's */
	size_t output_size; /* how much of that there is room for */
	/* filled */
	size_t output_len;
	int status; /* exit status, or the signal that ended it, negative */
};

/*
 * Runs the class's program, once per job, and waits for its end. It runs beside the handler in a
 * cage of its own: no network, no processes, no other program, the files of the class's grants, the
 * same limits. There is no shell: an argument is an argument. What it prints to stderr counts as
 * the job's output. 0 when it ran and ended, whatever its status; or -1 with errno:
 *	ENOENT   the class has no EXEC grant
 *	EALREADY it was run before
 *	EINVAL   an argument list beyond its bounds
 *	E2BIG    it printed more than output_size; it was ended, output holds the beginning
 *	EPIPE    it ended before it could be told its arguments
 * A program that is denied a system call, or meets the CPU or file size limit, ends the job by that
 * name. SIGPIPE is blocked from the first call on.
 */
int stockade_exec(struct stockade_job *job, struct stockade_exec *e);

/*
 * The path by which the class's program reaches the file @name in the directory of @label; @name as
 * for stockade_open(). 0, or -1 with errno EINVAL, ENOENT (no such grant), ENAMETOOLONG.
 */
int stockade_exec_path(
    const struct stockade_job *job, const char *label, const char *name, char *out, size_t size);

/* --- memory ----------------------------------------------------------------------------------- */

/*
 * @size zeroed bytes, aligned for any object, freed with the job; never free() them. NULL with
 * errno ENOMEM. Size 0 gives a pointer of its own.
 */
void *stockade_alloc(struct stockade_job *job, size_t size);
/* The same, holding formatted text; stockade_text(job, "%s", s) is a copy of s. */
char *stockade_text(struct stockade_job *job, const char *fmt, ...) STOCKADE_PRINTF(2, 3);

/* --- arguments -------------------------------------------------------------------------------- */

/*
 * The members of an argument struct that are arrays. Borrowed by the handler until it returns, as
 * is every text in them; n is 0 and at NULL for an optional one that was left out.
 */
struct stockade_strings {
	size_t n;
	const char *const *at;
};
struct stockade_integers {
	size_t n;
	const int64_t *at;
};
struct stockade_numbers {
	size_t n;
	const double *at;
};
struct stockade_booleans {
	size_t n;
	const bool *at;
};

/*
 * A JSON value of the arguments, for what is deeper than a member of the struct: read-only,
 * borrowed until the handler returns. Each function takes NULL and answers as for a value of
 * another kind, so a chain of them needs one check at its end. Opaque.
 */
struct stockade_json;

enum stockade_json_kind {
	STOCKADE_JSON_ABSENT, /* NULL was passed */
	STOCKADE_JSON_NULL,
	STOCKADE_JSON_BOOLEAN,
	STOCKADE_JSON_NUMBER,
	STOCKADE_JSON_STRING,
	STOCKADE_JSON_ARRAY,
	STOCKADE_JSON_OBJECT
};
enum stockade_json_kind stockade_json_kind(const struct stockade_json *v);

/* Items of an array, members of an object; 0 for anything else. */
size_t stockade_json_size(const struct stockade_json *v);
/* The item at @i, from 0; the member of that key. NULL if there is none. */
const struct stockade_json *stockade_json_at(const struct stockade_json *array, size_t i);
const struct stockade_json *stockade_json_get(const struct stockade_json *object, const char *key);
/*
 * The members of an object one by one: the first key for @key NULL, else the one after @key, which
 * must be the pointer that was returned. *value is its value. NULL at the end.
 */
const char *stockade_json_next(
    const struct stockade_json *object, const char *key, const struct stockade_json **value);

/* The text, UTF-8 without NUL bytes, or NULL if it is no string. */
const char *stockade_json_string(const struct stockade_json *v);
/* True with *out set if it is a whole number of 64 bits (3.0 too), a number, a boolean. */
bool stockade_json_integer(const struct stockade_json *v, int64_t *out);
bool stockade_json_number(const struct stockade_json *v, double *out);
bool stockade_json_boolean(const struct stockade_json *v, bool *out);

/*
 * The secret that the operator mapped to @label, of this class's SECRETS("label"): *@len bytes
 * (NULL allowed) and a NUL behind them, borrowed until the job ends. NULL with errno ENOENT if the
 * class names no such secret. Do not log, print or return it: the worker blots its bytes, plain or
 * as JSON escapes them, out of what it writes, but cannot know other spellings of them.
 */
const void *stockade_secret(const struct stockade_job *job, const char *label, size_t *len);

/*
 * The text that the operator gave to @name, of this class's SETTINGS("name"); NUL-terminated,
 * borrowed. NULL with errno ENOENT if the class names no such setting.
 */
const char *stockade_setting(const struct stockade_job *job, const char *name);

/*
 * The job's own directory, of a class with WORK_MIB: empty when the job begins, emptied when it
 * ends, however it ends. It holds regular files only; what lies in it counts at least 4 KiB a file,
 * and a job that goes over its quota is ended as WorkQuota. An O_PATH descriptor for the *at()
 * calls; never close it. -1 with errno ENOENT if the class has none.
 */
int stockade_work_dir(const struct stockade_job *job);

/*
 * Creates (mode 0600) or empties the regular file @name in that directory for reading and writing,
 * or opens one that is there for reading. @name has neither slash nor is it "." or "..". Returns a
 * descriptor, the caller's to close, or -1 with errno (EINVAL: no such name; ENOENT).
 */
int stockade_work_create(const struct stockade_job *job, const char *name);
int stockade_work_open(const struct stockade_job *job, const char *name);

/*
 * Makes the regular file @name beneath the directory of @label, which the class must have as
 * WRITE("label"); mode 0600, for writing. @name is as for stockade_open(); no part of it may be a
 * symbolic link. It is never a file that was there before: who reads that directory sees a half
 * file under this name, so write to a name of your own, such as one with stockade_job_id() in it,
 * fsync() if it must outlive a power cut, and then stockade_rename() it to its place. A run before
 * this one may have left its file there: on EEXIST stockade_unlink() it. Returns a descriptor, the
 * caller's to close, or -1 with errno as stockade_open(), and
 *	EEXIST  something is there already, a symbolic link included
 *	ENOTDIR a part of the way is no directory, or is a symbolic link
 *	EACCES  the class may only read there
 * A class that may write nowhere ends as SyscallDenied.
 */
int stockade_create(const struct stockade_job *job, const char *label, const char *name);

/*
 * Gives the file @from the name @to, at once and in place of what had it; both beneath @label and
 * in one directory of it (EXDEV otherwise). 0, or -1 with errno.
 */
int stockade_rename(
    const struct stockade_job *job, const char *label, const char *from, const char *to);

/* Removes the file @name beneath @label; EISDIR for a directory. 0, or -1 with errno. */
int stockade_unlink(const struct stockade_job *job, const char *label, const char *name);

/*
 * A TCP connection to @host (a name, or an address without brackets) and @port, made by the job's
 * broker: the handler itself can make no socket. The class's CONNECT says where to, and addresses
 * that are not for jobs are refused unless it lists them as addresses. @timeout_ms covers name and
 * connection; 0: as long as the operator allows, which is also the most (net_timeout). Returns a
 * connected, blocking, close-on-exec descriptor, the caller's to close, or -1 with errno:
 *	EACCES        refused: not listed, or loopback, link-local, private, metadata, Redis ...
 *	EPERM         the class has no net grant
 *	EINVAL        @host is neither a name nor an address
 *	ENOENT        the name does not exist; EAGAIN: no name server answered
 *	ETIMEDOUT     name, connection or broker took too long
 *	ECONNREFUSED, EHOSTUNREACH, ENETUNREACH ...   as connect(2) has them
 *	EDQUOT        the job has spent its number of connections (net_connections)
 *	EMFILE        the job has no descriptor left
 *	EPIPE         the broker is gone; the next job gets another
 * stockade_connect_why() has the stable name and a sentence: "NetPrivate: the address is private to
 * a site"; "" after a success. Borrowed until the next call.
 *
 * On the socket work read, write, send and recv without an address, sendmsg, recvmsg, shutdown,
 * poll, epoll, getpeername, getsockname, fcntl for O_NONBLOCK, and setsockopt of SO_KEEPALIVE,
 * SO_RCVTIMEO, SO_SNDTIMEO, SO_LINGER, TCP_NODELAY, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT and
 * TCP_USER_TIMEOUT; getsockopt of these but for the two SO_*TIMEO, and of SO_ERROR, SO_TYPE,
 * SO_DOMAIN, SO_PROTOCOL, SO_SNDBUF, SO_RCVBUF, TCP_MAXSEG and TCP_INFO. It holds 256 KiB each way,
 * whatever tcp_wmem and tcp_rmem say. A write to a connection that is gone answers EPIPE. For
 * libcurl see jobs/curl.h.
 */
int stockade_connect(
    struct stockade_job *job, const char *host, uint16_t port, uint32_t timeout_ms);
const char *stockade_connect_why(const struct stockade_job *job);

/*
 * A handler signs nothing and enqueues nothing. What is to follow it travels signed among its
 * arguments, as a string that holds the whole payload ({"class":...,"args":[...]}, as a producer
 * would push it), and @payload is that text. When the handler returns STOCKADE_DONE the worker
 * looks at it as at any job of its queue (signature, times, policy), sees that it stood among the
 * arguments, and pushes it to the first queue that it was signed for, in the same step in which
 * this job is done: never without it, never twice for one success. If one is refused the job fails
 * as ReleaseRefused, and none is pushed. With any other result nothing is released.
 *
 * At most as many as the class's RELEASE(n) says, 64 KiB together. 0, or -1 with errno:
 *	EPERM    the class has no RELEASE
 *	EDQUOT   more than it says
 *	EINVAL   the text is no JSON object
 *	E2BIG    more than 64 KiB together
 *	ENOMEM
 */
int stockade_release(struct stockade_job *job, const char *payload);

/*
 * Keeps @text, one JSON value in UTF-8, as the job's result; the handler then returns
 * STOCKADE_DONE. The last call counts. 0, or -1 with errno E2BIG (beyond the class's result limit,
 * 64 KiB by default) or ENOMEM; the job then has no result text. A class with KEEP_RESULT_S(n) has
 * it kept for n seconds, for `stockade result` and whoever can read Redis, if it is JSON; else it
 * is only measured. It is not looked into: readers treat it as data from this job.
 */
int stockade_result_json(struct stockade_job *job, const char *text);

#ifdef __cplusplus
}
#endif
#endif
