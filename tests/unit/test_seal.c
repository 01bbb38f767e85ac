/*
 * test_seal.c - published signature vectors, key files, and memory that a fork does not copy.
 */
#include "tests/harness.h"

#include "worker/seal.h"
#include "worker/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void unhex(const char *text, uint8_t *out)
{
	for (size_t i = 0; text[2 * i] != '\0'; i++) {
		unsigned v;

		assert_int_equal(sscanf(text + 2 * i, "%2x", &v), 1);
		out[i] = (uint8_t)v;
	}
}

/* RFC 8032 section 7.1, TEST 3. */
static void ed25519_agrees_with_the_rfc(void **state)
{
	uint8_t seed[32], pub[32], got[32], want[64], sig[64];
	const struct stk_span msg = stk_span_of("\xaf\x82", 2);

	(void)state;
	unhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", seed);
	unhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", pub);
	unhex("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
	      "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
	    want);
	stk_seal_public(seed, got);
	assert_memory_equal(got, pub, 32);
	stk_seal_sign(STK_ALG_ED25519, seed, msg, sig);
	assert_memory_equal(sig, want, 64);
	assert_true(stk_seal_verify(STK_ALG_ED25519, pub, msg, stk_span_of(sig, 64)));
	assert_false(stk_seal_verify(STK_ALG_ED25519, pub, msg, stk_span_of(sig, 63)));
	assert_false(stk_seal_verify(STK_ALG_HMAC_SHA256, pub, msg, stk_span_of(sig, 64)));
	sig[0] ^= 1;
	assert_false(stk_seal_verify(STK_ALG_ED25519, pub, msg, stk_span_of(sig, 64)));
}

/* RFC 4231, test case 1 with its key padded by zeros to 32 bytes: HMAC pads keys the same way. */
static void hmac_agrees_with_the_rfc(void **state)
{
	uint8_t key[32] = { 0 }, want[32], tag[STK_SIG_MAX];
	const struct stk_span msg = stk_span_str("Hi There");

	(void)state;
	memset(key, 0x0b, 20);
	unhex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", want);
	stk_seal_sign(STK_ALG_HMAC_SHA256, key, msg, tag);
	assert_memory_equal(tag, want, 32);
	assert_true(stk_seal_verify(STK_ALG_HMAC_SHA256, key, msg, stk_span_of(tag, 32)));
	tag[31] ^= 0x80;
	assert_false(stk_seal_verify(STK_ALG_HMAC_SHA256, key, msg, stk_span_of(tag, 32)));
}

static void sha256_agrees_with_fips(void **state)
{
	uint8_t want[32], got[32];

	(void)state;
	unhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", want);
	stk_sha256(stk_span_str("abc"), got);
	assert_memory_equal(got, want, 32);
}

static void refuses_public_keys_that_fit_every_message(void **state)
{
	static const char *const small[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"0200000000000000000000000000000000000000000000000000000000000000",
	};
	uint8_t key[32];

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(small); i++) {
		unhex(small[i], key);
		assert_false(stk_seal_public_ok(key));
	}
	unhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", key);
	assert_true(stk_seal_public_ok(key));
}

static void base64url_has_one_spelling(void **state)
{
	static const char *const bad[] = { "AAA=", "AAB", "A", "AA A", "AA+", "AA/", "AAAA", "AA\n",
		"", NULL };
	uint8_t two[2] = { 0xff, 0xff };
	char text[8];

	(void)state;
	for (size_t i = 0; bad[i] != NULL; i++)
		if (stk_b64url_decode(stk_span_str(bad[i]), two, 2))
			fail_msg("accepted \"%s\"", bad[i]);
	assert_true(stk_b64url_decode(stk_span_str("-_8"), two, 2));
	assert_int_equal(two[0], 0xfb);
	assert_int_equal(two[1], 0xff);
	stk_b64url_encode(two, 2, text, sizeof(text));
	assert_string_equal(text, "-_8");
}

/* What a child that touches @p comes to: its exit status is the byte. */
static int touched_by_a_child(const uint8_t *p)
{
	struct rlimit no_core = { 0, 0 };
	int status;
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		(void)setrlimit(RLIMIT_CORE, &no_core);
		(void)signal(SIGSEGV, SIG_DFL);
		_exit(*(const volatile uint8_t *)p);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* VmLck of this process, and whether the mapping of @p has a flag of smaps ("lo", "dd", "dc"). */
static bool has_flag(const void *p, const char *flag)
{
	char line[1024];
	bool inside = false, has = false;
	FILE *f = fopen("/proc/self/smaps", "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = (uintptr_t)p >= from && (uintptr_t)p < to;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			has = strstr(line, flag) != NULL;
	}
	(void)fclose(f);
	return has;
}

static bool readable_through_proc(const uint8_t *p)
{
	uint8_t byte = 0;
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	ssize_t n = pread(fd, &byte, 1, (off_t)(uintptr_t)p);

	(void)close(fd);
	return n == 1 && byte == 0xa5;
}

static void is_a_vault(uint8_t *secret)
{
	assert_non_null(secret);
	memset(secret, 0xa5, 5000);
	assert_true(has_flag(secret, " dc")); /* do not copy on fork */
	assert_true(has_flag(secret, " lo")); /* locked */
	assert_true(has_flag(secret, " dd") || stk_vault_hidden(secret));
	assert_int_equal(WTERMSIG(touched_by_a_child(secret)), SIGSEGV);
	assert_int_equal(secret[4999], 0xa5);
	stk_vault_free(secret);
	assert_int_equal(WTERMSIG(touched_by_a_child(secret)), SIGSEGV);
}

static void a_forked_child_has_no_secret(void **state)
{
	uint8_t *control =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(control, MAP_FAILED);
	control[0] = 0xa5;
	/* an ordinary page is copied, so the test would notice */
	assert_int_equal(WEXITSTATUS(touched_by_a_child(control)), 0xa5);
	assert_false(has_flag(control, " dc"));
	is_a_vault(stk_vault_new(5000));
	is_a_vault(stk_vault_new_plain(5000));
	stk_vault_free(NULL);
	(void)munmap(control, 4096);
}

static void hidden_pages_are_closed_to_proc_as_well(void **state)
{
	uint8_t *plain = stk_vault_new_plain(1), *hidden = stk_vault_new(1);

	(void)state;
	assert_non_null(plain);
	assert_non_null(hidden);
	*plain = *hidden = 0xa5;
	assert_true(readable_through_proc(plain));
	if (stk_vault_hidden(hidden))
		assert_false(readable_through_proc(hidden));
	else
		(void)printf("ok - hidden pages # SKIP needs memfd_secret(2): Linux 5.14, "
			     "secretmem.enable=1 before 6.5\n");
	stk_vault_free(hidden);
	stk_vault_free(plain);
}

/* --- key files ---------------------------------------------------------------------------------
 */

static char dir[64];

static void put(const char *name, const char *text, mode_t mode)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static enum stk_err load(const char *name)
{
	enum stk_alg alg;
	const char *why;
	uint8_t *secret;
	enum stk_err e = stk_key_file_read(dir, name, &alg, &secret, &why);

	if (e == STK_OK)
		assert_non_null(secret);
	else
		assert_non_null(why);
	stk_secret_free(secret);
	return e;
}

#define KEY43 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static void key_files_keep_others_out(void **state)
{
	(void)state;
	put("good.key", "ed25519:" KEY43 "\n", 0400);
	assert_int_equal(load("good.key"), STK_OK);
	put("good.key", "hmac-sha256:" KEY43, 0440);
	assert_int_equal(load("good.key"), STK_OK);
	put("open.key", "ed25519:" KEY43 "\n", 0444);
	assert_int_equal(load("open.key"), STK_E_REFUSED);
	put("open.key", "ed25519:" KEY43 "\n", 0600);
	assert_int_equal(load("open.key"), STK_E_REFUSED);
	put("open.key", "ed25519:" KEY43 "\n", 0460);
	assert_int_equal(load("open.key"), STK_E_REFUSED);
	assert_int_equal(load("absent.key"), STK_E_SYSTEM);
	assert_int_equal(load("."), STK_E_REFUSED);
}

static void key_files_have_one_line(void **state)
{
	static const char *const bad[] = { "", "\n", KEY43, "ed25519:" KEY43 "\n\n",
		"ed25519:" KEY43 " ", "rsa:" KEY43, "ed25519:" KEY43 "A",
		"ed25519:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9", "ed25519:short", NULL };

	(void)state;
	for (size_t i = 0; bad[i] != NULL; i++) {
		put("bad.key", bad[i], 0400);
		assert_int_equal(load("bad.key"), STK_E_FORMAT);
	}
}

static void a_symlink_may_not_leave_its_folder(void **state)
{
	char path[128], target[128];

	(void)state;
	/* as Kubernetes mounts a Secret: name -> ..data/name, ..data -> a dated folder */
	(void)snprintf(path, sizeof(path), "%s/..2026", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	put("..2026/k.key", "ed25519:" KEY43 "\n", 0400);
	(void)snprintf(path, sizeof(path), "%s/..data", dir);
	assert_int_equal(symlink("..2026", path), 0);
	(void)snprintf(path, sizeof(path), "%s/k.key", dir);
	assert_int_equal(symlink("..data/k.key", path), 0);
	assert_int_equal(load("k.key"), STK_OK);
	(void)snprintf(path, sizeof(path), "%s/out.key", dir);
	(void)snprintf(target, sizeof(target), "%s/..2026/k.key", dir);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(load("out.key"), STK_E_REFUSED);
}

static int make_dir(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/stk-seal-XXXXXX");
	return mkdtemp(dir) != NULL && stk_seal_init() == STK_OK ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = { "good.key", "open.key", "bad.key", "k.key", "out.key",
		"..2026/k.key", "..data" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	(void)snprintf(path, sizeof(path), "%s/..2026", dir);
	(void)rmdir(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ed25519_agrees_with_the_rfc),
		cmocka_unit_test(hmac_agrees_with_the_rfc),
		cmocka_unit_test(sha256_agrees_with_fips),
		cmocka_unit_test(refuses_public_keys_that_fit_every_message),
		cmocka_unit_test(base64url_has_one_spelling),
		cmocka_unit_test(a_forked_child_has_no_secret),
		cmocka_unit_test(hidden_pages_are_closed_to_proc_as_well),
		cmocka_unit_test(key_files_keep_others_out),
		cmocka_unit_test(key_files_have_one_line),
		cmocka_unit_test(a_symlink_may_not_leave_its_folder),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
