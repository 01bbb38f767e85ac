/*
 * test_job_compress.c - CompressFile through the real wall; what it writes is read back by zlib.
 */
#include "tests/harness.h"
#include "tests/lib/expect.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef STOCKADE_JOB_compress_file
#include <zlib.h>

#define CLASS "CompressFile"
#define BYTES ((size_t)3 << 20)

static struct stk_stand stand;
static char *text;

static int up(void **state)
{
	char program[512];

	(void)state;
	stand_open(&stand, stand_program("stockade-cage", program), NULL);
	text = malloc(BYTES);
	for (size_t i = 0; text != NULL && i < BYTES; i++)
		text[i] = (char)('a' + i * i % 23);
	stand_file(&stand, "in.txt", text, BYTES);
	stand_file(&stand, "empty", "", 0);
	return text == NULL ? -1 : 0;
}

static int down(void **state)
{
	(void)state;
	free(text);
	stand_close(&stand);
	return 0;
}

static const char *at(const char *name)
{
	static char path[600];

	(void)snprintf(path, sizeof(path), "%s/%s", stand.dir, name);
	return path;
}

static void unpacks_to(const char *name, const char *want, size_t len)
{
	gzFile f = gzopen(at(name), "rb");
	char *got = malloc(len + 1);

	assert_non_null(f);
	assert_non_null(got);
	assert_int_equal(gzread(f, got, (unsigned)len + 1), (int)len);
	assert_memory_equal(got, want, len);
	assert_int_equal(gzclose(f), Z_OK);
	free(got);
}

static void packs_what_zlib_unpacks(void **state)
{
	struct stat st;

	(void)state;
	expect(&stand, CLASS, STK_OUT_DONE, "\"bytes\":3145728", "[\"in.txt\",\"out.gz\"]");
	unpacks_to("out.gz", text, BYTES);
	assert_int_equal(stat(at("out.gz"), &st), 0);
	assert_true((size_t)st.st_size < BYTES / 4);
	expect(&stand, CLASS, STK_OUT_DONE, "\"bytes\":0", "[\"empty\",\"empty.gz\",9]");
	unpacks_to("empty.gz", "", 0);
}

static void the_same_input_gives_the_same_bytes(void **state)
{
	struct stat a, b;

	(void)state;
	expect(&stand, CLASS, STK_OUT_DONE, "", "[\"in.txt\",\"one.gz\",1]");
	expect(&stand, CLASS, STK_OUT_DONE, "", "[\"in.txt\",\"two.gz\",1]");
	assert_int_equal(stat(at("one.gz"), &a) | stat(at("two.gz"), &b), 0);
	assert_int_equal(a.st_size, b.st_size);
	/* and in place of what was there */
	expect(&stand, CLASS, STK_OUT_DONE, "", "[\"empty\",\"two.gz\"]");
	unpacks_to("two.gz", "", 0);
}

static void never_replaces_what_it_reads(void **state)
{
	(void)state;
	stand_file(&stand, "self.gz", "precious", 8);
	expect(
	    &stand, CLASS, STK_OUT_FAILED, "is the file that is read", "[\"self.gz\",\"self.gz\"]");
	unpacks_to("self.gz", "precious", 8); /* zlib hands through what is no gzip */
}

static void leaves_nothing_half_written(void **state)
{
	const char *draft = at(".abababababababababababababababab.part");
	struct stk_limits small =
	    stand.table.classes[stk_class_find(&stand.table, stk_span_str(CLASS))].ask;

	(void)state;
	/* a run that was killed left its draft; the next one takes its place */
	stand_file(&stand, ".abababababababababababababababab.part", "half", 4);
	expect(&stand, CLASS, STK_OUT_DONE, "", "[\"in.txt\",\"out.gz\"]");
	assert_int_equal(access(draft, F_OK), -1);
	/* FILE_MIB is the most that an output may be */
	small.file_bytes = 1000;
	stand.limits = &small;
	expect(&stand, CLASS, STK_OUT_FILE_SIZE_LIMIT, "", "[\"in.txt\",\"big.gz\"]");
	stand.limits = NULL;
	assert_int_equal(access(at("big.gz"), F_OK), -1);
}

static void refuses_names_that_lead_elsewhere(void **state)
{
	(void)state;
	expect(&stand, CLASS, STK_OUT_FAILED, "Invalid argument", "[\"../x\",\"out.gz\"]");
	expect(&stand, CLASS, STK_OUT_FAILED, "Invalid argument", "[\"in.txt\",\"../out.gz\"]");
	expect(&stand, CLASS, STK_OUT_FAILED, "Invalid argument", "[\"in.txt\",\"/tmp/out.gz\"]");
	assert_int_equal(symlink("/tmp", at("away")), 0);
	expect(&stand, CLASS, STK_OUT_FAILED, "Not a directory", "[\"in.txt\",\"away/out.gz\"]");
	expect(&stand, CLASS, STK_OUT_FAILED, "No such file", "[\"none\",\"out.gz\"]");
	expect(&stand, CLASS, STK_OUT_ARGS_SCHEMA, "/1", "[\"in.txt\",\"out.txt\"]");
	expect(&stand, CLASS, STK_OUT_ARGS_SCHEMA, "/2", "[\"in.txt\",\"out.gz\",10]");
	expect(&stand, CLASS, STK_OUT_ARGS_SCHEMA, "minItems", "[\"in.txt\"]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packs_what_zlib_unpacks),
		cmocka_unit_test(the_same_input_gives_the_same_bytes),
		cmocka_unit_test(never_replaces_what_it_reads),
		cmocka_unit_test(leaves_nothing_half_written),
		cmocka_unit_test(refuses_names_that_lead_elsewhere),
	};

	return cmocka_run_group_tests(tests, up, down);
}
#else
int main(void)
{
	(void)puts("1..1\nok 1 - CompressFile # SKIP install zlib1g-dev");
	return 0;
}
#endif
