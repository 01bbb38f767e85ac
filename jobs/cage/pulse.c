/*
 * pulse.c - job.h's signs of life: progress and heartbeat, as records on the report pipe. A handler
 * may call them as often as it likes; what is sent stays well below what the worker bears
 * (sandbox/report.h, STK_PULSE_EVERY_MS).
 */
#include "jobs/cage/cage.h"

#include "sandbox/entry.h"
#include "sandbox/report.h"

#include <stdarg.h>
#include <string.h>

#define PULSE_MS 250
_Static_assert(PULSE_MS >= 2 * STK_PULSE_EVERY_MS, "well below");

static bool its_time(struct stockade_job *job)
{
	int64_t now = stk_monotonic_ms();

	if (job->pulsed_ms != 0 && now - job->pulsed_ms < PULSE_MS)
		return false;
	job->pulsed_ms = now;
	return true;
}

void stockade_progress(
    struct stockade_job *job, uint64_t done, uint64_t total, const char *fmt, ...)
{
	struct stk_progress p = { .done = done, .total = total };
	char body[sizeof(p) + STK_NOTE_MAX + 1];
	size_t len;
	va_list ap;

	if (!its_time(job))
		return;
	memcpy(body, &p, sizeof(p));
	va_start(ap, fmt);
	len = stockade_vformat(body + sizeof(p), STK_NOTE_MAX + 1, fmt, ap);
	va_end(ap);
	(void)stk_frame_write(STK_SLOT_REPORT, STK_FRAME_PROGRESS, body, sizeof(p) + len);
}

void stockade_heartbeat(struct stockade_job *job)
{
	if (its_time(job))
		(void)stk_frame_write(STK_SLOT_REPORT, STK_FRAME_BEAT, NULL, 0);
}
