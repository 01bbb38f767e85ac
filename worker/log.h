/*
 * log.h - one line per event on stderr: JSON with ECS 8 names, or text on a terminal.
 *
 * The only module that writes to the log sink. Untrusted text is escaped and cut by jsonw;
 * arguments and signatures never come here. Floods of one event are sampled by the caller's
 * stk_log_budget: counters stay exact, the log stays small.
 */
#ifndef WORKER_LOG_H
#define WORKER_LOG_H

#include "worker/jsonw.h"

#define STK_LOG_LINE_MAX 4096 /* bytes; a longer line is replaced by one that says so */

enum stk_log_level {
	STK_LOG_DEBUG,
	STK_LOG_INFO,
	STK_LOG_WARN,
	STK_LOG_ERROR
};
/* VERBOSE and VVERBOSE are the two styles that Resque prints. */
enum stk_log_format {
	STK_LOG_JSON,
	STK_LOG_TEXT,
	STK_LOG_VERBOSE,
	STK_LOG_VVERBOSE
};

/* @fd: borrowed, stays open. Call once per process, and again after fork (the pid is cached). */
void stk_log_open(int fd, enum stk_log_format format, enum stk_log_level least);

/*
 * Starts a line: ECS event.action @action (a constant of ours such as "job.finished"), event.kind,
 * outcome ("success", "failure" or "unknown") and a printf message in our own words. Returns the
 * writer for further members; stk_log_end() sends the line. Not reentrant; never NULL.
 */
struct stk_jw *stk_log_start(enum stk_log_level level, const char *action, const char *outcome,
    const char *fmt, ...) STK_PRINTF(4, 5);
void stk_log_end(void);

/* Lines that this process could not write because the reader stood still. */
uint64_t stk_log_dropped(void);

/* Lines of one kind per minute; then one summary line when the minute turns. Zero-initialise. */
struct stk_log_budget {
	int64_t minute;
	uint32_t used;
	uint64_t suppressed; /* since the last summary */
};
/* True if a line may be written now; *@missed is how many were left out since the last one that
 * may. */
bool stk_log_allow(struct stk_log_budget *b, uint32_t per_minute, int64_t now_ms, uint64_t *missed);

#endif
