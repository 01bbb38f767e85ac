/*
 * trace.h - the trace context of a job (W3C Trace Context, traceparent, version 00): what its
 * producer signed, or one that follows from the job's id. What stands beside the signed part of a
 * payload is anybody's word and is not looked at.
 */
#ifndef WORKER_TRACE_H
#define WORKER_TRACE_H

#include "sandbox/wire.h"

/*
 * "00-<32 hex>-<16 hex>-<2 hex>" into @out: @ref itself if it is one, else made
 * of @job_id, the same for every attempt: its 32 digits are the trace, the last 16 of them the
 * parent, not sampled.
 */
void stk_trace_of(
    struct stk_span ref, const uint8_t job_id[static 16], char out[static STK_TRACE_BYTES]);

#endif
