/*
 * test_csv.c - CsvSummary through the real wall: what it understands, and a sentence with a line
 * number for every way a file can be bad.
 */
#include "tests/harness.h"
#include "tests/lib/stand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct stk_stand stand;

static int up(void **state)
{
	char program[512];

	(void)state;
	stand_open(&stand, stand_program("stockade-cage", program), NULL);
	return 0;
}

static int down(void **state)
{
	(void)state;
	stand_close(&stand);
	return 0;
}

/* @part must be in the result (Done) or in the sentence (Failed). */
static void expect_bytes(const void *csv, size_t len, enum stk_outcome_name name, const char *part)
{
	struct stk_outcome o;
	char *text;

	stand_file(&stand, "t.csv", csv, len);
	assert_int_equal(stand_run(&stand, "CsvSummary", "[\"t.csv\"]", &o), STK_OK);
	if (o.name != name)
		fail_msg("%s, not %s: %s", stk_outcome_text(o.name), stk_outcome_text(name), o.why);
	assert_int_equal(o.proof.seccomp, 2);
	text = calloc(1, o.result_len + 1);
	assert_non_null(text);
	if (o.result_len > 0)
		memcpy(text, o.result, o.result_len);
	if (strstr(name == STK_OUT_DONE ? text : o.why, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, name == STK_OUT_DONE ? text : o.why);
	free(text);
	stk_outcome_clear(&o);
}

static void good(const char *csv, const char *part)
{
	expect_bytes(csv, strlen(csv), STK_OUT_DONE, part);
}

static void wrong(const char *csv, const char *part)
{
	expect_bytes(csv, strlen(csv), STK_OUT_FAILED, part);
}

static void summarises_numbers_and_texts(void **state)
{
	(void)state;
	good("a,b\n1,x\n2,y\n6,\n",
	    "{\"file\":\"t.csv\",\"rows\":3,\"columns\":2,\"fields\":["
	    "{\"name\":\"a\",\"numeric\":true,\"empty\":0,\"minimum\":1,\"maximum\":6,\"mean\":3},"
	    "{\"name\":\"b\",\"numeric\":false,\"empty\":1}]}");
	good("n\n-1.5\n2.25e2\n+.5\n1.\n", "\"minimum\":-1.5,\"maximum\":225,\"mean\":56.25");
	good("n\n0.1\n0.3\n", "\"minimum\":0.1,\"maximum\":0.3,\"mean\":0.2");
	/* the 1 survives between the giants */
	good("n\n1e16\n1\n-1e16\n", "\"mean\":0.3333333333333333");
	good("n\n9007199254740993\n", "\"minimum\":9007199254740992");
	good("n\n1e400\n", "\"numeric\":false");
	good("n\n123456789012345678901234567890\n", "\"minimum\":1.2345678901234568e+29");
	good("n\n1-2\n", "\"numeric\":false");
	good("n\n0x10\nnan\n", "\"numeric\":false");
	good("n\n",
	    "\"rows\":0,\"columns\":1,\"fields\":[{\"name\":\"n\",\"numeric\":false,\"empty\":0}]");
}

static void understands_rfc_4180(void **state)
{
	(void)state;
	good("a,b\r\n1,2\r\n3,4\r\n", "\"rows\":2,\"columns\":2");
	good("a,b\n1,2", "\"rows\":1");
	good("\xef\xbb\xbf"
	     "a\n1\n",
	    "\"name\":\"a\"");
	good("\"a \"\"b\"\"\",c\n\"1\",\"x,\ny\"\n", "\"name\":\"a \\\"b\\\"\",\"numeric\":true");
	good("a,b\n\"1\"\"\",\n", "\"rows\":1");
	good("a,\n1,\n", "\"columns\":2");
	good("caf\xc3\xa9,\xff\n", "\"name\":\"caf\xc3\xa9\"");
	good("caf\xc3\xa9,\xff\n", "\"name\":\"\\ufffd\"");
}

static void names_every_fault_with_its_line(void **state)
{
	static const char nul[] = "a\n1\0\n";

	(void)state;
	wrong("", "the file is empty");
	wrong("a,b\n1,2\n3\n", "line 3: 1 fields where the header has 2");
	wrong("a\n1,2\n", "line 2: 2 fields where the header has 1");
	wrong("a,b\n\"x\ny\",1\n2\n", "line 4: 1 fields");
	wrong("a\nx\"y\n", "line 2: a quote inside an unquoted field");
	wrong("a\n\"x\"y\n", "line 2: text after a closing quote");
	wrong("a\n\"x\n\n", "line 2: a quoted field is never closed");
	wrong("a\r1\n", "line 1: a carriage return without a line feed");
	expect_bytes(nul, sizeof(nul) - 1, STK_OUT_FAILED, "line 2: a NUL byte");
}

static void bounds_columns_and_fields(void **state)
{
	size_t big = 300000;
	char *text = malloc(big + 8);

	(void)state;
	assert_non_null(text);
	memset(text, ',', 255);
	memcpy(text + 255, "\n", 2);
	good(text, "\"columns\":256");
	memset(text, ',', 256);
	memcpy(text + 256, "\n", 2);
	wrong(text, "more than 256 columns");
	memcpy(text, "a\n", 2);
	memset(text + 2, 'x', big);
	expect_bytes(text, big + 2, STK_OUT_FAILED, "line 2: a field longer than 65536 bytes");
	memset(text, 'h', 200);
	memcpy(text + 200, "\n", 2);
	wrong(text, "the name of column 1 is longer than 128 bytes");
	free(text);
}

/* Fields that lie across the chunks of the stream read as those that do not. */
static void chunk_borders_change_nothing(void **state)
{
	size_t rows = 120000, len = 0;
	char *text = malloc(rows * 16 + 16);

	(void)state;
	assert_non_null(text);
	len += (size_t)sprintf(text + len, "id,name\n");
	for (size_t i = 1; i <= rows; i++)
		len += (size_t)sprintf(text + len, "%zu,\"q%zu\"\n", i, i % 97);
	expect_bytes(text, len, STK_OUT_DONE,
	    "\"rows\":120000,\"columns\":2,\"fields\":[{\"name\":\"id\","
	    "\"numeric\":true,\"empty\":0,\"minimum\":1,\"maximum\":"
	    "120000,\"mean\":60000.5}");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(summarises_numbers_and_texts),
		cmocka_unit_test(understands_rfc_4180),
		cmocka_unit_test(names_every_fault_with_its_line),
		cmocka_unit_test(bounds_columns_and_fields),
		cmocka_unit_test(chunk_borders_change_nothing),
	};

	return cmocka_run_group_tests(tests, up, down);
}
