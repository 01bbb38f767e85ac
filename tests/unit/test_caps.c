/*
 * test_caps.c - after the drop nothing is left, as the kernel tells in /proc; run as root it also
 * shows that there was something to drop.
 */
#include "sandbox/caps.h"
#include "tests/harness.h"
#include "tests/lib/child.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The OR of CapInh, CapPrm, CapEff and CapAmb; all ones if it cannot be read. */
static unsigned long long held(void)
{
	static const char *const keys[] = { "CapInh:", "CapPrm:", "CapEff:", "CapAmb:" };
	unsigned long long all = 0;
	unsigned seen = 0;
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		for (size_t i = 0; i < STK_ARRAY_LEN(keys); i++)
			if (strncmp(line, keys[i], 7) == 0) {
				all |= strtoull(line + 7, NULL, 16);
				seen++;
			}
	if (f != NULL)
		(void)fclose(f);
	return seen == STK_ARRAY_LEN(keys) ? all : ~0ull;
}

static int drop_twice(const void *arg)
{
	const char *step = "?";

	(void)arg;
	if (stk_caps_drop(&step) != STK_OK || step != NULL || held() != 0)
		return 1;
	return stk_caps_drop(&step) == STK_OK && stk_caps_verify(&step) == STK_OK ? 0 : 2;
}

static void every_set_is_empty_after_the_drop(void **state)
{
	(void)state;
	assert_int_equal(in_child(drop_twice, NULL), 0);
}

/* Root alone has something to lose; without it, the same claim is made of what is held. */
static int verify_sees_what_is_held(const void *arg)
{
	const char *step;
	bool empty = held() == 0;
	enum stk_err e = stk_caps_verify(&step);

	(void)arg;
	if (empty)
		return e == STK_OK && step == NULL ? 0 : 1;
	return e == STK_E_REFUSED && strcmp(step, "capabilities still held") == 0 ? 0 : 2;
}

static void verify_agrees_with_the_kernel(void **state)
{
	(void)state;
	assert_int_equal(in_child(verify_sees_what_is_held, NULL), 0);
}

static int chroot_after_drop(const void *arg)
{
	const char *step;

	(void)arg;
	if (stk_caps_drop(&step) != STK_OK)
		return 1;
	return chroot("/") == -1 && errno == EPERM ? 0 : 2;
}

static void a_privileged_act_fails_after_the_drop(void **state)
{
	(void)state;
	assert_int_equal(in_child(chroot_after_drop, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_set_is_empty_after_the_drop),
		cmocka_unit_test(verify_agrees_with_the_kernel),
		cmocka_unit_test(a_privileged_act_fails_after_the_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
