/*
 * test_readonly.c - what is read-only stays so: in a process that seals itself, and in a job of a
 * real cage. Where the kernel has no mseal the process says so, and the job's cage stands without.
 */
#include "tests/harness.h"
#include "tests/hostile/read_only.c" /* the same act, without the cage */
#include "tests/lib/child.h"
#include "tests/lib/stand.h"

#include "sandbox/readonly.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char constant[8192] = "x";

static int plain(const void *arg)
{
	(void)arg;
	return hostile_write_read_only(NULL) == -1 ? errno : 0;
}

static int sealed(const void *arg)
{
	(void)arg;
	if (stk_readonly_seal() != STK_OK)
		return 200;
	return plain(NULL);
}

/* Neither unmapped nor replaced, and what may be written is as it was. */
static int sealed_for_good(const void *arg)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)constant;
	static char writable[64];
	void *there;

	(void)arg;
	at = (at + page - 1) & ~(page - 1);
	memcpy(&there, &at, sizeof(there));
	if (stk_readonly_seal() != STK_OK)
		return 200;
	if (munmap(there, page) != -1 || errno != EPERM)
		return 1;
	if (mmap(there, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		0) != MAP_FAILED)
		return 2;
	writable[1] = constant[0];
	return writable[1] == 'x' && stk_readonly_seal() == STK_OK ? 0 : 3; /* twice is well */
}

/* Asked of the kernel itself: what is under test must not decide that it is not tested. */
static int seal_a_page(const void *arg)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)arg;
	return p == MAP_FAILED ? 1 : syscall(462, p, 4096ul, 0ul) == 0 ? 0 : errno;
}

static bool has_mseal(void)
{
	return in_child(seal_a_page, NULL) == 0;
}

static void what_is_read_only_can_be_made_writable_without_it(void **state)
{
	(void)state;
	assert_int_equal(in_child(plain, NULL), 0);
}

static void what_is_sealed_stays(void **state)
{
	(void)state;
	if (!has_mseal())
		skip_because("mseal: Linux 6.10");
	assert_int_equal(in_child(sealed, NULL), EPERM);
	assert_int_equal(in_child(sealed_for_good, NULL), 0);
}

static void a_job_cannot_write_it_either(void **state)
{
	struct stk_stand s;
	struct stk_outcome o;
	char program[512];

	(void)state;
	stand_open(&s, stand_program("test/hostile-cage", program), NULL);
	assert_int_equal(stand_run(&s, "Hostile::WriteReadOnly", "[]", &o), STK_OK);
	/* before 6.10 the cage stands without, and doctor says so */
	if (has_mseal() ? o.name != STK_OUT_FAILED || o.code != EPERM : o.name != STK_OUT_DONE)
		fail_msg("%s: %s", stk_outcome_text(o.name), o.why);
	stk_outcome_clear(&o);
	stand_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_only_can_be_made_writable_without_it),
		cmocka_unit_test(what_is_sealed_stays),
		cmocka_unit_test(a_job_cannot_write_it_either),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
