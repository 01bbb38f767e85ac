/*
 * log.c - see log.h. The sink is the one piece of module state in worker/ besides main's stop flag.
 */
#include "worker/log.h"

#include "worker/times.h"

#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READER_WAIT_MS 200

static struct {
	int fd;
	enum stk_log_format format;
	enum stk_log_level least;
	bool muted;         /* the line being built is below the least level */
	uint64_t n_dropped; /* lines since the reader stood still */
	uint64_t dropped;   /* in all */
	pid_t pid;
	struct stk_jw line;
	char text[1200]; /* the message, for text format */
} sink = { .fd = STDERR_FILENO, .least = STK_LOG_INFO };

static const char *const level_names[] = {
	[STK_LOG_DEBUG] = "debug",
	[STK_LOG_INFO] = "info",
	[STK_LOG_WARN] = "warn",
	[STK_LOG_ERROR] = "error",
};

void stk_log_open(int fd, enum stk_log_format format, enum stk_log_level least)
{
	sink.fd = fd;
	sink.format = format;
	sink.least = least;
	sink.pid = getpid();
	stk_jw_clear(&sink.line);
	stk_jw_init(&sink.line, STK_LOG_LINE_MAX - 1); /* and the newline */
}

struct stk_jw *stk_log_start(
    enum stk_log_level level, const char *action, const char *outcome, const char *fmt, ...)
{
	struct stk_jw *w = &sink.line;
	char when[STK_TIME_BYTES];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(sink.text, sizeof(sink.text), fmt, ap);
	va_end(ap);
	if (sink.pid == 0)
		stk_log_open(sink.fd, sink.format, sink.least);
	sink.muted = level < sink.least;
	stk_time_iso_ms(when, stk_realtime_ms());
	stk_jw_reset(w);
	stk_jw_open(w, NULL, '{');
	stk_jw_cstr(w, "@timestamp", when);
	stk_jw_cstr(w, "log.level", level_names[level]);
	stk_jw_str(w, "message", stk_span_str(sink.text), 1024);
	stk_jw_cstr(w, "event.kind", level >= STK_LOG_ERROR ? "alert" : "event");
	stk_jw_cstr(w, "event.action", action);
	stk_jw_cstr(w, "event.outcome", outcome);
	stk_jw_cstr(w, "service.name", "stockade");
	stk_jw_int(w, "process.pid", sink.pid);
	return w;
}

/* A person at a terminal gets the sentence; whoever needs the members asks for JSON. */
static int text_line(char *out, size_t size)
{
	char when[STK_TIME_BYTES];
	int n;

	stk_time_iso_ms(when, stk_realtime_ms());
	for (char *p = sink.text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f ||
		    ((unsigned char)*p == 0xc2 && (unsigned char)p[1] < 0xa0)) /* C1 controls */
			*p = '?';
	if (sink.format == STK_LOG_VERBOSE)
		n = snprintf(out, size, "*** %s\n", sink.text);
	else if (sink.format == STK_LOG_VVERBOSE)
		n = snprintf(out, size, "** [%.8s %.10s] %d: %s\n", when + 11, when, (int)sink.pid,
		    sink.text);
	else
		n = snprintf(out, size, "%.19sZ %s\n", when, sink.text);
	return n < 0 ? 0 : (n >= (int)size ? (int)size - 1 : n);
}

/*
 * A pipe that says POLLOUT takes PIPE_BUF bytes, which no line exceeds: a reader that stands still
 * costs lines, which are counted, but not the beat, the job in hand or the ear for signals.
 */
static void emit(const char *p, size_t n)
{
	struct pollfd out = { .fd = sink.fd, .events = POLLOUT };
	char text[128];

	_Static_assert(STK_LOG_LINE_MAX <= PIPE_BUF, "a line is one write");
	if (poll(&out, 1, sink.n_dropped > 0 ? 0 : READER_WAIT_MS) != 1) {
		sink.n_dropped++;
		sink.dropped++;
		return;
	}
	(void)!write(sink.fd, p, n);
	if (sink.n_dropped == 0 || poll(&out, 1, 0) != 1)
		return;
	n = (size_t)snprintf(text, sizeof(text),
	    "{\"log.level\":\"warn\",\"event.action\":\"log.dropped\",\"stockade.count\":%llu}\n",
	    (unsigned long long)sink.n_dropped);
	sink.n_dropped = 0;
	(void)!write(sink.fd, text, n);
}

void stk_log_end(void)
{
	struct stk_jw *w = &sink.line;
	char text[1400];

	if (sink.muted)
		return;
	stk_jw_close(w, '}');
	if (sink.format != STK_LOG_JSON) {
		emit(text, (size_t)text_line(text, sizeof(text)));
		return;
	}
	if (w->sour) {
		int n = snprintf(text, sizeof(text),
		    "{\"log.level\":\"warn\",\"message\":\"a log line was too long and was left "
		    "out\","
		    "\"event.action\":\"log.cut\",\"process.pid\":%d}\n",
		    (int)sink.pid);
		emit(text, (size_t)n);
		return;
	}
	/* one write per line, so that lines of several workers do not mix; the writer keeps one
	 * byte for its NUL, which becomes the newline */
	w->buf[w->len] = '\n';
	emit(w->buf, w->len + 1);
}

uint64_t stk_log_dropped(void)
{
	return sink.dropped;
}

bool stk_log_allow(struct stk_log_budget *b, uint32_t per_minute, int64_t now_ms, uint64_t *missed)
{
	int64_t minute = now_ms / 60000;

	*missed = 0;
	if (minute != b->minute) {
		b->minute = minute;
		b->used = 0;
	}
	if (b->used >= per_minute) {
		b->suppressed++;
		return false;
	}
	b->used++;
	*missed = b->suppressed;
	b->suppressed = 0;
	return true;
}
