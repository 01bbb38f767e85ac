/*
 * parcel.h - raw bytes as they came off a queue, believed by nobody.
 *
 * Trust is carried by types: reserve makes a parcel, only admit makes a ticket of it, only run
 * makes an outcome, and settle takes that; skipping a check does not compile.
 */
#ifndef WORKER_PARCEL_H
#define WORKER_PARCEL_H

#include "sandbox/base.h"

#define STK_QUEUE_MAX 64 /* bytes of a queue name that STK1 can bind (PROTOCOL.md, STK1) */

struct stk_parcel {
	char queue[STK_QUEUE_MAX + 1]; /* the list it was popped from: from our own configuration */
	struct stk_span bytes;         /* borrowed from the reserve reply until the next reserve */
	int64_t seq;                   /* this instance's number of the reservation */
};

#endif
