/*
 * test_handlers.c - the libraries that real jobs use run in the profile that fits them, with what
 * they must open opened by setup(); in a smaller profile they are ended by the name of what is
 * missing. Also job.h's words for files.
 */
#include "tests/harness.h"
#include "tests/lib/stand.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct stk_stand stand;

static void ends_as(const char *class_name, enum stk_outcome_name name, const char *why)
{
	struct stk_outcome o;

	assert_int_equal(stand_run(&stand, class_name, "[]", &o), STK_OK);
	if (o.name != name || strstr(o.why, why) == NULL)
		fail_msg("%s: %s: %s", class_name, stk_outcome_text(o.name), o.why);
	assert_int_equal(o.proof.seccomp, 2);
	stk_outcome_clear(&o);
}

static void libraries_run_in_the_profile_that_fits_them(void **state)
{
	static const char *const classes[] = { "Fits::Zlib", "Fits::Png", "Fits::Jpeg",
		"Fits::OpenSsl", "Fits::Jansson", "Fits::Iconv", "Fits::TimeZone", "Fits::Threads",
		"Fits::GzFiles", "Fits::StdioFiles", "Fits::ThreadFiles" };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(classes); i++)
		ends_as(classes[i], STK_OUT_DONE, "done");
}

static void a_profile_too_small_is_named(void **state)
{
	(void)state;
	ends_as("Misfit::Threads", STK_OUT_SYSCALL_DENIED,
	    "(class Misfit::Threads has no threads grant)");
	ends_as("Misfit::Files", STK_OUT_SYSCALL_DENIED,
	    "openat (class Misfit::Files has no files read grant)");
	ends_as("Misfit::Write", STK_OUT_SYSCALL_DENIED,
	    "openat (class Misfit::Write has no files write grant)");
}

static int in_dir(const char *name, char out[512])
{
	return snprintf(out, 512, "%s/%s", stand.dir, name);
}

static void job_words_for_files_stay_beneath_their_label(void **state)
{
	char path[512], elsewhere[512];
	struct stat st;

	(void)state;
	(void)in_dir("sub", path);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)in_dir("sub/there", path);
	stand_file(&stand, "sub/there", "old\n", 4);
	(void)in_dir("way", path);
	assert_int_equal(symlink("sub", path), 0);
	(void)in_dir("end", path);
	(void)in_dir("nowhere", elsewhere);
	assert_int_equal(symlink(elsewhere, path), 0);
	ends_as("Fits::JobFiles", STK_OUT_DONE, "done");
	assert_int_equal(lstat(elsewhere, &st), -1);
	(void)in_dir("sub/there", path);
	assert_int_equal(lstat(path, &st), -1);
}

static void where_a_class_may_only_read_nothing_changes(void **state)
{
	/* both labels are one directory in this stand, and a rule adds to a rule: tell them apart
	 */
	char other[512];
	int index = stk_class_find(&stand.table, stk_span_str("Fits::OnlyRead"));
	const struct stk_class_desc *d;

	(void)state;
	assert_true(index >= 0);
	d = &stand.table.classes[index];
	(void)in_dir("only-outputs", other);
	assert_int_equal(mkdir(other, 0700), 0);
	for (uint32_t i = 0; i < d->n_grants; i++)
		if (d->grants[i].kind == STK_PROFILE_FILES_WRITE)
			assert_true(dup2(open(other, O_PATH | O_DIRECTORY | O_CLOEXEC),
					stand.dir_fds[d->grants[i].label_index]) >= 0);
	ends_as("Fits::OnlyRead", STK_OUT_DONE, "done");
}

/*
 * Landlock has no rule for what has no path, so a job may open its own pipes again by
 * /proc/self/fd: it gets at its own words, which it could have left unwritten.
 */
static void of_proc_self_a_job_reaches_its_own_pipes_and_no_more(void **state)
{
	(void)state;
	ends_as("Fits::OwnPipes", STK_OUT_DONE, "done");
}

static int open_stand(void **state)
{
	char program[512];

	(void)state;
	stand_open(&stand, stand_program("test/handlers-cage", program), NULL);
	stand_file(&stand, "in", "one line\nanother\n", 17);
	return 0;
}

static int close_stand(void **state)
{
	(void)state;
	stand_close(&stand);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    where_a_class_may_only_read_nothing_changes, open_stand, close_stand),
		cmocka_unit_test_setup_teardown(
		    libraries_run_in_the_profile_that_fits_them, open_stand, close_stand),
		cmocka_unit_test_setup_teardown(
		    a_profile_too_small_is_named, open_stand, close_stand),
		cmocka_unit_test_setup_teardown(
		    job_words_for_files_stay_beneath_their_label, open_stand, close_stand),
		cmocka_unit_test_setup_teardown(
		    of_proc_self_a_job_reaches_its_own_pipes_and_no_more, open_stand, close_stand),
	};

	char program[512];

	if (access(stand_program("test/handlers-cage", program), X_OK) != 0) {
		(void)puts("1..1\nok 1 - handlers over libraries # SKIP install libpng-dev, "
			   "libjpeg-dev, zlib1g-dev and libssl-dev");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
