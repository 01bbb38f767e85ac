/*
 * test_job_extract.c - ExtractText through the real wall and the real pdftotext, with PDF files
 * written here: good ones, and ones made to take time, memory or room.
 */
#include "tests/harness.h"
#include "tests/lib/expect.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef STOCKADE_JOB_extract_text
#include <zlib.h>

#define CLASS "ExtractText"
#define HEAD                                                                                 \
	"1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n"                                     \
	"2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj\n"                               \
	"3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 600 70000]/Contents 4 0 R/Resources" \
	"<</Font<</F 5 0 R>>/XObject<</X 6 0 R>>>>>> endobj\n"                               \
	"5 0 obj <</Type/Font/Subtype/Type1/BaseFont/Helvetica>> endobj\n"

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

/* @len bytes at @in through deflate, with @times as much of them. *out is the caller's. */
static size_t deflated(const char *in, size_t len, size_t times, char **out)
{
	size_t room = (times == 1 ? len : len * times / 200) + 4096;
	z_stream z = { .zalloc = Z_NULL };

	*out = malloc(room);
	assert_non_null(*out);
	assert_int_equal(deflateInit(&z, 9), Z_OK);
	z.next_out = (Bytef *)*out;
	z.avail_out = (uInt)room;
	for (size_t i = 0; i < times; i++) {
		z.next_in = (Bytef *)(uintptr_t)in;
		z.avail_in = (uInt)len;
		assert_int_equal(
		    deflate(&z, i == times - 1 ? Z_FINISH : Z_NO_FLUSH), i == times - 1);
	}
	(void)deflateEnd(&z);
	return room - z.avail_out;
}

/*
 * A PDF of @objects, then @len bytes of content as object 4, with @filter in its head. It has no
 * table of its objects: readers look for them, which is part of what they must bear.
 */
static void make_pdf(
    const char *name, const char *objects, const char *filter, const char *content, size_t len)
{
	static const char tail[] = "\nendstream endobj\ntrailer <</Root 1 0 R/Size 7>>\n%%EOF\n";
	size_t size = strlen(objects) + len + 400;
	char *file = malloc(size);
	size_t n;

	assert_non_null(file);
	n = (size_t)snprintf(
	    file, size, "%%PDF-1.4\n%s4 0 obj <<%s/Length %zu>> stream\n", objects, filter, len);
	assert_true(n + len + sizeof(tail) <= size);
	memcpy(file + n, content, len);
	memcpy(file + n + len, tail, sizeof(tail) - 1);
	stand_file(&stand, name, file, n + len + sizeof(tail) - 1);
	free(file);
}

static void make_text_pdf(const char *name, const char *line, size_t times)
{
	size_t len = strlen(line) + 64;
	char *stream = malloc(times * len), *packed;
	size_t n = 0;

	assert_non_null(stream);
	for (size_t i = 0; i < times; i++)
		n += (size_t)snprintf(
		    stream + n, len, "BT /F 9 Tf 10 %zu Td (%s %zu) Tj ET\n", 5 + 10 * i, line, i);
	n = deflated(stream, n, 1, &packed);
	make_pdf(name, HEAD, "/Filter/FlateDecode", packed, n);
	free(packed);
	free(stream);
}

static void takes_the_text(void **state)
{
	(void)state;
	make_text_pdf("hello.pdf", "Hello \\\"caged\\\" world", 1);
	expect(&stand, CLASS, STK_OUT_DONE, "Hello \\\"caged\\\" world", "[\"hello.pdf\"]");
	expect(&stand, CLASS, STK_OUT_DONE, "Hello", "[\"hello.pdf\",1]");
}

static void refuses_what_is_no_pdf(void **state)
{
	(void)state;
	stand_file(&stand, "text", "just words", 10);
	stand_file(&stand, "nothing", "", 0);
	stand_file(&stand, "head", "%PDF-1.4\n", 9);
	expect(&stand, CLASS, STK_OUT_FAILED, "no readable PDF", "[\"text\"]");
	expect(&stand, CLASS, STK_OUT_FAILED, "no readable PDF", "[\"nothing\"]");
	expect(&stand, CLASS, STK_OUT_FAILED, "no readable PDF", "[\"head\"]");
	expect(&stand, CLASS, STK_OUT_FAILED, "cannot open", "[\"../x\"]");
	expect(&stand, CLASS, STK_OUT_ARGS_SCHEMA, "/1", "[\"x\",0]");
}

/* The name is not an argument of the program: neither an option nor a path comes of it. */
static void a_name_is_no_option(void **state)
{
	(void)state;
	make_text_pdf("-listenc", "plain", 1);
	expect(&stand, CLASS, STK_OUT_DONE, "plain", "[\"-listenc\"]");
}

static void bounds_the_text(void **state)
{
	(void)state;
	make_text_pdf("long.pdf", "many words that come again and again and again", 6000);
	expect(&stand, CLASS, STK_OUT_FAILED, "more than 128 KiB of text", "[\"long.pdf\"]");
}

/* Pages that are their own children, and a drawing that draws itself twice, and again. */
static void bears_documents_that_turn_in_circles(void **state)
{
	static const char draws[] = "/X Do /X Do";

	(void)state;
	make_pdf("circle.pdf",
	    "1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n"
	    "2 0 obj <</Type/Pages/Kids[2 0 R 2 0 R]/Count 1000000>> endobj\n",
	    "", "", 0);
	expect(&stand, CLASS, STK_OUT_FAILED, "no readable PDF", "[\"circle.pdf\",10000]");
	make_pdf("self.pdf",
	    HEAD "6 0 obj <</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 6 0 "
		 "R>>>>/Length 11>> stream\n/X Do /X Do\nendstream endobj\n",
	    "", draws, strlen(draws));
	expect(&stand, CLASS, STK_OUT_DONE, "\"bytes\":", "[\"self.pdf\"]");
}

/* 400 MB of content in a few hundred bytes: the program meets the class's limit, by its name. */
static void a_bomb_meets_the_limits(void **state)
{
	struct stk_limits small =
	    stand.table.classes[stk_class_find(&stand.table, stk_span_str(CLASS))].ask;
	static char words[1 << 20];
	char *once, *twice;
	size_t len;

	(void)state;
	memset(words, ' ', sizeof(words));
	len = deflated(words, sizeof(words), 400, &once);
	len = deflated(once, len, 1, &twice);
	assert_true(len < 4096);
	make_pdf("bomb.pdf", HEAD, "/Filter[/FlateDecode/FlateDecode]", twice, len);
	free(once);
	free(twice);
	small.cpu_s = 1;
	stand.limits = &small;
	expect(&stand, CLASS, STK_OUT_CPU_LIMIT, "", "[\"bomb.pdf\"]");
	stand.limits = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_text),
		cmocka_unit_test(refuses_what_is_no_pdf),
		cmocka_unit_test(a_name_is_no_option),
		cmocka_unit_test(bounds_the_text),
		cmocka_unit_test(a_bomb_meets_the_limits),
		cmocka_unit_test(bears_documents_that_turn_in_circles),
	};

	return cmocka_run_group_tests(tests, up, down);
}
#else
int main(void)
{
	(void)puts("1..1\nok 1 - ExtractText # SKIP install poppler-utils");
	return 0;
}
#endif
