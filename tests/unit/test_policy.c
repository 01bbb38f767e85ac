/*
 * test_policy.c - the policy file and the key ring deny by default and are read all or nothing.
 */
#include "tests/harness.h"

#include "worker/policy.h"
#include "worker/watch.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PUB1  "9atclDjI3V3CoqOlzWi2XJR-GYXJ1BnY2IF17bi7r4Q"
#define PUB2  "I_Cvj-F7xrOX8EjPQdXjiQ9l9xD3VnHpaWDNRnf1k4Q"
#define TIMES "iat_from = \"2026-01-01T00:00:00Z\"; iat_to = \"2027-01-01T00:00:00Z\"; "
#define KEY1  "{ kid = \"web-1\"; alg = \"ed25519\"; public = \"" PUB1 "\"; " TIMES "}"
#define KEY2  "{ kid = \"web-2\"; alg = \"ed25519\"; public = \"" PUB2 "\"; " TIMES "}"
#define GRANT "{ queues = [ \"images\" ]; classes = [ \"Resize\" ]; max_body = \"1K\"; }"
#define LIMITS                                                                                  \
	"max_runs = 5; max_delay = \"7d\"; max_window = \"1d\"; rate = \"50/s\"; burst = 200; " \
	"park_max = 20000; quarantine_max = 1000; "
#define ONE(keys, grants, limits)                                                             \
	"audiences = [ \"prod\" ];\nprincipals = ( { name = \"web\";\nkeys = ( " keys " );\n" \
	"grants = ( " grants " );\n" limits "} );\n"

static char dir[64];

static enum stk_err parse(const char *text, struct stk_keyring **r, struct stk_conf_error *e)
{
	memset(e, 0, sizeof(*e));
	return stk_policy_parse("p.conf", dir, (const uint8_t *)text, strlen(text), r, e);
}

static void refused(const char *text, const char *part)
{
	struct stk_keyring *r;
	struct stk_conf_error e;

	if (parse(text, &r, &e) == STK_OK)
		fail_msg("accepted, though: %s", part);
	assert_null(r);
	if (strstr(e.sentence, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", e.sentence, part);
}

static void reads_a_whole_policy(void **state)
{
	static const char text[] = ONE(KEY1 "," KEY2, GRANT, LIMITS);
	struct stk_keyring *r;
	struct stk_conf_error e;
	uint8_t digest[STK_SHA256_LEN];

	(void)state;
	if (parse(text, &r, &e) != STK_OK)
		fail_msg("%s", e.sentence);
	assert_int_equal(r->n_keys, 2);
	assert_int_equal(r->n_principals, 1);
	assert_int_equal(r->principals[0].max_delay_s, 604800);
	assert_int_equal(r->principals[0].rate_per_h, 180000);
	assert_true(stk_keyring_has_audience(r, stk_span_str("prod")));
	assert_false(stk_keyring_has_audience(r, stk_span_str("pro")));
	assert_non_null(stk_keyring_find(r, stk_span_str("web-2")));
	assert_null(stk_keyring_find(r, stk_span_str("WEB-2")));
	assert_int_equal(stk_keyring_find(r, stk_span_str("web-1"))->iat_to_s, 1798761600);
	stk_sha256(stk_span_str(text), digest);
	assert_memory_equal(r->digest, digest, sizeof(digest));
	stk_keyring_free(r);
}

/* ref=r.<old id> says that an operator looked at a refused job: nobody else may say so. */
static void only_an_operator_may_say_signed_again(void **state)
{
	static const struct {
		const char *ref;
		enum stk_verdict other;
	} refs[] = { { "r.0123456789abcdef0123456789abcdef", STK_V_E_POLICY_DENIED },
		{ "r.", STK_V_E_POLICY_DENIED }, { "r", STK_V_ACCEPT }, { "-", STK_V_ACCEPT },
		{ "o.r.1", STK_V_ACCEPT }, { "R.1", STK_V_ACCEPT }, { "", STK_V_ACCEPT } };
	static const char *const texts[] = { ONE(KEY1, GRANT, LIMITS),
		ONE(KEY1, GRANT, LIMITS "operator = false; "),
		ONE(KEY1, GRANT, LIMITS "operator = true; ") };
	struct stk_envelope e = { .cls = stk_span_str("Resize"), .runs = 1, .exp_s = 1 };
	struct stk_span images = stk_span_str("images");

	(void)state;
	for (size_t t = 0; t < STK_ARRAY_LEN(texts); t++) {
		struct stk_conf_error error;
		struct stk_keyring *r;

		assert_int_equal(parse(texts[t], &r, &error), STK_OK);
		assert_int_equal(r->principals[0].is_operator, t == 2);
		for (size_t i = 0; i < STK_ARRAY_LEN(refs); i++) {
			e.ref = stk_span_str(refs[i].ref);
			assert_int_equal(stk_keyring_allows(&r->principals[0], images, &e, 2),
			    t == 2 ? STK_V_ACCEPT : refs[i].other);
		}
		stk_keyring_free(r);
	}
	refused(ONE(KEY1, GRANT, LIMITS "operator = 1; "), "operator");
}

static void the_example_is_a_valid_policy(void **state)
{
	struct stk_keyring *r;
	struct stk_conf_error e;

	(void)state;
	if (stk_policy_load("contrib/policy.conf", &r, &e) != STK_OK)
		fail_msg("%s", e.sentence);
	assert_int_equal(r->n_keys, 2);
	assert_true(stk_keyring_find(r, stk_span_str("web-2025c"))->revoked);
	stk_keyring_free(r);
}

static void refuses_whatever_it_does_not_know(void **state)
{
	(void)state;
	refused("", "`audiences` is missing");
	refused("audiences = [ \"prod\" ];", "`principals` is missing");
	refused(ONE(KEY1, GRANT, "max_runs = 5; "), "`max_delay` is missing in `principals`");
	refused(ONE(KEY1, GRANT, LIMITS "ratte = \"1/s\"; "), "did you mean `rate`?");
	refused(ONE("", GRANT, LIMITS), "`keys` has 0 entries");
	refused(ONE(KEY1, "", LIMITS), "`grants` has 0 entries");
	refused(
	    ONE(KEY1, "{ queues = [ \"*\" ]; classes = [ \"R\" ]; max_body = \"1K\"; }", LIMITS),
	    "no wildcards");
	refused(
	    ONE(KEY1, "{ queues = [ \"q\" ]; classes = [ \"Img*\" ]; max_body = \"1K\"; }", LIMITS),
	    "no wildcards");
	refused(ONE(KEY1, "{ queues = [ \"q\", \"q\" ]; classes = [ \"R\" ]; max_body = \"1K\"; }",
		    LIMITS),
	    "twice");
	refused(ONE(KEY1, "{ queues = [ \"q\" ]; classes = [ \"R\" ]; }", LIMITS),
	    "`max_body` is missing in `grants`");
	refused("audiences = [ \"a b\" ]; principals = ( { name = \"w\"; keys = ( " KEY1
		" ); grants = ( " GRANT " ); " LIMITS "} );",
	    "an audience is");
}

static void refuses_keys_that_repeat_or_are_weak(void **state)
{
	(void)state;
	refused(
	    ONE(KEY1 "," KEY1, GRANT, LIMITS), "p.conf:3: key \"web-1\": this kid is listed twice");
	refused(ONE(KEY1 ",{ kid = \"web-9\"; alg = \"ed25519\"; public = \"" PUB1 "\"; " TIMES "}",
		    GRANT, LIMITS),
	    "the same key material");
	refused(ONE("{ kid = \"z\"; alg = \"ed25519\"; public = "
		    "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"; " TIMES "}",
		    GRANT, LIMITS),
	    "small order");
	refused(ONE("{ kid = \"z\"; alg = \"ed25519\"; public = \"" PUB1 "=\"; " TIMES "}", GRANT,
		    LIMITS),
	    "not 43 characters");
	refused(ONE("{ kid = \"z\"; alg = \"none\"; " TIMES "}", GRANT, LIMITS),
	    "it is one of: ed25519, hmac-sha256");
	refused(
	    ONE("{ kid = \"z\"; alg = \"ed25519\"; " TIMES "}", GRANT, LIMITS), "wants `public`");
	refused(ONE("{ kid = \"z\"; alg = \"hmac-sha256\"; public = \"" PUB1 "\"; " TIMES "}",
		    GRANT, LIMITS),
	    "wants `secret_file` and no `public`");
	refused(ONE("{ kid = \"a b\"; alg = \"ed25519\"; public = \"" PUB1 "\"; " TIMES "}", GRANT,
		    LIMITS),
	    "a kid is 1 to 64");
	refused(ONE("{ kid = \"z\"; alg = \"ed25519\"; public = \"" PUB1
		    "\"; iat_from = \"2027-01-01T00:00:00Z\"; iat_to = \"2026-01-01T00:00:00Z\"; }",
		    GRANT, LIMITS),
	    "iat_from must be before iat_to");
}

static void put_key(const char *line, mode_t mode)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/h.key", dir);
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static void hmac_secrets_come_from_private_files(void **state)
{
	static const char text[] =
	    ONE("{ kid = \"h\"; alg = \"hmac-sha256\"; secret_file = \"h.key\"; " TIMES "}", GRANT,
		LIMITS);
	struct stk_keyring *r;
	struct stk_conf_error e;

	(void)state;
	refused(text, "h.key cannot be opened");
	put_key("hmac-sha256:" PUB1 "\n", 0400);
	if (parse(text, &r, &e) != STK_OK)
		fail_msg("%s", e.sentence);
	assert_non_null(r->keys[0].secret);
	assert_int_equal(r->keys[0].secret[0], 0xf5);
	stk_keyring_free(r);
	put_key("hmac-sha256:" PUB1 "\n", 0644);
	refused(text, "chmod 0400");
	put_key("ed25519:" PUB1 "\n", 0400);
	refused(text, "an ed25519 seed, which no worker needs");
}

static void grants_are_exact_and_their_sum(void **state)
{
	struct stk_keyring *r;
	struct stk_conf_error err;
	struct stk_envelope e = {
		.cls = stk_span_str("Resize"), .iat_s = 0, .nbf_s = 0, .exp_s = 10, .runs = 5
	};
	const struct stk_principal *p;
	const struct stk_span images = stk_span_str("images"), low = stk_span_str("low");

	(void)state;
	assert_int_equal(
	    parse(ONE(KEY1,
		      GRANT ",{ queues = [ \"images\", \"low\" ]; classes = [ \"Resize\" ]; "
			    "max_body = \"2K\"; }",
		      LIMITS),
		&r, &err),
	    STK_OK);
	p = &r->principals[0];
	assert_int_equal(stk_keyring_allows(p, images, &e, 1024), STK_V_ACCEPT);
	assert_int_equal(stk_keyring_allows(p, images, &e, 2048), STK_V_ACCEPT);
	assert_int_equal(stk_keyring_allows(p, images, &e, 2049), STK_V_E_POLICY_SIZE);
	assert_int_equal(stk_keyring_allows(p, low, &e, 2), STK_V_ACCEPT);
	assert_int_equal(
	    stk_keyring_allows(p, stk_span_str("other"), &e, 2), STK_V_E_POLICY_DENIED);
	e.cls = stk_span_str("resize");
	assert_int_equal(stk_keyring_allows(p, images, &e, 2), STK_V_E_POLICY_DENIED);
	e.cls = stk_span_str("Resize");
	e.runs = 6;
	assert_int_equal(stk_keyring_allows(p, images, &e, 2), STK_V_E_POLICY_RUNS);
	e.runs = 5;
	e.nbf_s = 604801;
	e.exp_s = 604802;
	assert_int_equal(stk_keyring_allows(p, images, &e, 2), STK_V_E_POLICY_DELAY);
	e.nbf_s = 604800;
	e.exp_s = 604800 + 86401;
	assert_int_equal(stk_keyring_allows(p, images, &e, 2), STK_V_E_POLICY_WINDOW);
	stk_keyring_free(r);
}

static int make_dir(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/stk-policy-XXXXXX");
	return mkdtemp(dir) != NULL && stk_seal_init() == STK_OK ? 0 : -1;
}

static int remove_dir(void **state)
{
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/h.key", dir);
	(void)unlink(path);
	return rmdir(dir);
}

/* Two policies of one name, put there in turn without end by a process of its own. */
static void swap_for_ever(const char *const two[2], const char *path)
{
	char next[128];

	(void)snprintf(next, sizeof(next), "%s.next", path);
	for (unsigned i = 0;; i++) {
		int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		if (fd == -1 || write(fd, two[i % 2], strlen(two[i % 2])) < 1 || close(fd) == -1 ||
		    rename(next, path) == -1)
			_exit(1);
	}
}

static void digest_now(const char *path, uint8_t out[STK_SHA256_LEN])
{
	static char text[8192];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, text, sizeof(text));

	assert_true(n > 0);
	(void)close(fd);
	stk_sha256(stk_span_of(text, (size_t)n), out);
}

/* What is written while it is read must be seen as another file at the next look. */
static void a_file_that_changes_under_the_reader_is_another(void **state)
{
	static const char *const two[2] = { ONE(KEY1, GRANT, LIMITS), ONE(KEY2, GRANT, LIMITS) };
	struct stk_conf_error e = { 0 };
	uint8_t digest[STK_SHA256_LEN];
	struct stk_keyring *r;
	char path[96];
	int status, fd;
	pid_t pid;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/swapped.conf", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd != -1 && write(fd, two[0], strlen(two[0])) > 0 && close(fd) == 0);
	pid = fork();
	if (pid == 0)
		swap_for_ever(two, path);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(stk_policy_load(path, &r, &e), STK_OK);
		assert_int_equal(kill(pid, SIGSTOP), 0);
		assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
		assert_true(WIFSTOPPED(status));
		digest_now(path, digest);
		if (stk_policy_seen(path, r) == r->seen)
			assert_memory_equal(digest, r->digest, sizeof(digest));
		stk_keyring_free(r);
		assert_int_equal(kill(pid, SIGCONT), 0);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	/* and one that did not change is the same, once it is no longer young */
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd != -1 && write(fd, two[0], strlen(two[0])) > 0 && close(fd) == 0);
	(void)usleep(2 * STK_WATCH_YOUNG_MS * 1000);
	assert_int_equal(stk_policy_load(path, &r, &e), STK_OK);
	assert_true(stk_policy_seen(path, r) == r->seen);
	stk_keyring_free(r);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/swapped.conf.next", dir);
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_whole_policy),
		cmocka_unit_test(only_an_operator_may_say_signed_again),
		cmocka_unit_test(the_example_is_a_valid_policy),
		cmocka_unit_test(refuses_whatever_it_does_not_know),
		cmocka_unit_test(refuses_keys_that_repeat_or_are_weak),
		cmocka_unit_test(hmac_secrets_come_from_private_files),
		cmocka_unit_test(a_file_that_changes_under_the_reader_is_another),
		cmocka_unit_test(grants_are_exact_and_their_sum),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
