/*
 * test_jobs.c - Acme's jobs behind the very wall of production, and what they must refuse.
 */
#include <stockade/job_test.h>

static struct stockade_test *t;

static int up(void **state)
{
	(void)state;
	t = stockade_test_open(NULL);
	stockade_test_file(t, "inputs", "text", "one two\nthree\n", 14);
	stockade_test_file(t, "inputs", "empty", "", 0);
	return 0;
}

static int down(void **state)
{
	(void)state;
	stockade_test_close(t);
	return 0;
}

static void words_are_counted(void **state)
{
	(void)state;
	stockade_assert_done(t, "Acme::WordCount", "[\"text\"]", "{\"lines\":2,\"words\":3}");
	stockade_assert_done(t, "Acme::WordCount", "[\"empty\"]", "{\"lines\":0,\"words\":0}");
	stockade_assert_failed(t, "Acme::WordCount", "[\"none\"]", 1, "No such file");
	stockade_assert_failed(t, "Acme::WordCount", "[\"../etc/passwd\"]", 1, "Invalid argument");
	stockade_assert_refused(t, "Acme::WordCount", "[1]", "/0", "type");
}

static void tokens_are_made(void **state)
{
	(void)state;
	stockade_assert_done(
	    t, "Acme::MakeToken", "[[\"acme\",\"0\"]]", "[\"05c4ba3e\",\"f4dbdf21\"]");
	stockade_assert_refused(t, "Acme::MakeToken", "[[]]", "/0", "minItems");
	stockade_assert_refused(t, "Acme::MakeToken", "[[\"a\"],9]", "/1", "maximum");
}

/* The same without the cage: a debugger, a sanitizer or a faked clock can look in. */
static void outside_it_is_the_same(void **state)
{
	stockade_test_outside(t, true);
	words_are_counted(state);
	tokens_are_made(state);
	stockade_test_outside(t, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_counted),
		cmocka_unit_test(tokens_are_made),
		cmocka_unit_test(outside_it_is_the_same),
	};

	return cmocka_run_group_tests(tests, up, down);
}
