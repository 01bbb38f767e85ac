/*
 * run_progress.c - see run_progress.h.
 */
#include "worker/cli/run_progress.h"

#include "worker/cli/safe.h"
#include "worker/jsonw.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TEXT_MAX 1024 /* a note of nothing but escapes is shorter */

/* Columns of a terminal that can take a line back; 0: there is none, so each word is a line. */
static size_t columns(void)
{
	const char *kind = getenv("TERM");
	struct winsize w;

	if (isatty(STDERR_FILENO) != 1 || kind == NULL || *kind == '\0' ||
	    strcmp(kind, "dumb") == 0)
		return 0;
	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
}

void stk_run_progress_text(const struct stk_run_progress *r, size_t most, char out[static 1024])
{
	char raw[TEXT_MAX];
	size_t n = (size_t)snprintf(raw, sizeof(raw), "%" PRIu64, r->done);
	struct stk_jw w;

	if (r->total > 0)
		n += (size_t)snprintf(raw + n, sizeof(raw) - n, "/%" PRIu64, r->total);
	stk_jw_init(&w, TEXT_MAX - 48);
	stk_jw_str(&w, NULL, stk_span_of(r->note, r->note_len), STK_NOTE_MAX);
	if (r->note_len > 0)
		(void)snprintf(raw + n, sizeof(raw) - n, ": %s", w.sour ? "(too long)" : w.buf);
	stk_jw_clear(&w);
	/* the string is JSON; what JSON leaves as it is and a terminal would obey is escaped here
	 */
	(void)stk_safe_text(stk_span_str(raw), most, out, TEXT_MAX);
}

void stk_run_progress_say(
    struct stk_run_progress *r, const struct stk_progress *p, struct stk_span note)
{
	size_t wide = columns();
	char text[TEXT_MAX];

	r->any = true;
	r->done = p->done;
	r->total = p->total;
	r->note_len = note.len < sizeof(r->note) ? note.len : sizeof(r->note);
	memcpy(r->note, note.p, r->note_len);
	/* the last column stays free: a full line would break and could not be taken back */
	stk_run_progress_text(r, wide > 20 ? wide - 10 : TEXT_MAX, text);
	if (wide == 0) {
		(void)fprintf(stderr, "progress %s\n", text);
		return;
	}
	(void)fprintf(stderr, "\r\033[Kprogress %s", text);
	(void)fflush(stderr);
	r->drawn = true;
}

void stk_run_progress_hide(struct stk_run_progress *r)
{
	if (r->drawn)
		(void)fprintf(stderr, "\r\033[K");
	r->drawn = false;
}
