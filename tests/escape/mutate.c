/*
 * mutate.c - switches one layer of the wall off, for the test of the tests. Linked in front of the
 * product's own functions (ld --wrap) in the two programs of the escape suite and nowhere else;
 * which layer is said in TZ, the one word from outside that reaches a cage program: "mutate=a+b".
 */
#include "tests/escape/mutate.h"
#include "sandbox/caps.h"
#include "sandbox/filter.h"
#include "sandbox/landlock.h"
#include "sandbox/procstat.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* Defined by the driver alone: what runs there is the worker's and the nursery's side. */
extern const int escape_driver __attribute__((weak));

bool escape_off(const char *layer)
{
	const char *tz = getenv("TZ"), *at;
	size_t len = strlen(layer);

	if (tz == NULL || strncmp(tz, "mutate=", 7) != 0)
		return false;
	for (at = tz + 7; *at != '\0'; at += *at == '+') {
		size_t word = strcspn(at, "+");

		if (word == len && strncmp(at, layer, len) == 0)
			return true;
		at += word;
	}
	return false;
}

bool escape_mutated(void)
{
	const char *tz = getenv("TZ");

	return tz != NULL && strncmp(tz, "mutate=", 7) == 0;
}

static bool in_driver(void)
{
	return &escape_driver != NULL;
}

enum stk_err __real_stk_filter_install(const struct stk_bpf *p);
enum stk_err __wrap_stk_filter_install(const struct stk_bpf *p);
enum stk_err __wrap_stk_filter_install(const struct stk_bpf *p)
{
	return escape_off("big") ? STK_OK : __real_stk_filter_install(p);
}

enum stk_err __real_stk_filter_tiny_install(struct stk_bpf *p, pid_t self);
enum stk_err __wrap_stk_filter_tiny_install(struct stk_bpf *p, pid_t self);
enum stk_err __wrap_stk_filter_tiny_install(struct stk_bpf *p, pid_t self)
{
	return escape_off("tiny") ? STK_OK : __real_stk_filter_tiny_install(p, self);
}

enum stk_err __real_stk_landlock_restrict(int fd);
enum stk_err __wrap_stk_landlock_restrict(int fd);
enum stk_err __wrap_stk_landlock_restrict(int fd)
{
	bool off = escape_off(in_driver() ? "nursery.landlock" : "landlock");

	return off ? STK_OK : __real_stk_landlock_restrict(fd);
}

enum stk_err __real_stk_landlock_create(int abi, uint32_t deny, int *out);
enum stk_err __wrap_stk_landlock_create(int abi, uint32_t deny, int *out);
enum stk_err __wrap_stk_landlock_create(int abi, uint32_t deny, int *out)
{
	if (escape_off("scopes"))
		deny &= ~(uint32_t)STK_LANDLOCK_SCOPES;
	if (escape_off("tcp"))
		deny &= ~(uint32_t)STK_LANDLOCK_NET;
	return __real_stk_landlock_create(abi, deny, out);
}

enum stk_err __real_stk_caps_drop(const char **step);
enum stk_err __wrap_stk_caps_drop(const char **step);
enum stk_err __wrap_stk_caps_drop(const char **step)
{
	return escape_off("caps") ? STK_OK : __real_stk_caps_drop(step);
}

enum stk_err __real_stk_caps_verify(const char **step);
enum stk_err __wrap_stk_caps_verify(const char **step);
enum stk_err __wrap_stk_caps_verify(const char **step)
{
	return escape_off("caps") ? STK_OK : __real_stk_caps_verify(step);
}

/* The worker's look from outside: blinded, it sees what it wants to see. */
enum stk_err __real_stk_procstat(pid_t pid, struct stk_cage_proof *out);
enum stk_err __wrap_stk_procstat(pid_t pid, struct stk_cage_proof *out);
enum stk_err __wrap_stk_procstat(pid_t pid, struct stk_cage_proof *out)
{
	if (!escape_off("look"))
		return __real_stk_procstat(pid, out);
	*out = (struct stk_cage_proof){ .seccomp = 2, .filters = -1, .no_new_privs = 1 };
	return STK_OK;
}

/* The same look once more, at a job or a program that says READY. */
bool __real_stk_procstat_proves(
    pid_t pid, int zygote_filters, struct stk_cage_proof *out, char *why);
bool __wrap_stk_procstat_proves(
    pid_t pid, int zygote_filters, struct stk_cage_proof *out, char *why);
bool __wrap_stk_procstat_proves(
    pid_t pid, int zygote_filters, struct stk_cage_proof *out, char *why)
{
	if (!escape_off("look"))
		return __real_stk_procstat_proves(pid, zygote_filters, out, why);
	return __wrap_stk_procstat(pid, out) == STK_OK;
}

int __real_prctl(int option, ...);
int __wrap_prctl(int option, ...);
int __wrap_prctl(int option, ...)
{
	unsigned long v[4];
	va_list ap;

	va_start(ap, option);
	for (int i = 0; i < 4; i++)
		v[i] = va_arg(ap, unsigned long);
	va_end(ap);
	if ((option == PR_SET_DUMPABLE && escape_off("dumpable")) ||
	    (option == PR_SET_PDEATHSIG && !in_driver() && escape_off("pdeathsig")) ||
	    (option == 65 /* PR_SET_MDWE */ && escape_off("mdwe")))
		return 0;
	if (option == PR_GET_SECCOMP && !in_driver() && escape_off("big"))
		return 2;
	return __real_prctl(option, v[0], v[1], v[2], v[3]);
}

/* Each resource limit by itself. */
static const struct {
	const char *layer;
	int resource;
} limits[] = {
	{ "as", RLIMIT_AS },
	{ "cpu", RLIMIT_CPU },
	{ "fsize", RLIMIT_FSIZE },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "stack", RLIMIT_STACK },
	{ "core", RLIMIT_CORE },
	{ "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE },
	{ "sigpending", RLIMIT_SIGPENDING },
	{ "locks", RLIMIT_LOCKS },
};

static bool limit_off(const long v[6])
{
	if (in_driver() || v[2] == 0)
		return false;
	for (size_t i = 0; i < STK_ARRAY_LEN(limits); i++)
		if (limits[i].resource == v[1] && escape_off(limits[i].layer))
			return true;
	return false;
}

long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);
long __wrap_syscall(long nr, ...)
{
	long v[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		v[i] = va_arg(ap, long);
	va_end(ap);
	if ((nr == SYS_prlimit64 && limit_off(v)) ||
	    (nr == SYS_close_range && escape_off(in_driver() ? "nursery.fds" : "fds")))
		return 0;
	return __real_syscall(nr, v[0], v[1], v[2], v[3], v[4], v[5]);
}
