/*
 * program.c - job.h's stockade_exec from the inside: tells the class's program its arguments, feeds
 * it, reads what it prints, hears from W how it ended. Runs in the shut cage; what the program
 * prints is as untrusted as what it was fed.
 */
#include "jobs/cage/cage.h"

#include "sandbox/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SAY (STK_SLOT_EXTRAS + STK_EXTRA_PROGRAM_SAY)
#define IN  (STK_SLOT_EXTRAS + STK_EXTRA_PROGRAM_IN)
#define OUT (STK_SLOT_EXTRAS + STK_EXTRA_PROGRAM_OUT)
#define END (STK_SLOT_EXTRAS + STK_EXTRA_PROGRAM_END)

/* What is on its way to the program's standard input. */
struct feed {
	int fd; /* IN, or -1 when done */
	const char *at;
	size_t left;
	int source; /* 0: none */
	char chunk[16384];
};

static int fail_with(int err)
{
	errno = err;
	return -1;
}

static int say(const struct stockade_exec *e)
{
	struct stk_say head = { .magic = STK_SAY_MAGIC };
	char bytes[STK_SAY_MAX];

	for (const char *const *a = e->args; a != NULL && *a != NULL; a++) {
		size_t len = strlen(*a) + 1;

		if (head.n == STK_SAY_ARGS_MAX || len > sizeof(bytes) - head.len)
			return fail_with(EINVAL);
		memcpy(bytes + head.len, *a, len);
		head.len += (uint32_t)len;
		head.n++;
	}
	if (stk_write_all(SAY, &head, sizeof(head)) != STK_OK ||
	    stk_write_all(SAY, bytes, head.len) != STK_OK)
		return fail_with(EPIPE);
	return close(SAY);
}

/* The program may close its input when it has read enough; that is no error. */
static void end_feed(struct feed *f)
{
	(void)close(f->fd);
	f->fd = -1;
}

static void feed(struct feed *f)
{
	ssize_t n;

	if (f->left == 0 && f->source != 0) {
		n = read(f->source, f->chunk, sizeof(f->chunk));
		f->at = f->chunk;
		f->left = n > 0 ? (size_t)n : 0;
	}
	if (f->left == 0) {
		end_feed(f);
		return;
	}
	n = write(f->fd, f->at, f->left);
	if (n > 0) {
		f->at += n;
		f->left -= (size_t)n;
	} else if (n == -1 && errno != EAGAIN && errno != EINTR) {
		end_feed(f);
	}
}

/* False at the end of its output, or when there is no more room. */
static bool take(struct stockade_exec *e, bool *too_big)
{
	char beyond;
	bool full = e->output_len == e->output_size;
	ssize_t n = full ? read(OUT, &beyond, 1)
			 : read(OUT, e->output + e->output_len, e->output_size - e->output_len);

	if (n == -1)
		return errno == EAGAIN || errno == EINTR;
	if (n > 0 && full)
		*too_big = true;
	else
		e->output_len += (size_t)n;
	return n > 0 && !*too_big;
}

static void converse(struct stockade_job *job, struct stockade_exec *e, bool *too_big)
{
	struct feed f = { .fd = IN, .at = e->input, .left = e->input_len, .source = e->input_fd };
	struct pollfd p[2] = { { .fd = OUT, .events = POLLIN }, { .events = POLLOUT } };
	bool more = true;

	/* a program that does not read must not keep us from hearing it */
	if (fcntl(IN, F_SETFL, O_WRONLY | O_NONBLOCK) == -1)
		end_feed(&f);
	while (more) {
		p[1].fd = f.fd;
		if (poll(p, 2, -1) == -1 && errno != EINTR)
			break;
		if (f.fd != -1 && p[1].revents != 0)
			feed(&f);
		if (p[0].revents != 0) {
			stockade_heartbeat(job); /* the handler waits, its program works */
			more = take(e, too_big);
		}
	}
	if (f.fd != -1)
		end_feed(&f);
	(void)close(OUT);
}

int stockade_exec(struct stockade_job *job, struct stockade_exec *e)
{
	struct stk_program_end end;
	bool too_big = false;
	sigset_t pipes;

	e->output_len = 0;
	e->status = 0;
	if ((job->desc->profiles & STK_PROFILE_EXEC) == 0)
		stockade_tell_once(job, STK_LACKS_GRANT "EXEC(\"/program\")");
	if ((job->spawn->extras & UINT32_C(1) << STK_EXTRA_PROGRAM_SAY) == 0)
		return fail_with(ENOENT);
	if (job->executed)
		return fail_with(EALREADY);
	job->executed = true;
	(void)sigemptyset(&pipes);
	(void)sigaddset(&pipes, SIGPIPE);
	(void)sigprocmask(SIG_BLOCK, &pipes, NULL);
	if (say(e) == -1)
		return -1;
	converse(job, e, &too_big);
	if (!stockade_read_all(END, &end, sizeof(end)) || end.magic != STK_PROGRAM_END_MAGIC)
		return fail_with(EPIPE);
	e->status = end.status;
	if (too_big)
		stockade_tell_once(job,
		    "the program printed more than the %zu bytes that its handler has room for",
		    e->output_size);
	return too_big ? fail_with(E2BIG) : 0;
}

int stockade_exec_path(
    const struct stockade_job *job, const char *label, const char *name, char *out, size_t size)
{
	int dir = stockade_dir(job, label), n;

	if (dir == -1)
		return -1;
	if (!stockade_name_safe(name))
		return fail_with(EINVAL);
	/* the program has the class's directories at the same descriptors */
	n = snprintf(out, size, "/proc/self/fd/%d/%s", dir, name);
	return n < 0 || (size_t)n >= size ? fail_with(ENAMETOOLONG) : 0;
}
