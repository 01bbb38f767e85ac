/*
 * test_crew.c - two do what one would: each element once, in order of beginning, and nothing after
 * the end.
 */
#include "tests/harness.h"

#include "worker/crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

static atomic_int times[STK_CREW_MOST], began, by_main;
static pthread_t main_thread;

static void count(void *ctx, size_t i)
{
	const struct timespec some = { .tv_nsec = *(const long *)ctx };

	times[i]++;
	began++;
	if (pthread_equal(pthread_self(), main_thread))
		by_main++;
	(void)nanosleep(&some, NULL);
}

static void forget(void)
{
	for (size_t i = 0; i < STK_CREW_MOST; i++)
		times[i] = 0;
	began = by_main = 0;
}

/* All @n are needed, each is done once. */
static void whole(size_t n, long ns)
{
	forget();
	stk_crew_begin(count, &ns, n);
	for (size_t i = 0; i < n; i++) {
		stk_crew_need(i);
		assert_int_equal(times[i], 1);
	}
	assert_int_equal(stk_crew_end(), n);
	assert_int_equal(began, n);
}

/* Only the first @needed are: what was begun is told, is done, and nothing more is begun. */
static void in_part(size_t needed, long ns)
{
	size_t begun;

	forget();
	stk_crew_begin(count, &ns, STK_CREW_MOST);
	for (size_t i = 0; i < needed; i++)
		stk_crew_need(i);
	begun = stk_crew_end();
	assert_true(begun >= needed && begun <= STK_CREW_MOST);
	assert_int_equal(began, begun);
	(void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	assert_int_equal(began, begun);
	for (size_t i = 0; i < STK_CREW_MOST; i++)
		assert_int_equal(times[i], i < begun);
}

static void all_kinds(int rounds)
{
	for (int k = 0; k < rounds; k++) {
		for (size_t n = 0; n <= STK_CREW_MOST; n += 7)
			whole(n, 0);
		whole(STK_CREW_MOST, 1000);
		for (size_t n = 0; n <= STK_CREW_MOST; n += 9)
			in_part(n, k % 2 * 1000);
	}
}

static void alone_it_is_done_in_order_and_no_further(void **state)
{
	(void)state;
	all_kinds(2);
	assert_int_equal(began, by_main);
	in_part(5, 0);
	assert_int_equal(began, 5);
}

static void two_do_each_once(void **state)
{
	int both = 0;

	(void)state;
	if (!stk_crew_open())
		skip_because("a machine with two processors");
	assert_true(stk_crew_open());
	all_kinds(20);
	for (int k = 0; k < 200; k++) {
		whole(STK_CREW_MOST, 100000);
		both += by_main < STK_CREW_MOST;
		if (both > 0)
			break;
	}
	assert_true(both > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone_it_is_done_in_order_and_no_further),
		cmocka_unit_test(two_do_each_once),
	};

	main_thread = pthread_self();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
