/*
 * test_job_archive.c - VerifyArchive through the real wall, with archives that libarchive writes:
 * good ones, and ones made to harm whoever unpacks them.
 */
#include "tests/harness.h"
#include "tests/lib/expect.h"

#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef STOCKADE_JOB_verify_archive
#include <archive.h>
#include <archive_entry.h>

#define CLASS "VerifyArchive"

static struct stk_stand stand;
static struct archive *out; /* being written */
static char zeros[1 << 16];

static int up(void **state)
{
	char program[512];

	(void)state;
	/* libarchive writes no other names than the locale can spell */
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	stand_open(&stand, stand_program("stockade-cage", program), NULL);
	return 0;
}

static int down(void **state)
{
	(void)state;
	stand_close(&stand);
	return 0;
}

static const char *at(const char *name)
{
	static char path[600];

	(void)snprintf(path, sizeof(path), "%s/%s", stand.dir, name);
	return path;
}

/* The kind follows the name: .zip, .7z, .tar, .tar.gz, .tar.xz, ... */
static void begin(const char *name)
{
	out = archive_write_new();
	assert_non_null(out);
	assert_int_equal(archive_write_set_format_filter_by_ext(out, name), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(out, at(name)), ARCHIVE_OK);
}

/* @mode has the type; @link is a symbolic link's target. */
static void put(const char *name, unsigned mode, const char *link, const void *bytes, size_t len)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_pathname(e, name);
	archive_entry_set_mode(e, (mode_t)mode);
	archive_entry_set_size(e, (la_int64_t)len);
	if (S_ISLNK(mode))
		archive_entry_set_symlink(e, link);
	else if (link != NULL)
		archive_entry_set_hardlink(e, link);
	assert_int_equal(archive_write_header(out, e), ARCHIVE_OK);
	if (len > 0)
		assert_int_equal(archive_write_data(out, bytes, len), (la_ssize_t)len);
	archive_entry_free(e);
}

static void put_file(const char *name, const char *text)
{
	put(name, S_IFREG | 0644, NULL, text, strlen(text));
}

static void end(void)
{
	assert_int_equal(archive_write_free(out), ARCHIVE_OK);
}

static void put_zeros(const char *name, size_t mib)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_pathname(e, name);
	archive_entry_set_mode(e, S_IFREG | 0644);
	archive_entry_set_size(e, (la_int64_t)(mib << 20));
	assert_int_equal(archive_write_header(out, e), ARCHIVE_OK);
	for (size_t i = 0; i < (mib << 20) / sizeof(zeros); i++)
		assert_int_equal(archive_write_data(out, zeros, sizeof(zeros)), sizeof(zeros));
	archive_entry_free(e);
}

static void lists_what_is_in_it(void **state)
{
	static const char *const names[] = { "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.zip",
		"a.7z", "a.cpio" };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(names); i++) {
		begin(names[i]);
		put("docs", S_IFDIR | 0755, NULL, NULL, 0);
		put_file("docs/gr\xc3\xbc\xc3\x9f.txt", "hello");
		put_file("two", "world!");
		end();
		expect(&stand, CLASS, STK_OUT_DONE, "\"entries\":3,\"files\":2,\"folders\":1",
		    "[\"%s\"]", names[i]);
		expect(&stand, CLASS, STK_OUT_DONE,
		    "{\"name\":\"docs/gr\xc3\xbc\xc3\x9f.txt\",\"kind\":\"file\",\"bytes\":5}",
		    "[\"%s\"]", names[i]);
	}
}

static void refuses_bombs_by_ratio_and_by_size(void **state)
{
	static const char *const names[] = { "bomb.tar.gz", "bomb.zip", "bomb.tar.xz" };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(names); i++) {
		begin(names[i]);
		put_zeros("zeros", 16);
		end();
		expect(&stand, CLASS, STK_OUT_FAILED, "a decompression bomb", "[\"%s\"]", names[i]);
		expect(&stand, CLASS, STK_OUT_FAILED, "holds more than 1000000 bytes",
		    "[\"%s\",1000000]", names[i]);
		/* the control: with a ratio and a size that admit it, it is read to its end */
		expect(&stand, CLASS, STK_OUT_DONE, "\"bytes\":16777216",
		    "[\"%s\",100000000,10,10000]", names[i]);
	}
}

/* One byte, and a terabyte of hole: nothing in the file is large, whoever unpacks it pays. */
static void counts_the_holes_of_sparse_files(void **state)
{
	struct archive_entry *e = archive_entry_new();

	(void)state;
	begin("sparse.tar");
	archive_entry_set_pathname(e, "sparse");
	archive_entry_set_mode(e, S_IFREG | 0644);
	archive_entry_set_size(e, INT64_C(1) << 40);
	archive_entry_sparse_add_entry(e, 0, 512);
	assert_int_equal(archive_write_header(out, e), ARCHIVE_OK);
	assert_int_equal(archive_write_data(out, zeros, 512), 512);
	archive_entry_free(e);
	end();
	expect(
	    &stand, CLASS, STK_OUT_FAILED, "holds more than 1073741824 bytes", "[\"sparse.tar\"]");
}

static void refuses_more_entries_than_admitted(void **state)
{
	char name[32];

	(void)state;
	begin("many.tar.gz");
	for (int i = 0; i < 500; i++) {
		(void)snprintf(name, sizeof(name), "f%d", i);
		put(name, S_IFREG | 0644, NULL, NULL, 0);
	}
	end();
	expect(&stand, CLASS, STK_OUT_FAILED, "holds more than 499 entries",
	    "[\"many.tar.gz\",1000,499]");
	expect(&stand, CLASS, STK_OUT_DONE, "\"entries\":500", "[\"many.tar.gz\",1000,500]");
}

static void refuses_names_that_leave(void **state)
{
	static const char *const names[] = { "../x", "a/../../x", "a/..", "/etc/passwd", "..\\x",
		"C:\\x", "c:x", "\\\\host\\share\\x", "a/./../x" };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(names); i++) {
		begin("names.tar");
		put_file("fine", "x");
		put_file(names[i], "x");
		end();
		expect(&stand, CLASS, STK_OUT_FAILED,
		    strchr(names[i], ':') != NULL || names[i][0] == '/' || names[i][0] == '\\'
			? "is absolute"
			: "climbs by \"..\"",
		    "[\"names.tar\"]");
	}
	begin("names.zip");
	put_file("../x", "x");
	end();
	expect(&stand, CLASS, STK_OUT_FAILED, "entry 1 (../x) climbs", "[\"names.zip\"]");
	begin("dots.tar");
	put_file("./..a/b..", "x");
	end();
	expect(&stand, CLASS, STK_OUT_DONE, "\"entries\":1", "[\"dots.tar\"]");
}

struct link_case {
	const char *name, *target, *why;
};

static void refuses_links_that_leave(void **state)
{
	static const struct link_case cases[] = { { "l", "/etc", "to an absolute path" },
		{ "l", "..", "leads out" }, { "a/l", "../..", "leads out" },
		{ "l", "a/../..", "down and up again" }, { ".", "a", "in place of the folder" } };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(cases); i++) {
		begin("links.tar");
		put(cases[i].name, S_IFLNK | 0777, cases[i].target, NULL, 0);
		end();
		expect(&stand, CLASS, STK_OUT_FAILED, cases[i].why, "[\"links.tar\"]");
	}
	begin("under.tar");
	put("d", S_IFLNK | 0777, ".", NULL, 0);
	put("./d//e", S_IFLNK | 0777, "..", NULL, 0);
	end();
	expect(&stand, CLASS, STK_OUT_FAILED, "lies beneath a symbolic link", "[\"under.tar\"]");
	begin("hard.tar");
	put("h", S_IFREG | 0644, "../../etc/passwd", NULL, 0);
	end();
	expect(&stand, CLASS, STK_OUT_FAILED, "hard link that leads out", "[\"hard.tar\"]");
	begin("stays.tar");
	put_file("a/b/f", "x");
	put("a/l", S_IFLNK | 0777, "../a/b", NULL, 0);
	put("a/b/h", S_IFREG | 0644, "a/b/f", NULL, 0);
	end();
	expect(&stand, CLASS, STK_OUT_DONE, "\"links\":2", "[\"stays.tar\"]");
}

static void refuses_devices_and_pipes(void **state)
{
	static const unsigned modes[] = { S_IFCHR, S_IFBLK, S_IFIFO };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(modes); i++) {
		begin("special.tar");
		put("dev", modes[i] | 0666, NULL, NULL, 0);
		end();
		expect(&stand, CLASS, STK_OUT_FAILED, "is a device, a pipe or a socket",
		    "[\"special.tar\"]");
	}
}

static void refuses_what_needs_a_password(void **state)
{
	(void)state;
	out = archive_write_new();
	assert_int_equal(archive_write_set_format_zip(out), ARCHIVE_OK);
	assert_int_equal(archive_write_set_options(out, "zip:encryption=traditional"), ARCHIVE_OK);
	assert_int_equal(archive_write_set_passphrase(out, "secret"), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(out, at("locked.zip")), ARCHIVE_OK);
	put_file("f", "hello");
	end();
	expect(&stand, CLASS, STK_OUT_FAILED, "needs a password", "[\"locked.zip\"]");
}

/* Cuts the file at @keep bytes, or turns one bit of the byte there. */
static void damage(const char *name, off_t where, bool cut)
{
	char c;
	int fd = open(at(name), O_RDWR | O_CLOEXEC);

	assert_true(fd != -1);
	if (cut) {
		assert_int_equal(ftruncate(fd, where), 0);
	} else {
		assert_int_equal(pread(fd, &c, 1, where), 1);
		c ^= 1;
		assert_int_equal(pwrite(fd, &c, 1, where), 1);
	}
	(void)close(fd);
}

/* Where the first entry's bytes begin in a ZIP: behind a header of 30, its name and what follows
 * that (APPNOTE.TXT, 4.3.7); how much that is differs between versions of libarchive. */
static off_t zip_data(const char *name)
{
	uint8_t header[30];
	int fd = open(at(name), O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, header, sizeof(header), 0), sizeof(header));
	(void)close(fd);
	return 30 + (header[26] | header[27] << 8) + (header[28] | header[29] << 8);
}

static void says_what_is_damaged_or_no_archive(void **state)
{
	static uint32_t noise[50000];
	struct stat st;

	(void)state;
	for (size_t i = 1; i < STK_ARRAY_LEN(noise); i++)
		noise[i] = noise[i - 1] * 1664525u + 1013904223u;
	begin("cut.tar.gz");
	put("one", S_IFREG | 0644, NULL, noise, sizeof(noise));
	put("two", S_IFREG | 0644, NULL, noise, sizeof(noise));
	end();
	assert_int_equal(stat(at("cut.tar.gz"), &st), 0);
	damage("cut.tar.gz", st.st_size / 2, true);
	expect(&stand, CLASS, STK_OUT_FAILED, "damaged after", "[\"cut.tar.gz\"]");
	begin("bit.zip");
	put_file("f", "some bytes whose sum is known");
	end();
	damage("bit.zip", zip_data("bit.zip") + 5, false);
	expect(&stand, CLASS, STK_OUT_FAILED, "after 1 entries", "[\"bit.zip\"]");
	stand_file(&stand, "text", "just some words, long enough to be looked at\n", 45);
	stand_file(&stand, "nothing", "", 0);
	expect(&stand, CLASS, STK_OUT_FAILED, "no archive of a known kind", "[\"text\"]");
	expect(&stand, CLASS, STK_OUT_FAILED, "no archive of a known kind", "[\"nothing\"]");
	expect(&stand, CLASS, STK_OUT_FAILED, "cannot open ../x", "[\"../x\"]");
	expect(&stand, CLASS, STK_OUT_ARGS_SCHEMA, "/1", "[\"a\",0]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_what_is_in_it),
		cmocka_unit_test(refuses_bombs_by_ratio_and_by_size),
		cmocka_unit_test(counts_the_holes_of_sparse_files),
		cmocka_unit_test(refuses_more_entries_than_admitted),
		cmocka_unit_test(refuses_names_that_leave),
		cmocka_unit_test(refuses_links_that_leave),
		cmocka_unit_test(refuses_devices_and_pipes),
		cmocka_unit_test(refuses_what_needs_a_password),
		cmocka_unit_test(says_what_is_damaged_or_no_archive),
	};

	return cmocka_run_group_tests(tests, up, down);
}
#else
int main(void)
{
	(void)puts("1..1\nok 1 - VerifyArchive # SKIP install libarchive-dev");
	return 0;
}
#endif
