/*
 * pulse.c - see pulse.h. Two places for the instance and an index that is stored last: a worker
 * that dies between two stores leaves the old one or the new one, never half of each.
 */
#include "worker/pulse.h"

#include "worker/sheet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A worker that has not ticked yet reads a cage's description and starts its nursery. */
#define START_PATIENCE_MS 60000
/* No worker asks for more; one that was taken over may write anything. */
#define MOST_PATIENCE_MS 60000

struct stk_pulse {
	_Atomic int64_t tick_ms;
	_Atomic int64_t patience_ms;
	_Atomic uint32_t n_instances; /* written by this worker; the last one stands at n % 2 */
	uint8_t instance[2][STK_INSTANCE_BYTES];
	_Atomic uint32_t health;
};
_Static_assert(sizeof(struct stk_pulse) <= STK_SHEET_AT, "the sheet lies behind it");

int stk_pulse_create(void)
{
	int fd = memfd_create("pulse", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd == -1)
		return -1;
	if (ftruncate(fd, STK_SHEET_AT + (off_t)sizeof(struct stk_sheet)) == -1 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1)
		stk_close(&fd);
	return fd;
}

int stk_pulse_reopen(int fd)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

enum stk_err stk_pulse_reset(int fd)
{
	static const uint8_t zero[sizeof(struct stk_pulse)];

	return pwrite(fd, zero, sizeof(zero), 0) == (ssize_t)sizeof(zero) ? STK_OK : STK_E_SYSTEM;
}

struct stk_pulse *stk_pulse_open(int fd)
{
	void *p = mmap(NULL, sizeof(struct stk_pulse), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return NULL;
	/* whatever this process may still fork gets no page */
	if (madvise(p, sizeof(struct stk_pulse), MADV_DONTFORK) == -1) {
		(void)munmap(p, sizeof(struct stk_pulse));
		return NULL;
	}
	return p;
}

void stk_pulse_close(struct stk_pulse *p)
{
	if (p != NULL)
		(void)munmap(p, sizeof(*p));
}

void stk_pulse_tick(struct stk_pulse *p)
{
	stk_pulse_patience(p, 0);
}

void stk_pulse_patience(struct stk_pulse *p, int64_t ms)
{
	if (p == NULL)
		return;
	atomic_store(&p->patience_ms, ms);
	atomic_store(&p->tick_ms, stk_monotonic_ms());
}

void stk_pulse_instance(struct stk_pulse *p, const uint8_t i[static STK_INSTANCE_BYTES])
{
	uint32_t n;

	if (p == NULL)
		return;
	n = atomic_load(&p->n_instances) + 1;
	memcpy(p->instance[n % 2], i, STK_INSTANCE_BYTES);
	atomic_store(&p->n_instances, n == 0 ? 2 : n);
}

void stk_pulse_health(struct stk_pulse *p, uint32_t health)
{
	if (p != NULL)
		atomic_store(&p->health, health);
}

const struct stk_pulse *stk_pulse_map(int fd)
{
	void *p = mmap(NULL, sizeof(struct stk_pulse), PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return NULL;
	return p;
}

static int64_t within(int64_t v, int64_t most)
{
	return v < 0 ? 0 : v < most ? v : most;
}

void stk_pulse_look(const struct stk_pulse *p, struct stk_pulse_view *out)
{
	uint32_t n;

	*out = (struct stk_pulse_view){ .patience_ms = START_PATIENCE_MS };
	out->tick_ms = within(atomic_load(&p->tick_ms), INT64_MAX);
	if (out->tick_ms != 0)
		out->patience_ms = within(atomic_load(&p->patience_ms), MOST_PATIENCE_MS);
	n = atomic_load(&p->n_instances);
	out->has_instance = n > 0;
	memcpy(out->instance, p->instance[n % 2], sizeof(out->instance));
	out->health = atomic_load(&p->health);
}

enum stk_err stk_pulse_read(int fd, struct stk_pulse_view *out)
{
	struct stk_pulse p;

	*out = (struct stk_pulse_view){ .patience_ms = START_PATIENCE_MS };
	if (pread(fd, &p, sizeof(p), 0) != (ssize_t)sizeof(p))
		return STK_E_SYSTEM;
	stk_pulse_look(&p, out);
	return STK_OK;
}

bool stk_pulse_stuck(struct stk_pulse_watch *w, const struct stk_pulse_view *v, int64_t now_ms,
    int64_t stuck_after_ms, int64_t look_ms)
{
	bool steady = w->looked_ms != 0 && now_ms - w->looked_ms <= look_ms * 3;

	w->looked_ms = now_ms;
	if (!steady || v->tick_ms != w->tick_ms) {
		w->tick_ms = v->tick_ms;
		w->since_ms = now_ms;
		return false;
	}
	return now_ms - w->since_ms >= stuck_after_ms + v->patience_ms;
}
