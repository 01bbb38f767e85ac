/*
 * bare.c - see bare.h. Used by `stockade run-job --debugger` and by the library of tests.
 */
#include "sandbox/bare.h"

#include "sandbox/cage.h"
#include "sandbox/entry.h"
#include "sandbox/verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Beyond every slot: what is moved there cannot be overwritten on its way down. */
#define ABOVE 128

static const struct stk_class_desc *desc_of(const struct stk_bare *b)
{
	return &b->table->classes[b->r->class_index];
}

static enum stk_err write_letter(const struct stk_bare *b, int64_t deadline_ms)
{
	struct stk_spawn s = { .magic = STK_SPAWN_MAGIC,
		.class_index = b->r->class_index,
		.limits = b->r->limits,
		.attempt = b->r->attempt,
		.deadline_ms = deadline_ms,
		.extras = b->work_fd != -1 ? UINT32_C(1) << STK_EXTRA_WORK_DIR : 0 };
	struct stk_go go = { .magic = STK_GO_MAGIC,
		.args_len = (uint32_t)b->r->args.len,
		.handed_len = (uint32_t)b->r->handed.len,
		.flags = b->r->check_only ? STK_GO_CHECK_ONLY : 0 };
	enum stk_err e = stk_write_all(b->letter, &s, sizeof(s));

	memcpy(go.job_id, b->r->job_id, sizeof(go.job_id));
	memcpy(go.trace, b->r->trace, sizeof(go.trace) - 1);
	if (e == STK_OK)
		e = stk_write_all(b->letter, &go, sizeof(go));
	if (e == STK_OK)
		e = stk_write_all(b->letter, b->r->args.p, b->r->args.len);
	if (e == STK_OK)
		e = stk_write_all(b->letter, b->r->handed.p, b->r->handed.len);
	return e;
}

enum stk_err stk_bare_prepare(struct stk_bare *b, int64_t deadline_ms, bool keep_output)
{
	b->letter = memfd_create("letter", MFD_CLOEXEC);
	b->report = memfd_create("report", MFD_CLOEXEC);
	b->output = keep_output ? memfd_create("output", MFD_CLOEXEC) : -1;
	if (b->letter == -1 || b->report == -1 || (keep_output && b->output == -1))
		return STK_E_SYSTEM;
	return write_letter(b, deadline_ms);
}

void stk_bare_clear(struct stk_bare *b)
{
	stk_close(&b->letter);
	stk_close(&b->report);
	stk_close(&b->output);
}

static int up(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, ABOVE);
}

/* All sources first, so that no slot is taken while one of them still stands in it. */
int stk_bare_place(const struct stk_bare *b)
{
	uint32_t labels = stk_class_labels(desc_of(b));
	int letter = up(b->letter), report = up(b->report), dirs[STK_LABELS_MAX];
	int output = b->output == -1 ? -1 : up(b->output);
	int work = b->work_fd == -1 ? -1 : up(b->work_fd);

	for (uint32_t i = 0; i < STK_LABELS_MAX; i++)
		dirs[i] = (labels & UINT32_C(1) << i) == 0 ? -1 : up(b->dir_fds[i]);
	if (syscall(SYS_close_range, 3u, (unsigned)STK_SLOT_DIRS + STK_LABELS_MAX, 0u) == -1)
		return -1;
	if (dup2(letter, STK_SLOT_ARGS) == -1 || dup2(report, STK_SLOT_REPORT) == -1)
		return -1;
	if (output != -1 && (dup2(output, STK_SLOT_OUTPUT) == -1 || dup2(output, 2) == -1))
		return -1;
	if (work != -1 && dup2(work, STK_SLOT_EXTRAS + STK_EXTRA_WORK_DIR) == -1)
		return -1;
	for (uint32_t i = 0; i < STK_LABELS_MAX; i++)
		if (dirs[i] != -1 && dup2(dirs[i], STK_SLOT_DIRS + (int)i) == -1)
			return -1;
	return 0;
}

void stk_bare_argv(const struct stk_bare *b, const char *program, const char *argv[4])
{
	argv[0] = program;
	argv[1] = "bare";
	argv[2] = desc_of(b)->name;
	argv[3] = NULL;
}

/* --- afterwards ------------------------------------------------------------------------------- */

static void take_output(const struct stk_bare *b, struct stk_outcome *out)
{
	uint8_t some[512];
	ssize_t n;

	if (b->output == -1 || lseek(b->output, 0, SEEK_SET) == -1)
		return;
	while ((n = read(b->output, some, sizeof(some))) > 0) {
		stk_outcome_printed(out, some, (size_t)n);
		out->output_bytes += (uint32_t)n;
	}
}

/* All progress that a handler may report within its time. */
static size_t pulse_bytes(const struct stk_limits *l)
{
	return (STK_PULSES_AT_ONCE + l->wall_ms / STK_PULSE_EVERY_MS) *
	       (sizeof(struct stk_frame) + sizeof(struct stk_progress) + STK_NOTE_MAX);
}

enum stk_err stk_bare_judge(const struct stk_bare *b, int status,
    void (*log)(void *ctx, uint32_t level, struct stk_span text), void *ctx,
    struct stk_outcome *out)
{
	struct stk_report report;
	struct stk_end end = {
		.class_desc = desc_of(b), .limits = &b->r->limits, .report = &report
	};
	enum stk_err e = stk_report_init(&report, &b->r->limits, log, ctx);
	uint8_t *bytes = NULL;
	size_t len = 0;

	/* it is read at the end: what was said in all that time counts as said in its time */
	report.began_ms -= b->r->limits.wall_ms;
	if (e == STK_OK)
		e = stk_report_may_release(&report, desc_of(b)->releases);
	/* as much as an honest report can be */
	if (e == STK_OK && lseek(b->report, 0, SEEK_SET) == -1)
		e = STK_E_SYSTEM;
	if (e == STK_OK)
		e = stk_read_all(b->report,
		    (size_t)b->r->limits.report_bytes + b->r->limits.result_bytes + (16u << 10) +
			STK_ARGS_MAX + pulse_bytes(&b->r->limits),
		    &bytes, &len);
	if (e == STK_OK)
		e = stk_report_feed(&report, bytes, len);
	if (e == STK_E_TOOBIG || e == STK_E_FORMAT) {
		end.kill = e == STK_E_TOOBIG ? STK_KILL_FLOOD : STK_KILL_MALFORMED;
		e = STK_OK;
	}
	if (status == STK_BARE_UNKNOWN && e == STK_OK && end.kill == STK_KILL_NONE) {
		if (!report.has_result && !report.has_fault)
			e = STK_E_ABSENT;
		status = report.has_result ? 0 : -report.fault.signal;
	}
	out->status = status;
	if (e == STK_OK)
		stk_verdict(&end, out);
	take_output(b, out);
	free(bytes);
	stk_report_clear(&report);
	return e;
}
