/*
 * limits.c - see limits.h. Through prlimit64, the one call of the kind that the entry table allows.
 */
#include "sandbox/limits.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc takes an enum there, other libraries an int. */
#ifdef __GLIBC__
typedef __rlimit_resource_t resource_t;
#else
typedef int resource_t;
#endif

struct step {
	const char *name;
	int resource;
	uint64_t soft, hard;
};

/* Never above what is held: raising would fail, and lower is as good. */
static enum stk_err lower(const struct step *s, const char **step)
{
	struct {
		uint64_t soft, hard;
	} now, want = { s->soft, s->hard };

	*step = s->name;
	if (syscall(SYS_prlimit64, 0, s->resource, NULL, &now) != 0)
		return STK_E_SYSTEM;
	if (want.hard > now.hard)
		want.hard = now.hard;
	if (want.soft > want.hard)
		want.soft = want.hard;
	if (syscall(SYS_prlimit64, 0, s->resource, &want, NULL) != 0)
		return STK_E_SYSTEM;
	return STK_OK;
}

static enum stk_err lower_all(const struct step *steps, size_t n, const char **step)
{
	enum stk_err e = STK_OK;

	for (size_t i = 0; i < n && e == STK_OK; i++)
		e = lower(&steps[i], step);
	if (e == STK_OK)
		*step = NULL;
	return e;
}

enum stk_err stk_limits_fixed(const char **step)
{
	/* SIGPENDING counts per uid; 16 leaves room for the faults of one process. */
	static const struct step steps[] = {
		{ "RLIMIT_CORE", RLIMIT_CORE, 0, 0 },
		{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK, 0, 0 },
		{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE, 0, 0 },
		{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING, 16, 16 },
		{ "RLIMIT_LOCKS", RLIMIT_LOCKS, 0, 0 },
		{ "RLIMIT_NICE", RLIMIT_NICE, 0, 0 },
		{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO, 0, 0 },
	};

	return lower_all(steps, STK_ARRAY_LEN(steps), step);
}

enum stk_err stk_limits_job(const struct stk_limits *l, uint32_t profiles, const char **step)
{
	bool tasks = (profiles & STK_PROFILE_THREADS) != 0;
	const struct step nproc = { "RLIMIT_NPROC", RLIMIT_NPROC, 0, 0 };
	const struct step steps[] = {
		{ "RLIMIT_CPU", RLIMIT_CPU, l->cpu_s, (uint64_t)l->cpu_s + 1 },
		{ "RLIMIT_FSIZE", RLIMIT_FSIZE, l->file_bytes, l->file_bytes },
		{ "RLIMIT_NOFILE", RLIMIT_NOFILE, l->fds, l->fds },
		{ "RLIMIT_STACK", RLIMIT_STACK, l->stack_bytes, l->stack_bytes },
		{ "RLIMIT_AS", RLIMIT_AS, l->mem_bytes, l->mem_bytes },
	};

	*step = "limits of the class";
	/* a zero of these is a forgotten field, not a wish: nothing runs with none of it */
	if (l->cpu_s == 0 || l->mem_bytes == 0 || l->fds == 0 || l->stack_bytes == 0)
		return STK_E_REFUSED;
	if (!tasks && lower(&nproc, step) != STK_OK)
		return STK_E_SYSTEM;
	return lower_all(steps, STK_ARRAY_LEN(steps), step);
}

enum stk_err stk_limits_tasks(uint32_t nproc, const char **step)
{
	const struct step bound = { "RLIMIT_NPROC", RLIMIT_NPROC, nproc, nproc };

	*step = bound.name;
	return nproc == 0 ? STK_E_REFUSED : lower_all(&bound, 1, step);
}

/* --- of the service -------------------------------------------------------------------------- */

static uint64_t hard(resource_t resource, uint64_t at_most)
{
	struct rlimit l;

	if (getrlimit(resource, &l) == -1 || l.rlim_max == RLIM_INFINITY)
		return at_most;
	return l.rlim_max < at_most ? l.rlim_max : at_most;
}

void stk_limits_of_service(struct stk_limits *out)
{
	memset(out, 0xff, sizeof(*out));
	out->mem_bytes = hard(RLIMIT_AS, UINT64_MAX);
	out->file_bytes = hard(RLIMIT_FSIZE, UINT64_MAX);
	out->stack_bytes = hard(RLIMIT_STACK, UINT64_MAX);
	out->cpu_s = (uint32_t)hard(RLIMIT_CPU, UINT32_MAX);
	out->fds = (uint32_t)hard(RLIMIT_NOFILE, UINT32_MAX);
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void stk_limits_within(struct stk_limits *l, const struct stk_limits *service)
{
	l->mem_bytes = less(l->mem_bytes, service->mem_bytes);
	l->file_bytes = less(l->file_bytes, service->file_bytes);
	l->stack_bytes = less(l->stack_bytes, service->stack_bytes);
	l->cpu_s = (uint32_t)less(l->cpu_s, service->cpu_s);
	l->fds = (uint32_t)less(l->fds, service->fds);
}
