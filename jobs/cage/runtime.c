/*
 * runtime.c - job.h from the inside, and the way of one job: GO, arguments, binding, handler,
 * result. Runs in the shut cage; its only peers are W's end of two pipes.
 */
#include "jobs/cage/cage.h"

#include "sandbox/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_BYTES 1024

/* Whoever includes another job.h asks for another of these. */
const char stockade_abi_2 = STOCKADE_ABI;
_Static_assert(STOCKADE_ABI == STK_ABI, "job.h and the description speak of one contract");

/* --- job.h ------------------------------------------------------------------------------------ */

size_t stockade_vformat(char *out, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(out, size, fmt, ap);
	size_t len = n < 0 ? 0 : (size_t)n;

	if (len < size)
		return len;
	len = size - 1;
	while (len > 0 && ((unsigned char)out[len - 1] & 0xc0) == 0x80)
		len--;
	if (len > 0 && ((unsigned char)out[len - 1] & 0xc0) == 0xc0)
		len--;
	out[len] = '\0';
	return len;
}

struct stockade_result stockade_fail(struct stockade_job *job, uint32_t code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)stockade_vformat(job->message, sizeof(job->message), fmt, ap);
	va_end(ap);
	return stockade_result_make(STK_RESULT_FAIL, code, 0);
}

struct stockade_result stockade_fail_for_good(
    struct stockade_job *job, uint32_t code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)stockade_vformat(job->message, sizeof(job->message), fmt, ap);
	va_end(ap);
	return stockade_result_make(STK_RESULT_FAIL_FOR_GOOD, code, 0);
}

/* At the first, in case there is no end of its own, and at the end. */
static void tell_unlogged(const struct stockade_job *job)
{
	(void)stk_frame_write(
	    STK_SLOT_REPORT, STK_FRAME_UNLOGGED, &job->unlogged, sizeof(job->unlogged));
}

void stockade_log(struct stockade_job *job, enum stockade_level level, const char *fmt, ...)
{
	char body[sizeof(uint32_t) + STOCKADE_MESSAGE_MAX + 1];
	uint32_t number = (uint32_t)level, bytes;
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	len = stockade_vformat(body + sizeof(number), STOCKADE_MESSAGE_MAX + 1, fmt, ap);
	va_end(ap);
	memcpy(body, &number, sizeof(number));
	bytes = (uint32_t)(sizeof(struct stk_frame) + sizeof(number) + len);
	/* the worker ends a job that goes over; once one line did not fit, none follows */
	if (bytes > job->spawn->limits.report_bytes - job->reported) {
		job->reported = job->spawn->limits.report_bytes;
		if (job->unlogged++ == 0)
			tell_unlogged(job);
		return;
	}
	job->reported += bytes;
	(void)stk_frame_write(STK_SLOT_REPORT, STK_FRAME_LOG, body, sizeof(number) + len);
}

const char *stockade_job_id(const struct stockade_job *job)
{
	return job->id;
}

const char *stockade_trace(const struct stockade_job *job)
{
	return job->trace;
}

uint32_t stockade_attempt(const struct stockade_job *job)
{
	return job->spawn->attempt;
}

int64_t stockade_deadline_left_ms(const struct stockade_job *job)
{
	int64_t left = job->spawn->deadline_ms - stk_monotonic_ms();

	return left < 0 ? 0 : left;
}

#define TOLD_MAX 16

void stockade_tell_once(const struct stockade_job *job, const char *fmt, ...)
{
	static char told[TOLD_MAX][96]; /* one job, one process */
	char text[sizeof(told[0])];
	uint32_t at = 0;
	va_list ap;

	va_start(ap, fmt);
	(void)stockade_vformat(text, sizeof(text), fmt, ap);
	va_end(ap);
	while (at < TOLD_MAX && told[at][0] != '\0' && strcmp(told[at], text) != 0)
		at++;
	/* handlers may well ask again and again */
	if (at == TOLD_MAX || told[at][0] != '\0')
		return;
	memcpy(told[at], text, sizeof(text));
	/* every job is made here, and none is constant */
	stockade_log((struct stockade_job *)(uintptr_t)job, STOCKADE_WARNING, "%s", text);
}

int stockade_dir_for(const struct stockade_job *job, const char *label, const char *word)
{
	for (uint32_t i = 0; i < job->desc->n_grants; i++)
		if (strcmp(job->desc->grants[i].label, label) == 0)
			return STK_SLOT_DIRS + (int)job->desc->grants[i].label_index;
	if (label[0] != '\0')
		stockade_tell_once(job, STK_LACKS_GRANT "%s(\"%.31s\")", word, label);
	errno = ENOENT;
	return -1;
}

int stockade_dir(const struct stockade_job *job, const char *label)
{
	return stockade_dir_for(job, label, "READ");
}

bool stockade_name_safe(const char *name)
{
	const char *part = name;

	if (strlen(name) > NAME_MAX_BYTES)
		return false;
	for (;;) {
		size_t len = strcspn(part, "/");

		if (len == 0 || (len == 1 && part[0] == '.') ||
		    (len == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		if (part[len] == '\0')
			return true;
		part += len + 1;
	}
}

int stockade_open(const struct stockade_job *job, const char *label, const char *name)
{
	int dir = stockade_dir(job, label), fd, err = 0;
	struct stat st;

	if (dir == -1)
		return -1;
	if (!stockade_name_safe(name)) {
		errno = EINVAL;
		return -1;
	}
	/* without O_NONBLOCK a FIFO that someone left there would hold the job for ever */
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1)
		err = errno;
	else if (!S_ISREG(st.st_mode))
		err = EISDIR;
	if (err == 0)
		return fd;
	(void)close(fd);
	errno = err;
	return -1;
}

int stockade_result_json(struct stockade_job *job, const char *text)
{
	size_t len = strlen(text);
	char *copy;

	free(job->result);
	job->result = NULL;
	job->result_len = 0;
	if (len > job->spawn->limits.result_bytes) {
		stockade_tell_once(job,
		    "the result has %zu bytes and may have %" PRIu32
		    " (RESULT_KIB, ceiling.result)",
		    len, job->spawn->limits.result_bytes);
		errno = E2BIG;
		return -1;
	}
	copy = malloc(len + 1);
	if (copy == NULL)
		return -1;
	memcpy(copy, text, len + 1);
	job->result = copy;
	job->result_len = len;
	return 0;
}

int stockade_release(struct stockade_job *job, const char *payload)
{
	size_t len = strlen(payload);
	int err = job->desc->releases == 0                  ? EPERM
		  : job->n_releases >= job->desc->releases  ? EDQUOT
		  : len == 0 || payload[0] != '{'           ? EINVAL
		  : len > STK_ARGS_MAX - job->release_bytes ? E2BIG
							    : 0;

	if (err == 0 && (job->releases[job->n_releases] = strdup(payload)) == NULL)
		err = ENOMEM;
	if (err != 0) {
		errno = err;
		return -1;
	}
	job->n_releases++;
	job->release_bytes += len;
	return 0;
}

/* --- one job ---------------------------------------------------------------------------------- */

static bool send_release(const char *payload)
{
	struct stk_frame head = { .magic = STK_FRAME_MAGIC,
		.type = STK_FRAME_RELEASE,
		.len = (uint32_t)strlen(payload) };

	return stk_write_all(STK_SLOT_REPORT, &head, sizeof(head)) == STK_OK &&
	       stk_write_all(STK_SLOT_REPORT, payload, head.len) == STK_OK;
}

/* Written in pieces: the worker puts them together, and nothing else writes here any more. */
STK_NORETURN static void finish(struct stockade_job *job, struct stockade_result r)
{
	bool with_result = r.kind == STK_RESULT_DONE && job->result != NULL;
	struct stk_result body = { .kind = r.kind,
		.code = r.code,
		.retry_ms = r.retry_ms,
		.message_len = (uint32_t)strlen(job->message),
		.result_len = with_result ? (uint32_t)job->result_len : 0 };
	struct stk_frame head = { .magic = STK_FRAME_MAGIC,
		.type = STK_FRAME_RESULT,
		.len = (uint32_t)sizeof(body) + body.message_len + body.result_len };

	/* what was printed belongs before the end; stdio would else lose it at _exit */
	(void)fflush(NULL);
	if (job->unlogged > 1)
		tell_unlogged(job);
	for (uint32_t i = 0; r.kind == STK_RESULT_DONE && i < job->n_releases; i++)
		if (!send_release(job->releases[i]))
			_exit(1);
	if (stk_write_all(STK_SLOT_REPORT, &head, sizeof(head)) != STK_OK ||
	    stk_write_all(STK_SLOT_REPORT, &body, sizeof(body)) != STK_OK ||
	    stk_write_all(STK_SLOT_REPORT, job->message, body.message_len) != STK_OK ||
	    (with_result && stk_write_all(STK_SLOT_REPORT, job->result, body.result_len) != STK_OK))
		_exit(1);
	_exit(0);
}

STK_NORETURN static void refuse(
    struct stockade_job *job, enum stk_result_kind kind, const struct stockade_violation *v)
{
	if (kind == STK_RESULT_ARGS_SCHEMA)
		(void)snprintf(job->message, sizeof(job->message), "%s: %s",
		    v->pointer[0] == '\0' ? "/" : v->pointer, v->rule);
	else
		(void)snprintf(job->message, sizeof(job->message), "%s", v->rule);
	finish(job, stockade_result_make((uint32_t)kind, 0, 0));
}

bool stockade_read_all(int fd, void *p, size_t len)
{
	uint8_t *at = p;

	while (len > 0) {
		ssize_t n = read(fd, at, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

/* End of file or a short read is the worker's death or change of mind: the job ends unrun. */
static void *receive_bytes(size_t len)
{
	uint8_t *p = malloc(len + 1);

	if (p == NULL || !stockade_read_all(STK_SLOT_ARGS, p, len))
		_exit(1);
	p[len] = '\0';
	return p;
}

static char *receive(const struct stockade_job *job, struct stk_go *go)
{
	static uint8_t *handed; /* for the job's whole life */
	char *text;

	if (!stockade_read_all(STK_SLOT_ARGS, go, sizeof(*go)) || go->magic != STK_GO_MAGIC ||
	    go->args_len > STK_ARGS_MAX || go->handed_len > STK_HANDED_MAX)
		_exit(1);
	text = receive_bytes(go->args_len);
	handed = receive_bytes(go->handed_len);
	if (!stockade_handed_take(job->desc, job->spawn, handed, go->handed_len))
		_exit(1);
	(void)close(STK_SLOT_ARGS);
	return text;
}

/* Each child its own seed: what one job learns of the hash order is of no use against the next. */
static void seed_tables(void)
{
	size_t seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		_exit(1);
	json_object_seed(seed | 1);
}

void stockade_run_job(const struct stockade_class *class_entry, const struct stk_class_desc *desc,
    const struct stk_spawn *spawn)
{
	struct stockade_job job = { .desc = desc, .spawn = spawn };
	const struct stockade_binding *binding = class_entry->binding;
	struct stockade_violation violation = { .pointer = "" };
	struct stk_go go;
	char *text = receive(&job, &go);
	json_t *args;
	void *bound = calloc(1, binding->args_size);

	if (bound == NULL)
		_exit(1);
	stk_hex(go.job_id, sizeof(go.job_id), job.id);
	memcpy(job.trace, go.trace, sizeof(job.trace) - 1);
	if (job.trace[0] == '\0') /* a run without a worker */
		(void)snprintf(
		    job.trace, sizeof(job.trace), "00-%.32s-%.16s-00", job.id, job.id + 16);
	seed_tables();
	if (stockade_args_parse(text, go.args_len, &args, &violation) == -1)
		refuse(&job, STK_RESULT_ARGS_JSON, &violation);
	free(text);
	if (binding->bind(args, bound, &violation) == -1)
		refuse(&job, STK_RESULT_ARGS_SCHEMA, &violation);
	if ((go.flags & STK_GO_CHECK_ONLY) != 0)
		finish(&job, STOCKADE_DONE);
	errno = 0; /* what a crash finds in it is the handler's */
	finish(&job, binding->run(&job, bound));
}
