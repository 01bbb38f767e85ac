/*
 * run_progress.h - how far the job of `stockade run-job` says it is, on standard error: on a
 * terminal one line that is written over, elsewhere a line each time. What the job said is
 * untrusted: it leaves here as text that no terminal obeys.
 */
#ifndef WORKER_CLI_RUN_PROGRESS_H
#define WORKER_CLI_RUN_PROGRESS_H

#include "sandbox/cage.h"

/* What one run said last. Zeroed: nothing yet. */
struct stk_run_progress {
	bool any;
	uint64_t done, total; /* total 0: not known */
	uint8_t note[STK_NOTE_MAX];
	size_t note_len;
	bool drawn; /* its line stands on the terminal, without an end */
};

/* Notes it and shows it. @note is borrowed, and already without what must not be seen. */
void stk_run_progress_say(
    struct stk_run_progress *r, const struct stk_progress *p, struct stk_span note);
/* Before anything else is written to the terminal: takes the line away. */
void stk_run_progress_hide(struct stk_run_progress *r);
/* "12/40: "resizing"", at most @most characters of it. */
void stk_run_progress_text(const struct stk_run_progress *r, size_t most, char out[static 1024]);

#endif
