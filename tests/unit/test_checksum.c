/*
 * test_checksum.c - ChecksumFile through the real wall: nursery, zygote, caged child.
 */
#include "tests/harness.h"
#include "tests/lib/stand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct stk_stand stand;

static int up(void **state)
{
	char program[512];

	(void)state;
	stand_open(&stand, stand_program("stockade-cage", program), NULL);
	stand_file(&stand, "abc.txt", "abc", 3);
	stand_file(&stand, "empty", "", 0);
	return 0;
}

static int down(void **state)
{
	(void)state;
	stand_close(&stand);
	return 0;
}

/* Runs and compares name and, if given, result text or why. */
static void expect(
    const char *args, enum stk_outcome_name name, const char *result, const char *why)
{
	struct stk_outcome o;

	assert_int_equal(stand_run(&stand, "ChecksumFile", args, &o), STK_OK);
	if (o.name != name)
		fail_msg("%s: %s, not %s: %s", args, stk_outcome_text(o.name),
		    stk_outcome_text(name), o.why);
	if (result != NULL) {
		assert_int_equal(o.result_len, strlen(result));
		assert_memory_equal(o.result, result, o.result_len);
	}
	if (why != NULL && strstr(o.why, why) == NULL)
		fail_msg("%s: \"%s\" does not say \"%s\"", args, o.why, why);
	assert_int_equal(o.proof.seccomp, 2);
	assert_true(o.proof.filters >= 2);
	assert_int_equal(o.proof.no_new_privs, 1);
	assert_int_equal(o.proof.caps, 0);
	assert_true(o.started);
	stk_outcome_clear(&o);
}

static void sums_a_file(void **state)
{
	(void)state;
	expect("[\"abc.txt\"]", STK_OUT_DONE,
	    "{\"file\":\"abc.txt\",\"bytes\":3,\"sha256\":"
	    "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}",
	    NULL);
	expect("[\"empty\"]", STK_OUT_DONE,
	    "{\"file\":\"empty\",\"bytes\":0,\"sha256\":"
	    "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}",
	    NULL);
}

static void refuses_paths_that_lead_elsewhere(void **state)
{
	static const char *const names[] = { "../etc/passwd", "/etc/passwd", "a/../../x",
		"./abc.txt", "a//b", "abc.txt/", ".." };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(names); i++) {
		char args[128];

		(void)snprintf(args, sizeof(args), "[\"%s\"]", names[i]);
		expect(args, STK_OUT_FAILED, NULL, "Invalid argument");
	}
}

static void refuses_links_folders_and_pipes(void **state)
{
	char path[600];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/link", stand.dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	expect("[\"link\"]", STK_OUT_FAILED, NULL, "Too many levels of symbolic links");
	(void)snprintf(path, sizeof(path), "%s/sub", stand.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	expect("[\"sub\"]", STK_OUT_FAILED, NULL, "Is a directory");
	(void)snprintf(path, sizeof(path), "%s/fifo", stand.dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect("[\"fifo\"]", STK_OUT_FAILED, NULL, "Is a directory");
	/* a link inside a path is not forbidden by its kind, but the wall ends at the directory */
	(void)snprintf(path, sizeof(path), "%s/out", stand.dir);
	assert_int_equal(symlink("/etc", path), 0);
	expect("[\"out/passwd\"]", STK_OUT_FAILED, NULL, "Permission denied");
	expect("[\"none\"]", STK_OUT_FAILED, NULL, "No such file");
}

static void names_bad_arguments(void **state)
{
	(void)state;
	expect("[]", STK_OUT_ARGS_SCHEMA, NULL, "/: must have at least 1 item");
	expect("[1]", STK_OUT_ARGS_SCHEMA, NULL, "/0: must be a string");
	expect("[\"\"]", STK_OUT_ARGS_SCHEMA, NULL, "minLength");
	expect("[\"a\",\"b\"]", STK_OUT_ARGS_SCHEMA, NULL, "/1: one item");
	expect("{\"a\":1}", STK_OUT_ARGS_JSON, NULL, "not an array");
	expect("[\"a\"", STK_OUT_ARGS_JSON, NULL, "byte 4");
	expect("[{\"a\":1,\"a\":2}]", STK_OUT_ARGS_JSON, NULL, "duplicate");
	expect("", STK_OUT_ARGS_JSON, NULL, NULL);
	expect("[\"\\u0000\"]", STK_OUT_ARGS_JSON, NULL, NULL);
}

static void only_checks_arguments_when_asked(void **state)
{
	(void)state;
	stand.check_only = true;
	expect("[\"no such file\"]", STK_OUT_DONE, "", NULL);
	expect("[1]", STK_OUT_ARGS_SCHEMA, NULL, "/0");
	stand.check_only = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_a_file),
		cmocka_unit_test(refuses_paths_that_lead_elsewhere),
		cmocka_unit_test(refuses_links_folders_and_pipes),
		cmocka_unit_test(names_bad_arguments),
		cmocka_unit_test(only_checks_arguments_when_asked),
	};

	return cmocka_run_group_tests(tests, up, down);
}
