/*
 * pulse.h - one memfd per worker slot: the worker writes its tick and its instance, the supervisor
 * reads them. So a stopped worker is seen, and a dead one is named by the instance it had last. The
 * slot's counters lie behind it (sheet.h).
 *
 * The supervisor never maps a worker's (pread: a truncated or odd page cannot hurt it) and a worker
 * maps it only after it forked its nursery, whose first act closes the descriptor; so M, Z and J
 * hold neither mapping nor descriptor (ARCHITECTURE.md, Decisions 1). The exporter maps all of them
 * read-only, from descriptors that can do no more.
 */
#ifndef WORKER_PULSE_H
#define WORKER_PULSE_H

#include "sandbox/base.h"

#define STK_INSTANCE_BYTES 16

struct stk_pulse; /* the mapped page */

/* What a worker says of itself, for who asks whether this service is ready. */
enum stk_health {
	STK_HEALTH_REGISTERED = 1u << 0, /* it could take a job, but for the rest */
	STK_HEALTH_REDIS = 1u << 1,      /* its last call to Redis got through */
	STK_HEALTH_LEDGER = 1u << 2,     /* the ledger is there and to be believed */
	STK_HEALTH_WALL = 1u << 3,       /* not every class is SandboxUnavailable */
	STK_HEALTH_STOPPING = 1u << 4,   /* told to stop */
	STK_HEALTH_PAUSED = 1u << 5,     /* USR2 */
	STK_HEALTH_UNAUDITED = 1u << 6,  /* its last decision could not be written */
};
#define STK_HEALTH_READY \
	((uint32_t)STK_HEALTH_REGISTERED | STK_HEALTH_REDIS | STK_HEALTH_LEDGER | STK_HEALTH_WALL)

/* What to do where one cannot be made, for EFBIG. */
#define STK_PULSE_CURE "raise how large a file of this service may be (ulimit -f, LimitFSIZE=)"
/* A fresh, zeroed, size-sealed memfd with room for a sheet (close-on-exec), or -1 with errno. */
int stk_pulse_create(void);
/* The same pages behind a descriptor that cannot write, for whoever only looks; needs /proc. -1. */
int stk_pulse_reopen(int fd);
/* Forgets what the slot's former worker wrote. STK_E_SYSTEM. */
STK_CHECK enum stk_err stk_pulse_reset(int fd);

/* The worker's side. Every call takes NULL: then there is no supervisor that looks. */
struct stk_pulse *stk_pulse_open(int fd); /* NULL with errno */
void stk_pulse_close(struct stk_pulse *p);
/* "I am not stuck", with the monotonic time of now. */
void stk_pulse_tick(struct stk_pulse *p);
/* A tick, and: the next one may take @ms longer than usual (a zygote's start, a name's resolution).
 */
void stk_pulse_patience(struct stk_pulse *p, int64_t ms);
/* From now on this worker is instance @i; written before Redis hears of it. */
void stk_pulse_instance(struct stk_pulse *p, const uint8_t i[static STK_INSTANCE_BYTES]);
/* Bits of enum stk_health; 0 until it says otherwise. */
void stk_pulse_health(struct stk_pulse *p, uint32_t health);

/* The supervisor's side. */
struct stk_pulse_view {
	uint32_t health;     /* enum stk_health */
	int64_t tick_ms;     /* 0: not one tick yet */
	int64_t patience_ms; /* asked for on top of stuck_after */
	bool has_instance;   /* another one than its supervisor gave it */
	uint8_t instance[STK_INSTANCE_BYTES];
};
STK_CHECK enum stk_err stk_pulse_read(int fd, struct stk_pulse_view *out);
/* The same from a page that is mapped, read-only or not. */
void stk_pulse_look(const struct stk_pulse *p, struct stk_pulse_view *out);
/* Maps it read-only; NULL with errno. */
const struct stk_pulse *stk_pulse_map(int fd);

/* Whether a tick stands still, by the looker's own clock alone. Zero-initialise per worker. */
struct stk_pulse_watch {
	int64_t tick_ms, since_ms, looked_ms;
};
/*
 * True when @v's tick did not change for @stuck_after_ms plus its patience while the looker itself
 * looked at least every @look_ms * 3: a looker that stood still starts the observation anew.
 */
bool stk_pulse_stuck(struct stk_pulse_watch *w, const struct stk_pulse_view *v, int64_t now_ms,
    int64_t stuck_after_ms, int64_t look_ms);

#endif
