/*
 * acts_report.c - forged, torn and endless words to the worker.
 */
#include "tests/escape/acts.h"

#include <string.h>
#include <time.h>

struct words {
	struct stk_frame head;
	union {
		struct stk_result result;
		struct stk_denied denied;
		struct stk_fault fault;
		struct stk_setup_failed setup;
		struct {
			uint32_t level;
			char text[8];
		} log;
	} body;
};

static struct words frame(enum stk_frame_type type, size_t len)
{
	return (struct words){
		.head = { .magic = STK_FRAME_MAGIC, .type = (uint16_t)type, .len = (uint32_t)len },
	};
}

static int say(const struct words *w, size_t body)
{
	size_t len = sizeof(w->head) + body;
	char bytes[sizeof(*w)];

	/* side by side, as the worker reads them: a struct may have a gap between the two */
	memcpy(bytes, &w->head, sizeof(w->head));
	memcpy(bytes + sizeof(w->head), &w->body, body);
	return write(STK_SLOT_REPORT, bytes, len) == (ssize_t)len ? 0 : -1;
}

static int say_result(uint32_t kind)
{
	struct words w = frame(STK_FRAME_RESULT, sizeof(w.body.result));

	w.body.result.kind = kind;
	return say(&w, sizeof(w.body.result));
}

static int say_denied(void)
{
	struct words w = frame(STK_FRAME_DENIED, sizeof(w.body.denied));

	memset(&w.body.denied, 0xff, sizeof(w.body.denied));
	return say(&w, sizeof(w.body.denied));
}

static int say_log(size_t claimed, size_t sent)
{
	struct words w = frame(STK_FRAME_LOG, claimed);

	w.body.log.level = 6;
	return say(&w, sent);
}

/* The beginning of a record whose rest does not come: the clock is what ends it. */
static int drip(void)
{
	if (write(STK_SLOT_REPORT, "FST", 3) != 3)
		return -1;
	return nanosleep(&(struct timespec){ .tv_nsec = 900000000 }, NULL);
}

static int say_lie(enum escape_frame f)
{
	struct words w = frame(STK_FRAME_RESULT, sizeof(w.body.result));
	size_t body = sizeof(w.body.result);

	w.body.result.kind = STK_RESULT_DONE;
	if (f == FRAME_KIND_99)
		w.body.result.kind = 99;
	if (f == FRAME_LENGTHS_LIE)
		w.body.result.result_len = 7;
	if (f == FRAME_MESSAGE_HUGE)
		w.body.result.message_len = UINT32_MAX;
	if (f == FRAME_PAD)
		w.head.pad = 1;
	if (f == FRAME_TYPE_99)
		w.head.type = 99;
	if (f == FRAME_RESULT_HUGE) {
		w.head.len = UINT32_MAX;
		w.body.result.result_len = UINT32_MAX - (uint32_t)sizeof(w.body.result);
	}
	if (f == FRAME_HALF_THEN_EXIT)
		body = 6;
	return say(&w, body);
}

static int say_setup(void)
{
	struct words w = frame(STK_FRAME_SETUP, sizeof(w.body.setup));

	return say(&w, sizeof(w.body.setup));
}

static int say_fault(void)
{
	struct words w = frame(STK_FRAME_FAULT, sizeof(w.body.fault));

	w.body.fault.signal = SIGSEGV;
	return say(&w, sizeof(w.body.fault));
}

static int say_ready(void)
{
	struct words w = frame(STK_FRAME_READY, 0);

	return say(&w, 0);
}

static int exit_after(int said)
{
	if (said == 0)
		_exit(0);
	return -1;
}

int escape_say(enum escape_frame f)
{
	switch (f) {
	case FRAME_DENIED_UNKNOWN: return say_denied();
	case FRAME_DENIED_THEN_EXIT: return exit_after(say_denied());
	case FRAME_SETUP: return say_setup();
	case FRAME_FAULT_THEN_EXIT: return exit_after(say_fault());
	case FRAME_HALF_THEN_EXIT: return exit_after(say_lie(f));
	case FRAME_LOG_HUGE: return say_log(UINT32_MAX, 8);
	case FRAME_LOG_SHORT: return say_log(2, 2);
	case FRAME_LOG_AFTER_RESULT: return say_result(STK_RESULT_DONE) == -1 ? -1 : say_log(8, 8);
	case FRAME_READY_AGAIN: return say_ready();
	case FRAME_RESULT_THEN_RUN:
		return say_result(STK_RESULT_DONE) == -1
			   ? -1
			   : nanosleep(&(struct timespec){ .tv_nsec = 900000000 }, NULL);
	case FRAME_RESULT_THEN_TRACE:
		return say_result(STK_RESULT_DONE) == -1 ? -1 : escape_trace_me();
	case FRAME_RESULT_TWICE:
		return say_result(STK_RESULT_DONE) == -1 ? -1 : say_result(STK_RESULT_SKIP);
	case FRAME_SKIP_THEN_ABORT: return say_result(STK_RESULT_SKIP) == -1 ? -1 : escape_abort();
	case FRAME_DRIP: return drip();
	case FRAME_TYPE_99:
	case FRAME_PAD:
	case FRAME_KIND_99:
	case FRAME_LENGTHS_LIE:
	case FRAME_MESSAGE_HUGE:
	case FRAME_RESULT_HUGE: return say_lie(f);
	}
	return -1;
}

/* In blocks, as far as somebody takes them. */
int escape_print(int fd, size_t bytes)
{
	static const char block[4096];

	for (size_t i = 0; i < bytes; i += sizeof(block))
		if (write(fd, block, sizeof(block)) == -1)
			return -1;
	return 0;
}

int escape_read_zero(void)
{
	char c;

	errno = ENOENT;
	return read(0, &c, 1) == 1 ? 0 : -1;
}
