/*
 * quarantine_trail.c - what a person did about refused jobs, in the audit trail before it is done,
 * and one log line about the whole. Called by quarantine_readmit.c and quarantine_drop.c.
 */
#include "worker/cli/quarantine.h"
#include "worker/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Behind every worker's: a person's commands have a chain of their own. */
#define TRAIL_SLOT 999
#define WAIT_STEPS 50
#define WAIT_US    100000

int stk_quarantine_trail_open(struct stk_quarantine *q, const struct stk_keyring *ring)
{
	const struct stk_audit_options o = { .dir = q->config->audit_dir,
		.key_file = q->config->audit_key_file,
		.slot = TRAIL_SLOT,
		.max_bytes = q->config->audit_file_max_bytes,
		.ring = ring };
	enum stk_err e = stk_audit_open(&q->audit, &o);

	/* somebody else's command is at work, and soon over */
	for (int i = 0;
	     i < WAIT_STEPS && e == STK_E_REFUSED && strstr(q->audit.why, ".lock") != NULL; i++) {
		stk_audit_close(&q->audit);
		(void)usleep(WAIT_US);
		e = stk_audit_open(&q->audit, &o);
	}
	if (e != STK_OK)
		return stk_complain(e == STK_E_SYSTEM ? STK_EX_OS : STK_EX_CONFIG,
		    "nothing was done, because the audit trail cannot be kept: %s", q->audit.why);
	return 0;
}

static void add_text(struct stk_jw *w, const char *key, const char *text)
{
	if (text[0] != '\0')
		stk_jw_cstr(w, key, text);
}

struct stk_jw *stk_quarantine_record(
    struct stk_quarantine *q, const char *kind, const struct stk_quarantined *e)
{
	struct stk_jw *w = stk_audit_start(&q->audit, kind);

	stk_jw_cstr(w, "area", e->area);
	add_text(w, "id", e->kept.id[0] != '\0' ? e->kept.id : e->member);
	add_text(w, "verdict", e->kept.reason);
	add_text(w, "queue", e->kept.queue);
	add_text(w, "job", e->kept.job);
	add_text(w, "kid", e->kept.kid);
	add_text(w, "payload_sha256", e->kept.sha256);
	stk_jw_int(w, "uid", (int64_t)getuid());
	return w;
}

bool stk_quarantine_recorded(struct stk_quarantine *q)
{
	if (stk_audit_end(&q->audit)) {
		stk_audit_tick(&q->audit);
		return true;
	}
	(void)stk_complain(
	    0, "stopped, because the audit trail cannot be written: %s", q->audit.why);
	return false;
}

void stk_quarantine_log(const struct stk_quarantine *q, const char *event, const char *sentence,
    int64_t n, int64_t n_left)
{
	struct stk_jw *line;

	if (isatty(STDERR_FILENO) == 1)
		return;
	stk_log_open(STDERR_FILENO, (enum stk_log_format)q->config->log_format, STK_LOG_INFO);
	line =
	    stk_log_start(STK_LOG_INFO, event, n_left == 0 ? "success" : "unknown", "%s", sentence);
	stk_jw_int(line, "stockade.count", n);
	stk_jw_int(line, "stockade.left", n_left);
	stk_jw_int(line, "user.id", (int64_t)getuid());
	stk_log_end();
}
