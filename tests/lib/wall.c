/*
 * wall.c - see wall.h.
 */
#include "tests/lib/wall.h"
#include "sandbox/filter.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

void satisfy(const struct stk_row *r, uint64_t self, uint64_t args[6])
{
	memset(args, 0, 6 * sizeof(args[0]));
	for (size_t j = 0; j < stk_row_n_args(r); j++)
		args[r->args[j].arg] = r->args[j].op == STK_ARG_SELF ? self : r->args[j].value;
}

static bool there_can_be(uint32_t sum)
{
	const uint32_t program = STK_PROFILE_PROGRAM | STK_PROFILE_PROGRAM_DYNAMIC,
		       files = STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE;

	if ((sum & program) != 0)
		return (sum & STK_PROFILE_PROGRAM) != 0 && (sum & ~(program | files)) == 0;
	return (sum & STK_PROFILE_EXEC_DYNAMIC) == 0 || (sum & STK_PROFILE_EXEC) != 0;
}

uint32_t next_sum(uint32_t sum)
{
	do
		sum = (sum - STK_PROFILE_READY) & STK_PROFILE_READY;
	while (!there_can_be(sum));
	return sum;
}

struct scene {
	enum wall wall;
	uint32_t profiles;
	int (*act)(const void *);
	const void *arg;
};

/* Exit codes of its own for a wall that could not be built, so that no test takes it for a denial.
 */
static int enter_and_act(const void *arg)
{
	const struct scene *s = arg;
	struct stk_bpf big = { 0 }, tiny = { 0 };
	bool caged = s->wall == WALL_BIG || s->wall == WALL_BOTH;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return 200;
	if (caged && stk_filter_big_build(s->profiles, &big) != STK_OK)
		return 201;
	if (s->wall == WALL_BOTH && stk_filter_tiny_build(s->profiles, &tiny) != STK_OK)
		return 202;
	if (s->wall == WALL_WORKER && stk_filter_worker_build(&big) != STK_OK)
		return 203;
	if (big.len > 0 && stk_filter_install(&big) != STK_OK)
		return 204;
	if (tiny.len > 0 && stk_filter_tiny_install(&tiny, getpid()) != STK_OK)
		return 205;
	return s->act(s->arg);
}

int behind(enum wall w, uint32_t profiles, int (*act)(const void *), const void *arg)
{
	return in_child(enter_and_act, &(struct scene){ w, profiles, act, arg });
}

static int make_call(const void *arg)
{
	const struct call *c = arg;

	errno = 0;
	return syscall(c->nr, c->args[0], c->args[1], c->args[2], c->args[3], c->args[4],
		   c->args[5]) == -1
		   ? errno
		   : 0;
}

int calling(enum wall w, uint32_t profiles, struct call c)
{
	return behind(w, profiles, make_call, &c);
}
