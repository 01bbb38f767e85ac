/*
 * test_denials.c - what a denial says could be done: over every call, every corner of its arguments
 * and every sum of profiles, a named grant lifts that very call, or the sentence says what to use.
 */
#include "sandbox/filter.h"
#include "sandbox/profile.h"
#include "sandbox/program.h"
#include "tests/harness.h"
#include "tests/lib/wall.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define ME 4242

#define RD  STK_PROFILE_FILES_READ
#define WR  STK_PROFILE_FILES_WRITE
#define NET STK_PROFILE_NET
#define EX  STK_PROFILE_EXEC
#define PRG STK_PROFILE_PROGRAM

static const struct {
	int nr;
	uint64_t args[6];
	uint32_t profiles;
	const char *grant, *line, *instead; /* NULL: none */
} known[] = {
	{ STK_NR_openat, { 0 }, 0, "files read", "READ(\"label\")", NULL },
	{ STK_NR_openat, { 0, 0, O_WRONLY | O_CREAT, 0600 }, 0, "files write", "WRITE(\"label\")",
	    NULL },
	{ STK_NR_openat, { 0, 0, O_WRONLY | O_CREAT, 0600 }, RD, "files write", "WRITE", NULL },
	{ STK_NR_openat, { 0, 0, O_WRONLY | O_CREAT, 04700 }, RD | WR, NULL, NULL, NULL },
	{ STK_NR_clone, { 0x3d0f00 }, 0, "threads", "TASKS(n)", NULL },
	/* fork() of glibc, and whatever has other flags */
	{ STK_NR_clone, { 0x1200011 }, 0, "exec", "EXEC(\"/program\")", "stockade_exec()" },
	{ STK_NR_clone, { 0x1200011 }, EX, NULL, NULL, "stockade_exec()" },
	{ STK_NR_clone, { CLONE_THREAD | CLONE_NEWUSER }, 0, NULL, NULL, NULL },
	{ STK_NR_execve, { 0 }, 0, "exec", "EXEC", "stockade_exec()" },
	{ STK_NR_execveat, { 0 }, EX, NULL, NULL, "stockade_exec()" },
	{ STK_NR_socket, { AF_INET, SOCK_STREAM }, 0, "net", "CONNECT(\"host:port\")",
	    "stockade_connect()" },
	{ STK_NR_socket, { AF_INET6, SOCK_STREAM | SOCK_CLOEXEC }, NET, NULL, NULL,
	    "stockade_connect()" },
	{ STK_NR_socket, { AF_INET, SOCK_DGRAM }, 0, "net", "CONNECT", "by TCP only" },
	{ STK_NR_socket, { AF_UNIX, SOCK_DGRAM }, NET, NULL, NULL, "stockade_log() logs" },
	{ STK_NR_socket, { AF_NETLINK, SOCK_RAW }, 0, "net", "CONNECT", "looks names up" },
	{ STK_NR_socket, { AF_PACKET, SOCK_RAW }, 0, NULL, NULL, NULL },
	{ STK_NR_socket, { AF_INET, SOCK_RAW }, NET, NULL, NULL, NULL },
	{ STK_NR_connect, { 0 }, 0, "net", "CONNECT", "stockade_connect()" },
	{ STK_NR_mmap, { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS }, 0, NULL,
	    NULL, "code" },
	{ STK_NR_mmap, { 0, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS }, 0, NULL, NULL,
	    "shared" },
	{ STK_NR_mmap, { 0, 4096, PROT_READ, MAP_PRIVATE }, 0, "files read", "READ", NULL },
	{ STK_NR_memfd_create, { 0 }, 0, NULL, NULL, "WORK_MIB" },
	{ STK_NR_ptrace, { 0 }, 0, NULL, NULL, NULL },
	{ -1, { 0 }, 0, NULL, NULL, NULL },
	/* a class's program: what its class lacks, never job.h's words */
	{ STK_NR_openat, { 0, 0, O_WRONLY | O_CREAT, 0600 }, PRG, "files write", "WRITE", NULL },
	{ STK_NR_mmap, { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE }, PRG, "exec(dynamic)",
	    "EXEC_DYNAMIC", NULL },
	{ STK_NR_socket, { AF_INET, SOCK_STREAM }, PRG, NULL, NULL, NULL },
	{ STK_NR_execve, { 0 }, PRG, NULL, NULL, NULL },
};

static bool says(const char *text, const char *part)
{
	return part == NULL ? text == NULL : text != NULL && strstr(text, part) != NULL;
}

static void denials_say_what_could_be_done(void **state)
{
	uint32_t arch = stk_syscall_arch();

	(void)state;
	assert_string_equal(stk_syscall_name(arch, STK_NR_openat), "openat");
	assert_string_equal(stk_syscall_name(arch, SYS_execve), "execve");
	assert_null(stk_syscall_name(arch, -1));
	assert_null(stk_syscall_name(arch, 100000));
	assert_null(stk_syscall_name(AUDIT_ARCH_I386, 1));
	for (size_t i = 0; i < STK_ARRAY_LEN(known); i++) {
		struct stk_way w =
		    stk_syscall_way(known[i].nr, known[i].args, ME, known[i].profiles);

		if (!says(w.grant, known[i].grant) || !says(w.line, known[i].line) ||
		    !says(w.instead, known[i].instead))
			fail_msg("%zu: grant %s, line %s, instead %s", i,
			    w.grant == NULL ? "none" : w.grant, w.line == NULL ? "none" : w.line,
			    w.instead == NULL ? "none" : w.instead);
	}
}

/* Bits of a profile as the sentence of a denial names it. */
static uint32_t bit_of(const char *grant)
{
	static const struct {
		const char *text;
		uint32_t bit;
	} all[] = {
		{ "files read", STK_PROFILE_FILES_READ },
		{ "files write", STK_PROFILE_FILES_WRITE },
		{ "threads", STK_PROFILE_THREADS },
		{ "net", STK_PROFILE_NET },
		{ "exec", STK_PROFILE_EXEC },
		{ "exec(dynamic)", STK_PROFILE_PROGRAM_DYNAMIC },
	};

	for (size_t i = 0; i < STK_ARRAY_LEN(all); i++)
		if (strcmp(all[i].text, grant) == 0)
			return all[i].bit;
	fail_msg("an unknown grant: %s", grant);
	return 0;
}

static enum stk_verdict_kind verdict(uint32_t profiles, int nr, const uint64_t args[6])
{
	return stk_profile_verdict(profiles | STK_GROUP_BASE, nr, args, ME).kind;
}

/* Whether a row tells a class with @profiles to use something else, without a further grant. */
static bool stands_in(int nr, const uint64_t args[6], uint32_t profiles, const char *words)
{
	size_t n;
	const struct stk_row *rows = stk_profile_rows(&n);

	for (size_t i = 0; i < n; i++)
		if (rows[i].nr == nr && rows[i].action == STK_ROW_INSTEAD &&
		    strcmp(rows[i].text, words) == 0 &&
		    (rows[i].groups == 0 || (rows[i].groups & profiles) != 0) &&
		    stk_row_matches(&rows[i], args, ME))
			return true;
	return false;
}

/* Grants that a class, or its program, could be given. */
static uint32_t could_have(uint32_t profiles)
{
	if ((profiles & STK_PROFILE_PROGRAM) != 0)
		return STK_PROFILE_FILES_WRITE | STK_PROFILE_PROGRAM_DYNAMIC;
	return STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE | STK_PROFILE_THREADS |
	       STK_PROFILE_NET | STK_PROFILE_EXEC;
}

/*
 * A named grant is one that is lacking; with it the very call is allowed, or what the sentence
 * names instead is to be had. Where one grant alone would allow the call, it is named.
 */
static void look(int nr, const uint64_t args[6], uint32_t profiles)
{
	struct stk_way w = stk_syscall_way(nr, args, ME, profiles);
	uint32_t grant = w.grant == NULL ? 0 : bit_of(w.grant);
	bool possible = false;

	if (verdict(profiles, nr, args) != STK_VERDICT_DENY)
		return;
	for (uint32_t bit = 1; bit <= STK_PROFILE_PROGRAM_DYNAMIC; bit <<= 1)
		possible = possible || ((bit & could_have(profiles)) != 0 &&
					   verdict(profiles | bit, nr, args) == STK_VERDICT_ALLOW);
	assert_true((w.grant == NULL) == (w.line == NULL));
	assert_int_equal(profiles & grant, 0);
	assert_int_equal(grant & ~could_have(profiles), 0);
	if (possible != (w.grant != NULL && w.instead == NULL))
		fail_msg("call %d, sum %x: possible %d, but grant %s, instead %s", nr, profiles,
		    possible, w.grant == NULL ? "none" : w.grant,
		    w.instead == NULL ? "none" : w.instead);
	if (possible)
		assert_int_equal(verdict(profiles | grant, nr, args), STK_VERDICT_ALLOW);
	if (w.instead != NULL && !stands_in(nr, args, profiles | grant, w.instead))
		fail_msg("call %d, sum %x: %s with %s", nr, profiles, w.instead,
		    w.grant == NULL ? "nothing more" : w.grant);
}

static void every_denial_names_what_would_do_and_nothing_else(void **state)
{
	size_t n;
	const struct stk_row *rows = stk_profile_rows(&n);
	uint32_t sum = 0;

	(void)state;
	do {
		for (int nr = 0; nr < stk_profile_nr_end() + 64; nr++) {
			uint64_t zero[6] = { 0 }, ones[6];

			memset(ones, 0xff, sizeof(ones));
			look(nr, zero, sum);
			look(nr, ones, sum);
		}
		for (size_t i = 0; i < n; i++) {
			uint64_t args[6];

			if (rows[i].nr < 0)
				continue;
			satisfy(&rows[i], ME, args);
			look(rows[i].nr, args, sum);
			args[2] |= 1ull << 40;
			look(rows[i].nr, args, sum);
		}
	} while ((sum = next_sum(sum)) != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(denials_say_what_could_be_done),
		cmocka_unit_test(every_denial_names_what_would_do_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
